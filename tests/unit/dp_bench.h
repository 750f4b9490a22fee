/* dp_bench.h - several dps polled by one thread, every promise checked. */
#pragma once

#include "tests/unit/dp_conformance.h"

#include <setjmp.h>

/*
 * An end is one end of a connection, followed through all dps it visits. What
 * it sends is a stream of bytes that follow from its key and the position, so
 * that the other end knows each byte it has to get. The bench itself checks
 * with each event what must always hold:
 *
 *  - the event names a connection that is there, with its latest cookie and
 *    the dp's tag, which is in a parcel too;
 *  - RECEIVED brings the next bytes of the stream, never while held, never
 *    after EOF, and they stay the same until they are recycled;
 *  - SENT names the send in flight, and is short only on the way to an end;
 *  - ACCEPTED is the last one of its connection in that poll;
 *  - CLOSED and DETACHED come once, and no send is in flight then.
 */
#define BENCH_DPS       4
#define BENCH_ENDS      1024
#define BENCH_VIEWS     24
#define BENCH_STEPS_MAX 100000
#define BENCH_NO_END    UINT32_MAX

enum end_state {
	END_FREE,
	END_CONNECTING,
	END_OPEN,
	END_DETACHED, /* the parcel is here */
	END_CLOSED,
};

struct end {
	uint8_t state; /* enum end_state */
	bool held;
	bool killed;
	bool detaching;
	bool shut;
	bool eof;
	bool sending;
	uint32_t dp; /* where it is, or was last */
	uint32_t peer;
	uint32_t visit; /* number of attaches, part of the cookie */
	dp_conn conn;
	int32_t closed_result;
	struct dp_parcel parcel;
	uint64_t key;
	uint64_t tx_bytes; /* told as sent */
	uint64_t tx_goal;  /* send on until here */
	uint64_t rx_bytes;
	uint8_t *tx_data; /* of the send in flight */
	uint32_t tx_len;
	uint64_t tx_tag;
	uint32_t send_max; /* longest send of the pump */
};

struct bench_view {
	uint32_t dp;
	struct dp_view view;
	uint64_t key;
	uint64_t position;
};

struct bench {
	const struct dp_factory *factory;
	const char *name;
	uint64_t seed;
	uint64_t random;
	struct dp *dps[BENCH_DPS];
	struct end ends[BENCH_ENDS];
	uint32_t accepted; /* the end that came in last, or BENCH_NO_END */
	struct bench_view views[BENCH_VIEWS];
	uint32_t view_count;
	uint32_t view_keep;  /* keep up to so many for a while */
	uint32_t events_max; /* of one poll, at most */
	uint64_t next_tag;
	jmp_buf fail;
};

/* Leaves the case at once when cond does not hold. */
#define CHECK(b, cond)                                            \
	do {                                                      \
		if (!(cond))                                      \
			bench_fail(b, __FILE__, __LINE__, #cond); \
	} while (0)

/* Runs steps until cond holds; leaves the case when it never does. */
#define UNTIL(b, cond)                                        \
	do {                                                  \
		uint32_t steps_ = 0;                          \
		while (!(cond) && steps_++ < BENCH_STEPS_MAX) \
			bench_step(b);                        \
		CHECK(b, cond);                               \
	} while (0)

_Noreturn void bench_fail(struct bench *b, const char *file, int line,
			  const char *what);

/* A number below limit, from the seed. */
uint64_t bench_random(struct bench *b, uint64_t limit);

/* The dp number index, made on first use. */
struct dp *bench_dp(struct bench *b, uint32_t index);
void bench_destroy_dp(struct bench *b, uint32_t index);

/* Polls one dp once. Returns the number of events. */
uint32_t bench_poll(struct bench *b, uint32_t dp);

/* Polls every dp once, and pumps. Time passes when nothing happened. */
void bench_step(struct bench *b);
void bench_steps(struct bench *b, uint32_t count);

/* Listens at the n-th address; *bound is what to connect to. */
void bench_listen(struct bench *b, uint32_t dp, uint32_t n, struct addr *bound);

/* Starts to connect; BENCH_NO_END when the dp says -ENOSPC. */
uint32_t bench_connect(struct bench *b, uint32_t dp, const struct addr *addr);

/* Connects from dp to addr; both ends are open then. */
void bench_pair(struct bench *b, uint32_t dp, const struct addr *addr,
		uint32_t *connected, uint32_t *accepted);

/* Sends the next len bytes of the end's stream in random spans. */
int bench_send(struct bench *b, uint32_t end, uint32_t len);

/* Gives back the last len bytes that a held end received. */
int bench_unread(struct bench *b, uint32_t end, uint32_t len);

int bench_hold(struct bench *b, uint32_t end);
int bench_unhold(struct bench *b, uint32_t end);
int bench_detach(struct bench *b, uint32_t end);
int bench_attach(struct bench *b, uint32_t end, uint32_t dp);
int bench_shutdown(struct bench *b, uint32_t end);
int bench_kill(struct bench *b, uint32_t end);

/* Kills what is open, discards what is detached; all ends end. */
void bench_close_all(struct bench *b);

/* The end's slot may be used again. */
void bench_forget(struct bench *b, uint32_t end);

/* True when all that peers sent to it has come. */
bool bench_received_all(const struct bench *b, uint32_t end);

/* Recycles the views that were kept. */
void bench_recycle_all(struct bench *b);

/* The cases, by file. */
void case_streams(struct bench *b);
void case_eager(struct bench *b);
void case_busy(struct bench *b);
void case_kill_send(struct bench *b);
void case_kill_connecting(struct bench *b);
void case_half_close(struct bench *b);
void case_shutdown_behind_send(struct bench *b);
void case_refused(struct bench *b);
void case_stale(struct bench *b);
void case_full(struct bench *b);
void case_churn(struct bench *b);
void case_wake(struct bench *b);
void case_deadline(struct bench *b);
void case_info(struct bench *b);
void case_destroy(struct bench *b);
void case_hold(struct bench *b);
void case_unread(struct bench *b);
void case_hold_eof(struct bench *b);
void case_move(struct bench *b);
void case_move_blocked(struct bench *b);
void case_discard(struct bench *b);
void case_attach_full(struct bench *b);
void case_chaos(struct bench *b);

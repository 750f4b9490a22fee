/* tcp_run_internal.h - a run from within: ends, owners, plans. */
#pragma once

#include "dataplane/sim/cable.h"
#include "dataplane/sim/prng.h"
#include "tests/sim/tcp_run.h"
#include "tests/sim/tcp_watch.h"

#define RUN_CONNS   3
#define RUN_VIEWS   64
#define RUN_ARRIVED 64
#define RUN_PORT    7000 /* of conn 0; the passive side listens there */
#define RUN_LOCAL   9000

struct run;
struct run_end;

/* Bytes that were received and not recycled. */
struct run_view {
	uint64_t at_ns; /* when it goes back */
	uint32_t len;
	uint32_t stack;  /* ours: which has it, */
	uint32_t buffer; /* and its name there */
	const uint8_t *data;
	bool moved; /* its connection has left that stack */
};

enum run_finish {
	FINISH_FIRST, /* shutdown when all is sent, close after EOF */
	FINISH_AFTER, /* shutdown after EOF, when all is sent */
	FINISH_CLOSE, /* close when all is sent; the other sends nothing */
	FINISH_RUDE,  /* close when all is sent, whatever the other does */
	FINISH_KILL,  /* at a given count of bytes */
};

struct run_plan {
	uint64_t total;       /* to send */
	uint32_t chunk_max;   /* of one send */
	uint64_t think_ns;    /* between two sends, at most */
	uint64_t keep_ns;     /* a view is recycled within, at most */
	uint16_t hold_chance; /* of 10,000, per event */
	uint64_t hold_ns;
	uint16_t move_chance; /* per pass */
	uint64_t away_ns;
	uint64_t kill_at; /* bytes sent and received */
	enum run_finish finish;
};

/* One side of a connection, as its owner sees it. */
struct run_app {
	struct run_plan plan;
	uint64_t sent; /* taken by the stack */
	uint64_t received;
	uint64_t recycled;
	uint64_t send_ns;   /* not before */
	uint64_t close_ns;  /* 0: not decided yet */
	uint64_t unhold_ns; /* NS_NEVER: not held */
	struct run_view views[RUN_VIEWS];
	uint32_t view_count;
	bool open;
	bool away;    /* between two stacks: nothing can be asked of it */
	bool blocked; /* until WRITABLE */
	bool eof;
	bool shut;
	bool shut_after_eof;
	bool closed;
	int result;
};

struct run_conn {
	struct run_app app[2]; /* by side */
	uint32_t active;       /* which side connects */
	uint16_t port[2];      /* by side */
	uint64_t start_ns;
	bool started;
	bool clean; /* everything must arrive: nobody kills or is rude */
};

struct run_end_calls {
	/* A frame that arrived, up to all that are due now. */
	void (*input)(struct run_end *end);
	void (*advance)(struct run_end *end);
	/* Hands on what there is to tell. */
	void (*tell)(struct run_end *end);
	void (*flush)(struct run_end *end);
	uint64_t (*deadline)(struct run_end *end);
	int (*listen)(struct run_end *end, uint32_t conn);
	int (*connect)(struct run_end *end, uint32_t conn);
	uint32_t (*send)(struct run_end *end, uint32_t conn,
			 const uint8_t *data, uint32_t len);
	void (*recycle)(struct run_end *end, uint32_t conn,
			const struct run_view *view);
	void (*hold)(struct run_end *end, uint32_t conn, bool held);
	void (*shutdown)(struct run_end *end, uint32_t conn);
	void (*close)(struct run_end *end, uint32_t conn);
	void (*kill)(struct run_end *end, uint32_t conn);
	/* Takes back what was just received, and holds; false: it cannot. */
	bool (*unread)(struct run_end *end, uint32_t conn,
		       const struct run_view *view);
	/* Moves the connection to another stack; false: it cannot. */
	bool (*move)(struct run_end *end, uint32_t conn);
	/* NULL, or the rule that does not hold. */
	const char *(*check)(struct run_end *end);
	/* When nothing should be left. */
	const char *(*check_empty)(struct run_end *end);
	/* Connections that were in TIME-WAIT; UINT64_MAX: it does not know. */
	uint64_t (*waits)(struct run_end *end);
	/* What happened, for the tally. */
	void (*tally)(struct run_end *end);
	void (*fini)(struct run_end *end);
};

/* A frame that arrived; the bytes are its own. */
struct run_frame {
	uint8_t *data;
	uint32_t len;
};

struct run_end {
	const struct run_end_calls *calls;
	struct run *run;
	uint32_t side;
	struct run_frame arrived[RUN_ARRIVED];
	uint32_t arrived_count;
	uint64_t noted_ns; /* its deadline */
	uint64_t wake_ns;  /* and when it is woken: timers may be late */
	bool more;         /* there was more to tell */
	bool one_by_one;   /* frames are taken in singly */
	void *own;
};

struct run {
	struct run_wish wish;
	struct run_tally *tally;
	struct sim_prng prng;
	struct sim_faults faults;
	uint64_t fault_count[SIM_FAULT_COUNT]; /* of the ends' */
	struct sim_cable *cable;
	struct run_end end[2];
	struct run_conn conn[RUN_CONNS];
	uint32_t conn_count;
	uint64_t start_ns;
	uint64_t now_ns;
	uint64_t progress_ns; /* when a byte came or a connection changed */
	uint32_t address[2];
	uint32_t mtu;
	struct tcp_watch watch[2]; /* of ours */
	char failure[RUN_FAIL];
};

/* tcp_run.c */
void run_fail(struct run *run, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void run_say(struct run *run, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
uint64_t run_below(struct run *run, uint64_t limit);
bool run_rolls(struct run *run, uint16_t chance);
bool run_fault(struct run *run, enum sim_fault fault);
void run_emit(struct run_end *end, const uint8_t *frame, uint32_t len);
void run_count(struct run *run, enum run_event event, uint64_t times);

/* tcp_plan.c: everything that the seed decides beforehand. */
void run_plan(struct run *run);

/* tcp_app.c: the owners. */
void app_opened(struct run *run, uint32_t side, uint32_t conn);
void app_received(struct run *run, uint32_t side, uint32_t conn,
		  const struct run_view *view);
void app_writable(struct run *run, uint32_t side, uint32_t conn);
void app_eof(struct run *run, uint32_t side, uint32_t conn);
void app_closed(struct run *run, uint32_t side, uint32_t conn, int result);
void app_act(struct run *run, uint32_t side);
uint64_t app_deadline(const struct run *run, uint32_t side);
bool app_all_over(const struct run *run);
void app_check_end(struct run *run);

/* tcp_ours.c, tcp_lwip.c: the ends. */
void ours_start(struct run *run, uint32_t side);
/* Returns false when there is no such variant. */
bool lwip_start(struct run *run, uint32_t side);

static inline struct run_app *run_app(struct run *run, uint32_t side,
				      uint32_t conn)
{
	return &run->conn[conn].app[side];
}

/* tcp_script.h - one TCP script under way: the stack, time, what it has said.
 */
#pragma once

#include "dataplane/tcp/counters.h"
#include "dataplane/tcp/tcp.h"
#include "tests/script/tcp_text.h"

#define SCRIPT_CONNS  8
#define SCRIPT_VIEWS  64
#define SCRIPT_FRAMES 256
#define SCRIPT_EVENTS 256

/* A connection between us and the peer that the script plays. */
struct script_conn {
	uint16_t our_port;
	uint16_t peer_port;
	uint32_t our_isn; /* from the last SYN of ours */
	uint32_t our_end; /* behind the highest number we sent */
	uint32_t peer_isn;
	uint32_t received; /* bytes told, from relative 1 on */
	uint32_t sent;     /* bytes given to tcp_send */
	bool ts;           /* agreed on */
	bool ts_known;     /* our_ts is */
	uint32_t our_ts;   /* of the first SYN of ours: relative 0 */
	uint32_t last_ts;  /* our last TSval */
	tcp_flow flow;
	struct tcp_view views[SCRIPT_VIEWS];
	uint32_t view_count;
	uint8_t *image;
	size_t image_size;
};

struct script_raw {
	uint32_t len;
	uint8_t *bytes;
};

struct script {
	const char *path;
	uint32_t line;
	char failure[1024]; /* empty: none yet */
	struct tcp_config config;
	struct arena arena;
	struct tcp_stack *stack; /* NULL until the first line that needs it */
	uint64_t start_ns;
	uint64_t now_ns;
	struct script_conn conns[SCRIPT_CONNS];
	struct script_conn *conn; /* the one that lines are about */
	struct script_raw out[SCRIPT_FRAMES];
	uint32_t out_head;
	uint32_t out_tail;
	struct tcp_event events[SCRIPT_EVENTS];
	uint32_t event_head;
	uint32_t event_tail;
	struct tcp_frame batch[TCP_BATCH]; /* to be given as one */
	uint32_t batch_count;
	bool batching;
	bool keep_views;
	bool slow_owner;   /* takes no events */
	bool no_neighbour; /* ARP is the script's business */
	enum tcp_unknown unknown;
	uint32_t kept;   /* frames not released */
	uint32_t checks; /* expectations met */
};

/* Notes a failure, the first one only. */
__attribute__((format(printf, 2, 3))) void script_fail(struct script *script,
						       const char *form, ...);

/* Makes the stack, and the peer known to it. */
void script_start(struct script *script);
void script_end(struct script *script);

/* Puts a frame in, or with batching: later. */
void script_inject(struct script *script, const struct script_frame *frame);
void script_batch_end(struct script *script);

/* What a pass does behind a call: takes events, flushes, looks for damage. */
void script_settle(struct script *script);

/* Lets time pass, timer by timer. */
void script_wait(struct script *script, uint64_t ns);

/* The next frame must be this one. */
void script_expect(struct script *script, const struct script_frame *want);

/* The next event must be as a line says: kind, and bytes or error. */
void script_expect_event(struct script *script, const char *text);

/* Nothing may be left that was not expected. */
void script_expect_nothing(struct script *script);

/* Gives the oldest views of the connection back. */
void script_recycle(struct script *script, uint32_t count);

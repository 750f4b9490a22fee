/* control.h - the control socket: what operators and tools say to a daemon. */
#pragma once

#include "core/control_reader.h"
#include "core/drain.h"
#include "core/peer.h"
#include "core/pool.h"
#include "core/shard.h"

/*
 * A part of the control shard. Lines of JSON on a unix socket:
 *
 *   daemon: {"Flushmark": {"version": "0.1.0", "capabilities": []}}
 *   client: {"execute": "move", "arguments": {...}, "id": 1}
 *   daemon: {"return": {...}, "id": 1}
 *           {"error": {"class": "NotFound", "desc": "..."}, "id": 1}
 *           {"event": "MOVE_STATE", "data": {...}, "timestamp": {...}}
 *
 * Events go to connections that executed "subscribe". Answers come in the
 * order their work ends, so clients that ask several things name them by id.
 */
#define CONTROL_CONNS_MAX 32
#define CONTROL_LISTS_MAX 8
#define CONTROL_MOVES_MAX 256
#define CONTROL_ASKS_MAX  32

/* Unread answers of one connection; a client that stops reading is closed. */
#define CONTROL_QUEUE_BYTES_MAX ((size_t)64 << 20)
/* Above this events are left out, and counted. */
#define CONTROL_EVENTS_BYTES_MAX ((size_t)4 << 20)

struct control;

/* Bytes for one connection: one buffer is being sent, the other filled. */
struct control_queue {
	char *bytes;
	size_t len;
	size_t cap;
};

struct control_conn {
	dp_conn conn; /* 0: the slot is free */
	uint32_t serial;
	bool subscribed;
	bool closing; /* nothing more is read: closed when all is answered */
	bool ended;   /* killed: CLOSED is awaited */
	bool sending;
	uint32_t calls; /* not answered yet */
	struct control_reader reader;
	struct control_queue queue;
	struct control_queue flight;
	size_t flight_at;
	uint64_t events_missed;
};

/* Whom to answer, later: a connection that may have gone, and its id. */
struct control_caller {
	uint32_t conn;
	uint32_t serial; /* 0: nobody waits */
	json_t *id;      /* owned */
};

/* The guests of all shards, asked for in pieces. */
struct control_list {
	bool used;
	bool retry; /* the shard's ring was full */
	uint8_t shard;
	uint8_t only; /* this shard and no other, or SHARD_CONTROL: all */
	uint32_t serial;
	uint32_t first;
	void (*row)(struct control *, struct control_list *,
		    const struct op_row *);
	void (*end)(struct control *, struct control_list *, int err);
	struct control_caller caller;
	json_t *rows;
	char guest[NAME_BYTES]; /* filter, "" for all */
};

struct control_move {
	uint64_t job; /* 0: free */
	struct control_caller caller;
	char guest[NAME_BYTES];
};

/* An order about a guest's move, put to one shard after the other. */
struct control_ask {
	uint32_t serial;
	uint16_t op;
	uint8_t shard; /* whose turn it is */
	uint8_t heard; /* enum move_heard, the most so far */
	uint32_t order_bytes;
	uint8_t order[NAME_BYTES]; /* payload of op; begins with the guest */
	/* Answers the caller by what was heard; NULL: the slot is free. */
	void (*end)(struct control *, struct control_ask *);
	struct control_caller caller;
};

/* A peer of the config, as the shards' links to it tell. */
struct control_peer {
	uint8_t links_up;
	uint16_t node;          /* of the other end, when it was up last */
	char why[REASON_BYTES]; /* it cannot be used; "": it can, or nobody
				 * has tried */
	uint64_t since_ns;      /* of why */
};

struct control {
	struct shard *shard;
	struct pool *pool;
	uint64_t started_ns;
	bool stop;
	uint32_t serial;
	uint64_t last_job;
	struct control_conn conns[CONTROL_CONNS_MAX];
	struct control_list lists[CONTROL_LISTS_MAX];
	struct control_move moves[CONTROL_MOVES_MAX];
	struct control_ask asks[CONTROL_ASKS_MAX];
	struct control_peer peers[CONFIG_PEER_MAX];
	struct drain drain; /* the one under way, or the last */
	uint64_t drain_job;
	uint32_t drain_list; /* serial of the list it is made from */
	struct control_caller drain_caller;
};

/* Adds PART_CONTROL to the control shard and listens. 0 or -errno. */
int control_init(struct control *control, struct shard *shard,
		 const struct addr *listen);

/* Frees what it allocated; the connections end with the dp. */
void control_fini(struct control *control);

/* True once an operator asked the daemon to stop. Control thread. */
bool control_wants_stop(const struct control *control);

/* Timers the part needs. */
#define CONTROL_TIMERS     (CONTROL_LISTS_MAX + 2)
#define CONTROL_TIMER_PUMP CONTROL_LISTS_MAX
#define CONTROL_TIMER_TELL (CONTROL_LISTS_MAX + 1)

/* --- private to core/control*.c ---------------------------------------- */

struct control_call {
	struct control_caller *caller; /* take it to answer later */
	struct control_conn *conn;
	const json_t *arguments; /* checked */
};

struct control_command {
	const char *name;
	const char *help;
	const struct control_argument *arguments;
	void (*run)(struct control *, struct control_call *);
};

extern const struct control_command control_commands[];

/* control_answer.c: bytes of a connection; value is taken over. */
void control_put_line(struct control *control, struct control_conn *conn,
		      json_t *value);
void control_send_more(struct control *control, struct control_conn *conn);
void control_end_conn(struct control *control, struct control_conn *conn);
/* Answers; value is taken over. They clear the caller. */
void control_return(struct control *control, struct control_caller *caller,
		    json_t *value);
void control_error(struct control *control, struct control_caller *caller,
		   const char *class, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void control_event(struct control *control, const char *name, json_t *data);
/* Moves the right to answer to another place. */
void control_take_caller(struct control_caller *to,
			 struct control_caller *from);

/* The tag of what we ask the shards: kind in the top byte. */
enum control_tag {
	CONTROL_TAG_LIST = 1,
	CONTROL_TAG_MOVE,
	CONTROL_TAG_DRAIN,
	CONTROL_TAG_ASK,
};
#define CONTROL_TAG(kind, own) ((uint64_t)(kind) << 56 | (uint64_t)(own))

/* control_list.c */
struct control_list *control_list_start(struct control *control, uint8_t only);
void control_list_row(struct control *control, const struct ring_cell *cell);
void control_list_end(struct control *control, const struct ring_cell *cell);
void control_list_timer(struct control *control, uint32_t index);

/* control_ask.c: starts an order as in *what; answers, in the end. */
void control_ask_start(struct control *control, struct control_call *call,
		       const struct control_ask *what);
void control_ask_heard(struct control *control, const struct ring_cell *cell);

/* control_query.c, control_move.c, control_drain.c: commands. */
void control_query_commands(struct control *, struct control_call *);
void control_query_version(struct control *, struct control_call *);
void control_query_status(struct control *, struct control_call *);
void control_query_stats(struct control *, struct control_call *);
void control_query_peers(struct control *, struct control_call *);
void control_query_sessions(struct control *, struct control_call *);
void control_query_drain(struct control *, struct control_call *);
void control_explain(struct control *, struct control_call *);
void control_vv(struct control *, struct control_call *);
void control_move(struct control *, struct control_call *);
void control_cancel(struct control *, struct control_call *);
void control_drain(struct control *, struct control_call *);

json_t *control_version(void);
/* The shard where the guest of that name lives, or -ENOENT. */
int control_find_guest(struct control *control, const char *guest);

void control_move_event(struct control *control, const struct ring_cell *cell);
void control_drain_event(struct control *control, uint32_t item,
			 const struct op_move_event *event);
void control_drain_pump(struct control *control);
/* What is known of a peer has changed: it may be where a drain goes. */
void control_drain_peer(struct control *control, uint32_t peer);
void control_drain_tell(struct control *control);
void control_drain_cancel(struct control *control);

/* control_state.h - for the files of the control socket: all it remembers. */
#pragma once

#include "core/control_reader.h"
#include "core/drain.h"
#include "core/pool.h"
#include "core/shard.h"

#define CONTROL_CONNS_MAX   32
#define CONTROL_LISTS_MAX   8
#define CONTROL_MOVES_MAX   256
#define CONTROL_ASKS_MAX    32
#define CONTROL_DOUBTS_MAX  256 /* in doubt and listed; more go on unlisted */
#define CONTROL_ORDER_BYTES 40  /* payload of an order about a move */

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
	uint8_t shard;              /* whose turn it is */
	struct op_move_heard heard; /* the most that was so far */
	uint32_t order_bytes;
	uint8_t order[CONTROL_ORDER_BYTES]; /* begins with the guest */
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

/* A move in doubt, as its shard told last. */
struct control_doubt {
	struct op_move_doubt told;
	uint64_t told_ns; /* 0: the slot is free */
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
	struct control_doubt doubts[CONTROL_DOUBTS_MAX];
	struct drain drain; /* the one under way, or the last */
	uint64_t drain_job;
	uint32_t drain_list; /* serial of the list it is made from */
	struct control_caller drain_caller;
};

/* Timers the part needs. */
#define CONTROL_TIMERS     (CONTROL_LISTS_MAX + 2)
#define CONTROL_TIMER_PUMP CONTROL_LISTS_MAX
#define CONTROL_TIMER_TELL (CONTROL_LISTS_MAX + 1)

struct control_call {
	struct control_caller *caller; /* take it to answer later */
	struct control_conn *conn;
	const json_t *arguments; /* checked */
};

/* The tag of what we ask the shards: kind in the top byte. */
enum control_tag {
	CONTROL_TAG_LIST = 1,
	CONTROL_TAG_MOVE,
	CONTROL_TAG_DRAIN,
	CONTROL_TAG_ASK,
};
#define CONTROL_TAG(kind, own) ((uint64_t)(kind) << 56 | (uint64_t)(own))

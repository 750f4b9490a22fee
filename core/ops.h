/* ops.h - what the control shard and the shards say to each other. */
#pragma once

#include "core/shard.h"

/*
 * Payloads are plain structs, at most RING_PAYLOAD_BYTES, copied in and out.
 * The tag of a question comes back in each of its answers.
 */
#define NAME_BYTES   32 /* of a guest, peer or door, with its NUL */
#define REASON_BYTES 96 /* one sentence for a person, with its NUL */

enum move_mode {
	MODE_ANY, /* the best the client can */
	MODE_SEAMLESS,
	MODE_SEMI_SEAMLESS,
	MODE_SWITCH_HOST,
	MODE_NONE, /* explain only: cannot move */
};

enum move_state {
	MOVE_LIVE,
	MOVE_OFFERED,
	MOVE_READY,
	MOVE_FREEZING,
	MOVE_SEALED,
	MOVE_STREAMED,
	MOVE_COMMITTED,
	MOVE_RELEASED,
	MOVE_IN_DOUBT, /* the other side's word is awaited */
};

/* Names as in the CLI, the docs and the traps of a test build. */
const char *move_state_name(enum move_state state);
const char *move_mode_name(enum move_mode mode);

/* The mode of that name, MODE_ANY for NULL, or -EINVAL. */
int move_mode_find(const char *name);

/* Control -> shard. */
#define OP_LIST        RING_OP(PART_SERVICE, 1) /* struct op_list */
#define OP_MOVE_START  RING_OP(PART_MOVE, 1)    /* struct op_move_start */
#define OP_MOVE_CANCEL RING_OP(PART_MOVE, 2)    /* struct op_move_cancel */
#define OP_MOVE_DECIDE RING_OP(PART_MOVE, 3)    /* struct op_move_decide */
/* Shard -> shard: another Flushmark asks what became of a move. */
#define OP_MOVE_RESOLVE  RING_OP(PART_MOVE, 4) /* struct op_move_resolve */
#define OP_MOVE_RESOLVED RING_OP(PART_MOVE, 5) /* struct op_move_resolve */
/* Shard -> control. */
#define OP_ROW        RING_OP(PART_CONTROL, 1) /* struct op_row */
#define OP_LIST_END   RING_OP(PART_CONTROL, 2) /* struct op_list_end */
#define OP_MOVE_EVENT RING_OP(PART_CONTROL, 3) /* struct op_move_event */
#define OP_LINK       RING_OP(PART_CONTROL, 4) /* struct op_link */
#define OP_MOVE_HEARD RING_OP(PART_CONTROL, 5) /* struct op_move_heard */
#define OP_MOVE_DOUBT RING_OP(PART_CONTROL, 6) /* struct op_move_doubt */

/* Asks for one row per guest, sessions or not. Then OP_LIST_END. */
struct op_list {
	uint32_t first; /* slot to start from: a long list comes in pieces */
	uint32_t max;   /* rows wanted */
};

struct op_list_end {
	uint32_t next; /* first of the next piece, 0: the list is whole */
};

struct op_row {
	char guest[NAME_BYTES];
	char peer[NAME_BYTES];     /* of the move in progress, or "" */
	char reason[REASON_BYTES]; /* why the mode below, or why not */
	uint64_t epoch;
	uint64_t idle_ns;    /* since the client's last input, or it came */
	uint32_t session_id; /* 0: no client */
	uint8_t shard;
	uint8_t state;       /* enum move_state */
	uint8_t mode;        /* enum move_mode: how it would move now */
	uint8_t channels;    /* linked */
	uint32_t moves;      /* completed ones, in this guest's life */
	uint64_t lost_bytes; /* as its guest's checker counts, 0 if none */
	uint64_t checked_bytes;
};

struct op_move_start {
	char guest[NAME_BYTES];
	char peer[NAME_BYTES];
	uint8_t mode;  /* enum move_mode, the most that is asked for */
	uint8_t force; /* a failed connect ends in switch-host */
};

struct op_move_cancel {
	char guest[NAME_BYTES];
};

/* What became of an order about a move: the later, the more is known. */
enum move_heard {
	HEARD_NO_MOVE,    /* of that guest, on this shard */
	HEARD_NOT_SOURCE, /* it comes to here: its source must be told */
	HEARD_TOO_LATE,   /* it is past the point of no return */
	HEARD_NO_DOUBT,   /* decide: its outcome is known, or will be */
	HEARD_PEER_IS_UP, /* decide: who knows it is connected */
	HEARD_WAS_OURS,   /* decide: this host committed it itself */
	HEARD_DONE,       /* or on its way to be */
};

/* The answer to OP_MOVE_CANCEL and OP_MOVE_DECIDE. */
struct op_move_heard {
	uint8_t heard; /* enum move_heard */
	/* decide, of a move in doubt: */
	uint8_t is_source;
	uint16_t node;         /* destination: the source's */
	char peer[NAME_BYTES]; /* source: where it went */
};

/* An operator says how a move in doubt ended: nobody else can. */
struct op_move_decide {
	char guest[NAME_BYTES];
	uint8_t committed; /* the destination has it; else nobody's commit */
	uint8_t dry_run;
};

struct op_move_resolve {
	uint64_t id;
	uint64_t epoch;
	uint32_t link; /* of the shard that was asked */
	uint8_t committed;
};

/* Told at every change of state, and once with done set, the last one. */
struct op_move_event {
	char guest[NAME_BYTES];
	char peer[NAME_BYTES]; /* where it goes */
	char reason[REASON_BYTES];
	uint64_t epoch;
	uint64_t
		protocol_pause_ns; /* done: MIGRATE sent to token in, 0: none */
	uint64_t added_ns; /* done: the source's part of it, worst channel */
	uint32_t session_id;
	uint8_t state;  /* enum move_state now */
	uint8_t mode;   /* enum move_mode agreed */
	uint8_t done;   /* the move has ended */
	uint8_t silent; /* done: because the peer left it without an answer */
	uint8_t busy;   /* done: because an earlier move of it is not over */
	uint8_t absent; /* done: the guest is not here, or not any more */
	uint8_t result; /* done: enum move_result */
};

/*
 * A move whose other end does not say how it ended. Told when that begins, with
 * each question to the other end, and with over set when it is known.
 */
struct op_move_doubt {
	char guest[NAME_BYTES];
	char peer[NAME_BYTES]; /* source: where it went */
	uint64_t id;
	uint64_t since_ns;
	uint16_t node; /* destination: the source's */
	uint8_t is_source;
	uint8_t over;
};

/* What happened to a shard's own link to a peer of the config. */
enum link_change {
	LINK_CHANGE_UP,
	LINK_CHANGE_LOST,   /* it was up */
	LINK_CHANGE_FAILED, /* it did not come up, and is tried again */
};

struct op_link {
	uint16_t peer;
	uint16_t node;
	uint8_t change;            /* enum link_change */
	char reason[REASON_BYTES]; /* unless up: what the peer does or lacks */
};

enum move_result {
	MOVE_OK,        /* the destination has it */
	MOVE_FAILED,    /* it stays here, live */
	MOVE_CANCELLED, /* it stays here, live */
	MOVE_CLOSED,    /* the session ended while it moved */
};

const char *move_result_name(enum move_result result);

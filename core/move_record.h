/* move_record.h - a move: a guest with its session changes its owner. */
#pragma once

#include "core/idtable.h"
#include "core/peer_link.h"
#include "core/service.h"
#include "core/slab.h"

/*
 * Source:
 *
 *   LIVE --start--> OFFERED --client linked--> READY --freeze--> FREEZING
 *   FREEZING --all marks--> SEALED --images sent, STREAMED in--> STREAMED
 *   STREAMED --commit written--> COMMITTED --SWITCHED in--> RELEASED
 *
 * Every state before COMMITTED goes back to LIVE by undo. Losing the link to
 * the destination before the commit is written is a reason to undo; after it
 * the source only repeats COMMIT until it is answered.
 *
 * Destination:
 *
 *   (none) --OFFER--> OFFERED --client linked--> READY --END--> STREAMED
 *   STREAMED --COMMIT--> COMMITTED --all tokens in--> RELEASED
 *
 * Before STREAMED is sent, CANCEL or the loss of the link revokes. After it
 * the destination is IN_DOUBT when the link goes: it keeps the images, asks,
 * and runs the guest only on the source's word.
 */
/* Images of one guest: itself, its session, channels, pending input. */
#define MOVE_IMAGES_MAX 64

#define MOVES_REMEMBERED 1024

enum move_role { MOVE_SOURCE, MOVE_DESTINATION };

struct moves;
struct pool;

struct move {
	handle self;
	handle guest;
	struct service *service; /* the other parts of this shard */
	struct moves *moves;
	uint64_t id;        /* on the wire: see move_id_make */
	uint64_t epoch;     /* of the destination: the guest's own plus one */
	uint64_t tag;       /* of OP_MOVE_START: goes into every event */
	uint64_t frozen_ns; /* source: MIGRATE was queued */
	uint64_t committed_ns;
	uint64_t doubt_ns;        /* it is in doubt since then, 0: it is not */
	uint64_t source_added_ns; /* mark read to MIGRATE_DATA sent, worst */
	uint32_t link;       /* index into the peer links, UINT32_MAX: none */
	uint32_t images;     /* sent or imported so far */
	uint16_t peer;       /* of the config; or the source's node */
	uint32_t session_id; /* source: of its client */
	uint8_t role;        /* enum move_role */
	uint8_t state;       /* enum move_state */
	uint8_t mode;        /* enum move_mode: wished, then agreed */
	bool force;
	bool cancelled;    /* asked for; carried out as soon as it may */
	uint8_t result;    /* cancelled: enum move_result, as reported */
	bool client_ready; /* source: the client says it is linked */
	bool peer_linked;  /* source: the destination says so too */
	bool acknowledged; /* COMMITTED was answered */
	bool silent;       /* source: given up without a word of the peer */
	bool in_doubt;     /* source: long overdue, and the operator told */
	bool begun;        /* source: the client was told where to go */
	bool handed_over;  /* source: the client was let go */
	bool reported;     /* the last event has gone to control */
	bool aborted;      /* destination: the client has not come */
	uint8_t key[SIPHASH_KEY_BYTES]; /* of the answer: seals tokens */
	/* Source: the answer's address, where the client is told to go. */
	uint16_t port;
	uint16_t tls_port;
	uint8_t host[PEER_HOST_MAX];
	uint32_t host_len;
	/* Source: the region's slots it fills, until claimed or undone. */
	uint32_t slot[MOVE_IMAGES_MAX];
	uint32_t slot_count;
	char guest_name[NAME_BYTES];
	char reason[REASON_BYTES];
	uint64_t own; /* the service's */
};

struct move_memory {
	uint64_t id;
	bool gone; /* its client did not come */
};

/* The engine of one shard. */
struct moves {
	struct shard *shard;
	struct peers *peers;
	const struct service_ops *service_ops;
	struct service *service;
	struct slab slab;
	struct idtable by_id; /* wire id -> handle */
	uint64_t next_id;
	uint8_t *scratch; /* IMAGE_BYTES_MAX, within one call */
	/* Destination: moves that ended with the guest here, the latest ones,
	 * for a source that lost the link before it heard. */
	struct move_memory ended[MOVES_REMEMBERED];
	uint32_t ended_count;
	/* Source: commits that were settled without a word of the destination,
	 * or in an earlier life, should one ask after all. */
	uint64_t settled[MOVES_REMEMBERED];
	uint32_t settled_count;
};

/*
 * A move's id: the source's node, 10 bits, the shard that began it, 6 bits, and
 * a count that no life before it has used.
 */
#define MOVE_ID_NODE_SHIFT  54
#define MOVE_ID_SHARD_SHIFT 48
#define MOVE_ID_BOOT_SHIFT  24

/* The id before the first one of this life of a shard. */
uint64_t move_id_make(const struct shard *shard);

/* The shard of ours that answers for the id: an earlier life of the pool may
 * have had more of them. */
uint8_t move_id_shard(uint64_t id, const struct pool *pool);

/* The move of a handle, NULL when it has ended. */
struct move *moves_get(struct moves *moves, handle name);

/* Source: a commit that need not be repeated any more, and is not forgotten. */
void moves_settle(struct moves *moves, uint64_t id);
bool moves_have_settled(const struct moves *moves, uint64_t id);

/* Writes the sentence that operators read, cut to its size. */
void move_say(struct move *move, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* As a peer says it: what is no printable ASCII stands as a question mark. */
void move_say_peer(struct move *move, const uint8_t reason[REASON_BYTES]);

/* A new record, known by its id. NULL: too many, or the id is in use. */
struct move *move_take(struct moves *moves, enum move_role role, uint64_t id);
void move_free(struct move *move);

/* Enters a state: trap, log, event to control. */
void move_enter(struct move *move, enum move_state state);

/* Its one timer. */
void move_arm(struct move *move, uint64_t after_ns);

/* To the other side; what is lost with the link is said again, or undone. */
void move_send(struct move *move, uint16_t type, const void *payload);

/* Control hears that it is in doubt, the first time and again; and that it is
 * so no more, if it was. */
void move_tell_doubt(struct move *move);
void move_end_doubt(struct move *move);

/* Source: an event for whoever asked for the move, the last one when done. */
void move_report(struct move *move, bool done, enum move_result result);

/* Source: the end: counted, reported and freed. */
void move_finish(struct move *move, enum move_result result);

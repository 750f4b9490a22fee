/* move.h - the move engine: a guest with its session changes its owner. */
#pragma once

#include "core/idtable.h"
#include "core/peer.h"
#include "core/region.h"
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
struct moves;

/* Images of one guest: itself, its session, channels, pending input. */
#define MOVE_IMAGES_MAX 64

#define MOVES_REMEMBERED 1024

enum move_role { MOVE_SOURCE, MOVE_DESTINATION };

struct move {
	handle self;
	handle guest;
	struct service *service; /* the other parts of this shard */
	struct moves *moves;
	uint64_t id;    /* on the wire: node, shard and a count */
	uint64_t epoch; /* of the destination: the guest's own plus one */
	uint64_t tag;   /* of OP_MOVE_START: goes into every event */
	uint64_t frozen_ns; /* source: MIGRATE was queued */
	uint64_t committed_ns;
	uint64_t source_added_ns; /* mark read to MIGRATE_DATA sent, worst */
	uint32_t link;   /* index into the peer links, UINT32_MAX: none */
	uint32_t images; /* sent or imported so far */
	uint16_t peer;   /* of the config; or the source's node */
	uint8_t role;    /* enum move_role */
	uint8_t state;   /* enum move_state */
	uint8_t mode;    /* enum move_mode: wished, then agreed */
	bool force;
	bool hold_ready;
	bool cancelled;    /* asked for; carried out as soon as it may */
	uint8_t result;    /* cancelled: enum move_result, as reported */
	bool client_ready; /* source: the client says it is linked */
	bool peer_linked;  /* source: the destination says so too */
	bool acknowledged; /* COMMITTED was answered */
	bool in_doubt;     /* source: long overdue, and the operator told */
	bool begun;        /* source: the client was told where to go */
	bool handed_over;  /* source: the client was let go */
	bool reported;     /* the last event has gone to control */
	bool aborted;      /* destination: the client has not come */
	uint8_t key[SIPHASH_KEY_BYTES]; /* of the answer: seals tokens */
	/* Source: the region's slots it fills, until claimed or undone. */
	uint32_t slot[MOVE_IMAGES_MAX];
	uint32_t slot_count;
	char guest_name[NAME_BYTES];
	char reason[REASON_BYTES];
	uint64_t own; /* the service's */
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
	/* Destination: moves whose client has switched, the latest ones, for a
	 * source that lost the link before it heard. */
	uint64_t switched[MOVES_REMEMBERED];
	uint32_t switched_count;
};

/* Memory from the shard's arena for capacity moves at once. 0 or -errno. */
int moves_init(struct moves *moves, struct shard *shard, struct peers *peers,
	       const struct service_ops *ops, struct service *service,
	       uint32_t capacity);
void moves_fini(struct moves *moves);

/* The move of a handle, NULL when it has ended. */
struct move *moves_get(struct moves *moves, handle name);

/* What earlier lives committed and nobody acknowledged: said again. Before
 * the shard runs. */
int moves_recover(struct moves *moves);

/* Which guests earlier lives committed elsewhere: pool->away. Before the
 * shards are made. */
int move_journal_away(struct pool *pool);

/* --- the service tells the engine ------------------------------------- */

/* Source: the client is linked at the destination; mode is what it agreed. */
void move_ready(struct move *move, enum move_mode mode);

/* Source: it cannot go on, for this reason; undone at once. */
void move_fail(struct move *move, const char *reason);

/* Source: the client has gone. */
void move_client_gone(struct move *move);

/* Source: an image in its portable encoding, on its way at once. 0 or -errno
 * (then the caller calls move_fail). */
int move_image(struct move *move, const struct field_table *table,
	       enum image_kind kind, const void *from);

/* Source: all images are given. */
void move_sealed(struct move *move);

/* Source: a channel's part of the pause, for the report. */
void move_note_pause(struct move *move, uint64_t added_ns);

/* Destination: the client's links are all there; mode as agreed with it. */
void move_linked(struct move *move, enum move_mode mode);

/* Destination: the client has switched, all of it. */
void move_switched(struct move *move, uint64_t added_ns);

/* Destination: it cannot come here, or (after COMMIT) the client has gone. */
void move_abort(struct move *move, const char *reason);

/* Writes the sentence that operators read, cut to its size. */
void move_say(struct move *move, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* --- private to core/move*.c ------------------------------------------- */

/* A frame of this move, from the other side. */
void move_source_frame(struct move *move, uint16_t type, const void *payload);
void move_destination_frame(struct move *move, uint16_t type,
			    const void *payload);
void move_source_timer(struct move *move);
void move_destination_timer(struct move *move);
void move_source_link_lost(struct move *move);
void move_destination_link_lost(struct move *move);
void move_source_link_up(struct move *move);
void move_source_disown(struct move *move);
void move_source_start(struct moves *moves, const struct ring_cell *cell);
void move_source_cancel(struct moves *moves, const char *guest);
void move_source_freeze(struct moves *moves, const char *guest);
void move_destination_offer(struct moves *moves, uint32_t link, uint64_t id,
			    uint64_t epoch, const struct peer_offer *offer);

/* Writes the journal's record of a guest. The process may die behind it. 0 or
 * -errno. */
enum move_word {
	WORD_COMMITTED, /* source: it is another's from here on */
	WORD_ANSWERED,  /* source: and the other has it */
	WORD_ENDED,     /* source: the other lost it: it is nobody's */
	WORD_HOME,      /* destination: it runs here */
};
int move_journal(struct move *move, enum move_word word);

/* Enters a state: trap, timer, event to control. */
void move_enter(struct move *move, enum move_state state);
void move_arm(struct move *move, uint64_t after_ns);
void move_send(struct move *move, uint16_t type, const void *payload);
struct move *move_take(struct moves *moves, enum move_role role, uint64_t id);
void move_free(struct move *move);
void move_report(struct move *move, bool done, enum move_result result);

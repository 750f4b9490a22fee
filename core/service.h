/* service.h - what the core asks of the protocol it serves (channels/). */
#pragma once

#include "core/image.h"
#include "core/peer_wire.h"
#include "core/shard.h"

/*
 * One service per shard, registered as PART_SERVICE. The move engine calls it
 * by this vtable; what the service tells the engine are the move_* functions
 * of core/move_source.h, move_image.h and move_destination.h. All calls are of
 * the one shard; none blocks.
 */
struct service;
struct move;

struct service_ops {
	/* Finds a guest of this shard by its name. 0 or -ENOENT. */
	int (*find)(struct service *, const char *name, handle *guest);

	/*
	 * Source. offer: writes what the destination must know into image, an
	 * IMAGE_OFFER; sets move->mode to the best that client and wish allow.
	 * A negative return refuses, with the sentence in move->reason.
	 */
	int64_t (*offer)(struct service *, struct move *, uint8_t *image,
			 size_t cap);
	/* OFFERED: tells the client where to go, as the move has it. Answers
	 * by move_ready or move_fail, in this call or later. */
	void (*begin)(struct service *, struct move *);
	/* FREEZING: pauses the guest, sends MIGRATE behind its last output.
	 * Gives the images by move_image as they seal, then move_sealed. */
	void (*freeze)(struct service *, struct move *);
	/* COMMITTED: the point of no return; lets the client go. */
	void (*hand_over)(struct service *, struct move *);
	/* Before COMMITTED only: back to LIVE, whatever was said so far. */
	void (*undo)(struct service *, struct move *);
	/* RELEASED, both roles: the move is over. Source: forgets the session.
	 * Destination: closes it if the client has not come (move->aborted). */
	void (*release)(struct service *, struct move *);

	/*
	 * Destination. grant: reserves all that the session will need, so that
	 * nothing can fail for want of room later. Fills answer, whose spans
	 * must stay valid until the next pass. Refuses with -errno and reason.
	 */
	int (*grant)(struct service *, struct move *, const struct peer_offer *,
		     struct peer_answer *);
	/* An image of the guest: validate, restore, run nothing. 0 or -errno,
	 * with the sentence in move->reason. */
	int (*import)(struct service *, struct move *, const uint8_t *image,
		      size_t len);
	/* NACK: the source will cancel; seamless is refused from here on. */
	void (*refuse_seamless)(struct service *, struct move *);
	/* All images are in: is everything there that must be? 0 or -errno. */
	int (*import_end)(struct service *, struct move *);
	/* COMMIT: the guest runs here from now on. */
	void (*run)(struct service *, struct move *);
	/* The move is off: closes what is parked, frees what was reserved. */
	void (*revoke)(struct service *, struct move *);
};

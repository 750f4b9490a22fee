/* settle.h - a link goes to the shard of its session. */
#pragma once

#include "core/shard.h"

struct linking;
struct service;

#define OP_SETTLE  RING_OP(PART_SERVICE, 16)
#define OP_SETTLED RING_OP(PART_SERVICE, 17)

/*
 * Gives the connection to the shard that owns target: at the end of the pass,
 * since the batch at hand may hold more of its events.
 */
void settle_start(struct service *service, struct linking *linking);

/* Keeps what the batch still has for a link that settles. */
void settle_keep(struct service *service, struct linking *linking,
		 const uint8_t *data, uint32_t len);

/* The end of that pass: the connection leaves, DETACHED follows. */
void settle_detach(struct service *service, struct linking *linking);

/* It has left: the other shard is told by OP_SETTLE. */
void settle_detached(struct service *service, struct linking *linking,
		     const struct dp_parcel *parcel);

/*
 * OP_SETTLE: a link from another shard, whose record is copied, then freed at
 * home. NULL when there is no room for it.
 */
struct linking *settle_arrived(struct service *service,
			       const struct ring_cell *cell);

/* OP_SETTLED: the record at home may go. */
void settle_over(struct service *service, const struct ring_cell *cell);

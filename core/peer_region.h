/* peer_region.h - the region of a link within one host. */
#pragma once

#include "core/host.h"
#include "core/ring.h"

struct peer_link;
struct peers;

/* Control shard: OP cells of the shards' links about regions. */
#define OP_REGION_MAKE  RING_OP(PART_PEER, 1)
#define OP_REGION_MADE  RING_OP(PART_PEER, 2)
#define OP_REGION_TAKE  RING_OP(PART_PEER, 3)
#define OP_REGION_TAKEN RING_OP(PART_PEER, 4)
#define OP_REGION_DROP  RING_OP(PART_PEER, 5)

struct peer_region_cell {
	struct host_region memory;
	struct host_region_ticket ticket;
	uint32_t link;
	uint32_t serial;
	int32_t err;
};

/* The link is up, and we opened it: offers ours if it is within the host. */
void peer_region_start(struct peers *peers, struct peer_link *link);

/* REGION and REGION_READY. */
void peer_region_frame(struct peers *peers, struct peer_link *link,
		       uint16_t type, const void *payload);

/* The link has ended. */
void peer_region_lost(struct peers *peers, struct peer_link *link);

/* The cells above, on control and on the shard that asked. */
void peer_region_cell(struct peers *peers, const struct ring_cell *cell);

/* peer_greet.h - HELLO, PROOF and settling: until a link is up. */
#pragma once

#include "core/dp.h"
#include "core/ring.h"

struct peer_link;
struct peers;

/* Shard to shard: an accepted link settles where its connector asked. */
#define OP_PEER_SETTLE RING_OP(PART_PEER, 6)

struct peer_settle {
	struct dp_parcel parcel;
	uint64_t boot;
	uint16_t node;
	uint8_t shards;
};

/* The connection stands: says HELLO. */
void peer_greet(struct peers *peers, struct peer_link *link);

/* HELLO and PROOF; the link is up, settles, or is dropped. */
void peer_greet_frame(struct peers *peers, struct peer_link *link,
		      uint16_t type, const void *payload);

/* A settling connection has left this shard, and comes to the other. */
void peer_settle_detached(struct peers *peers, struct peer_link *link,
			  const struct dp_parcel *parcel);
void peer_settle_cell(struct peers *peers, const struct peer_settle *settle);

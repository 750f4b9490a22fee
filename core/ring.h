/* ring.h - bounded queue of fixed cells from any shard to one shard. */
#pragma once

#include "core/arena.h"

#include <stdatomic.h>

/*
 * Many producers, one consumer. A cell carries a lap count, so that producers
 * claim a place by one compare-exchange (a place claimed blindly could not be
 * refused when the ring is full) and the consumer sees whether it is filled.
 * The bytes of a cell are plain data: for the ring, the trace and a replay.
 */
#define RING_PAYLOAD_BYTES 240

struct ring_cell {
	_Atomic uint32_t lap; /* the ring's, not the payload's */
	uint16_t op;          /* enum of the receiver: see shard.h */
	uint8_t from;         /* shard that sent it */
	uint8_t len;          /* bytes of payload in use */
	uint64_t tag;         /* the sender's, returned in answers */
	uint8_t payload[RING_PAYLOAD_BYTES];
};

_Static_assert(sizeof(struct ring_cell) == 256, "a cell is four cache lines");

struct ring {
	struct ring_cell *cells;
	uint32_t mask;
	_Atomic uint32_t tail __attribute__((aligned(CACHE_LINE_BYTES)));
	uint32_t head __attribute__((aligned(CACHE_LINE_BYTES)));
};

/* capacity is a power of two, at least 2. Returns 0 or -ENOMEM. */
int ring_init(struct ring *ring, struct arena *arena, uint32_t capacity);

/* Copies one message in. Any thread. Returns 0 or -ENOBUFS. */
int ring_push(struct ring *ring, uint16_t op, uint8_t from, uint64_t tag,
	      const void *payload, uint8_t len);

/*
 * Copies the oldest message out, its payload up to len. Consumer only. False
 * when empty.
 */
bool ring_pop(struct ring *ring, struct ring_cell *cell);

/* True when nothing waits. Consumer only. */
bool ring_empty(const struct ring *ring);

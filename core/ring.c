/* ring.c - bounded queue of fixed cells from any shard to one shard.
 *
 * The place p of a message lies in cell p & mask; the lap counted from there
 * is p & ~mask. A cell is free for that place while its lap says so, and
 * filled when it is one more; the consumer sets it to the next lap. Zeroed
 * memory is therefore an empty ring, and both counters may wrap.
 */
#include "core/ring.h"

#include <errno.h>
#include <string.h>

int ring_init(struct ring *ring, struct arena *arena, uint32_t capacity)
{
	/* With one cell "filled" and "free in the next lap" would be one. */
	ASSERT(capacity >= 2 && !(capacity & (capacity - 1)),
	       "a ring's capacity is a power of two");
	memset(ring, 0, sizeof(*ring));
	ring->cells =
		arena_take(arena, sizeof(struct ring_cell) * (size_t)capacity,
			   CACHE_LINE_BYTES);
	ring->mask = capacity - 1;
	return ring->cells ? 0 : -ENOMEM;
}

int ring_push(struct ring *ring, uint16_t op, uint8_t from, uint64_t tag,
	      const void *payload, uint8_t len)
{
	uint32_t place =
		atomic_load_explicit(&ring->tail, memory_order_relaxed);
	struct ring_cell *cell;

	ASSERT(len <= RING_PAYLOAD_BYTES, "a ring cell's payload is bounded");
	for (;;) {
		uint32_t lap;

		cell = &ring->cells[place & ring->mask];
		lap = atomic_load_explicit(&cell->lap, memory_order_acquire);
		if (lap == (place & ~ring->mask)) {
			if (atomic_compare_exchange_weak_explicit(
				    &ring->tail, &place, place + 1,
				    memory_order_relaxed, memory_order_relaxed))
				break;
		} else if ((int32_t)(lap - (place & ~ring->mask)) < 0) {
			return -ENOBUFS;
		} else {
			place = atomic_load_explicit(&ring->tail,
						     memory_order_relaxed);
		}
	}
	cell->op = op;
	cell->from = from;
	cell->len = len;
	cell->tag = tag;
	if (len)
		memcpy(cell->payload, payload, len);
	/*
	 * Sequentially consistent, not just a release: a sender looks next
	 * whether the receiver sleeps, and the receiver says that it sleeps
	 * before it looks here. One of the two must see the other.
	 */
	atomic_store(&cell->lap, (place & ~ring->mask) + 1);
	return 0;
}

bool ring_pop(struct ring *ring, struct ring_cell *out)
{
	struct ring_cell *cell = &ring->cells[ring->head & ring->mask];
	uint32_t lap = ring->head & ~ring->mask;

	if (atomic_load_explicit(&cell->lap, memory_order_acquire) != lap + 1)
		return false;
	atomic_store_explicit(&out->lap, 0, memory_order_relaxed);
	out->op = cell->op;
	out->from = cell->from;
	out->len = cell->len;
	out->tag = cell->tag;
	memcpy(out->payload, cell->payload, cell->len);
	atomic_store_explicit(&cell->lap, lap + ring->mask + 1,
			      memory_order_release);
	ring->head++;
	return true;
}

bool ring_empty(const struct ring *ring)
{
	const struct ring_cell *cell = &ring->cells[ring->head & ring->mask];

	/* Sequentially consistent: see ring_push. */
	return atomic_load(&cell->lap) != (ring->head & ~ring->mask) + 1;
}

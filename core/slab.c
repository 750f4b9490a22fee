/* slab.c - a bounded set of equal objects of one shard, named by handles. */
#include "core/slab.h"
#include "core/chain.h"

#include <errno.h>
#include <string.h>

#define SMALL_ALIGN_BYTES 16

int slab_init(struct slab *slab, struct arena *arena, uint32_t size_bytes,
	      uint32_t capacity, uint8_t shard)
{
	uint32_t align = size_bytes < CACHE_LINE_BYTES ? SMALL_ALIGN_BYTES
						       : CACHE_LINE_BYTES;
	uint32_t stride;

	ASSERT(size_bytes && size_bytes < UINT32_MAX / 2, "an object's size");
	ASSERT(capacity && capacity < CHAIN_END, "a slab holds something");
	stride = (size_bytes + align - 1) & ~(align - 1);
	*slab = (struct slab){
		.objects = arena_take(arena, (size_t)stride * capacity, align),
		.generation = arena_take(
			arena, sizeof(uint32_t) * (size_t)capacity, 4),
		.next_free = arena_take(arena,
					sizeof(uint32_t) * (size_t)capacity, 4),
		.stride_bytes = stride,
		.capacity = capacity,
		.shard = shard,
	};
	if (!slab->objects || !slab->generation || !slab->next_free)
		return -ENOMEM;
	return 0;
}

void *slab_take(struct slab *slab, handle *name)
{
	uint32_t index = slab->free_head;
	uint8_t *object;

	if (index >= slab->capacity)
		return NULL;
	slab->free_head = chain_next(slab->next_free, index);
	slab->used++;
	object = slab->objects + (size_t)slab->stride_bytes * index;
	/* Generation 0 was never taken: the arena's zeroes are still there. */
	if (slab->generation[index])
		memset(object, 0, slab->stride_bytes);
	slab->generation[index]++;
	*name = slab_handle_at(slab, index);
	return object;
}

void slab_give(struct slab *slab, handle name)
{
	uint32_t index = handle_index(name);

	ASSERT(slab_get(slab, name), "only what is taken is given back");
	slab->generation[index]++;
	/* 0 would promise a clean object; the count has wrapped. */
	if (!slab->generation[index])
		slab->generation[index] = 2;
	chain_link(slab->next_free, index, slab->free_head);
	slab->free_head = index;
	slab->used--;
}

void *slab_get(struct slab *slab, handle name)
{
	uint32_t index = handle_index(name);

	/* A free object's generation is even and a handle's is odd. */
	if (LIKELY(index < slab->capacity && slab_taken(slab, index) &&
		   slab_handle_at(slab, index) == name))
		return slab->objects + (size_t)slab->stride_bytes * index;
	return NULL;
}

void *slab_at(const struct slab *slab, uint32_t index)
{
	DEBUG_ASSERT(slab_taken(slab, index), "the index of a taken object");
	return slab->objects + (size_t)slab->stride_bytes * index;
}

handle slab_handle_at(const struct slab *slab, uint32_t index)
{
	return handle_make(slab->shard, slab->generation[index], index);
}

bool slab_taken(const struct slab *slab, uint32_t index)
{
	return index < slab->capacity && slab->generation[index] & 1;
}

void *slab_next(const struct slab *slab, uint32_t *index)
{
	while (*index < slab->capacity) {
		uint32_t at = (*index)++;

		if (slab_taken(slab, at))
			return slab_at(slab, at);
	}
	return NULL;
}

bool slab_check(const struct slab *slab)
{
	uint32_t listed = 0;
	uint32_t taken = 0;

	for (uint32_t i = 0; i < slab->capacity; i++)
		taken += slab->generation[i] & 1;
	if (taken != slab->used)
		return false;
	for (uint32_t i = slab->free_head; i < slab->capacity;
	     i = chain_next(slab->next_free, i)) {
		/* A list that meets itself is longer than the slab. */
		if (slab_taken(slab, i) || ++listed > slab->capacity)
			return false;
	}
	return listed == slab->capacity - slab->used;
}

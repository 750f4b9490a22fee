/* slab.h - a bounded set of equal objects of one shard, named by handles. */
#pragma once

#include "core/arena.h"
#include "core/handle.h"

struct slab {
	uint8_t *objects;
	uint32_t *generation; /* even: free, odd: taken */
	uint32_t *next_free;  /* links of chain.h */
	uint32_t stride_bytes;
	uint32_t capacity;
	uint32_t used;
	uint32_t free_head; /* capacity or more: none */
	uint8_t shard;
};

/*
 * Takes room for capacity objects of size_bytes each from the arena, which
 * must outlive the slab. Returns 0 or -ENOMEM.
 */
int slab_init(struct slab *slab, struct arena *arena, uint32_t size_bytes,
	      uint32_t capacity, uint8_t shard);

/* Takes a zeroed object and names it; NULL when all are taken. */
void *slab_take(struct slab *slab, handle *name);

/* Gives a live object back: its handle is stale from here on. */
void slab_give(struct slab *slab, handle name);

/* The object, or NULL when the handle is stale or foreign. */
void *slab_get(struct slab *slab, handle name);

/* The object at an index known to be taken, and its handle. */
void *slab_at(const struct slab *slab, uint32_t index);
handle slab_handle_at(const struct slab *slab, uint32_t index);

/* True when the object at index is taken. */
bool slab_taken(const struct slab *slab, uint32_t index);

/*
 * Walks all objects: the first that is taken at *index or behind it, and *index
 * comes to stand behind that. NULL: there is none. What it returned may be
 * given back before the next call.
 */
void *slab_next(const struct slab *slab, uint32_t *index);

/* Validates the free list and counts. Returns false when it is broken. */
bool slab_check(const struct slab *slab);

/* arena.h - memory of a shard, reserved once at start, handed out by a bump. */
#pragma once

#include "core/base.h"

struct arena {
	uint8_t *base;
	size_t size_bytes;
	size_t used_bytes;
};

/*
 * Reserves size_bytes of address space, zero pages touched only on use.
 * Returns 0 or -ENOMEM. Any thread, before the shard runs.
 */
int arena_init(struct arena *arena, size_t size_bytes);

/* Unmaps everything and zeroes the struct. */
void arena_fini(struct arena *arena);

/*
 * Lends size_bytes, zeroed, aligned to align (a power of two), until fini.
 * Returns NULL when the arena is full.
 */
void *arena_take(struct arena *arena, size_t size_bytes, size_t align);

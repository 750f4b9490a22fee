/* handle.h - 64-bit names of a shard's objects: shard, generation, index. */
#pragma once

#include "core/base.h"

/*
 * Layout: shard in bits 56..63, generation in 32..55, index in 0..31. A
 * generation is never 0, so a handle is never 0: 0 means "none".
 */
typedef uint64_t handle;

#define HANDLE_NONE           ((handle)0)
#define HANDLE_GENERATION_MAX ((uint32_t)0xffffff)

static inline handle handle_make(uint8_t shard, uint32_t generation,
				 uint32_t index)
{
	return (uint64_t)shard << 56 |
	       (uint64_t)(generation & HANDLE_GENERATION_MAX) << 32 | index;
}

static inline uint8_t handle_shard(handle h)
{
	return (uint8_t)(h >> 56);
}

static inline uint32_t handle_generation(handle h)
{
	return (uint32_t)(h >> 32) & HANDLE_GENERATION_MAX;
}

static inline uint32_t handle_index(handle h)
{
	return (uint32_t)h;
}

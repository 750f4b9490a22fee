/* chain.h - lists of indices whose zeroed link array is one list of all. */
#pragma once

#include "core/base.h"

/*
 * A link holds the distance to the index behind it, not the next index. Zero
 * means "my neighbour follows", so an array fresh from the arena is a list
 * 0, 1, 2, ... of everything, and not one page of it was touched to say so.
 * An index of capacity or more ends a list.
 */
#define CHAIN_END UINT32_MAX

static inline uint32_t chain_next(const uint32_t *links, uint32_t index)
{
	return links[index] + index + 1;
}

static inline void chain_link(uint32_t *links, uint32_t index, uint32_t next)
{
	links[index] = next - index - 1;
}

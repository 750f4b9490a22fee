/* prng.h - the small seeded generator behind everything the simulator picks. */
#pragma once

#include "core/base.h"

#include <string.h>

/*
 * A counter with an odd stride, hashed: 64 bits of state, every seed is as
 * good as any other, and one draw costs a few multiplications.
 */
struct sim_prng {
	uint64_t state;
};

static inline uint64_t sim_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* A generator of its own for a purpose: streams do not disturb each other. */
static inline struct sim_prng sim_prng_make(uint64_t seed, uint64_t purpose)
{
	return (struct sim_prng){sim_mix(seed + sim_mix(purpose + 1))};
}

static inline uint64_t sim_prng_next(struct sim_prng *prng)
{
	prng->state += 0x9e3779b97f4a7c15u;
	return sim_mix(prng->state);
}

/* A number below limit; 0 when limit is 0. */
static inline uint64_t sim_prng_below(struct sim_prng *prng, uint64_t limit)
{
	if (limit == 0)
		return 0;
	return (uint64_t)(((unsigned __int128)sim_prng_next(prng) * limit) >>
			  64);
}

static inline void sim_prng_fill(struct sim_prng *prng, void *to, size_t len)
{
	uint8_t *bytes = to;

	while (len > 0) {
		uint64_t word = sim_prng_next(prng);
		size_t take = len < sizeof(word) ? len : sizeof(word);

		memcpy(bytes, &word, take);
		bytes += take;
		len -= take;
	}
}

/* seeded.h - the random numbers of tests: the same seed, the same test. */
#pragma once

#include "core/base.h"

struct seeded {
	uint64_t state;
};

static inline uint64_t seeded_word(struct seeded *seeded)
{
	uint64_t word = seeded->state += 0x9e3779b97f4a7c15;

	word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9;
	word = (word ^ word >> 27) * 0x94d049bb133111eb;
	return word ^ word >> 31;
}

/* A number below limit, which is not 0. */
static inline uint32_t seeded_below(struct seeded *seeded, uint32_t limit)
{
	return (uint32_t)(seeded_word(seeded) % limit);
}

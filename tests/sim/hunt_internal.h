/* hunt_internal.h - a random run in progress, shared by hunt*.c. */
#pragma once

#include "tests/sim/hunt.h"

#include <stdio.h>

struct hunt {
	struct world world;
	struct hunt_tally *tally;
	const struct hunt_wish *wish;
	struct seeded random;
	bool calm;
	bool harsh;
	uint64_t active_ns;
	uint32_t pause_us;  /* between two actions, at most */
	uint32_t cancel_at; /* chances of 1000, at each state of a move */
	uint32_t crash_at;
	uint32_t cut_at;
	uint32_t tear_at;
	uint32_t crash_any; /* ... at each action */
	uint32_t crash_client;
	uint32_t hang_up;
	uint32_t drain;
	uint32_t force;
	uint32_t nack_mask; /* daemons, a bit each */
	uint32_t no_cap_mask;
	uint32_t tiny_mask;
	struct config_pool pool;
	struct config_test test;
	uint64_t restart_ns[WORLD_DAEMONS]; /* 0: it lives */
	uint64_t return_ns[WORLD_USERS];
	bool dead[WORLD_USERS]; /* guests that a crash may have taken */
};

static inline struct hunt *hunt_of(struct world *world)
{
	return world->wish.arg;
}

static inline uint32_t hunt_below(struct hunt *hunt, uint32_t limit)
{
	return seeded_below(&hunt->random, limit);
}

/* True with a chance of so many in a thousand. */
static inline bool hunt_happens(struct hunt *hunt, uint32_t chance)
{
	return hunt_below(hunt, 1000) < chance;
}

static inline void hunt_count(struct hunt *hunt, enum hunt_event event)
{
	hunt->tally->events[event]++;
}

static inline void hunt_guest_name(uint32_t number, char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, "vm%u", number);
}

/* hunt_choose.c: a world and its users, not started, as the seed has it. */
void hunt_choose(struct hunt *hunt,
		 void (*on_state)(struct world *world, uint32_t daemon,
				  const char *state));

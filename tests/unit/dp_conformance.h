/* dp_conformance.h - what every dataplane must do, as cases any one can run. */
#pragma once

#include "core/dp.h"

/*
 * How the suite gets dps of the backend under test. The suite makes what a
 * case needs, polls all of them in one thread and destroys them at the end.
 * A dp made here should hold between 32 and 256 connections: one case fills
 * it. All dps of one case can reach each other, and give parcels to each other.
 */
struct dp_factory {
	/* Makes the dp number index of a case (0, 1, ...). */
	int (*make)(void *arg, uint32_t index, struct dp **dp);
	/* Nothing happened in a round of polls: lets some time pass. */
	void (*step)(void *arg);
	/* The n-th of several addresses to listen at; port 0 is welcome. */
	int (*address)(void *arg, uint32_t n, struct addr *addr);
	void *arg;
	/* A poll with a deadline waits in real time, and ends by a wake that
	 * comes from another thread. */
	bool blocks;
};

/* Number of cases, and the name of each. */
uint32_t dp_conformance_count(void);
const char *dp_conformance_name(uint32_t index);

/*
 * Runs one case. All its choices come from seed. Returns true when it passed;
 * else says on stderr what did not hold, where, and with which seed.
 */
bool dp_conformance_run(const struct dp_factory *factory, uint32_t index,
			uint64_t seed);

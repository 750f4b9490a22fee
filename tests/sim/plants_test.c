/* plants_test.c - every planted fault is found by the rules it breaks. */
#include "core/plant.h"
#include "tests/sim/hunt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Within the seeds of the default run; most show up in the first few. */
#define SEEDS_MAX 400

static bool find(enum plant plant, uint64_t seeds)
{
	const char *name = plant_name(plant);
	struct hunt_tally tally = {0};

	for (uint64_t seed = 1; seed <= seeds; seed++) {
		struct hunt_wish wish = {.seed = seed, .plant = plant};
		char failure[WORLD_FAIL];

		if (hunt_run(&wish, &tally, failure))
			continue;
		printf("%s: seed %" PRIu64 ": %s\n", name, seed, failure);
		return true;
	}
	printf("%s: NOT FOUND in %" PRIu64 " seeds\n", name, seeds);
	return false;
}

int main(int argc, char **argv)
{
	uint32_t missed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = PLANT_none + 1; i < PLANT_COUNT; i++) {
		enum plant plant = (enum plant)i;

		if (argc < 2 || !strcmp(argv[1], plant_name(plant)))
			missed += !find(plant, SEEDS_MAX);
	}
	printf("%u faults planted, %u not found\n", PLANT_COUNT - 1, missed);
	return missed ? 1 : 0;
}

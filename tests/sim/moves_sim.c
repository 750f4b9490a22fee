/* moves_sim.c - random runs by seed: every fault class, every rule checked. */
#include "tests/sim/hunt.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEEDS_DEFAULT 1000

/* What an assertion of the code under test leaves behind. */
static volatile uint64_t seed_now;

static void on_abort(int signal)
{
	char text[80];
	int len = snprintf(text, sizeof(text),
			   "died in seed %" PRIu64 ", replay: --seed %" PRIu64
			   " --verbose\n",
			   seed_now, seed_now);

	if (write(STDERR_FILENO, text, (size_t)len) < 0)
		_exit(2);
	(void)signal;
	_exit(3);
}

static int usage(void)
{
	fprintf(stderr, "usage: sim_moves [--seeds N] [--first-seed N] "
			"[--seed N] [--verbose] [--plant NAME]\n");
	return 2;
}

/* Prints the table. False: something never happened in so many runs. */
static bool print_tally(const struct hunt_tally *tally, bool must_all)
{
	bool all = true;

	for (int i = 0; i < SIM_FAULT_FRAMES; i++) {
		printf("%12" PRIu64 "  fault: %s\n", tally->faults[i],
		       sim_fault_name((enum sim_fault)i));
		all &= tally->faults[i] > 0;
	}
	for (int i = 0; i < HUNT_EVENT_COUNT; i++) {
		printf("%12" PRIu64 "  %s\n", tally->events[i],
		       hunt_event_name((enum hunt_event)i));
		/* Too rare for a thousand seeds. */
		all &= tally->events[i] > 0 || i == HUNT_STUCK;
	}
	printf("%12" PRIu64 "  bytes checked\n", tally->bytes);
	printf("%12.0f  virtual seconds\n", (double)tally->virtual_ns / 1e9);
	if (!all && must_all)
		printf("FAILED: not everything of the table has happened\n");
	return all || !must_all;
}

int main(int argc, char **argv)
{
	const char *many = getenv("FLUSHMARK_SEEDS");
	struct hunt_tally tally = {0};
	struct hunt_wish wish = {0};
	uint64_t first = 1;
	uint64_t seeds = many ? strtoull(many, NULL, 10) : SEEDS_DEFAULT;
	uint64_t failed = 0;

	for (int i = 1; i < argc; i++) {
		bool more = i + 1 < argc;

		if (!strcmp(argv[i], "--verbose"))
			wish.verbose = true;
		else if (!strcmp(argv[i], "--seeds") && more)
			seeds = strtoull(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--first-seed") && more)
			first = strtoull(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--plant") && more) {
			wish.plant = plant_find(argv[++i]);
			if (wish.plant == PLANT_none)
				return usage();
		} else if (!strcmp(argv[i], "--seed") && more) {
			first = strtoull(argv[++i], NULL, 10);
			seeds = 1;
		} else
			return usage();
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGABRT, on_abort);
	signal(SIGSEGV, on_abort);
	for (uint64_t seed = first; seed < first + seeds; seed++) {
		char failure[WORLD_FAIL];

		wish.seed = seed_now = seed;
		if (hunt_run(&wish, &tally, failure))
			continue;
		failed++;
		printf("seed %" PRIu64 ": %s\n  replay: %s --seed %" PRIu64
		       " --verbose\n",
		       seed, failure, argv[0], seed);
	}
	if (!print_tally(&tally, seeds >= SEEDS_DEFAULT))
		failed++;
	printf("%" PRIu64 " seeds, %" PRIu64 " failed\n", seeds, failed);
	return failed ? 1 : 0;
}

/* tcp_seeds_test.c - our TCP against itself and lwIP on a bad cable, by seed.
 */
#include "dataplane/tcp/plant.h"
#include "tests/sim/tcp_run.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEEDS_DEFAULT 500

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
	fprintf(stderr, "usage: sim_tcp [--seeds N] [--first-seed N] "
			"[--seed N] [--verbose] [--plant NAME] "
			"[--lwip DIRECTORY]\n");
	return 2;
}

/* 0 when there is none of that name. */
static uint8_t plant_find(const char *name)
{
#define IS_IT(plant, what)         \
	if (!strcmp(name, #plant)) \
		return TCP_PLANT_##plant;
	TCP_PLANTS(IS_IT)
#undef IS_IT
	fprintf(stderr, "there is no plant %s\n", name);
	return 0;
}

/* Of a cable and of who looks at events and timers. */
static bool is_ours(int fault)
{
	return fault >= SIM_FAULT_FRAMES || fault == SIM_DELAY ||
	       fault == SIM_STALL || fault == SIM_FEW_EVENTS ||
	       fault == SIM_SPURIOUS_WAKE || fault == SIM_LATE_TIMER;
}

/* Prints the table. False: something never happened in so many runs. */
static bool print_tally(const struct run_tally *tally, bool must_all)
{
	bool all = true;

	for (int i = 0; i < SIM_FAULT_COUNT; i++) {
		if (!is_ours(i))
			continue;
		printf("%12" PRIu64 "  fault: %s\n", tally->faults[i],
		       sim_fault_name((enum sim_fault)i));
		all &= tally->faults[i] > 0;
	}
	for (int i = 0; i < RUN_EVENT_COUNT; i++) {
		printf("%12" PRIu64 "  %s\n", tally->events[i],
		       run_event_name((enum run_event)i));
		all &= tally->events[i] > 0;
	}
	printf("%12" PRIu64 "  frames\n", tally->frames);
	printf("%12" PRIu64 "  bytes checked\n", tally->bytes);
	printf("%12.0f  virtual seconds\n", (double)tally->virtual_ns / 1e9);
	if (!all && must_all)
		printf("FAILED: not everything of the table has happened\n");
	return all || !must_all;
}

/* The same seed must be the same run, or no failure could be replayed. */
static bool runs_twice(const struct run_wish *wish, uint64_t trace)
{
	struct run_tally again = {0};
	char failure[RUN_FAIL];

	run_seed(wish, &again, failure);
	return again.trace == trace;
}

static bool one(const struct run_wish *wish, struct run_tally *tally,
		const char *program)
{
	char failure[RUN_FAIL];

	if (!run_seed(wish, tally, failure)) {
		printf("seed %" PRIu64 ": %s\n  replay: %s%s%s --seed %" PRIu64
		       " --verbose\n",
		       wish->seed, failure, program,
		       wish->peers ? " --lwip " : "",
		       wish->peers ? wish->peers : "", wish->seed);
		return false;
	}
	if (wish->seed % 50 || runs_twice(wish, tally->trace))
		return true;
	printf("seed %" PRIu64 ": another run when it is run again\n",
	       wish->seed);
	return false;
}

int main(int argc, char **argv)
{
	const char *many = getenv("FLUSHMARK_SEEDS");
	struct run_tally tally = {0};
	struct run_wish wish = {0};
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
		else if (!strcmp(argv[i], "--plant") && more)
			wish.plant = plant_find(argv[++i]);
		else if (!strcmp(argv[i], "--lwip") && more)
			wish.peers = argv[++i];
		else if (!strcmp(argv[i], "--seed") && more) {
			first = strtoull(argv[++i], NULL, 10);
			seeds = 1;
		} else
			return usage();
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGABRT, on_abort);
	signal(SIGSEGV, on_abort);
	for (uint64_t seed = first; seed < first + seeds; seed++) {
		wish.seed = seed_now = seed;
		failed += !one(&wish, &tally, argv[0]);
	}
	if (!print_tally(&tally, seeds >= SEEDS_DEFAULT))
		failed++;
	printf("%" PRIu64 " seeds, %" PRIu64 " failed\n", seeds, failed);
	return failed ? 1 : 0;
}

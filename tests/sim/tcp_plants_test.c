/* tcp_plants_test.c - every fault planted in our TCP is found by a rule.
 *
 *   stream      each byte is what stands at its position, and all come
 *   deadlock    something moves, as long as something is left to do
 *   end         each connection ends as its owners asked, with one CLOSED, in
 *               TIME-WAIT at the end that finished first
 *   empty       in the end nothing is held: flow, timer, chunk, view, frame
 *   check       tcp_check holds after every pass
 *
 * and those of tests/sim/tcp_watch.h, which looks at the frames: sound,
 * window, fin, truth, edge, room, sack-truth, sack-news, sack-heard, patience,
 * debt.
 */
#include "dataplane/tcp/plant.h"
#include "tests/sim/tcp_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The default run's; most show up in the first few. */
#define SEEDS_MAX 500

/* What the failure says that gives a plant away. */
static const char *const names[TCP_PLANT_COUNT] = {
#define NAME(plant, what) [TCP_PLANT_##plant] = #plant,
	TCP_PLANTS(NAME)
#undef NAME
};

static const char *const rules[TCP_PLANT_COUNT] = {
	[TCP_PLANT_forget_sack] = "sack-news",
	[TCP_PLANT_offer_more] = "room",
	[TCP_PLANT_never_patient] = "patience",
	[TCP_PLANT_compare_plainly] = "fails with",
	[TCP_PLANT_lose_fin] = "fails with",
	[TCP_PLANT_owe_forever] = "debt",
	[TCP_PLANT_believe_sums] = "is wrong",
	[TCP_PLANT_reverse_paws] = "fails with",
	[TCP_PLANT_keep_overlap] = "is wrong",
	[TCP_PLANT_drop_untaken] = "is wrong",
	[TCP_PLANT_send_beyond] = "window",
	[TCP_PLANT_resend_sacked] = "sack-heard",
	[TCP_PLANT_forget_wait] = "TIME-WAIT",
	[TCP_PLANT_keep_frame] = "not empty: frames",
};

static bool find(int plant)
{
	struct run_tally tally = {0};

	for (uint64_t seed = 1; seed <= SEEDS_MAX; seed++) {
		struct run_wish wish = {.seed = seed, .plant = (uint8_t)plant};
		char failure[RUN_FAIL];

		if (run_seed(&wish, &tally, failure) ||
		    !strstr(failure, rules[plant]))
			continue;
		printf("%s: seed %" PRIu64 ": %s\n", names[plant], seed,
		       failure);
		return true;
	}
	printf("%s: NOT FOUND by %s in %d seeds\n", names[plant], rules[plant],
	       SEEDS_MAX);
	return false;
}

int main(int argc, char **argv)
{
	int missed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = TCP_PLANT_none + 1; i < TCP_PLANT_COUNT; i++) {
		if (argc < 2 || !strcmp(argv[1], names[i]))
			missed += !find(i);
	}
	printf("%d faults planted, %d not found\n", TCP_PLANT_COUNT - 1,
	       missed);
	return missed ? 1 : 0;
}

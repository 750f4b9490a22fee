/* dp_sim_test.c - the simulated dataplane passes the conformance suite. */
#include "dataplane/sim/sim.h"
#include "tests/unit/dp_conformance.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define SEEDS 20

/* One run of one case: a world of its own. */
struct run {
	struct sim_world *world;
	bool local; /* unix paths */
	bool apart; /* each dp on a machine of its own */
	struct sim_machine *machines[8];
};

static int run_make(void *arg, uint32_t index, struct dp **dp)
{
	static const struct sim_limits limits = {
		.conn_max = 64,
		.view_count = 32,
		.view_max_bytes = 2048,
		.unread_max_bytes = 16 << 20,
	};
	struct run *run = arg;
	uint32_t place = run->apart ? index : 0;

	if (!run->machines[place]) {
		char name[16];

		snprintf(name, sizeof(name), "m%u", place);
		run->machines[place] = sim_machine_create(run->world, name);
		sim_machine_set_limits(run->machines[place], &limits);
	}
	return sim_dp_create(run->world, run->machines[place], dp);
}

static void run_step(void *arg)
{
	struct run *run = arg;

	sim_world_advance(run->world);
}

static int run_address(void *arg, uint32_t n, struct addr *addr)
{
	const struct run *run = arg;
	char text[ADDR_TEXT_MAX];

	if (run->local)
		snprintf(text, sizeof(text), "unix:/run/%u", n);
	else
		snprintf(text, sizeof(text), "127.0.0.1:0");
	return addr_parse(addr, text);
}

static void run_suite(const struct sim_faults *faults, uint64_t seeds)
{
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		for (uint32_t i = 0; i < dp_conformance_count(); i++) {
			struct run run = {
				.world = sim_world_create(seed),
				.local = seed % 2,
				.apart = seed / 2 % 2,
			};
			struct dp_factory factory = {
				.make = run_make,
				.step = run_step,
				.address = run_address,
				.arg = &run,
			};

			sim_set_faults(run.world, faults);
			cr_expect(dp_conformance_run(&factory, i, seed),
				  "%s, seed %llu", dp_conformance_name(i),
				  (unsigned long long)seed);
			sim_world_destroy(run.world);
		}
	}
}

Test(dp_sim, without_faults)
{
	run_suite(NULL, 4);
}

Test(dp_sim, with_faults)
{
	struct sim_faults faults = sim_faults_gentle();

	/* A case sends 5,000 bytes to who does not read, and wants SENT. */
	faults.slow_window_bytes = 64 * 1024;
	run_suite(&faults, SEEDS);
}

/* Every delivery cut, most of them to a byte or two. */
Test(dp_sim, with_every_delivery_split)
{
	struct sim_faults faults = {.chance = {[SIM_SPLIT] = 10000}};

	run_suite(&faults, 1);
}

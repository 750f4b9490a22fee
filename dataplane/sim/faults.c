/* faults.c - when a fault happens, and the count that proves it did. */
#include "dataplane/sim/internal.h"

bool sim_fault_roll(const struct sim_faults *faults, enum sim_fault fault,
		    struct sim_prng *prng, uint64_t counts[SIM_FAULT_COUNT])
{
	uint16_t chance = faults->chance[fault];

	if (chance == 0 || sim_prng_below(prng, 10000) >= chance)
		return false;
	counts[fault]++;
	return true;
}

bool sim_fault_fires(struct sim_world *world, const struct sim_path *path,
		     enum sim_fault fault)
{
	if (!world->faults_on || (path && !path->faults))
		return false;
	return sim_fault_roll(&world->faults, fault, &world->prng,
			      world->fault_count);
}

uint64_t sim_draw(struct sim_world *world, uint64_t limit)
{
	return sim_prng_below(&world->prng, limit);
}

void sim_set_faults(struct sim_world *world, const struct sim_faults *faults)
{
	world->faults_on = faults != NULL;
	world->faults = faults ? *faults : (struct sim_faults){0};
	/* Windows may be wider now. */
	for (uint32_t i = 0; i < world->links.count; i++) {
		struct sim_link *link = sim_link_at(world, i);

		if (!link)
			continue;
		sim_end_pump(&link->end[0]);
		sim_end_pump(&link->end[1]);
	}
}

uint64_t sim_fault_count(const struct sim_world *world, enum sim_fault fault)
{
	return fault < SIM_FAULT_COUNT ? world->fault_count[fault] : 0;
}

const char *sim_fault_name(enum sim_fault fault)
{
	static const char *const names[SIM_FAULT_COUNT] = {
		[SIM_SPLIT] = "split",
		[SIM_DELAY] = "delay",
		[SIM_STALL] = "stall",
		[SIM_RESET] = "reset",
		[SIM_SLOW_READER] = "slow-reader",
		[SIM_SHORT_SEND] = "short-send",
		[SIM_REFUSE] = "refuse",
		[SIM_ACCEPT_LATE] = "accept-late",
		[SIM_FEW_EVENTS] = "few-events",
		[SIM_SPURIOUS_WAKE] = "spurious-wake",
		[SIM_LATE_TIMER] = "late-timer",
		[SIM_LOSE] = "lose",
		[SIM_DUPLICATE] = "duplicate",
		[SIM_REORDER] = "reorder",
		[SIM_CORRUPT] = "corrupt",
		[SIM_OUTAGE] = "outage",
	};

	return fault < SIM_FAULT_COUNT ? names[fault] : "unknown";
}

struct sim_faults sim_faults_gentle(void)
{
	return (struct sim_faults){
		.chance =
			{
				[SIM_SPLIT] = 3000,
				[SIM_DELAY] = 3000,
				[SIM_STALL] = 20,
				[SIM_SLOW_READER] = 500,
				[SIM_SHORT_SEND] = 1000,
				[SIM_ACCEPT_LATE] = 1000,
				[SIM_FEW_EVENTS] = 1000,
				[SIM_SPURIOUS_WAKE] = 500,
				[SIM_LATE_TIMER] = 1000,
			},
		.delay_min_ns = 100 * NS_PER_US,
		.delay_max_ns = 40 * NS_PER_MS,
		.delay_jitter_ns = 5 * NS_PER_MS,
		.stall_max_ns = 800 * NS_PER_MS,
		.short_max_ns = 20 * NS_PER_MS,
		.accept_max_ns = 50 * NS_PER_MS,
		.late_max_ns = 30 * NS_PER_MS,
		.slow_window_bytes = 2048,
	};
}

struct sim_faults sim_faults_all(void)
{
	struct sim_faults faults = sim_faults_gentle();

	faults.chance[SIM_RESET] = 10;
	faults.chance[SIM_REFUSE] = 200;
	return faults;
}

struct sim_faults sim_faults_frames(void)
{
	return (struct sim_faults){
		.chance =
			{
				[SIM_DELAY] = 3000,
				[SIM_STALL] = 10,
				[SIM_LOSE] = 200,
				[SIM_DUPLICATE] = 100,
				[SIM_REORDER] = 200,
				[SIM_CORRUPT] = 50,
				[SIM_OUTAGE] = 2,
			},
		.delay_min_ns = 100 * NS_PER_US,
		.delay_max_ns = 40 * NS_PER_MS,
		.delay_jitter_ns = 5 * NS_PER_MS,
		.stall_max_ns = 800 * NS_PER_MS,
		.reorder_max_ns = 20 * NS_PER_MS,
		.outage_max_ns = 4 * NS_PER_S,
	};
}

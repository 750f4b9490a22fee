/* world.c - a world and its machines, from the first draw to the last free. */
#include "dataplane/sim/internal.h"

#include <stdio.h>
#include <stdlib.h>

#define CONN_MAX         1024
#define VIEW_COUNT       256
#define UNREAD_MAX_BYTES (1024 * 1024)
#define VIEW_MAX_BYTES   4096

/* Time starts a little after 0, so that 0 is never a moment that counts. */
#define START_NS (NS_PER_S)

struct sim_world *sim_world_create(uint64_t seed)
{
	struct sim_world *world = sim_take(1, sizeof(*world));

	world->seed = seed;
	world->now_ns = START_NS;
	world->prng = sim_prng_make(seed, 0);
	world->picks = sim_prng_make(seed, 1);
	world->hosts = sim_prng_make(seed, 2);
	return world;
}

static struct sim_machine *machine_at(const struct sim_world *world,
				      uint32_t index)
{
	return ((struct sim_machine **)world->machines.items)[index];
}

void sim_world_destroy(struct sim_world *world)
{
	for (uint32_t i = 0; i < world->links.count; i++) {
		if (sim_link_at(world, i))
			sim_link_free(sim_link_at(world, i));
	}
	for (uint32_t i = 0; i < world->dps.count; i++) {
		if (sim_dp_at(world, i))
			sim_dp_free(sim_dp_at(world, i));
	}
	for (uint32_t i = 0; i < world->machines.count; i++)
		free(machine_at(world, i));
	sim_host_world_fini(world);
	sim_list_fini(&world->items);
	sim_list_fini(&world->links);
	sim_list_fini(&world->machines);
	sim_list_fini(&world->dps);
	sim_list_fini(&world->listeners);
	sim_list_fini(&world->paths);
	free(world);
}

uint64_t sim_world_now(const struct sim_world *world)
{
	return world->now_ns;
}

uint64_t sim_world_trace(const struct sim_world *world)
{
	return world->trace;
}

uint64_t sim_world_pick(struct sim_world *world, uint64_t limit)
{
	return sim_prng_below(&world->picks, limit);
}

struct sim_machine *sim_machine_create(struct sim_world *world,
				       const char *name)
{
	struct sim_machine *machine = sim_take(1, sizeof(*machine));

	machine->world = world;
	snprintf(machine->name, sizeof(machine->name), "%s", name);
	machine->limits = (struct sim_limits){
		.conn_max = CONN_MAX,
		.view_count = VIEW_COUNT,
		.view_max_bytes = VIEW_MAX_BYTES,
		.unread_max_bytes = UNREAD_MAX_BYTES,
	};
	machine->id = world->machines.count;
	machine->name_id = machine->id;
	for (uint32_t i = 0; i < machine->id; i++) {
		const struct sim_machine *earlier = machine_at(world, i);

		if (strcmp(earlier->name, machine->name) != 0)
			continue;
		machine->name_id = earlier->name_id;
		machine->group = earlier->group;
		break;
	}
	*(struct sim_machine **)sim_list_add(&world->machines,
					     sizeof(machine)) = machine;
	return machine;
}

void sim_machine_set_group(struct sim_machine *machine, uint32_t group)
{
	machine->group = group;
}

void sim_machine_set_limits(struct sim_machine *machine,
			    const struct sim_limits *limits)
{
	machine->limits = *limits;
}

void sim_machine_crash(struct sim_machine *machine)
{
	struct sim_world *world = machine->world;

	if (machine->crashed)
		return;
	for (uint32_t i = 0; i < world->dps.count; i++) {
		struct sim_dp *dp = sim_dp_at(world, i);

		if (dp && dp->machine == machine)
			sim_dp_vanish(dp);
	}
	/* What is left of the machine is in parcels. */
	for (uint32_t i = 0; i < 2 * world->links.count; i++) {
		struct sim_link *link = sim_link_at(world, i / 2);

		if (link && link->end[i % 2].state == END_PARCEL &&
		    link->end[i % 2].machine == machine)
			sim_end_vanish(&link->end[i % 2]);
	}
	sim_host_crash(machine);
	machine->crashed = true;
}

bool sim_machine_crashed(const struct sim_machine *machine)
{
	return machine->crashed;
}

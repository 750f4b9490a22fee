/* host_region.c - shared memory of simulated machines, held by count. */
#include "dataplane/sim/sim_host.h"
#include "dataplane/sim/host_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define REGION_MAX_BYTES ((size_t)1 << 30)

static void hold_add(struct sim_host *sim, struct sim_region *region,
		     bool owned, struct host_region *out)
{
	struct sim_hold *hold = sim_take(1, sizeof(*hold));

	hold->region = region;
	hold->next = sim->holds;
	sim->holds = hold;
	region->holders++;
	*out = (struct host_region){
		.base = region->base,
		.size_bytes = region->size_bytes,
		.id = region->id,
		.owned = owned,
	};
}

static void region_free(struct sim_world *world, struct sim_region *region)
{
	struct sim_region **link = &world->regions;

	while (*link != region)
		link = &(*link)->next;
	*link = region->next;
	free(region->base);
	free(region);
}

static void hold_end(struct sim_host *sim, struct sim_hold **link)
{
	struct sim_hold *hold = *link;
	struct sim_region *region = hold->region;

	*link = hold->next;
	free(hold);
	/* The giver serves its tickets itself: no giver, no way in. */
	if (region->giver == sim)
		region->giver = NULL;
	if (--region->holders == 0)
		region_free(sim->world, region);
}

static struct sim_hold **hold_find(struct sim_host *sim, uint32_t id)
{
	struct sim_hold **link = &sim->holds;

	while (*link && (*link)->region->id != id)
		link = &(*link)->next;
	return link;
}

int sim_region_create(struct host *host, size_t size_bytes,
		      struct host_region *region)
{
	struct sim_host *sim = sim_host_of(host);
	struct sim_region *made;

	if (size_bytes == 0 || size_bytes > REGION_MAX_BYTES)
		return -EINVAL;
	made = sim_take(1, sizeof(*made));
	made->base = aligned_alloc(4096, (size_bytes + 4095) / 4096 * 4096);
	ASSERT(made->base, "the simulator has the memory it needs");
	memset(made->base, 0, size_bytes);
	made->size_bytes = size_bytes;
	made->id = ++sim->world->region_ids;
	made->group = sim->machine->group;
	made->next = sim->world->regions;
	sim->world->regions = made;
	hold_add(sim, made, true, region);
	return 0;
}

void sim_region_drop(struct host *host, struct host_region *region)
{
	struct sim_host *sim = sim_host_of(host);
	struct sim_hold **link = hold_find(sim, region->id);

	ASSERT(*link || sim->machine->crashed,
	       "a region is dropped once, by who holds it");
	if (*link)
		hold_end(sim, link);
	*region = (struct host_region){0};
}

int sim_region_give(struct host *host, const struct host_region *region,
		    struct host_region_ticket *ticket)
{
	struct sim_host *sim = sim_host_of(host);
	struct sim_hold **link = hold_find(sim, region->id);
	struct sim_region *given;

	if (!*link)
		return -ENOENT;
	given = (*link)->region;
	given->giver = sim;
	sim_prng_fill(&sim->world->hosts, given->secret, sizeof(given->secret));
	*ticket = (struct host_region_ticket){0};
	snprintf(ticket->path, sizeof(ticket->path), "sim/%s/%u",
		 sim->machine->name, given->id);
	memcpy(ticket->secret, given->secret, sizeof(ticket->secret));
	return 0;
}

int sim_region_take(struct host *host, const struct host_region_ticket *ticket,
		    struct host_region *region)
{
	struct sim_host *sim = sim_host_of(host);

	for (struct sim_region *at = sim->world->regions; at; at = at->next) {
		if (!at->giver || at->group != sim->machine->group ||
		    memcmp(at->secret, ticket->secret, sizeof(at->secret)) != 0)
			continue;
		/* A ticket is good for one taker. */
		at->giver = NULL;
		hold_add(sim, at, false, region);
		return 0;
	}
	return -ENOENT;
}

void sim_regions_let_go(struct sim_host *sim)
{
	while (sim->holds)
		hold_end(sim, &sim->holds);
}

void sim_regions_fini(struct sim_world *world)
{
	while (world->regions)
		region_free(world, world->regions);
}

uint32_t sim_host_regions(const struct host *host)
{
	const struct sim_hold *hold = sim_host_of_const(host)->holds;
	uint32_t count = 0;

	for (; hold; hold = hold->next)
		count++;
	return count;
}

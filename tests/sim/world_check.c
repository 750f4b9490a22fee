/* world_check.c - what daemons hold in shared memory, and in the end. */
#include "tests/sim/world.h"

/* Sealed slots of a link's region: returns how many, the last is *slot. */
static uint32_t find_sealed(const struct region *region, uint32_t *slot,
			    struct seeded *random)
{
	struct region_slot *slots =
		(void *)(region->base + sizeof(struct region_header));
	uint32_t found = 0;

	for (uint32_t i = 0; i < region->slot_count; i++) {
		if (atomic_load(&slots[i].state) != REGION_SEALED)
			continue;
		if (!seeded_below(random, ++found))
			*slot = i;
	}
	return found;
}

static uint8_t *heap_of(const struct region *region)
{
	size_t end = sizeof(struct region_header) +
		     region->slot_count * sizeof(struct region_slot);

	return region->base + (end + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES *
				      CACHE_LINE_BYTES;
}

bool world_sealed_byte(struct world *world, uint32_t index,
		       struct seeded *random, uint8_t **byte)
{
	struct world_daemon *daemon = &world->daemons[index];

	for (uint32_t s = 0; daemon->alive && s < world->wish.shards; s++) {
		struct peers *peers =
			world_service(daemon, s)->shard->parts[PART_PEER].self;

		for (uint32_t i = 0; i < PEER_LINKS_MAX; i++) {
			const struct region *region = &peers->links[i].out;
			struct region_slot *slots =
				(void *)(region->base +
					 sizeof(struct region_header));
			uint32_t slot = 0;
			uint32_t len;

			if (peers->links[i].state != PEER_LINK_UP ||
			    !region->base ||
			    !find_sealed(region, &slot, random))
				continue;
			/* Length, owner and hash, or the bytes. */
			*byte = (uint8_t *)&slots[slot].len +
				seeded_below(random, 20);
			/* A length may be torn already. */
			len = min_u32(slots[slot].len, region->slot_bytes);
			if (seeded_below(random, 2) && len)
				*byte = heap_of(region) +
					(size_t)slot * region->slot_bytes +
					seeded_below(random, len);
			return true;
		}
	}
	return false;
}

static void check_regions(struct world *world, const struct peers *peers,
			  uint32_t daemon)
{
	for (uint32_t i = 0; i < PEER_LINKS_MAX; i++) {
		const struct peer_link *link = &peers->links[i];
		const struct region_slot *slots;

		if (link->state != PEER_LINK_UP || !link->out.base)
			continue;
		slots = (const void *)(link->out.base +
				       sizeof(struct region_header));
		for (uint32_t s = 0; s < link->out.slot_count; s++) {
			if (atomic_load(&slots[s].state) != REGION_FREE)
				world_fail(world,
					   "%c: slot %u of a region is not "
					   "free in the end",
					   'a' + daemon, s);
		}
	}
}

static void check_shard(struct world *world, struct world_daemon *daemon,
			uint32_t index)
{
	struct service *service = world_service(daemon, index);
	struct shard *shard = service->shard;
	const struct {
		const char *what;
		uint32_t left;
	} rows[] = {
		{"sessions", service->sessions.used},
		{"channels", service->channels.used},
		{"links", service->linkings.used},
		{"moves", service->moves->slab.used},
		{"chunks", shard->chunks.used},
		{"views", sim_dp_views(daemon->dps[index])},
	};

	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].left)
			world_fail(world, "%c shard %u: %u %s left over",
				   'a' + daemon->index, index, rows[i].left,
				   rows[i].what);
	}
	check_regions(world, shard->parts[PART_PEER].self, daemon->index);
}

/* Guests that came and went must have left nothing in the tables. */
static void check_tables(struct world *world, struct world_daemon *daemon)
{
	struct pool *pool = daemon_pool(daemon->daemon);
	uint32_t guests = 0;

	for (uint32_t s = 0; s < world->wish.shards; s++)
		guests += world_service(daemon, s)->guests.used;
	if (atomic_load(&pool->sessions.used))
		world_fail(world, "%c: %u session ids are still known",
			   'a' + daemon->index,
			   atomic_load(&pool->sessions.used));
	if (atomic_load(&pool->guests.used) != guests ||
	    atomic_load(&pool->tickets.used) != guests)
		world_fail(world, "%c: %u guests, %u names, %u tickets",
			   'a' + daemon->index, guests,
			   atomic_load(&pool->guests.used),
			   atomic_load(&pool->tickets.used));
}

void world_check_empty(struct world *world)
{
	for (uint32_t i = 0; i < world->wish.daemons; i++) {
		struct world_daemon *daemon = &world->daemons[i];

		if (!daemon->alive)
			continue;
		for (uint32_t s = 0; s < world->wish.shards; s++)
			check_shard(world, daemon, s);
		check_tables(world, daemon);
	}
}

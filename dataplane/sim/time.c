/* time.c - the heap of what is due, and the clock that follows it. */
#include "dataplane/sim/internal.h"

static struct sim_item *item_at(const struct sim_world *world, uint32_t i)
{
	return (struct sim_item *)world->items.items + i;
}

static bool item_before(const struct sim_item *a, const struct sim_item *b)
{
	if (a->when_ns != b->when_ns)
		return a->when_ns < b->when_ns;
	return a->order < b->order;
}

static void item_swap(struct sim_item *a, struct sim_item *b)
{
	struct sim_item held = *a;

	*a = *b;
	*b = held;
}

void sim_item_add(struct sim_world *world, uint64_t when_ns,
		  enum sim_item_kind kind, const struct sim_end *end)
{
	struct sim_item *item =
		sim_list_add(&world->items, sizeof(struct sim_item));
	uint32_t at = world->items.count - 1;

	*item = (struct sim_item){
		.when_ns = when_ns,
		.order = sim_prng_next(&world->prng),
		.link = end->link->index,
		.generation = end->link->generation,
		.kind = (uint8_t)kind,
		.side = end->side,
	};
	while (at > 0 &&
	       item_before(item_at(world, at), item_at(world, (at - 1) / 2))) {
		item_swap(item_at(world, at), item_at(world, (at - 1) / 2));
		at = (at - 1) / 2;
	}
}

static struct sim_item item_take(struct sim_world *world)
{
	struct sim_item first = *item_at(world, 0);
	uint32_t count = --world->items.count;
	uint32_t at = 0;

	*item_at(world, 0) = *item_at(world, count);
	for (;;) {
		uint32_t least = at;

		for (uint32_t child = 2 * at + 1;
		     child < count && child <= 2 * at + 2; child++) {
			if (item_before(item_at(world, child),
					item_at(world, least)))
				least = child;
		}
		if (least == at)
			return first;
		item_swap(item_at(world, at), item_at(world, least));
		at = least;
	}
}

static void item_run(struct sim_world *world, const struct sim_item *item)
{
	struct sim_link *link = sim_link_at(world, item->link);
	struct sim_end *end;

	if (!link || link->generation != item->generation)
		return;
	end = &link->end[item->side];
	switch ((enum sim_item_kind)item->kind) {
	case ITEM_DELIVER:
		sim_wire_deliver(end);
		break;
	case ITEM_CREDIT:
		sim_wire_credit(end);
		break;
	case ITEM_PUMP:
		end->send.cap_bytes = end->send.len_bytes;
		sim_end_pump(end);
		break;
	case ITEM_ANNOUNCE:
		end->announce = true;
		sim_slot_touch(end);
		break;
	}
	sim_link_settle(link);
}

bool sim_items_run(struct sim_world *world)
{
	bool ran = false;

	while (world->items.count &&
	       item_at(world, 0)->when_ns <= world->now_ns) {
		struct sim_item item = item_take(world);

		item_run(world, &item);
		ran = true;
	}
	return ran;
}

uint64_t sim_world_next_ns(const struct sim_world *world)
{
	uint64_t next_ns = NS_NEVER;

	if (world->items.count)
		next_ns = max_u64(item_at(world, 0)->when_ns, world->now_ns);
	for (uint32_t i = 0; i < world->dps.count; i++) {
		const struct sim_dp *dp = sim_dp_at(world, i);

		/* One that has passed is for its shard to poll, not for us. */
		if (dp && dp->wake_ns > world->now_ns)
			next_ns = min_u64(next_ns, dp->wake_ns);
	}
	return next_ns;
}

bool sim_world_advance_until(struct sim_world *world, uint64_t until_ns)
{
	uint64_t next_ns;

	if (sim_items_run(world))
		return true;
	next_ns = sim_world_next_ns(world);
	if (next_ns > until_ns) {
		world->now_ns = max_u64(world->now_ns, until_ns);
		return false;
	}
	world->now_ns = next_ns;
	sim_items_run(world);
	return true;
}

bool sim_world_advance(struct sim_world *world)
{
	if (sim_world_next_ns(world) == NS_NEVER)
		return false;
	return sim_world_advance_until(world, NS_NEVER);
}

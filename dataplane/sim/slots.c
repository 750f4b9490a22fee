/* slots.c - a dp's names for its ends, and which of them have something new. */
#include "dataplane/sim/internal.h"

#include <errno.h>

int sim_slot_take(struct sim_dp *dp, struct sim_end *end)
{
	uint32_t index = dp->slots_free - 1;
	struct sim_slot *slot;

	if (dp->slots_free == 0)
		return -ENOSPC;
	slot = &dp->slots[index];
	dp->slots_free = slot->next_free;
	dp->slots_used++;
	slot->end = end;
	end->dp = dp;
	end->machine = dp->machine;
	end->slot = index;
	end->state = END_OWNED;
	return 0;
}

/* The name is stale from here on; the end is in nobody's hands. */
void sim_slot_give(struct sim_end *end)
{
	struct sim_dp *dp = end->dp;
	struct sim_slot *slot = &dp->slots[end->slot];

	slot->end = NULL;
	slot->generation++;
	/* Taken again first: a stale name soon meets the slot's new owner. */
	slot->next_free = dp->slots_free;
	dp->slots_free = end->slot + 1;
	dp->slots_used--;
	end->dp = NULL;
}

dp_conn sim_slot_name(const struct sim_end *end)
{
	return (uint64_t)end->dp->slots[end->slot].generation << 32 | end->slot;
}

struct sim_end *sim_slot_find(struct dp *dp, dp_conn conn)
{
	struct sim_dp *sim = sim_dp_of(dp);
	uint32_t index = (uint32_t)conn;

	if (index >= sim->limits.conn_max ||
	    sim->slots[index].generation != conn >> 32)
		return NULL;
	return sim->slots[index].end;
}

/* Lists an end whose state has changed, if it has something to tell now. */
void sim_slot_touch(struct sim_end *end)
{
	struct sim_slot *slot;

	if (!end->dp)
		return;
	slot = &end->dp->slots[end->slot];
	if (slot->listed || !sim_end_has_event(end))
		return;
	slot->listed = true;
	end->dp->ready[end->dp->ready_count++] = end->slot;
}

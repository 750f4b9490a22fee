/* cable.c - two ports and what happens to the frames between them, by seed. */
#include "dataplane/sim/cable.h"
#include "dataplane/sim/internal.h"

#include <stdlib.h>

#define ETHERNET_BYTES 14
#define NO_SLOT        UINT32_MAX

/* In the heap; the frame's bytes stand in its slot. */
struct entry {
	uint64_t when_ns;
	uint64_t
		order; /* of entering: what is due at one time stays in order */
	uint32_t slot;
	uint32_t len;
	uint32_t port;
};

/* Frames that entered at one port. */
struct direction {
	uint64_t delay_ns; /* by the fault */
	uint64_t jitter_ns;
	uint64_t last_ns; /* when the last one in order comes out */
	uint64_t stalled_until_ns;
	uint64_t out_until_ns;
};

struct sim_cable {
	struct sim_cable_config config;
	struct sim_faults faults;
	struct sim_prng prng;
	struct direction direction[2];
	struct entry *heap;
	uint8_t *bytes;
	uint32_t *free; /* slots */
	uint32_t count; /* in the heap */
	uint32_t free_count;
	uint32_t lent; /* the slot that take gave out, or NO_SLOT */
	uint64_t order;
	uint64_t dropped;
	uint64_t fault_count[SIM_FAULT_COUNT];
};

static uint8_t *slot_bytes(const struct sim_cable *cable, uint32_t slot)
{
	return cable->bytes + (size_t)slot * cable->config.frame_bytes;
}

static bool entry_before(const struct entry *a, const struct entry *b)
{
	if (a->when_ns != b->when_ns)
		return a->when_ns < b->when_ns;
	return a->order < b->order;
}

static void entry_add(struct sim_cable *cable, struct entry entry)
{
	struct entry *heap = cable->heap;
	uint32_t at = cable->count++;

	while (at > 0 && entry_before(&entry, &heap[(at - 1) / 2])) {
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = entry;
}

static struct entry entry_take(struct sim_cable *cable)
{
	struct entry *heap = cable->heap;
	struct entry first = heap[0];
	struct entry last = heap[--cable->count];
	uint32_t at = 0;

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child + 1 < cable->count &&
		    entry_before(&heap[child + 1], &heap[child]))
			child++;
		if (child >= cable->count || !entry_before(&heap[child], &last))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = last;
	return first;
}

struct sim_cable *sim_cable_create(const struct sim_cable_config *config)
{
	struct sim_cable *cable = sim_take(1, sizeof(*cable));

	ASSERT(config->frame_max, "a cable holds a frame");
	cable->config = *config;
	cable->prng = sim_prng_make(config->seed, 0);
	cable->heap = sim_take(config->frame_max, sizeof(*cable->heap));
	cable->bytes = sim_take(config->frame_max, config->frame_bytes);
	cable->free = sim_take(config->frame_max, sizeof(*cable->free));
	for (uint32_t i = 0; i < config->frame_max; i++)
		cable->free[i] = i;
	cable->free_count = config->frame_max;
	cable->lent = NO_SLOT;
	return cable;
}

void sim_cable_destroy(struct sim_cable *cable)
{
	free(cable->heap);
	free(cable->bytes);
	free(cable->free);
	free(cable);
}

static bool fires(struct sim_cable *cable, enum sim_fault fault)
{
	return sim_fault_roll(&cable->faults, fault, &cable->prng,
			      cable->fault_count);
}

static uint64_t draw(struct sim_cable *cable, uint64_t limit)
{
	return sim_prng_below(&cable->prng, limit);
}

void sim_cable_set_faults(struct sim_cable *cable,
			  const struct sim_faults *faults)
{
	cable->faults = faults ? *faults : (struct sim_faults){0};
	for (uint32_t i = 0; i < 2; i++) {
		struct direction *direction = &cable->direction[i];
		uint64_t last_ns = direction->last_ns;

		*direction = (struct direction){.last_ns = last_ns};
		if (!fires(cable, SIM_DELAY))
			continue;
		direction->delay_ns =
			cable->faults.delay_min_ns +
			draw(cable, cable->faults.delay_max_ns -
					    cable->faults.delay_min_ns);
		direction->jitter_ns = cable->faults.delay_jitter_ns;
	}
}

static void give_back_lent(struct sim_cable *cable)
{
	if (cable->lent == NO_SLOT)
		return;
	cable->free[cable->free_count++] = cable->lent;
	cable->lent = NO_SLOT;
}

/* One bit: what any checksum there is must find. ARP has none. */
static void corrupt(struct sim_cable *cable, uint8_t *data, uint32_t len)
{
	bool ipv4 = len > ETHERNET_BYTES && data[12] == 8 && data[13] == 0;
	uint64_t bit;

	if (!ipv4 || !fires(cable, SIM_CORRUPT))
		return;
	bit = draw(cable, (uint64_t)(len - ETHERNET_BYTES) * 8);
	data[ETHERNET_BYTES + bit / 8] ^= (uint8_t)(1 << bit % 8);
}

/* When a frame that enters now comes out. */
static uint64_t arrival(struct sim_cable *cable, struct direction *direction,
			uint64_t now_ns)
{
	uint64_t when_ns = now_ns + cable->config.delay_ns +
			   direction->delay_ns +
			   draw(cable, cable->config.jitter_ns) +
			   draw(cable, direction->jitter_ns);

	if (fires(cable, SIM_STALL))
		direction->stalled_until_ns =
			when_ns + draw(cable, cable->faults.stall_max_ns);
	when_ns = max_u64(when_ns, direction->stalled_until_ns);
	if (fires(cable, SIM_REORDER))
		return when_ns + draw(cable, cable->faults.reorder_max_ns);
	direction->last_ns = max_u64(direction->last_ns, when_ns);
	return direction->last_ns;
}

static void carry(struct sim_cable *cable, uint32_t port, uint64_t now_ns,
		  const void *data, uint32_t len)
{
	struct direction *direction = &cable->direction[port];
	struct entry entry = {.len = len, .port = 1 - port};

	if (!cable->free_count || len > cable->config.frame_bytes) {
		cable->dropped++;
		return;
	}
	entry.slot = cable->free[--cable->free_count];
	entry.when_ns = arrival(cable, direction, now_ns);
	entry.order = cable->order++;
	memcpy(slot_bytes(cable, entry.slot), data, len);
	corrupt(cable, slot_bytes(cable, entry.slot), len);
	entry_add(cable, entry);
}

void sim_cable_put(struct sim_cable *cable, uint32_t port, uint64_t now_ns,
		   const void *data, uint32_t len)
{
	struct direction *direction = &cable->direction[port];

	give_back_lent(cable);
	if (now_ns < direction->out_until_ns || fires(cable, SIM_LOSE))
		return;
	if (fires(cable, SIM_OUTAGE)) {
		direction->out_until_ns =
			now_ns + draw(cable, cable->faults.outage_max_ns);
		return;
	}
	carry(cable, port, now_ns, data, len);
	if (fires(cable, SIM_DUPLICATE))
		carry(cable, port, now_ns, data, len);
}

bool sim_cable_take(struct sim_cable *cable, uint64_t now_ns,
		    struct sim_cable_frame *frame)
{
	struct entry entry;

	give_back_lent(cable);
	if (sim_cable_next_ns(cable) > now_ns)
		return false;
	entry = entry_take(cable);
	cable->lent = entry.slot;
	*frame = (struct sim_cable_frame){
		.data = slot_bytes(cable, entry.slot),
		.len = entry.len,
		.port = entry.port,
		.when_ns = entry.when_ns,
	};
	return true;
}

uint64_t sim_cable_next_ns(const struct sim_cable *cable)
{
	return cable->count ? cable->heap[0].when_ns : NS_NEVER;
}

uint64_t sim_cable_fault_count(const struct sim_cable *cable,
			       enum sim_fault fault)
{
	return fault < SIM_FAULT_COUNT ? cable->fault_count[fault] : 0;
}

uint64_t sim_cable_dropped(const struct sim_cable *cable)
{
	return cable->dropped;
}

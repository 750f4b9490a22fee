/* listen.c - who listens where, and how a connection begins. */
#include "dataplane/sim/internal.h"

#include <errno.h>

#define PORT_FIRST 32768
#define PORT_COUNT 28000

static struct sim_listener *listener_at(const struct sim_world *world,
					uint32_t i)
{
	return (struct sim_listener *)world->listeners.items + i;
}

static bool ip_is_any(const struct addr *addr)
{
	static const uint8_t zero[16];

	return memcmp(addr->ip, zero, addr->family == ADDR_INET4 ? 4 : 16) == 0;
}

/* True when a connect to addr by a machine of group may find the listener. */
static bool listener_hears(const struct sim_listener *listener, uint32_t group,
			   const struct addr *addr)
{
	const struct addr *at = &listener->addr;

	if (at->family != addr->family || at->port != addr->port)
		return false;
	if (addr_is_local(addr) && listener->dp->machine->group != group)
		return false;
	if (at->family == ADDR_UNIX)
		return strcmp(at->path, addr->path) == 0;
	return ip_is_any(at) ||
	       memcmp(at->ip, addr->ip, at->family == ADDR_INET4 ? 4 : 16) == 0;
}

/* Several dps of a machine may share an address: one of them, drawn. */
static struct sim_listener *listener_find(struct sim_world *world,
					  uint32_t group,
					  const struct addr *addr, bool draw)
{
	struct sim_listener *found = NULL;
	uint32_t count = 0;

	for (uint32_t i = 0; i < world->listeners.count; i++) {
		struct sim_listener *listener = listener_at(world, i);

		if (!listener_hears(listener, group, addr))
			continue;
		count++;
		if (!found || (draw && sim_draw(world, count) == 0))
			found = listener;
	}
	return found;
}

static uint16_t next_port(struct sim_world *world)
{
	return (uint16_t)(PORT_FIRST + world->ports++ % PORT_COUNT);
}

static bool addr_is_good(const struct addr *addr)
{
	return addr->family == ADDR_INET4 || addr->family == ADDR_INET6 ||
	       (addr->family == ADDR_UNIX && addr->path[0] != '\0');
}

int sim_listen(struct dp *dp, const struct addr *addr, uint64_t cookie,
	       struct addr *bound)
{
	struct sim_dp *sim = sim_dp_of(dp);
	struct sim_world *world = sim->world;
	struct sim_listener *other;
	struct addr at = *addr;

	if (sim->machine->crashed)
		return -ESTALE;
	if (!addr_is_good(&at))
		return -EINVAL;
	if (at.family != ADDR_UNIX && at.port == 0) {
		do
			at.port = next_port(world);
		while (listener_find(world, sim->machine->group, &at, false));
	}
	other = listener_find(world, sim->machine->group, &at, false);
	if (other && (at.family == ADDR_UNIX || other->dp == sim ||
		      other->dp->machine != sim->machine))
		return -EADDRINUSE;
	*(struct sim_listener *)sim_list_add(&world->listeners,
					     sizeof(*other)) =
		(struct sim_listener){.dp = sim, .addr = at, .cookie = cookie};
	if (bound)
		*bound = at;
	return 0;
}

void sim_listen_drop(struct sim_dp *dp)
{
	struct sim_list *list = &dp->world->listeners;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		struct sim_listener *listener = listener_at(dp->world, i);

		if (listener->dp != dp)
			*listener_at(dp->world, kept++) = *listener;
	}
	list->count = kept;
}

static struct sim_path path_between(const struct sim_world *world, uint32_t a,
				    uint32_t b)
{
	const struct sim_path_entry *entries = world->paths.items;

	for (uint32_t i = 0; i < world->paths.count; i++) {
		if ((entries[i].a == a && entries[i].b == b) ||
		    (entries[i].a == b && entries[i].b == a))
			return entries[i].path;
	}
	return sim_path_default();
}

static void link_name_ends(struct sim_link *link, const struct sim_dp *dp,
			   const struct addr *target)
{
	struct addr *local = &link->addr[0];

	link->addr[1] = *target;
	*local = (struct addr){.family = target->family};
	if (target->family == ADDR_UNIX)
		return;
	memcpy(local->ip, target->ip, sizeof(local->ip));
	if (!addr_is_local(target)) {
		/* Nobody listens there: it only tells machines apart. */
		uint32_t last = target->family == ADDR_INET4 ? 3 : 15;

		local->ip[last] = (uint8_t)(200 + dp->machine->id % 50);
	}
	local->port = next_port(dp->world);
}

static void link_draw_faults(struct sim_link *link)
{
	struct sim_world *world = link->world;
	const struct sim_faults *faults = &world->faults;

	if (sim_fault_fires(world, &link->path, SIM_DELAY)) {
		uint64_t range_ns =
			faults->delay_max_ns > faults->delay_min_ns
				? faults->delay_max_ns - faults->delay_min_ns
				: 0;

		link->latency_ns =
			faults->delay_min_ns + sim_draw(world, range_ns + 1);
		link->jitter_ns = faults->delay_jitter_ns;
	}
	for (uint32_t side = 0; side < 2; side++) {
		uint32_t most = faults->slow_window_bytes;

		if (sim_fault_fires(world, &link->path, SIM_SLOW_READER))
			link->wire[side].slow_bytes =
				most / 8 + 1 +
				(uint32_t)sim_draw(world, most - most / 8);
	}
}

int sim_connect(struct dp *dp, const struct addr *addr, uint64_t cookie,
		dp_conn *conn)
{
	struct sim_dp *sim = sim_dp_of(dp);
	struct sim_world *world = sim->world;
	const struct sim_listener *listener;
	struct sim_link *link;
	struct sim_end *end;

	if (sim->machine->crashed)
		return -ESTALE;
	if (!addr_is_good(addr))
		return -EINVAL;
	if (sim->slots_used == sim->limits.conn_max)
		return -ENOSPC;
	link = sim_link_make(world);
	end = &link->end[0];
	listener = listener_find(world, sim->machine->group, addr, false);
	link->path = path_between(world, sim->machine->name_id,
				  listener ? listener->dp->machine->name_id
					   : sim->machine->name_id);
	link_name_ends(link, sim, addr);
	link_draw_faults(link);
	end->cookie = cookie;
	sim_slot_take(sim, end);
	*conn = sim_slot_name(end);
	sim_wire_put(end, sim_segment_make(SEGMENT_SYN, 0));
	return 0;
}

static void refuse(struct sim_end *end)
{
	struct sim_segment *segment = sim_segment_make(SEGMENT_RST, 0);

	segment->result = -ECONNREFUSED;
	end->state = END_GONE;
	end->closed = true;
	sim_wire_put(end, segment);
}

/* The SYN is here: end becomes the listener's, or the connect is refused. */
void sim_listen_arrive(struct sim_end *end)
{
	struct sim_link *link = end->link;
	struct sim_world *world = link->world;
	const struct sim_machine *from = link->end[0].machine;
	struct sim_listener *listener =
		listener_find(world, from->group, &link->addr[1], true);

	if (!listener || sim_fault_fires(world, &link->path, SIM_REFUSE)) {
		refuse(end);
		return;
	}
	sim_wire_put(end, sim_segment_make(SEGMENT_SYNACK, 0));
	if (sim_slot_take(listener->dp, end)) {
		/* A full table: the peer sees a connection that ends. */
		end->machine = listener->dp->machine;
		end->state = END_OWNED;
		sim_end_close(end, false);
		end->state = END_GONE;
		return;
	}
	end->cookie = listener->cookie;
	if (sim_fault_fires(world, &link->path, SIM_ACCEPT_LATE)) {
		sim_item_add(
			world,
			world->now_ns + 1 +
				sim_draw(world, world->faults.accept_max_ns),
			ITEM_ANNOUNCE, end);
		return;
	}
	end->announce = true;
	sim_slot_touch(end);
}

struct sim_path sim_path_default(void)
{
	return (struct sim_path){
		.delay_ns = 20 * NS_PER_US,
		.window_bytes = 256 * 1024,
		.faults = true,
	};
}

void sim_path_set(struct sim_world *world, const struct sim_machine *a,
		  const struct sim_machine *b, const struct sim_path *path)
{
	struct sim_path_entry *entries = world->paths.items;
	struct sim_path_entry *entry = NULL;

	ASSERT(path->window_bytes > 0, "a path lets something through");
	for (uint32_t i = 0; i < world->paths.count && !entry; i++) {
		if ((entries[i].a == a->name_id &&
		     entries[i].b == b->name_id) ||
		    (entries[i].a == b->name_id && entries[i].b == a->name_id))
			entry = &entries[i];
	}
	if (!entry)
		entry = sim_list_add(&world->paths, sizeof(*entry));
	*entry = (struct sim_path_entry){a->name_id, b->name_id, *path};
}

void sim_path_cut(struct sim_world *world, const struct sim_machine *a,
		  const struct sim_machine *b)
{
	for (uint32_t i = 0; i < world->links.count; i++) {
		struct sim_link *link = sim_link_at(world, i);
		const struct sim_machine *one, *two;

		if (!link || !link->end[1].machine)
			continue;
		one = link->end[0].machine;
		two = link->end[1].machine;
		if ((one == a && two == b) || (one == b && two == a))
			sim_link_reset(link);
	}
}

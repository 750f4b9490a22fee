/* hunt_choose.c - what a seed chooses: the world, its limits and troubles. */
#include "tests/sim/hunt_internal.h"

#include <spice/enums.h>

#include <stdio.h>
#include <string.h>

static void configure(struct world *world, uint32_t daemon,
		      struct config *config)
{
	struct hunt *hunt = hunt_of(world);

	config->pool.region_slots = hunt->pool.region_slots;
	config->pool.region_slot_bytes = hunt->pool.region_slot_bytes;
	config->pool.chunks = hunt->pool.chunks;
	if (hunt->tiny_mask >> daemon & 1)
		config->pool.sessions = 2;
	config->move.connect_ms = 10000;
	config->move.freeze_ms = 5000;
	config->move.drain_ms = 10000;
	config->guest_demo.pulse_hz = 100;
	config->guest_demo.first_pulse_hz = 100;
	config->test = hunt->test;
	config->test.nack = hunt->nack_mask >> daemon & 1;
	config->test.no_seamless_cap = hunt->no_cap_mask >> daemon & 1;
	config->test.plant = hunt->wish->plant;
	strcpy(config->test.plant_guest, "vm0");
}

static void choose_limits(struct hunt *hunt)
{
	hunt->pool.region_slots = 64;
	hunt->pool.region_slot_bytes = 65536;
	hunt->pool.chunks = 2048;
	if (hunt_happens(hunt, 300)) {
		hunt->pool.region_slots = 1 + hunt_below(hunt, 12);
		hunt->pool.region_slot_bytes = 64u << hunt_below(hunt, 8);
		hunt_count(hunt, HUNT_TINY_REGION);
	}
	if (hunt_happens(hunt, 100)) {
		hunt->tiny_mask = 6;
		hunt_count(hunt, HUNT_TINY_TABLES);
	}
	if (hunt->harsh && hunt_happens(hunt, 60)) {
		hunt->pool.chunks = 24 + hunt_below(hunt, 100);
		hunt_count(hunt, HUNT_FEW_CHUNKS);
	}
}

static void choose_protocol(struct hunt *hunt)
{
	static const uint32_t windows[] = {0, 1, 2, 3, 20};

	hunt->test.migrate_flags = 3;
	hunt->test.ack_window = windows[hunt_below(hunt, ARRAY_LEN(windows))];
	/* With other flags there is no way back. */
	if (hunt->harsh && hunt_happens(hunt, 150)) {
		hunt->test.migrate_flags = hunt_below(hunt, 3);
		hunt_count(hunt, HUNT_OTHER_FLAGS);
	}
	if (hunt_happens(hunt, 80)) {
		hunt->test.src_mig_version = 2;
		hunt_count(hunt, HUNT_VERSION_SKEW);
	}
	if (hunt_happens(hunt, 100)) {
		hunt->nack_mask = 1 + hunt_below(hunt, 7);
		hunt_count(hunt, HUNT_NACK);
	}
	if (hunt_happens(hunt, 100)) {
		hunt->no_cap_mask = 1 + hunt_below(hunt, 7);
		hunt_count(hunt, HUNT_NO_CAP);
	}
}

static void choose_troubles(struct hunt *hunt)
{
	hunt->active_ns = (500 + hunt_below(hunt, 3500)) * NS_PER_MS;
	hunt->pause_us = 2000u << hunt_below(hunt, 7);
	hunt->force = hunt_below(hunt, 2) * 200;
	hunt->drain = hunt_happens(hunt, 250) ? hunt_below(hunt, 150) : 0;
	hunt->cancel_at = hunt_happens(hunt, 400) ? hunt_below(hunt, 300) : 0;
	if (!hunt->harsh)
		return;
	hunt->crash_at = hunt_happens(hunt, 400) ? hunt_below(hunt, 120) : 0;
	hunt->cut_at = hunt_happens(hunt, 400) ? hunt_below(hunt, 200) : 0;
	hunt->tear_at = hunt_happens(hunt, 500) ? hunt_below(hunt, 300) : 0;
	hunt->crash_any = hunt_happens(hunt, 200) ? hunt_below(hunt, 60) : 0;
	hunt->crash_client = hunt_happens(hunt, 300) ? hunt_below(hunt, 60) : 0;
	hunt->hang_up = hunt_happens(hunt, 300) ? hunt_below(hunt, 60) : 0;
}

static uint64_t some_delay_ns(struct hunt *hunt)
{
	static const uint32_t us[] = {20, 20, 200, 1000, 5000, 20000};

	return us[hunt_below(hunt, ARRAY_LEN(us))] * NS_PER_US;
}

static void choose_paths(struct hunt *hunt)
{
	struct world *world = &hunt->world;
	struct sim_path peers = sim_path_default();
	struct sim_path clients = sim_path_default();

	peers.delay_ns = some_delay_ns(hunt);
	peers.faults = hunt_happens(hunt, 500);
	clients.delay_ns = some_delay_ns(hunt);
	clients.jitter_ns = hunt_happens(hunt, 300) ? clients.delay_ns / 2 : 0;
	clients.faults = hunt_happens(hunt, 800);
	for (uint32_t i = 0; i < world->wish.daemons; i++) {
		for (uint32_t j = 0; j < i; j++)
			sim_path_set(world->sim, world->daemons[i].machine,
				     world->daemons[j].machine, &peers);
		for (uint32_t u = 0; u < world->user_count; u++)
			sim_path_set(world->sim, world->daemons[i].machine,
				     world->users[u].machine, &clients);
	}
}

static void choose_client(struct hunt *hunt, struct client_options *options)
{
	static const uint8_t caps[] = {0x7, 0xb, 0x3, 0x2, 0x0};

	client_options_default(options);
	options->framebuffer = true;
	options->full_header = hunt_happens(hunt, 300);
	options->no_auth_selection = hunt_happens(hunt, 100);
	options->link_seed = hunt_below(hunt, 1000);
	if (hunt_happens(hunt, 150)) {
		options->main_caps = caps[hunt_below(hunt, ARRAY_LEN(caps))];
		hunt_count(hunt, HUNT_SMALL_CLIENT);
	}
	if (hunt_happens(hunt, 50))
		options->skip_types = 1u << SPICE_CHANNEL_USBREDIR;
}

static void choose_world(struct hunt *hunt,
			 void (*on_state)(struct world *world, uint32_t daemon,
					  const char *state))
{
	struct world_wish wish = {
		.seed = hunt->wish->seed,
		.daemons = 2 + hunt_below(hunt, 2),
		.shards = 1 + hunt_below(hunt, 2),
		.guests = 1 + hunt_below(hunt, 4),
		.one_host = hunt_happens(hunt, 500),
		.torn_journal = hunt_happens(hunt, 500),
		.verbose = hunt->wish->verbose,
		.configure = configure,
		.on_state = on_state,
		.arg = hunt,
	};

	hunt->harsh = hunt_happens(hunt, 400);
	choose_limits(hunt);
	choose_protocol(hunt);
	choose_troubles(hunt);
	world_init(&hunt->world, &wish);
	hunt->world.strict = !hunt->harsh;
}

static void choose_users(struct hunt *hunt)
{
	struct world *world = &hunt->world;

	for (uint32_t i = 0; i < world->wish.guests; i++) {
		struct user_wish wish = {
			.think_ns = (1 + hunt_below(hunt, 20)) * NS_PER_MS,
			.burst_max_bytes = 1u << hunt_below(hunt, 13),
			.returns = true,
			.listens_badly = true,
		};

		hunt_guest_name(i, wish.guest);
		choose_client(hunt, &wish.options);
		/* Without a mark nobody knows what was on its way. */
		wish.lossy =
			!(hunt->test.migrate_flags & SPICE_MIGRATE_NEED_FLUSH);
		user_add(world, &wish);
	}
	choose_paths(hunt);
	if (hunt_happens(hunt, 200)) {
		for (uint32_t i = 0; i < world->wish.daemons; i++)
			sim_host_set_keys(world->daemons[i].host,
					  2 * world->wish.shards);
		hunt_count(hunt, HUNT_FEW_KEYS);
	}
}

void hunt_choose(struct hunt *hunt,
		 void (*on_state)(struct world *world, uint32_t daemon,
				  const char *state))
{
	choose_world(hunt, on_state);
	choose_users(hunt);
}

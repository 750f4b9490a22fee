/* hunt.c - one random run: what a seed chooses, and what must hold after it. */
#include "tests/sim/hunt.h"
#include "core/control.h"
#include "tests/sim/user_check.h"

#include <spice/enums.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALM_MAX_NS (60 * NS_PER_S) /* until every move has ended */
#define BACK_MAX_NS (60 * NS_PER_S) /* until everybody works again */
#define DONE_MAX_NS (60 * NS_PER_S) /* of the closing exchange */
#define LEAVE_NS    (15 * NS_PER_S)

struct hunt {
	struct world world;
	struct hunt_tally *tally;
	const struct hunt_wish *wish;
	struct seeded random;
	bool calm;
	bool harsh;
	uint64_t active_ns;
	uint32_t pause_us;  /* between two actions, at most */
	uint32_t cancel_at; /* chances of 1000, at each state of a move */
	uint32_t crash_at;
	uint32_t cut_at;
	uint32_t tear_at;
	uint32_t crash_any; /* ... at each action */
	uint32_t crash_client;
	uint32_t hang_up;
	uint32_t drain;
	uint32_t force;
	uint32_t nack_mask; /* daemons, a bit each */
	uint32_t no_cap_mask;
	uint32_t tiny_mask;
	struct config_pool pool;
	struct config_test test;
	uint64_t restart_ns[WORLD_DAEMONS]; /* 0: it lives */
	uint64_t return_ns[WORLD_USERS];
	bool dead[WORLD_USERS]; /* guests that a crash may have taken */
};

static struct hunt *hunt_of(struct world *world)
{
	return world->wish.arg;
}

static uint32_t below(struct hunt *hunt, uint32_t limit)
{
	return seeded_below(&hunt->random, limit);
}

/* True with a chance of so many in a thousand. */
static bool happens(struct hunt *hunt, uint32_t chance)
{
	return below(hunt, 1000) < chance;
}

static void count(struct hunt *hunt, enum hunt_event event)
{
	hunt->tally->events[event]++;
}

const char *hunt_event_name(enum hunt_event event)
{
	static const char *const names[HUNT_EVENT_COUNT] = {
		[HUNT_MOVE] = "moves asked for",
		[HUNT_SECOND_MOVE] = "... of a guest that moves",
		[HUNT_CANCEL] = "cancels",
		[HUNT_DRAIN] = "drains",
		[HUNT_CRASH_SOURCE] = "crashes of a source",
		[HUNT_CRASH_DESTINATION] = "crashes of a destination",
		[HUNT_CRASH_ANY] = "crashes at any pass",
		[HUNT_CRASH_CLIENT] = "crashes of a client",
		[HUNT_HANG_UP] = "clients that hang up",
		[HUNT_CUT] = "peer links cut",
		[HUNT_TEAR] = "images torn",
		[HUNT_VERSION_SKEW] = "runs with version skew",
		[HUNT_NACK] = "runs with NACK",
		[HUNT_NO_CAP] = "runs without the capability",
		[HUNT_SMALL_CLIENT] = "clients without all capabilities",
		[HUNT_OTHER_FLAGS] = "runs with other flags",
		[HUNT_TINY_REGION] = "runs with a tiny region",
		[HUNT_TINY_TABLES] = "runs with tiny tables",
		[HUNT_FEW_CHUNKS] = "runs with few chunks",
		[HUNT_FEW_KEYS] = "runs with few keys",
		[HUNT_STUCK] = "clients that wait for a dead main",
		[HUNT_IN_DOUBT] = "moves in doubt",
		[HUNT_SEAMLESS] = "moved seamless",
		[HUNT_SEMI_SEAMLESS] = "moved semi-seamless",
		[HUNT_SWITCH_HOST] = "moved by switch-host",
		[HUNT_FAILED] = "moves failed",
		[HUNT_CANCELLED] = "moves cancelled",
		[HUNT_CLOSED] = "moves closed",
		[HUNT_PICTURE] = "pictures compared",
	};

	return names[event];
}

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
	if (hunt->wish->plant)
		snprintf(config->test.plant, sizeof(config->test.plant), "%s",
			 hunt->wish->plant);
}

static void guest_name(uint32_t number, char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, "vm%u", number);
}

/*
 * What a crash takes with it: a guest that ran or stood still there, and one
 * whose only image was there. A commit that was written is kept, and the guest
 * lives if the destination had all of it; a torn journal may lose even that.
 */
static bool survives(struct hunt *hunt, uint32_t daemon, const char *name)
{
	struct world *world = &hunt->world;
	struct world_trace here, there;
	bool streamed = false;

	world_trace(world, daemon, name, &here);
	/* It has said so: the source may commit before it learns of the end. */
	if (here.streamed)
		return false;
	for (uint32_t i = 0; i < world->wish.daemons; i++) {
		if (i == daemon)
			continue;
		world_trace(world, i, name, &there);
		if (there.held && !there.committed)
			return true;
		streamed |= there.streamed;
	}
	if (here.committed)
		return streamed && !world->wish.torn_journal;
	return !here.held;
}

static void crash(struct hunt *hunt, uint32_t daemon)
{
	char name[NAME_BYTES];

	if (!hunt->world.daemons[daemon].alive)
		return;
	for (uint32_t i = 0; i < hunt->world.wish.guests; i++) {
		guest_name(i, name);
		hunt->dead[i] |= !survives(hunt, daemon, name);
	}
	world_crash(&hunt->world, daemon);
	hunt->restart_ns[daemon] = world_now(&hunt->world) + NS_PER_MS +
				   below(hunt, 1500) * NS_PER_MS;
}

static void cut(struct hunt *hunt, uint32_t daemon)
{
	struct world *world = &hunt->world;
	uint32_t other = below(hunt, world->wish.daemons);

	if (other == daemon || !world->daemons[daemon].alive ||
	    !world->daemons[other].alive)
		return;
	world_say(world, "the link of %c and %c is cut", 'a' + daemon,
		  'a' + other);
	sim_path_cut(world->sim, world->daemons[daemon].machine,
		     world->daemons[other].machine);
	count(hunt, HUNT_CUT);
}

/* Flips a bit of what a daemon has sealed for another to read. */
static void tear(struct hunt *hunt, uint32_t daemon)
{
	uint8_t *byte;

	if (!world_sealed_byte(&hunt->world, daemon, &hunt->random, &byte))
		return;
	world_say(&hunt->world, "an image of %c is torn", 'a' + daemon);
	*byte ^= (uint8_t)(1u << below(hunt, 8));
	count(hunt, HUNT_TEAR);
}

static void cancel(struct hunt *hunt, uint32_t daemon)
{
	char name[NAME_BYTES];

	guest_name(below(hunt, hunt->world.wish.guests), name);
	count(hunt, HUNT_CANCEL);
	world_cancel(&hunt->world, daemon, name);
}

static void on_state(struct world *world, uint32_t daemon, const char *state)
{
	struct hunt *hunt = hunt_of(world);
	bool source = !strncmp(state, "source", 6);

	if (strstr(state, "in-doubt"))
		count(hunt, HUNT_IN_DOUBT);
	if (hunt->calm)
		return;
	if (happens(hunt, hunt->cancel_at))
		cancel(hunt, daemon);
	if (happens(hunt, hunt->cut_at))
		cut(hunt, daemon);
	if (happens(hunt, hunt->tear_at))
		tear(hunt, daemon);
	/* Most is at stake between a commit and its answer. */
	if (happens(hunt,
		    hunt->crash_at *
			    (strcmp(state, "source-committed") ? 1 : 5))) {
		count(hunt,
		      source ? HUNT_CRASH_SOURCE : HUNT_CRASH_DESTINATION);
		crash(hunt, daemon);
	}
}

/* --- what a seed chooses -------------------------------------------------- */

static void choose_limits(struct hunt *hunt)
{
	hunt->pool.region_slots = 64;
	hunt->pool.region_slot_bytes = 65536;
	hunt->pool.chunks = 2048;
	if (happens(hunt, 300)) {
		hunt->pool.region_slots = 1 + below(hunt, 12);
		hunt->pool.region_slot_bytes = 64u << below(hunt, 8);
		count(hunt, HUNT_TINY_REGION);
	}
	if (happens(hunt, 100)) {
		hunt->tiny_mask = 6;
		count(hunt, HUNT_TINY_TABLES);
	}
	if (hunt->harsh && happens(hunt, 60)) {
		hunt->pool.chunks = 24 + below(hunt, 100);
		count(hunt, HUNT_FEW_CHUNKS);
	}
}

static void choose_protocol(struct hunt *hunt)
{
	static const uint32_t windows[] = {0, 1, 2, 3, 20};

	hunt->test.migrate_flags = 3;
	hunt->test.ack_window = windows[below(hunt, ARRAY_LEN(windows))];
	/* With other flags there is no way back. */
	if (hunt->harsh && happens(hunt, 150)) {
		hunt->test.migrate_flags = below(hunt, 3);
		count(hunt, HUNT_OTHER_FLAGS);
	}
	if (happens(hunt, 80)) {
		hunt->test.src_mig_version = 2;
		count(hunt, HUNT_VERSION_SKEW);
	}
	if (happens(hunt, 100)) {
		hunt->nack_mask = 1 + below(hunt, 7);
		count(hunt, HUNT_NACK);
	}
	if (happens(hunt, 100)) {
		hunt->no_cap_mask = 1 + below(hunt, 7);
		count(hunt, HUNT_NO_CAP);
	}
}

static void choose_troubles(struct hunt *hunt)
{
	hunt->active_ns = (500 + below(hunt, 3500)) * NS_PER_MS;
	hunt->pause_us = 2000u << below(hunt, 7);
	hunt->force = below(hunt, 2) * 200;
	hunt->drain = happens(hunt, 250) ? below(hunt, 150) : 0;
	hunt->cancel_at = happens(hunt, 400) ? below(hunt, 300) : 0;
	if (!hunt->harsh)
		return;
	hunt->crash_at = happens(hunt, 400) ? below(hunt, 120) : 0;
	hunt->cut_at = happens(hunt, 400) ? below(hunt, 200) : 0;
	hunt->tear_at = happens(hunt, 500) ? below(hunt, 300) : 0;
	hunt->crash_any = happens(hunt, 200) ? below(hunt, 60) : 0;
	hunt->crash_client = happens(hunt, 300) ? below(hunt, 60) : 0;
	hunt->hang_up = happens(hunt, 300) ? below(hunt, 60) : 0;
}

static uint64_t some_delay_ns(struct hunt *hunt)
{
	static const uint32_t us[] = {20, 20, 200, 1000, 5000, 20000};

	return us[below(hunt, ARRAY_LEN(us))] * NS_PER_US;
}

static void choose_paths(struct hunt *hunt)
{
	struct world *world = &hunt->world;
	struct sim_path peers = sim_path_default();
	struct sim_path clients = sim_path_default();

	peers.delay_ns = some_delay_ns(hunt);
	peers.faults = happens(hunt, 500);
	clients.delay_ns = some_delay_ns(hunt);
	clients.jitter_ns = happens(hunt, 300) ? clients.delay_ns / 2 : 0;
	clients.faults = happens(hunt, 800);
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
	options->full_header = happens(hunt, 300);
	options->no_auth_selection = happens(hunt, 100);
	options->link_seed = below(hunt, 1000);
	if (happens(hunt, 150)) {
		options->main_caps = caps[below(hunt, ARRAY_LEN(caps))];
		count(hunt, HUNT_SMALL_CLIENT);
	}
	if (happens(hunt, 50))
		options->skip_types = 1u << SPICE_CHANNEL_USBREDIR;
}

static void choose_world(struct hunt *hunt)
{
	struct world_wish wish = {
		.seed = hunt->wish->seed,
		.daemons = 2 + below(hunt, 2),
		.shards = 1 + below(hunt, 2),
		.guests = 1 + below(hunt, 4),
		.one_host = happens(hunt, 500),
		.torn_journal = happens(hunt, 500),
		.verbose = hunt->wish->verbose,
		.configure = configure,
		.on_state = on_state,
		.arg = hunt,
	};

	hunt->harsh = happens(hunt, 400);
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
			.think_ns = (1 + below(hunt, 20)) * NS_PER_MS,
			.burst_max_bytes = 1u << below(hunt, 13),
			.returns = true,
			.listens_badly = true,
		};

		guest_name(i, wish.guest);
		choose_client(hunt, &wish.options);
		/* Without a mark nobody knows what was on its way. */
		wish.lossy =
			!(hunt->test.migrate_flags & SPICE_MIGRATE_NEED_FLUSH);
		user_add(world, &wish);
	}
	choose_paths(hunt);
	if (happens(hunt, 200)) {
		for (uint32_t i = 0; i < world->wish.daemons; i++)
			sim_host_set_keys(world->daemons[i].host,
					  2 * world->wish.shards);
		count(hunt, HUNT_FEW_KEYS);
	}
}

/* --- the active part ------------------------------------------------------ */

static void ask_move(struct hunt *hunt)
{
	static const char *const modes[] = {"any", "seamless", "seamless",
					    "semi-seamless", "switch-host"};
	struct world *world = &hunt->world;
	struct guest *guest;
	char name[NAME_BYTES];
	char peer[2] = {0};
	uint32_t target = below(hunt, world->wish.daemons);
	int owner;

	guest_name(below(hunt, world->wish.guests), name);
	owner = world_owner(world, name, &guest);
	if (owner < 0 || (uint32_t)owner == target)
		return;
	/* One without a client is refused at once: now and then is enough. */
	if (!guest->session && !happens(hunt, 20))
		return;
	if (guest->move && !happens(hunt, 100))
		return;
	peer[0] = (char)('a' + target);
	count(hunt, guest->move ? HUNT_SECOND_MOVE : HUNT_MOVE);
	console_move(&world->daemons[owner].console, name, peer,
		     modes[below(hunt, happens(hunt, 100) ? 5 : 3)],
		     happens(hunt, hunt->force));
}

static void ask_drain(struct hunt *hunt)
{
	struct world *world = &hunt->world;
	uint32_t from = below(hunt, world->wish.daemons);
	uint32_t to = below(hunt, world->wish.daemons);

	if (from == to || !world->daemons[from].alive)
		return;
	world_say(world, "%c: drain to %c", 'a' + from, 'a' + to);
	console_say(&world->daemons[from].console,
		    "{\"execute\": \"drain\", \"arguments\": {\"peer\": "
		    "\"%c\", \"parallel\": %u}}",
		    'a' + to, 1 + below(hunt, 3));
	count(hunt, HUNT_DRAIN);
}

static void cancel_drain(struct hunt *hunt)
{
	struct world *world = &hunt->world;
	uint32_t daemon = below(hunt, world->wish.daemons);

	if (world->daemons[daemon].alive)
		console_say(&world->daemons[daemon].console,
			    "{\"execute\": \"cancel\", \"arguments\": "
			    "{\"drain\": true}}");
}

static void trouble_clients(struct hunt *hunt)
{
	struct world *world = &hunt->world;
	uint32_t index = below(hunt, world->user_count);
	struct user *user = &world->users[index];
	bool crashes = happens(hunt, hunt->crash_client);
	bool hangs_up = happens(hunt, hunt->hang_up);

	if (!user->client || hunt->return_ns[index] || !(crashes || hangs_up))
		return;
	if (crashes) {
		user_crash(user);
		hunt->return_ns[index] =
			world_now(world) + below(hunt, 500) * NS_PER_MS + 1;
		count(hunt, HUNT_CRASH_CLIENT);
	} else {
		user_lose(user);
		count(hunt, HUNT_HANG_UP);
	}
}

static void act(struct hunt *hunt)
{
	if (happens(hunt, 700))
		ask_move(hunt);
	if (happens(hunt, hunt->drain))
		ask_drain(hunt);
	if (happens(hunt, hunt->drain / 4))
		cancel_drain(hunt);
	if (happens(hunt, hunt->cancel_at / 4))
		cancel(hunt, below(hunt, hunt->world.wish.daemons));
	if (happens(hunt, hunt->crash_any)) {
		count(hunt, HUNT_CRASH_ANY);
		crash(hunt, below(hunt, hunt->world.wish.daemons));
	}
	trouble_clients(hunt);
}

/* Those that died come back when their time has come, or all at once. */
static void bring_back(struct hunt *hunt, bool all)
{
	struct world *world = &hunt->world;
	uint64_t now_ns = world_now(world);

	for (uint32_t i = 0; i < world->wish.daemons; i++) {
		if (!hunt->restart_ns[i] ||
		    (!all && hunt->restart_ns[i] > now_ns))
			continue;
		hunt->restart_ns[i] = 0;
		world_start(world, i);
	}
	for (uint32_t i = 0; i < world->user_count; i++) {
		if (!hunt->return_ns[i] ||
		    (!all && hunt->return_ns[i] > now_ns))
			continue;
		hunt->return_ns[i] = 0;
		user_restart(&world->users[i]);
	}
}

static void run_active(struct hunt *hunt)
{
	struct world *world = &hunt->world;
	struct sim_faults faults =
		hunt->harsh ? sim_faults_all() : sim_faults_gentle();
	uint64_t end_ns = world_now(world) + hunt->active_ns;

	if (hunt->harsh && happens(hunt, 500))
		faults.chance[SIM_RESET] = 0;
	sim_set_faults(world->sim, &faults);
	while (world_now(world) < end_ns && !world->failed) {
		world_run(world, 1 + below(hunt, hunt->pause_us) * NS_PER_US,
			  NULL);
		bring_back(hunt, false);
		act(hunt);
	}
	sim_set_faults(world->sim, NULL);
}

/* --- and what must hold when it is calm again ----------------------------- */

static const struct drain *drain_of(struct world *world, uint32_t daemon)
{
	const struct pool *pool = daemon_pool(world->daemons[daemon].daemon);
	const struct control *control = pool->control->parts[PART_CONTROL].self;

	return &control->drain;
}

static bool no_moves(struct world *world)
{
	for (uint32_t i = 0; i < world->wish.daemons; i++) {
		const struct drain *drain;

		if (!world->daemons[i].alive)
			continue;
		drain = drain_of(world, i);
		if (drain->state != DRAIN_NONE && drain->state != DRAIN_DONE)
			return false;
	}
	return world_moves(world) == 0;
}

/* Every session of a drain is in one of its counts, and in one only. */
static void check_drains(struct world *world)
{
	for (uint32_t i = 0; i < world->wish.daemons; i++) {
		const struct drain_counts *counts;

		if (!world->daemons[i].alive)
			continue;
		counts = &drain_of(world, i)->counts;
		if (counts->sessions !=
			    counts->moved + counts->failed + counts->remained ||
		    counts->moved != counts->seamless + counts->semi_seamless +
					     counts->switch_host ||
		    counts->underway)
			world_fail(world,
				   "%c: a drain of %u: %u moved, %u failed, "
				   "%u remained, %u under way",
				   'a' + i, counts->sessions, counts->moved,
				   counts->failed, counts->remained,
				   counts->underway);
	}
}

/* At work, or gone with a guest that died. */
static bool all_settled(struct world *world)
{
	for (uint32_t i = 0; i < world->user_count; i++) {
		struct user *user = &world->users[i];
		bool gone = user->state == USER_LOST &&
			    world_owner(world, user->wish.guest, NULL) < 0;

		if (user->state != USER_AT_WORK && !gone)
			return false;
	}
	return true;
}

static bool all_done(struct world *world)
{
	for (uint32_t i = 0; i < world->user_count; i++) {
		if (world->users[i].state != USER_DONE &&
		    world->users[i].state != USER_LOST)
			return false;
	}
	return true;
}

static void fail_with_users(struct world *world, const char *what,
			    enum user_state wanted)
{
	char text[400];

	for (uint32_t i = 0; i < world->user_count; i++) {
		struct user *user = &world->users[i];

		if (user->state == wanted ||
		    (user->state == USER_LOST &&
		     world_owner(world, user->wish.guest, NULL) < 0))
			continue;
		user_describe(user, text, sizeof(text));
		world_fail(world, "%s: client %u: %s", what, i, text);
	}
}

static void check_survival(struct hunt *hunt)
{
	struct world *world = &hunt->world;

	for (uint32_t i = 0; i < world->user_count; i++) {
		if (world->strict && world->users[i].losses)
			world_fail(world,
				   "client %u lost its session, and nothing "
				   "had happened",
				   i);
		if (!hunt->dead[i] &&
		    world_owner(world, world->users[i].wish.guest, NULL) < 0)
			world_fail(world, "vm%u has vanished", i);
	}
}

/* Whoever asked for a move and still listens was told of its end. */
static void check_told(struct world *world)
{
	for (uint32_t i = 0; i < world->wish.daemons; i++) {
		const struct console *console = &world->daemons[i].console;

		if (world->daemons[i].alive &&
		    console->started != console->ended)
			world_fail(world, "%c: %u moves began, %u ended",
				   'a' + i, console->started, console->ended);
	}
}

/*
 * A client whose link to the next main dies before the answer to its question
 * waits for ever, as spice-gtk does: its person sees a main that stands still
 * and hangs up.
 */
static void free_the_stuck(struct hunt *hunt)
{
	struct world *world = &hunt->world;

	for (uint32_t i = 0; i < world->user_count; i++) {
		struct user *user = &world->users[i];
		const struct client *client = user->client;

		if (!client || !client->move.asked ||
		    client->channels[0].next == CLIENT_NONE ||
		    !client->legs[client->channels[0].next].dead)
			continue;
		count(hunt, HUNT_STUCK);
		if (world->strict)
			world_fail(world, "client %u is stuck", i);
		user_lose(user);
	}
}

static void run_calm(struct hunt *hunt)
{
	struct world *world = &hunt->world;

	hunt->calm = true;
	bring_back(hunt, true);
	/* What was asked for last may be on its way still. */
	world_run(world, 2 * NS_PER_S, NULL);
	free_the_stuck(hunt);
	if (!world_run(world, CALM_MAX_NS, no_moves)) {
		world_fail(world, "%u moves do not end", world_moves(world));
		return;
	}
	if (!world_run(world, BACK_MAX_NS, all_settled)) {
		fail_with_users(world, "not everybody works again",
				USER_AT_WORK);
		return;
	}
	world_run(world, 50 * NS_PER_MS, NULL);
	check_survival(hunt);
	check_told(world);
	check_drains(world);
	for (uint32_t i = 0; i < world->user_count; i++)
		user_close(&world->users[i]);
	if (!world_run(world, DONE_MAX_NS, all_done))
		fail_with_users(world, "the closing exchange does not end",
				USER_DONE);
}

static void sum_up(struct hunt *hunt)
{
	struct world *world = &hunt->world;
	struct hunt_tally *tally = hunt->tally;

	for (int i = 0; i < SIM_FAULT_COUNT; i++)
		tally->faults[i] +=
			sim_fault_count(world->sim, (enum sim_fault)i);
	for (uint32_t i = 0; i < world->user_count; i++) {
		const struct user *user = &world->users[i];

		tally->events[HUNT_PICTURE] += user->pictures;
		tally->bytes += user->port.echo.counts.field[STREAM_CHECKED] +
				user->usb.echo.counts.field[STREAM_CHECKED] +
				user->pulse.counts.field[STREAM_CHECKED];
	}
	for (uint32_t i = 0; i < WORLD_ENDS; i++)
		tally->events[HUNT_SEAMLESS + i] += world->ends[i];
	tally->virtual_ns += world_now(world);
}

static void run_end(struct hunt *hunt)
{
	struct world *world = &hunt->world;

	for (uint32_t i = 0; i < world->user_count && !world->failed; i++) {
		struct user *user = &world->users[i];

		if (user->state == USER_DONE)
			user_check(user);
		user_leave(user);
	}
	sum_up(hunt);
	if (!world->failed)
		world_run(world, LEAVE_NS, NULL);
	if (!world->failed)
		world_check_empty(world);
}

static bool all_at_work(struct world *world)
{
	for (uint32_t i = 0; i < world->user_count; i++) {
		if (world->users[i].state != USER_AT_WORK)
			return false;
	}
	return true;
}

bool hunt_run(const struct hunt_wish *wish, struct hunt_tally *tally,
	      char failure[WORLD_FAIL])
{
	struct hunt *hunt = calloc(1, sizeof(*hunt));
	struct world *world = &hunt->world;
	bool failed;

	ASSERT(hunt != NULL, "a test has memory");
	hunt->wish = wish;
	hunt->tally = tally;
	hunt->random.state = wish->seed * 0x9e3779b97f4a7c15 + 1;
	choose_world(hunt);
	choose_users(hunt);
	for (uint32_t i = 0; i < world->user_count; i++)
		user_start(&world->users[i], 0);
	if (!world_run(world, 20 * NS_PER_S, all_at_work))
		fail_with_users(world, "not everybody comes", USER_AT_WORK);
	if (!world->failed)
		run_active(hunt);
	if (!world->failed)
		run_calm(hunt);
	run_end(hunt);
	failed = world->failed;
	snprintf(failure, WORLD_FAIL, "%s", world->failure);
	if (failed && wish->verbose)
		world_print_logs(world);
	world_fini(world);
	free(hunt);
	return !failed;
}

/* hunt.c - one random run: its troubles, and what must hold after them. */
#include "tests/sim/hunt_internal.h"
#include "core/control.h"
#include "tests/sim/user_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALM_MAX_NS (60 * NS_PER_S) /* until every move has ended */
#define BACK_MAX_NS (60 * NS_PER_S) /* until everybody works again */
#define DONE_MAX_NS (60 * NS_PER_S) /* of the closing exchange */
#define LEAVE_NS    (15 * NS_PER_S)

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
		hunt_guest_name(i, name);
		hunt->dead[i] |= !survives(hunt, daemon, name);
	}
	world_crash(&hunt->world, daemon);
	hunt->restart_ns[daemon] = world_now(&hunt->world) + NS_PER_MS +
				   hunt_below(hunt, 1500) * NS_PER_MS;
}

static void cut(struct hunt *hunt, uint32_t daemon)
{
	struct world *world = &hunt->world;
	uint32_t other = hunt_below(hunt, world->wish.daemons);

	if (other == daemon || !world->daemons[daemon].alive ||
	    !world->daemons[other].alive)
		return;
	world_say(world, "the link of %c and %c is cut", 'a' + daemon,
		  'a' + other);
	sim_path_cut(world->sim, world->daemons[daemon].machine,
		     world->daemons[other].machine);
	hunt_count(hunt, HUNT_CUT);
}

/* Flips a bit of what a daemon has sealed for another to read. */
static void tear(struct hunt *hunt, uint32_t daemon)
{
	uint8_t *byte;

	if (!world_sealed_byte(&hunt->world, daemon, &hunt->random, &byte))
		return;
	world_say(&hunt->world, "an image of %c is torn", 'a' + daemon);
	*byte ^= (uint8_t)(1u << hunt_below(hunt, 8));
	hunt_count(hunt, HUNT_TEAR);
}

static void cancel(struct hunt *hunt, uint32_t daemon)
{
	char name[NAME_BYTES];

	hunt_guest_name(hunt_below(hunt, hunt->world.wish.guests), name);
	hunt_count(hunt, HUNT_CANCEL);
	world_cancel(&hunt->world, daemon, name);
}

static void on_state(struct world *world, uint32_t daemon, const char *state)
{
	struct hunt *hunt = hunt_of(world);
	bool source = !strncmp(state, "source", 6);

	if (strstr(state, "in-doubt"))
		hunt_count(hunt, HUNT_IN_DOUBT);
	if (hunt->calm)
		return;
	if (hunt_happens(hunt, hunt->cancel_at))
		cancel(hunt, daemon);
	if (hunt_happens(hunt, hunt->cut_at))
		cut(hunt, daemon);
	if (hunt_happens(hunt, hunt->tear_at))
		tear(hunt, daemon);
	/* Most is at stake between a commit and its answer. */
	if (hunt_happens(hunt,
			 hunt->crash_at *
				 (strcmp(state, "source-committed") ? 1 : 5))) {
		hunt_count(hunt,
			   source ? HUNT_CRASH_SOURCE : HUNT_CRASH_DESTINATION);
		crash(hunt, daemon);
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
	uint32_t target = hunt_below(hunt, world->wish.daemons);
	int owner;

	hunt_guest_name(hunt_below(hunt, world->wish.guests), name);
	owner = world_owner(world, name, &guest);
	if (owner < 0 || (uint32_t)owner == target)
		return;
	/* One without a client is refused at once: now and then is enough. */
	if (!guest->session && !hunt_happens(hunt, 20))
		return;
	if (guest->move && !hunt_happens(hunt, 100))
		return;
	peer[0] = (char)('a' + target);
	hunt_count(hunt, guest->move ? HUNT_SECOND_MOVE : HUNT_MOVE);
	console_move(&world->daemons[owner].console, name, peer,
		     modes[hunt_below(hunt, hunt_happens(hunt, 100) ? 5 : 3)],
		     hunt_happens(hunt, hunt->force));
}

static void ask_drain(struct hunt *hunt)
{
	struct world *world = &hunt->world;
	uint32_t from = hunt_below(hunt, world->wish.daemons);
	uint32_t to = hunt_below(hunt, world->wish.daemons);

	if (from == to || !world->daemons[from].alive)
		return;
	world_say(world, "%c: drain to %c", 'a' + from, 'a' + to);
	console_say(&world->daemons[from].console,
		    "{\"execute\": \"drain\", \"arguments\": {\"peer\": "
		    "\"%c\", \"parallel\": %u}}",
		    'a' + to, 1 + hunt_below(hunt, 3));
	hunt_count(hunt, HUNT_DRAIN);
}

static void cancel_drain(struct hunt *hunt)
{
	struct world *world = &hunt->world;
	uint32_t daemon = hunt_below(hunt, world->wish.daemons);

	if (world->daemons[daemon].alive)
		console_say(&world->daemons[daemon].console,
			    "{\"execute\": \"cancel\", \"arguments\": "
			    "{\"drain\": true}}");
}

static void trouble_clients(struct hunt *hunt)
{
	struct world *world = &hunt->world;
	uint32_t index = hunt_below(hunt, world->user_count);
	struct user *user = &world->users[index];
	bool crashes = hunt_happens(hunt, hunt->crash_client);
	bool hangs_up = hunt_happens(hunt, hunt->hang_up);

	if (!user->client || hunt->return_ns[index] || !(crashes || hangs_up))
		return;
	if (crashes) {
		user_crash(user);
		hunt->return_ns[index] = world_now(world) +
					 hunt_below(hunt, 500) * NS_PER_MS + 1;
		hunt_count(hunt, HUNT_CRASH_CLIENT);
	} else {
		user_lose(user);
		hunt_count(hunt, HUNT_HANG_UP);
	}
}

static void act(struct hunt *hunt)
{
	if (hunt_happens(hunt, 700))
		ask_move(hunt);
	if (hunt_happens(hunt, hunt->drain))
		ask_drain(hunt);
	if (hunt_happens(hunt, hunt->drain / 4))
		cancel_drain(hunt);
	if (hunt_happens(hunt, hunt->cancel_at / 4))
		cancel(hunt, hunt_below(hunt, hunt->world.wish.daemons));
	if (hunt_happens(hunt, hunt->crash_any)) {
		hunt_count(hunt, HUNT_CRASH_ANY);
		crash(hunt, hunt_below(hunt, hunt->world.wish.daemons));
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

	if (hunt->harsh && hunt_happens(hunt, 500))
		faults.chance[SIM_RESET] = 0;
	sim_set_faults(world->sim, &faults);
	while (world_now(world) < end_ns && !world->failed) {
		world_run(world,
			  1 + hunt_below(hunt, hunt->pause_us) * NS_PER_US,
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
		hunt_count(hunt, HUNT_STUCK);
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
	hunt_choose(hunt, on_state);
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

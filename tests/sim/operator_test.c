/* operator_test.c - what an operator is told, and can do, when a peer has gone
 * for a while or for good. */
#include "tests/sim/user_check.h"
#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUESTS 3

/* One case in progress. */
struct play {
	const char *name;
	void (*run)(struct world *world);
	const char *crash_at; /* daemon 1 dies when this state is entered */
	bool fired;
};

static bool all_at_work(struct world *world)
{
	for (uint32_t i = 0; i < world->user_count; i++) {
		if (world->users[i].state != USER_AT_WORK)
			return false;
	}
	return true;
}

static bool drain_told(struct world *world)
{
	return world->daemons[0].console.drains > 0;
}

static bool calm(struct world *world)
{
	return !world_moves(world);
}

static void crash(struct world *world, uint32_t daemon, const char *state)
{
	struct play *play = world->wish.arg;

	(void)daemon;
	if (play->fired || !play->crash_at || strcmp(state, play->crash_at))
		return;
	play->fired = true;
	world_crash(world, 1);
}

static void drain(struct world *world, uint32_t parallel)
{
	console_say(&world->daemons[0].console,
		    "{\"execute\": \"drain\", \"arguments\": {\"peer\": "
		    "\"b\", \"parallel\": %u}}",
		    parallel);
}

static void must_end(struct world *world, const char *state, uint32_t moved,
		     uint32_t failed, uint32_t remained, uint32_t in_doubt)
{
	const struct console *console = &world->daemons[0].console;

	if (!world_run(world, 60 * NS_PER_S, drain_told))
		world_fail(world, "the drain does not end");
	else if (strcmp(console->drain_state, state) ||
		 console->drain_moved != moved ||
		 console->drain_failed != failed ||
		 console->drain_remained != remained ||
		 console->drain_in_doubt != in_doubt)
		world_fail(world,
			   "the drain is %s: %u moved, %u failed, %u remained, "
			   "%u in doubt",
			   console->drain_state, console->drain_moved,
			   console->drain_failed, console->drain_remained,
			   console->drain_in_doubt);
}

static void must_be_at(struct world *world, const char *guest, int daemon)
{
	int owner = world_owner(world, guest, NULL);

	if (owner != daemon)
		world_fail(world, "%s is at %d", guest, owner);
}

/* The peer comes back in time: it takes all, and nobody has noticed. */
static void run_waits(struct world *world)
{
	world_crash(world, 1);
	drain(world, 2);
	world_run(world, 5 * NS_PER_S, NULL);
	if (drain_told(world))
		world_fail(world, "it did not wait");
	world_start(world, 1);
	must_end(world, "done", GUESTS, 0, 0, 0);
	for (uint32_t i = 0; i < GUESTS; i++)
		must_be_at(world, world->users[i].wish.guest, 1);
}

/* It stays away: what was tried and what was not is where it was. */
static void run_gives_up(struct world *world)
{
	world_crash(world, 1);
	drain(world, 2);
	must_end(world, "given-up", 0, 0, GUESTS, 0);
	if (strcmp(world->daemons[0].console.drain_stalled,
		   "cannot be connected: Connection refused"))
		world_fail(world, "it %s",
			   world->daemons[0].console.drain_stalled);
	for (uint32_t i = 0; i < GUESTS; i++)
		must_be_at(world, world->users[i].wish.guest, 0);
	if (!all_at_work(world))
		world_fail(world, "somebody lost his session");
	world_start(world, 1);
}

/* It dies with one commit unanswered: the drain ends all the same. */
static void run_in_doubt(struct world *world)
{
	drain(world, 1);
	must_end(world, "given-up", 0, 1, GUESTS - 1, 1);
	if (world_moves(world) != 1)
		world_fail(world, "%u moves are in doubt", world_moves(world));
	world_start(world, 1);
	if (!world_run(world, 20 * NS_PER_S, calm))
		world_fail(world, "the doubt stays");
}

static struct play plays[] = {
	{.name = "drain-waits", .run = run_waits},
	{.name = "drain-gives-up", .run = run_gives_up},
	{.name = "drain-in-doubt",
	 .run = run_in_doubt,
	 .crash_at = "source-committed"},
};

static void begin(struct world *world)
{
	for (uint32_t i = 0; i < GUESTS; i++) {
		struct user_wish user = {
			.think_ns = 4 * NS_PER_MS,
			.burst_max_bytes = 700,
		};

		snprintf(user.guest, sizeof(user.guest), "vm%u", i);
		client_options_default(&user.options);
		user.options.framebuffer = true;
		user_start(user_add(world, &user), 0);
	}
	if (!world_run(world, 5 * NS_PER_S, all_at_work))
		world_fail(world, "the clients do not come up");
	world_run(world, 200 * NS_PER_MS, NULL);
}

/* Who still has a session ends it well; then nothing may be left over. */
static void finish(struct world *world)
{
	for (uint32_t i = 0; i < GUESTS && !world->failed; i++) {
		struct user *user = &world->users[i];

		if (user->state == USER_AT_WORK)
			user_close(user);
	}
	world_run(world, 5 * NS_PER_S, NULL);
	for (uint32_t i = 0; i < GUESTS && !world->failed; i++) {
		struct user *user = &world->users[i];

		if (user->state == USER_DONE)
			user_check(user);
		else if (user->state != USER_LOST)
			world_fail(world, "a closing exchange does not end");
		user_leave(user);
	}
	if (!world->failed)
		world_run(world, 15 * NS_PER_S, NULL);
	if (!world->failed)
		world_check_empty(world);
}

static bool run(struct play *play, bool one_host, bool verbose)
{
	struct world *world = calloc(1, sizeof(*world));
	struct world_wish wish = {
		.seed = 1,
		.daemons = 2,
		.shards = 2,
		.guests = GUESTS,
		.one_host = one_host,
		.verbose = verbose,
		.on_state = crash,
		.arg = play,
	};
	bool failed;

	ASSERT(world != NULL, "a test has memory");
	play->fired = false;
	world_init(world, &wish);
	begin(world);
	if (!world->failed)
		play->run(world);
	finish(world);
	failed = world->failed;
	printf("%s%s: %s%s\n", play->name, one_host ? " by regions" : "",
	       failed ? "FAILED: " : "ok", failed ? world->failure : "");
	if (failed)
		world_print_logs(world);
	world_fini(world);
	free(world);
	return !failed;
}

/* usage: sim_operator [NAME [--verbose]] */
int main(int argc, char **argv)
{
	uint32_t failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (uint32_t i = 0; i < ARRAY_LEN(plays); i++) {
		if (argc > 1 && strcmp(argv[1], plays[i].name))
			continue;
		failed += !run(&plays[i], false, argc > 2);
		failed += !run(&plays[i], true, argc > 2);
	}
	return failed ? 1 : 0;
}

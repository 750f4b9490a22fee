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
	const char *crash_at; /* a daemon dies when this state is entered */
	uint32_t victim;
	bool fired;
};

static struct play *play_of(struct world *world)
{
	return world->wish.arg;
}

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
	struct play *play = play_of(world);

	(void)daemon;
	if (play->fired || !play->crash_at || strcmp(state, play->crash_at))
		return;
	play->fired = true;
	world_crash(world, play->victim);
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

static void must_log(struct world *world, uint32_t daemon, const char *line)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	ASSERT(out != NULL, "a test has memory");
	sim_host_log_print(world->daemons[daemon].host, out);
	fclose(out);
	if (!strstr(text, line))
		world_fail(world, "no log of \"%s\"", line);
	free(text);
}

static void must_be_at(struct world *world, const char *guest, int daemon)
{
	int owner = world_owner(world, guest, NULL);

	if (owner != daemon)
		world_fail(world, "%s is at %d", guest, owner);
}

/* One goes by an order of its own while the drain begins: nobody waits. */
static void run_overlaps(struct world *world)
{
	uint64_t start_ns = sim_world_now(world->sim);

	console_move(&world->daemons[0].console, "vm0", "b", "any", false);
	drain(world, 2);
	must_end(world, "done", GUESTS, 0, 0, 0);
	if (sim_world_now(world->sim) - start_ns > 5 * NS_PER_S)
		world_fail(world, "it waited for who had gone");
	must_log(world, 0, "drain to b: job 2 begins");
	must_log(world, 0, "drain to b: done: of 3 sessions 3 moved");
	must_log(world, 0, ": vm0 lives at b now");
	for (uint32_t i = 0; i < GUESTS; i++)
		must_be_at(world, world->users[i].wish.guest, 1);
}

/* The peer comes back in time: it takes all, and nobody has noticed. */
static void run_waits(struct world *world)
{
	world_crash(world, 1);
	drain(world, 2);
	world_run(world, 5 * NS_PER_S, NULL);
	if (drain_told(world))
		world_fail(world, "it did not wait");
	console_say(&world->daemons[0].console,
		    "{\"execute\": \"cancel\", \"arguments\": {\"drain\": "
		    "true}}");
	must_end(world, "cancelled", 0, 0, GUESTS, 0);
	must_log(world, 0, "drain to b: being cancelled");
	world->daemons[0].console.drains = 0;
	drain(world, 2);
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
	must_log(world, 0, "drain to b: giving up, the peer cannot be");
	must_log(world, 0, "drain to b: given-up: of 3 sessions 0 moved");
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

/* --- deciding a doubt ----------------------------------------------------- */

static bool answered(struct world *world)
{
	return world->daemons[0].console.answers +
		       world->daemons[1].console.answers >
	       0;
}

/* An operator's word at a daemon; error: how the refusal begins ("": it does
 * not matter), or NULL. */
static void resolve(struct world *world, uint32_t daemon, const char *verdict,
		    bool dry_run, const char *error)
{
	struct console *console = &world->daemons[daemon].console;

	for (uint32_t i = 0; i < 2; i++)
		world->daemons[i].console.answers = 0;
	console_say(console,
		    "{\"execute\": \"resolve\", \"arguments\": {\"guest\": "
		    "\"vm0\", \"verdict\": \"%s\", \"dry-run\": %s}, "
		    "\"id\": \"ask\"}",
		    verdict, dry_run ? "true" : "false");
	if (!world_run(world, 5 * NS_PER_S, answered))
		world_fail(world, "resolve is not answered");
	else if (error ? !console->answer[0] ||
				 strncmp(console->answer, error, strlen(error))
		       : console->answer[0] != '\0')
		world_fail(world, "resolve %s: \"%s\"", verdict,
			   console->answer);
	/* What was answered has been done. */
	world_run(world, 100 * NS_PER_MS, NULL);
}

/* How many moves in doubt a daemon tells of. */
static void must_tell(struct world *world, uint32_t daemon, uint32_t doubts)
{
	struct console *console = &world->daemons[daemon].console;

	for (uint32_t i = 0; i < 2; i++)
		world->daemons[i].console.answers = 0;
	console_say(console, "{\"execute\": \"query-status\", \"id\": "
			     "\"ask\"}");
	if (!world_run(world, 5 * NS_PER_S, answered))
		world_fail(world, "the status is not told");
	else if (console->doubts != doubts)
		world_fail(world, "%c tells of %u doubts", 'a' + daemon,
			   console->doubts);
}

/* A move of vm0 that stands in doubt when this returns. */
static void doubt(struct world *world, uint32_t daemon)
{
	struct play *play = play_of(world);

	resolve(world, daemon, "committed", false, "no move of vm0");
	console_move(&world->daemons[0].console, "vm0", "b", "seamless", false);
	world_run(world, 10 * NS_PER_S, NULL);
	if (!play->fired || world_moves(world) != 1)
		world_fail(world, "there is no doubt: %u moves",
			   world_moves(world));
}

/* The source is dead and had not committed, or had: its operator knows. */
static void run_take(struct world *world)
{
	must_tell(world, 1, 0);
	doubt(world, 1);
	must_tell(world, 1, 1);
	must_be_at(world, "vm0", -1);
	resolve(world, 1, "perhaps", false, "expected a verdict");
	resolve(world, 1, "committed", true, NULL);
	must_be_at(world, "vm0", -1);
	resolve(world, 1, "committed", false, NULL);
	must_be_at(world, "vm0", 1);
	must_tell(world, 1, 0);
	/* Once is once, and there is no way back. */
	world_run(world, 5 * NS_PER_S, NULL);
	resolve(world, 1, "not-committed", false, "no move of vm0");
	must_be_at(world, "vm0", 1);
	if (world_moves(world))
		world_fail(world, "the move is still there");
	/* The source comes after all, and repeats its commit if it had one. */
	world_start(world, 0);
	world_run(world, 5 * NS_PER_S, NULL);
	must_be_at(world, "vm0", 1);
	if (world_moves(world) ||
	    daemon_away(world->daemons[0].daemon) !=
		    (uint32_t)!strcmp(play_of(world)->name, "take-committed"))
		world_fail(world, "the source has not heard where it is");
}

static void run_forget(struct world *world)
{
	doubt(world, 1);
	resolve(world, 1, "not-committed", true, NULL);
	if (world_moves(world) != 1)
		world_fail(world, "a dry run has decided");
	resolve(world, 1, "not-committed", false, NULL);
	must_tell(world, 1, 0);
	must_be_at(world, "vm0", -1);
	if (world_moves(world))
		world_fail(world, "the move is still there");
	world_start(world, 0);
	world_run(world, 5 * NS_PER_S, NULL);
	must_be_at(world, "vm0", -1);
}

/* The destination is dead for good: the source asks no more. */
static void run_give_away(struct world *world)
{
	doubt(world, 0);
	must_tell(world, 0, 1);
	/* The next life has it from the journal. */
	world_crash(world, 0);
	world_start(world, 0);
	world_run(world, 5 * NS_PER_S, NULL);
	must_tell(world, 0, 1);
	resolve(world, 0, "not-committed", false, "this host has committed");
	resolve(world, 0, "committed", true, NULL);
	if (world_moves(world) != 1)
		world_fail(world, "a dry run has decided");
	resolve(world, 0, "committed", false, NULL);
	must_tell(world, 0, 0);
	if (world_moves(world))
		world_fail(world, "the move is still there");
	/* Not in this life nor the next is it made anew. */
	world_crash(world, 0);
	world_start(world, 0);
	world_start(world, 1);
	world_run(world, 5 * NS_PER_S, NULL);
	must_be_at(world, "vm0", -1);
	if (world_moves(world) || daemon_away(world->daemons[0].daemon) != 1)
		world_fail(world, "the journal has lost it");
}

/* Who is connected to the other end waits for its word. */
static void run_no_doubt(struct world *world)
{
	console_move(&world->daemons[0].console, "vm0", "b", "seamless", false);
	world_run(world, 200 * NS_PER_US, NULL);
	if (!world_moves(world))
		world_fail(world, "nothing moves yet");
	for (uint32_t i = 0; i < 2; i++) {
		resolve(world, i, "committed", false, "");
		resolve(world, i, "not-committed", false, "");
	}
	world_run(world, 5 * NS_PER_S, NULL);
	must_be_at(world, "vm0", 1);
}

static struct play plays[] = {
	{.name = "drain-overlaps", .run = run_overlaps},
	{.name = "drain-waits", .run = run_waits},
	{.name = "drain-gives-up", .run = run_gives_up},
	{.name = "drain-in-doubt",
	 .run = run_in_doubt,
	 .crash_at = "source-committed",
	 .victim = 1},
	{.name = "take-not-committed",
	 .run = run_take,
	 .crash_at = "destination-streamed"},
	{.name = "take-committed",
	 .run = run_take,
	 .crash_at = "source-committed"},
	{.name = "forget",
	 .run = run_forget,
	 .crash_at = "destination-streamed"},
	{.name = "give-away",
	 .run = run_give_away,
	 .crash_at = "source-committed",
	 .victim = 1},
	{.name = "no-doubt", .run = run_no_doubt},
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

/* hostile_test.c - malformed input harms nobody but who sent it. */
#include "tests/sim/hostile.h"
#include "tests/sim/user_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hostile_must_close(struct attacker *attacker, uint32_t leg)
{
	if (!attacker_wait_closed(attacker, leg, NS_PER_S))
		hostile_fail(attacker, "connection %u is still open", leg);
}

void hostile_must_count(struct attacker *attacker, enum stat_id id,
			uint64_t value)
{
	uint64_t counted = world_stat(attacker->world, id);

	if (counted != value)
		hostile_fail(attacker, "%s is %llu, not %llu", stats_name(id),
			     (unsigned long long)counted,
			     (unsigned long long)value);
}

void hostile_must_log(struct attacker *attacker, uint32_t daemon,
		      const struct hostile_case *by)
{
	if (by->log && !attacker_logged(attacker, daemon, by->log))
		hostile_fail(attacker, "the log does not say: %s", by->log);
}

static bool at_work(struct world *world)
{
	return world->users[0].state == USER_AT_WORK;
}

static bool is_done(struct world *world)
{
	return world->users[0].state == USER_DONE;
}

static bool no_moves(struct world *world)
{
	return world_moves(world) == 0;
}

/* The good session goes on: bytes come back, frames are drawn. */
static void must_go_on(struct attacker *attacker)
{
	struct user *user = &attacker->world->users[0];
	uint64_t echoed = user->port.echoed;
	uint64_t pulsed = user->pulse_last_ns;

	attacker_run(attacker, 400 * NS_PER_MS);
	if (user->state != USER_AT_WORK || user->losses)
		hostile_fail(attacker, "the good session was lost");
	else if (user->port.echoed == echoed || user->pulse_last_ns == pulsed)
		hostile_fail(attacker,
			     "the good session's streams stand still");
}

static void finish(struct attacker *attacker)
{
	struct world *world = attacker->world;
	char text[400];

	for (uint32_t i = 0; i < ATTACKER_LEGS; i++)
		attacker_hang_up(attacker, i);
	attacker_run(attacker, 12 * NS_PER_S);
	if (!world->failed && !world_run(world, 15 * NS_PER_S, no_moves))
		world_fail(world, "a move does not end");
	user_close(&world->users[0]);
	if (!world->failed && !world_run(world, 10 * NS_PER_S, is_done)) {
		user_describe(&world->users[0], text, sizeof(text));
		world_fail(world, "the closing exchange does not end: %s",
			   text);
	}
	if (world->failed)
		return;
	user_check(&world->users[0]);
	user_leave(&world->users[0]);
	world_run(world, 6 * NS_PER_S, NULL);
	world_check_empty(world);
}

static bool run_case(const struct hostile_case *by, uint32_t shards,
		     bool verbose)
{
	struct world_wish wish = {
		.seed = 7,
		.daemons = 2,
		.shards = shards,
		.guests = 2,
		.verbose = verbose,
	};
	struct user_wish user = {
		.guest = "vm0",
		.think_ns = 4 * NS_PER_MS,
		.burst_max_bytes = 700,
	};
	struct world *world = calloc(1, sizeof(*world));
	struct attacker *attacker = calloc(1, sizeof(*attacker));
	bool failed;

	ASSERT(world && attacker, "a test has memory");
	world_init(world, &wish);
	client_options_default(&user.options);
	user.options.framebuffer = true;
	user_add(world, &user);
	user_start(&world->users[0], 0);
	attacker_init(attacker, world);
	if (!world_run(world, 5 * NS_PER_S, at_work))
		world_fail(world, "the good client does not come up");
	if (!world->failed)
		by->run(attacker, by);
	if (!world->failed)
		must_go_on(attacker);
	if (!world->failed)
		finish(attacker);
	failed = world->failed;
	printf("%s%s: %s%s\n", by->name, shards > 1 ? " by two shards" : "",
	       failed ? "FAILED: " : "ok", failed ? world->failure : "");
	if (failed)
		world_print_logs(world);
	attacker_fini(attacker);
	world_fini(world);
	free(attacker);
	free(world);
	return !failed;
}

int main(int argc, char **argv)
{
	const struct {
		const struct hostile_case *cases;
		uint32_t count;
	} lists[] = {
		{hostile_links, hostile_link_count},
		{hostile_channels, hostile_channel_count},
		{hostile_moves, hostile_move_count},
		{hostile_peers, hostile_peer_count},
	};
	const char *only = NULL;
	bool verbose = false;
	uint32_t failed = 0;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--verbose"))
			verbose = true;
		else
			only = argv[i];
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (uint32_t l = 0; l < ARRAY_LEN(lists); l++) {
		for (uint32_t i = 0; i < lists[l].count; i++) {
			const struct hostile_case *by = &lists[l].cases[i];

			if (only && strcmp(only, by->name))
				continue;
			failed += !run_case(by, 1, verbose);
			failed += !run_case(by, 2, verbose);
		}
	}
	return failed ? 1 : 0;
}

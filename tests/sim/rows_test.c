/* rows_test.c - each way of a move once, step by step, in virtual time. */
#include "tests/sim/user_check.h"
#include "tests/sim/world.h"

#include <spice/enums.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Nothing is left to chance here: no faults, one seed. A row prepares its
 * world, moves, and compares the order of what the client saw and the result
 * that the operator was told. Then every row ends alike: the closing exchange,
 * the streams counted, everybody gone, nothing left over.
 */
struct row {
	const char *name;
	void (*run)(struct world *world);
	void (*configure)(struct world *world, uint32_t daemon,
			  struct config *config);
	void (*on_state)(struct world *world, uint32_t daemon,
			 const char *state);
	struct client_options options;
};

static bool all_at_work(struct world *world)
{
	for (uint32_t i = 0; i < world->user_count; i++) {
		if (world->users[i].state != USER_AT_WORK)
			return false;
	}
	return true;
}

static bool all_done(struct world *world)
{
	for (uint32_t i = 0; i < world->user_count; i++) {
		if (world->users[i].state != USER_DONE)
			return false;
	}
	return true;
}

static bool no_moves(struct world *world)
{
	return world_moves(world) == 0;
}

static bool move_told(struct world *world)
{
	uint32_t ended = 0;

	for (uint32_t i = 0; i < world->wish.daemons; i++)
		ended += world->daemons[i].console.ended;
	return ended >= 1 && no_moves(world);
}

static void forget_ends(struct world *world)
{
	for (uint32_t i = 0; i < world->wish.daemons; i++)
		world->daemons[i].console.ended = 0;
}

static void work(struct world *world, uint64_t ms)
{
	world_run(world, ms * NS_PER_MS, NULL);
}

/* Moves vm0 and waits for the end, which must be as told. */
static void move_vm(struct world *world, uint32_t from, uint32_t to,
		    const char *mode, const char *result, const char *got_mode)
{
	struct console *console = &world->daemons[from].console;
	const char peer[2] = {(char)('a' + to), 0};
	const struct console_end *end;

	forget_ends(world);
	console_move(console, "vm0", peer, mode, false);
	if (!world_run(world, 30 * NS_PER_S, move_told)) {
		world_fail(world, "the move to %s does not end", peer);
		return;
	}
	end = console_last(console);
	if (!end || strcmp(end->result, result) ||
	    (got_mode && strcmp(end->mode, got_mode)))
		world_fail(world, "the move ended as %s, %s: %s",
			   end ? end->result : "nothing", end ? end->mode : "",
			   end ? end->reason : "");
}

static void run_seamless(struct world *world)
{
	static const uint8_t order[] = {
		CLIENT_UP,     CLIENT_BEGUN,   CLIENT_LINKED,
		CLIENT_FROZEN, CLIENT_SWAPPED, CLIENT_MIGRATED,
	};

	move_vm(world, 0, 1, "seamless", "moved", "seamless");
	if (!user_saw(&world->users[0], order, ARRAY_LEN(order)))
		world_fail(world, "the client saw another order");
	work(world, 300);
}

static void run_there_and_back(struct world *world)
{
	for (uint32_t i = 0; i < 10 && !world->failed; i++) {
		move_vm(world, i % 2, 1 - i % 2, "seamless", "moved",
			"seamless");
		work(world, 20);
	}
	if (world->users[0].migrations != 10)
		world_fail(world, "the client saw %u of 10 moves",
			   world->users[0].migrations);
}

static void run_semi(struct world *world)
{
	static const uint8_t order[] = {
		CLIENT_UP,    CLIENT_BEGUN,    CLIENT_LINKED,
		CLIENT_RESET, CLIENT_MIGRATED,
	};

	move_vm(world, 0, 1, "semi-seamless", "moved", "semi-seamless");
	if (!user_saw(&world->users[0], order, ARRAY_LEN(order)))
		world_fail(world, "the client saw another order");
	work(world, 300);
}

static const struct row rows[] = {
	{.name = "seamless", .run = run_seamless},
	{.name = "there-and-back", .run = run_there_and_back},
	{.name = "semi-seamless", .run = run_semi},
};

static void begin(struct world *world, const struct row *row, bool verbose,
		  bool one_host)
{
	struct world_wish wish = {
		.seed = 1,
		.daemons = 2,
		.shards = 1,
		.guests = 1,
		.verbose = verbose,
		.one_host = one_host,
		.configure = row->configure,
		.on_state = row->on_state,
	};
	struct user_wish user = {
		.guest = "vm0",
		.options = row->options,
		.think_ns = 4 * NS_PER_MS,
		.burst_max_bytes = 700,
		.returns = false,
	};

	world_init(world, &wish);
	if (!user.options.queue_max_bytes) {
		client_options_default(&user.options);
		user.options.framebuffer = true;
	}
	user_start(user_add(world, &user), 0);
	if (!world_run(world, 5 * NS_PER_S, all_at_work))
		world_fail(world, "the client does not come up");
}

/* The closing exchange, the counts, and the empty house. */
static void finish(struct world *world)
{
	for (uint32_t i = 0; i < world->user_count && !world->failed; i++)
		user_close(&world->users[i]);
	if (!world->failed && !world_run(world, 10 * NS_PER_S, all_done)) {
		char text[400];

		user_describe(&world->users[0], text, sizeof(text));
		world_fail(world, "the closing exchange does not end: %s",
			   text);
	}
	for (uint32_t i = 0; i < world->user_count && !world->failed; i++) {
		user_check(&world->users[i]);
		user_leave(&world->users[i]);
	}
	if (!world->failed)
		world_run(world, 6 * NS_PER_S, NULL);
	if (!world->failed)
		world_check_empty(world);
}

static bool run_row(const struct row *row, bool verbose, bool one_host)
{
	struct world *world = calloc(1, sizeof(*world));
	bool failed;

	ASSERT(world != NULL, "a test has memory");
	begin(world, row, verbose, one_host);
	work(world, 200);
	if (!world->failed)
		row->run(world);
	finish(world);
	failed = world->failed;
	if (failed) {
		printf("%s: FAILED: %s\n", row->name, world->failure);
		for (uint32_t i = 0; i < world->user_count; i++)
			user_print_log(&world->users[i]);
		world_print_logs(world);
	} else {
		printf("%s: ok\n", row->name);
	}
	world_fini(world);
	free(world);
	return !failed;
}

int main(int argc, char **argv)
{
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
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (only && strcmp(only, rows[i].name))
			continue;
		failed += !run_row(&rows[i], verbose, false);
		failed += !run_row(&rows[i], verbose, true);
	}
	return failed ? 1 : 0;
}

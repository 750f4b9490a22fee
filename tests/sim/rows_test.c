/* rows_test.c - each way of a move once, step by step, in virtual time. */
#include "tests/sim/user_check.h"
#include "tests/sim/world.h"

#include <spice/enums.h>
#include <spice/protocol.h>

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
	void (*run)(struct world *world, const struct row *row);
	void (*configure)(struct world *world, uint32_t daemon,
			  struct config *config);
	void (*prepare)(struct world *world); /* before the client comes */
	const char *mode;                     /* asked for */
	const char *got;                      /* the mode it ends in */
	const char *at;                       /* the state to act in */
	uint32_t skip_types;
	uint8_t drop_caps; /* of the client's main channel */
	uint8_t value;     /* of whatever the configuration sets */
	bool full_header;
	bool by_unix;
};

/* A row in progress. */
struct play {
	const struct row *row;
	bool fired;
};

static struct play *play_of(const struct world *world)
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

/* What the operator was told last. */
static void must_end(struct world *world, uint32_t daemon, const char *result,
		     const char *mode)
{
	const struct console_end *end =
		console_last(&world->daemons[daemon].console);

	if (!end || strcmp(end->result, result) ||
	    (mode && strcmp(end->mode, mode)))
		world_fail(world, "the move ended as %s, %s: %s",
			   end ? end->result : "nothing", end ? end->mode : "",
			   end ? end->reason : "");
}

/* Moves vm0 and waits for the end, which must be as told. */
static void move_vm(struct world *world, uint32_t from, uint32_t to,
		    const char *mode, const char *result, const char *got_mode)
{
	struct console *console = &world->daemons[from].console;
	const char peer[2] = {(char)('a' + to), 0};

	forget_ends(world);
	console_move(console, "vm0", peer, mode, false);
	if (!world_run(world, 30 * NS_PER_S, move_told)) {
		world_fail(world, "the move to %s does not end", peer);
		return;
	}
	must_end(world, from, result, got_mode);
}

static void must_see(struct world *world, const uint8_t *kinds, uint32_t count)
{
	if (!user_saw(&world->users[0], kinds, count))
		world_fail(world, "the client saw another order");
}

static void must_not_see(struct world *world, uint8_t kind)
{
	if (user_count(&world->users[0], kind))
		world_fail(world, "the client saw %s", user_event_name(kind));
}

static void run_seamless(struct world *world, const struct row *row)
{
	static const uint8_t order[] = {
		CLIENT_UP,     CLIENT_BEGUN,   CLIENT_LINKED,
		CLIENT_FROZEN, CLIENT_SWAPPED, CLIENT_MIGRATED,
	};

	move_vm(world, 0, 1, row->mode, "moved", "seamless");
	must_see(world, order, ARRAY_LEN(order));
	must_not_see(world, CLIENT_RESET);
	work(world, 300);
}

/* The next one begins the moment the one before has ended. */
static void run_there_and_back(struct world *world, const struct row *row)
{
	for (uint32_t i = 0; i < 10 && !world->failed; i++)
		move_vm(world, i % 2, 1 - i % 2, row->mode, "moved",
			row->got ? row->got : "seamless");
	if (world->users[0].migrations != 10)
		world_fail(world, "the client saw %u of 10 moves",
			   world->users[0].migrations);
	work(world, 300);
}

static void run_semi(struct world *world, const struct row *row)
{
	static const uint8_t order[] = {
		CLIENT_UP,    CLIENT_BEGUN,    CLIENT_LINKED,
		CLIENT_RESET, CLIENT_MIGRATED,
	};

	move_vm(world, 0, 1, row->mode, "moved", "semi-seamless");
	must_see(world, order, ARRAY_LEN(order));
	must_not_see(world, CLIENT_FROZEN);
	work(world, 300);
}

static bool up_again(struct world *world)
{
	return world->users[0].migrations > 0 &&
	       user_count(&world->users[0], CLIENT_UP) > 1;
}

static void run_switch(struct world *world, const struct row *row)
{
	static const uint8_t order[] = {CLIENT_UP, CLIENT_MIGRATED, CLIENT_UP};

	move_vm(world, 0, 1, row->mode, "moved", "switch-host");
	world_run(world, 5 * NS_PER_S, up_again);
	must_see(world, order, ARRAY_LEN(order));
	must_not_see(world, CLIENT_BEGUN);
	work(world, 300);
}

static void run_flags(struct world *world, const struct row *row)
{
	static const uint8_t order[] = {CLIENT_UP, CLIENT_BEGUN, CLIENT_LINKED,
					CLIENT_SWAPPED, CLIENT_MIGRATED};

	move_vm(world, 0, 1, row->mode, "moved", "seamless");
	must_see(world, order, ARRAY_LEN(order));
	work(world, 300);
}

/* The client cannot dial: it stays, and is told nothing more. */
static void run_connect_error(struct world *world, const struct row *row)
{
	static const uint8_t order[] = {CLIENT_UP, CLIENT_BEGUN,
					CLIENT_LINK_FAILED};

	move_vm(world, 0, 1, row->mode, "failed", NULL);
	must_see(world, order, ARRAY_LEN(order));
	must_not_see(world, CLIENT_LINKED);
	must_not_see(world, CLIENT_CANCELLED);
	work(world, 300);
}

static bool link_failed(struct world *world)
{
	return user_count(&world->users[0], CLIENT_LINK_FAILED) > 0;
}

static void run_force(struct world *world, const struct row *row)
{
	struct sim_faults faults = {.chance = {[SIM_REFUSE] = 10000}};
	static const uint8_t order[] = {CLIENT_UP, CLIENT_BEGUN,
					CLIENT_LINK_FAILED, CLIENT_MIGRATED,
					CLIENT_UP};

	forget_ends(world);
	console_move(&world->daemons[0].console, "vm0", "b", row->mode, true);
	sim_set_faults(world->sim, &faults);
	if (!world_run(world, 10 * NS_PER_S, link_failed))
		world_fail(world, "the client could dial");
	sim_set_faults(world->sim, NULL);
	if (!world_run(world, 10 * NS_PER_S, move_told))
		world_fail(world, "the move does not end");
	must_end(world, 0, "moved", "switch-host");
	world_run(world, 5 * NS_PER_S, up_again);
	must_see(world, order, ARRAY_LEN(order));
	work(world, 300);
}

/* Nothing is announced; the operator is told why. */
static void run_not_movable(struct world *world, const struct row *row)
{
	move_vm(world, 0, 1, row->mode, "failed", NULL);
	must_not_see(world, CLIENT_BEGUN);
	work(world, 100);
}

static void cancel_at(struct world *world, uint32_t daemon, const char *state)
{
	struct play *play = play_of(world);

	(void)daemon;
	if (play->fired || !play->row->at || strcmp(state, play->row->at))
		return;
	play->fired = true;
	world_cancel(world, 0, "vm0");
}

/* Back to LIVE, and a whole move behind it. */
static void run_cancel(struct world *world, const struct row *row)
{
	bool frozen;

	move_vm(world, 0, 1, row->mode, "cancelled", NULL);
	frozen = user_count(&world->users[0], CLIENT_FROZEN) > 0;
	work(world, 200);
	if (frozen && user_count(&world->users[0], CLIENT_THAWED) != 7)
		world_fail(world, "%u of 7 channels were thawed",
			   user_count(&world->users[0], CLIENT_THAWED));
	if (user_count(&world->users[0], CLIENT_BEGUN) !=
	    user_count(&world->users[0], CLIENT_CANCELLED))
		world_fail(world, "what was announced was not cancelled");
	if (user_count(&world->users[0], CLIENT_CANCELLED) > 1)
		world_fail(world, "more than one CANCEL");
	must_not_see(world, CLIENT_SWAPPED);
	move_vm(world, 0, 1, "seamless", "moved", "seamless");
	work(world, 200);
	if (world->users[0].migrations != 1)
		world_fail(world, "the move behind the cancel went wrong");
}

/* Behind the point of no return a cancel comes too late. */
static void run_cancel_late(struct world *world, const struct row *row)
{
	move_vm(world, 0, 1, row->mode, "moved", row->mode);
	must_not_see(world, CLIENT_CANCELLED);
	work(world, 200);
}

static bool begun(struct world *world)
{
	return user_count(&world->users[0], CLIENT_BEGUN) > 0;
}

/* While the client connects nothing is sent, until it has answered. */
static void run_cancel_connecting(struct world *world, const struct row *row)
{
	forget_ends(world);
	console_move(&world->daemons[0].console, "vm0", "b", row->mode, false);
	if (!world_run(world, 5 * NS_PER_S, begun))
		world_fail(world, "no BEGIN");
	world_cancel(world, 0, "vm0");
	if (!world_run(world, 5 * NS_PER_S, move_told))
		world_fail(world, "the move does not end");
	must_end(world, 0, "cancelled", NULL);
	work(world, 200);
	if (user_count(&world->users[0], CLIENT_LINKED) != 1 ||
	    user_count(&world->users[0], CLIENT_CANCELLED) != 1)
		world_fail(world, "the late success was not cancelled");
	move_vm(world, 0, 1, "seamless", "moved", "seamless");
	work(world, 200);
}

#define ROUND_TRIP_NS (40 * NS_PER_MS)

/* Output at the client stands still for one round trip, not for two. */
static void run_gap(struct world *world, const struct row *row)
{
	struct user *user = &world->users[0];

	work(world, 500);
	user->pulse_gap_ns = 0;
	move_vm(world, 0, 1, row->mode, "moved", "seamless");
	work(world, 500);
	printf("the gap in output is %.3f ms at a round trip of %.3f ms\n",
	       (double)user->pulse_gap_ns / 1e6, (double)ROUND_TRIP_NS / 1e6);
	if (user->pulse_gap_ns < ROUND_TRIP_NS ||
	    user->pulse_gap_ns >= ROUND_TRIP_NS * 3 / 2)
		world_fail(world, "that is not one round trip");
}

/* Faults happen on the client's way only. */
static void faulty_way(struct world *world)
{
	struct sim_path path = sim_path_default();

	path.faults = true;
	for (uint32_t i = 0; i < 2; i++)
		sim_path_set(world->sim, world->users[0].machine,
			     world->daemons[i].machine, &path);
	path.faults = false;
	sim_path_set(world->sim, world->daemons[0].machine,
		     world->daemons[1].machine, &path);
}

static void far_away(struct world *world)
{
	struct sim_path far = sim_path_default();
	struct sim_path near = sim_path_default();

	far.delay_ns = ROUND_TRIP_NS / 2;
	near.delay_ns = NS_PER_MS / 2;
	for (uint32_t i = 0; i < 2; i++)
		sim_path_set(world->sim, world->users[0].machine,
			     world->daemons[i].machine, &far);
	sim_path_set(world->sim, world->daemons[0].machine,
		     world->daemons[1].machine, &near);
}

static void fast_pulse(struct world *world, uint32_t daemon,
		       struct config *config)
{
	(void)world, (void)daemon;
	config->guest_demo.first_pulse_hz = 1000;
}

static void set_nack(struct world *world, uint32_t daemon,
		     struct config *config)
{
	(void)world;
	config->test.nack = daemon == 1;
}

static void set_no_cap(struct world *world, uint32_t daemon,
		       struct config *config)
{
	(void)world;
	config->test.no_seamless_cap = daemon == 1;
}

static void set_version(struct world *world, uint32_t daemon,
			struct config *config)
{
	config->test.src_mig_version = daemon ? 0 : play_of(world)->row->value;
}

static void set_flags(struct world *world, uint32_t daemon,
		      struct config *config)
{
	(void)daemon;
	config->test.migrate_flags = play_of(world)->row->value;
}

static void set_window(struct world *world, uint32_t daemon,
		       struct config *config)
{
	(void)daemon;
	config->test.ack_window = play_of(world)->row->value;
}

static void no_door(struct world *world, uint32_t daemon, struct config *config)
{
	(void)world;
	if (daemon == 1)
		config->doors[0].advertise_port = 1;
}

static void unix_door(struct world *world, uint32_t daemon,
		      struct config *config)
{
	(void)world, (void)daemon;
	config->doors[1] = (struct config_door){.name = "local"};
	addr_parse(&config->doors[1].listen, "unix:/sim/door");
	config->door_count = daemon ? 1 : 2;
}

#define SEAMLESS   "seamless"
#define SEMI       "semi-seamless"
#define TYPE(name) (1u << SPICE_CHANNEL_##name)
#define CAP(name)  (1u << SPICE_MAIN_CAP_##name)

#define CANCEL(state_, mode_)                                          \
	{                                                              \
		.name = "cancel-" mode_ "-" state_, .run = run_cancel, \
		.mode = mode_, .at = "source-" state_                  \
	}

static const struct row rows[] = {
	{.name = "seamless", .run = run_seamless, .mode = SEAMLESS},
	{.name = "best-is-seamless", .run = run_seamless, .mode = "any"},
	{.name = "seamless-full-header",
	 .run = run_there_and_back,
	 .mode = SEAMLESS,
	 .full_header = true},
	{.name = "seamless-again", .run = run_there_and_back, .mode = SEAMLESS},
	{.name = "ack-window-1",
	 .run = run_there_and_back,
	 .configure = set_window,
	 .mode = SEAMLESS,
	 .value = 1},
	{.name = "ack-window-2",
	 .run = run_there_and_back,
	 .configure = set_window,
	 .mode = SEAMLESS,
	 .value = 2},
	{.name = "ack-window-3",
	 .run = run_there_and_back,
	 .configure = set_window,
	 .mode = SEAMLESS,
	 .value = 3},
	{.name = "semi-seamless", .run = run_semi, .mode = SEMI},
	{.name = "semi-again",
	 .run = run_there_and_back,
	 .mode = SEMI,
	 .got = SEMI},
	{.name = "semi-again-far",
	 .run = run_there_and_back,
	 .prepare = far_away,
	 .mode = SEMI,
	 .got = SEMI},
	{.name = "version-refused",
	 .run = run_semi,
	 .configure = set_version,
	 .mode = SEAMLESS,
	 .value = 2},
	{.name = "nack",
	 .run = run_semi,
	 .configure = set_nack,
	 .mode = SEAMLESS},
	{.name = "destination-without-cap",
	 .run = run_semi,
	 .configure = set_no_cap,
	 .mode = SEAMLESS},
	{.name = "client-without-seamless",
	 .run = run_semi,
	 .mode = SEAMLESS,
	 .drop_caps = CAP(SEAMLESS_MIGRATE)},
	{.name = "client-without-tokens",
	 .run = run_semi,
	 .mode = SEAMLESS,
	 .drop_caps = CAP(AGENT_CONNECTED_TOKENS)},
	{.name = "client-without-caps",
	 .run = run_switch,
	 .mode = SEAMLESS,
	 .drop_caps = 0xf},
	{.name = "switch-host", .run = run_switch, .mode = "switch-host"},
	{.name = "channel-not-linked",
	 .run = run_semi,
	 .mode = SEAMLESS,
	 .skip_types = TYPE(USBREDIR)},
	{.name = "connect-error",
	 .run = run_connect_error,
	 .configure = no_door,
	 .mode = SEAMLESS},
	{.name = "connect-error-semi",
	 .run = run_connect_error,
	 .configure = no_door,
	 .mode = SEMI},
	{.name = "connect-error-force",
	 .run = run_force,
	 .prepare = faulty_way,
	 .mode = SEAMLESS},
	{.name = "client-by-unix-socket",
	 .run = run_not_movable,
	 .configure = unix_door,
	 .mode = SEAMLESS,
	 .by_unix = true},
	{.name = "flags-0",
	 .run = run_flags,
	 .configure = set_flags,
	 .mode = SEAMLESS,
	 .value = 0},
	{.name = "flags-1",
	 .run = run_flags,
	 .configure = set_flags,
	 .mode = SEAMLESS,
	 .value = 1},
	{.name = "flags-2",
	 .run = run_flags,
	 .configure = set_flags,
	 .mode = SEAMLESS,
	 .value = 2},
	CANCEL("offered", SEAMLESS),
	CANCEL("ready", SEAMLESS),
	CANCEL("freezing", SEAMLESS),
	CANCEL("sealed", SEAMLESS),
	CANCEL("offered", SEMI),
	CANCEL("ready", SEMI),
	CANCEL("sealed", SEMI),
	{.name = "cancel-seamless-connecting",
	 .run = run_cancel_connecting,
	 .mode = SEAMLESS},
	{.name = "cancel-semi-connecting",
	 .run = run_cancel_connecting,
	 .mode = SEMI},
	{.name = "cancel-seamless-committed",
	 .run = run_cancel_late,
	 .mode = SEAMLESS,
	 .at = "source-committed"},
	{.name = "cancel-semi-committed",
	 .run = run_cancel_late,
	 .mode = SEMI,
	 .at = "source-committed"},
	{.name = "one-round-trip",
	 .run = run_gap,
	 .configure = fast_pulse,
	 .prepare = far_away,
	 .mode = SEAMLESS},
};

static void set_options(const struct row *row, struct user_wish *wish)
{
	client_options_default(&wish->options);
	wish->options.framebuffer = true;
	wish->options.main_caps &= (uint8_t)~row->drop_caps;
	wish->options.skip_types = row->skip_types;
	wish->options.full_header = row->full_header;
	/* Without a mark nobody knows what was on its way. */
	wish->lossy = row->configure == set_flags &&
		      !(row->value & SPICE_MIGRATE_NEED_FLUSH);
	if (row->by_unix) {
		wish->path = "/sim/door";
		wish->group = 1;
	}
}

static void begin(struct world *world, struct play *play, bool verbose,
		  bool one_host)
{
	const struct row *row = play->row;
	struct world_wish wish = {
		.seed = 1,
		.daemons = 2,
		.shards = 1,
		.guests = 1,
		.verbose = verbose,
		.one_host = one_host,
		.configure = row->configure,
		.on_state = cancel_at,
		.arg = play,
	};
	struct user_wish user = {
		.guest = "vm0",
		.think_ns = 4 * NS_PER_MS,
		.burst_max_bytes = 700,
	};

	world_init(world, &wish);
	set_options(row, &user);
	user_add(world, &user);
	if (row->prepare)
		row->prepare(world);
	user_start(&world->users[0], 0);
	if (!world_run(world, 5 * NS_PER_S, all_at_work))
		world_fail(world, "the client does not come up");
	/* A channel left out is waited for, a second long. */
	work(world, row->skip_types ? 1200 : 200);
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
	struct play play = {.row = row};
	bool failed;

	ASSERT(world != NULL, "a test has memory");
	begin(world, &play, verbose, one_host);
	if (!world->failed)
		row->run(world, row);
	finish(world);
	failed = world->failed;
	if (failed) {
		printf("%s%s: FAILED: %s\n", row->name,
		       one_host ? " by regions" : "", world->failure);
		for (uint32_t i = 0; i < world->user_count; i++)
			user_print_log(&world->users[i]);
		world_print_logs(world);
	} else {
		printf("%s%s: ok\n", row->name, one_host ? " by regions" : "");
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

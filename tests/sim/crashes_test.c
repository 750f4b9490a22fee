/* crashes_test.c - each party dies, or the peers' link, at each state. */
#include "tests/sim/user_check.h"
#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * One move, one death at a named state, no other faults. Where the guest must
 * be when all is calm again follows from the state alone: with the source
 * until the commit is written, with the destination from then on, and gone if
 * whoever had it has died. Only its own host's death may end a session, or
 * that of the source's while the client still holds on to it.
 */
enum victim { SOURCE, DESTINATION, CLIENT, LINK, VICTIMS };
enum place { AT_SOURCE, AT_DESTINATION, AT_EITHER, DEAD };

static const char *const victim_names[] = {"source", "destination", "client",
					   "link"};
static const char *const modes[] = {"seamless", "semi-seamless", "switch-host"};

/* In the order in which they are entered. The source goes from STREAMED to
 * COMMITTED in one pass, and a death is behind a pass. */
static const char *const states[] = {
	"source-offered",        "destination-offered",  "destination-ready",
	"source-ready",          "source-freezing",      "source-sealed",
	"destination-streamed",  "source-streamed",      "source-committed",
	"destination-committed", "destination-released", "source-released",
};
#define FIRST_COMMITTED 7

struct play {
	enum victim victim;
	uint32_t state;
	bool fired;
};

static void strike(struct world *world, uint32_t daemon, const char *state)
{
	struct play *play = world->wish.arg;

	(void)daemon;
	if (play->fired || strcmp(state, states[play->state]))
		return;
	play->fired = true;
	switch (play->victim) {
	case SOURCE:
		world_crash(world, 0);
		break;
	case DESTINATION:
		world_crash(world, 1);
		break;
	case CLIENT:
		user_crash(&world->users[0]);
		break;
	default:
		sim_path_cut(world->sim, world->daemons[0].machine,
			     world->daemons[1].machine);
		break;
	}
}

static enum place expected(const struct play *play)
{
	bool committed = play->state >= FIRST_COMMITTED;

	switch (play->victim) {
	case SOURCE:
		return committed ? AT_DESTINATION : DEAD;
	case DESTINATION:
		return committed ? DEAD : AT_SOURCE;
	case CLIENT:
		/* The source may commit before it learns of the death. */
		return AT_EITHER;
	default:
		return committed ? AT_DESTINATION : AT_SOURCE;
	}
}

static bool may_lose(const struct play *play)
{
	bool committed = play->state >= FIRST_COMMITTED;

	if (play->victim == SOURCE)
		return strcmp(states[play->state], "source-released") != 0;
	return play->victim == DESTINATION && committed;
}

static bool at_work(struct world *world)
{
	return world->users[0].state == USER_AT_WORK;
}

static bool settled(struct world *world)
{
	const struct user *user = &world->users[0];

	return !world_moves(world) && (user->state == USER_AT_WORK ||
				       (user->state == USER_LOST &&
					world_owner(world, "vm0", NULL) < 0));
}

static bool done(struct world *world)
{
	return world->users[0].state == USER_DONE;
}

static void bring_back(struct world *world, const struct play *play)
{
	if (play->victim == CLIENT)
		user_restart(&world->users[0]);
	else if (play->victim != LINK)
		world_start(world, play->victim == SOURCE ? 0 : 1);
}

static void check(struct world *world, const struct play *play)
{
	struct user *user = &world->users[0];
	int owner = world_owner(world, "vm0", NULL);
	enum place place = expected(play);

	if (place == AT_EITHER ? owner < 0
			       : owner != (place == DEAD ? -1 : (int)place))
		world_fail(world, "the guest is at %d", owner);
	if (user->losses && !may_lose(play))
		world_fail(world, "the session was lost");
	if (owner < 0 || world->failed)
		return;
	user_close(user);
	if (world_run(world, 20 * NS_PER_S, done)) {
		user_check(user);
	} else {
		char text[400];

		user_describe(user, text, sizeof(text));
		world_fail(world, "the closing exchange does not end: %s",
			   text);
	}
}

static void act(struct world *world, struct play *play, const char *mode)
{
	if (!world_run(world, 5 * NS_PER_S, at_work))
		world_fail(world, "the client does not come up");
	world_run(world, 100 * NS_PER_MS, NULL);
	console_move(&world->daemons[0].console, "vm0", "b", mode, false);
	world_run(world, 200 * NS_PER_MS, NULL);
	/* Not every mode has every state. */
	if (!play->fired)
		return;
	bring_back(world, play);
	world_run(world, NS_PER_S, NULL);
	if (!world_run(world, 60 * NS_PER_S, settled)) {
		char text[400];

		user_describe(&world->users[0], text, sizeof(text));
		world_fail(world, "it hangs, %u moves: %s", world_moves(world),
			   text);
	}
	if (!world->failed)
		check(world, play);
	user_leave(&world->users[0]);
	if (!world->failed)
		world_run(world, 15 * NS_PER_S, NULL);
	if (!world->failed)
		world_check_empty(world);
}

static bool run(struct play *play, const char *mode, bool one_host,
		bool verbose)
{
	struct world *world = calloc(1, sizeof(*world));
	struct world_wish wish = {
		.seed = 1,
		.daemons = 2,
		.shards = 1,
		.guests = 1,
		.one_host = one_host,
		.verbose = verbose,
		.on_state = strike,
		.arg = play,
	};
	struct user_wish user = {
		.guest = "vm0",
		.think_ns = 4 * NS_PER_MS,
		.burst_max_bytes = 700,
		.returns = true,
	};
	bool failed;

	ASSERT(world != NULL, "a test has memory");
	world_init(world, &wish);
	/* A real client may not survive links that end unanswered. */
	world->strict = play->victim != DESTINATION;
	client_options_default(&user.options);
	user.options.framebuffer = true;
	user_start(user_add(world, &user), 0);
	act(world, play, mode);
	failed = world->failed;
	if (failed)
		printf("FAILED: %s dies at %s, %s%s: %s\n",
		       victim_names[play->victim], states[play->state], mode,
		       one_host ? " by regions" : "", world->failure);
	if (failed && verbose)
		world_print_logs(world);
	world_fini(world);
	free(world);
	return !failed;
}

/* The link cannot be told from others: "link source-ready seamless". */
static bool is_wanted(int argc, char **argv, const struct play *play,
		      const char *mode)
{
	return argc < 4 || (!strcmp(argv[1], victim_names[play->victim]) &&
			    !strcmp(argv[2], states[play->state]) &&
			    !strcmp(argv[3], mode));
}

int main(int argc, char **argv)
{
	uint32_t failed = 0;
	uint32_t count = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (uint32_t i = 0; i < VICTIMS * ARRAY_LEN(states) * 6; i++) {
		const char *mode = modes[i / 2 % 3];
		struct play play = {
			.victim = (enum victim)(i / 6 / ARRAY_LEN(states)),
			.state = i / 6 % ARRAY_LEN(states),
		};

		if (!is_wanted(argc, argv, &play, mode))
			continue;
		failed += !run(&play, mode, i % 2, argc > 4);
		count += play.fired;
	}
	printf("%u deaths, %u went wrong\n", count, failed);
	return failed || (argc < 4 && count < 200) ? 1 : 0;
}

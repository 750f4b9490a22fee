/* hunt.h - one random run: a seed chooses the world, its faults and moves. */
#pragma once

#include "core/plant.h"
#include "tests/sim/world.h"

/*
 *   chosen -> everybody comes -> active: moves, cancels, faults, crashes
 *          -> calm: no faults, the dead are started again, moves end
 *          -> the closing exchange -> everybody leaves -> the house is empty
 *
 * In a gentle run no connection breaks and nobody dies: every session must
 * live through it. In a harsh one a session may end, but then its user comes
 * again and finds the guest at exactly one place, or nowhere if that died.
 */
enum hunt_event {
	HUNT_MOVE,
	HUNT_SECOND_MOVE, /* asked for while the first is under way */
	HUNT_CANCEL,
	HUNT_DRAIN,        /* all guests of a daemon, by its scheduler */
	HUNT_CRASH_SOURCE, /* a daemon dies right behind a state of a move */
	HUNT_CRASH_DESTINATION,
	HUNT_CRASH_ANY, /* ... or at any pass */
	HUNT_CRASH_CLIENT,
	HUNT_HANG_UP,
	HUNT_CUT,  /* the link between two daemons */
	HUNT_TEAR, /* bytes of a sealed image flip */
	HUNT_VERSION_SKEW,
	HUNT_NACK,
	HUNT_NO_CAP,
	HUNT_SMALL_CLIENT, /* one without all capabilities */
	HUNT_OTHER_FLAGS,
	HUNT_TINY_REGION, /* images go by the stream as well */
	HUNT_TINY_TABLES, /* no room for a session there */
	HUNT_FEW_CHUNKS,
	HUNT_FEW_KEYS,
	HUNT_STUCK,
	HUNT_IN_DOUBT,
	HUNT_SEAMLESS, /* what came of it */
	HUNT_SEMI_SEAMLESS,
	HUNT_SWITCH_HOST,
	HUNT_FAILED,
	HUNT_CANCELLED,
	HUNT_CLOSED,
	HUNT_PICTURE, /* compared, pixel by pixel */
	HUNT_EVENT_COUNT
};

struct hunt_tally {
	uint64_t events[HUNT_EVENT_COUNT];
	uint64_t faults[SIM_FAULT_COUNT];
	uint64_t bytes; /* checked at both ends */
	uint64_t virtual_ns;
};

struct hunt_wish {
	uint64_t seed;
	bool verbose;
	enum plant plant; /* of config test.plant */
};

/* Runs one seed. Returns true when all was right; else failure says what. */
bool hunt_run(const struct hunt_wish *wish, struct hunt_tally *tally,
	      char failure[WORLD_FAIL]);

const char *hunt_event_name(enum hunt_event event);

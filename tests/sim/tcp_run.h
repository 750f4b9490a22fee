/* tcp_run.h - one seeded run: two TCPs, their owners, a cable between them. */
#pragma once

#include "dataplane/sim/sim.h"

/*
 * A run is two ends on a cable and a few connections between them. A side of a
 * connection has a plan, chosen by the seed: how much to send and in which
 * portions, when to read, hold and move, who finishes first and how. Time is
 * the run's own.
 *
 *   chosen -> connections open, carry, move, finish on a bad cable
 *          -> all are over -> the waiting ones expire -> nothing is left
 */
#define RUN_FAIL 256

enum run_event {
	RUN_PASSIVE, /* our end accepted */
	RUN_ACTIVE,  /* our end connected */
	RUN_HOLD,
	RUN_UNREAD,
	RUN_MOVE,       /* a connection went to another stack */
	RUN_MOVE_BUSY,  /* with something in flight */
	RUN_MOVE_AWAY,  /* frames came while it was in neither */
	RUN_HALF_CLOSE, /* bytes came after our FIN */
	RUN_BOTH_CLOSE, /* both ended before they heard of the other's end */
	RUN_KILL,
	RUN_CLOSE_EARLY, /* with bytes under way to us */
	RUN_ONE_BYTE,
	RUN_PROBE,
	RUN_WRAP,      /* of sequence numbers, under way */
	RUN_WRAP_TIME, /* of timestamps */
	RUN_FAST,      /* fast recoveries */
	RUN_TIMEOUT,
	RUN_REORDERED,
	RUN_WAIT,    /* TIME-WAIT at our end */
	RUN_NO_ROOM, /* segments were dropped for lack of it */
	RUN_EVENT_COUNT,
};

const char *run_event_name(enum run_event event);

struct run_tally {
	uint64_t events[RUN_EVENT_COUNT];
	uint64_t faults[SIM_FAULT_COUNT];
	uint64_t bytes; /* checked */
	uint64_t frames;
	uint64_t virtual_ns;
	uint64_t trace; /* of the last run: equal for equal runs */
};

struct run_wish {
	uint64_t seed;
	bool verbose;
	uint8_t plant;     /* enum tcp_plant */
	const char *peers; /* directory of lwIP's variants; NULL: ours */
};

/* Runs one seed. Returns true when all was right; else failure says what. */
bool run_seed(const struct run_wish *wish, struct run_tally *tally,
	      char failure[RUN_FAIL]);

/* world.h - whole daemons, their operators and clients in one simulation. */
#pragma once

#include "channels/guest/guest.h"
#include "channels/service.h"
#include "core/daemon/daemon.h"
#include "core/move_record.h"
#include "dataplane/sim/sim_host.h"
#include "tests/sim/console.h"
#include "tests/sim/user.h"
#include "tests/unit/seeded.h"

/*
 * One thread, one virtual clock. A step lets one shard, console or client
 * pass, chosen by the seed, or moves the time. After each pass of a daemon the
 * states that it entered are told to the scenario, which may then cancel, cut
 * or crash; and the rules that must hold at any time are looked at.
 */
#define WORLD_DAEMONS 3
#define WORLD_SHARDS  2
#define WORLD_USERS   4
#define WORLD_TRAPS   64
#define WORLD_FAIL    512

struct world;

struct world_wish {
	uint64_t seed;
	uint32_t daemons;
	uint32_t shards;
	uint32_t guests; /* all of them start at daemon 0 */
	bool one_host;   /* peers by unix sockets, images by regions */
	bool verbose;
	bool torn_journal;
	/* Changes the config of a daemon before each of its lives. */
	void (*configure)(struct world *world, uint32_t daemon,
			  struct config *config);
	/* A daemon entered a state, "source-ready" or the like. */
	void (*on_state)(struct world *world, uint32_t daemon,
			 const char *state);
	void *arg; /* of the scenario */
};

struct world_daemon {
	struct world *world;
	uint32_t index;
	uint32_t lives;
	bool alive;
	struct config config;
	struct sim_machine *machine;
	struct host *host;
	struct dp *dps[WORLD_SHARDS];
	struct dp *control_dp;
	struct daemon *daemon;
	bool busy[WORLD_SHARDS + 1]; /* the last pass did work */
	uint32_t trap_count;
	char traps[WORLD_TRAPS][40];
	struct console console;
};

enum world_end {
	END_SEAMLESS,
	END_SEMI_SEAMLESS,
	END_SWITCH_HOST,
	END_FAILED,
	END_CANCELLED,
	END_CLOSED,
	WORLD_ENDS
};

struct world {
	struct world_wish wish;
	struct sim_world *sim;
	struct seeded random;
	uint8_t secret[SIPHASH_KEY_BYTES];
	struct world_daemon daemons[WORLD_DAEMONS];
	struct user users[WORLD_USERS];
	uint32_t user_count;
	uint32_t ends[WORLD_ENDS]; /* of moves, as operators were told */
	uint32_t idle_passes;      /* in a row, at one time */
	bool strict;               /* nothing breaks a session in this run */
	bool failed;
	char failure[WORLD_FAIL];
};

/* Builds the daemons and their consoles; users are added by user_add. */
void world_init(struct world *world, const struct world_wish *wish);
void world_fini(struct world *world);

/* Notes the first failure; the run ends soon. */
void world_fail(struct world *world, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints, if verbose, with the virtual time. */
void world_say(struct world *world, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

uint64_t world_now(const struct world *world);

/* One pass or one step of time, not beyond until_ns. False: time is there. */
bool world_step(struct world *world, uint64_t until_ns);

/* Steps until done says so. False: max_ns went by, or the world failed. */
bool world_run(struct world *world, uint64_t max_ns,
	       bool (*done)(struct world *world));

/* As by kill -9; and the next life by the same name. */
void world_crash(struct world *world, uint32_t daemon);
void world_start(struct world *world, uint32_t daemon);

/* What a living daemon's shard serves. */
struct service *world_service(struct world_daemon *daemon, uint32_t shard);

/* Where a guest runs now, or -1. */
int world_owner(struct world *world, const char *guest, struct guest **record);

/* What a daemon has of a guest. */
struct world_trace {
	bool held;      /* its record, running or paused */
	bool streamed;  /* all its images, not yet run */
	bool committed; /* it gave the guest away, and waits to be told */
};
void world_trace(struct world *world, uint32_t daemon, const char *guest,
		 struct world_trace *trace);

/* Cancels at once, as the shard would hear it from control. */
void world_cancel(struct world *world, uint32_t daemon, const char *guest);

/* A byte of an image, or of its place in the directory, that a daemon has
 * sealed in a region and nobody has claimed. False: there is none. */
bool world_sealed_byte(struct world *world, uint32_t daemon,
		       struct seeded *random, uint8_t **byte);

/* Moves that have not ended, of all daemons. */
uint32_t world_moves(struct world *world);

/* After all clients have gone: nothing may be left over. */
void world_check_empty(struct world *world);

/* The sum of a counter over the living daemons. */
uint64_t world_stat(struct world *world, enum stat_id id);

/* Prints the logs of all daemons. */
void world_print_logs(struct world *world);

/* The machine of an address: "10.0.0.1" is daemon 0. */
void world_door_host(uint32_t daemon, char text[16]);
#define WORLD_DOOR_PORT 5900

/* sim.h - a seeded dataplane in virtual time, for many hosts in one thread. */
#pragma once

#include "core/dp.h"

/*
 * A world holds machines, a machine holds dps, and nothing is static: the same
 * seed and the same calls give the same events. Time stands still while a
 * shard works. The scheduler that owns the world does, in a loop:
 *
 *   while a shard is ready (sim_dp_ready of its dps, cells in its ring, or
 *   its last pass did work): pick one by the seed and let it pass, waiting;
 *   else sim_world_advance; when that is false nothing will happen any more.
 *
 * A poll never blocks: with nothing to give it notes its deadline and returns
 * 0. One poll may give several events of a connection, but nothing behind its
 * ACCEPTED.
 *
 * What our own code may not do is asserted here: recycle a view twice, change
 * bytes that are lent to a send. A recycled view's bytes are overwritten.
 */
struct sim_world;

/* An address space and crash domain: one life of one process. */
struct sim_machine;

/* What can go wrong. The names are given by sim_fault_name. */
enum sim_fault {
	SIM_SPLIT,         /* per delivery: cut at any byte */
	SIM_DELAY,         /* per connection: latency and jitter added */
	SIM_STALL,         /* per segment: the path stops for a while */
	SIM_RESET,         /* per segment: both ends see a reset */
	SIM_SLOW_READER,   /* per direction of a connection: tiny window */
	SIM_SHORT_SEND,    /* per send: a part leaves now, the rest later */
	SIM_REFUSE,        /* per connect */
	SIM_ACCEPT_LATE,   /* per connect: ACCEPTED after the peer has sent */
	SIM_FEW_EVENTS,    /* per poll that has more than one to give */
	SIM_SPURIOUS_WAKE, /* per wait */
	SIM_LATE_TIMER,    /* per wait */
	/* From here on: of a cable (cable.h); so are DELAY and STALL. */
	SIM_LOSE,      /* per frame */
	SIM_DUPLICATE, /* per frame: once more, at a time of its own */
	SIM_REORDER,   /* per frame: held back, others overtake it */
	SIM_CORRUPT,   /* per frame of IPv4: a bit behind the Ethernet header */
	SIM_OUTAGE,    /* per frame: it and all others for a while are lost */
	SIM_FAULT_COUNT,
};

#define SIM_FAULT_FRAMES SIM_LOSE /* the first that no connection here has */

struct sim_faults {
	uint16_t chance[SIM_FAULT_COUNT]; /* of 10,000, each */
	uint64_t delay_min_ns;
	uint64_t delay_max_ns;
	uint64_t delay_jitter_ns;
	uint64_t stall_max_ns;
	uint64_t short_max_ns;
	uint64_t accept_max_ns;
	uint64_t late_max_ns;
	uint64_t reorder_max_ns;
	uint64_t outage_max_ns;
	uint32_t slow_window_bytes; /* most of a tiny window */
};

/* Between two machines, or a machine and itself; the same both ways. */
struct sim_path {
	uint64_t delay_ns; /* one way */
	uint64_t jitter_ns;
	uint32_t window_bytes; /* each way: on the wire and not yet read */
	bool faults;           /* whether the world's faults happen on it */
};

/* For dps made from then on. */
struct sim_limits {
	uint32_t conn_max;
	uint32_t view_count; /* views out at once */
	uint32_t view_max_bytes;
	uint32_t unread_max_bytes; /* of one connection */
};

/* Aborts when there is no memory, as all of the simulator does. */
struct sim_world *sim_world_create(uint64_t seed);

/* Frees all that is left, dps and machines too. */
void sim_world_destroy(struct sim_world *world);

uint64_t sim_world_now(const struct sim_world *world);

/*
 * Moves time to the next thing due: a delivery, or the deadline that a dp
 * noted. Returns false, time untouched, when nothing is due at all.
 */
bool sim_world_advance(struct sim_world *world);

/* When that is, NS_NEVER for nothing. */
uint64_t sim_world_next_ns(const struct sim_world *world);

/* As sim_world_advance, but never beyond until_ns; false: time is there. */
bool sim_world_advance_until(struct sim_world *world, uint64_t until_ns);

/* A hash of every event given so far: equal for equal runs. */
uint64_t sim_world_trace(const struct sim_world *world);

/* A seeded number below limit, for schedulers: apart from the faults' own. */
uint64_t sim_world_pick(struct sim_world *world, uint64_t limit);

/*
 * The world owns it. Lives of one process bear one name: a new machine by an
 * old name inherits paths, and a sim_host's journal. Starts in group 0.
 */
struct sim_machine *sim_machine_create(struct sim_world *world,
				       const char *name);

/*
 * Machines of one group share unix paths, loopback addresses and regions, as
 * processes of one computer do. Other addresses are the world's. Before any
 * dp of the machine is made.
 */
void sim_machine_set_group(struct sim_machine *machine, uint32_t group);
void sim_machine_set_limits(struct sim_machine *machine,
			    const struct sim_limits *limits);

/*
 * As by kill -9: every dp, connection and parcel of it is gone without an
 * event, sends not yet polled for too; peers learn of it after the path's
 * delay. Not from inside a call of the machine's own. Its dps are destroyed
 * later, or by the world.
 */
void sim_machine_crash(struct sim_machine *machine);
bool sim_machine_crashed(const struct sim_machine *machine);

/* Makes a dp on a machine. dp_destroy or the world frees it. 0 or -ESTALE. */
int sim_dp_create(struct sim_world *world, struct sim_machine *machine,
		  struct dp **dp);

/*
 * True when a poll would give something, must submit something, was woken, or
 * its noted deadline has passed; and before the first poll.
 */
bool sim_dp_ready(const struct dp *dp);

/* Connections that have not ended, and views not recycled. */
uint32_t sim_dp_conns(const struct dp *dp);
uint32_t sim_dp_views(const struct dp *dp);

/* Replaces the faults; NULL: none from now on, tiny windows are gone too. */
void sim_set_faults(struct sim_world *world, const struct sim_faults *faults);

/* Faults that break no connection, only the order and size of things. */
struct sim_faults sim_faults_gentle(void);

/* All of them: connections are refused and reset too. */
struct sim_faults sim_faults_all(void);

/* Those of a cable that a connection survives. */
struct sim_faults sim_faults_frames(void);

uint64_t sim_fault_count(const struct sim_world *world, enum sim_fault fault);
const char *sim_fault_name(enum sim_fault fault);

/* For connections that are begun from then on. */
void sim_path_set(struct sim_world *world, const struct sim_machine *a,
		  const struct sim_machine *b, const struct sim_path *path);

/* 20 us, no jitter, 256 KiB, faults: what holds where nothing was set. */
struct sim_path sim_path_default(void);

/* Resets every connection between two machines, as the fault would. */
void sim_path_cut(struct sim_world *world, const struct sim_machine *a,
		  const struct sim_machine *b);

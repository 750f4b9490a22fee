/* cable.h - two ports and what happens to the frames between them, by seed. */
#pragma once

#include "dataplane/sim/sim.h"

/*
 * Frames go in with a time and come out with a time; a cable has no clock and
 * does no I/O, so it serves virtual time and a process between two devices
 * alike. Each direction is a queue: frames keep their order but for those that
 * a fault holds back. Its faults are those of sim.h that frames can have, its
 * chances per frame; DELAY is decided once for each direction.
 *
 * All memory is taken at creation; a frame for which there is no room is
 * dropped, as a switch would, and counted.
 */
struct sim_cable;

struct sim_cable_config {
	uint64_t seed;
	uint64_t delay_ns; /* one way, without faults */
	uint64_t jitter_ns;
	uint32_t frame_max;   /* under way at once, both directions */
	uint32_t frame_bytes; /* a longer one is dropped */
};

struct sim_cable_frame {
	const uint8_t *data; /* until the next call for this cable */
	uint32_t len;
	uint32_t port; /* where it comes out: 0 or 1 */
	uint64_t when_ns;
};

/* Aborts when there is no memory, as all of the simulator does. */
struct sim_cable *sim_cable_create(const struct sim_cable_config *config);
void sim_cable_destroy(struct sim_cable *cable);

/* What may happen from now on; NULL: nothing. */
void sim_cable_set_faults(struct sim_cable *cable,
			  const struct sim_faults *faults);

/* A frame enters at a port (0 or 1) at now_ns. Its bytes are copied. */
void sim_cable_put(struct sim_cable *cable, uint32_t port, uint64_t now_ns,
		   const void *data, uint32_t len);

/* The next frame that comes out by now_ns; false: none yet. */
bool sim_cable_take(struct sim_cable *cable, uint64_t now_ns,
		    struct sim_cable_frame *frame);

/* When the next one comes out, NS_NEVER: none is under way. */
uint64_t sim_cable_next_ns(const struct sim_cable *cable);

uint64_t sim_cable_fault_count(const struct sim_cable *cable,
			       enum sim_fault fault);

/* Frames for which there was no room. */
uint64_t sim_cable_dropped(const struct sim_cable *cable);

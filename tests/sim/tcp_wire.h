/* tcp_wire.h - TCP stacks on one lossy wire, in virtual time, by a seed. */
#pragma once

#include "dataplane/tcp/counters.h"
#include "dataplane/tcp/tcp.h"
#include "tests/unit/seeded.h"

#define WIRE_HOSTS 2

/* Chances are of 1000, for each frame. */
struct tcp_wire_faults {
	uint32_t lose;
	uint32_t repeat;
	uint32_t spoil; /* a bit of it */
	uint32_t late;  /* up to late_us more than the others */
	uint32_t late_us;
	uint32_t delay_us;
	bool no_sack; /* options that a middlebox takes out of a SYN */
	bool no_timestamps;
	bool no_scale;
};

struct tcp_packet; /* a frame on the wire, or kept by a stack */

struct tcp_host {
	struct tcp_wire *wire;
	struct tcp_stack *stack;
	struct arena arena;
	uint32_t index;
	uint32_t kept; /* frames the stack has not released */
	uint32_t
		limbo; /* flows on their way: strangers' segments are dropped */
};

struct tcp_wire {
	uint64_t now_ns;
	struct seeded seeded;
	uint32_t mtu;
	struct tcp_wire_faults faults;
	struct tcp_host hosts[WIRE_HOSTS];
	struct tcp_packet *first; /* by time */
	uint64_t frames;
};

#define WIRE_ADDRESS(index) ((uint32_t)0x0a090001 + (index))

/* Makes two hosts, their configs from config with addresses filled in. */
void tcp_wire_init(struct tcp_wire *wire, const struct tcp_config *config,
		   uint64_t seed);
void tcp_wire_fini(struct tcp_wire *wire);

/*
 * Moves time to what is due next, not beyond until_ns, and gives it to its
 * host: input, advance. Returns false when nothing is due by then.
 */
bool tcp_wire_step(struct tcp_wire *wire, uint64_t until_ns);

/* steer.h - which dp of a port has a flow, whatever queue a frame came by. */
#pragma once

#include "core/idtable.h"
#include "core/siphash.h"
#include "dataplane/tcp/tcp.h"

/*
 * A flow's home follows from its addresses: one byte for each bucket of their
 * hash says which dp. New connections begin at home when the home listens. A
 * flow that lives elsewhere, because it settled or moved or was opened there,
 * has an entry in the table of exceptions; one on its way between two dps has
 * one that names the dp which keeps its frames meanwhile.
 *
 *   (home) -- claim --> exception at D -- part --> TRANSIT at D
 *      ^                     |  ^                      |
 *      +------- claim at home, or release -------------+-- claim elsewhere
 *
 * A dp asks only for frames whose flow its own stack does not know. The map
 * never changes while a port lives, so a flow at home needs no entry where the
 * home listens; where it does not, frames without an entry go to one that
 * does. All dps read and write at any time.
 */
#define STEER_BUCKETS       256
#define STEER_LISTENERS_MAX 16
#define STEER_DPS_MAX       64

struct steer_listener {
	_Atomic uint32_t port; /* 0: free */
	_Atomic uint64_t dps;  /* a bit for each that listens there */
};

struct steer {
	uint8_t secret[SIPHASH_KEY_BYTES];
	uint8_t map[STEER_BUCKETS];
	_Atomic uint64_t present; /* a bit for each dp that lives */
	struct steer_listener listeners[STEER_LISTENERS_MAX];
	struct idtable exceptions;
};

struct steer_place {
	uint8_t dp;
	bool exception; /* an entry says so; else the map and the listeners */
	bool transit;   /* no stack has the flow: dp keeps its frames */
	uint64_t entry;
};

/* For dps numbered below dp_count, flow_max flows together. 0 or -ENOMEM. */
int steer_init(struct steer *steer, const uint8_t secret[SIPHASH_KEY_BYTES],
	       uint32_t dp_count, uint32_t flow_max);
void steer_fini(struct steer *steer);

void steer_join(struct steer *steer, uint8_t dp);

/* The dp is gone: what it had is nobody's. */
void steer_leave(struct steer *steer, uint8_t dp);

/* Says that dp listens. Returns 0 or -ENOSPC. */
int steer_listen(struct steer *steer, uint16_t port, uint8_t dp);

/* True when some dp listens at that port. */
bool steer_listens(const struct steer *steer, uint16_t port);

/* The name of a flow in the calls below: it is hard to guess. */
uint64_t steer_key(const struct steer *steer, const struct tcp_tuple *tuple);

/* Where frames of the flow should go. */
struct steer_place steer_find(const struct steer *steer, uint64_t key,
			      uint16_t local_port);

/*
 * The flow lives at dp from now on. number makes the entry unlike earlier ones
 * of the same addresses. *entry is 0 for a flow at home. Returns 0 or -ENOSPC.
 */
int steer_claim(struct steer *steer, uint64_t key, uint16_t local_port,
		uint8_t dp, uint64_t number, uint64_t *entry);

/* The flow leaves dp, which keeps its frames. As steer_claim. */
int steer_part(struct steer *steer, uint64_t key, uint8_t dp, uint64_t number,
	       uint64_t *entry);

/* Drops an entry, unless it was replaced since. */
void steer_release(struct steer *steer, uint64_t key, uint64_t entry);

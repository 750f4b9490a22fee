/* timewait.h - connections that are over, and remembered for two lifetimes. */
#pragma once

#include "core/arena.h"
#include "dataplane/tcp/sequence.h"

/*
 * A record of 48 bytes, in a list by expiry: all wait equally long, so whoever
 * starts to wait goes to the end, and a full list forgets its first.
 */
struct tcp_time_wait {
	uint32_t peer_address;
	uint16_t peer_port;
	uint16_t local_port;
	uint32_t hash;
	uint32_t snd_nxt;
	uint32_t rcv_nxt;
	uint32_t rcv_wnd; /* as the last ACK's field had it */
	uint32_t ts_recent;
	uint32_t ts_offset;
	uint32_t until; /* ms */
	uint32_t next;  /* index + 1; of the free list, too */
	uint32_t prev;
	bool taken;
	bool ts; /* timestamps were in use */
};

_Static_assert(sizeof(struct tcp_time_wait) == 48, "thin");

struct tcp_time_waits {
	struct tcp_time_wait *records;
	uint32_t capacity;
	uint32_t used;
	uint32_t fresh; /* records from here on were never taken */
	uint32_t free;  /* index + 1 */
	uint32_t first;
	uint32_t last;
};

int tcp_time_waits_init(struct tcp_time_waits *waits, struct arena *arena,
			uint32_t capacity);

/* The one that has waited longest, or NULL. */
struct tcp_time_wait *tcp_time_wait_first(const struct tcp_time_waits *waits);

/* Takes a record and lists it last. There must be one that is free. */
struct tcp_time_wait *tcp_time_wait_take(struct tcp_time_waits *waits);

/* Lists it last again. */
void tcp_time_wait_restart(struct tcp_time_waits *waits,
			   struct tcp_time_wait *wait);

void tcp_time_wait_give(struct tcp_time_waits *waits,
			struct tcp_time_wait *wait);

bool tcp_time_waits_check(const struct tcp_time_waits *waits);

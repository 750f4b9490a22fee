/* neighbour.h - which MAC an IPv4 address on our network has: a cache. */
#pragma once

#include "core/arena.h"

/*
 *   FREE -> ASKED -> KNOWN <-> ASKED_AGAIN (its MAC is used meanwhile)
 *              \-> SILENT -> FREE          \-> ASKED
 *
 * A full cache forgets one that is not being asked for, in turn. Flows that
 * wait for an answer are noted, a few for each address: the others send again
 * when their timer says so.
 */
#define NEIGHBOUR_NONE    UINT16_MAX
#define NEIGHBOUR_WAITERS 8

enum neighbour_state {
	NEIGHBOUR_FREE,
	NEIGHBOUR_ASKED,
	NEIGHBOUR_KNOWN,
	NEIGHBOUR_ASKED_AGAIN,
	NEIGHBOUR_SILENT, /* did not answer: until at_ms nobody asks */
};

struct neighbour {
	uint32_t address;
	uint32_t at_ms; /* KNOWN: when it was confirmed; else what is next */
	uint8_t mac[6];
	uint8_t state; /* enum neighbour_state */
	uint8_t tries;
	uint16_t next; /* index + 1 in its bucket */
	uint8_t waiter_count;
	uint32_t waiters[NEIGHBOUR_WAITERS]; /* flow indices */
};

struct neighbours {
	struct neighbour *entries;
	uint16_t *buckets; /* index + 1 */
	uint32_t bucket_mask;
	uint32_t capacity;
	uint32_t fresh;    /* entries from here on were never used */
	uint32_t free;     /* index + 1, the next one in next */
	uint32_t hand;     /* the next to be forgotten */
	uint32_t asking;   /* entries that wait for time: ASKED.., SILENT */
	uint64_t *evicted; /* counts them */
};

size_t neighbours_bytes(uint32_t capacity);

/* At most 65534; *evicted counts who was forgotten. 0 or -ENOMEM. */
int neighbours_init(struct neighbours *cache, struct arena *arena,
		    uint32_t capacity, uint64_t *evicted);

/* The entry of an address, NULL when it is not known. */
struct neighbour *neighbour_find(const struct neighbours *cache,
				 uint32_t address);

/*
 * The entry of an address, made if need be (ASKED, no try yet); NULL when all
 * are being asked for.
 */
struct neighbour *neighbour_get(struct neighbours *cache, uint32_t address);

/* Changes an entry's state, and with it what asking counts. */
void neighbour_set(struct neighbours *cache, struct neighbour *entry,
		   enum neighbour_state state);

/* Frees an entry. */
void neighbour_forget(struct neighbours *cache, struct neighbour *entry);

bool neighbours_check(const struct neighbours *cache);

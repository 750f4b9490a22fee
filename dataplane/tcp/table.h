/* table.h - from a hash to the numbers of what has it, a cache line a look. */
#pragma once

#include "core/arena.h"

/*
 * Open addressing in buckets of one cache line. An entry lives in its home
 * bucket or, when that is full, in one behind it: whatever lies between its
 * home and itself is full. A removal that leaves a hole fills it from behind,
 * so a look-up ends at the first bucket with room and there are no tombstones.
 */
#define TCP_TABLE_SLOTS 8

struct tcp_table_entry {
	uint32_t hash;
	uint32_t id; /* 0: empty */
};

struct tcp_table_bucket {
	struct tcp_table_entry entries[TCP_TABLE_SLOTS];
};

_Static_assert(sizeof(struct tcp_table_bucket) == CACHE_LINE_BYTES,
	       "a look at a bucket is one cache line");

struct tcp_table {
	struct tcp_table_bucket *buckets;
	uint32_t bucket_count;
	uint32_t capacity;
	uint32_t used;
};

/* A look-up in progress: several entries may have one hash. */
struct tcp_table_walk {
	uint32_t hash;
	uint32_t bucket;
	uint32_t slot;
};

/* What tcp_table_init takes from the arena. */
size_t tcp_table_bytes(uint32_t capacity);

/* Room for capacity entries. Returns 0 or -ENOMEM. */
int tcp_table_init(struct tcp_table *table, struct arena *arena,
		   uint32_t capacity);

/* Adds an entry; id is not 0. Returns 0 or -ENOSPC. */
int tcp_table_add(struct tcp_table *table, uint32_t hash, uint32_t id);

/* Removes an entry. Returns false when there is none. */
bool tcp_table_remove(struct tcp_table *table, uint32_t hash, uint32_t id);

/* The next id with the walk's hash, 0 when there is no more. */
uint32_t tcp_table_next(const struct tcp_table *table,
			struct tcp_table_walk *walk);

/* Validates places and count. */
bool tcp_table_check(const struct tcp_table *table);

/* Order of hashes is order of buckets: a bucket count need be no power. */
static inline uint32_t tcp_table_home(const struct tcp_table *table,
				      uint32_t hash)
{
	return (uint32_t)((uint64_t)hash * table->bucket_count >> 32);
}

static inline struct tcp_table_walk
tcp_table_start(const struct tcp_table *table, uint32_t hash)
{
	return (struct tcp_table_walk){
		.hash = hash,
		.bucket = tcp_table_home(table, hash),
	};
}

static inline void tcp_table_prefetch(const struct tcp_table *table,
				      uint32_t hash)
{
	__builtin_prefetch(&table->buckets[tcp_table_home(table, hash)]);
}

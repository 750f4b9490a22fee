/* idtable.h - a read-mostly table of 64-bit keys that all shards look up. */
#pragma once

#include "core/base.h"

#include <stdatomic.h>

/*
 * Open addressing, lock free. Any shard may add or drop; any may look up at
 * any time and sees a value that was there at some moment of the call. Keys 0
 * and ~0, value 0 and the two highest values are not allowed.
 *
 *   key:   0 -> K -> ~0 -> K' ...      never back to 0
 *   value: 0 -> PENDING -> V -> 0      or PENDING -> LOST -> 0
 *
 * A key lies within IDTABLE_PROBES entries of where its hash points, so a
 * look-up of what is not there is bounded, whatever came and went before.
 */
#define IDTABLE_PROBES  64
#define IDTABLE_PENDING (UINT64_MAX - 1) /* an add looks for its rivals */
#define IDTABLE_LOST    UINT64_MAX       /* a rival told it to start again */

struct idtable_entry {
	_Atomic uint64_t key; /* 0: never used; ~0: dropped */
	_Atomic uint64_t value;
};

struct idtable {
	struct idtable_entry *entries;
	uint32_t mask;
	uint32_t capacity;
	_Atomic uint32_t used;
};

/* Room for at least capacity keys. Returns 0 or -ENOMEM. */
int idtable_init(struct idtable *table, uint32_t capacity);
void idtable_fini(struct idtable *table);

/*
 * Adds key -> value. Returns 0, -EEXIST (left as it was; also while another
 * shard is adding or dropping it), -ENOSPC, or -EINVAL for a key not allowed.
 */
int idtable_add(struct idtable *table, uint64_t key, uint64_t value);

/* Replaces the value of a key that is there. Returns 0 or -ENOENT. */
int idtable_set(struct idtable *table, uint64_t key, uint64_t value);

/* The value of key, or 0 when it is not there. */
uint64_t idtable_get(const struct idtable *table, uint64_t key);

/* Drops key if its value is still the given one. Returns 0 or -ENOENT. */
int idtable_drop(struct idtable *table, uint64_t key, uint64_t value);

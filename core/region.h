/* region.h - shared memory through which images pass, slot by slot. */
#pragma once

#include "core/base.h"

#include <stdatomic.h>

/*
 *   header | directory: slot_count entries | heap: slot_count rooms
 *
 * One writer process, one reader process. The writer fills a slot's bytes and
 * publishes by a release store; the reader claims by compare-exchange, copies
 * out, validates, uses. Every field that the other side can change is copied
 * once and checked against our own record of the region's size.
 *
 *   FREE -> FILLING -> SEALED -> CLAIMED -> FREE
 *               \----------\---> FREE (writer takes back)
 */
enum region_state {
	REGION_FREE,
	REGION_FILLING,
	REGION_SEALED,
	REGION_CLAIMED,
};

#define REGION_MAGIC   0x474d4c46u /* "FLMG" */
#define REGION_VERSION 1u

#define REGION_SLOTS_MAX      ((uint32_t)1 << 20)
#define REGION_SLOT_BYTES_MAX ((uint32_t)1 << 20) /* IMAGE_BYTES_MAX */

struct region_slot {
	_Atomic uint32_t state; /* enum region_state */
	uint32_t len;           /* bytes used of the slot's room */
	uint64_t owner;         /* the move it belongs to */
	uint64_t hash;          /* XXH3-64 of the bytes */
};

struct region_header {
	uint32_t magic;
	uint32_t version;
	uint32_t slot_count;
	uint32_t slot_bytes; /* room of each slot in the heap */
	uint8_t reserved[48];
};

/* This process's view of a region: sizes as checked at open. */
struct region {
	uint8_t *base;
	uint32_t slot_count;
	uint32_t slot_bytes;
	uint32_t cursor; /* writer: where to look for a free slot next */
};

/* Bytes that slot_count slots of slot_bytes need; 0 when out of bounds. */
size_t region_size(uint32_t slot_count, uint32_t slot_bytes);

/* Writes the header into zeroed memory, aligned to a cache line, and opens it.
 * 0 or -EINVAL. */
int region_format(struct region *region, uint8_t *base, size_t size_bytes,
		  uint32_t slot_count, uint32_t slot_bytes);

/* Opens memory another process formatted. 0 or -EBADMSG. */
int region_open(struct region *region, uint8_t *base, size_t size_bytes);

/* Writer: takes a free slot to fill; *room is slot_bytes long. -ENOSPC. */
int region_fill(struct region *region, uint64_t owner, uint32_t *slot,
		uint8_t **room);

/* Writer: publishes len bytes of a slot being filled. */
void region_seal(struct region *region, uint32_t slot, uint32_t len);

/* Writer: takes back a slot, filling or sealed, that nobody claimed. 0 or
 * -EBUSY. */
int region_take_back(struct region *region, uint32_t slot);

/*
 * Reader: claims a sealed slot of owner and copies it to "to". Returns the
 * length, -ENOENT, -EBADMSG (hash, length, owner), -ENOBUFS. The slot is free
 * again in every case but -ENOENT.
 */
int64_t region_claim(struct region *region, uint32_t slot, uint64_t owner,
		     uint8_t *to, size_t cap);

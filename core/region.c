/* region.c - slots in shared memory, one process writes and one reads them.
 *
 * Nothing read from the memory is used before it is copied and checked: places
 * come from this process's own counts, contents are hashed after the copy. The
 * other side can thus spoil its own images, and nothing else. That the memory
 * cannot shrink under us is the host's to see to (sealed memfd).
 */
#include "core/region.h"

#include <errno.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

_Static_assert(sizeof(struct region_header) == CACHE_LINE_BYTES,
	       "the directory starts on a line of its own");
_Static_assert(sizeof(struct region_slot) == 24, "both processes agree");

static size_t heap_offset(uint32_t slot_count)
{
	size_t end = sizeof(struct region_header) +
		     (size_t)slot_count * sizeof(struct region_slot);

	return (end + CACHE_LINE_BYTES - 1) & ~(size_t)(CACHE_LINE_BYTES - 1);
}

static struct region_slot *slot_at(const struct region *region, uint32_t slot)
{
	uint8_t *directory = region->base + sizeof(struct region_header);

	ASSERT(slot < region->slot_count, "a slot of this region");
	return (struct region_slot *)(void *)directory + slot;
}

static uint8_t *room_at(const struct region *region, uint32_t slot)
{
	return region->base + heap_offset(region->slot_count) +
	       (size_t)slot * region->slot_bytes;
}

size_t region_size(uint32_t slot_count, uint32_t slot_bytes)
{
	if (slot_count == 0 || slot_count > REGION_SLOTS_MAX)
		return 0;
	if (slot_bytes == 0 || slot_bytes > REGION_SLOT_BYTES_MAX)
		return 0;
	return heap_offset(slot_count) + (size_t)slot_count * slot_bytes;
}

int region_format(struct region *region, uint8_t *base, size_t size_bytes,
		  uint32_t slot_count, uint32_t slot_bytes)
{
	struct region_header header = {
		.magic = REGION_MAGIC,
		.version = REGION_VERSION,
		.slot_count = slot_count,
		.slot_bytes = slot_bytes,
	};
	size_t needed_bytes = region_size(slot_count, slot_bytes);

	if (needed_bytes == 0 || needed_bytes > size_bytes)
		return -EINVAL;
	memcpy(base, &header, sizeof(header));
	return region_open(region, base, size_bytes);
}

int region_open(struct region *region, uint8_t *base, size_t size_bytes)
{
	struct region_header header;
	size_t needed_bytes;

	ASSERT((uintptr_t)base % CACHE_LINE_BYTES == 0, "mapped at a page");
	if (size_bytes < sizeof(header))
		return -EBADMSG;
	memcpy(&header, base, sizeof(header));
	if (header.magic != REGION_MAGIC || header.version != REGION_VERSION)
		return -EBADMSG;
	needed_bytes = region_size(header.slot_count, header.slot_bytes);
	if (needed_bytes == 0 || needed_bytes > size_bytes)
		return -EBADMSG;
	*region = (struct region){
		.base = base,
		.slot_count = header.slot_count,
		.slot_bytes = header.slot_bytes,
	};
	return 0;
}

int region_fill(struct region *region, uint64_t owner, uint32_t *slot,
		uint8_t **room)
{
	for (uint32_t i = 0; i < region->slot_count; i++) {
		uint32_t at = region->cursor;
		struct region_slot *entry = slot_at(region, at);

		region->cursor = at + 1 < region->slot_count ? at + 1 : 0;
		/* Acquire: the reader's copy is over before we write anew. */
		if (atomic_load_explicit(&entry->state, memory_order_acquire) !=
		    REGION_FREE)
			continue;
		atomic_store_explicit(&entry->state, REGION_FILLING,
				      memory_order_relaxed);
		__atomic_store_n(&entry->owner, owner, __ATOMIC_RELAXED);
		*slot = at;
		*room = room_at(region, at);
		return 0;
	}
	return -ENOSPC;
}

void region_seal(struct region *region, uint32_t slot, uint32_t len)
{
	struct region_slot *entry = slot_at(region, slot);
	uint64_t hash;

	ASSERT(len <= region->slot_bytes, "a slot is not overfilled");
	hash = XXH3_64bits(room_at(region, slot), len);
	__atomic_store_n(&entry->len, len, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->hash, hash, __ATOMIC_RELAXED);
	atomic_store_explicit(&entry->state, REGION_SEALED,
			      memory_order_release);
}

int region_take_back(struct region *region, uint32_t slot)
{
	struct region_slot *entry = slot_at(region, slot);
	uint32_t filling = REGION_FILLING;
	uint32_t sealed = REGION_SEALED;

	if (atomic_compare_exchange_strong(&entry->state, &sealed,
					   REGION_FREE) ||
	    atomic_compare_exchange_strong(&entry->state, &filling,
					   REGION_FREE))
		return 0;
	return -EBUSY;
}

/* What claim does with a slot that is ours from here until it is freed. */
static int64_t copy_out(const struct region *region, uint32_t slot,
			uint64_t owner, uint8_t *to, size_t cap)
{
	struct region_slot *entry = slot_at(region, slot);
	uint32_t len = __atomic_load_n(&entry->len, __ATOMIC_RELAXED);
	uint64_t hash = __atomic_load_n(&entry->hash, __ATOMIC_RELAXED);

	if (__atomic_load_n(&entry->owner, __ATOMIC_RELAXED) != owner)
		return -EBADMSG;
	if (len > region->slot_bytes)
		return -EBADMSG;
	if (len > cap)
		return -ENOBUFS;
	memcpy(to, room_at(region, slot), len);
	return XXH3_64bits(to, len) == hash ? (int64_t)len : -EBADMSG;
}

int64_t region_claim(struct region *region, uint32_t slot, uint64_t owner,
		     uint8_t *to, size_t cap)
{
	uint32_t sealed = REGION_SEALED;
	struct region_slot *entry;
	int64_t len;

	/* The number of the slot came from the other side, too. */
	if (slot >= region->slot_count)
		return -ENOENT;
	entry = slot_at(region, slot);
	if (!atomic_compare_exchange_strong_explicit(
		    &entry->state, &sealed, REGION_CLAIMED,
		    memory_order_acquire, memory_order_relaxed))
		return -ENOENT;
	len = copy_out(region, slot, owner, to, cap);
	atomic_store_explicit(&entry->state, REGION_FREE, memory_order_release);
	return len;
}

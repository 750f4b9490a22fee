/* neighbour.c - which MAC an IPv4 address on our network has: a cache. */
#include "dataplane/tcp/neighbour.h"

#include <errno.h>
#include <string.h>

static uint32_t buckets_for(uint32_t capacity)
{
	uint32_t count = 4;

	while (count < capacity)
		count *= 2;
	return count;
}

size_t neighbours_bytes(uint32_t capacity)
{
	return sizeof(struct neighbour) * (size_t)capacity +
	       sizeof(uint16_t) * (size_t)buckets_for(capacity) +
	       2 * CACHE_LINE_BYTES;
}

int neighbours_init(struct neighbours *cache, struct arena *arena,
		    uint32_t capacity, uint64_t *evicted)
{
	uint32_t buckets = buckets_for(capacity);

	ASSERT(capacity < NEIGHBOUR_NONE, "an index and one fit 16 bits");
	*cache = (struct neighbours){
		.capacity = capacity,
		.evicted = evicted,
		.bucket_mask = buckets - 1,
		.entries = arena_take(
			arena, sizeof(struct neighbour) * (size_t)capacity,
			CACHE_LINE_BYTES),
		.buckets = arena_take(arena, sizeof(uint16_t) * (size_t)buckets,
				      CACHE_LINE_BYTES),
	};
	return cache->entries && cache->buckets ? 0 : -ENOMEM;
}

/* Neighbours differ in their last bits: they are the hash. */
static uint16_t *bucket_of(const struct neighbours *cache, uint32_t address)
{
	return &cache->buckets[address & cache->bucket_mask];
}

struct neighbour *neighbour_find(const struct neighbours *cache,
				 uint32_t address)
{
	uint32_t i = *bucket_of(cache, address);

	while (i && cache->entries[i - 1].address != address)
		i = cache->entries[i - 1].next;
	return i ? &cache->entries[i - 1] : NULL;
}

static bool waits_for_time(uint8_t state)
{
	return state == NEIGHBOUR_ASKED || state == NEIGHBOUR_ASKED_AGAIN ||
	       state == NEIGHBOUR_SILENT;
}

void neighbour_set(struct neighbours *cache, struct neighbour *entry,
		   enum neighbour_state state)
{
	cache->asking -= waits_for_time(entry->state);
	cache->asking += waits_for_time((uint8_t)state);
	entry->state = (uint8_t)state;
}

void neighbour_forget(struct neighbours *cache, struct neighbour *entry)
{
	uint16_t *link = bucket_of(cache, entry->address);
	uint16_t name = (uint16_t)(entry - cache->entries + 1);

	while (*link != name)
		link = &cache->entries[*link - 1].next;
	*link = entry->next;
	neighbour_set(cache, entry, NEIGHBOUR_FREE);
	*entry = (struct neighbour){.next = (uint16_t)cache->free};
	cache->free = name;
}

/* Frees an entry that nobody is being asked about, if there is one. */
static void evict(struct neighbours *cache)
{
	for (uint32_t i = 0; i < cache->capacity; i++) {
		struct neighbour *entry = &cache->entries[cache->hand];

		if (++cache->hand == cache->capacity)
			cache->hand = 0;
		if (entry->state != NEIGHBOUR_KNOWN &&
		    entry->state != NEIGHBOUR_SILENT)
			continue;
		neighbour_forget(cache, entry);
		++*cache->evicted;
		return;
	}
}

static struct neighbour *entry_take(struct neighbours *cache)
{
	struct neighbour *entry;

	if (!cache->free && cache->fresh < cache->capacity)
		return &cache->entries[cache->fresh++];
	if (!cache->free)
		evict(cache);
	if (!cache->free)
		return NULL;
	entry = &cache->entries[cache->free - 1];
	cache->free = entry->next;
	return entry;
}

struct neighbour *neighbour_get(struct neighbours *cache, uint32_t address)
{
	struct neighbour *entry = neighbour_find(cache, address);
	uint16_t *bucket = bucket_of(cache, address);

	if (entry)
		return entry;
	entry = entry_take(cache);
	if (!entry)
		return NULL;
	*entry = (struct neighbour){.address = address, .next = *bucket};
	*bucket = (uint16_t)(entry - cache->entries + 1);
	neighbour_set(cache, entry, NEIGHBOUR_ASKED);
	return entry;
}

bool neighbours_check(const struct neighbours *cache)
{
	uint32_t asking = 0;
	uint32_t used = 0;
	uint32_t listed = 0;

	for (uint32_t i = 0; i < cache->capacity; i++) {
		asking += waits_for_time(cache->entries[i].state);
		used += cache->entries[i].state != NEIGHBOUR_FREE;
	}
	for (uint32_t b = 0; b <= cache->bucket_mask; b++) {
		for (uint32_t i = cache->buckets[b]; i;
		     i = cache->entries[i - 1].next) {
			const struct neighbour *entry = &cache->entries[i - 1];

			if (++listed > used ||
			    (entry->address & cache->bucket_mask) != b)
				return false;
		}
	}
	return asking == cache->asking && listed == used;
}

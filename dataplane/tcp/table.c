/* table.c - from a hash to the numbers of what has it, a cache line a look. */
#include "dataplane/tcp/table.h"

#include <errno.h>

/* Three quarters full at most: an eighth of the buckets spill at that. */
static uint32_t buckets_for(uint32_t capacity)
{
	return capacity / (TCP_TABLE_SLOTS * 3 / 4) + 2;
}

size_t tcp_table_bytes(uint32_t capacity)
{
	return (size_t)buckets_for(capacity) * sizeof(struct tcp_table_bucket) +
	       CACHE_LINE_BYTES;
}

int tcp_table_init(struct tcp_table *table, struct arena *arena,
		   uint32_t capacity)
{
	*table = (struct tcp_table){
		.bucket_count = buckets_for(capacity),
		.capacity = capacity,
	};
	table->buckets = arena_take(arena,
				    (size_t)table->bucket_count *
					    sizeof(struct tcp_table_bucket),
				    CACHE_LINE_BYTES);
	return table->buckets ? 0 : -ENOMEM;
}

static uint32_t bucket_after(const struct tcp_table *table, uint32_t bucket)
{
	return bucket + 1 == table->bucket_count ? 0 : bucket + 1;
}

/* The first slot with that id in a bucket; TCP_TABLE_SLOTS: none. */
static uint32_t slot_of(const struct tcp_table_bucket *bucket, uint32_t id)
{
	uint32_t slot = 0;

	while (slot < TCP_TABLE_SLOTS && bucket->entries[slot].id != id)
		slot++;
	return slot;
}

int tcp_table_add(struct tcp_table *table, uint32_t hash, uint32_t id)
{
	uint32_t bucket = tcp_table_home(table, hash);
	uint32_t slot;

	ASSERT(id != 0, "0 says that an entry is empty");
	if (table->used == table->capacity)
		return -ENOSPC;
	while ((slot = slot_of(&table->buckets[bucket], 0)) == TCP_TABLE_SLOTS)
		bucket = bucket_after(table, bucket);
	table->buckets[bucket].entries[slot] = (struct tcp_table_entry){
		.hash = hash,
		.id = id,
	};
	table->used++;
	return 0;
}

/*
 * An entry of the bucket that would rather be at least distance buckets back;
 * TCP_TABLE_SLOTS when there is none.
 */
static uint32_t slot_displaced(const struct tcp_table *table, uint32_t bucket,
			       uint32_t distance)
{
	const struct tcp_table_bucket *at = &table->buckets[bucket];
	uint32_t slot = 0;

	for (; slot < TCP_TABLE_SLOTS; slot++) {
		uint32_t home = tcp_table_home(table, at->entries[slot].hash);
		uint32_t away = bucket >= home
					? bucket - home
					: bucket + table->bucket_count - home;

		if (at->entries[slot].id && away >= distance)
			break;
	}
	return slot;
}

/* A bucket that was full has a hole: looks behind it for who came past it. */
static void hole_fill(struct tcp_table *table, uint32_t bucket, uint32_t slot)
{
	uint32_t from = bucket;
	uint32_t distance = 0;

	for (;;) {
		uint32_t move;
		bool full;

		from = bucket_after(table, from);
		distance++;
		full = slot_of(&table->buckets[from], 0) == TCP_TABLE_SLOTS;
		move = slot_displaced(table, from, distance);
		if (move < TCP_TABLE_SLOTS) {
			struct tcp_table_entry *entry =
				&table->buckets[from].entries[move];

			table->buckets[bucket].entries[slot] = *entry;
			*entry = (struct tcp_table_entry){0};
			bucket = from;
			slot = move;
			distance = 0;
		}
		if (!full)
			return;
	}
}

bool tcp_table_remove(struct tcp_table *table, uint32_t hash, uint32_t id)
{
	uint32_t bucket = tcp_table_home(table, hash);

	for (;;) {
		struct tcp_table_bucket *at = &table->buckets[bucket];
		bool full = slot_of(at, 0) == TCP_TABLE_SLOTS;
		uint32_t slot = slot_of(at, id);

		if (slot < TCP_TABLE_SLOTS) {
			at->entries[slot] = (struct tcp_table_entry){0};
			table->used--;
			if (full)
				hole_fill(table, bucket, slot);
			return true;
		}
		if (!full)
			return false;
		bucket = bucket_after(table, bucket);
	}
}

uint32_t tcp_table_next(const struct tcp_table *table,
			struct tcp_table_walk *walk)
{
	for (;;) {
		const struct tcp_table_bucket *bucket =
			&table->buckets[walk->bucket];

		while (walk->slot < TCP_TABLE_SLOTS) {
			const struct tcp_table_entry *entry =
				&bucket->entries[walk->slot++];

			if (entry->hash == walk->hash && entry->id)
				return entry->id;
		}
		if (slot_of(bucket, 0) < TCP_TABLE_SLOTS)
			return 0;
		walk->bucket = bucket_after(table, walk->bucket);
		walk->slot = 0;
	}
}

static bool entry_check(const struct tcp_table *table, uint32_t bucket,
			const struct tcp_table_entry *entry)
{
	uint32_t home = tcp_table_home(table, entry->hash);

	for (; home != bucket; home = bucket_after(table, home)) {
		if (slot_of(&table->buckets[home], 0) < TCP_TABLE_SLOTS)
			return false;
	}
	return true;
}

bool tcp_table_check(const struct tcp_table *table)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < table->bucket_count; i++) {
		for (uint32_t slot = 0; slot < TCP_TABLE_SLOTS; slot++) {
			const struct tcp_table_entry *entry =
				&table->buckets[i].entries[slot];

			if (!entry->id)
				continue;
			used++;
			if (!entry_check(table, i, entry))
				return false;
		}
	}
	return used == table->used && used <= table->capacity;
}

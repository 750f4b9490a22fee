/* idtable.c - a read-mostly table of 64-bit keys that all shards look up.
 *
 * A key may be in the table once, though entries are used again and nobody
 * locks. So an add first claims an entry for its key, in the state PENDING
 * that no look-up sees, and only then looks for the same key elsewhere. Of two
 * adds that claim at the same time at least one sees the other: the one nearer
 * to the key's home goes on and tells the other to start again (LOST), the
 * other gives way. All accesses to keys and values are sequentially
 * consistent, which this argument needs.
 */
#include "core/idtable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEY_FREE    0
#define KEY_DROPPED UINT64_MAX

/*
 * At most a quarter of the entries are in use: a run of IDTABLE_PROBES used
 * ones is then less likely than 1 in 10^15, if nobody chooses the keys.
 */
#define ENTRIES_PER_KEY 4

int idtable_init(struct idtable *table, uint32_t capacity)
{
	uint32_t entries = IDTABLE_PROBES;

	memset(table, 0, sizeof(*table));
	if (capacity > UINT32_MAX / 2 / ENTRIES_PER_KEY)
		return -ENOMEM;
	while (entries < capacity * ENTRIES_PER_KEY)
		entries *= 2;
	table->entries = calloc(entries, sizeof(*table->entries));
	if (!table->entries)
		return -ENOMEM;
	table->mask = entries - 1;
	table->capacity = capacity;
	return 0;
}

void idtable_fini(struct idtable *table)
{
	free(table->entries);
	memset(table, 0, sizeof(*table));
}

/* Spreads the bits of a key over all bits. */
static uint64_t key_hash(uint64_t key)
{
	key ^= key >> 32;
	key *= 0x9e3779b97f4a7c15;
	key ^= key >> 29;
	key *= 0xbf58476d1ce4e5b9;
	return key ^ key >> 32;
}

static struct idtable_entry *entry_at(const struct idtable *table, uint64_t key,
				      uint32_t distance)
{
	uint32_t home = (uint32_t)key_hash(key);

	return &table->entries[(home + distance) & table->mask];
}

static bool key_valid(uint64_t key)
{
	return key != KEY_FREE && key != KEY_DROPPED;
}

static bool value_live(uint64_t value)
{
	return value && value < IDTABLE_PENDING;
}

/*
 * The live value of an entry if it is key's, else 0. The entry may be used
 * for another key between two reads; that what is read twice stayed the same
 * shows that the value was this key's.
 */
static uint64_t entry_value(struct idtable_entry *entry, uint64_t key)
{
	for (;;) {
		uint64_t value;

		if (atomic_load(&entry->key) != key)
			return 0;
		value = atomic_load(&entry->value);
		if (!value_live(value))
			return 0;
		if (atomic_load(&entry->key) == key &&
		    atomic_load(&entry->value) == value)
			return value;
	}
}

/* The entry that holds key live, its value in *value; NULL if there is none. */
static struct idtable_entry *entry_find(const struct idtable *table,
					uint64_t key, uint64_t *value)
{
	for (uint32_t i = 0; i < IDTABLE_PROBES; i++) {
		struct idtable_entry *entry = entry_at(table, key, i);

		if (atomic_load(&entry->key) == KEY_FREE)
			break;
		*value = entry_value(entry, key);
		if (*value)
			return entry;
	}
	return NULL;
}

/* Takes the entry nearest to the key's home. Returns its distance or -1. */
static int32_t entry_claim(struct idtable *table, uint64_t key)
{
	for (uint32_t i = 0; i < IDTABLE_PROBES; i++) {
		struct idtable_entry *entry = entry_at(table, key, i);
		uint64_t found = atomic_load(&entry->key);

		if (found != KEY_FREE && found != KEY_DROPPED)
			continue;
		if (atomic_compare_exchange_strong(&entry->key, &found, key)) {
			atomic_store(&entry->value, IDTABLE_PENDING);
			return (int32_t)i;
		}
	}
	return -1;
}

static void entry_release(struct idtable_entry *entry)
{
	atomic_store(&entry->value, 0);
	atomic_store(&entry->key, KEY_DROPPED);
}

/*
 * Looks for key in all entries but the one claimed at own. Returns -EEXIST
 * when it is live or an add nearer to its home is under way; farther ones are
 * told to start again.
 */
static int rivals_settle(struct idtable *table, uint64_t key, uint32_t own)
{
	for (uint32_t i = 0; i < IDTABLE_PROBES; i++) {
		struct idtable_entry *entry = entry_at(table, key, i);
		uint64_t found = atomic_load(&entry->key);
		uint64_t value = IDTABLE_PENDING;

		if (found == KEY_FREE)
			break;
		if (found != key || i == own)
			continue;
		if (i < own) {
			value = atomic_load(&entry->value);
			if (value_live(value) || value == IDTABLE_PENDING)
				return -EEXIST;
			continue;
		}
		/*
		 * The entry may be another key's by now, whose add then
		 * starts again for nothing: that does no harm.
		 */
		if (!atomic_compare_exchange_strong(&entry->value, &value,
						    IDTABLE_LOST) &&
		    value_live(value))
			return -EEXIST;
	}
	return 0;
}

/* One attempt to add; -EAGAIN when a rival says so. */
static int add_once(struct idtable *table, uint64_t key, uint64_t value)
{
	uint64_t expected = IDTABLE_PENDING;
	struct idtable_entry *entry;
	int32_t own;
	int err;

	if (entry_find(table, key, &(uint64_t){0}))
		return -EEXIST;
	own = entry_claim(table, key);
	if (own < 0)
		return -ENOSPC;
	entry = entry_at(table, key, (uint32_t)own);
	err = rivals_settle(table, key, (uint32_t)own);
	if (!err &&
	    !atomic_compare_exchange_strong(&entry->value, &expected, value))
		err = -EAGAIN;
	if (err)
		entry_release(entry);
	return err;
}

int idtable_add(struct idtable *table, uint64_t key, uint64_t value)
{
	int err;

	ASSERT(value_live(value), "a value that the table can hold");
	if (!key_valid(key))
		return -EINVAL;
	if (atomic_fetch_add(&table->used, 1) >= table->capacity) {
		atomic_fetch_sub(&table->used, 1);
		return idtable_get(table, key) ? -EEXIST : -ENOSPC;
	}
	do {
		err = add_once(table, key, value);
	} while (err == -EAGAIN);
	if (err)
		atomic_fetch_sub(&table->used, 1);
	return err;
}

int idtable_set(struct idtable *table, uint64_t key, uint64_t value)
{
	ASSERT(value_live(value), "a value that the table can hold");
	for (;;) {
		struct idtable_entry *entry;
		uint64_t found;

		if (!key_valid(key))
			return -ENOENT;
		entry = entry_find(table, key, &found);
		if (!entry)
			return -ENOENT;
		if (atomic_compare_exchange_strong(&entry->value, &found,
						   value))
			return 0;
	}
}

uint64_t idtable_get(const struct idtable *table, uint64_t key)
{
	uint64_t value;

	/* Keys come from clients, the ones that are not allowed too. */
	if (!key_valid(key) || !entry_find(table, key, &value))
		return 0;
	return value;
}

int idtable_drop(struct idtable *table, uint64_t key, uint64_t value)
{
	struct idtable_entry *entry;
	uint64_t found;

	if (!key_valid(key))
		return -ENOENT;
	entry = entry_find(table, key, &found);
	if (!entry || found != value ||
	    !atomic_compare_exchange_strong(&entry->value, &found, 0))
		return -ENOENT;
	atomic_store(&entry->key, KEY_DROPPED);
	atomic_fetch_sub(&table->used, 1);
	return 0;
}

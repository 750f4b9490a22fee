/* idtable_test.c - the table against a list, and threads against each other. */
#include "core/idtable.h"
#include "tests/unit/seeded.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>

TestSuite(idtable, .timeout = 120);

Test(idtable, does_what_it_says)
{
	struct idtable table;

	cr_assert_eq(idtable_init(&table, 10), 0);
	cr_assert_eq(idtable_get(&table, 5), 0);
	cr_assert_eq(idtable_set(&table, 5, 1), -ENOENT);
	cr_assert_eq(idtable_drop(&table, 5, 1), -ENOENT);
	cr_assert_eq(idtable_add(&table, 5, 1), 0);
	cr_assert_eq(idtable_get(&table, 5), 1);
	cr_assert_eq(idtable_add(&table, 5, 2), -EEXIST);
	cr_assert_eq(idtable_get(&table, 5), 1);
	cr_assert_eq(idtable_set(&table, 5, 3), 0);
	cr_assert_eq(idtable_get(&table, 5), 3);
	cr_assert_eq(idtable_drop(&table, 5, 1), -ENOENT);
	cr_assert_eq(idtable_get(&table, 5), 3);
	cr_assert_eq(idtable_drop(&table, 5, 3), 0);
	cr_assert_eq(idtable_get(&table, 5), 0);
	cr_assert_eq(idtable_drop(&table, 5, 3), -ENOENT);
	cr_assert_eq(idtable_add(&table, 5, 4), 0);
	cr_assert_eq(idtable_get(&table, 5), 4);
	cr_assert_eq(table.used, 1);
	idtable_fini(&table);
	cr_assert_null(table.entries);
}

/* A client may present any id: the two that mean something here as well. */
Test(idtable, refuses_the_keys_of_its_own)
{
	static const uint64_t keys[] = {0, UINT64_MAX};
	struct idtable table;

	cr_assert_eq(idtable_init(&table, 10), 0);
	cr_assert_eq(idtable_add(&table, 77, 1), 0);
	cr_assert_eq(idtable_drop(&table, 77, 1), 0);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		cr_assert_eq(idtable_add(&table, keys[i], 1), -EINVAL);
		cr_assert_eq(idtable_get(&table, keys[i]), 0);
		cr_assert_eq(idtable_set(&table, keys[i], 1), -ENOENT);
		cr_assert_eq(idtable_drop(&table, keys[i], 1), -ENOENT);
		cr_assert_eq(idtable_drop(&table, keys[i], 0), -ENOENT);
	}
	cr_assert_eq(table.used, 0);
	idtable_fini(&table);
}

Test(idtable, holds_its_capacity_and_no_more)
{
	static const uint32_t capacities[] = {1, 15, 16, 17, 1000, 20000};

	for (size_t i = 0; i < ARRAY_LEN(capacities); i++) {
		uint64_t capacity = capacities[i];
		struct idtable table;

		cr_assert_eq(idtable_init(&table, capacities[i]), 0);
		for (uint64_t key = 1; key <= capacity; key++)
			cr_assert_eq(idtable_add(&table, key << 10, key), 0);
		cr_assert_eq(idtable_add(&table, 7, 7), -ENOSPC);
		cr_assert_eq(idtable_add(&table, 1 << 10, 7), -EEXIST);
		for (uint64_t key = 1; key <= capacity; key++)
			cr_assert_eq(idtable_get(&table, key << 10), key);
		cr_assert_eq(idtable_drop(&table, capacity << 10, capacity), 0);
		cr_assert_eq(idtable_add(&table, 7, 7), 0);
		idtable_fini(&table);
	}
	cr_assert_eq(idtable_init(&(struct idtable){0}, UINT32_MAX), -ENOMEM);
}

/* Sessions come and go for years: their entries must serve again. */
Test(idtable, entries_serve_again)
{
	struct idtable table;

	cr_assert_eq(idtable_init(&table, 16), 0);
	for (uint64_t key = 1; key < 200000; key++) {
		cr_assert_eq(idtable_add(&table, key, key), 0);
		if (key > 15) {
			cr_assert_eq(idtable_get(&table, key - 15), key - 15);
			cr_assert_eq(idtable_drop(&table, key - 15, key - 15),
				     0);
		}
	}
	cr_assert_eq(table.used, 15);
	idtable_fini(&table);
}

#define KEYS     40
#define CAPACITY 20

Test(idtable, agrees_with_a_model)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct seeded seeded = {seed};
		uint64_t model[KEYS] = {0};
		struct idtable table;
		uint32_t used = 0;

		cr_assert_eq(idtable_init(&table, CAPACITY), 0);
		for (uint32_t step = 0; step < 5000; step++) {
			uint32_t i = seeded_below(&seeded, KEYS);
			uint64_t key = seeded_word(&(struct seeded){i + 1});
			uint64_t value = step + 1;
			uint32_t what = seeded_below(&seeded, 3);
			int expected = model[i] ? 0 : -ENOENT;

			if (what == 0) {
				expected = model[i]           ? -EEXIST
					   : used == CAPACITY ? -ENOSPC
							      : 0;
				cr_assert_eq(idtable_add(&table, key, value),
					     expected);
			} else if (what == 1) {
				cr_assert_eq(idtable_set(&table, key, value),
					     expected);
			} else {
				value = 0;
				cr_assert_eq(
					idtable_drop(&table, key, model[i] + 1),
					-ENOENT);
				cr_assert_eq(
					idtable_drop(&table, key, model[i]),
					expected);
			}
			if (!expected) {
				used += value != 0;
				used -= model[i] != 0;
				model[i] = value;
			}
			cr_assert_eq(table.used, used);
			for (i = 0; i < KEYS; i++) {
				key = seeded_word(&(struct seeded){i + 1});
				cr_assert_eq(idtable_get(&table, key),
					     model[i]);
			}
		}
		idtable_fini(&table);
	}
}

#define THREADS   3
#define HOT_KEYS  12
#define ATTEMPTS  60000
#define VALUE_KEY ((uint64_t)1 << 32)

struct crowd {
	struct idtable table;
	_Atomic uint32_t held[HOT_KEYS + 1];
	_Atomic uint32_t failures;
	_Atomic uint32_t added;
	_Atomic uint32_t finished;
};

struct member {
	struct crowd *crowd;
	pthread_t thread;
	uint64_t number;
};

/* Holds a key a while: nobody else may hold it, everybody may see it. */
static bool hold_key(struct member *member, uint64_t key, uint64_t value)
{
	struct idtable *table = &member->crowd->table;
	bool right = true;

	if (atomic_exchange(&member->crowd->held[key], 1))
		right = false;
	if (idtable_get(table, key) != value ||
	    idtable_add(table, key, value + 1) != -EEXIST)
		right = false;
	if (idtable_set(table, key, value + 1) ||
	    idtable_get(table, key) != value + 1)
		right = false;
	atomic_store(&member->crowd->held[key], 0);
	return right && !idtable_drop(table, key, value + 1);
}

static void *compete(void *argument)
{
	struct member *member = argument;
	struct seeded seeded = {member->number};

	for (uint32_t i = 0; i < ATTEMPTS; i++) {
		uint64_t key = 1 + seeded_below(&seeded, HOT_KEYS);
		/* The key, who it is, and a number never used again. */
		uint64_t value = key * VALUE_KEY + member->number +
				 2 * THREADS * (i + 1);
		int err = idtable_add(&member->crowd->table, key, value);

		if (!err) {
			atomic_fetch_add(&member->crowd->added, 1);
			if (!hold_key(member, key, value))
				atomic_fetch_add(&member->crowd->failures, 1);
		} else if (err != -EEXIST) {
			atomic_fetch_add(&member->crowd->failures, 1);
		}
	}
	atomic_fetch_add(&member->crowd->finished, 1);
	return NULL;
}

/* So few entries that every add meets every other and reuses its place. */
Test(idtable, a_key_has_one_holder)
{
	static struct crowd crowd;
	struct member members[THREADS];
	uint32_t live = 0;

	cr_assert_eq(idtable_init(&crowd.table, HOT_KEYS + THREADS), 0);
	for (uint32_t i = 0; i < THREADS; i++) {
		members[i].crowd = &crowd;
		members[i].number = 2 * i;
		cr_assert_eq(pthread_create(&members[i].thread, NULL, compete,
					    &members[i]),
			     0);
	}
	/* Meanwhile nobody may be told the value of another key. */
	while (atomic_load(&crowd.finished) < THREADS) {
		for (uint64_t key = 1; key <= HOT_KEYS; key++) {
			uint64_t value = idtable_get(&crowd.table, key);

			cr_assert(!value || value / VALUE_KEY == key);
		}
	}
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(members[i].thread, NULL);
	cr_assert_eq(crowd.failures, 0);
	cr_assert_gt(crowd.added, ATTEMPTS / 10);
	cr_assert_eq(crowd.table.used, 0);
	for (uint32_t i = 0; i <= crowd.table.mask; i++)
		live += crowd.table.entries[i].value != 0;
	cr_assert_eq(live, 0);
	idtable_fini(&crowd.table);
}

struct duel {
	struct idtable table;
	_Atomic uint32_t round;
	_Atomic uint32_t done;
	int result;
};

#define ROUNDS 50000

static void duel_wait(_Atomic uint32_t *word, uint32_t round)
{
	for (uint32_t spin = 0; atomic_load(word) != round; spin++) {
		if (spin > 1000)
			sched_yield();
	}
}

static void *duel_other(void *argument)
{
	struct duel *duel = argument;

	for (uint32_t round = 1; round <= ROUNDS; round++) {
		duel_wait(&duel->round, round);
		duel->result = idtable_add(&duel->table, round, 2);
		atomic_store(&duel->done, round);
	}
	return NULL;
}

/* Two adds of one key at one time: exactly one succeeds. */
Test(idtable, a_duel_has_one_winner)
{
	static struct duel duel;
	pthread_t thread;

	cr_assert_eq(idtable_init(&duel.table, 16), 0);
	cr_assert_eq(pthread_create(&thread, NULL, duel_other, &duel), 0);
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		int result;

		atomic_store(&duel.round, round);
		for (volatile uint32_t i = 0; i < round % 128; i++)
			;
		result = idtable_add(&duel.table, round, 1);
		duel_wait(&duel.done, round);
		cr_assert_neq(result == 0, duel.result == 0, "round %u: %d %d",
			      round, result, duel.result);
		cr_assert_eq(result + duel.result, -EEXIST);
		cr_assert_eq(idtable_drop(&duel.table, round, result ? 2 : 1),
			     0);
		cr_assert_eq(idtable_get(&duel.table, round), 0);
	}
	pthread_join(thread, NULL);
	cr_assert_eq(duel.table.used, 0);
	idtable_fini(&duel.table);
}

/* tcp_table_test.c - a table of hashes against a plain list. */
#include "dataplane/tcp/table.h"
#include "tests/unit/seeded.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>

#define CAPACITY 300

static struct arena arena;
static struct tcp_table table;

static void setup(void)
{
	cr_assert_eq(arena_init(&arena, 1 << 20), 0);
	cr_assert_eq(tcp_table_init(&table, &arena, CAPACITY), 0);
	cr_assert_leq(arena.used_bytes, tcp_table_bytes(CAPACITY));
}

static void teardown(void)
{
	arena_fini(&arena);
}

TestSuite(tcp_table, .init = setup, .fini = teardown);

static bool found(uint32_t hash, uint32_t id)
{
	struct tcp_table_walk walk = tcp_table_start(&table, hash);
	uint32_t next;

	while ((next = tcp_table_next(&table, &walk))) {
		if (next == id)
			return true;
	}
	return false;
}

Test(tcp_table, finds_all_of_one_hash)
{
	for (uint32_t id = 1; id <= 50; id++)
		cr_assert_eq(tcp_table_add(&table, 0xffffffff, id), 0);
	cr_assert(tcp_table_check(&table));
	for (uint32_t id = 1; id <= 50; id++)
		cr_assert(found(0xffffffff, id));
	cr_assert_not(found(0xffffffff, 51));
	cr_assert_not(found(0xfffffffe, 1));
	for (uint32_t id = 1; id <= 50; id += 2)
		cr_assert(tcp_table_remove(&table, 0xffffffff, id));
	cr_assert(tcp_table_check(&table));
	for (uint32_t id = 1; id <= 50; id++)
		cr_assert_eq(found(0xffffffff, id), id % 2 == 0);
	cr_assert_not(tcp_table_remove(&table, 0xffffffff, 1));
}

Test(tcp_table, is_full_at_its_capacity)
{
	for (uint32_t id = 1; id <= CAPACITY; id++)
		cr_assert_eq(tcp_table_add(&table, id * 2654435761u, id), 0);
	cr_assert_eq(tcp_table_add(&table, 1, CAPACITY + 1), -ENOSPC);
	cr_assert(tcp_table_check(&table));
	cr_assert(tcp_table_remove(&table, 7 * 2654435761u, 7));
	cr_assert_eq(tcp_table_add(&table, 1, CAPACITY + 1), 0);
}

Test(tcp_table, refuses_a_small_arena)
{
	struct tcp_table big;

	cr_assert_eq(tcp_table_init(&big, &arena, 1 << 20), -ENOMEM);
}

Test(tcp_table, asserts_on_an_empty_id, .signal = SIGABRT)
{
	tcp_table_add(&table, 1, 0);
}

/* Few different hashes in few buckets: long chains, that wrap around. */
static void model_run(uint64_t seed, uint32_t hashes)
{
	struct seeded seeded = {seed};
	uint32_t hash_of[CAPACITY + 1];
	bool there[CAPACITY + 1] = {false};
	uint32_t used = 0;

	for (uint32_t step = 0; step < 4000; step++) {
		uint32_t id = 1 + seeded_below(&seeded, CAPACITY);

		if (there[id]) {
			cr_assert(tcp_table_remove(&table, hash_of[id], id));
			used--;
		} else {
			uint32_t part = UINT32_MAX / hashes;

			hash_of[id] = UINT32_MAX -
				      part * seeded_below(&seeded, hashes);
			cr_assert_eq(tcp_table_add(&table, hash_of[id], id), 0);
			used++;
		}
		there[id] = !there[id];
		cr_assert_eq(table.used, used);
		if (step % 50 == 0)
			cr_assert(tcp_table_check(&table), "step %u", step);
	}
	for (uint32_t id = 1; id <= CAPACITY; id++) {
		if (!there[id])
			continue;
		cr_assert(found(hash_of[id], id));
		cr_assert(tcp_table_remove(&table, hash_of[id], id));
	}
	cr_assert_eq(table.used, 0);
	cr_assert(tcp_table_check(&table));
}

Test(tcp_table, agrees_with_a_model)
{
	model_run(1, 1);
	model_run(2, 3);
	model_run(3, 40);
	model_run(4, 1000);
}

Test(tcp_table, check_finds_damage)
{
	for (uint32_t id = 1; id <= 20; id++)
		cr_assert_eq(tcp_table_add(&table, 5, id), 0);
	cr_assert(tcp_table_check(&table));
	table.used++;
	cr_assert_not(tcp_table_check(&table));
	table.used--;
	/* A hole in front of who was displaced by it. */
	table.buckets[0].entries[3].id = 0;
	table.used--;
	cr_assert_not(tcp_table_check(&table));
}

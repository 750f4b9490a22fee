/* tcp_neighbour_test.c - the cache of MACs, the list of those who wait. */
#include "dataplane/tcp/neighbour.h"
#include "dataplane/tcp/timewait.h"
#include "tests/unit/seeded.h"

#include <criterion/criterion.h>

static struct arena arena;
static uint64_t evicted;

static void setup(void)
{
	cr_assert_eq(arena_init(&arena, 1 << 20), 0);
}

static void teardown(void)
{
	arena_fini(&arena);
}

TestSuite(tcp_neighbour, .init = setup, .fini = teardown);

Test(tcp_neighbour, a_full_cache_forgets_who_is_not_asked_for)
{
	struct neighbours cache;

	cr_assert_eq(neighbours_init(&cache, &arena, 3, &evicted), 0);
	cr_assert_leq(arena.used_bytes, neighbours_bytes(3));
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_not_null(neighbour_get(&cache, 16 * i));
	cr_assert_eq(cache.asking, 3);
	cr_assert_null(neighbour_get(&cache, 99), "all are being asked for");
	cr_assert_not_null(neighbour_get(&cache, 16), "he is there");
	neighbour_set(&cache, neighbour_find(&cache, 16), NEIGHBOUR_KNOWN);
	cr_assert_not_null(neighbour_get(&cache, 99));
	cr_assert_null(neighbour_find(&cache, 16));
	cr_assert_eq(evicted, 1);
	cr_assert(neighbours_check(&cache));
}

Test(tcp_neighbour, agrees_with_a_model)
{
	struct seeded seeded = {5};
	struct neighbours cache;
	bool there[64] = {false};
	uint32_t used = 0;

	cr_assert_eq(neighbours_init(&cache, &arena, 64, &evicted), 0);
	for (uint32_t step = 0; step < 5000; step++) {
		uint32_t address = seeded_below(&seeded, 64);
		struct neighbour *entry =
			neighbour_find(&cache, address * 1024);

		cr_assert_eq(entry != NULL, there[address]);
		if (entry && seeded_below(&seeded, 2)) {
			neighbour_forget(&cache, entry);
			there[address] = false;
			used--;
		} else if (!entry) {
			cr_assert_not_null(
				neighbour_get(&cache, address * 1024));
			there[address] = true;
			used++;
		} else {
			neighbour_set(&cache, entry,
				      NEIGHBOUR_ASKED +
					      seeded_below(&seeded, 4));
		}
		cr_assert(neighbours_check(&cache));
	}
	cr_assert_eq(evicted, 0);
}

Test(tcp_neighbour, who_waits_is_in_order)
{
	struct seeded seeded = {6};
	struct tcp_time_waits waits;
	struct tcp_time_wait *all[20];
	uint32_t count = 0;

	cr_assert_eq(tcp_time_waits_init(&waits, &arena, 20), 0);
	for (uint32_t step = 0; step < 5000; step++) {
		uint32_t i = seeded_below(&seeded, 20);
		uint32_t what = seeded_below(&seeded, 3);

		if (what && count < 20) {
			all[count] = tcp_time_wait_take(&waits);
			all[count++]->until = UINT32_MAX - 2500 + step;
		} else if (i < count && what) {
			all[i]->until = UINT32_MAX - 2500 + step;
			tcp_time_wait_restart(&waits, all[i]);
		} else if (i < count) {
			tcp_time_wait_give(&waits, all[i]);
			all[i] = all[--count];
		}
		cr_assert_eq(waits.used, count);
		cr_assert(tcp_time_waits_check(&waits), "step %u", step);
	}
}

/* wheel_test.c - a timer wheel against a list of deadlines. */
#include "core/wheel.h"
#include "tests/unit/seeded.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#define CAPACITY 50
#define MS(n)    ((uint64_t)(n)*WHEEL_TICK_NS)

static struct arena arena;

static void setup(void)
{
	cr_assert_eq(arena_init(&arena, 1 << 20), 0);
}

static void teardown(void)
{
	arena_fini(&arena);
}

TestSuite(wheel, .init = setup, .fini = teardown);

static void wheel_start(struct wheel *wheel, uint64_t now_ns)
{
	memset(arena.base, 0, arena.used_bytes);
	arena.used_bytes = 0;
	cr_assert_eq(wheel_init(wheel, &arena, CAPACITY, now_ns), 0);
}

Test(wheel, fires_at_the_first_tick_not_before)
{
	static const struct {
		uint64_t start;
		uint64_t deadline;
		uint64_t fires;
	} rows[] = {
		{0, 0, 0},
		{0, 1, MS(1)},
		{0, MS(1), MS(1)},
		{0, MS(1) + 1, MS(2)},
		{MS(5), MS(3), MS(5)},
		{MS(255), MS(256), MS(256)},
		{MS(1), MS(255), MS(255)},
		{MS(1), MS(256), MS(256)},
		{MS(1), MS(257), MS(257)},
		{MS(256), MS(511), MS(511)},
		{MS(256), MS(512), MS(512)},
		{MS(300), MS(65535), MS(65535)},
		{MS(300), MS(65536), MS(65536)},
		{MS(300), MS(65537), MS(65537)},
		{MS(65535), MS(65536), MS(65536)},
		{MS(0), MS(1 << 24), MS(1 << 24)},
		{MS(3), MS((1 << 24) + 70000), MS((1 << 24) + 70000)},
		{MS(UINT32_MAX), MS(UINT32_MAX) + MS(1),
		 MS(UINT32_MAX) + MS(1)},
		{MS(7), MS(UINT32_MAX) + MS(9), MS(UINT32_MAX) + MS(9)},
		{MS(7), 3 * MS(UINT32_MAX), 3 * MS(UINT32_MAX)},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct wheel wheel;
		uint32_t due[2] = {99, 99};
		uint64_t next;
		uint32_t wakes = 0;

		wheel_start(&wheel, rows[i].start);
		cr_assert_eq(wheel_next(&wheel), NS_NEVER);
		wheel_arm(&wheel, 7, rows[i].deadline);
		cr_assert(wheel_check(&wheel), "row %zu", i);
		/* As an idle shard does: sleep until next, look, again. */
		while ((next = wheel_next(&wheel)) < rows[i].fires) {
			cr_assert_eq(wheel_advance(&wheel, next, due, 2), 0,
				     "row %zu", i);
			cr_assert_lt(++wakes, 8, "row %zu", i);
			cr_assert(wheel_check(&wheel), "row %zu", i);
		}
		cr_assert_eq(next, rows[i].fires, "row %zu", i);
		if (next > rows[i].start)
			cr_assert_eq(wheel_advance(&wheel, next - 1, due, 2), 0,
				     "row %zu", i);
		cr_assert_eq(wheel_advance(&wheel, next, due, 2), 1, "row %zu",
			     i);
		cr_assert_eq(due[0], 7);
		cr_assert_eq(wheel.armed, 0);
		cr_assert_eq(wheel_next(&wheel), NS_NEVER);
		cr_assert(wheel_check(&wheel));
	}
}

Test(wheel, a_deadline_in_the_past_waits_for_the_next_tick)
{
	struct wheel wheel;
	uint32_t due[2];

	wheel_start(&wheel, MS(10));
	cr_assert_eq(wheel_advance(&wheel, MS(20), due, 2), 0);
	wheel_arm(&wheel, 0, MS(20));
	wheel_arm(&wheel, 1, 0);
	cr_assert_eq(wheel_next(&wheel), MS(21));
	cr_assert_eq(wheel_advance(&wheel, MS(20), due, 2), 0);
	/* Time that goes backwards does nothing. */
	cr_assert_eq(wheel_advance(&wheel, 0, due, 2), 0);
	cr_assert_eq(wheel_advance(&wheel, MS(21), due, 2), 2);
}

Test(wheel, re_arming_later_is_lazy_and_right)
{
	struct wheel wheel;
	uint32_t due[2];
	uint32_t slot;

	wheel_start(&wheel, 0);
	wheel_arm(&wheel, 3, MS(10));
	slot = wheel.timers[3].slot;
	wheel_arm(&wheel, 3, MS(400));
	cr_assert_eq(wheel.timers[3].slot, slot, "not touched");
	cr_assert_eq(wheel.armed, 1);
	cr_assert_eq(wheel_advance(&wheel, MS(399), due, 2), 0);
	cr_assert_eq(wheel_advance(&wheel, MS(400), due, 2), 1);
	/* Earlier is at once. */
	wheel_arm(&wheel, 3, MS(9000));
	wheel_arm(&wheel, 3, MS(500));
	cr_assert_eq(wheel_advance(&wheel, MS(500), due, 2), 1);
	/* Earlier by a hair may be another tick. */
	wheel_arm(&wheel, 3, MS(505) + 1);
	wheel_arm(&wheel, 3, MS(505));
	cr_assert_eq(wheel_advance(&wheel, MS(505), due, 2), 1);
	wheel_arm(&wheel, 3, MS(600));
	wheel_arm(&wheel, 3, NS_NEVER);
	cr_assert_eq(wheel.armed, 0);
	wheel_disarm(&wheel, 3);
	cr_assert_eq(wheel_next(&wheel), NS_NEVER);
	cr_assert_eq(wheel_advance(&wheel, MS(9999), due, 2), 0);
}

Test(wheel, hands_out_no_more_than_asked)
{
	struct wheel wheel;
	uint32_t due[CAPACITY];
	uint32_t fired[CAPACITY] = {0};
	uint32_t total = 0;
	uint32_t count;

	wheel_start(&wheel, 0);
	for (uint32_t i = 0; i < CAPACITY; i++)
		wheel_arm(&wheel, i, MS(i / 20));
	cr_assert_eq(wheel_advance(&wheel, MS(5), due, 0), 0);
	do {
		count = wheel_advance(&wheel, MS(5), due, 7);
		cr_assert(wheel_check(&wheel));
		for (uint32_t i = 0; i < count; i++)
			fired[due[i]]++;
		total += count;
	} while (count == 7);
	cr_assert_eq(total, CAPACITY);
	for (uint32_t i = 0; i < CAPACITY; i++)
		cr_assert_eq(fired[i], 1);
}

Test(wheel, the_end_of_time_is_never)
{
	struct wheel wheel;
	uint32_t due[1];

	wheel_start(&wheel, NS_NEVER - MS(3));
	wheel_arm(&wheel, 0, NS_NEVER - 1);
	cr_assert_eq(wheel_next(&wheel), NS_NEVER);
	cr_assert_eq(wheel_advance(&wheel, NS_NEVER, due, 1), 0);
	cr_assert_eq(wheel.armed, 1);
}

Test(wheel, asserts_on_a_foreign_index, .signal = SIGABRT)
{
	struct wheel wheel;

	wheel_start(&wheel, 0);
	wheel_arm(&wheel, CAPACITY, 1);
}

Test(wheel, refuses_a_small_arena)
{
	struct wheel wheel;

	cr_assert_eq(wheel_init(&wheel, &arena, 1 << 20, 0), -ENOMEM);
}

Test(wheel, check_finds_damage)
{
	struct wheel wheel;

	wheel_start(&wheel, 0);
	wheel_arm(&wheel, 0, MS(5));
	wheel_arm(&wheel, 1, MS(5));
	cr_assert(wheel_check(&wheel));
	wheel.armed++;
	cr_assert_not(wheel_check(&wheel));
	wheel.armed--;
	wheel.occupied[0][0] = 0;
	cr_assert_not(wheel_check(&wheel));
	wheel.occupied[0][0] = 1 << 5;
	wheel.timers[0].prev = 0;
	cr_assert_not(wheel_check(&wheel));
	wheel.timers[0].prev = 2;
	cr_assert(wheel_check(&wheel));
	wheel.tick = 6; /* the slot was passed by */
	cr_assert_not(wheel_check(&wheel));
}

struct model {
	uint64_t fires[CAPACITY]; /* the tick; UINT64_MAX: not armed */
	uint64_t tick;            /* first not handled */
};

static uint64_t model_next(const struct model *model)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < CAPACITY; i++)
		next = min_u64(next, model->fires[i]);
	return next;
}

static void model_advance(struct model *model, struct wheel *wheel,
			  uint64_t now_ns, uint32_t max)
{
	uint64_t target = now_ns / WHEEL_TICK_NS;
	uint64_t last = 0;
	uint32_t due[CAPACITY];
	uint32_t count;

	do {
		count = wheel_advance(wheel, now_ns, due, max);
		cr_assert_leq(count, max);
		for (uint32_t i = 0; i < count; i++) {
			cr_assert_lt(due[i], CAPACITY);
			cr_assert_leq(model->fires[due[i]], target,
				      "timer %u fired early", due[i]);
			cr_assert_geq(model->fires[due[i]], last, "order");
			last = model->fires[due[i]];
			model->fires[due[i]] = UINT64_MAX;
		}
	} while (count == max);
	cr_assert_gt(model_next(model), target, "one did not fire");
	model->tick = max_u64(model->tick, target + 1);
}

static void model_run(uint64_t seed, uint64_t start_ns)
{
	struct seeded seeded = {seed};
	struct model model = {.tick = start_ns / WHEEL_TICK_NS};
	uint64_t now_ns = start_ns;
	struct wheel wheel;

	memset(model.fires, 0xff, sizeof(model.fires));
	wheel_start(&wheel, start_ns);
	for (uint32_t step = 0; step < 2000; step++) {
		uint32_t i = seeded_below(&seeded, CAPACITY);
		uint32_t what = seeded_below(&seeded, 10);
		uint64_t far_ns = seeded_word(&seeded) >>
				  (11 + seeded_below(&seeded, 50));

		if (what < 5) {
			uint64_t at = now_ns + far_ns;

			wheel_arm(&wheel, i, at);
			model.fires[i] = max_u64((at + WHEEL_TICK_NS - 1) /
							 WHEEL_TICK_NS,
						 model.tick);
		} else if (what < 6) {
			wheel_disarm(&wheel, i);
			model.fires[i] = UINT64_MAX;
		} else {
			/* To where the wheel says, or anywhere. */
			uint64_t next = wheel_next(&wheel);

			if (what < 9 && next != NS_NEVER)
				now_ns = max_u64(now_ns, next);
			else
				now_ns += far_ns >> 8;
			model_advance(&model, &wheel, now_ns,
				      1 + seeded_below(&seeded, 5));
			cr_assert_gt(wheel_next(&wheel) / WHEEL_TICK_NS,
				     now_ns / WHEEL_TICK_NS, "progress");
		}
		cr_assert(wheel_check(&wheel));
		cr_assert_leq(wheel_next(&wheel) / WHEEL_TICK_NS,
			      model_next(&model));
		cr_assert_eq(wheel_next(&wheel) == NS_NEVER,
			     model_next(&model) == UINT64_MAX);
	}
}

Test(wheel, agrees_with_a_model)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		model_run(seed, 0);
		model_run(seed, 123456789012345);
		model_run(seed, MS(UINT32_MAX) - MS(1000));
	}
}

/* slab_test.c - a slab against a list of what was taken. */
#include "core/slab.h"
#include "tests/unit/seeded.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

static struct arena arena;

static void setup(void)
{
	cr_assert_eq(arena_init(&arena, 1 << 20), 0);
}

static void teardown(void)
{
	arena_fini(&arena);
}

TestSuite(slab, .init = setup, .fini = teardown);

Test(slab, takes_all_and_no_more)
{
	struct slab slab;
	handle names[5];
	handle name = 1234;

	cr_assert_eq(slab_init(&slab, &arena, 24, 5, 9), 0);
	for (uint32_t i = 0; i < 5; i++) {
		uint8_t *object = slab_take(&slab, &names[i]);

		cr_assert_not_null(object);
		cr_assert_eq((uintptr_t)object % 16, 0);
		cr_assert_eq(handle_shard(names[i]), 9);
		cr_assert_neq(names[i], HANDLE_NONE);
		cr_assert_eq(slab_at(&slab, handle_index(names[i])), object);
		cr_assert_eq(slab_handle_at(&slab, handle_index(names[i])),
			     names[i]);
	}
	cr_assert_null(slab_take(&slab, &name));
	cr_assert_eq(name, 1234, "a refusal leaves the name alone");
	cr_assert(slab_check(&slab));
	slab_give(&slab, names[3]);
	cr_assert_not_null(slab_take(&slab, &name));
	cr_assert_eq(handle_index(name), handle_index(names[3]));
	cr_assert_neq(name, names[3]);
}

/* All that are taken, each once, though they are given back on the way. */
Test(slab, walks_what_is_taken)
{
	struct slab slab;
	handle names[5];
	uint32_t at = 0;
	uint32_t seen = 0;

	cr_assert_eq(slab_init(&slab, &arena, 128, ARRAY_LEN(names), 2), 0);
	cr_expect_null(slab_next(&slab, &at));
	for (uint32_t i = 0; i < ARRAY_LEN(names); i++)
		cr_assert_not_null(slab_take(&slab, &names[i]));
	for (uint32_t i = 1; i < ARRAY_LEN(names); i += 3)
		slab_give(&slab, names[i]);
	at = 0;
	for (void *object; (object = slab_next(&slab, &at));) {
		cr_expect_eq(object, slab_at(&slab, at - 1));
		seen |= 1u << (at - 1);
		slab_give(&slab, slab_handle_at(&slab, at - 1));
	}
	cr_expect_eq(seen, 1u << handle_index(names[0]) |
				   1u << handle_index(names[2]) |
				   1u << handle_index(names[3]));
	cr_expect_eq(slab.used, 0);
	at = 0;
	cr_expect_null(slab_next(&slab, &at));
}

Test(slab, refuses_stale_and_foreign_handles)
{
	struct slab slab;
	handle name;
	handle bad[6];

	cr_assert_eq(slab_init(&slab, &arena, 128, 3, 2), 0);
	cr_assert_not_null(slab_take(&slab, &name));
	bad[0] = HANDLE_NONE;
	bad[1] = handle_make(3, handle_generation(name), handle_index(name));
	bad[2] = handle_make(2, handle_generation(name), 1);
	bad[3] = handle_make(2, handle_generation(name), 3);
	bad[4] = handle_make(2, handle_generation(name) + 1, 0);
	bad[5] = handle_make(2, handle_generation(name), UINT32_MAX);
	for (uint32_t i = 0; i < ARRAY_LEN(bad); i++)
		cr_assert_null(slab_get(&slab, bad[i]), "handle %u", i);
	cr_assert_not_null(slab_get(&slab, name));
	/* A free object's generation is no way in either. */
	slab_give(&slab, name);
	cr_assert_null(slab_get(&slab, name));
	cr_assert_null(slab_get(&slab, slab_handle_at(&slab, 0)));
}

Test(slab, gives_clean_objects_when_generations_wrap)
{
	struct slab slab;
	handle name;
	uint8_t *object;

	cr_assert_eq(slab_init(&slab, &arena, 64, 1, 0), 0);
	slab.generation[0] = UINT32_MAX - 1;
	for (uint32_t i = 0; i < 3; i++) {
		object = slab_take(&slab, &name);
		cr_assert_eq((uintptr_t)object % CACHE_LINE_BYTES, 0);
		cr_assert_neq(name, HANDLE_NONE);
		cr_assert_eq(object[63], 0);
		object[63] = 1;
		cr_assert_eq(slab_get(&slab, name), object);
		slab_give(&slab, name);
		cr_assert_null(slab_get(&slab, name));
		cr_assert(slab_check(&slab));
	}
}

Test(slab, refuses_a_small_arena)
{
	struct slab slab;

	cr_assert_eq(slab_init(&slab, &arena, 4096, 256, 0), -ENOMEM);
}

Test(slab, asserts_on_a_double_give, .signal = SIGABRT)
{
	struct slab slab;
	handle name;

	cr_assert_eq(slab_init(&slab, &arena, 8, 2, 0), 0);
	slab_take(&slab, &name);
	slab_give(&slab, name);
	slab_give(&slab, name);
}

Test(slab, check_finds_damage)
{
	struct slab slab;
	handle names[3];

	cr_assert_eq(slab_init(&slab, &arena, 8, 4, 0), 0);
	for (uint32_t i = 0; i < 3; i++)
		slab_take(&slab, &names[i]);
	slab_give(&slab, names[1]);
	cr_assert(slab_check(&slab));
	slab.used++;
	cr_assert_not(slab_check(&slab));
	slab.used--;
	slab.free_head = 0; /* taken */
	cr_assert_not(slab_check(&slab));
	slab.free_head = 3; /* loses one */
	cr_assert_not(slab_check(&slab));
	slab.free_head = 1;
	slab.next_free[1] = UINT32_MAX; /* a circle */
	cr_assert_not(slab_check(&slab));
}

#define CAPACITY 37
#define SIZE     72

struct model {
	handle name[CAPACITY];
	uint8_t *object[CAPACITY];
	uint8_t mark[CAPACITY];
	uint32_t count;
	handle dead[64];
	uint32_t dead_count;
};

static void model_give(struct model *model, struct slab *slab, uint32_t i)
{
	slab_give(slab, model->name[i]);
	model->dead[model->dead_count++ % ARRAY_LEN(model->dead)] =
		model->name[i];
	model->count--;
	model->name[i] = model->name[model->count];
	model->object[i] = model->object[model->count];
	model->mark[i] = model->mark[model->count];
}

static void model_take(struct model *model, struct slab *slab, uint8_t mark)
{
	static const uint8_t zeroes[SIZE];
	uint32_t i = model->count;
	handle name;
	uint8_t *object = slab_take(slab, &name);

	cr_assert_eq(object == NULL, i == CAPACITY);
	if (!object)
		return;
	cr_assert_eq(memcmp(object, zeroes, SIZE), 0);
	memset(object, mark, SIZE);
	model->name[i] = name;
	model->object[i] = object;
	model->mark[i] = mark;
	model->count++;
}

static void model_compare(const struct model *model, struct slab *slab)
{
	uint32_t taken = 0;

	cr_assert(slab_check(slab));
	for (uint32_t i = 0; i < model->count; i++) {
		uint8_t *object = slab_get(slab, model->name[i]);

		cr_assert_eq(object, model->object[i]);
		for (uint32_t at = 0; at < SIZE; at++)
			cr_assert_eq(object[at], model->mark[i]);
	}
	for (uint32_t i = 0; i < CAPACITY; i++)
		taken += slab_taken(slab, i);
	cr_assert_eq(taken, model->count);
	cr_assert_eq(slab->used, model->count);
	for (uint32_t i = 0; i < ARRAY_LEN(model->dead); i++)
		cr_assert_null(slab_get(slab, model->dead[i]));
}

Test(slab, agrees_with_a_model)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct seeded seeded = {seed};
		struct model model = {.count = 0};
		struct slab slab;

		cr_assert_eq(slab_init(&slab, &arena, SIZE, CAPACITY, 1), 0);
		for (uint32_t step = 0; step < 1000; step++) {
			/* Drifts between empty and full. */
			bool fill = seeded_below(&seeded, 100) <
				    (step / 200 % 2 ? 30U : 70U);

			if (fill || !model.count)
				model_take(&model, &slab, (uint8_t)step);
			else
				model_give(&model, &slab,
					   seeded_below(&seeded, model.count));
			model_compare(&model, &slab);
		}
	}
}

/* arena_test.c - bounds and alignment, and that what is not used is free. */
#include "core/arena.h"
#include "core/chunk.h"
#include "core/ring.h"
#include "core/slab.h"
#include "core/wheel.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_BYTES 4096

Test(arena, aligns_and_bounds)
{
	static const struct {
		size_t size;
		size_t align;
		ssize_t offset; /* -1: refused */
	} steps[] = {
		{1, 1, 0},
		{1, 1, 1},
		{8, 8, 8},
		{3, 64, 64},
		{0, 1, 67},
		{100, 4096, 4096},
		{SIZE_MAX, 1, -1},
		{SIZE_MAX - 4000, 64, -1},
		{PAGE_BYTES, 4096, -1},
		{PAGE_BYTES - 100, 4, 4196},
		{1, 1, -1},
		{0, 1, 8192},
		{0, 64, 8192},
	};
	struct arena arena;

	cr_assert_eq(arena_init(&arena, 2 * PAGE_BYTES), 0);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		uint8_t *got =
			arena_take(&arena, steps[i].size, steps[i].align);

		if (steps[i].offset < 0)
			cr_assert_null(got, "step %zu", i);
		else
			cr_assert_eq(got - arena.base, steps[i].offset,
				     "step %zu", i);
	}
	arena_fini(&arena);
	cr_assert_null(arena.base);
	cr_assert_eq(arena.size_bytes + arena.used_bytes, 0);
}

Test(arena, an_odd_size_is_a_bound_too)
{
	struct arena arena;

	cr_assert_eq(arena_init(&arena, 100), 0);
	cr_assert_not_null(arena_take(&arena, 90, 1));
	cr_assert_null(arena_take(&arena, 1, 64));
	cr_assert_null(arena_take(&arena, 0, 64));
	cr_assert_not_null(arena_take(&arena, 10, 1));
	arena_fini(&arena);
}

Test(arena, gives_zeroes)
{
	static const uint8_t zeroes[PAGE_BYTES];
	struct arena arena;
	uint8_t *got;

	cr_assert_eq(arena_init(&arena, PAGE_BYTES), 0);
	got = arena_take(&arena, PAGE_BYTES, 1);
	cr_assert_not_null(got);
	cr_assert_eq(memcmp(got, zeroes, PAGE_BYTES), 0);
	memset(got, 0xff, PAGE_BYTES);
	arena_fini(&arena);
	arena_fini(&arena);
}

Test(arena, refuses_nothing_and_too_much)
{
	struct arena arena = {0};

	cr_assert_eq(arena_init(&arena, 0), -ENOMEM);
	cr_assert_eq(arena_init(&arena, SIZE_MAX / 2), -ENOMEM);
	cr_assert_null(arena.base);
}

static uint32_t resident_pages(const struct arena *arena)
{
	static uint8_t pages[64 * 1024];
	uint32_t count = 0;

	cr_assert_leq(arena->size_bytes / PAGE_BYTES, sizeof(pages));
	cr_assert_eq(mincore(arena->base, arena->size_bytes, pages), 0);
	for (size_t i = 0; i < arena->size_bytes / PAGE_BYTES; i++)
		count += pages[i] & 1;
	return count;
}

/* What a shard sets up at its start touches no page before it is used. */
Test(arena, everything_starts_untouched)
{
	struct arena arena;
	struct slab slab;
	struct chunk_pool chunks;
	struct ring ring;
	struct wheel wheel;
	handle name;

	cr_assert_eq(arena_init(&arena, 256 << 20), 0);
	cr_assert_eq(slab_init(&slab, &arena, 128, 100000, 1), 0);
	cr_assert_eq(chunk_pool_init(&chunks, &arena, 10000), 0);
	cr_assert_eq(ring_init(&ring, &arena, 4096), 0);
	cr_assert_eq(wheel_init(&wheel, &arena, 100000, 77), 0);
	cr_assert_eq(resident_pages(&arena), 0);
	cr_assert_not_null(slab_take(&slab, &name));
	cr_assert_gt(resident_pages(&arena), 0);
	cr_assert_lt(resident_pages(&arena), 8);
	arena_fini(&arena);
}

/* A simulator makes thousands of shards, most of them hardly used. */
Test(arena, many_at_once)
{
	static struct arena arenas[1000];
	uint32_t count = 0;

	while (count < ARRAY_LEN(arenas) &&
	       arena_init(&arenas[count], 64 << 20) == 0)
		*(uint8_t *)arena_take(&arenas[count++], 1, 1) = 1;
	cr_expect_eq(count, ARRAY_LEN(arenas));
	while (count)
		arena_fini(&arenas[--count]);
}

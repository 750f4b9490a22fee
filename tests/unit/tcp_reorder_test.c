/* tcp_reorder_test.c - bytes out of order, and kept ones, against arrays. */
#include "dataplane/tcp/reorder.h"
#include "tests/unit/seeded.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW 40000
#define STREAM 200000
#define CHUNKS 24
#define BASE   ((uint32_t)-70000)

static struct arena arena;
static struct tcp_rx_pool pool;
static struct tcp_reorder reorder;
static uint8_t stream[STREAM];
static uint8_t copy[STREAM];

static void setup(void)
{
	struct seeded seeded = {1};
	uint32_t slots = tcp_reorder_slots(WINDOW);

	cr_assert_eq(arena_init(&arena, 1 << 20), 0);
	cr_assert_eq(tcp_rx_pool_init(&pool, &arena, CHUNKS), 0);
	cr_assert_leq(arena.used_bytes, tcp_rx_pool_bytes(CHUNKS));
	reorder = (struct tcp_reorder){.slot_mask = slots - 1};
	reorder.map = arena_take(&arena, slots * sizeof(uint32_t), 4);
	for (uint32_t i = 0; i < STREAM; i++)
		stream[i] = (uint8_t)seeded_word(&seeded);
}

static void teardown(void)
{
	arena_fini(&arena);
}

TestSuite(tcp_reorder, .init = setup, .fini = teardown);

static uint32_t add(uint32_t rcv_nxt, uint32_t start, uint32_t len)
{
	return tcp_reorder_add(&reorder, &pool, BASE + rcv_nxt, BASE + start,
			       stream + start, len, CHUNKS);
}

Test(tcp_reorder, the_range_that_grew_last_is_first)
{
	cr_assert_eq(add(0, 100, 50), 50);
	cr_assert_eq(add(0, 300, 50), 50);
	cr_assert_eq(reorder.ranges[0].start, BASE + 300);
	cr_assert_eq(add(0, 150, 50), 50);
	cr_assert_eq(reorder.ranges[0].start, BASE + 100);
	cr_assert_eq(reorder.ranges[0].end, BASE + 200);
	cr_assert_eq(reorder.ranges[1].start, BASE + 300);
	cr_assert(tcp_reorder_check(&reorder, &pool, BASE));
	tcp_reorder_clear(&reorder, &pool);
	cr_assert_eq(pool.used, 0);
}

Test(tcp_reorder, takes_what_there_is_room_for)
{
	/* One chunk: the base is chunk-sized parts from rcv_nxt on. */
	cr_assert_eq(tcp_reorder_add(&reorder, &pool, BASE, BASE + 4000, stream,
				     200, 1),
		     96);
	cr_assert_eq(tcp_reorder_add(&reorder, &pool, BASE, BASE + 9000, stream,
				     200, 1),
		     0);
	cr_assert(tcp_reorder_check(&reorder, &pool, BASE));
	/* Too many ranges: what cannot be noted is not kept. */
	for (uint32_t i = 1; i < TCP_REORDER_RANGES; i++)
		cr_assert_eq(add(0, 100 * i, 50), 50);
	cr_assert_eq(add(0, 30000, 50), 0);
	cr_assert_eq(add(0, 2050, 10), 0);
	cr_assert(tcp_reorder_check(&reorder, &pool, BASE));
	cr_assert_eq(add(0, 150, 50), 50);
	cr_assert_eq(add(0, 30000, 50), 50);
}

/* A chunk that two ranges share, and none free to copy its first part to. */
Test(tcp_reorder, reneges_rather_than_fail)
{
	struct tcp_rx_queue q = {0};

	cr_assert_eq(add(0, 10, 100), 100);
	cr_assert_eq(add(0, 200, 100), 100);
	cr_assert_eq(add(0, 4000, 200), 200);
	while (tcp_rx_take(&pool) != TCP_RX_NONE)
		;
	cr_assert_eq(tcp_reorder_take(&reorder, &pool, BASE + 10, &q), 100);
	cr_assert_eq(q.len_bytes, 100);
	tcp_rx_copy(&pool, &q, copy);
	cr_assert_eq(memcmp(copy, stream + 10, 100), 0);
	/* 200..300 is forgotten, and the part of 4000.. in the same chunk. */
	cr_assert_eq(reorder.count, 1);
	cr_assert_eq(reorder.ranges[0].start, BASE + 4096);
	cr_assert_eq(reorder.ranges[0].end, BASE + 4200);
	cr_assert(tcp_reorder_check(&reorder, &pool, BASE + 110));
}

Test(tcp_reorder, a_queue_is_a_queue)
{
	struct tcp_rx_queue q = {0};
	struct tcp_rx_piece piece;

	cr_assert_not(tcp_rx_pop(&pool, &q, &piece));
	cr_assert_eq(tcp_rx_append(&pool, &q, stream + 100, 5000), 0);
	cr_assert_eq(tcp_rx_prepend(&pool, &q, stream + 20, 80), 0);
	cr_assert_eq(tcp_rx_prepend(&pool, &q, stream, 20), 0);
	cr_assert_eq(tcp_rx_append(&pool, &q, stream + 5100, 10), 0);
	cr_assert(tcp_rx_check(&pool, &q));
	cr_assert_eq(q.len_bytes, 5110);
	tcp_rx_copy(&pool, &q, copy);
	cr_assert_eq(memcmp(copy, stream, 5110), 0);
	cr_assert_eq(tcp_rx_append(&pool, &q, stream, CHUNKS * CHUNK_BYTES),
		     -ENOBUFS);
	cr_assert_eq(tcp_rx_prepend(&pool, &q, stream, CHUNKS * CHUNK_BYTES),
		     -ENOBUFS);
	cr_assert(tcp_rx_pop(&pool, &q, &piece));
	cr_assert_eq(piece.len, 20);
	/* It is lent: the queue goes, the piece stays. */
	tcp_rx_clear(&pool, &q);
	cr_assert_eq(pool.used, 1);
	cr_assert_eq(memcmp(piece.data, stream, 20), 0);
	tcp_rx_drop(&pool, piece.chunk);
	cr_assert_eq(pool.used, 0);
}

Test(tcp_reorder, asserts_on_a_second_drop, .signal = SIGABRT)
{
	uint32_t chunk = tcp_rx_take(&pool);

	tcp_rx_drop(&pool, chunk);
	tcp_rx_drop(&pool, chunk);
}

/* Segments in any order: what comes out is the stream, whatever was kept. */
static void model_run(uint64_t seed, uint32_t chunk_max)
{
	struct seeded seeded = {seed};
	struct tcp_rx_queue q = {0};
	uint32_t taken = 0; /* rcv_nxt */
	uint32_t out = 0;

	while (taken < STREAM) {
		uint32_t start = taken + seeded_below(&seeded, WINDOW / 4);
		uint32_t len = 1 + seeded_below(&seeded, 3000);
		struct tcp_rx_piece piece;

		if (seeded_below(&seeded, 3) == 0)
			start = taken;
		len = min_u32(len, STREAM - min_u32(start, STREAM));
		if (start > taken && len) {
			uint32_t kept = tcp_reorder_add(
				&reorder, &pool, BASE + taken, BASE + start,
				stream + start, len, chunk_max);

			cr_assert_leq(kept, len);
		} else if (len &&
			   !tcp_rx_append(&pool, &q, stream + taken, len)) {
			taken += len;
			taken += tcp_reorder_take(&reorder, &pool, BASE + taken,
						  &q);
		}
		cr_assert(tcp_reorder_check(&reorder, &pool, BASE + taken));
		cr_assert(tcp_rx_check(&pool, &q));
		cr_assert_eq(out + q.len_bytes, taken);
		while (seeded_below(&seeded, 2) &&
		       tcp_rx_pop(&pool, &q, &piece)) {
			cr_assert_eq(
				memcmp(piece.data, stream + out, piece.len), 0);
			out += piece.len;
			tcp_rx_drop(&pool, piece.chunk);
		}
	}
	tcp_reorder_clear(&reorder, &pool);
	tcp_rx_clear(&pool, &q);
	cr_assert_eq(pool.used, 0);
}

Test(tcp_reorder, agrees_with_the_stream)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		model_run(seed, CHUNKS);
		model_run(seed, 1 + (uint32_t)seed % 5);
	}
}

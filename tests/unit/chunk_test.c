/* chunk_test.c - byte queues against plain byte arrays. */
#include "core/chunk.h"
#include "tests/unit/seeded.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;
static struct chunk_pool pool;
static uint8_t bytes[16 * CHUNK_BYTES];

static void setup(void)
{
	struct seeded seeded = {42};

	cr_assert_eq(arena_init(&arena, 1 << 20), 0);
	cr_assert_eq(chunk_pool_init(&pool, &arena, 8), 0);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)seeded_word(&seeded);
}

static void teardown(void)
{
	arena_fini(&arena);
}

TestSuite(chunk, .init = setup, .fini = teardown);

Test(chunk, an_empty_queue_holds_nothing)
{
	struct chunkq q = {0};
	struct span spans[2];
	uint32_t len = 7;

	cr_assert_eq(chunkq_append(&pool, &q, bytes, 0), 0);
	cr_assert_eq(chunkq_spans(&pool, &q, 0, spans, 2, &len), 0);
	cr_assert_eq(len, 0);
	cr_assert_eq(chunkq_copy(&pool, &q, 0, bytes, 10), 0);
	chunkq_consume(&pool, &q, 0);
	chunkq_clear(&pool, &q);
	cr_assert_eq(chunkq_append(&pool, &q, bytes, 5000), 0);
	cr_assert_eq(pool.used, 2);
	chunkq_consume(&pool, &q, 4096);
	cr_assert_eq(pool.used, 1);
	chunkq_consume(&pool, &q, 904);
	cr_assert_eq(pool.used, 0);
	cr_assert_eq(q.head | q.tail | q.head_off | q.tail_end, 0);
}

Test(chunk, appends_all_or_nothing)
{
	static const struct {
		uint32_t first;
		uint32_t second;
		int result;
	} rows[] = {
		{8 * CHUNK_BYTES, 1, -ENOBUFS},
		{8 * CHUNK_BYTES, 0, 0},
		{8 * CHUNK_BYTES - 1, 1, 0},
		{8 * CHUNK_BYTES - 1, 2, -ENOBUFS},
		{7 * CHUNK_BYTES, CHUNK_BYTES, 0},
		{7 * CHUNK_BYTES, CHUNK_BYTES + 1, -ENOBUFS},
		{7 * CHUNK_BYTES + 1, CHUNK_BYTES - 1, 0},
		{7 * CHUNK_BYTES + 1, CHUNK_BYTES, -ENOBUFS},
		{1, 8 * CHUNK_BYTES - 1, 0},
		{1, 8 * CHUNK_BYTES, -ENOBUFS},
		{1, UINT32_MAX, -ENOBUFS},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct chunkq q = {0};
		uint32_t len;

		cr_assert_eq(chunkq_append(&pool, &q, bytes, rows[i].first), 0);
		cr_assert_eq(chunkq_append(&pool, &q, bytes, rows[i].second),
			     rows[i].result, "row %zu", i);
		len = rows[i].first + (rows[i].result ? 0 : rows[i].second);
		cr_assert_eq(q.len_bytes, len, "row %zu", i);
		cr_assert(chunkq_check(&pool, &q));
		chunkq_clear(&pool, &q);
		cr_assert_eq(pool.used, 0, "row %zu", i);
	}
}

Test(chunk, lent_bytes_stay)
{
	struct chunkq q = {0};
	struct span spans[4];
	uint32_t len;

	cr_assert_eq(chunkq_append(&pool, &q, bytes, 100), 0);
	cr_assert_eq(chunkq_spans(&pool, &q, 10, spans, 4, &len), 1);
	cr_assert_eq(len, 90);
	for (uint32_t i = 100; i < 20000; i += 995)
		cr_assert_eq(chunkq_append(&pool, &q, bytes + i, 995), 0);
	cr_assert_eq(spans[0].len, 90);
	cr_assert_eq(memcmp(spans[0].data, bytes + 10, 90), 0);
	/* Fewer spans than chunks: what fits is lent. */
	cr_assert_eq(chunkq_spans(&pool, &q, 5000, spans, 2, &len), 2);
	cr_assert_eq(len, 3 * CHUNK_BYTES - 5000);
}

static bool spans_equal(const struct span *a, const struct span *b,
			uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (a[i].data != b[i].data || a[i].len != b[i].len)
			return false;
	}
	return true;
}

Test(chunk, splice_links_what_it_can)
{
	struct chunkq to = {0};
	struct chunkq from = {0};
	struct span before[3];
	struct span after[4];
	uint32_t len;

	/* Into an empty queue, and behind full chunks: nothing is copied. */
	cr_assert_eq(chunkq_append(&pool, &from, bytes + CHUNK_BYTES,
				   2 * CHUNK_BYTES + 5),
		     0);
	cr_assert_eq(chunkq_spans(&pool, &from, 0, before, 3, &len), 3);
	cr_assert_eq(chunkq_append(&pool, &to, bytes, CHUNK_BYTES), 0);
	cr_assert_eq(chunkq_splice(&pool, &to, &from), 0);
	cr_assert_eq(chunkq_spans(&pool, &to, 0, after, 4, &len), 4);
	cr_assert(spans_equal(after + 1, before, 3));
	cr_assert_eq(chunkq_splice(&pool, &from, &to), 0);
	cr_assert_eq(chunkq_spans(&pool, &from, CHUNK_BYTES, after, 3, &len),
		     3);
	cr_assert(spans_equal(after, before, 3));
	cr_assert_eq(to.len_bytes, 0);
}

Test(chunk, splice_needs_no_free_chunk)
{
	struct chunkq to = {0};
	struct chunkq from = {0};
	static uint8_t copy[8 * CHUNK_BYTES];
	uint32_t to_len = 4 * CHUNK_BYTES - 3;
	uint32_t from_len = 4 * CHUNK_BYTES - 9;

	cr_assert_eq(chunkq_append(&pool, &to, bytes, to_len), 0);
	cr_assert_eq(
		chunkq_append(&pool, &from, bytes + to_len - 7, from_len + 7),
		0);
	chunkq_consume(&pool, &from, 7);
	cr_assert_eq(pool.used, pool.capacity);
	cr_assert_eq(chunkq_splice(&pool, &to, &from), 0);
	cr_assert(chunkq_check(&pool, &to));
	cr_assert(chunkq_check(&pool, &from));
	cr_assert_eq(chunkq_copy(&pool, &to, 0, copy, sizeof(copy)),
		     to_len + from_len);
	cr_assert_eq(memcmp(copy, bytes, to_len + from_len), 0);
	chunkq_clear(&pool, &to);
	cr_assert_eq(pool.used, 0);
}

Test(chunk, splice_is_bounded)
{
	struct chunkq to = {.len_bytes = UINT32_MAX};
	struct chunkq from = {0};

	cr_assert_eq(chunkq_append(&pool, &from, bytes, 1), 0);
	cr_assert_eq(chunkq_splice(&pool, &to, &from), -ENOBUFS);
	cr_assert_eq(from.len_bytes, 1);
}

Test(chunk, asserts_on_consuming_too_much, .signal = SIGABRT)
{
	struct chunkq q = {0};

	cr_assert_eq(chunkq_append(&pool, &q, bytes, 3), 0);
	chunkq_consume(&pool, &q, 4);
}

Test(chunk, check_finds_damage)
{
	struct chunkq q = {0};
	struct chunkq bad;

	cr_assert_eq(chunkq_append(&pool, &q, bytes, 3 * CHUNK_BYTES - 1), 0);
	cr_assert(chunkq_check(&pool, &q));
	bad = q;
	bad.len_bytes--;
	cr_assert_not(chunkq_check(&pool, &bad));
	bad = q;
	bad.tail = 0;
	cr_assert_not(chunkq_check(&pool, &bad));
	bad = q;
	bad.tail = q.head;
	cr_assert_not(chunkq_check(&pool, &bad));
	bad = q;
	bad.len_bytes = 0;
	cr_assert_not(chunkq_check(&pool, &bad));
	pool.next[1] = UINT32_MAX - 1; /* back to the first */
	cr_assert_not(chunkq_check(&pool, &q));
}

#define QUEUES   4
#define CAPACITY 40

/* Enough for the pool's bytes in one queue. */
struct model {
	uint8_t data[CAPACITY * CHUNK_BYTES];
	uint32_t len;
};

static void model_compare(const struct chunk_pool *chunks,
			  const struct chunkq *q, const struct model *model,
			  struct seeded *seeded)
{
	static uint8_t copy[CAPACITY * CHUNK_BYTES];
	struct span spans[CAPACITY + 1];
	uint32_t skip = seeded_below(seeded, model->len + 2);
	uint32_t left = model->len > skip ? model->len - skip : 0;
	uint32_t want = seeded_below(seeded, sizeof(copy));
	uint32_t max = seeded_below(seeded, ARRAY_LEN(spans)) + 1;
	uint32_t count;
	uint32_t len;
	uint32_t at = skip;

	cr_assert(chunkq_check(chunks, q));
	cr_assert_eq(q->len_bytes, model->len);
	cr_assert_eq(chunkq_copy(chunks, q, skip, copy, want),
		     min_u32(want, left));
	cr_assert_eq(memcmp(copy, model->data + skip, min_u32(want, left)), 0);
	count = chunkq_spans(chunks, q, skip, spans, max, &len);
	cr_assert_leq(count, max);
	for (uint32_t i = 0; i < count; i++) {
		cr_assert_gt(spans[i].len, 0);
		cr_assert_eq(
			memcmp(spans[i].data, model->data + at, spans[i].len),
			0);
		at += spans[i].len;
	}
	cr_assert_eq(at - skip, len);
	if (count < max)
		cr_assert_eq(len, left);
}

static uint32_t chunks_of(const struct chunkq *q)
{
	uint32_t end = q->head_off + q->len_bytes;

	return (end + CHUNK_BYTES - 1) / CHUNK_BYTES;
}

static void model_append(struct chunk_pool *chunks, struct chunkq *q,
			 struct model *model, struct seeded *seeded)
{
	uint32_t len = seeded_below(
		seeded, seeded_below(seeded, 2) ? 100 : 6 * CHUNK_BYTES);
	uint32_t off = seeded_below(seeded, sizeof(bytes) - len);
	uint32_t room = (chunks->capacity - chunks->used) * CHUNK_BYTES +
			(q->tail ? CHUNK_BYTES - q->tail_end : 0);
	int err = chunkq_append(chunks, q, bytes + off, len);

	cr_assert_eq(err, len > room ? -ENOBUFS : 0);
	if (err)
		return;
	memcpy(model->data + model->len, bytes + off, len);
	model->len += len;
}

static void model_consume(struct chunk_pool *chunks, struct chunkq *q,
			  struct model *model, uint32_t len)
{
	chunkq_consume(chunks, q, len);
	memmove(model->data, model->data + len, model->len - len);
	model->len -= len;
}

static void model_splice(struct chunk_pool *chunks, struct chunkq *queues,
			 struct model *models, uint32_t to, uint32_t from)
{
	if (to == from)
		return;
	cr_assert_eq(chunkq_splice(chunks, &queues[to], &queues[from]), 0);
	memcpy(models[to].data + models[to].len, models[from].data,
	       models[from].len);
	models[to].len += models[from].len;
	models[from].len = 0;
}

static void model_run(uint64_t seed, struct model *models)
{
	struct seeded seeded = {seed};
	struct chunkq queues[QUEUES] = {0};
	struct chunk_pool chunks;
	struct arena own;

	cr_assert_eq(arena_init(&own, 1 << 20), 0);
	cr_assert_eq(chunk_pool_init(&chunks, &own, CAPACITY), 0);
	for (uint32_t i = 0; i < QUEUES; i++)
		models[i].len = 0;
	for (uint32_t step = 0; step < 1000; step++) {
		uint32_t i = seeded_below(&seeded, QUEUES);
		uint32_t what = seeded_below(&seeded, 20);
		uint32_t used = 0;

		if (what < 10)
			model_append(&chunks, &queues[i], &models[i], &seeded);
		else if (what < 17)
			model_consume(&chunks, &queues[i], &models[i],
				      seeded_below(&seeded, models[i].len + 1));
		else if (what < 19)
			model_splice(&chunks, queues, models, i,
				     seeded_below(&seeded, QUEUES));
		else
			model_consume(&chunks, &queues[i], &models[i],
				      models[i].len);
		for (i = 0; i < QUEUES; i++) {
			model_compare(&chunks, &queues[i], &models[i], &seeded);
			used += chunks_of(&queues[i]);
		}
		cr_assert_eq(chunks.used, used, "chunks are conserved");
	}
	arena_fini(&own);
}

Test(chunk, agrees_with_a_model)
{
	struct model *models = calloc(QUEUES, sizeof(*models));

	cr_assert_not_null(models);
	for (uint64_t seed = 1; seed <= 5; seed++)
		model_run(seed, models);
	free(models);
}

/* session_id_test.c - ids are a permutation, another one for each secret. */
#include "channels/session_id.h"
#include "tests/unit/seeded.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define NODES       1024
#define INDEX_COUNT (1u << SESSION_INDEX_BITS)
#define SAMPLES     64 /* indices of each node */

static const uint8_t secret[SIPHASH_KEY_BYTES] = {1, 2, 3, 4, 5};
static const uint8_t other[SIPHASH_KEY_BYTES] = {1, 2, 3, 4, 6};

/* The ends, what a shard uses first, and drawn ones. */
static uint32_t sample(struct seeded *seeded, uint32_t i)
{
	static const uint32_t ends[] = {
		0, 1, 0xffff, 0x10000, INDEX_COUNT / 2, INDEX_COUNT - 1,
	};

	return i < ARRAY_LEN(ends) ? ends[i]
				   : seeded_below(seeded, INDEX_COUNT);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

Test(session_id, opens_to_what_it_was_made_of)
{
	struct seeded seeded = {7};

	for (uint32_t node = 0; node < NODES; node++) {
		for (uint32_t i = 0; i < SAMPLES; i++) {
			uint32_t index = sample(&seeded, i);
			uint16_t node_back;
			uint32_t index_back;

			session_id_open(
				secret,
				session_id_make(secret, (uint16_t)node, index),
				&node_back, &index_back);
			cr_assert_eq(node_back, node);
			cr_assert_eq(index_back, index);
		}
	}
}

Test(session_id, every_id_is_somebodys)
{
	struct seeded seeded = {8};

	/* The other way round: made of what it opens to. */
	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t id = i < 16 ? i : (uint32_t)seeded_word(&seeded);
		uint16_t node;
		uint32_t index;

		session_id_open(secret, id, &node, &index);
		cr_assert_lt(node, NODES);
		cr_assert_lt(index, INDEX_COUNT);
		cr_assert_eq(session_id_make(secret, node, index), id);
	}
}

Test(session_id, no_two_nodes_share_one)
{
	struct seeded seeded = {9};
	uint32_t *ids = malloc(NODES * SAMPLES * sizeof(*ids));
	uint32_t *pairs = malloc(NODES * SAMPLES * sizeof(*pairs));
	uint32_t count = 0;
	uint32_t distinct = 1, ids_distinct = 1;

	cr_assert(ids && pairs);
	for (uint32_t node = 0; node < NODES; node++) {
		for (uint32_t i = 0; i < SAMPLES; i++) {
			uint32_t index = sample(&seeded, i);

			pairs[count] = node << SESSION_INDEX_BITS | index;
			ids[count++] =
				session_id_make(secret, (uint16_t)node, index);
		}
	}
	qsort(ids, count, sizeof(*ids), by_value);
	qsort(pairs, count, sizeof(*pairs), by_value);
	/* The samples may repeat, the ids exactly as often. */
	for (uint32_t i = 1; i < count; i++) {
		distinct += pairs[i] != pairs[i - 1];
		ids_distinct += ids[i] != ids[i - 1];
	}
	cr_expect_gt(distinct, count - count / 100);
	cr_expect_eq(ids_distinct, distinct);
	free(ids);
	free(pairs);
}

Test(session_id, index_above_its_bits_never_becomes_a_node)
{
	uint16_t node;
	uint32_t index;

	session_id_open(secret, session_id_make(secret, 5, INDEX_COUNT | 3),
			&node, &index);
	cr_expect_eq(node, 5);
	cr_expect_eq(index, 3);
}

Test(session_id, another_secret_is_another_permutation)
{
	uint32_t same = 0, ordered = 0;

	for (uint32_t i = 0; i < 10000; i++) {
		uint32_t id = session_id_make(secret, 3, i);

		same += id == session_id_make(other, 3, i);
		ordered += id < session_id_make(secret, 3, i + 1);
	}
	cr_expect_lt(same, 3);
	/* Neighbours do not tell each other: about half of them rise. */
	cr_expect_gt(ordered, 4500);
	cr_expect_lt(ordered, 5500);
}

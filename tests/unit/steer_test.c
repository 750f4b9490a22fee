/* steer_test.c - which dp of a port has a flow. */
#include "dataplane/dpdk/steer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#define DPS   4
#define DOOR  5900
#define FLOWS 64

static const uint8_t secret[SIPHASH_KEY_BYTES] = "of this test";

static void make(struct steer *steer, uint64_t listening)
{
	cr_assert_eq(steer_init(steer, secret, DPS, FLOWS), 0);
	for (uint8_t i = 0; i < DPS; i++) {
		steer_join(steer, i);
		if (listening >> i & 1)
			cr_assert_eq(steer_listen(steer, DOOR, i), 0);
	}
}

static uint64_t key_of(const struct steer *steer, uint32_t number)
{
	struct tcp_tuple tuple = {
		.peer_address = 0x0a090002,
		.local_address = 0x0a090001,
		.peer_port = (uint16_t)(1024 + number),
		.local_port = DOOR,
	};

	return steer_key(steer, &tuple);
}

/* A flow whose home is dp. */
static uint64_t key_at(const struct steer *steer, uint8_t dp)
{
	for (uint32_t i = 0; i < 60000; i++) {
		uint64_t key = key_of(steer, i);

		if (steer_find(steer, key, DOOR).dp == dp)
			return key;
	}
	cr_assert(false, "every dp is some flow's home");
	return 0;
}

Test(steer, spreads_flows_over_those_that_listen)
{
	struct steer steer;
	uint32_t counts[DPS] = {0};

	make(&steer, 0xf);
	for (uint32_t i = 0; i < 4096; i++) {
		uint64_t key = key_of(&steer, i);
		struct steer_place place = steer_find(&steer, key, DOOR);

		cr_assert_not(place.exception);
		cr_assert_eq(place.dp, steer_find(&steer, key, DOOR).dp);
		counts[place.dp]++;
	}
	for (uint32_t i = 0; i < DPS; i++)
		cr_expect(counts[i] > 800 && counts[i] < 1250, "%u: %u", i,
			  counts[i]);
	steer_fini(&steer);
}

Test(steer, prefers_who_listens_and_who_lives)
{
	struct steer steer;
	uint32_t counts[DPS] = {0};

	make(&steer, 0x5);
	cr_expect(steer_listens(&steer, DOOR));
	cr_expect_not(steer_listens(&steer, DOOR + 1));
	for (uint32_t i = 0; i < 4096; i++)
		counts[steer_find(&steer, key_of(&steer, i), DOOR).dp]++;
	cr_expect_eq(counts[1] + counts[3], 0);
	cr_expect(counts[0] > 1500 && counts[2] > 1500);
	steer_leave(&steer, 2);
	for (uint32_t i = 0; i < 4096; i++)
		cr_assert_eq(steer_find(&steer, key_of(&steer, i), DOOR).dp, 0);
	/* Nobody listens: whoever is there says so. */
	steer_leave(&steer, 0);
	cr_expect_not(steer_listens(&steer, DOOR));
	for (uint32_t i = 0; i < 4096; i++)
		cr_assert_eq(steer_find(&steer, key_of(&steer, i), DOOR).dp % 2,
			     1);
	steer_fini(&steer);
}

Test(steer, follows_a_flow_from_dp_to_dp)
{
	struct steer steer;
	uint64_t key, entry, older;
	struct steer_place place;

	make(&steer, 0xf);
	key = key_at(&steer, 1);
	cr_assert_eq(steer_claim(&steer, key, DOOR, 1, 1, &entry), 0);
	cr_expect_eq(entry, 0, "a flow at home needs no entry");
	cr_assert_eq(steer_part(&steer, key, 1, 2, &entry), 0);
	place = steer_find(&steer, key, DOOR);
	cr_expect(place.exception && place.transit);
	cr_expect_eq(place.dp, 1);
	cr_assert_eq(steer_claim(&steer, key, DOOR, 3, 1, &older), 0);
	place = steer_find(&steer, key, DOOR);
	cr_expect(place.exception && !place.transit);
	cr_expect_eq(place.dp, 3);
	/* What was replaced drops nothing. */
	steer_release(&steer, key, entry);
	cr_expect_eq(steer_find(&steer, key, DOOR).dp, 3);
	/* The same addresses again, at the same dp. */
	cr_assert_eq(steer_claim(&steer, key, DOOR, 3, 2, &entry), 0);
	steer_release(&steer, key, older);
	cr_expect_eq(steer_find(&steer, key, DOOR).dp, 3);
	/* Home again. */
	cr_assert_eq(steer_part(&steer, key, 3, 3, &entry), 0);
	cr_assert_eq(steer_claim(&steer, key, DOOR, 1, 4, &entry), 0);
	cr_expect_eq(entry, 0);
	cr_expect_not(steer_find(&steer, key, DOOR).exception);
	cr_expect_eq(atomic_load(&steer.exceptions.used), 0);
	steer_fini(&steer);
}

Test(steer, an_entry_of_a_dp_that_is_gone_counts_no_more)
{
	struct steer steer;
	uint64_t key, entry;

	make(&steer, 0xf);
	key = key_at(&steer, 0);
	cr_assert_eq(steer_claim(&steer, key, DOOR, 2, 1, &entry), 0);
	steer_leave(&steer, 2);
	cr_expect_eq(steer_find(&steer, key, DOOR).dp, 0);
	cr_expect_not(steer_find(&steer, key, DOOR).exception);
	steer_fini(&steer);
}

Test(steer, says_when_it_is_full)
{
	struct steer steer;
	uint64_t entries[FLOWS + 1];
	uint32_t count = 0;

	make(&steer, 0xf);
	for (uint32_t i = 0; count < FLOWS; i++) {
		uint64_t key = key_of(&steer, i);

		if (steer_find(&steer, key, DOOR).dp != 0)
			cr_assert_eq(steer_claim(&steer, key, DOOR, 0, i,
						 &entries[count++]),
				     0);
	}
	cr_expect_eq(steer_claim(&steer, key_at(&steer, 1), DOOR, 0, 1,
				 &entries[FLOWS]),
		     -ENOSPC);
	for (uint32_t i = 1; i <= STEER_LISTENERS_MAX; i++)
		cr_expect_eq(steer_listen(&steer, (uint16_t)(DOOR + i), 0),
			     i < STEER_LISTENERS_MAX ? 0 : -ENOSPC);
	steer_fini(&steer);
}

/* Frames without an entry go to who listens, so a home that does not needs one.
 */
Test(steer, a_home_that_does_not_listen_has_an_entry_too)
{
	struct steer steer;
	uint64_t key, entry;
	uint8_t home;

	make(&steer, 0xf);
	key = key_at(&steer, 2);
	steer_fini(&steer);
	make(&steer, 0x1);
	cr_expect_eq(steer_find(&steer, key, DOOR).dp, 0);
	cr_assert_eq(steer_claim(&steer, key, DOOR, 2, 1, &entry), 0);
	cr_expect_neq(entry, 0);
	home = steer_find(&steer, key, DOOR).dp;
	cr_expect_eq(home, 2);
	steer_fini(&steer);
}

/* Others look while a flow goes round: it is always somewhere. */
struct round {
	struct steer *steer;
	uint64_t key;
	_Atomic bool over;
	uint32_t wrong;
};

static void *look(void *arg)
{
	struct round *round = arg;

	while (!atomic_load(&round->over)) {
		struct steer_place place =
			steer_find(round->steer, round->key, DOOR);

		if (place.dp >= DPS)
			round->wrong++;
	}
	return NULL;
}

Test(steer, is_looked_at_while_it_changes)
{
	struct steer steer;
	struct round round = {.steer = &steer};
	uint64_t entry;
	pthread_t thread;

	make(&steer, 0xf);
	round.key = key_at(&steer, 0);
	cr_assert_eq(pthread_create(&thread, NULL, look, &round), 0);
	for (uint32_t i = 0; i < 20000; i++) {
		uint8_t from = (uint8_t)(i % DPS);
		uint8_t to = (uint8_t)((i + 1) % DPS);

		cr_assert_eq(steer_part(&steer, round.key, from, 2 * i, &entry),
			     0);
		cr_assert_eq(steer_claim(&steer, round.key, DOOR, to, 2 * i + 1,
					 &entry),
			     0);
	}
	atomic_store(&round.over, true);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_expect_eq(round.wrong, 0);
	cr_expect_eq(atomic_load(&steer.exceptions.used), 0);
	steer_fini(&steer);
}

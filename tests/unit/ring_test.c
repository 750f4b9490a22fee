/* ring_test.c - order, bounds, and that threads lose and repeat nothing. */
#include "core/ring.h"
#include "tests/unit/seeded.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
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

TestSuite(ring, .init = setup, .fini = teardown, .timeout = 120);

Test(ring, carries_everything_of_a_message)
{
	uint8_t payload[RING_PAYLOAD_BYTES];
	struct ring_cell cell;
	struct ring ring;

	memset(payload, 0x5a, sizeof(payload));
	cr_assert_eq(ring_init(&ring, &arena, 4), 0);
	cr_assert(ring_empty(&ring));
	cr_assert_not(ring_pop(&ring, &cell));
	cr_assert_eq(ring_push(&ring, 0x1234, 7, UINT64_MAX, payload,
			       sizeof(payload)),
		     0);
	cr_assert_eq(ring_push(&ring, 0xffff, 255, 0, NULL, 0), 0);
	cr_assert_not(ring_empty(&ring));
	memset(&cell, 0, sizeof(cell));
	cr_assert(ring_pop(&ring, &cell));
	cr_assert_eq(cell.op, 0x1234);
	cr_assert_eq(cell.from, 7);
	cr_assert_eq(cell.tag, UINT64_MAX);
	cr_assert_eq(cell.len, RING_PAYLOAD_BYTES);
	cr_assert_eq(memcmp(cell.payload, payload, sizeof(payload)), 0);
	cr_assert(ring_pop(&ring, &cell));
	cr_assert_eq(cell.op, 0xffff);
	cr_assert_eq(cell.from, 255);
	cr_assert_eq(cell.tag, 0);
	cr_assert_eq(cell.len, 0);
	cr_assert(ring_empty(&ring));
}

Test(ring, refuses_when_full)
{
	static const uint32_t capacities[] = {2, 4, 64};
	struct ring_cell cell;

	for (size_t i = 0; i < ARRAY_LEN(capacities); i++) {
		struct ring ring;

		cr_assert_eq(ring_init(&ring, &arena, capacities[i]), 0);
		for (uint64_t tag = 0; tag < capacities[i]; tag++)
			cr_assert_eq(ring_push(&ring, 1, 0, tag, NULL, 0), 0);
		cr_assert_eq(ring_push(&ring, 1, 0, 99, NULL, 0), -ENOBUFS);
		cr_assert_eq(ring_push(&ring, 1, 0, 99, NULL, 0), -ENOBUFS);
		cr_assert(ring_pop(&ring, &cell));
		cr_assert_eq(cell.tag, 0);
		cr_assert_eq(ring_push(&ring, 1, 0, 100, NULL, 0), 0);
		cr_assert_eq(ring_push(&ring, 1, 0, 101, NULL, 0), -ENOBUFS);
		for (uint64_t tag = 1; tag < capacities[i]; tag++) {
			cr_assert(ring_pop(&ring, &cell));
			cr_assert_eq(cell.tag, tag);
		}
		cr_assert(ring_pop(&ring, &cell));
		cr_assert_eq(cell.tag, 100);
		cr_assert(ring_empty(&ring));
	}
}

Test(ring, refuses_a_small_arena)
{
	struct ring ring;

	cr_assert_eq(ring_init(&ring, &arena, 8192), -ENOMEM);
}

/* Counters from just before their wrap on, as after 2^32 messages. */
static void model_run(uint64_t seed, uint32_t capacity, uint32_t start)
{
	struct seeded seeded = {seed};
	struct ring ring;
	uint64_t pushed = 0;
	uint64_t popped = 0;

	arena.used_bytes = 0;
	memset(arena.base, 0, arena.size_bytes);
	cr_assert_eq(ring_init(&ring, &arena, capacity), 0);
	ring.head = start;
	ring.tail = start;
	for (uint32_t i = 0; i < capacity; i++)
		ring.cells[(start + i) & ring.mask].lap =
			(start + i) & ~ring.mask;
	for (uint32_t step = 0; step < 2000; step++) {
		uint8_t payload[RING_PAYLOAD_BYTES];
		struct ring_cell cell;

		cr_assert_eq(ring_empty(&ring), pushed == popped);
		if (seeded_below(&seeded, 100) < (step / 100 % 2 ? 30 : 70)) {
			uint8_t len = (uint8_t)(pushed % 241);
			bool full = pushed - popped == capacity;

			memset(payload, (int)pushed, sizeof(payload));
			cr_assert_eq(
				ring_push(&ring, 3, 4, pushed, payload, len),
				full ? -ENOBUFS : 0);
			pushed += !full;
		} else {
			bool got = ring_pop(&ring, &cell);

			cr_assert_eq(got, pushed != popped);
			if (!got)
				continue;
			memset(payload, (int)popped, sizeof(payload));
			cr_assert_eq(cell.tag, popped);
			cr_assert_eq(cell.len, popped % 241);
			cr_assert_eq(memcmp(cell.payload, payload, cell.len),
				     0);
			popped++;
		}
	}
	cr_assert_gt(popped, 10 * capacity);
}

Test(ring, agrees_with_a_model_across_the_wrap)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		model_run(seed, 2, UINT32_MAX - 20);
		model_run(seed, 16, UINT32_MAX - 100);
		model_run(seed, 16, (uint32_t)INT32_MAX - 100);
		model_run(seed, 64, 0);
	}
}

#define PRODUCERS 2
#define MESSAGES  50000

struct producer {
	struct ring *ring;
	pthread_t thread;
	uint8_t number;
};

static void *produce(void *argument)
{
	struct producer *producer = argument;

	for (uint64_t i = 0; i < MESSAGES; i++) {
		uint64_t payload[4] = {i, ~i, i * 3, producer->number};

		while (ring_push(producer->ring, 1, producer->number, i,
				 payload, sizeof(payload)))
			sched_yield();
	}
	return NULL;
}

Test(ring, threads_lose_and_repeat_nothing)
{
	struct producer producers[PRODUCERS];
	uint64_t next[PRODUCERS] = {0};
	struct ring_cell cell;
	struct ring ring;

	/* Small, so that it is full and wraps all the time. */
	cr_assert_eq(ring_init(&ring, &arena, 8), 0);
	for (uint8_t i = 0; i < PRODUCERS; i++) {
		producers[i].ring = &ring;
		producers[i].number = i;
		cr_assert_eq(pthread_create(&producers[i].thread, NULL, produce,
					    &producers[i]),
			     0);
	}
	for (uint32_t count = 0; count < PRODUCERS * MESSAGES;) {
		uint64_t payload[4];

		if (!ring_pop(&ring, &cell)) {
			sched_yield();
			continue;
		}
		cr_assert_lt(cell.from, PRODUCERS);
		cr_assert_eq(cell.tag, next[cell.from]);
		cr_assert_eq(cell.len, sizeof(payload));
		memcpy(payload, cell.payload, sizeof(payload));
		cr_assert_eq(payload[0], cell.tag);
		cr_assert_eq(payload[1], ~cell.tag);
		cr_assert_eq(payload[2], cell.tag * 3);
		cr_assert_eq(payload[3], cell.from);
		next[cell.from]++;
		count++;
	}
	for (uint32_t i = 0; i < PRODUCERS; i++)
		pthread_join(producers[i].thread, NULL);
	cr_assert_not(ring_pop(&ring, &cell));
}

#define ROUNDS 50000

struct handshake {
	struct ring ring;
	_Atomic uint32_t asleep;
	_Atomic uint32_t round;
	_Atomic uint32_t done;
	uint32_t seen_asleep;
};

static void *wake_up(void *argument)
{
	struct handshake *handshake = argument;

	for (uint32_t round = 1; round <= ROUNDS; round++) {
		for (uint32_t spin = 0; atomic_load(&handshake->round) != round;
		     spin++) {
			if (spin > 1000)
				sched_yield();
		}
		ring_push(&handshake->ring, 1, 0, round, NULL, 0);
		handshake->seen_asleep = atomic_load(&handshake->asleep);
		atomic_store(&handshake->done, round);
	}
	return NULL;
}

/* A receiver that goes to sleep and a sender: one must see the other. */
Test(ring, no_wake_up_is_missed)
{
	struct handshake handshake = {.round = 0};
	struct ring_cell cell;
	pthread_t thread;

	cr_assert_eq(ring_init(&handshake.ring, &arena, 2), 0);
	cr_assert_eq(pthread_create(&thread, NULL, wake_up, &handshake), 0);
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		bool empty;

		atomic_store(&handshake.asleep, 0);
		atomic_store(&handshake.round, round);
		/* Moves the two against each other by a little. */
		for (volatile uint32_t i = 0; i < round % 128; i++)
			;
		atomic_store(&handshake.asleep, 1);
		empty = ring_empty(&handshake.ring);
		for (uint32_t spin = 0; atomic_load(&handshake.done) != round;
		     spin++) {
			if (spin > 1000)
				sched_yield();
		}
		cr_assert(!empty || handshake.seen_asleep, "round %u", round);
		cr_assert(ring_pop(&handshake.ring, &cell));
		cr_assert_eq(cell.tag, round);
	}
	pthread_join(thread, NULL);
}

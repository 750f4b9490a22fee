/* dp_uring_kept_test.c - bytes kept by io_uring: their pool, and its limits. */
#include "tests/unit/uring_pair.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The linker sends every allocation of our own code here. */
static _Atomic uint32_t allocations;

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__real_aligned_alloc(size_t align, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__wrap_aligned_alloc(size_t align, size_t bytes);

void *__wrap_malloc(size_t bytes)
{
	atomic_fetch_add(&allocations, 1);
	return __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	atomic_fetch_add(&allocations, 1);
	return __real_calloc(count, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
	atomic_fetch_add(&allocations, 1);
	return __real_realloc(old, bytes);
}

void *__wrap_aligned_alloc(size_t align, size_t bytes)
{
	atomic_fetch_add(&allocations, 1);
	return __real_aligned_alloc(align, bytes);
}

#define DATA_BYTES 48000

static uint8_t byte_at(uint32_t place)
{
	return (uint8_t)(place * 7 + place / 251);
}

static void fill(uint8_t data[DATA_BYTES])
{
	for (uint32_t i = 0; i < DATA_BYTES; i++)
		data[i] = byte_at(i);
}

/* Receives the bytes from place "got" up to "end", and recycles. */
static void expect_bytes(struct dp *dp, uint32_t got, uint32_t end)
{
	struct dp_event event;

	while (got < end) {
		cr_assert(poll_for(dp, DP_RECEIVED, &event), "%u of %u", got,
			  end);
		for (uint32_t i = 0; i < event.view.len; i++)
			cr_assert_eq(event.view.data[i], byte_at(got + i));
		got += event.view.len;
		dp_recycle(dp, &event.view);
	}
	cr_assert_eq(got, end);
}

static void send_all(struct dp *dp, dp_conn conn, const uint8_t *data,
		     uint32_t len)
{
	struct span span = {.data = data, .len = len};
	struct dp_event event;

	cr_assert_eq(dp_send(dp, conn, &span, 1, 1), 0);
	cr_assert(poll_for(dp, DP_SENT, &event));
}

static struct dp *make_bounded(uint32_t buffers, uint32_t kept_max_bytes)
{
	struct uring_config config = small_config(false);
	struct dp *dp;

	config.buffer_count = buffers;
	config.kept_max_bytes = kept_max_bytes;
	cr_assert_eq(uring_dp_create(&config, &dp), 0);
	return dp;
}

Test(dp_uring_kept, unread_is_bounded)
{
	struct uring_config config = small_config(false);
	struct addr addr = loopback();
	static uint8_t bytes[5000];
	struct dp_event event;
	dp_conn from, to;
	uint32_t got = 0;
	struct dp *dp;

	config.kept_max_bytes = 12000;
	cr_assert_eq(uring_dp_create(&config, &dp), 0);
	cr_assert_eq(dp_listen(dp, &addr, 0, &addr), 0);
	make_pair(dp, dp, &addr, &from, &to);
	cr_assert_eq(dp_hold(dp, to), 0);
	cr_expect_eq(dp_unread(dp, to, bytes, sizeof(bytes)), 0);
	cr_expect_eq(dp_unread(dp, to, bytes, sizeof(bytes)), 0);
	cr_expect_eq(dp_unread(dp, to, bytes, sizeof(bytes)), -ENOBUFS);
	cr_assert_eq(dp_unhold(dp, to), 0);
	while (got < 2 * sizeof(bytes) && poll_for(dp, DP_RECEIVED, &event)) {
		got += event.view.len;
		dp_recycle(dp, &event.view);
	}
	cr_expect_eq(got, 2 * sizeof(bytes));
	/* What is delivered counts no more. */
	cr_assert_eq(dp_hold(dp, to), 0);
	cr_expect_eq(dp_unread(dp, to, bytes, sizeof(bytes)), 0);
	dp_destroy(dp);
}

/* Small pieces count whole, and what is delivered is free again. */
Test(dp_uring_kept, unread_counts_whole_pieces)
{
	struct dp *dp = make_bounded(32, 4 * 2048);
	struct addr addr = loopback();
	dp_conn from, to;

	cr_assert_eq(dp_listen(dp, &addr, 0, &addr), 0);
	make_pair(dp, dp, &addr, &from, &to);
	for (uint32_t round = 0; round < 3; round++) {
		cr_assert_eq(dp_hold(dp, to), 0);
		for (uint32_t i = 4; i-- > 0;) {
			uint8_t byte = byte_at(i);
			cr_expect_eq(dp_unread(dp, to, &byte, 1), 0);
		}
		cr_expect_eq(dp_unread(dp, to, "x", 1), -ENOBUFS);
		cr_assert_eq(dp_unhold(dp, to), 0);
		expect_bytes(dp, 0, 4);
	}
	dp_destroy(dp);
}

static void detach(struct dp *dp, dp_conn conn, struct dp_parcel *parcel)
{
	struct dp_event event;

	cr_assert_eq(dp_detach(dp, conn), 0);
	cr_assert(poll_for(dp, DP_DETACHED, &event));
	*parcel = event.parcel;
}

Test(dp_uring_kept, nothing_is_allocated_after_start)
{
	static uint8_t data[DATA_BYTES];
	struct dp *dps[2] = {make_dp(false), make_dp(false)};
	struct addr addr = loopback();
	struct dp_parcel parcel;
	dp_conn from, to;

	fill(data);
	cr_assert_gt(atomic_load(&allocations), 0, "those at start are seen");
	cr_assert_eq(dp_listen(dps[0], &addr, 0, &addr), 0);
	uint32_t before = atomic_load(&allocations);
	make_pair(dps[1], dps[0], &addr, &from, &to);
	for (uint32_t i = 0; i < 4; i++) {
		struct dp *dp = dps[i % 2];
		struct dp *other = dps[1 - i % 2];
		cr_assert_eq(dp_hold(dp, to), 0);
		cr_assert_eq(dp_unread(dp, to, data, 9000), 0);
		send_all(dps[1], from, data + 9000, 10000);
		cr_assert_eq(dp_unhold(dp, to), 0);
		expect_bytes(dp, 0, 19000);
		cr_assert_eq(dp_hold(dp, to), 0);
		cr_assert_eq(dp_unread(dp, to, data, 9000), 0);
		detach(dp, to, &parcel);
		cr_assert_eq(dp_attach(other, &parcel, 1, &to), 0);
		expect_bytes(other, 0, 9000);
	}
	cr_assert_eq(dp_hold(dps[0], to), 0);
	cr_assert_eq(dp_unread(dps[0], to, data, 9000), 0);
	detach(dps[0], to, &parcel);
	dp_discard(dps[1], &parcel);
	cr_expect_eq(atomic_load(&allocations), before);
	dp_destroy(dps[0]);
	dp_destroy(dps[1]);
}

/*
 * A dp with no pieces but those of its ring. "to" was held when all of them
 * were full: the first is out as a view, the others are kept. "other" is a
 * second connection that has something to read.
 */
struct dry {
	struct dp *client;
	struct dp *server;
	dp_conn to;
	struct dp_view first;
	uint8_t data[DATA_BYTES];
};

#define DRY_PIECES 16

static void dry_make(struct dry *dry)
{
	struct addr addr = loopback();
	struct dp_event event;
	dp_conn from[2], other;

	fill(dry->data);
	dry->client = make_dp(false);
	dry->server = make_bounded(DRY_PIECES, 0);
	cr_assert_eq(dp_listen(dry->server, &addr, 0, &addr), 0);
	make_pair(dry->client, dry->server, &addr, &from[0], &dry->to);
	make_pair(dry->client, dry->server, &addr, &from[1], &other);
	/* Arms both: what is sent now fills the ring in one poll. */
	dp_poll(dry->server, &event, 1, 0);
	send_all(dry->client, from[0], dry->data, DATA_BYTES);
	cr_assert(poll_for(dry->server, DP_RECEIVED, &event));
	dry->first = event.view;
	cr_assert_eq(dp_hold(dry->server, dry->to), 0);
	for (uint32_t i = 0; i < 10; i++)
		cr_assert_eq(dp_poll(dry->server, &event, 1, 0), 0);
	send_all(dry->client, from[1], dry->data, 1);
	uint64_t soon_ns = dp_now(dry->server) + 20 * NS_PER_MS;
	cr_assert_eq(dp_poll(dry->server, &event, 1, soon_ns), 0,
		     "every piece is taken");
}

Test(dp_uring_kept, what_comes_after_a_hold_is_never_lost)
{
	static struct dry dry;
	struct dp_event event;

	dry_make(&dry);
	cr_expect_eq(dp_unread(dry.server, dry.to, "x", 1), -ENOBUFS);
	/* One piece back is enough for the others to go on with. */
	uint32_t got = dry.first.len;
	dp_recycle(dry.server, &dry.first);
	cr_assert(poll_for(dry.server, DP_RECEIVED, &event));
	cr_expect_neq(event.conn, dry.to);
	cr_expect_eq(event.view.len, 1);
	dp_recycle(dry.server, &event.view);
	cr_assert_eq(dp_unhold(dry.server, dry.to), 0);
	expect_bytes(dry.server, got, DATA_BYTES);
	dp_destroy(dry.server);
	dp_destroy(dry.client);
}

struct reader {
	struct dp *dp;
	struct dp_parcel parcel;
	uint32_t got;
};

static void *read_rest(void *arg)
{
	const struct reader *self = arg;
	dp_conn conn;

	/* Most times the dry one is asleep by now. */
	usleep(50000);
	cr_assert_eq(dp_attach(self->dp, &self->parcel, 1, &conn), 0);
	expect_bytes(self->dp, self->got, DATA_BYTES);
	return NULL;
}

/* All that its receiving waits for is with another dp, which wakes nobody. */
Test(dp_uring_kept, a_dry_dp_sees_pieces_come_back)
{
	static struct dry dry;
	struct reader reader = {.dp = make_dp(false)};
	struct dp_event event;
	pthread_t thread;

	dry_make(&dry);
	reader.got = dry.first.len;
	detach(dry.server, dry.to, &reader.parcel);
	cr_assert_eq(pthread_create(&thread, NULL, read_rest, &reader), 0);
	cr_expect(poll_for(dry.server, DP_RECEIVED, &event));
	cr_assert_eq(pthread_join(thread, NULL), 0);
	dp_destroy(reader.dp);
	dp_destroy(dry.server);
	dp_destroy(dry.client);
}

static bool is_mapped(const void *at)
{
	uintptr_t page = (uintptr_t)at & ~(uintptr_t)4095;
	unsigned char there;

	return mincore((void *)page, 4096, &there) == 0;
}

enum last_act { LAST_RECYCLE, LAST_DISCARD, LAST_DESTROY, LAST_HELD, LASTS };

/* Its memory stays until they are read, whoever ends them, and no longer. */
Test(dp_uring_kept, a_dp_may_end_while_its_pieces_travel)
{
	static uint8_t data[DATA_BYTES];

	fill(data);
	for (uint32_t last = 0; last < LASTS; last++) {
		struct dp *first = make_dp(false), *second = make_dp(false);
		struct addr addr = loopback();
		struct dp_parcel parcel;
		struct dp_event event;
		dp_conn from, to;

		cr_assert_eq(dp_listen(first, &addr, 0, &addr), 0);
		make_pair(second, first, &addr, &from, &to);
		cr_assert_eq(dp_hold(first, to), 0);
		cr_assert_eq(dp_unread(first, to, data, 4000), 0);
		detach(first, to, &parcel);
		const void *piece = (const void *)(uintptr_t)parcel.word[1];
		dp_destroy(first);
		cr_assert(is_mapped(piece));
		if (last == LAST_DISCARD) {
			dp_discard(second, &parcel);
		} else {
			cr_assert_eq(dp_attach(second, &parcel, 1, &to), 0);
			if (last == LAST_HELD)
				cr_assert_eq(dp_hold(second, to), 0);
			else
				cr_assert(
					poll_for(second, DP_RECEIVED, &event));
			if (last == LAST_RECYCLE) {
				dp_recycle(second, &event.view);
				expect_bytes(second, 2048, 4000);
			}
		}
		cr_expect_eq(is_mapped(piece), last >= LAST_DESTROY);
		dp_destroy(second);
		cr_expect_not(is_mapped(piece), "%u", last);
	}
}

#define ROUNDS 200

struct traveller {
	struct dp *dp;
	int in;  /* parcels come */
	int out; /* and go back */
	const uint8_t *data;
};

/* Reads what travels, puts as much back from its own pool, and returns it. */
static void *travel(void *arg)
{
	const struct traveller *self = arg;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct dp_parcel parcel;
		dp_conn conn;

		cr_assert_eq(read(self->in, &parcel, sizeof(parcel)),
			     sizeof(parcel));
		cr_assert_eq(dp_attach(self->dp, &parcel, 1, &conn), 0);
		expect_bytes(self->dp, 0, 4000);
		cr_assert_eq(dp_hold(self->dp, conn), 0);
		cr_assert_eq(dp_unread(self->dp, conn, self->data, 4000), 0);
		detach(self->dp, conn, &parcel);
		cr_assert_eq(write(self->out, &parcel, sizeof(parcel)),
			     sizeof(parcel));
	}
	return NULL;
}

/* Two pieces each, all of them away each time: one lost is one too few. */
Test(dp_uring_kept, pieces_travel_between_threads)
{
	static uint8_t data[DATA_BYTES];
	struct dp *dp = make_bounded(32, 4096);
	struct traveller other = {.dp = make_bounded(32, 4096), .data = data};
	struct addr addr = loopback();
	int there[2], back[2];
	pthread_t thread;
	dp_conn from, to;

	fill(data);
	cr_assert_eq(pipe(there), 0);
	cr_assert_eq(pipe(back), 0);
	other.in = there[0];
	other.out = back[1];
	cr_assert_eq(dp_listen(dp, &addr, 0, &addr), 0);
	make_pair(dp, dp, &addr, &from, &to);
	cr_assert_eq(pthread_create(&thread, NULL, travel, &other), 0);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct dp_parcel parcel;

		cr_assert_eq(dp_hold(dp, to), 0);
		cr_assert_eq(dp_unread(dp, to, data, 4000), 0);
		detach(dp, to, &parcel);
		cr_assert_eq(write(there[1], &parcel, sizeof(parcel)),
			     sizeof(parcel));
		cr_assert_eq(read(back[0], &parcel, sizeof(parcel)),
			     sizeof(parcel));
		cr_assert_eq(dp_attach(dp, &parcel, 1, &to), 0);
		expect_bytes(dp, 0, 4000);
	}
	cr_assert_eq(pthread_join(thread, NULL), 0);
	dp_destroy(dp);
	dp_destroy(other.dp);
	for (uint32_t i = 0; i < 2; i++) {
		close(there[i]);
		close(back[i]);
	}
}

Test(dp_uring_kept, a_pool_is_no_larger_than_the_kernel_can_number)
{
	struct uring_config config = small_config(false);
	struct dp *dp;

	config.buffer_count = 256;
	config.buffer_bytes = 512;
	config.kept_max_bytes = (65536 - 256) * 512;
	cr_assert_eq(uring_dp_create(&config, &dp), 0);
	dp_destroy(dp);
	config.kept_max_bytes++;
	cr_expect_eq(uring_dp_create(&config, &dp), -EINVAL);
}

/* dp_conformance.c - what every dataplane must do: the life of connections. */
#include "tests/unit/dp_bench.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAIRS        8
#define STREAM_BYTES ((uint64_t)200000)
#define BIG_BYTES    ((uint32_t)8 << 20)
#define CHURN_ROUNDS 125
#define CHURN_BATCH  16

static bool pair_done(const struct bench *b, uint32_t a, uint32_t z)
{
	return bench_received_all(b, a) && bench_received_all(b, z);
}

void case_streams(struct bench *b)
{
	struct addr addr;
	uint32_t ends[PAIRS][2];

	b->view_keep = BENCH_VIEWS;
	bench_listen(b, 0, 0, &addr);
	for (uint32_t i = 0; i < PAIRS; i++) {
		bench_pair(b, i % 2, &addr, &ends[i][0], &ends[i][1]);
		for (uint32_t k = 0; k < 2; k++) {
			struct end *end = &b->ends[ends[i][k]];
			end->tx_goal = bench_random(b, STREAM_BYTES);
			/* From single bytes to all at once. */
			end->send_max = 1u << (4 + bench_random(b, 14));
		}
	}
	for (uint32_t i = 0; i < PAIRS; i++)
		UNTIL(b, pair_done(b, ends[i][0], ends[i][1]));
	bench_close_all(b);
}

/*
 * Who connects sends at once, and ends: what has come when the accepting dp
 * looks must not overtake the cookie that ACCEPTED asks for.
 */
void case_eager(struct bench *b)
{
	struct addr addr;

	bench_listen(b, 0, 0, &addr);
	for (uint32_t i = 0; i < 40; i++) {
		uint32_t a = bench_connect(b, 1, &addr);
		struct end *end = &b->ends[a];

		b->accepted = BENCH_NO_END;
		for (uint32_t k = 0; end->state != END_OPEN; k++) {
			CHECK(b, k < BENCH_STEPS_MAX);
			if (bench_poll(b, 1) == 0 && bench_poll(b, 0) == 0)
				b->factory->step(b->factory->arg);
		}
		CHECK(b, bench_send(b, a, 1000) == 0);
		if (i % 4 == 1)
			CHECK(b, bench_shutdown(b, a) == 0);
		for (uint32_t k = 0; k < 5; k++)
			bench_poll(b, 1);
		if (i % 4 == 2)
			CHECK(b, bench_kill(b, a) == 0);
		for (uint32_t k = 0; k < 5; k++)
			bench_poll(b, 1);
		UNTIL(b, b->accepted != BENCH_NO_END);
		b->ends[b->accepted].peer = a;
		end->peer = b->accepted;
		end->tx_goal = 1000;
		UNTIL(b, i % 4 == 2 || bench_received_all(b, b->accepted));
		UNTIL(b, i % 4 != 1 || b->ends[b->accepted].eof);
	}
	bench_close_all(b);
}

void case_busy(struct bench *b)
{
	struct addr addr;
	uint32_t a, z;
	struct span span = {.data = (const uint8_t *)"x", .len = 1};

	bench_listen(b, 0, 0, &addr);
	bench_pair(b, 1, &addr, &a, &z);
	struct end *end = &b->ends[a];
	CHECK(b, bench_send(b, a, 1000) == 0);
	CHECK(b, dp_send(b->dps[1], end->conn, &span, 1, 7) == -EBUSY);
	end->tx_goal = 1000;
	UNTIL(b, bench_received_all(b, z));
	end->tx_goal = 3000;
	UNTIL(b, bench_received_all(b, z));
	bench_close_all(b);
}

/* A send that cannot leave, because nobody reads at the other end. */
static void block_send(struct bench *b, uint32_t a, uint32_t z)
{
	CHECK(b, bench_hold(b, z) == 0);
	CHECK(b, bench_send(b, a, BIG_BYTES) == 0);
	bench_steps(b, 50);
	CHECK(b, b->ends[a].sending);
}

void case_kill_send(struct bench *b)
{
	struct addr addr;
	uint32_t a, z;

	bench_listen(b, 0, 0, &addr);
	bench_pair(b, 1, &addr, &a, &z);
	block_send(b, a, z);
	CHECK(b, bench_kill(b, a) == 0);
	CHECK(b, bench_send(b, a, 1) < 0);
	UNTIL(b, b->ends[a].state == END_CLOSED);
	CHECK(b, b->ends[a].tx_bytes < BIG_BYTES);
	CHECK(b, bench_unhold(b, z) == 0);
	UNTIL(b, b->ends[z].eof || b->ends[z].state == END_CLOSED);
	CHECK(b, b->ends[z].rx_bytes <= b->ends[a].tx_bytes);
	bench_close_all(b);
}

void case_kill_connecting(struct bench *b)
{
	struct addr addr;

	bench_listen(b, 0, 0, &addr);
	for (uint32_t i = 0; i < 20; i++) {
		uint32_t a = bench_connect(b, 1, &addr);
		CHECK(b, a != BENCH_NO_END);
		bench_steps(b, (uint32_t)bench_random(b, 3));
		CHECK(b, bench_kill(b, a) == 0);
		UNTIL(b, b->ends[a].state == END_CLOSED);
	}
	bench_close_all(b);
}

void case_half_close(struct bench *b)
{
	struct addr addr;
	uint32_t a, z;
	struct span span = {.data = (const uint8_t *)"x", .len = 1};

	bench_listen(b, 0, 0, &addr);
	bench_pair(b, 1, &addr, &a, &z);
	b->ends[a].tx_goal = 100000;
	UNTIL(b, bench_received_all(b, z));
	CHECK(b, bench_shutdown(b, a) == 0);
	CHECK(b, dp_send(b->dps[1], b->ends[a].conn, &span, 1, 7) < 0);
	UNTIL(b, b->ends[z].eof);
	CHECK(b, b->ends[z].rx_bytes == b->ends[a].tx_bytes);
	/* The other direction goes on. */
	CHECK(b, !b->ends[a].eof);
	b->ends[z].tx_goal = 100000;
	UNTIL(b, bench_received_all(b, a));
	CHECK(b, bench_shutdown(b, z) == 0);
	UNTIL(b, b->ends[a].eof);
	bench_steps(b, 20);
	CHECK(b, b->ends[a].state == END_OPEN);
	CHECK(b, b->ends[z].state == END_OPEN);
	bench_close_all(b);
}

void case_shutdown_behind_send(struct bench *b)
{
	struct addr addr;
	uint32_t a, z;

	bench_listen(b, 0, 0, &addr);
	bench_pair(b, 1, &addr, &a, &z);
	block_send(b, a, z);
	CHECK(b, bench_shutdown(b, a) == 0);
	CHECK(b, bench_unhold(b, z) == 0);
	UNTIL(b, b->ends[z].eof);
	CHECK(b, b->ends[z].rx_bytes == BIG_BYTES);
	UNTIL(b, !b->ends[a].sending);
	CHECK(b, b->ends[a].tx_bytes == BIG_BYTES);
	bench_close_all(b);
}

/* Nobody listens any more where somebody did. */
void case_refused(struct bench *b)
{
	struct addr addr;

	bench_listen(b, 0, 0, &addr);
	bench_destroy_dp(b, 0);
	uint32_t a = bench_connect(b, 1, &addr);
	CHECK(b, a != BENCH_NO_END);
	UNTIL(b, b->ends[a].state == END_CLOSED);
	int32_t result = b->ends[a].closed_result;
	CHECK(b, result == -ECONNREFUSED ||
			 (addr.family == ADDR_UNIX && result == -ENOENT));
	bench_close_all(b);
}

static void check_stale(struct bench *b, struct dp *dp, dp_conn name)
{
	struct span span = {.data = (const uint8_t *)"x", .len = 1};
	struct dp_conn_info info;

	CHECK(b, dp_send(dp, name, &span, 1, 7) == -ESTALE);
	CHECK(b, dp_hold(dp, name) == -ESTALE);
	CHECK(b, dp_unhold(dp, name) == -ESTALE);
	CHECK(b, dp_unread(dp, name, "x", 1) == -ESTALE);
	CHECK(b, dp_detach(dp, name) == -ESTALE);
	CHECK(b, dp_set_cookie(dp, name, 7) == -ESTALE);
	CHECK(b, dp_shutdown(dp, name) == -ESTALE);
	CHECK(b, dp_kill(dp, name) == -ESTALE);
	CHECK(b, dp_conn_info(dp, name, &info) == -ESTALE);
}

void case_stale(struct bench *b)
{
	struct addr addr;
	uint32_t a, z;

	bench_listen(b, 0, 0, &addr);
	bench_pair(b, 1, &addr, &a, &z);
	dp_conn name = b->ends[a].conn;
	bench_close_all(b);
	check_stale(b, b->dps[1], name);
	check_stale(b, b->dps[1], 0);
	check_stale(b, b->dps[1], UINT64_MAX);
	check_stale(b, b->dps[1], (uint32_t)name);
	/* The place is used again, under another name. */
	bench_pair(b, 1, &addr, &a, &z);
	CHECK(b, b->ends[a].conn != name);
	check_stale(b, b->dps[1], name);
	b->ends[a].tx_goal = 1000;
	UNTIL(b, bench_received_all(b, z));
	bench_close_all(b);
}

/* Opens pairs until the dp that accepts is full. */
static uint32_t fill_table(struct bench *b, const struct addr *addr,
			   uint32_t conn_max)
{
	uint32_t first = BENCH_NO_END;

	for (uint32_t i = 0; i < conn_max; i++) {
		uint32_t a, z;
		bench_pair(b, 1 + i % 2, addr, &a, &z);
		if (first == BENCH_NO_END)
			first = a;
	}
	return first;
}

void case_full(struct bench *b)
{
	struct addr addr;
	struct dp_caps caps;
	uint32_t extra[8], a, z;

	bench_listen(b, 0, 0, &addr);
	dp_caps(b->dps[0], &caps);
	CHECK(b, caps.conn_max >= 32 && caps.conn_max <= 256);
	uint32_t first = fill_table(b, &addr, caps.conn_max);
	b->accepted = BENCH_NO_END;
	for (uint32_t i = 0; i < ARRAY_LEN(extra); i++)
		extra[i] = bench_connect(b, 1, &addr);
	for (uint32_t i = 0; i < ARRAY_LEN(extra); i++) {
		struct end *end = &b->ends[extra[i]];
		UNTIL(b, end->eof || end->state == END_CLOSED);
	}
	CHECK(b, b->accepted == BENCH_NO_END);
	/* Those that are in go on, and one that leaves makes room. */
	struct end *end = &b->ends[first];
	end->tx_goal = 10000;
	UNTIL(b, bench_received_all(b, end->peer));
	CHECK(b, bench_kill(b, end->peer) == 0);
	UNTIL(b, b->ends[end->peer].state == END_CLOSED);
	bench_pair(b, 1, &addr, &a, &z);
	b->ends[a].tx_goal = 10000;
	UNTIL(b, bench_received_all(b, z));
	/* The connecting side has a limit as well, and says so. */
	while ((a = bench_connect(b, 1, &addr)) != BENCH_NO_END)
		continue;
	bench_close_all(b);
}

static void churn_round(struct bench *b, const struct addr *addr)
{
	uint32_t ends[CHURN_BATCH][2];

	for (uint32_t i = 0; i < CHURN_BATCH; i++)
		bench_pair(b, 1, addr, &ends[i][0], &ends[i][1]);
	for (uint32_t i = 0; i < CHURN_BATCH; i++) {
		b->ends[ends[i][i % 2]].tx_goal = bench_random(b, 100);
		uint32_t killed = ends[i][bench_random(b, 2)];
		bench_steps(b, (uint32_t)bench_random(b, 3));
		CHECK(b, bench_kill(b, killed) == 0);
	}
	for (uint32_t i = 0; i < CHURN_BATCH; i++)
		for (uint32_t k = 0; k < 2; k++) {
			struct end *end = &b->ends[ends[i][k]];
			UNTIL(b, end->eof || end->state == END_CLOSED);
		}
	bench_close_all(b);
	for (uint32_t i = 0; i < CHURN_BATCH; i++)
		for (uint32_t k = 0; k < 2; k++)
			bench_forget(b, ends[i][k]);
}

/* 2,000 connections come and go, and every place is there afterwards. */
void case_churn(struct bench *b)
{
	struct addr addr;
	struct dp_caps caps;

	bench_listen(b, 0, 0, &addr);
	for (uint32_t i = 0; i < CHURN_ROUNDS; i++)
		churn_round(b, &addr);
	dp_caps(b->dps[0], &caps);
	fill_table(b, &addr, caps.conn_max);
	bench_close_all(b);
}

static void *wake_later(void *arg)
{
	struct timespec pause = {.tv_nsec = 20000000};

	nanosleep(&pause, NULL);
	dp_wake(arg);
	return NULL;
}

void case_wake(struct bench *b)
{
	struct dp_event event;
	struct dp *dp = bench_dp(b, 0);

	/* A wake before the wait ends it too, and only that one. */
	dp_wake(dp);
	dp_wake(dp);
	CHECK(b, dp_poll(dp, &event, 1, NS_NEVER) == 0);
	if (!b->factory->blocks)
		return;
	for (uint32_t i = 0; i < 10; i++) {
		pthread_t thread;
		CHECK(b, pthread_create(&thread, NULL, wake_later, dp) == 0);
		/* Without the wake this would be the end of the test. */
		CHECK(b, dp_poll(dp, &event, 1, NS_NEVER) == 0);
		CHECK(b, pthread_join(thread, NULL) == 0);
	}
}

void case_deadline(struct bench *b)
{
	struct dp_event event;
	struct dp *dp = bench_dp(b, 0);
	uint64_t before_ns = dp_now(dp);

	for (uint32_t i = 0; i < 100; i++)
		CHECK(b, dp_poll(dp, &event, 1, 0) == 0);
	CHECK(b, dp_now(dp) >= before_ns);
	for (uint32_t i = 0; i < 5; i++) {
		uint64_t due_ns = dp_now(dp) + bench_random(b, 20 * NS_PER_MS);
		uint32_t steps = 0;
		do {
			CHECK(b, dp_poll(dp, &event, 1, due_ns) == 0);
			if (b->factory->blocks)
				CHECK(b, dp_now(dp) >= due_ns);
			else
				b->factory->step(b->factory->arg);
		} while (dp_now(dp) < due_ns && steps++ < 1000);
		CHECK(b, dp_now(dp) >= due_ns);
		CHECK(b, dp_now(dp) < due_ns + 5 * NS_PER_S);
	}
}

void case_info(struct bench *b)
{
	struct addr addr;
	struct dp_conn_info info[2];
	uint32_t a, z;
	uint64_t random[2] = {0};

	bench_listen(b, 0, 0, &addr);
	bench_pair(b, 1, &addr, &a, &z);
	CHECK(b, dp_conn_info(b->dps[1], b->ends[a].conn, &info[0]) == 0);
	CHECK(b, dp_conn_info(b->dps[0], b->ends[z].conn, &info[1]) == 0);
	CHECK(b, addr_equal(&info[0].peer, &addr));
	CHECK(b, addr_equal(&info[1].local, &addr));
	CHECK(b, info[1].peer.family == addr.family);
	if (addr.family != ADDR_UNIX)
		CHECK(b, addr_equal(&info[0].local, &info[1].peer));
	/* Asking disturbs nothing. */
	b->ends[a].tx_goal = 1000;
	b->ends[z].tx_goal = 1000;
	UNTIL(b, pair_done(b, a, z));
	dp_random(b->dps[0], &random[0], sizeof(random[0]));
	dp_random(b->dps[0], &random[1], sizeof(random[1]));
	CHECK(b, random[0] != random[1]);
	bench_close_all(b);
}

/* A dp that goes takes its connections with it: their peers see the end. */
void case_destroy(struct bench *b)
{
	struct addr addr;
	uint32_t ends[PAIRS][2];

	bench_listen(b, 0, 0, &addr);
	for (uint32_t i = 0; i < PAIRS; i++)
		bench_pair(b, 1, &addr, &ends[i][0], &ends[i][1]);
	block_send(b, ends[0][0], ends[0][1]);
	CHECK(b, bench_hold(b, ends[1][1]) == 0);
	CHECK(b, bench_send(b, ends[1][0], 1000) == 0);
	bench_steps(b, 5);
	bench_destroy_dp(b, 0);
	for (uint32_t i = 0; i < PAIRS; i++) {
		struct end *end = &b->ends[ends[i][0]];
		UNTIL(b, end->eof || end->state == END_CLOSED);
	}
	bench_close_all(b);
}

static const struct {
	const char *name;
	void (*run)(struct bench *b);
} cases[] = {
	{"streams", case_streams},
	{"eager", case_eager},
	{"busy", case_busy},
	{"kill_send", case_kill_send},
	{"kill_connecting", case_kill_connecting},
	{"half_close", case_half_close},
	{"shutdown_behind_send", case_shutdown_behind_send},
	{"refused", case_refused},
	{"stale", case_stale},
	{"full", case_full},
	{"churn", case_churn},
	{"wake", case_wake},
	{"deadline", case_deadline},
	{"info", case_info},
	{"destroy", case_destroy},
	{"hold", case_hold},
	{"unread", case_unread},
	{"hold_eof", case_hold_eof},
	{"move", case_move},
	{"move_blocked", case_move_blocked},
	{"discard", case_discard},
	{"attach_full", case_attach_full},
	{"chaos", case_chaos},
};

uint32_t dp_conformance_count(void)
{
	return ARRAY_LEN(cases);
}

const char *dp_conformance_name(uint32_t index)
{
	return cases[index].name;
}

static void bench_fini(struct bench *b)
{
	for (uint32_t i = 0; i < BENCH_DPS; i++)
		if (b->dps[i])
			bench_destroy_dp(b, i);
	free(b);
}

bool dp_conformance_run(const struct dp_factory *factory, uint32_t index,
			uint64_t seed)
{
	struct bench *b = calloc(1, sizeof(*b));

	if (!b)
		return false;
	b->factory = factory;
	b->name = cases[index].name;
	b->seed = seed;
	b->random = seed * 1000003 + index;
	b->events_max = DP_EVENTS_MAX;
	b->accepted = BENCH_NO_END;
	if (setjmp(b->fail) != 0)
		return false; /* whatever is broken is left as it is */
	cases[index].run(b);
	bench_fini(b);
	return true;
}

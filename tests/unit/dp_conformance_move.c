/* dp_conformance_move.c - what every dataplane must do: hold, move, mixed. */
#include "tests/unit/dp_bench.h"

#include <errno.h>

#define PAIRS        8
#define STREAM_BYTES ((uint64_t)300000)
#define BIG_BYTES    ((uint32_t)8 << 20)
#define MOVES        200
#define CHAOS_ACTS   1500

/* Streams in both directions of each pair; ends[2 * i] and [2 * i + 1]. */
static void open_streams(struct bench *b, const struct addr *addr,
			 uint32_t ends[2 * PAIRS], uint64_t bytes)
{
	for (uint32_t i = 0; i < PAIRS; i++)
		bench_pair(b, i % 2, addr, &ends[2 * i], &ends[2 * i + 1]);
	for (uint32_t i = 0; i < 2 * PAIRS; i++) {
		b->ends[ends[i]].tx_goal = bytes;
		b->ends[ends[i]].send_max = 1u << (6 + bench_random(b, 11));
	}
}

static void finish_streams(struct bench *b, const uint32_t ends[2 * PAIRS])
{
	for (uint32_t i = 0; i < 2 * PAIRS; i++)
		UNTIL(b, bench_received_all(b, ends[i]));
}

void case_hold(struct bench *b)
{
	struct addr addr;
	uint32_t ends[2 * PAIRS];

	bench_listen(b, 0, 0, &addr);
	open_streams(b, &addr, ends, STREAM_BYTES);
	for (uint32_t i = 0; i < 400; i++) {
		uint32_t at = ends[bench_random(b, 2 * PAIRS)];
		/* Also twice, and undone before anything was polled. */
		if (bench_random(b, 2))
			CHECK(b, bench_hold(b, at) == 0);
		else
			CHECK(b, bench_unhold(b, at) == 0);
		bench_steps(b, (uint32_t)bench_random(b, 3));
	}
	for (uint32_t i = 0; i < 2 * PAIRS; i++)
		CHECK(b, bench_unhold(b, ends[i]) == 0);
	finish_streams(b, ends);
	bench_close_all(b);
}

void case_unread(struct bench *b)
{
	struct addr addr;
	uint32_t ends[2 * PAIRS];

	b->view_keep = 8;
	bench_listen(b, 0, 0, &addr);
	open_streams(b, &addr, ends, STREAM_BYTES);
	CHECK(b,
	      dp_unread(b->dps[0], b->ends[ends[1]].conn, "x", 1) == -EINVAL);
	for (uint32_t i = 0; i < 400; i++) {
		uint32_t at = ends[bench_random(b, 2 * PAIRS)];
		struct end *end = &b->ends[at];
		CHECK(b, bench_hold(b, at) == 0);
		/* What is put back last is what comes first. */
		for (uint32_t k = 0; k < 3; k++) {
			uint64_t max = min_u64(end->rx_bytes, 20000);
			uint64_t len = bench_random(b, max + 1);
			CHECK(b, bench_unread(b, at, (uint32_t)len) == 0);
			bench_steps(b, (uint32_t)bench_random(b, 2));
		}
		CHECK(b, bench_unhold(b, at) == 0);
		bench_steps(b, (uint32_t)bench_random(b, 3));
	}
	finish_streams(b, ends);
	bench_close_all(b);
}

/* An EOF that nobody was told of waits behind the bytes, also in a parcel. */
void case_hold_eof(struct bench *b)
{
	for (uint32_t moved = 0; moved < 2; moved++) {
		struct addr addr;
		uint32_t a, z;
		bench_listen(b, 0, moved, &addr);
		bench_pair(b, 1, &addr, &a, &z);
		CHECK(b, bench_hold(b, z) == 0);
		b->ends[a].tx_goal = 5000;
		UNTIL(b, b->ends[a].tx_bytes == 5000);
		CHECK(b, bench_shutdown(b, a) == 0);
		bench_steps(b, 20);
		if (moved) {
			CHECK(b, bench_detach(b, z) == 0);
			UNTIL(b, b->ends[z].state == END_DETACHED);
			CHECK(b, bench_attach(b, z, 2) == 0);
		} else {
			CHECK(b, bench_unhold(b, z) == 0);
		}
		UNTIL(b, b->ends[z].eof);
		CHECK(b, b->ends[z].rx_bytes == 5000);
		b->ends[z].tx_goal = 5000;
		UNTIL(b, bench_received_all(b, a));
		bench_close_all(b);
	}
}

static void attach_anywhere(struct bench *b, uint32_t at)
{
	uint32_t dp = (uint32_t)bench_random(b, BENCH_DPS);

	CHECK(b, bench_attach(b, at, dp) == 0);
}

/* One end at a time or several, held or not, with bytes put back or not. */
void case_move(struct bench *b)
{
	struct addr addr;
	uint32_t ends[2 * PAIRS];

	b->view_keep = 8;
	bench_listen(b, 0, 0, &addr);
	open_streams(b, &addr, ends, STREAM_BYTES);
	for (uint32_t i = 0; i < MOVES; i++) {
		uint32_t at = ends[bench_random(b, 2 * PAIRS)];
		struct end *end = &b->ends[at];
		if (end->state == END_DETACHED) {
			attach_anywhere(b, at);
		} else if (!end->detaching) {
			if (bench_random(b, 2)) {
				uint64_t max = min_u64(end->rx_bytes, 9000);
				max = bench_random(b, max + 1);
				CHECK(b, bench_hold(b, at) == 0);
				CHECK(b,
				      bench_unread(b, at, (uint32_t)max) == 0);
			}
			CHECK(b, bench_detach(b, at) == 0);
			CHECK(b, dp_hold(b->dps[end->dp], end->conn) < 0);
		}
		bench_steps(b, (uint32_t)bench_random(b, 4));
	}
	for (uint32_t i = 0; i < 2 * PAIRS; i++) {
		struct end *end = &b->ends[ends[i]];
		UNTIL(b, end->state == END_DETACHED || !end->detaching);
		if (end->state == END_DETACHED)
			attach_anywhere(b, ends[i]);
	}
	finish_streams(b, ends);
	bench_close_all(b);
}

/* A send that cannot leave is split where it stopped. */
void case_move_blocked(struct bench *b)
{
	struct addr addr;
	uint32_t a, z;

	bench_listen(b, 0, 0, &addr);
	bench_pair(b, 1, &addr, &a, &z);
	struct end *end = &b->ends[a];
	CHECK(b, bench_hold(b, z) == 0);
	for (uint32_t i = 0; i < 5; i++) {
		CHECK(b, bench_send(b, a, BIG_BYTES) == 0);
		bench_steps(b, 30);
		CHECK(b, end->sending);
		CHECK(b, bench_detach(b, a) == 0);
		UNTIL(b, end->state == END_DETACHED);
		CHECK(b, bench_attach(b, a, 1 + i % 2) == 0);
		/* Lets some of it pass. */
		CHECK(b, bench_unhold(b, z) == 0);
		bench_steps(b, 5);
		CHECK(b, bench_hold(b, z) == 0);
	}
	CHECK(b, bench_unhold(b, z) == 0);
	end->tx_goal = end->tx_bytes + 100000;
	UNTIL(b, bench_received_all(b, z));
	bench_close_all(b);
}

void case_discard(struct bench *b)
{
	struct addr addr;
	uint32_t a, z;

	bench_listen(b, 0, 0, &addr);
	bench_pair(b, 1, &addr, &a, &z);
	CHECK(b, bench_hold(b, a) == 0);
	CHECK(b, bench_send(b, z, 5000) == 0);
	bench_steps(b, 20);
	CHECK(b, bench_detach(b, a) == 0);
	UNTIL(b, b->ends[a].state == END_DETACHED);
	dp_discard(b->dps[1], &b->ends[a].parcel);
	b->ends[a].state = END_CLOSED;
	UNTIL(b, b->ends[z].eof || b->ends[z].state == END_CLOSED);
	bench_close_all(b);
}

/* A parcel that finds no room is as good as before. */
void case_attach_full(struct bench *b)
{
	struct addr addr;
	struct dp_caps caps;
	uint32_t a, z, other, unused;

	bench_listen(b, 0, 0, &addr);
	bench_pair(b, 1, &addr, &a, &z);
	b->ends[z].tx_goal = 10000;
	CHECK(b, bench_hold(b, a) == 0);
	bench_steps(b, 10);
	CHECK(b, bench_detach(b, a) == 0);
	UNTIL(b, b->ends[a].state == END_DETACHED);
	dp_caps(bench_dp(b, 2), &caps);
	/* Dp 3 accepts what fills dp 2. */
	bench_listen(b, 3, 1, &addr);
	for (uint32_t i = 0; i < caps.conn_max; i++)
		bench_pair(b, 2, &addr, &other, &unused);
	CHECK(b, bench_attach(b, a, 2) == -ENOSPC);
	bench_steps(b, 5);
	CHECK(b, bench_attach(b, a, 2) == -ENOSPC);
	CHECK(b, bench_kill(b, other) == 0);
	UNTIL(b, b->ends[other].state == END_CLOSED);
	CHECK(b, bench_attach(b, a, 2) == 0);
	UNTIL(b, bench_received_all(b, a));
	bench_close_all(b);
}

static void chaos_act(struct bench *b, uint32_t at)
{
	struct end *end = &b->ends[at];

	if (end->state == END_DETACHED) {
		if (bench_random(b, 10) == 0) {
			dp_discard(bench_dp(b, end->dp), &end->parcel);
			end->state = END_CLOSED;
		} else {
			attach_anywhere(b, at);
		}
		return;
	}
	if (end->state != END_OPEN || end->killed || end->detaching)
		return;
	/* A dp may refuse what comes after the network ended it. */
	switch (bench_random(b, 12)) {
	case 0:
	case 1:
	case 2:
		bench_hold(b, at);
		break;
	case 3:
	case 4:
	case 5:
		bench_unhold(b, at);
		break;
	case 6:
	case 7:
		if (end->held)
			bench_unread(b, at,
				     (uint32_t)min_u64(end->rx_bytes, 5000));
		break;
	case 8:
	case 9:
	case 10:
		bench_detach(b, at);
		break;
	default:
		if (bench_random(b, 8) == 0)
			bench_shutdown(b, at);
		else if (bench_random(b, 8) == 0)
			bench_kill(b, at);
		break;
	}
}

/* Everything in any order: what must always hold is checked by the bench. */
void case_chaos(struct bench *b)
{
	struct addr addr;
	uint32_t ends[2 * PAIRS];

	b->view_keep = 8;
	b->events_max = 1 + (uint32_t)bench_random(b, 8);
	bench_listen(b, 0, 0, &addr);
	open_streams(b, &addr, ends, STREAM_BYTES * 100);
	for (uint32_t i = 0; i < CHAOS_ACTS; i++) {
		uint32_t pair = (uint32_t)bench_random(b, PAIRS);
		uint32_t a = ends[2 * pair], z = ends[2 * pair + 1];
		chaos_act(b, bench_random(b, 2) ? a : z);
		if (bench_random(b, 2))
			bench_step(b);
		if (b->ends[a].state != END_CLOSED ||
		    b->ends[z].state != END_CLOSED)
			continue;
		bench_recycle_all(b);
		bench_forget(b, a);
		bench_forget(b, z);
		bench_pair(b, (uint32_t)bench_random(b, 2), &addr,
			   &ends[2 * pair], &ends[2 * pair + 1]);
		b->ends[ends[2 * pair]].tx_goal = STREAM_BYTES;
		b->ends[ends[2 * pair + 1]].tx_goal = STREAM_BYTES;
	}
	bench_close_all(b);
}

/* tcp_scoreboard_test.c - ranges that a peer has, against a byte map. */
#include "dataplane/tcp/scoreboard.h"
#include "tests/unit/seeded.h"

#include <criterion/criterion.h>
#include <string.h>

#define SPACE 400
#define BASE  ((uint32_t)-150) /* so that numbers wrap around */
#define MSS   10

static struct tcp_range range(uint32_t start, uint32_t end)
{
	return (struct tcp_range){BASE + start, BASE + end};
}

Test(tcp_scoreboard, merges_what_meets)
{
	struct tcp_scoreboard board = {0};

	cr_assert_eq(tcp_sacked_add(&board, range(10, 20)), 10);
	cr_assert_eq(tcp_sacked_add(&board, range(30, 40)), 10);
	cr_assert_eq(tcp_sacked_add(&board, range(10, 20)), 0);
	cr_assert_eq(tcp_sacked_add(&board, range(20, 25)), 5);
	cr_assert_eq(board.count, 2);
	cr_assert_eq(tcp_sacked_add(&board, range(15, 50)), 15);
	cr_assert_eq(board.count, 1);
	cr_assert_eq(tcp_sacked_below(&board, BASE + 50), 40);
	cr_assert_eq(tcp_sacked_below(&board, BASE + 15), 5);
	tcp_sacked_trim(&board, BASE + 45);
	cr_assert_eq(tcp_sacked_below(&board, BASE + 50), 5);
	tcp_sacked_trim(&board, BASE + 50);
	cr_assert_eq(board.count, 0);
}

Test(tcp_scoreboard, a_full_one_ignores_more)
{
	struct tcp_scoreboard board = {0};

	for (uint32_t i = 0; i < TCP_SACKED_MAX; i++)
		cr_assert_eq(tcp_sacked_add(&board, range(10 * i, 10 * i + 5)),
			     5);
	cr_assert_eq(tcp_sacked_add(&board, range(300, 305)), 0);
	cr_assert(tcp_sacked_check(&board, BASE, BASE + SPACE));
	/* What merges still goes in. */
	cr_assert_eq(tcp_sacked_add(&board, range(5, 10)), 5);
	cr_assert_eq(board.count, TCP_SACKED_MAX - 1);
	cr_assert_eq(tcp_sacked_add(&board, range(300, 305)), 5);
}

/* RFC 6675, section 2: three ranges, or more than two segments. */
Test(tcp_scoreboard, says_what_is_lost)
{
	struct tcp_scoreboard board = {0};

	tcp_sacked_add(&board, range(10, 30));
	cr_assert_not(tcp_sacked_lost(&board, BASE, MSS));
	tcp_sacked_add(&board, range(30, 31));
	cr_assert(tcp_sacked_lost(&board, BASE, MSS));
	cr_assert_not(tcp_sacked_lost(&board, BASE + 31, MSS));
	board.count = 0;
	tcp_sacked_add(&board, range(10, 11));
	tcp_sacked_add(&board, range(20, 21));
	cr_assert_not(tcp_sacked_lost(&board, BASE, MSS));
	tcp_sacked_add(&board, range(30, 31));
	cr_assert(tcp_sacked_lost(&board, BASE, MSS));
	cr_assert_not(tcp_sacked_lost(&board, BASE + 11, MSS));
}

/* SetPipe as RFC 6675 writes it, byte by byte. */
static uint32_t pipe_plain(const struct tcp_scoreboard *board, const bool *have,
			   uint32_t una, uint32_t nxt, uint32_t rexmit)
{
	uint32_t pipe = 0;

	for (uint32_t i = una; i < nxt; i++) {
		if (have[i])
			continue;
		pipe += !tcp_sacked_lost(board, BASE + i, MSS);
		pipe += i < rexmit;
	}
	return pipe;
}

static void check_holes(const struct tcp_scoreboard *board, const bool *have,
			uint32_t una, uint32_t nxt)
{
	uint32_t highest = nxt;

	while (highest > una && !have[highest - 1])
		highest--;
	for (uint32_t i = una; i < nxt; i++) {
		uint32_t start = i;
		uint32_t end;
		struct tcp_range hole;

		while (start < highest && have[start])
			start++;
		for (end = start; end < highest && !have[end];)
			end++;
		if (start >= highest) {
			cr_assert_not(tcp_sacked_hole(board, BASE + i, &hole));
			continue;
		}
		cr_assert(tcp_sacked_hole(board, BASE + i, &hole));
		cr_assert_eq(hole.start, BASE + start);
		cr_assert_eq(hole.end, BASE + end);
	}
}

static void model_run(uint64_t seed)
{
	struct seeded seeded = {seed};
	struct tcp_scoreboard board = {0};
	bool have[SPACE] = {false};
	uint32_t una = 0;

	while (una < SPACE) {
		uint32_t start = una + seeded_below(&seeded, SPACE - una);
		uint32_t end = start + 1 + seeded_below(&seeded, SPACE - start);
		uint32_t news = 0;
		uint32_t rexmit;

		end = min_u32(end, start + 30);
		for (uint32_t i = start; i < end; i++)
			news += !have[i];
		if (tcp_sacked_add(&board, range(start, end)) == news)
			memset(have + start, true, end - start);
		else
			cr_assert_eq(board.count, TCP_SACKED_MAX);
		cr_assert(tcp_sacked_check(&board, BASE + una, BASE + SPACE));
		rexmit = una + seeded_below(&seeded, SPACE - una + 1);
		cr_assert_eq(tcp_sacked_pipe(&board, BASE + una, BASE + SPACE,
					     BASE + rexmit, MSS),
			     pipe_plain(&board, have, una, SPACE, rexmit));
		check_holes(&board, have, una, SPACE);
		if (seeded_below(&seeded, 4))
			continue;
		una += 1 + seeded_below(&seeded, 40);
		una = min_u32(una, SPACE);
		tcp_sacked_trim(&board, BASE + una);
	}
	cr_assert_eq(board.count, 0);
}

Test(tcp_scoreboard, agrees_with_a_byte_map)
{
	for (uint64_t seed = 1; seed <= 100; seed++)
		model_run(seed);
}

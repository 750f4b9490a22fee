/* tcp_options_test.c - options there and back, and those that cannot be. */
#include "dataplane/tcp/options.h"
#include "tests/unit/seeded.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define ALL (TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_OK | TCP_OPT_TS)

static void compare(const struct tcp_options *a, const struct tcp_options *b)
{
	cr_assert_eq(a->present, b->present);
	cr_assert_eq(a->sack_count, b->sack_count);
	if (a->present & TCP_OPT_MSS)
		cr_assert_eq(a->mss, b->mss);
	if (a->present & TCP_OPT_WSCALE)
		cr_assert_eq(a->wscale, b->wscale);
	if (a->present & TCP_OPT_TS) {
		cr_assert_eq(a->ts_value, b->ts_value);
		cr_assert_eq(a->ts_echo, b->ts_echo);
	}
	cr_assert_eq(
		memcmp(a->sack, b->sack, a->sack_count * sizeof(a->sack[0])),
		0);
}

Test(tcp_options, what_is_written_is_read)
{
	for (uint32_t i = 0; i <= ALL; i++) {
		for (uint32_t sacks = 0; sacks <= TCP_SACK_MAX; sacks++) {
			struct tcp_options from = {
				.present = (uint8_t)i,
				.mss = 1460,
				.wscale = 7,
				.ts_value = 0x89abcdef,
				.ts_echo = 5,
				.sack_count = sacks,
				.sack = {{1, 2},
					 {0xfffffff0, 4},
					 {5, 6},
					 {7, 8}},
			};
			uint8_t bytes[TCP_OPTIONS_MAX];
			struct tcp_options to;
			uint32_t len = tcp_options_write(&from, bytes);

			cr_assert_leq(len, TCP_OPTIONS_MAX);
			cr_assert_eq(len % 4, 0);
			cr_assert(tcp_options_read(&to, bytes, len));
			/* As many blocks as fit: three beside timestamps. */
			cr_assert_leq(to.sack_count, sacks);
			if (i == TCP_OPT_TS)
				cr_assert_eq(to.sack_count,
					     sacks < 3 ? sacks : 3);
			from.sack_count = to.sack_count;
			compare(&from, &to);
		}
	}
}

Test(tcp_options, reads_what_others_write)
{
	/* Linux: mss, sackOK, ts, nop, wscale. */
	static const uint8_t linux_syn[] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0,
					    0, 9, 0, 0,   0, 0, 1, 3,  3, 7};
	/* An unknown one between, END, and rubbish behind it. */
	static const uint8_t odd[] = {254, 4, 1, 2, 1, 1, 3, 3, 4, 0, 2, 4};
	struct tcp_options options;

	cr_assert(tcp_options_read(&options, linux_syn, sizeof(linux_syn)));
	cr_assert_eq(options.present, ALL);
	cr_assert_eq(options.mss, 1460);
	cr_assert_eq(options.wscale, 7);
	cr_assert_eq(options.ts_value, 9);
	cr_assert(tcp_options_read(&options, odd, sizeof(odd)));
	cr_assert_eq(options.present, TCP_OPT_WSCALE);
	cr_assert_eq(options.wscale, 4);
	cr_assert(tcp_options_read(&options, odd, 0));
	cr_assert_eq(options.present, 0);
}

Test(tcp_options, stops_at_what_cannot_be)
{
	static const struct {
		uint8_t bytes[12];
		uint8_t len;
		uint8_t present; /* of what was read before */
	} rows[] = {
		{{2, 0, 5, 180}, 4, 0},             /* length 0 */
		{{2, 1, 5, 180}, 4, 0},             /* less than itself */
		{{2, 3, 5, 180}, 4, 0},             /* not an MSS's */
		{{2, 5, 5, 180, 0, 0, 0, 0}, 8, 0}, /* neither */
		{{2, 4, 5, 180, 3, 4, 7, 0}, 8, TCP_OPT_MSS},
		{{1, 1, 1, 8}, 4, 0},  /* no length */
		{{1, 1, 8, 10}, 4, 0}, /* beyond the end */
		{{5, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		 12,
		 0},                  /* half a block */
		{{5, 2, 0, 0}, 4, 0}, /* no block */
		{{4, 2, 3, 2}, 4, TCP_OPT_SACK_OK},
		{{8, 8, 1, 1, 1, 1, 1, 1}, 8, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tcp_options options;
		uint8_t *exact = malloc(rows[i].len);

		memcpy(exact, rows[i].bytes, rows[i].len);
		cr_assert_not(tcp_options_read(&options, exact, rows[i].len),
			      "row %zu", i);
		cr_assert_eq(options.present, rows[i].present, "row %zu", i);
		free(exact);
	}
}

Test(tcp_options, reads_no_byte_too_many)
{
	struct seeded seeded = {9};

	for (uint32_t round = 0; round < 20000; round++) {
		uint32_t len = seeded_below(&seeded, TCP_OPTIONS_MAX + 1);
		uint8_t *exact = malloc(len ? len : 1);
		struct tcp_options options;

		for (uint32_t i = 0; i < len; i++)
			exact[i] = (uint8_t)seeded_below(
				&seeded, seeded_below(&seeded, 2) ? 256 : 12);
		tcp_options_read(&options, exact, len);
		cr_assert_leq(options.sack_count, TCP_SACK_MAX);
		free(exact);
	}
}

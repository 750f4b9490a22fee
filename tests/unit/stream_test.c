/* stream_test.c - planted faults against a model that labels every byte. */
#include "channels/guest/stream.h"

#include <criterion/criterion.h>
#include <string.h>

#define KEY   0x12345678u
#define OTHER 0x12345679u
#define LONG  2048
#define ROOM  (4 * LONG)

/* What goes over the wire, and which position of which stream each byte is:
 * alien bytes carry ALIEN, garbage GARBAGE. */
struct tape {
	uint8_t bytes[ROOM];
	uint64_t label[ROOM];
	size_t len;
};

#define ALIEN   UINT64_MAX
#define GARBAGE (UINT64_MAX - 1)

static uint64_t rng_state = 1;

static uint32_t rng(uint32_t below)
{
	rng_state = rng_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(rng_state >> 33) % below;
}

static void put(struct tape *t, uint64_t from, uint64_t to)
{
	stream_fill(KEY, from, t->bytes + t->len, to - from);
	for (; from < to; from++)
		t->label[t->len++] = from;
}

static void put_alien(struct tape *t, uint64_t from, uint64_t to)
{
	stream_fill(OTHER, from, t->bytes + t->len, to - from);
	for (; from < to; from++)
		t->label[t->len++] = ALIEN;
}

static void put_garbage(struct tape *t, size_t n)
{
	while (n-- > 0) {
		t->bytes[t->len] = (uint8_t)rng(256);
		t->label[t->len++] = GARBAGE;
	}
}

static struct stream_counts model(const struct tape *t, uint64_t sent)
{
	static bool seen[ROOM];
	struct stream_counts e = {{0}};
	uint64_t high = 0;
	size_t i;

	memset(seen, 0, sizeof(seen));
	e.field[STREAM_SENT] = sent;
	for (i = 0; i < t->len; i++) {
		uint64_t p = t->label[i];

		if (p == ALIEN) {
			e.field[STREAM_CROSSED]++;
		} else if (p == GARBAGE) {
			e.field[STREAM_CORRUPT]++;
		} else if (seen[p]) {
			e.field[STREAM_DUPLICATED]++;
		} else {
			seen[p] = true;
			e.field[STREAM_CHECKED]++;
			if (p < high)
				e.field[STREAM_REORDERED]++;
			else
				high = p + 1;
		}
	}
	e.field[STREAM_LOST] = sent - e.field[STREAM_CHECKED];
	return e;
}

static void feed(struct stream_checker *c, const uint8_t *bytes, size_t len,
		 uint32_t piece_max, struct stream_report *report,
		 uint32_t *closes)
{
	while (len > 0) {
		size_t n = 1 + rng(piece_max);

		if (n > len)
			n = len;
		*closes += stream_check(c, bytes, n, report);
		bytes += n;
		len -= n;
	}
}

static struct stream_counts run(const struct tape *t, uint64_t sent,
				uint32_t piece_max, bool adopt)
{
	struct stream_checker c;
	uint8_t close[STREAM_RECORD_BYTES];
	uint32_t closes = 0;

	stream_checker_init(&c, adopt ? 0 : KEY);
	feed(&c, t->bytes, t->len, piece_max, NULL, &closes);
	stream_write_close(close, KEY, sent);
	feed(&c, close, sizeof(close), piece_max, NULL, &closes);
	cr_assert_eq(closes, 1);
	cr_assert(stream_checker_valid(&c));
	return c.counts;
}

static void expect(const struct tape *t, uint64_t sent, const char *what,
		   size_t a, size_t b)
{
	static const char *name[] = {"sent",       "checked",   "lost",
				     "duplicated", "reordered", "crossed",
				     "corrupt"};
	static const uint32_t piece[] = {1, 7, 64, ROOM};
	struct stream_counts e = model(t, sent);
	size_t i, f;

	for (i = 0; i < ARRAY_LEN(piece); i++) {
		struct stream_counts got = run(t, sent, piece[i], i == 3);

		for (f = 0; f < ARRAY_LEN(name); f++)
			cr_assert_eq(got.field[f], e.field[f],
				     "%s a=%zu b=%zu piece=%u: %s %lu, not %lu",
				     what, a, b, piece[i], name[f],
				     (unsigned long)got.field[f],
				     (unsigned long)e.field[f]);
	}
}

Test(stream, clean)
{
	struct tape t = {.len = 0};

	put(&t, 0, LONG);
	expect(&t, LONG, "clean", 0, 0);
	cr_assert_eq(run(&t, LONG, 5, false).field[STREAM_FAULT_AT], 0);
}

/* A loss of every length at every offset of a record, also at both ends. */
Test(stream, drop)
{
	static const uint64_t more[] = {100, 128, 160, 1000, 1024};
	uint64_t at, n;
	size_t i;

	for (at = 0; at < 48; at++) {
		for (n = 1; n < 64 + ARRAY_LEN(more); n++) {
			struct tape t = {.len = 0};
			uint64_t len = n < 64 ? n : more[n - 64];

			put(&t, 0, 320 + at);
			put(&t, 320 + at + len, LONG);
			expect(&t, LONG, "drop", at, len);
			cr_assert_geq(
				run(&t, LONG, 9, false).field[STREAM_FAULT_AT],
				320 + at + 1);
		}
	}
	for (i = 1; i < 100; i++) {
		struct tape t = {.len = 0};

		put(&t, i, LONG);
		expect(&t, LONG, "drop at the start", i, 0);
		t.len = 0;
		put(&t, 0, LONG - i);
		expect(&t, LONG, "drop at the end", i, 0);
	}
}

Test(stream, dup)
{
	uint64_t at, n;

	for (at = 0; at < 32; at++) {
		for (n = 1; n < 80; n++) {
			struct tape t = {.len = 0};

			put(&t, 0, 640 + at);
			put(&t, 640 + at - n, LONG);
			expect(&t, LONG, "dup", at, n);
		}
		/* An older range again, and then on where it was. */
		for (n = 31; n < 80; n++) {
			struct tape t = {.len = 0};

			put(&t, 0, 640 + at);
			put(&t, 200, 200 + n);
			put(&t, 640 + at, LONG);
			expect(&t, LONG, "again", at, n);
		}
	}
}

/* Two neighbours change places. */
Test(stream, swap)
{
	uint64_t at, a, b;

	for (at = 0; at < 18; at++) {
		for (a = 31; a < 70; a++) {
			for (b = 31; b < 70; b += 1 + a % 5) {
				struct tape t = {.len = 0};
				uint64_t p = 480 + at;

				put(&t, 0, p);
				put(&t, p + a, p + a + b);
				put(&t, p, p + a);
				put(&t, p + a + b, LONG);
				expect(&t, LONG, "swap", a, b);
			}
		}
	}
}

/* Where both streams have the same byte at a position, it is our own. */
static void expect_replaced(const struct tape *t, uint64_t n)
{
	struct stream_counts got = run(t, LONG, 11, false);

	cr_assert_eq(got.field[STREAM_CROSSED], got.field[STREAM_LOST]);
	cr_assert_eq(got.field[STREAM_CHECKED] + got.field[STREAM_LOST], LONG);
	cr_assert_leq(got.field[STREAM_LOST], n);
	cr_assert_geq(got.field[STREAM_LOST] + 20, n);
}

Test(stream, cross)
{
	uint64_t at, n, from;

	for (at = 0; at < 18; at++) {
		for (n = 31; n < 70; n++) {
			for (from = 0; from < 33; from += 4) {
				struct tape t = {.len = 0};
				uint64_t p = 480 + at;

				put(&t, 0, p);
				put_alien(&t, p + from, p + from + n);
				put(&t, p, LONG);
				expect(&t, LONG, "cross", at, n);
				/* In place of our own bytes. */
				t.len = 0;
				put(&t, 0, p);
				put_alien(&t, p, p + n);
				put(&t, p + n, LONG);
				expect_replaced(&t, n);
			}
		}
	}
}

/* Garbage is never taken for anything else but by the chance of a byte. */
Test(stream, garbage)
{
	uint64_t at, n;

	for (at = 0; at < 32; at++) {
		for (n = 1; n < 200; n += 3) {
			struct tape t = {.len = 0};
			struct stream_counts got;

			put(&t, 0, 320 + at);
			put_garbage(&t, n);
			put(&t, 320 + at, LONG);
			got = run(&t, LONG, 13, false);
			cr_assert_eq(got.field[STREAM_CHECKED], LONG);
			cr_assert_eq(got.field[STREAM_LOST], 0);
			cr_assert_eq(got.field[STREAM_CORRUPT] +
					     got.field[STREAM_DUPLICATED],
				     n);
		}
	}
}

Test(stream, flipped_bit)
{
	size_t at, bit;

	for (at = 64; at < 96; at++) {
		for (bit = 0; bit < 8; bit++) {
			struct tape t = {.len = 0};
			struct stream_counts got;

			put(&t, 0, LONG);
			t.bytes[at] ^= (uint8_t)(1u << bit);
			got = run(&t, LONG, 13, false);
			cr_assert_eq(got.field[STREAM_CHECKED], LONG - 1);
			cr_assert_eq(got.field[STREAM_LOST], 1);
			cr_assert_eq(got.field[STREAM_CORRUPT], 1);
			cr_assert_eq(got.field[STREAM_FAULT_AT], at + 1);
		}
	}
}

/* Several faults one behind the other, at random places. */
Test(stream, mixed)
{
	uint32_t round;

	for (round = 0; round < 4000; round++) {
		struct tape t = {.len = 0};
		uint64_t p = 0, n, m;
		int faults = 0;

		rng_state = round;
		while (p < LONG - 512) {
			put(&t, p, p + 64 + rng(64));
			p = t.label[t.len - 1] + 1;
			n = 31 + rng(60);
			m = 31 + rng(60);
			if (faults++ == 4)
				break;
			switch (rng(4)) {
			case 0:
				p += n;
				break;
			case 1:
				/* Within what came last: a repeat that fills a
				 * part of a gap can be read in two ways. */
				n = 31 + rng(20);
				m = rng(12);
				put(&t, p - n - m, p - m);
				break;
			case 2:
				put(&t, p + n, p + n + m);
				put(&t, p, p + n);
				p += n + m;
				break;
			default:
				put_alien(&t, m, m + n);
				break;
			}
		}
		put(&t, p, LONG);
		expect(&t, LONG, "mixed", round, 0);
	}
}

/* A checker that only ever sees noise stays valid and counts all of it. */
Test(stream, noise)
{
	struct stream_checker c;
	struct tape t = {.len = 0};
	uint32_t closes = 0;

	put_garbage(&t, ROOM);
	stream_checker_init(&c, 0);
	feed(&c, t.bytes, t.len, 50, NULL, &closes);
	cr_assert_eq(c.counts.field[STREAM_CHECKED], 0);
	cr_assert_eq(c.counts.field[STREAM_CORRUPT] + c.window_len, ROOM);
	cr_assert(stream_checker_valid(&c));
}

/* CLOSE and REPORT between any two bytes; the stream goes on behind them. */
Test(stream, exchange)
{
	size_t at;

	for (at = 0; at < 64; at++) {
		struct stream_counts told = {{1, 2, 3, 4, 5, 6, 7, 8}};
		struct stream_report report = {.have = 0};
		struct stream_checker c;
		uint8_t wire[1024];
		uint32_t closes = 0;
		size_t len = at;

		stream_fill(KEY, 0, wire, at);
		stream_write_close(wire + len, KEY, at);
		len += STREAM_RECORD_BYTES;
		stream_write_report(wire + len, KEY, &told);
		len += STREAM_REPORT_BYTES;
		stream_fill(KEY, at, wire + len, 100);
		len += 100;
		stream_write_close(wire + len, KEY, at + 100);
		len += STREAM_RECORD_BYTES;
		stream_checker_init(&c, KEY);
		feed(&c, wire, len, 1 + rng(40), &report, &closes);
		cr_assert_eq(closes, 2);
		cr_assert_eq(report.have, STREAM_REPORT_WHOLE);
		cr_assert_arr_eq(&report.counts, &told, sizeof(told));
		cr_assert_eq(stream_faults(&c.counts), 0);
		cr_assert_eq(c.counts.field[STREAM_CHECKED], at + 100);
		cr_assert_eq(c.counts.field[STREAM_SENT], at + 100);
	}
}

Test(stream, close_twice_is_a_duplicate)
{
	struct stream_checker c;
	uint8_t wire[32];

	stream_write_close(wire, KEY, 0);
	stream_write_close(wire + 16, KEY, 0);
	stream_checker_init(&c, KEY);
	cr_assert_eq(stream_check(&c, wire, 32, NULL), 2);
	cr_assert_eq(c.counts.field[STREAM_DUPLICATED], 16);
}

/* Its state may be copied away at any byte and go on elsewhere. */
Test(stream, moves)
{
	struct tape t = {.len = 0};
	size_t at;

	put(&t, 0, 400);
	put(&t, 500, 600);
	put_alien(&t, 0, 50);
	put(&t, 400, 500);
	put(&t, 560, LONG);
	for (at = 0; at < 900; at++) {
		struct stream_checker a, b;

		stream_checker_init(&a, KEY);
		stream_check(&a, t.bytes, at, NULL);
		b = a;
		cr_assert(stream_checker_valid(&b));
		memset(&a, 0xa5, sizeof(a));
		stream_check(&b, t.bytes + at, t.len - at, NULL);
		cr_assert_eq(b.counts.field[STREAM_LOST], 0);
		cr_assert_eq(b.counts.field[STREAM_REORDERED], 100);
		cr_assert_eq(b.counts.field[STREAM_DUPLICATED], 40);
		cr_assert_eq(b.counts.field[STREAM_CROSSED], 50);
	}
}

Test(stream, keys_differ)
{
	cr_assert_neq(stream_key("demo-1", 0), stream_key("demo-1", 1));
	cr_assert_neq(stream_key("demo-1", 0), stream_key("demo-2", 0));
	cr_assert_eq(stream_key("demo-1", 0), stream_key("demo-1", 0));
}

/* field_test.c - the codec of field tables: every kind, every way to fail. */
#include "core/field.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A struct with every kind, in an order that no padding could hide. */
struct item {
	uint8_t type;
	uint32_t number;
	struct span name;
};

struct pair {
	uint8_t type;
	uint8_t id;
};

struct all {
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	int16_t i16;
	int32_t i32;
	int64_t i64;
	uint8_t bytes[5];
	struct span blob8;
	struct span blob16;
	struct span blob32;
	struct span string;
	struct span list8;
	struct span list16;
	struct span list32;
	struct span tail;
};

struct ptrs {
	uint16_t port;
	struct span host;
	struct span subject;
	uint32_t version;
};

struct monitors {
	uint16_t count;
	struct span pairs;
};

static const struct field item_f[] = {
	FIELD(struct item, type, FIELD_U8, 0),
	FIELD(struct item, number, FIELD_U32, 1000),
	FIELD(struct item, name, FIELD_BLOB8, 20),
};
static const struct field_table item_table =
	FIELD_TABLE("item", struct item, item_f);

static const struct field pair_f[] = {
	FIELD(struct pair, type, FIELD_U8, 11),
	FIELD(struct pair, id, FIELD_U8, 0),
};
static const struct field_table pair_table =
	FIELD_TABLE("pair", struct pair, pair_f);

static const struct field all_f[] = {
	FIELD(struct all, u8, FIELD_U8, 200),
	FIELD(struct all, u16, FIELD_U16, 0),
	FIELD(struct all, u32, FIELD_U32, 0),
	FIELD(struct all, u64, FIELD_U64, 0),
	FIELD(struct all, i16, FIELD_I16, 100),
	FIELD(struct all, i32, FIELD_I32, 0),
	FIELD(struct all, i64, FIELD_I64, 0),
	FIELD(struct all, bytes, FIELD_BYTES, 5, .flags = FIELD_SECRET),
	FIELD(struct all, blob8, FIELD_BLOB8, 255),
	FIELD(struct all, blob16, FIELD_BLOB16, 300, .flags = FIELD_NONEMPTY),
	FIELD(struct all, blob32, FIELD_BLOB32, 300),
	FIELD(struct all, string, FIELD_BLOB32, 30, .flags = FIELD_NUL),
	FIELD(struct all, list8, FIELD_LIST8, 4, .elem = &pair_table),
	FIELD(struct all, list16, FIELD_LIST16, 4, .elem = &item_table),
	FIELD(struct all, list32, FIELD_LIST32, 4, .elem = &pair_table),
	FIELD(struct all, tail, FIELD_TAIL, 64),
};
static const struct field_table all_table =
	FIELD_TABLE("all", struct all, all_f);

/* The same without the tail: every truncation of it must be refused. */
static const struct field_table exact_table = {
	.name = "exact",
	.fields = all_f,
	.count = ARRAY_LEN(all_f) - 1,
	.version = 1,
	.struct_bytes = sizeof(struct all),
};

static const struct field ptrs_f[] = {
	FIELD(struct ptrs, port, FIELD_U16, 0),
	FIELD(struct ptrs, host, FIELD_PTRBLOB, 255,
	      .flags = FIELD_NUL | FIELD_NONEMPTY),
	FIELD(struct ptrs, subject, FIELD_PTRBLOB, 4),
	FIELD(struct ptrs, version, FIELD_U32, 0),
};
static const struct field_table ptrs_table =
	FIELD_TABLE("ptrs", struct ptrs, ptrs_f);

static const struct field monitors_f[] = {
	FIELD(struct monitors, count, FIELD_U16, 0),
	FIELD(struct monitors, pairs, FIELD_LIST_TAIL, 3, .elem = &pair_table,
	      .flags = FIELD_NONEMPTY),
};
static const struct field_table monitors_table =
	FIELD_TABLE("monitors", struct monitors, monitors_f);

static struct span span_of(const char *text)
{
	return (struct span){(const uint8_t *)text, (uint32_t)strlen(text)};
}

static bool span_is(struct span span, const char *text)
{
	return span.len == strlen(text) &&
	       memcmp(span.data, text, span.len) == 0;
}

/* Bytes in a block of their own length, so that ASan sees a read beyond. */
static int decode_exact(const struct field_table *table, void *to,
			const uint8_t *bytes, size_t len, size_t *extra)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	int error;

	if (len > 0)
		memcpy(copy, bytes, len);
	error = field_decode(table, to, len > 0 ? copy : NULL, len, extra);
	free(copy);
	return error;
}

static const uint8_t all_wire[] = {
	200,                                            /* u8 */
	0x02, 0x01,                                     /* u16 */
	0x04, 0x03, 0x02, 0x01,                         /* u32 */
	8,    7,    6,    5,    4,   3,   2, 1,         /* u64 */
	0x9c, 0xff,                                     /* i16 -100 */
	0xff, 0xff, 0xff, 0xff,                         /* i32 -1 */
	0,    0,    0,    0,    0,   0,   0, 0x80,      /* i64 the least */
	'B',  'Y',  'T',  'E',  'S',                    /* bytes */
	2,    'o',  'k',                                /* blob8 */
	1,    0,    'x',                                /* blob16 */
	0,    0,    0,    0,                            /* blob32 */
	3,    0,    0,    0,    'h', 'i', 0,            /* string */
	2,    1,    0,    11,   9,                      /* list8 */
	2,    0,    7,    232,  3,   0,   0, 1,    'n', /* list16: first item */
	8,    0,    0,    0,    0,   0,                 /* second item */
	0,    0,    0,    0,                            /* list32 */
	't',  'a',  'i',  'l',                          /* tail */
};

Test(field, tables_keep_the_rules)
{
	cr_assert(field_table_check(&item_table));
	cr_assert(field_table_check(&all_table));
	cr_assert(field_table_check(&exact_table));
	cr_assert(field_table_check(&ptrs_table));
	cr_assert(field_table_check(&monitors_table));
}

Test(field, decodes_every_kind)
{
	struct all all;
	struct pair pair;
	struct item item;

	cr_assert_eq(field_decode(&all_table, &all, all_wire, sizeof(all_wire),
				  NULL),
		     0);
	cr_assert_eq(all.u8, 200);
	cr_assert_eq(all.u16, 0x0102);
	cr_assert_eq(all.u32, 0x01020304);
	cr_assert_eq(all.u64, 0x0102030405060708);
	cr_assert_eq(all.i16, -100);
	cr_assert_eq(all.i32, -1);
	cr_assert_eq(all.i64, INT64_MIN);
	cr_assert_eq(memcmp(all.bytes, "BYTES", 5), 0);
	cr_assert(span_is(all.blob8, "ok"));
	cr_assert(span_is(all.blob16, "x"));
	cr_assert_eq(all.blob32.len, 0);
	cr_assert(span_is(all.string, "hi"));
	cr_assert(span_is(all.tail, "tail"));

	cr_assert_eq(field_list_count(&all_f[12], &all), 2);
	cr_assert_eq(field_list_get(&all_f[12], &all, 1, &pair), 0);
	cr_assert_eq(pair.type, 11);
	cr_assert_eq(pair.id, 9);
	cr_assert_eq(field_list_get(&all_f[12], &all, 2, &pair), -ERANGE);
	cr_assert_eq(field_list_count(&all_f[13], &all), 2);
	cr_assert_eq(field_list_get(&all_f[13], &all, 0, &item), 0);
	cr_assert_eq(item.number, 1000);
	cr_assert(span_is(item.name, "n"));
	cr_assert_eq(field_list_get(&all_f[13], &all, 1, &item), 0);
	cr_assert_eq(item.type, 8);
	cr_assert_eq(item.name.len, 0);
	cr_assert_eq(field_list_count(&all_f[14], &all), 0);
	cr_assert_eq(field_list_get(&all_f[14], &all, 0, &pair), -ERANGE);
}

Test(field, encodes_what_it_decoded)
{
	struct all all;
	uint8_t out[sizeof(all_wire)];

	cr_assert_eq(field_decode(&all_table, &all, all_wire, sizeof(all_wire),
				  NULL),
		     0);
	cr_assert_eq(field_encoded_len(&all_table, &all), sizeof(all_wire));
	cr_assert_eq(field_encode(&all_table, &all, out, sizeof(out)),
		     sizeof(out));
	cr_assert_eq(memcmp(out, all_wire, sizeof(out)), 0);
	for (size_t cap = 0; cap < sizeof(out); cap++) {
		uint8_t *room = malloc(cap > 0 ? cap : 1);

		cr_assert_eq(field_encode(&all_table, &all, room, cap),
			     -ENOBUFS);
		free(room);
	}
}

Test(field, refuses_every_truncation)
{
	struct all all;

	for (size_t len = 0; len < sizeof(all_wire) - 4; len++)
		cr_assert_eq(
			decode_exact(&exact_table, &all, all_wire, len, NULL),
			-EBADMSG, "%zu bytes", len);
}

Test(field, counts_bytes_behind_the_end)
{
	struct all all;
	size_t extra = 99;

	cr_assert_eq(field_decode(&exact_table, &all, all_wire,
				  sizeof(all_wire), NULL),
		     -EBADMSG);
	cr_assert_eq(field_decode(&exact_table, &all, all_wire,
				  sizeof(all_wire), &extra),
		     0);
	cr_assert_eq(extra, 4);
	cr_assert_eq(field_decode(&exact_table, &all, all_wire,
				  sizeof(all_wire) - 4, &extra),
		     0);
	cr_assert_eq(extra, 0);
}

/* One byte of the good message is changed, and that is refused. */
Test(field, refuses_broken_values)
{
	static const struct {
		const char *what;
		size_t at;
		uint8_t value;
	} cases[] = {
		{"u8 above its limit", 0, 201},
		{"i16 below its limit", 15, 0x9b},
		{"blob8 longer than the rest", 34, 255},
		{"blob16 empty", 37, 0},
		{"blob16 above its limit", 38, 2},
		{"blob32 longer than the rest", 43, 0x7f},
		{"string without NUL", 50, 'x'},
		{"string with a NUL inside", 49, 0},
		{"list8 above its count", 51, 5},
		{"list8 element above its limit", 54, 12},
		{"list16 above its count", 56, 5},
		{"list16 element above its limit", 59, 233},
		{"list16 name longer than the rest", 63, 21},
		{"list32 longer than the rest", 71, 1},
		{"list32 absurd", 74, 0xff},
	};
	struct all all;
	uint8_t wire[sizeof(all_wire) - 4];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		memcpy(wire, all_wire, sizeof(wire));
		cr_assert_neq(wire[cases[i].at], cases[i].value);
		wire[cases[i].at] = cases[i].value;
		cr_expect_eq(decode_exact(&exact_table, &all, wire,
					  sizeof(wire), NULL),
			     -EBADMSG, "%s", cases[i].what);
	}
}

Test(field, refuses_to_encode_what_it_would_not_decode)
{
	static const uint8_t big[301];
	static const uint8_t half_pair[] = {1, 2, 3};
	static const uint8_t bad_pair[] = {12, 0};
	static const uint8_t five_pairs[10];
	struct all good = {.blob16 = span_of("x")};
	struct all bad;

	cr_assert_gt(field_encoded_len(&all_table, &good), 0);
#define REFUSED(member, ...)                                               \
	do {                                                               \
		bad = good;                                                \
		bad.member = __VA_ARGS__;                                  \
		cr_expect_eq(field_encoded_len(&all_table, &bad), -EINVAL, \
			     #member " = " #__VA_ARGS__);                  \
	} while (0)
	REFUSED(u8, 201);
	REFUSED(i16, 101);
	REFUSED(i16, -101);
	REFUSED(i16, INT16_MIN);
	REFUSED(blob8, (struct span){big, 256});
	REFUSED(blob8, (struct span){NULL, 1});
	REFUSED(blob16, (struct span){big, 0});
	REFUSED(blob16, (struct span){big, 301});
	REFUSED(string, (struct span){(const uint8_t *)"a\0b", 3});
	REFUSED(string, (struct span){big, 31});
	REFUSED(list8, (struct span){half_pair, 3});
	REFUSED(list8, (struct span){bad_pair, 2});
	REFUSED(list8, (struct span){five_pairs, 10});
	REFUSED(list8, (struct span){NULL, 2});
	REFUSED(tail, (struct span){big, 65});
#undef REFUSED
}

/* As recorded from a real server: port, host pointer, no subject, version. */
static const uint8_t ptrs_wire[] = {
	0x2c, 0x17, 10, 0, 0, 0, 22,  0,   0,   0,   0,   0,   0,   0,   0,   0,
	0,    0,    1,  0, 0, 0, '1', '2', '7', '.', '0', '.', '0', '.', '1', 0,
};

Test(field, follows_pointers)
{
	struct ptrs ptrs = {
		.port = 5932, .host = span_of("127.0.0.1"), .version = 1};
	uint8_t out[64];

	cr_assert_eq(field_encode(&ptrs_table, &ptrs, out, sizeof(out)),
		     sizeof(ptrs_wire));
	cr_assert_eq(memcmp(out, ptrs_wire, sizeof(ptrs_wire)), 0);
	cr_assert_eq(field_decode(&ptrs_table, &ptrs, ptrs_wire,
				  sizeof(ptrs_wire), NULL),
		     0);
	cr_assert(span_is(ptrs.host, "127.0.0.1"));
	cr_assert_eq(ptrs.version, 1);

	ptrs.subject = span_of("sub");
	cr_assert_eq(field_encode(&ptrs_table, &ptrs, out, sizeof(out)),
		     sizeof(ptrs_wire) + 3);
	cr_assert_eq(out[14], sizeof(ptrs_wire));
	for (size_t len = 0; len < sizeof(ptrs_wire) + 3; len++)
		cr_assert_eq(decode_exact(&ptrs_table, &ptrs, out, len, NULL),
			     -EBADMSG, "%zu bytes", len);
	ptrs.host = span_of("");
	cr_assert_eq(field_encode(&ptrs_table, &ptrs, out, sizeof(out)),
		     -EINVAL);
}

Test(field, refuses_wild_pointers)
{
	static const struct {
		const char *what;
		uint32_t len;
		uint32_t offset;
	} cases[] = {
		{"null", 10, 0},
		{"a pointer to nothing", 0, 22},
		{"into the fields", 10, 21},
		{"at the start", 10, 1},
		{"one byte too long", 11, 22},
		{"one byte too far", 10, 23},
		{"far outside", 10, 0xffffffff},
		{"so long that the sum wraps", 0xffffffff, 22},
		{"only its NUL", 1, 31},
		{"NUL not last", 9, 22},
		{"leaves bytes that nothing names", 0, 0},
	};
	struct ptrs ptrs;
	uint8_t wire[sizeof(ptrs_wire)];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		memcpy(wire, ptrs_wire, sizeof(wire));
		for (unsigned b = 0; b < 4; b++) {
			wire[2 + b] = (uint8_t)(cases[i].len >> (8 * b));
			wire[6 + b] = (uint8_t)(cases[i].offset >> (8 * b));
		}
		cr_expect_eq(decode_exact(&ptrs_table, &ptrs, wire,
					  sizeof(wire), NULL),
			     -EBADMSG, "%s", cases[i].what);
	}
}

/* The subject is no string and may be absent: its place is all there is. */
Test(field, refuses_pointers_out_of_place)
{
	static const struct {
		uint8_t len;
		uint8_t offset;
		int expected;
	} cases[] = {
		{0, 0, 0},         {1, 31, 0},       {1, 22, 0},
		{1, 21, -EBADMSG}, {1, 5, -EBADMSG}, {0, 22, -EBADMSG},
		{1, 32, -EBADMSG}, {1, 0, -EBADMSG}, {5, 22, -EBADMSG},
	};
	struct ptrs ptrs;
	uint8_t wire[sizeof(ptrs_wire)];

	memcpy(wire, ptrs_wire, sizeof(wire));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		wire[10] = cases[i].len;
		wire[14] = cases[i].offset;
		cr_expect_eq(decode_exact(&ptrs_table, &ptrs, wire,
					  sizeof(wire), NULL),
			     cases[i].expected, "%u at %u", cases[i].len,
			     cases[i].offset);
	}
}

Test(field, reads_a_list_to_the_end)
{
	static const uint8_t wire[] = {2, 0, 1, 0, 2, 0, 3, 0, 4, 0};
	struct monitors monitors;
	struct pair pair;

	cr_assert_eq(decode_exact(&monitors_table, &monitors, wire, 8, NULL),
		     0);
	cr_assert_eq(field_decode(&monitors_table, &monitors, wire, 8, NULL),
		     0);
	cr_assert_eq(field_list_count(&monitors_f[1], &monitors), 3);
	cr_assert_eq(field_list_get(&monitors_f[1], &monitors, 2, &pair), 0);
	cr_assert_eq(pair.type, 3);
	/* Half an element, an element too many, none at all. */
	cr_assert_eq(decode_exact(&monitors_table, &monitors, wire, 7, NULL),
		     -EBADMSG);
	cr_assert_eq(decode_exact(&monitors_table, &monitors, wire, 10, NULL),
		     -EBADMSG);
	cr_assert_eq(decode_exact(&monitors_table, &monitors, wire, 2, NULL),
		     -EBADMSG);
}

Test(field, takes_no_bytes_as_null)
{
	static const struct field tail_f[] = {
		FIELD(struct all, tail, FIELD_TAIL, 4),
	};
	static const struct field_table tail_table =
		FIELD_TABLE("tail", struct all, tail_f);
	static const struct field_table empty_table = {
		.name = "empty", .fields = NULL, .struct_bytes = 0};
	struct all all;

	cr_assert_eq(field_decode(&tail_table, &all, NULL, 0, NULL), 0);
	cr_assert_eq(all.tail.len, 0);
	cr_assert_eq(field_decode(&empty_table, &all, NULL, 0, NULL), 0);
	cr_assert_eq(field_decode(&empty_table, &all, all_wire, 1, NULL),
		     -EBADMSG);
	cr_assert_eq(field_encoded_len(&empty_table, &all), 0);
}

Test(field, codes_one_field_alone)
{
	struct all all = {.u8 = 7, .u32 = 9};
	uint8_t out[8];

	cr_assert_eq(field_encode_one(&all_f[2], &all, out, sizeof(out)), 4);
	out[0] = 10;
	cr_assert_eq(field_decode_one(&all_f[2], &all, out, 4), 0);
	cr_assert_eq(all.u32, 10);
	cr_assert_eq(all.u8, 7, "other members stay");
	cr_assert_eq(field_decode_one(&all_f[2], &all, out, 5), -EBADMSG);
	cr_assert_eq(field_decode_one(&all_f[2], &all, out, 3), -EBADMSG);
	cr_assert_not(field_is_zero(&all_f[0], &all));
	cr_assert(field_is_zero(&all_f[1], &all));
	cr_assert(field_is_zero(&all_f[7], &all));
	all.bytes[4] = 1;
	cr_assert_not(field_is_zero(&all_f[7], &all));
	cr_assert(field_is_zero(&all_f[15], &all));
}

Test(field, prints_for_a_person)
{
	struct all all;
	char text[512];
	char small[10];

	cr_assert_eq(field_decode(&all_table, &all, all_wire, sizeof(all_wire),
				  NULL),
		     0);
	field_print(&all_table, &all, text, sizeof(text));
	cr_assert_str_eq(
		text,
		"u8=200 u16=258 u32=16909060 u64=72623859790382856 i16=-100 "
		"i32=-1 i64=-9223372036854775808 bytes=*** blob8=\"ok\" "
		"blob16=\"x\" blob32=(0 bytes) string=\"hi\" "
		"list8=2[{type=1 id=0}{type=11 id=9}] "
		"list16=2[{type=7 number=1000 name=\"n\"}"
		"{type=8 number=0 name=(0 bytes)}] list32=0[] tail=\"tail\"");
	field_print(&all_table, &all, small, sizeof(small));
	cr_assert_str_eq(small, "u8=200 u1");
	field_print(&all_table, &all, small, 1);
	cr_assert_str_eq(small, "");
	field_print(&all_table, &all, NULL, 0);
}

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

Test(field, random_structs_survive_the_wire)
{
	static const struct field_table *const tables[] = {
		&exact_table, &all_table, &ptrs_table, &monitors_table};
	uint64_t seed = 1;
	bool full_list_seen = false;

	for (unsigned round = 0; round < 4000; round++) {
		const struct field_table *table = tables[round % 4];
		uint64_t first[64];
		uint64_t second[64];
		uint8_t tape[600];
		uint8_t scratch[2048];
		uint8_t wire[4096];
		uint8_t again[4096];
		size_t extra;
		int64_t len;

		for (size_t i = 0; i < sizeof(tape); i++)
			tape[i] = (uint8_t)next_random(&seed);
		field_random(table, first, tape, next_random(&seed) % 600,
			     scratch, sizeof(scratch));
		len = field_encode(table, first, wire, sizeof(wire));
		cr_assert_gt(len, 0, "round %u", round);
		cr_assert_eq(field_encoded_len(table, first), len);
		cr_assert_eq(
			field_decode(table, second, wire, (size_t)len, &extra),
			0, "round %u", round);
		cr_assert_eq(extra, 0);
		cr_assert_eq(field_encode(table, second, again, sizeof(again)),
			     len);
		cr_assert_eq(memcmp(wire, again, (size_t)len), 0);
		if (table == &exact_table)
			full_list_seen |=
				field_list_count(&all_f[13], second) == 4;
		if (table == &all_table || table == &monitors_table)
			continue;
		len = (int64_t)(next_random(&seed) % (uint64_t)len);
		cr_assert_eq(
			decode_exact(table, second, wire, (size_t)len, NULL),
			-EBADMSG, "round %u cut at %d", round, (int)len);
	}
	cr_assert(full_list_seen, "the tape reaches the limits");
}

Test(field, hostile_bytes_never_reach_outside)
{
	static const struct field_table *const tables[] = {
		&exact_table, &all_table, &ptrs_table, &monitors_table};
	uint64_t seed = 2;
	uint64_t to[64];
	char text[300];

	for (unsigned round = 0; round < 20000; round++) {
		size_t len = next_random(&seed) % 100;
		uint8_t *bytes = malloc(len > 0 ? len : 1);

		for (size_t i = 0; i < len; i++) {
			uint64_t r = next_random(&seed);

			bytes[i] = r & 64 ? (uint8_t)(r & 3) : (uint8_t)r;
		}
		if (field_decode(tables[round % 4], to, bytes, len, NULL) == 0)
			field_print(tables[round % 4], to, text, sizeof(text));
		free(bytes);
	}
}

Test(field, table_rules_are_checked)
{
	static const struct field_table nested = {.name = "nested",
						  .fields = monitors_f,
						  .count = 2,
						  .struct_bytes = 64};
	static const struct {
		const char *what;
		struct field field[2];
		unsigned count;
	} cases[] = {
		{"no limit", {FIELD(struct all, tail, FIELD_TAIL, 0)}, 1},
		{"a prefix that cannot say the limit",
		 {FIELD(struct all, blob8, FIELD_BLOB8, 256)},
		 1},
		{"a NUL that the prefix cannot count",
		 {FIELD(struct all, blob8, FIELD_BLOB8, 255,
			.flags = FIELD_NUL)},
		 1},
		{"a tail in the middle",
		 {FIELD(struct all, tail, FIELD_TAIL, 9),
		  FIELD(struct all, u8, FIELD_U8, 0)},
		 2},
		{"a tail beside a pointer",
		 {FIELD(struct all, blob8, FIELD_PTRBLOB, 9),
		  FIELD(struct all, tail, FIELD_TAIL, 9)},
		 2},
		{"a list of nothing",
		 {FIELD(struct all, list8, FIELD_LIST8, 9)},
		 1},
		{"a list of lists",
		 {FIELD(struct all, list8, FIELD_LIST8, 9, .elem = &nested)},
		 1},
		{"an element of an integer",
		 {FIELD(struct all, u8, FIELD_U8, 9, .elem = &pair_table)},
		 1},
		{"one tag twice",
		 {FIELD(struct all, u8, FIELD_U8, 0, .tag = 3),
		  FIELD(struct all, u16, FIELD_U16, 0, .tag = 3)},
		 2},
		{"outside the struct",
		 {{.name = "x",
		   .offset = sizeof(struct all) - 1,
		   .kind = FIELD_U16}},
		 1},
		{"no kind", {{.name = "x", .kind = 200}}, 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct field_table table = {
			.name = "bad",
			.fields = cases[i].field,
			.count = (uint16_t)cases[i].count,
			.struct_bytes = sizeof(struct all),
		};

		cr_expect_not(field_table_check(&table), "%s", cases[i].what);
	}
}

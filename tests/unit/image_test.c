/* image_test.c - both encodings of a state, other versions of its table, and
 * bytes that are no image. */
#include "core/image.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct chan {
	uint8_t type;
	uint8_t id;
	uint64_t serial;
	struct span pending;
};

struct state {
	uint32_t session;
	uint16_t modifiers;
	uint32_t motion;
	struct span name;
	struct span channels;
	uint8_t key[4];
};

/* What a later release might have: a field more, in the middle. */
struct state_v2 {
	uint32_t session;
	uint16_t modifiers;
	uint64_t started_ns;
	uint32_t motion;
	struct span name;
	struct span channels;
	uint8_t key[4];
};

static const struct field chan_f[] = {
	FIELD(struct chan, type, FIELD_U8, 11),
	FIELD(struct chan, id, FIELD_U8, 0),
	FIELD(struct chan, serial, FIELD_U64, 0),
	FIELD(struct chan, pending, FIELD_BLOB32, 100),
};
static const struct field_table chan_table =
	FIELD_TABLE("chan", struct chan, chan_f);

#define STATE_FIELDS(type)                            \
	FIELD(type, session, FIELD_U32, 0, .tag = 1), \
		FIELD(type, modifiers, FIELD_U16, 7, .tag = 2)
#define STATE_REST(type)                                                      \
	FIELD(type, motion, FIELD_U32, 0, .tag = 3, .flags = FIELD_OPTIONAL), \
		FIELD(type, name, FIELD_BLOB8, 31, .tag = 4,                  \
		      .flags = FIELD_NUL | FIELD_OPTIONAL),                   \
		FIELD(type, channels, FIELD_LIST8, 10, .tag = 5,              \
		      .elem = &chan_table),                                   \
		FIELD(type, key, FIELD_BYTES, 4, .tag = 6,                    \
		      .flags = FIELD_OPTIONAL)

/* clang-format off */
static const struct field state_f[] = {
	STATE_FIELDS(struct state),
	STATE_REST(struct state),
};
static const struct field state_v2_f[] = {
	STATE_FIELDS(struct state_v2),
	FIELD(struct state_v2, started_ns, FIELD_U64, 0, .tag = 7,
	      .flags = FIELD_OPTIONAL),
	STATE_REST(struct state_v2),
};
/* clang-format on */

static const struct field_table state_table =
	FIELD_TABLE("state", struct state, state_f);
static const struct field_table state_v2_table = {
	.name = "state",
	.fields = state_v2_f,
	.count = ARRAY_LEN(state_v2_f),
	.version = 2,
	.struct_bytes = sizeof(struct state_v2),
};

/* Two encoded channels, the second with pending bytes. */
static const uint8_t two_channels[] = {
	1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,   0,   2,   1,
	6, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 'a', 'b', 'c',
};

static const struct state sample = {
	.session = 0x11223344,
	.modifiers = 4,
	.motion = 3,
	.name = {(const uint8_t *)"demo-1", 6},
	.channels = {two_channels, sizeof(two_channels)},
	.key = {9, 8, 7, 6},
};

static void expect_sample(const struct state *state)
{
	struct chan chan;

	cr_expect_eq(state->session, sample.session);
	cr_expect_eq(state->modifiers, sample.modifiers);
	cr_expect_eq(state->motion, sample.motion);
	cr_expect_eq(state->name.len, 6);
	cr_expect_eq(memcmp(state->name.data, "demo-1", 6), 0);
	cr_expect_eq(memcmp(state->key, sample.key, 4), 0);
	cr_expect_eq(field_list_count(&state_f[4], state), 2);
	cr_assert_eq(field_list_get(&state_f[4], state, 1, &chan), 0);
	cr_expect_eq(chan.serial, 6);
	cr_expect_eq(chan.pending.len, 3);
}

static size_t encode(enum image_encoding encoding, uint8_t *to, size_t cap)
{
	int64_t len = image_encode(&state_table, IMAGE_SESSION, encoding,
				   &sample, to, cap);

	cr_assert_gt(len, IMAGE_HEADER_BYTES);
	return (size_t)len;
}

Test(image, tables_keep_the_rules)
{
	cr_assert(field_table_check(&state_table));
	cr_assert(field_table_check(&state_v2_table));
}

Test(image, both_encodings_return_the_state)
{
	for (int e = IMAGE_NATIVE; e <= IMAGE_PORTABLE; e++) {
		struct state state;
		uint8_t bytes[300];
		size_t len =
			encode((enum image_encoding)e, bytes, sizeof(bytes));

		cr_assert_eq(image_peek_kind(bytes, len), IMAGE_SESSION);
		cr_assert_eq(image_decode(&state_table, IMAGE_SESSION, &state,
					  bytes, len),
			     0);
		expect_sample(&state);
	}
}

/* The portable form is a promise to other releases: it is spelt out here. */
Test(image, portable_form_is_as_released)
{
	static const uint8_t body[] = {
		1,   0,   4, 0, 0, 0,  0x44, 0x33, 0x22, 0x11, 2,   0,   2,
		0,   0,   0, 4, 0, 3,  0,    4,    0,    0,    0,   3,   0,
		0,   0,   4, 0, 8, 0,  0,    0,    7,    'd',  'e', 'm', 'o',
		'-', '1', 0, 5, 0, 32, 0,    0,    0,    2,
	};
	uint8_t bytes[300];
	size_t len = encode(IMAGE_PORTABLE, bytes, sizeof(bytes));

	cr_assert_eq(len, IMAGE_HEADER_BYTES + sizeof(body) + 31 + 10);
	cr_assert_eq(memcmp(bytes, "FMIM\2\2\1\0", 8), 0);
	cr_assert_eq(memcmp(bytes + IMAGE_HEADER_BYTES, body, sizeof(body)), 0);
}

Test(image, room_too_small_is_refused)
{
	for (int e = IMAGE_NATIVE; e <= IMAGE_PORTABLE; e++) {
		uint8_t bytes[300];
		size_t len =
			encode((enum image_encoding)e, bytes, sizeof(bytes));

		for (size_t cap = 0; cap < len; cap++) {
			uint8_t *room = malloc(cap > 0 ? cap : 1);

			cr_assert_eq(image_encode(&state_table, IMAGE_SESSION,
						  (enum image_encoding)e,
						  &sample, room, cap),
				     -ENOBUFS);
			free(room);
		}
	}
}

Test(image, every_kind_and_no_other_is_told)
{
	uint8_t bytes[300];
	size_t len = encode(IMAGE_PORTABLE, bytes, sizeof(bytes));

	for (int kind = 0; kind < 256; kind++) {
		bytes[5] = (uint8_t)kind;
		cr_expect_eq(image_peek_kind(bytes, len),
			     kind >= IMAGE_GUEST && kind <= IMAGE_KIND_MAX
				     ? kind
				     : -EBADMSG);
	}
}

Test(image, values_out_of_limits_are_refused)
{
	struct state bad = sample;
	uint8_t bytes[300];

	bad.modifiers = 8;
	for (int e = IMAGE_NATIVE; e <= IMAGE_PORTABLE; e++)
		cr_assert_eq(image_encode(&state_table, IMAGE_SESSION,
					  (enum image_encoding)e, &bad, bytes,
					  sizeof(bytes)),
			     -EINVAL);
}

Test(image, every_spoilt_bit_is_refused)
{
	for (int e = IMAGE_NATIVE; e <= IMAGE_PORTABLE; e++) {
		struct state state;
		uint8_t bytes[300];
		size_t len =
			encode((enum image_encoding)e, bytes, sizeof(bytes));

		for (size_t bit = 0; bit < len * 8; bit++) {
			size_t at = bit / 8;

			/* The version is for a person; readers skip it. */
			if (at == 6 || at == 7)
				continue;
			bytes[at] ^= (uint8_t)(1u << (bit % 8));
			cr_assert_lt(image_decode(&state_table, IMAGE_SESSION,
						  &state, bytes, len),
				     0, "encoding %d bit %zu", e, bit);
			bytes[at] ^= (uint8_t)(1u << (bit % 8));
		}
		for (size_t cut = 0; cut < len; cut++) {
			uint8_t *copy = malloc(cut > 0 ? cut : 1);

			memcpy(copy, bytes, cut);
			cr_assert_eq(image_decode(&state_table, IMAGE_SESSION,
						  &state, copy, cut),
				     -EBADMSG);
			free(copy);
		}
		cr_assert_eq(image_decode(&state_table, IMAGE_CHANNEL, &state,
					  bytes, len),
			     -EBADMSG, "another kind");
	}
}

Test(image, native_is_for_one_build_only)
{
	struct state_v2 newer;
	uint8_t bytes[300];
	size_t len = encode(IMAGE_NATIVE, bytes, sizeof(bytes));

	cr_assert_eq(image_decode(&state_v2_table, IMAGE_SESSION, &newer, bytes,
				  len),
		     -EPROTONOSUPPORT);
}

Test(image, portable_crosses_versions)
{
	struct state_v2 newer;
	struct state older;
	uint8_t bytes[300];
	uint8_t newer_bytes[300];
	size_t len = encode(IMAGE_PORTABLE, bytes, sizeof(bytes));
	int64_t newer_len;

	memset(&newer, 0xff, sizeof(newer));
	cr_assert_eq(image_decode(&state_v2_table, IMAGE_SESSION, &newer, bytes,
				  len),
		     0);
	cr_assert_eq(newer.started_ns, 0, "absent means zero");
	cr_assert_eq(newer.motion, 3);

	newer.started_ns = 77;
	newer_len = image_encode(&state_v2_table, IMAGE_SESSION, IMAGE_PORTABLE,
				 &newer, newer_bytes, sizeof(newer_bytes));
	cr_assert_gt(newer_len, 0);
	cr_assert_eq(image_decode(&state_table, IMAGE_SESSION, &older,
				  newer_bytes, (size_t)newer_len),
		     0, "an unknown tag is skipped");
	expect_sample(&older);
}

struct body {
	uint8_t bytes[200];
	size_t len;
};

static void add_le(struct body *body, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		body->bytes[body->len++] = (uint8_t)(value >> (8 * i));
}

/* Decodes a portable session image with this body and a right hash. */
static int decode_body(const struct body *body, struct state *state)
{
	struct body image = {.len = 0};

	add_le(&image, 0x4d494d46, 4);
	add_le(&image, IMAGE_PORTABLE, 1);
	add_le(&image, IMAGE_SESSION, 1);
	add_le(&image, 1, 2);
	add_le(&image, body->len, 4);
	add_le(&image, XXH3_64bits(body->bytes, body->len), 8);
	memcpy(image.bytes + image.len, body->bytes, body->len);
	return image_decode(&state_table, IMAGE_SESSION, state, image.bytes,
			    image.len + body->len);
}

Test(image, portable_bodies_are_checked)
{
	static const struct {
		const char *what;
		const char *tags; /* 1, 2 and 5 are mandatory */
		int expected;
	} cases[] = {
		{"all there", "125", 0},
		{"another order", "521", 0},
		{"with an unknown one", "1925", 0},
		{"an unknown one twice", "91259", 0},
		{"an optional one", "1253", 0},
		{"a mandatory one missing", "15", -EBADMSG},
		{"nothing", "", -EBADMSG},
		{"twice the same", "1251", -EBADMSG},
		{"an optional one twice", "33125", -EBADMSG},
	};
	struct state state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct body body = {.len = 0};

		for (const char *t = cases[i].tags; *t; t++) {
			unsigned len = *t == '2' ? 2 : *t == '5' ? 1 : 4;

			add_le(&body, (uint64_t)(*t - '0'), 2);
			add_le(&body, len, 4);
			add_le(&body, 0, len);
		}
		cr_expect_eq(decode_body(&body, &state), cases[i].expected,
			     "%s", cases[i].what);
	}
}

Test(image, portable_lengths_are_checked)
{
	static const struct {
		const char *what;
		uint8_t tag;
		uint32_t len;
		unsigned put; /* bytes really there */
	} cases[] = {
		{"longer than the integer", 1, 5, 5},
		{"shorter than the integer", 1, 3, 3},
		{"unknown, to beyond the end", 9, 5, 4},
		{"known, to beyond the end", 1, 4, 3},
		{"so long that the sum wraps", 9, 0xffffffff, 4},
		{"a list with a byte too many", 5, 2, 2},
	};
	struct state state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct body body = {.len = 0};

		for (uint8_t tag = 1; tag <= 5; tag++) {
			unsigned len = tag == 2 ? 2 : tag == 5 ? 1 : 4;

			if (tag == cases[i].tag || tag == 3 || tag == 4)
				continue;
			add_le(&body, tag, 2);
			add_le(&body, len, 4);
			add_le(&body, 0, len);
		}
		add_le(&body, cases[i].tag, 2);
		add_le(&body, cases[i].len, 4);
		add_le(&body, 0, cases[i].put);
		cr_expect_eq(decode_body(&body, &state), -EBADMSG, "%s",
			     cases[i].what);
	}
}

Test(image, half_a_tag_is_refused)
{
	struct state state;

	for (unsigned cut = 0; cut < 6; cut++) {
		struct body body = {.len = 0};

		for (unsigned tag = 1; tag <= 5; tag++) {
			unsigned len = tag == 2 ? 2 : tag == 5 ? 1 : 4;

			if (tag == 3 || tag == 4)
				continue;
			add_le(&body, tag, 2);
			add_le(&body, len, 4);
			add_le(&body, 0, len);
		}
		add_le(&body, 9, cut);
		cr_expect_eq(decode_body(&body, &state), cut ? -EBADMSG : 0,
			     "%u bytes", cut);
	}
}

Test(image, random_states_survive)
{
	uint64_t seed = 3;

	for (unsigned round = 0; round < 2000; round++) {
		enum image_encoding encoding =
			round & 1 ? IMAGE_NATIVE : IMAGE_PORTABLE;
		struct state first;
		struct state second;
		uint8_t tape[200];
		uint8_t scratch[1024];
		uint8_t bytes[2048];
		uint8_t again[2048];
		int64_t len;

		for (size_t i = 0; i < sizeof(tape); i++) {
			seed = seed * 6364136223846793005u + 1;
			tape[i] = (uint8_t)(seed >> 40);
		}
		field_random(&state_table, &first, tape, sizeof(tape), scratch,
			     sizeof(scratch));
		len = image_encode(&state_table, IMAGE_SESSION, encoding,
				   &first, bytes, sizeof(bytes));
		cr_assert_gt(len, 0);
		cr_assert_eq(image_decode(&state_table, IMAGE_SESSION, &second,
					  bytes, (size_t)len),
			     0);
		cr_assert_eq(image_encode(&state_table, IMAGE_SESSION, encoding,
					  &second, again, sizeof(again)),
			     len);
		cr_assert_eq(memcmp(bytes, again, (size_t)len), 0);
	}
}

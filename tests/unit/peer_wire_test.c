/* peer_wire_test.c - the frames between peers, there and back, and the bytes
 * that are none. */
#include "core/peer_wire.h"
#include "core/peer.h"
#include "tests/unit/seeded.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define ROUNDS     200
#define TAPE_BYTES 2048

/* Payloads, as peer.c keeps them. */
union payload {
	struct peer_hello hello;
	struct peer_offer offer;
	struct peer_answer answer;
	struct peer_region region;
	struct peer_image image;
	uint8_t room[512];
};

static const uint16_t empty[] = {
	PEER_REGION_READY, PEER_LINKED,   PEER_STREAMED, PEER_COMMIT,
	PEER_COMMITTED,    PEER_SWITCHED, PEER_NACK,     PEER_RESOLVE,
};

static bool is_empty(uint16_t type)
{
	for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
		if (empty[i] == type)
			return true;
	}
	return false;
}

Test(peer_wire, every_type_has_a_name_and_its_own)
{
	for (uint16_t a = 1; a < PEER_TYPE_END; a++) {
		cr_expect(peer_type_known(a));
		cr_assert(peer_type_name(a), "type %u", a);
		cr_expect_str_neq(peer_type_name(a), "unknown");
		cr_expect_eq(peer_table(a) == NULL, is_empty(a), "%s",
			     peer_type_name(a));
		for (uint16_t b = (uint16_t)(a + 1); b < PEER_TYPE_END; b++)
			cr_expect_str_neq(peer_type_name(a), peer_type_name(b));
	}
}

Test(peer_wire, unknown_types_are_unknown)
{
	static const uint16_t unknown[] = {0, PEER_TYPE_END, PEER_TYPE_END + 1,
					   0x100 + PEER_HELLO, UINT16_MAX};

	for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
		cr_expect_not(peer_type_known(unknown[i]));
		cr_expect_null(peer_table(unknown[i]));
		cr_expect_str_eq(peer_type_name(unknown[i]), "unknown");
	}
}

Test(peer_wire, tables_keep_the_rules)
{
	for (uint16_t type = 1; type < PEER_TYPE_END; type++) {
		const struct field_table *table = peer_table(type);

		if (!table)
			continue;
		cr_expect(field_table_check(table), "%s", table->name);
		cr_expect_leq(table->struct_bytes, sizeof(union payload));
	}
}

static void there_and_back(uint16_t type, struct seeded *seeded)
{
	const struct field_table *table = peer_table(type);
	uint8_t tape[TAPE_BYTES], scratch[1024];
	uint8_t bytes[4096], again[4096];
	union payload from, to;
	int64_t len;

	for (size_t i = 0; i < sizeof(tape); i++)
		tape[i] = (uint8_t)seeded_word(seeded);
	field_random(table, &from, tape, sizeof(tape), scratch,
		     sizeof(scratch));
	len = field_encode(table, &from, bytes, sizeof(bytes));
	cr_assert_gt(len, 0, "%s", table->name);
	cr_assert_eq(field_encoded_len(table, &from), len);
	cr_assert_eq(field_decode(table, &to, bytes, (size_t)len, NULL), 0,
		     "%s", table->name);
	cr_assert_eq(field_encode(table, &to, again, sizeof(again)), len);
	cr_assert_arr_eq(bytes, again, (size_t)len, "%s", table->name);
	/* A byte more or less is no such frame; an image is any bytes. */
	if (type == PEER_IMAGE)
		return;
	cr_assert_neq(field_decode(table, &to, bytes, (size_t)len - 1, NULL), 0,
		      "%s", table->name);
	cr_assert_neq(field_decode(table, &to, bytes, (size_t)len + 1, NULL), 0,
		      "%s", table->name);
}

Test(peer_wire, every_frame_there_and_back)
{
	struct seeded seeded = {42};

	for (uint32_t round = 0; round < ROUNDS; round++) {
		for (uint16_t type = 1; type < PEER_TYPE_END; type++) {
			if (peer_table(type))
				there_and_back(type, &seeded);
		}
	}
}

Test(peer_wire, values_over_the_limits_are_refused)
{
	static uint8_t long_bytes[PEER_FRAME_BYTES_MAX + 1];
	static const union payload bad[] = {
		{.hello = {.node = 1024}},
		{.hello = {.shards = 65}},
		{.offer = {.mode = MODE_SWITCH_HOST + 1}},
		{.offer = {.image = {long_bytes, PEER_OFFER_IMAGE_MAX + 1}}},
		{.answer = {.host = {NULL, 0}}},
		{.answer = {.host = {long_bytes, 256}}},
		{.image = {{NULL, 0}}},
		{.image = {{long_bytes, PEER_FRAME_BYTES_MAX + 1}}},
	};
	static const uint16_t types[ARRAY_LEN(bad)] = {
		PEER_HELLO,  PEER_HELLO,  PEER_OFFER, PEER_OFFER,
		PEER_ANSWER, PEER_ANSWER, PEER_IMAGE, PEER_IMAGE,
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		cr_expect_eq(field_encoded_len(peer_table(types[i]), &bad[i]),
			     -EINVAL, "case %zu", i);
}

/* All but an image are encoded in one place of that size. */
Test(peer_wire, small_frames_are_small)
{
	static uint8_t long_bytes[PEER_OFFER_IMAGE_MAX];
	const union payload largest[] = {
		{.offer = {.image = {long_bytes, PEER_OFFER_IMAGE_MAX}}},
		{.answer = {.host = {long_bytes, PEER_HOST_MAX}}},
	};
	static const uint16_t types[] = {PEER_OFFER, PEER_ANSWER};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		int64_t len =
			field_encoded_len(peer_table(types[i]), &largest[i]);

		cr_expect_gt(len, 0);
		cr_expect_leq(len, PEER_SMALL_BYTES_MAX);
	}
	for (uint16_t type = 1; type < PEER_TYPE_END; type++) {
		const struct field_table *table = peer_table(type);

		if (table && type != PEER_IMAGE)
			cr_expect_leq(table->struct_bytes,
				      PEER_SMALL_BYTES_MAX);
	}
}

/* What the wire has, byte by byte: two releases have to agree. */
Test(peer_wire, header_has_the_bytes_it_always_had)
{
	static const uint8_t want[PEER_HEADER_BYTES] = {
		0x44, 0x33, 0,    0,    PEER_OFFER, 0,    0,    0,
		0x88, 0x77, 0x66, 0x55, 0x44,       0x33, 0x22, 0x11,
		2,    0,    0,    0,    0,          0,    0,    0x80,
	};
	static const struct peer_header header = {
		.len = 0x3344,
		.type = PEER_OFFER,
		.move = 0x1122334455667788,
		.epoch = 0x8000000000000002,
	};
	struct peer_header back;
	uint8_t bytes[PEER_HEADER_BYTES];

	peer_header_encode(&header, bytes);
	cr_expect_arr_eq(bytes, want, sizeof(want));
	cr_assert_eq(peer_header_decode(&back, bytes), 0);
	cr_expect_eq(back.len, header.len);
	cr_expect_eq(back.type, header.type);
	cr_expect_eq(back.move, header.move);
	cr_expect_eq(back.epoch, header.epoch);
}

Test(peer_wire, headers_have_limits)
{
	static const struct {
		uint32_t len;
		uint16_t type;
		int err;
	} cases[] = {
		{0, PEER_HELLO, 0},
		{PEER_FRAME_BYTES_MAX, PEER_IMAGE, 0},
		{PEER_FRAME_BYTES_MAX + 1, PEER_IMAGE, -EBADMSG},
		{UINT32_MAX, PEER_IMAGE, -EBADMSG},
		{0x80000000, PEER_IMAGE, -EBADMSG},
		{0, 0, -EBADMSG},
		{0, PEER_VERDICT, 0},
		{0, PEER_TYPE_END, -EBADMSG},
		{0, UINT16_MAX, -EBADMSG},
		{0, 0x100 + PEER_HELLO, -EBADMSG},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t bytes[PEER_HEADER_BYTES] = {0};
		struct peer_header header;

		for (uint32_t b = 0; b < 4; b++)
			bytes[b] = (uint8_t)(cases[i].len >> 8 * b);
		bytes[4] = (uint8_t)cases[i].type;
		bytes[5] = (uint8_t)(cases[i].type >> 8);
		cr_expect_eq(peer_header_decode(&header, bytes), cases[i].err,
			     "case %zu", i);
	}
}

/* The reserved word is checked, so that it can mean something one day. */
Test(peer_wire, reserved_word_is_zero)
{
	struct peer_header header = {.type = PEER_COMMIT};
	uint8_t bytes[PEER_HEADER_BYTES];

	peer_header_encode(&header, bytes);
	bytes[6] = 1;
	cr_expect_eq(peer_header_decode(&header, bytes), -EBADMSG);
	bytes[6] = 0;
	bytes[7] = 1;
	cr_expect_eq(peer_header_decode(&header, bytes), -EBADMSG);
}

/* A whole frame fits in a link's buffer: take_frame waits for no more. */
Test(peer_wire, longest_frame_fits_the_buffer)
{
	cr_expect_geq(PEER_RX_BYTES, PEER_HEADER_BYTES + PEER_FRAME_BYTES_MAX);
}

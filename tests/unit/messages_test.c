/* messages_test.c - SPICE messages and their directory, against captures. */
#include "channels/wire/directory.h"

#include <criterion/criterion.h>
#include <spice/enums.h>

#include <string.h>

/* More than any message's struct needs. */
union any_message {
	uint64_t align;
	uint8_t bytes[512];
};

static uint32_t from_hex(const char *hex, uint8_t *bytes)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t count = 0;

	for (; *hex; hex++) {
		const char *digit;

		if (*hex == ' ')
			continue;
		digit = strchr(digits, *hex);
		cr_assert(digit, "a test's hex is lower case");
		if (count % 2 == 0)
			bytes[count / 2] = (uint8_t)((digit - digits) << 4);
		else
			bytes[count / 2] |= (uint8_t)(digit - digits);
		count++;
	}
	return count / 2;
}

#define S false
#define C true

/* Seen on the wire between real clients and servers. */
static const struct {
	uint8_t channel;
	bool from_client;
	uint16_t type;
	const char *hex;
} captured[] = {
	{SPICE_CHANNEL_MAIN, S, SPICE_MSG_MAIN_INIT,
	 "0780d0d1 01000000 01000000 01000000 00000000 0a000000 11081e00"
	 "00e0ff02"},
	{SPICE_CHANNEL_MAIN, S, SPICE_MSG_MAIN_CHANNELS_LIST,
	 "05000000 0900 0200 0400 0a00 0300"},
	{SPICE_CHANNEL_DISPLAY, S, SPICE_MSG_SET_ACK, "01000000 14000000"},
	{SPICE_CHANNEL_DISPLAY, S, SPICE_MSG_DISPLAY_SURFACE_CREATE,
	 "00000000 d0020000 90010000 20000000 01000000"},
	{SPICE_CHANNEL_DISPLAY, S, SPICE_MSG_DISPLAY_MONITORS_CONFIG,
	 "0100 0100 00000000 00000000 d0020000 90010000 00000000 00000000"
	 "00000000"},
	{SPICE_CHANNEL_CURSOR, S, SPICE_MSG_CURSOR_INIT,
	 "0000 0000 0000 0000 01 0100"},
	{SPICE_CHANNEL_PORT, S, SPICE_MSG_PORT_INIT,
	 "0e000000 09000000 00 6f72672e746573742e706f727400"},
	{SPICE_CHANNEL_DISPLAY, C, SPICE_MSGC_DISPLAY_INIT,
	 "01 0000400100000000 01 00003000"},
	{SPICE_CHANNEL_MAIN, S, SPICE_MSG_NOTIFY,
	 "efcdab8967452301 01000000 02000000 00000000 1c000000"
	 "6b6579626f617264206368616e6e656c20697320696e736563757265 00"},
	{SPICE_CHANNEL_MAIN, S, SPICE_MSG_MIGRATE, "03000000"},
	{SPICE_CHANNEL_CURSOR, S, SPICE_MSG_MIGRATE, "00000000"},
	{SPICE_CHANNEL_INPUTS, S, SPICE_MSG_MIGRATE_DATA,
	 "49434d44 01000000 0200"},
	{SPICE_CHANNEL_INPUTS, C, SPICE_MSGC_MIGRATE_DATA,
	 "49434d44 01000000 0200"},
	{SPICE_CHANNEL_PORT, C, SPICE_MSGC_MIGRATE_DATA,
	 "53564d44 01000000 01000000 01 ffffffff ffffffff 13000000 00000000"
	 "21000000 68656c6c6f2d706f72742d646174616d6f7265"},
	{SPICE_CHANNEL_DISPLAY, S, SPICE_MSG_MIGRATE_DATA,
	 "44434d44 01000000 1500000000000000 00 01 0000100000000000 01"
	 "0000000000000000 0000000000000000 0000000000000000"
	 "0000000000000000 01 00001000 04000000 0b00000000000000 50000000"
	 "01000000 00000000"},
	/* DstInfo with the port absent as QEMU writes it, both forms. */
	{SPICE_CHANNEL_MAIN, S, SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS,
	 "2c17 ffff 0a000000 18000000 00000000 00000000 01000000"
	 "3132372e302e302e3100"},
	{SPICE_CHANNEL_MAIN, S, SPICE_MSG_MAIN_MIGRATE_BEGIN,
	 "2c17 ffff 0a000000 14000000 00000000 00000000"
	 "3132372e302e302e3100"},
	{SPICE_CHANNEL_MAIN, S, SPICE_MSG_MAIN_MIGRATE_SWITCH_HOST,
	 "2c17 0000 0a000000 14000000 05000000 1e000000"
	 "3132372e302e302e3100 434e3d6100"},
	{SPICE_CHANNEL_MAIN, S, SPICE_MSG_PING, "01000000 0011223344556677"},
	{SPICE_CHANNEL_MAIN, C, SPICE_MSGC_PONG, "01000000 0011223344556677"},
	{SPICE_CHANNEL_INPUTS, C, SPICE_MSGC_INPUTS_MOUSE_MOTION,
	 "ffffffff 02000000 0100"},
	{SPICE_CHANNEL_INPUTS, C, SPICE_MSGC_INPUTS_MOUSE_POSITION,
	 "0a000000 14000000 0000 00"},
	{SPICE_CHANNEL_USBREDIR, C, SPICE_MSGC_SPICEVMC_DATA, "00"},
};

Test(messages, captured_bytes_survive_decode_and_encode)
{
	for (size_t i = 0; i < ARRAY_LEN(captured); i++) {
		const struct wire_message *message =
			wire_find(captured[i].channel, captured[i].from_client,
				  captured[i].type);
		union any_message any;
		uint8_t bytes[512];
		uint8_t again[512];
		uint32_t len = from_hex(captured[i].hex, bytes);

		cr_assert(message && message->table, "row %zu", i);
		cr_assert(message->table->struct_bytes <= sizeof(any));
		cr_assert_eq(
			field_decode(message->table, &any, bytes, len, NULL), 0,
			"%s", message->name);
		cr_assert_eq(field_encode(message->table, &any, again,
					  sizeof(again)),
			     len, "%s", message->name);
		cr_assert_eq(memcmp(bytes, again, len), 0, "%s", message->name);
	}
}

/* What a peer may not send; each would be taken without its check. */
static const struct {
	uint8_t channel;
	bool from_client;
	uint16_t type;
	const char *hex;
} refused[] = {
	/* No byte of data at all. */
	{SPICE_CHANNEL_PORT, C, SPICE_MSGC_SPICEVMC_DATA, ""},
	{SPICE_CHANNEL_MAIN, C, SPICE_MSGC_MAIN_AGENT_DATA, ""},
	{SPICE_CHANNEL_MAIN, C, SPICE_MSGC_MIGRATE_DATA, ""},
	{SPICE_CHANNEL_MAIN, S, SPICE_MSG_MIGRATE_DATA, ""},
	{SPICE_CHANNEL_INPUTS, C, SPICE_MSGC_INPUTS_KEY_SCANCODE, ""},
	/* A byte too few, a byte too many. */
	{SPICE_CHANNEL_MAIN, C, SPICE_MSGC_PONG, "01000000 00112233445566"},
	{SPICE_CHANNEL_MAIN, C, SPICE_MSGC_ACK_SYNC, "01000000 00"},
	{SPICE_CHANNEL_MAIN, S, SPICE_MSG_MAIN_CHANNELS_LIST, "02000000 0900"},
	{SPICE_CHANNEL_MAIN, S, SPICE_MSG_MAIN_CHANNELS_LIST, "ffffffff 0900"},
	/* DstInfo: no host, host without its NUL, host outside, no room. */
	{SPICE_CHANNEL_MAIN, S, SPICE_MSG_MAIN_MIGRATE_BEGIN,
	 "2c17 0000 00000000 00000000 00000000 00000000"},
	{SPICE_CHANNEL_MAIN, S, SPICE_MSG_MAIN_MIGRATE_BEGIN,
	 "2c17 0000 09000000 14000000 00000000 00000000"
	 "3132372e302e302e31"},
	{SPICE_CHANNEL_MAIN, S, SPICE_MSG_MAIN_MIGRATE_BEGIN,
	 "2c17 0000 0a000000 15000000 00000000 00000000"
	 "3132372e302e302e3100"},
	{SPICE_CHANNEL_MAIN, S, SPICE_MSG_MAIN_MIGRATE_BEGIN,
	 "2c17 0000 ffffffff 14000000 00000000 00000000"
	 "3132372e302e302e3100"},
	/* Flags that do not exist. */
	{SPICE_CHANNEL_MAIN, S, SPICE_MSG_MIGRATE, "04000000"},
};

Test(messages, malformed_bytes_are_refused)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		const struct wire_message *message =
			wire_find(refused[i].channel, refused[i].from_client,
				  refused[i].type);
		union any_message any;
		uint8_t bytes[512];
		uint32_t len = from_hex(refused[i].hex, bytes);

		cr_assert(message && message->table, "row %zu", i);
		cr_assert_lt(
			field_decode(message->table, &any, bytes, len, NULL), 0,
			"row %zu", i);
	}
}

static uint32_t u32_at(const uint8_t *bytes, uint32_t offset)
{
	uint32_t value;

	memcpy(&value, bytes + offset, 4); /* the tests' machines are LE */
	return value;
}

Test(messages, draw_copy_has_the_captured_offsets)
{
	struct msg_display_draw_copy draw;
	struct msg_display_draw_copy back;
	uint8_t rows[8 * 2 * 4];
	uint8_t bytes[256];
	int64_t len;

	memset(rows, 0x5a, sizeof(rows));
	msg_display_draw_copy_prepare(&draw, 7, 16, 32, 8, 2, rows);
	len = field_encode(&msg_display_draw_copy_fields, &draw, bytes,
			   sizeof(bytes));
	cr_assert_eq(len, WIRE_DRAW_COPY_ROWS_OFFSET + (int64_t)sizeof(rows));
	cr_assert_eq(u32_at(bytes, 0), 7);
	cr_assert_eq(u32_at(bytes, 4), 32, "top comes first");
	cr_assert_eq(u32_at(bytes, 8), 16);
	cr_assert_eq(u32_at(bytes, 12), 34);
	cr_assert_eq(u32_at(bytes, 16), 24);
	cr_assert_eq(bytes[20], SPICE_CLIP_TYPE_NONE);
	cr_assert_eq(u32_at(bytes, 21), 0x39, "the image's place");
	cr_assert_eq(bytes[41], SPICE_ROPD_OP_PUT);
	cr_assert_eq(u32_at(bytes, 53), 0, "no mask");
	cr_assert_eq(bytes[57 + 8], SPICE_IMAGE_TYPE_BITMAP);
	cr_assert_eq(u32_at(bytes, 57 + 10), 8, "the image's width");
	cr_assert_eq(bytes[75], SPICE_BITMAP_FMT_32BIT);
	cr_assert_eq(u32_at(bytes, 85), 32, "stride");
	cr_assert_eq(bytes[93], 0x5a);
	cr_assert_eq(field_decode(&msg_display_draw_copy_fields, &back, bytes,
				  (size_t)len, NULL),
		     0);
	cr_assert(msg_display_draw_copy_is_plain(&back));
}

Test(messages, draw_copy_is_plain_only_when_all_agrees)
{
	static const uint32_t spoilt[] = {
		20, /* a clip */
		21, /* the image elsewhere */
		12, /* a taller target */
		33, /* another source box */
		41, /* another operation */
		53, /* a mask */
		65, /* a compressed image */
		67, /* another image width */
		75, /* another pixel format */
		77, /* another bitmap width */
		85, /* another stride */
		89, /* a palette */
	};
	struct msg_display_draw_copy draw;
	uint8_t rows[4 * 4 * 4] = {0};
	uint8_t bytes[256];
	int64_t len;

	msg_display_draw_copy_prepare(&draw, 0, 0, 0, 4, 4, rows);
	len = field_encode(&msg_display_draw_copy_fields, &draw, bytes,
			   sizeof(bytes));
	cr_assert_gt(len, 0);
	for (size_t i = 0; i < ARRAY_LEN(spoilt); i++) {
		bytes[spoilt[i]]++;
		cr_assert_eq(field_decode(&msg_display_draw_copy_fields, &draw,
					  bytes, (size_t)len, NULL),
			     0);
		cr_assert_not(msg_display_draw_copy_is_plain(&draw), "byte %u",
			      spoilt[i]);
		bytes[spoilt[i]]--;
	}
	field_decode(&msg_display_draw_copy_fields, &draw, bytes,
		     (size_t)len - 1, NULL);
	cr_assert_not(msg_display_draw_copy_is_plain(&draw), "a row too short");
}

static uint64_t field_max(const struct field *field, uint64_t elem_max)
{
	uint64_t nul = field->flags & FIELD_NUL ? 1 : 0;

	switch ((enum field_kind)field->kind) {
	case FIELD_U8:
		return 1;
	case FIELD_U16:
	case FIELD_I16:
		return 2;
	case FIELD_U32:
	case FIELD_I32:
		return 4;
	case FIELD_U64:
	case FIELD_I64:
		return 8;
	case FIELD_BYTES:
	case FIELD_TAIL:
		return field->limit;
	case FIELD_BLOB8:
		return 1 + field->limit + nul;
	case FIELD_BLOB16:
		return 2 + field->limit + nul;
	case FIELD_BLOB32:
		return 4 + field->limit + nul;
	case FIELD_PTRBLOB:
		return 8 + field->limit + nul;
	case FIELD_LIST8:
		return 1 + field->limit * elem_max;
	case FIELD_LIST16:
		return 2 + field->limit * elem_max;
	case FIELD_LIST32:
		return 4 + field->limit * elem_max;
	case FIELD_LIST_TAIL:
		return field->limit * elem_max;
	}
	return 0;
}

static uint64_t table_max(const struct field_table *table)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];
		uint64_t elem_max = 0;

		for (uint32_t j = 0; field->elem && j < field->elem->count; j++)
			elem_max += field_max(&field->elem->fields[j], 0);
		sum += field_max(field, elem_max);
	}
	return sum;
}

typedef void visit_message(const struct wire_message *message,
			   bool from_client);

static uint32_t visit_all(visit_message *visit)
{
	uint32_t count = 0;

	for (uint8_t channel = 0; channel < 16; channel++) {
		for (int from_client = 0; from_client < 2; from_client++) {
			const struct wire_message *message =
				wire_next(channel, from_client, 0);

			while (message) {
				visit(message, from_client);
				count++;
				message = wire_next(channel, from_client,
						    message->type);
			}
		}
	}
	return count;
}

static void check_limits(const struct wire_message *message, bool from_client)
{
	if (!message->table) {
		cr_assert_eq(message->max_bytes, 0, "%s", message->name);
		return;
	}
	cr_assert(field_table_check(message->table), "%s", message->name);
	cr_assert_eq(table_max(message->table), message->max_bytes, "%s",
		     message->name);
	cr_assert_leq(message->table->struct_bytes, sizeof(union any_message));
	if (from_client && !message->streamed)
		cr_assert_leq(message->max_bytes, WIRE_CLIENT_BODY_MAX, "%s",
			      message->name);
}

Test(directory, limits_are_those_of_the_tables)
{
	/* 14 base messages on each of 7 channels, and their own. */
	cr_assert_eq(visit_all(check_limits),
		     7 * 14 + 18 + 11 + 11 + 5 + 3 + 8 + 8 + 3 * 4 + 2 * 3);
}

static uint32_t tape_state;

static void random_round_trip(const struct wire_message *message,
			      bool from_client)
{
	(void)from_client;
	for (uint32_t round = 0; message->table && round < 20; round++) {
		union any_message any;
		union any_message back;
		uint8_t tape[256];
		uint8_t scratch[256];
		uint8_t bytes[8192];
		uint8_t again[8192];
		int64_t len;

		for (uint32_t i = 0; i < sizeof(tape); i++) {
			tape_state = tape_state * 1664525u + 1013904223u;
			tape[i] = (uint8_t)(tape_state >> 24);
		}
		field_random(message->table, &any, tape, sizeof(tape), scratch,
			     sizeof(scratch));
		len = field_encode(message->table, &any, bytes, sizeof(bytes));
		cr_assert_geq(len, 0, "%s", message->name);
		cr_assert_eq(field_decode(message->table, &back, bytes,
					  (size_t)len, NULL),
			     0, "%s", message->name);
		cr_assert_eq(field_encode(message->table, &back, again,
					  sizeof(again)),
			     len, "%s", message->name);
		cr_assert_eq(memcmp(bytes, again, (size_t)len), 0, "%s",
			     message->name);
	}
}

Test(directory, random_messages_survive_encode_and_decode)
{
	tape_state = 1;
	visit_all(random_round_trip);
}

Test(directory, finds_what_is_there_and_nothing_else)
{
	const struct wire_message *message =
		wire_find(SPICE_CHANNEL_PORT, true, SPICE_MSGC_SPICEVMC_DATA);

	cr_assert(message && message->streamed);
	message = wire_find(SPICE_CHANNEL_CURSOR, true, SPICE_MSGC_ACK);
	cr_assert(message && !message->table && !message->streamed);
	cr_assert_null(wire_find(0, true, 1));
	cr_assert_null(wire_find(255, true, 1));
	cr_assert_null(wire_find(SPICE_CHANNEL_PLAYBACK, true, 1));
	cr_assert_null(wire_find(SPICE_CHANNEL_MAIN, true, 0));
	cr_assert_null(wire_find(SPICE_CHANNEL_MAIN, true, 7));
	cr_assert_null(wire_find(SPICE_CHANNEL_MAIN, true, 65535));
	cr_assert_null(wire_find(SPICE_CHANNEL_CURSOR, true, 101));
	cr_assert_null(
		wire_find(SPICE_CHANNEL_USBREDIR, true, SPICE_MSGC_PORT_EVENT));
	cr_assert_null(wire_find(SPICE_CHANNEL_DISPLAY, false,
				 SPICE_MSG_DISPLAY_DRAW_FILL));
	cr_assert_null(wire_find(SPICE_CHANNEL_INPUTS, false, 105));
	cr_assert_str_eq(wire_channel_name(SPICE_CHANNEL_PORT), "port");
	cr_assert_str_eq(wire_channel_name(200), "unknown");
}

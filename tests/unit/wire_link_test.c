/* wire_link_test.c - the structures of the link stage, with every check. */
#include "channels/wire/link.h"

#include <criterion/criterion.h>
#include <spice/enums.h>
#include <spice/protocol.h>

#include <stdlib.h>
#include <string.h>

#define COMMON_WORD 0x0du /* what spice-gtk offers */

static void put_u32(uint8_t *to, uint32_t value)
{
	wire_link_write_word(to, value);
}

/* A link message as spice-gtk sends it; returns its length. */
static uint32_t fill_mess(uint8_t out[WIRE_LINK_OUT_MAX])
{
	struct wire_caps common = {1, {COMMON_WORD}};
	struct wire_caps channel = {2, {0xf, 0x80000000u}};

	return wire_link_write_mess(out, 0x11223344, SPICE_CHANNEL_PORT, 3,
				    &common, &channel);
}

Test(wire_link, a_message_has_the_documented_bytes)
{
	static const uint8_t expected[] = {
		'R',  'E',  'D',  'Q',  2,   0, 0, 0, 2,  0, 0, 0, /* header */
		30,   0,    0,    0,                               /* size */
		0x44, 0x33, 0x22, 0x11, 10,  3, /* id, channel */
		1,    0,    0,    0,    2,   0, 0, 0, 18, 0, 0, 0, /* caps */
		0xd,  0,    0,    0,    0xf, 0, 0, 0, 0,  0, 0, 0x80,
	};
	uint8_t out[WIRE_LINK_OUT_MAX];

	cr_assert_eq(fill_mess(out), sizeof(expected));
	cr_assert_eq(memcmp(out, expected, sizeof(expected)), 0);
}

Test(wire_link, a_message_reads_back)
{
	uint8_t out[WIRE_LINK_OUT_MAX];
	uint32_t len = fill_mess(out);
	struct wire_link_header header;
	struct wire_link_mess mess;
	struct wire_caps common;
	struct wire_caps channel;

	cr_assert_eq(wire_link_read_header(&header, out, 18), 0);
	cr_assert_eq(header.size_bytes, len - 16);
	cr_assert_eq(wire_link_read_mess(&mess, &common, &channel, out + 16,
					 len - 16),
		     0);
	cr_assert_eq(mess.connection_id, 0x11223344);
	cr_assert_eq(mess.channel_type, SPICE_CHANNEL_PORT);
	cr_assert_eq(mess.channel_id, 3);
	cr_assert_eq(common.count, 1);
	cr_assert_eq(common.words[0], COMMON_WORD);
	cr_assert_eq(channel.count, 2);
	cr_assert_eq(channel.words[1], 0x80000000u);
}

Test(wire_link, headers_are_judged_in_order)
{
	static const struct {
		uint32_t magic, major, minor, size, error;
	} rows[] = {
		{0x51444552, 2, 2, 18, SPICE_LINK_ERR_OK},
		{0x51444552, 2, 2, 4096, SPICE_LINK_ERR_OK},
		{0x51444552, 2, 0, 18, SPICE_LINK_ERR_OK},
		{0x51444552, 2, UINT32_MAX, 18, SPICE_LINK_ERR_OK},
		{0x51444553, 0, 2, 0, SPICE_LINK_ERR_INVALID_MAGIC},
		{0x20544547, 2, 2, 18, SPICE_LINK_ERR_INVALID_MAGIC},
		{0x51444552, 0, 2, 18, WIRE_LINK_HANG_UP},
		{0x51444552, 0, 2, 0, WIRE_LINK_HANG_UP},
		{0x51444552, 1, 2, 18, SPICE_LINK_ERR_VERSION_MISMATCH},
		{0x51444552, 3, 2, 0, SPICE_LINK_ERR_VERSION_MISMATCH},
		{0x51444552, 2, 2, 17, SPICE_LINK_ERR_INVALID_DATA},
		{0x51444552, 2, 2, 0, SPICE_LINK_ERR_INVALID_DATA},
		{0x51444552, 2, 2, 4097, SPICE_LINK_ERR_INVALID_DATA},
		{0x51444552, 2, 2, UINT32_MAX, SPICE_LINK_ERR_INVALID_DATA},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct wire_link_header header;
		uint8_t bytes[16];

		put_u32(bytes, rows[i].magic);
		put_u32(bytes + 4, rows[i].major);
		put_u32(bytes + 8, rows[i].minor);
		put_u32(bytes + 12, rows[i].size);
		cr_assert_eq(wire_link_read_header(&header, bytes, 18),
			     rows[i].error, "row %zu", i);
	}
}

Test(wire_link, capabilities_lie_inside_the_message)
{
	static const struct {
		uint32_t common, channel, offset, size, error;
	} rows[] = {
		{1, 1, 18, 26, SPICE_LINK_ERR_OK},
		{1, 1, 18, 30, SPICE_LINK_ERR_OK}, /* bytes behind them */
		{1, 1, 22, 30, SPICE_LINK_ERR_OK}, /* bytes before them */
		{0, 0, 0, 18, SPICE_LINK_ERR_OK},  /* none: no offset */
		{0, 0, UINT32_MAX, 18, SPICE_LINK_ERR_OK},
		{1000, 0, 18, 4018, SPICE_LINK_ERR_OK},
		{1, 1, 18, 25, SPICE_LINK_ERR_INVALID_DATA},
		{1, 1, 17, 30, SPICE_LINK_ERR_INVALID_DATA},
		{1, 1, 0, 30, SPICE_LINK_ERR_INVALID_DATA},
		{0, 1, 30, 30, SPICE_LINK_ERR_INVALID_DATA},
		{0, 1, UINT32_MAX, 30, SPICE_LINK_ERR_INVALID_DATA},
		{0, 1, 31, 30, SPICE_LINK_ERR_INVALID_DATA},
		{1025, 0, 18, 4096, SPICE_LINK_ERR_INVALID_DATA},
		{0, 1025, 18, 4096, SPICE_LINK_ERR_INVALID_DATA},
		{1024, 1024, 18, 4096, SPICE_LINK_ERR_INVALID_DATA},
		{UINT32_MAX, 1, 18, 30, SPICE_LINK_ERR_INVALID_DATA},
		{0x80000000u, 0x80000000u, 18, 30, SPICE_LINK_ERR_INVALID_DATA},
		{0, 0, 18, 17, SPICE_LINK_ERR_INVALID_DATA},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t *bytes = calloc(1, rows[i].size + 32);
		uint8_t *block = malloc(rows[i].size);
		struct wire_link_mess mess;
		struct wire_caps common;
		struct wire_caps channel;

		put_u32(bytes + 6, rows[i].common);
		put_u32(bytes + 10, rows[i].channel);
		put_u32(bytes + 14, rows[i].offset);
		memcpy(block, bytes, rows[i].size);
		cr_assert_eq(wire_link_read_mess(&mess, &common, &channel,
						 block, rows[i].size),
			     rows[i].error, "row %zu", i);
		free(block);
		free(bytes);
	}
}

Test(wire_link, a_reply_announces_what_the_server_has)
{
	uint8_t key[WIRE_LINK_KEY_BYTES];
	uint8_t out[WIRE_LINK_OUT_MAX];
	struct wire_caps common = {1, {0xb}};
	struct wire_caps none = {0};
	struct wire_link_header header;
	struct wire_link_reply reply;
	struct wire_caps got_common;
	struct wire_caps got_channel;
	uint32_t len;

	memset(key, 0x77, sizeof(key));
	len = wire_link_write_reply(out, SPICE_LINK_ERR_OK, key, &common,
				    &none);
	cr_assert_eq(len, 16 + 178 + 4);
	cr_assert_eq(wire_link_read_header(&header, out, 178), 0);
	cr_assert_eq(header.size_bytes, 178 + 4);
	cr_assert_eq(wire_link_read_word(out + 16 + 174), 178, "caps_offset");
	cr_assert_eq(wire_link_read_reply(&reply, &got_common, &got_channel,
					  out + 16, len - 16),
		     0);
	cr_assert_eq(reply.error, 0);
	cr_assert_eq(memcmp(reply.key, key, sizeof(key)), 0);
	cr_assert_eq(got_common.words[0], 0xb);
	cr_assert_eq(got_channel.count, 0);
}

Test(wire_link, an_error_reply_announces_nothing)
{
	static const uint8_t zeros[174];
	uint8_t out[WIRE_LINK_OUT_MAX];

	cr_assert_eq(wire_link_write_reply(out,
					   SPICE_LINK_ERR_BAD_CONNECTION_ID,
					   NULL, NULL, NULL),
		     16 + 178);
	cr_assert_eq(wire_link_read_word(out + 12), 178);
	cr_assert_eq(wire_link_read_word(out + 16), 8);
	cr_assert_eq(memcmp(out + 20, zeros, sizeof(zeros)), 0);
}

Test(wire_link, the_largest_reply_fits)
{
	uint8_t key[WIRE_LINK_KEY_BYTES] = {0};
	uint8_t out[WIRE_LINK_OUT_MAX];
	struct wire_caps all = {0};

	caps_set(&all, 32 * WIRE_CAPS_WORDS - 1);
	cr_assert_eq(wire_link_write_reply(out, 0, key, &all, &all),
		     WIRE_LINK_OUT_MAX);
}

Test(wire_link, capabilities_are_a_bit_string)
{
	struct wire_caps caps = {0};

	cr_assert_not(caps_test(caps.words, caps.count, 0));
	caps_set(&caps, 3);
	cr_assert_eq(caps.count, 1);
	cr_assert(caps_test(caps.words, caps.count, 3));
	cr_assert_not(caps_test(caps.words, caps.count, 2));
	cr_assert_not(caps_test(caps.words, caps.count, 35), "absent word");
	caps_set(&caps, 35);
	cr_assert_eq(caps.count, 2);
	cr_assert(caps_test(caps.words, caps.count, 35));
	cr_assert_not(caps_test(caps.words, 1, 35));
	cr_assert_not(caps_test(caps.words, caps.count, UINT32_MAX));
}

/* link_test.c - the server's link stage, whole and byte by byte. */
#include "channels/link.h"

#include <criterion/criterion.h>
#include <spice/enums.h>
#include <spice/protocol.h>

#include <string.h>

#define CAPS_SELECTION 0x0du /* what spice-gtk offers */
#define CAPS_MINI_ONLY 0x08u

/* A whole client: link message, mechanism and ticket, then a frame. */
struct script {
	uint8_t bytes[512];
	uint32_t len;
	uint32_t mess_end;
	uint32_t ticket_at;
};

static void script_fill(struct script *script, uint32_t caps,
			uint32_t mechanism)
{
	struct wire_caps common = {1, {caps}};
	struct wire_caps channel = {1, {0xf}};

	memset(script, 0, sizeof(*script));
	script->len = wire_link_write_mess(
		script->bytes, 77, SPICE_CHANNEL_INPUTS, 0, &common, &channel);
	script->mess_end = script->len;
	if (caps & 1) {
		wire_link_write_word(script->bytes + script->len, mechanism);
		script->len += 4;
	}
	script->ticket_at = script->len;
	for (uint32_t i = 0; i < WIRE_LINK_CIPHER_BYTES; i++)
		script->bytes[script->len++] = (uint8_t)(i * 7 + 1);
	memset(script->bytes + script->len, 0xee, 10);
	script->len += 10;
}

/* What the link said, in order. */
struct heard {
	enum link_step last;
	uint32_t used;
	uint32_t identified;
	uint32_t ticket;
	uint32_t out_len;
	uint8_t out[1024];
};

static void hear(struct heard *heard, const uint8_t *out, uint32_t len)
{
	cr_assert_leq(heard->out_len + len, sizeof(heard->out));
	memcpy(heard->out + heard->out_len, out, len);
	heard->out_len += len;
}

/* Answers a decision as a server would. */
static void decide(struct link *link, struct heard *heard, uint32_t result)
{
	static const uint8_t key[WIRE_LINK_KEY_BYTES] = {0x30, 0x81};
	struct link_offer offer = {link_common_caps(), {1, {1}}, key};
	uint8_t out[WIRE_LINK_OUT_MAX];

	if (heard->last == LINK_IDENTIFIED) {
		heard->identified++;
		hear(heard, out, link_accept(link, &offer, out));
	} else if (heard->last == LINK_TICKET) {
		heard->ticket++;
		hear(heard, out, link_result(link, result, out));
	}
}

/* Feeds in steps, until all is used or the link has come to an end. */
static void run(struct link *link, const struct script *script, uint32_t step,
		uint32_t result, struct heard *heard)
{
	memset(heard, 0, sizeof(*heard));
	link_init(link);
	while (heard->used < script->len) {
		uint8_t out[WIRE_LINK_OUT_MAX];
		uint32_t out_len;
		uint32_t used;
		uint32_t len = min_u32(step, script->len - heard->used);

		heard->last = link_feed(link, script->bytes + heard->used, len,
					&used, out, &out_len);
		heard->used += used;
		hear(heard, out, out_len);
		if (heard->last == LINK_DONE || heard->last == LINK_FAILED)
			return;
		if (heard->last == LINK_MORE)
			cr_assert_eq(used, len);
		decide(link, heard, result);
	}
}

static void check_good(uint32_t caps)
{
	struct script script;

	script_fill(&script, caps, 1);
	for (uint32_t step = 1; step <= script.len; step++) {
		struct link link;
		struct heard heard;

		run(&link, &script, step, SPICE_LINK_ERR_OK, &heard);
		cr_assert_eq(heard.last, LINK_DONE, "steps of %u", step);
		cr_assert_eq(heard.used, script.len - 10,
			     "the frame behind is not ours");
		cr_assert_eq(heard.identified, 1);
		cr_assert_eq(heard.ticket, 1);
		cr_assert_eq(link.connection_id, 77);
		cr_assert_eq(link.channel_type, SPICE_CHANNEL_INPUTS);
		cr_assert_eq(link.channel_id, 0);
		cr_assert_eq(link.common.words[0], caps);
		cr_assert_eq(link.channel.words[0], 0xf);
		cr_assert_eq(heard.out_len, 16 + 178 + 8 + 4);
		cr_assert_eq(wire_link_read_word(heard.out + 16), 0);
		cr_assert_eq(wire_link_read_word(heard.out + 194), 0xb);
		cr_assert_eq(wire_link_read_word(heard.out + 202), 0);
	}
}

Test(link, succeeds_at_every_split_with_mechanism)
{
	check_good(CAPS_SELECTION);
}

Test(link, succeeds_at_every_split_without_mechanism)
{
	check_good(CAPS_MINI_ONLY);
}

Test(link, lends_the_ticket_as_it_came)
{
	struct script script;
	struct link link;
	uint8_t out[WIRE_LINK_OUT_MAX];
	struct heard heard = {0};
	uint32_t used;
	uint32_t out_len;

	script_fill(&script, CAPS_SELECTION, 1);
	link_init(&link);
	heard.last = link_feed(&link, script.bytes, script.len, &used, out,
			       &out_len);
	cr_assert_eq(heard.last, LINK_IDENTIFIED);
	cr_assert_eq(used, script.mess_end, "what follows is not touched");
	cr_assert_eq(link_feed(&link, script.bytes, script.len, &used, out,
			       &out_len),
		     LINK_IDENTIFIED, "told again");
	cr_assert_eq(used, 0);
	decide(&link, &heard, 0);
	cr_assert_eq(link_feed(&link, script.bytes + script.mess_end,
			       script.len - script.mess_end, &used, out,
			       &out_len),
		     LINK_TICKET);
	cr_assert_eq(used, 4 + WIRE_LINK_CIPHER_BYTES);
	cr_assert_eq(memcmp(link_ticket(&link), script.bytes + script.ticket_at,
			    WIRE_LINK_CIPHER_BYTES),
		     0);
}

Test(link, goes_on_as_a_copy_on_another_shard)
{
	struct script script;
	struct link link;
	struct link copy;
	struct heard heard = {0};
	uint8_t out[WIRE_LINK_OUT_MAX];
	uint32_t used;
	uint32_t out_len;

	script_fill(&script, CAPS_SELECTION, 1);
	link_init(&link);
	heard.last = link_feed(&link, script.bytes, script.mess_end, &used, out,
			       &out_len);
	memcpy(&copy, &link, sizeof(copy));
	memset(&link, 0xff, sizeof(link));
	decide(&copy, &heard, 0);
	cr_assert_eq(link_feed(&copy, script.bytes + used, script.len - used,
			       &used, out, &out_len),
		     LINK_TICKET);
	cr_assert_eq(copy.connection_id, 77);
}

/* What a client sends first, and the link error it is answered. */
static const struct {
	const char *what;
	uint32_t magic, major, size, common, channel, offset;
	uint32_t error;
} refused[] = {
	{"magic", 0x20544547, 2, 18, 0, 0, 18, SPICE_LINK_ERR_INVALID_MAGIC},
	{"major 1", 0x51444552, 1, 18, 0, 0, 18,
	 SPICE_LINK_ERR_VERSION_MISMATCH},
	{"major 0", 0x51444552, 0, 18, 0, 0, 18, WIRE_LINK_HANG_UP},
	{"size 17", 0x51444552, 2, 17, 0, 0, 18, SPICE_LINK_ERR_INVALID_DATA},
	{"size 4097", 0x51444552, 2, 4097, 0, 0, 18,
	 SPICE_LINK_ERR_INVALID_DATA},
	{"caps 1025", 0x51444552, 2, 4096, 1025, 0, 18,
	 SPICE_LINK_ERR_INVALID_DATA},
	{"caps outside", 0x51444552, 2, 22, 1, 1, 18,
	 SPICE_LINK_ERR_INVALID_DATA},
	{"caps inside the message", 0x51444552, 2, 26, 1, 1, 14,
	 SPICE_LINK_ERR_INVALID_DATA},
};

static uint32_t fill_refused(uint8_t *bytes, size_t row)
{
	memset(bytes, 0, 16 + 4096);
	wire_link_write_word(bytes, refused[row].magic);
	wire_link_write_word(bytes + 4, refused[row].major);
	wire_link_write_word(bytes + 12, refused[row].size);
	wire_link_write_word(bytes + 16 + 6, refused[row].common);
	wire_link_write_word(bytes + 16 + 10, refused[row].channel);
	wire_link_write_word(bytes + 16 + 14, refused[row].offset);
	return 16 + min_u32(refused[row].size, 4096);
}

Test(link, refuses_malformed_openings)
{
	static uint8_t bytes[16 + 4096];

	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		uint32_t len = fill_refused(bytes, i);
		bool silent = refused[i].error == WIRE_LINK_HANG_UP;

		for (uint32_t step = 1; step <= len; step += step) {
			struct link link;
			uint8_t out[WIRE_LINK_OUT_MAX];
			enum link_step last = LINK_MORE;
			uint32_t out_len = 0;

			link_init(&link);
			for (uint32_t at = 0; at < len && last == LINK_MORE;) {
				uint32_t used;

				last = link_feed(&link, bytes + at,
						 min_u32(step, len - at), &used,
						 out, &out_len);
				at += used;
			}
			cr_assert_eq(last, LINK_FAILED, "%s", refused[i].what);
			cr_assert_eq(link.error, refused[i].error, "%s",
				     refused[i].what);
			cr_assert_eq(out_len, silent ? 0 : 194);
			if (!silent)
				cr_assert_eq(wire_link_read_word(out + 16),
					     refused[i].error);
		}
	}
}

Test(link, judges_the_magic_by_its_four_bytes)
{
	struct link link;
	uint8_t out[WIRE_LINK_OUT_MAX];
	uint32_t used;
	uint32_t out_len;

	link_init(&link);
	cr_assert_eq(link_feed(&link, (const uint8_t *)"GET", 3, &used, out,
			       &out_len),
		     LINK_MORE);
	cr_assert_eq(
		link_feed(&link, (const uint8_t *)" ", 1, &used, out, &out_len),
		LINK_FAILED);
	cr_assert_eq(out_len, 194);
	cr_assert_eq(
		link_feed(&link, (const uint8_t *)" ", 1, &used, out, &out_len),
		LINK_FAILED, "and stays so");
	cr_assert_eq(used, 0);
	cr_assert_eq(out_len, 0, "one reply only");
}

Test(link, knows_no_mechanism_but_the_ticket)
{
	static const uint32_t mechanisms[] = {0, 2, 3, 0x101, UINT32_MAX};

	for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++) {
		struct script script;
		struct link link;
		struct heard heard;

		script_fill(&script, CAPS_SELECTION, mechanisms[i]);
		run(&link, &script, 1, SPICE_LINK_ERR_OK, &heard);
		cr_assert_eq(heard.last, LINK_FAILED);
		cr_assert_eq(heard.ticket, 0);
		cr_assert_eq(heard.out_len, 202 + 194, "a full error reply");
		cr_assert_eq(wire_link_read_word(heard.out + 202 + 16),
			     SPICE_LINK_ERR_INVALID_DATA);
	}
}

Test(link, tells_a_wrong_ticket_in_one_word)
{
	struct script script;
	struct link link;
	struct heard heard;

	script_fill(&script, CAPS_SELECTION, 1);
	run(&link, &script, 1000, SPICE_LINK_ERR_PERMISSION_DENIED, &heard);
	cr_assert_eq(heard.last, LINK_FAILED);
	cr_assert_eq(heard.out_len, 202 + 4);
	cr_assert_eq(wire_link_read_word(heard.out + 202), 7);
	cr_assert_eq(link.error, SPICE_LINK_ERR_PERMISSION_DENIED);
}

Test(link, refuses_on_request)
{
	struct script script;
	struct link link;
	uint8_t out[WIRE_LINK_OUT_MAX];
	uint32_t used;
	uint32_t out_len;

	script_fill(&script, CAPS_SELECTION, 1);
	link_init(&link);
	link_feed(&link, script.bytes, script.mess_end, &used, out, &out_len);
	cr_assert_eq(link_refuse(&link, SPICE_LINK_ERR_BAD_CONNECTION_ID, out),
		     194);
	cr_assert_eq(wire_link_read_word(out + 16), 8);
	cr_assert_eq(link_feed(&link, script.bytes, 4, &used, out, &out_len),
		     LINK_FAILED);
	link_init(&link);
	cr_assert_eq(link_refuse(&link, WIRE_LINK_HANG_UP, out), 0);
}

Test(link, asks_for_mini_headers_by_its_capability)
{
	struct script script;
	struct link link;
	struct heard heard;

	script_fill(&script, CAPS_SELECTION, 1);
	run(&link, &script, 100, 0, &heard);
	cr_assert(link_wants_mini_header(&link));
	script_fill(&script, 0x05, 1);
	run(&link, &script, 100, 0, &heard);
	cr_assert_not(link_wants_mini_header(&link));
}

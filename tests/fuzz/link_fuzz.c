/* link_fuzz.c - any bytes as a client's link stage, and as a server's reply. */
#include "channels/link.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

/* Feeds in steps and answers each decision; returns how many were used. */
static uint32_t run(struct link *link, const uint8_t *data, uint32_t len,
		    uint32_t step)
{
	static const uint8_t key[WIRE_LINK_KEY_BYTES] = {0x30};
	struct link_offer offer = {link_common_caps(), {0}, key};
	uint8_t out[WIRE_LINK_OUT_MAX];
	uint32_t at = 0;

	link_init(link);
	while (at < len) {
		uint32_t room = min_u32(step, len - at);
		uint32_t out_len;
		uint32_t used;
		enum link_step said =
			link_feed(link, data + at, room, &used, out, &out_len);

		FUZZ_ASSERT(used <= room, "no more is used than was given");
		FUZZ_ASSERT(out_len == 0 || said == LINK_FAILED, "errors only");
		at += used;
		if (said == LINK_IDENTIFIED)
			link_accept(link, &offer, out);
		else if (said == LINK_TICKET)
			link_result(link, link_ticket(link)[0] & 1, out);
		else if (said != LINK_MORE)
			return at;
	}
	return at;
}

static void read_as_client(const uint8_t *data, uint32_t len)
{
	struct wire_link_header header;
	struct wire_link_reply reply;
	struct wire_caps common;
	struct wire_caps channel;

	if (len < WIRE_LINK_HEADER_BYTES ||
	    wire_link_read_header(&header, data, WIRE_LINK_REPLY_BYTES) != 0)
		return;
	len -= WIRE_LINK_HEADER_BYTES;
	if (wire_link_read_reply(&reply, &common, &channel,
				 data + WIRE_LINK_HEADER_BYTES,
				 min_u32(len, header.size_bytes)))
		return; /* nothing was read */
	FUZZ_ASSERT(common.count <= WIRE_CAPS_WORDS, "bounded");
	FUZZ_ASSERT(channel.count <= WIRE_CAPS_WORDS, "bounded");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct link whole;
	struct link pieces;
	uint32_t len = (uint32_t)size;
	uint32_t step;
	uint32_t used;
	bool same;

	if (size < 2 || size > 16384)
		return 0;
	step = data[0] + 1u;
	data++;
	len--;
	used = run(&whole, data, len, len);
	same = run(&pieces, data, len, step) == used;
	FUZZ_ASSERT(same || whole.state == LINK_LOST,
		    "how bytes are cut changes nothing");
	FUZZ_ASSERT(whole.state == pieces.state, "nor where they lead");
	FUZZ_ASSERT(whole.error == pieces.error, "nor what is wrong with them");
	FUZZ_ASSERT(whole.connection_id == pieces.connection_id,
		    "nor what is read");
	read_as_client(data, len);
	return 0;
}

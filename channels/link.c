/* link.c - the server's side of the link stage: bytes in, decisions out. */
#include "channels/link.h"

#include <spice/enums.h>
#include <spice/protocol.h>

#include <string.h>

/* The ticket is all we know; its number on the wire is the capability's. */
#define MECHANISM_TICKET SPICE_COMMON_CAP_AUTH_SPICE

static void enter(struct link *link, enum link_state state, uint32_t want)
{
	link->state = (uint8_t)state;
	link->have = 0;
	link->want = want;
}

void link_init(struct link *link)
{
	memset(link, 0, sizeof(*link));
	enter(link, LINK_IN_HEADER, WIRE_LINK_HEADER_BYTES);
}

/* any state before AT_RESULT -> LOST */
static uint32_t fail(struct link *link, uint32_t error, uint8_t *out)
{
	enter(link, LINK_LOST, 0);
	link->error = error;
	if (error == WIRE_LINK_HANG_UP)
		return 0;
	return wire_link_write_reply(out, error, NULL, NULL, NULL);
}

/* IN_HEADER -> IN_MESSAGE */
static uint32_t end_header(struct link *link)
{
	struct wire_link_header header;
	uint32_t error = wire_link_read_header(&header, link->input,
					       WIRE_LINK_MESS_BYTES);

	if (error == SPICE_LINK_ERR_OK)
		enter(link, LINK_IN_MESSAGE, header.size_bytes);
	return error;
}

/* IN_MESSAGE -> AT_OFFER */
static uint32_t end_message(struct link *link)
{
	struct wire_link_mess mess;
	uint32_t error = wire_link_read_mess(
		&mess, &link->common, &link->channel, link->input, link->want);

	if (error != SPICE_LINK_ERR_OK)
		return error;
	link->connection_id = mess.connection_id;
	link->channel_type = mess.channel_type;
	link->channel_id = mess.channel_id;
	enter(link, LINK_AT_OFFER, 0);
	return SPICE_LINK_ERR_OK;
}

/* IN_MECHANISM -> IN_TICKET */
static uint32_t end_mechanism(struct link *link)
{
	if (wire_link_read_word(link->input) != MECHANISM_TICKET)
		return SPICE_LINK_ERR_INVALID_DATA;
	enter(link, LINK_IN_TICKET, WIRE_LINK_CIPHER_BYTES);
	return SPICE_LINK_ERR_OK;
}

/* All bytes that the state wants are in. */
static uint32_t end_input(struct link *link)
{
	switch ((enum link_state)link->state) {
	case LINK_IN_HEADER:
		return end_header(link);
	case LINK_IN_MESSAGE:
		return end_message(link);
	case LINK_IN_MECHANISM:
		return end_mechanism(link);
	case LINK_IN_TICKET:
		/* The input stays: link_ticket lends it. */
		link->state = LINK_AT_RESULT;
		link->want = 0;
		return SPICE_LINK_ERR_OK;
	case LINK_AT_OFFER:
	case LINK_AT_RESULT:
	case LINK_AT_END:
	case LINK_LOST:
		break;
	}
	ASSERT(false, "this state takes no input");
	return SPICE_LINK_ERR_ERROR;
}

static enum link_step step_of(const struct link *link)
{
	switch ((enum link_state)link->state) {
	case LINK_IN_HEADER:
	case LINK_IN_MESSAGE:
	case LINK_IN_MECHANISM:
	case LINK_IN_TICKET:
		return LINK_MORE;
	case LINK_AT_OFFER:
		return LINK_IDENTIFIED;
	case LINK_AT_RESULT:
		return LINK_TICKET;
	case LINK_AT_END:
		return LINK_DONE;
	case LINK_LOST:
		break;
	}
	return LINK_FAILED;
}

static uint32_t take(struct link *link, const uint8_t *data, uint32_t len)
{
	uint32_t count = min_u32(link->want - link->have, len);

	memcpy(link->input + link->have, data, count);
	link->have += count;
	return count;
}

/*
 * The input so far. The magic is judged as soon as it is there: what is not
 * SPICE may never send 16 bytes.
 */
static uint32_t judge(struct link *link)
{
	if (link->state == LINK_IN_HEADER && link->have >= 4) {
		uint32_t error = wire_link_check_magic(link->input);

		if (error != SPICE_LINK_ERR_OK)
			return error;
	}
	return link->have == link->want ? end_input(link) : SPICE_LINK_ERR_OK;
}

enum link_step link_feed(struct link *link, const uint8_t *data, uint32_t len,
			 uint32_t *used, uint8_t out[WIRE_LINK_OUT_MAX],
			 uint32_t *out_len)
{
	*used = 0;
	*out_len = 0;
	while (step_of(link) == LINK_MORE && *used < len) {
		uint32_t error;

		*used += take(link, data + *used, len - *used);
		error = judge(link);
		if (error != SPICE_LINK_ERR_OK)
			*out_len = fail(link, error, out);
	}
	return step_of(link);
}

/* AT_OFFER -> IN_MECHANISM or IN_TICKET */
uint32_t link_accept(struct link *link, const struct link_offer *offer,
		     uint8_t out[WIRE_LINK_OUT_MAX])
{
	ASSERT(link->state == LINK_AT_OFFER, "only an identified link");
	if (caps_test(link->common.words, link->common.count,
		      SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION))
		enter(link, LINK_IN_MECHANISM, 4);
	else
		enter(link, LINK_IN_TICKET, WIRE_LINK_CIPHER_BYTES);
	return wire_link_write_reply(out, SPICE_LINK_ERR_OK, offer->key,
				     &offer->common, &offer->channel);
}

uint32_t link_refuse(struct link *link, uint32_t error,
		     uint8_t out[WIRE_LINK_OUT_MAX])
{
	ASSERT(link->state < LINK_AT_RESULT, "then there is link_result");
	ASSERT(error != SPICE_LINK_ERR_OK, "a refusal says why");
	return fail(link, error, out);
}

const uint8_t *link_ticket(const struct link *link)
{
	ASSERT(link->state == LINK_AT_RESULT, "the ticket has come");
	return link->input;
}

/* AT_RESULT -> AT_END or LOST */
uint32_t link_result(struct link *link, uint32_t result,
		     uint8_t out[WIRE_LINK_OUT_MAX])
{
	ASSERT(link->state == LINK_AT_RESULT, "the ticket has come");
	link->error = result;
	enter(link, result == SPICE_LINK_ERR_OK ? LINK_AT_END : LINK_LOST, 0);
	wire_link_write_word(out, result);
	return 4;
}

bool link_wants_mini_header(const struct link *link)
{
	return caps_test(link->common.words, link->common.count,
			 SPICE_COMMON_CAP_MINI_HEADER);
}

struct wire_caps link_common_caps(void)
{
	struct wire_caps caps = {0};

	caps_set(&caps, SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION);
	caps_set(&caps, SPICE_COMMON_CAP_AUTH_SPICE);
	caps_set(&caps, SPICE_COMMON_CAP_MINI_HEADER);
	return caps;
}

/* link.c - the link stage of a client's leg. */
#include "channels/client/internal.h"

#include <errno.h>

/* What we can, on a channel: as spice-gtk, without SASL and LZ4. */
static void leg_caps(const struct client *client, const struct client_leg *leg,
		     struct wire_caps *common, struct wire_caps *own)
{
	const struct client_options *options = &client->options;

	*common = (struct wire_caps){0};
	*own = (struct wire_caps){0};
	if (!options->no_auth_selection)
		caps_set(common, SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION);
	if (!options->full_header)
		caps_set(common, SPICE_COMMON_CAP_MINI_HEADER);
	switch (client->channels[leg->channel].type) {
	case SPICE_CHANNEL_MAIN:
		own->count = options->main_caps ? 1 : 0;
		own->words[0] = options->main_caps;
		break;
	case SPICE_CHANNEL_DISPLAY:
		caps_set(own, SPICE_DISPLAY_CAP_SIZED_STREAM);
		caps_set(own, SPICE_DISPLAY_CAP_MONITORS_CONFIG);
		caps_set(own, SPICE_DISPLAY_CAP_COMPOSITE);
		caps_set(own, SPICE_DISPLAY_CAP_A8_SURFACE);
		caps_set(own, SPICE_DISPLAY_CAP_STREAM_REPORT);
		break;
	default:
		break;
	}
}

static void leg_send(struct client *client, const struct client_leg *leg,
		     const void *bytes, uint32_t len)
{
	client->io->send(client->io_arg, client_leg_index(client, leg), bytes,
			 len);
}

void client_connected(struct client *client, uint32_t index, uint64_t now_ns)
{
	struct client_leg *leg = &client->legs[index];
	const struct client_channel *channel = &client->channels[leg->channel];
	uint8_t out[WIRE_LINK_OUT_MAX];
	struct wire_caps common;
	struct wire_caps own;
	uint32_t len;

	client->now_ns = now_ns;
	if (leg->state != CLIENT_LEG_DIALLING)
		return;
	leg_caps(client, leg, &common, &own);
	len = wire_link_write_mess(out, leg->connection_id, channel->type,
				   channel->id, &common, &own);
	leg->state = CLIENT_LEG_HEADER;
	leg->want_bytes = WIRE_LINK_HEADER_BYTES;
	leg_send(client, leg, out, len);
}

static void leg_refused(struct client *client, struct client_leg *leg,
			uint32_t link_error)
{
	client_tell(client, &client->channels[leg->channel],
		    (struct client_event){.kind = CLIENT_REFUSED,
					  .value = link_error});
	client_leg_fail(client, leg, -EACCES);
}

static void leg_header(struct client *client, struct client_leg *leg,
		       const uint8_t *bytes)
{
	struct wire_link_header header;

	/* The whole reply must fit the one chunk it is kept in. */
	if (wire_link_read_header(&header, bytes, WIRE_LINK_REPLY_BYTES) != 0 ||
	    header.size_bytes > CHUNK_BYTES) {
		client_leg_fail(client, leg, -EPROTO);
		return;
	}
	leg->state = CLIENT_LEG_REPLY;
	leg->want_bytes = header.size_bytes;
}

static void leg_reply(struct client *client, struct client_leg *leg,
		      const uint8_t *bytes)
{
	uint8_t cipher[WIRE_LINK_CIPHER_BYTES];
	struct wire_link_reply reply;
	struct wire_caps common;
	struct wire_caps own;
	uint8_t word[4];
	int error;

	if (wire_link_read_reply(&reply, &common, &own, bytes,
				 leg->want_bytes) != 0) {
		client_leg_fail(client, leg, -EPROTO);
		return;
	}
	if (reply.error != SPICE_LINK_ERR_OK) {
		leg_refused(client, leg, reply.error);
		return;
	}
	leg->common_caps = common.words[0];
	leg->channel_caps = own.words[0];
	error = client->io->seal(client->io_arg, reply.key,
				 client->options.password, cipher);
	if (error < 0) {
		client_leg_fail(client, leg, error);
		return;
	}
	/* The word is sent when both ends select: spice-gtk looks at both. */
	if (!client->options.no_auth_selection &&
	    caps_test(common.words, common.count,
		      SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION)) {
		wire_link_write_word(word, SPICE_COMMON_CAP_AUTH_SPICE);
		leg_send(client, leg, word, sizeof(word));
	}
	leg_send(client, leg, cipher, sizeof(cipher));
	leg->state = CLIENT_LEG_RESULT;
	leg->want_bytes = 4;
}

static void leg_result(struct client *client, struct client_leg *leg,
		       const uint8_t *bytes)
{
	struct client_channel *channel = &client->channels[leg->channel];
	uint32_t result = wire_link_read_word(bytes);
	bool mini = !client->options.full_header &&
		    (leg->common_caps >> SPICE_COMMON_CAP_MINI_HEADER & 1);

	if (result != SPICE_LINK_ERR_OK) {
		leg_refused(client, leg, result);
		return;
	}
	frame_init(&leg->parser, mini ? FRAME_MINI : FRAME_FULL, false);
	if (channel->next == client_leg_index(client, leg)) {
		client_move_linked(client, channel, leg);
		return;
	}
	leg->state = CLIENT_LEG_UP;
	client_leg_refresh(client, client_leg_index(client, leg));
	channel->linked = true;
	channel->fresh_serial = true;
	client_channel_start(client, channel);
	client_check_up(client);
}

uint32_t client_leg_link(struct client *client, struct client_leg *leg,
			 const uint8_t *bytes, uint32_t len)
{
	uint8_t whole[CHUNK_BYTES];
	uint32_t take = min_u32(len, leg->want_bytes - leg->rx.len_bytes);

	if (chunkq_append(client->pool, &leg->rx, bytes, take) < 0) {
		client_leg_fail(client, leg, -ENOBUFS);
		return len;
	}
	if (leg->rx.len_bytes < leg->want_bytes)
		return take;
	chunkq_copy(client->pool, &leg->rx, 0, whole, leg->want_bytes);
	chunkq_clear(client->pool, &leg->rx);
	switch (leg->state) {
	case CLIENT_LEG_HEADER:
		leg_header(client, leg, whole);
		break;
	case CLIENT_LEG_REPLY:
		leg_reply(client, leg, whole);
		break;
	default:
		leg_result(client, leg, whole);
		break;
	}
	return take;
}

/* leg.c - one connection of a client: its link stage, and when it is read. */
#include "channels/client/internal.h"

#include <errno.h>
#include <string.h>

uint8_t client_leg_index(const struct client *client,
			 const struct client_leg *leg)
{
	return (uint8_t)(leg - client->legs);
}

static struct client_leg *leg_take(struct client *client)
{
	for (uint32_t i = 0; i < CLIENT_LEGS_MAX; i++) {
		if (client->legs[i].state == CLIENT_LEG_FREE)
			return &client->legs[i];
	}
	return NULL;
}

int client_leg_dial(struct client *client, struct client_channel *channel,
		    uint32_t connection_id,
		    const struct client_address *address)
{
	struct client_leg *leg = leg_take(client);
	int error;

	if (!leg)
		return -ENOSPC;
	*leg = (struct client_leg){
		.state = CLIENT_LEG_DIALLING,
		.channel = (uint8_t)(channel - client->channels),
		.connection_id = connection_id,
	};
	error = client->io->connect(client->io_arg,
				    client_leg_index(client, leg),
				    address->host, address->port);
	if (error < 0) {
		leg->state = CLIENT_LEG_FREE;
		return error;
	}
	return client_leg_index(client, leg);
}

void client_leg_close(struct client *client, uint8_t *index)
{
	struct client_leg *leg;

	if (*index == CLIENT_NONE)
		return;
	leg = &client->legs[*index];
	*index = CLIENT_NONE;
	if (leg->state == CLIENT_LEG_FREE || leg->state == CLIENT_LEG_CLOSING)
		return;
	chunkq_clear(client->pool, &leg->rx);
	if (leg->gone) {
		leg->state = CLIENT_LEG_FREE;
		return;
	}
	leg->state = CLIENT_LEG_CLOSING;
	client->io->close(client->io_arg, client_leg_index(client, leg));
}

static bool leg_is_held(const struct client *client,
			const struct client_leg *leg)
{
	const struct client_channel *channel = &client->channels[leg->channel];

	if (leg->state == CLIENT_LEG_PARKED)
		return true;
	if (leg->state != CLIENT_LEG_UP)
		return false;
	return channel->mute || channel->deaf || channel->stopped ||
	       channel->skipped;
}

void client_leg_refresh(struct client *client, uint8_t index)
{
	struct client_leg *leg;
	bool held;

	if (index == CLIENT_NONE)
		return;
	leg = &client->legs[index];
	held = leg_is_held(client, leg);
	if (held == leg->held || leg->gone || leg->state == CLIENT_LEG_CLOSING)
		return;
	leg->held = held;
	client->io->hold(client->io_arg, index, held);
}

/* The link, or what stands in for it, has come to nothing. */
void client_leg_fail(struct client *client, struct client_leg *leg, int error)
{
	struct client_channel *channel = &client->channels[leg->channel];
	uint8_t index = client_leg_index(client, leg);

	if (channel->next == index) {
		client_move_abort(client, channel);
		return;
	}
	if (channel->leg == index) {
		client_channel_lose(client, channel, error);
		return;
	}
	if (channel->old == index)
		channel->old = CLIENT_NONE;
	client_leg_close(client, &index);
}

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

/*
 * A sign from a leg that was left: bytes or its end. After a semi-seamless
 * swap, or one that was undone, it is what wakes the channel's reader.
 */
void client_leg_left_behind(struct client *client, struct client_leg *leg,
			    bool bytes)
{
	struct client_channel *channel = &client->channels[leg->channel];
	uint8_t index = client_leg_index(client, leg);

	if (leg->orphan) {
		client_leg_close(client, &index);
		return;
	}
	if (channel->leg == index) { /* semi-seamless, before INIT */
		channel->deaf = false;
		return;
	}
	if (channel->old != index)
		return;
	if (channel->deaf)
		client_wake(client, channel);
	else if (bytes && leg->sealed)
		client_violate(client, &client->violations.after_end, channel,
			       "bytes after the end");
	else if (!bytes)
		client_leg_close(client, &channel->old);
}

/* The server's end of a leg is closed; error says how. */
static void leg_ended(struct client *client, struct client_leg *leg, int error)
{
	leg->dead = true;
	switch (leg->state) {
	case CLIENT_LEG_FREE:
	case CLIENT_LEG_CLOSING:
		break;
	case CLIENT_LEG_OLD:
		client_leg_left_behind(client, leg, false);
		break;
	case CLIENT_LEG_HANDSHAKE:
	case CLIENT_LEG_PARKED:
		/*
		 * Only the first event of such a leg is observed, and that was
		 * its link: the client learns of this when it swaps.
		 */
		if (!client->options.quirks &&
		    client->move.state <= CLIENT_MOVE_LINKING)
			client_move_abort(client,
					  &client->channels[leg->channel]);
		break;
	default:
		client_leg_fail(client, leg, error);
		break;
	}
}

void client_eof(struct client *client, uint32_t index, uint64_t now_ns)
{
	client->now_ns = now_ns;
	leg_ended(client, &client->legs[index], -ECONNRESET);
}

void client_closed(struct client *client, uint32_t index, int error,
		   uint64_t now_ns)
{
	struct client_leg *leg = &client->legs[index];

	client->now_ns = now_ns;
	leg->gone = true;
	if (leg->state == CLIENT_LEG_CLOSING)
		leg->state = CLIENT_LEG_FREE;
	else
		leg_ended(client, leg, error < 0 ? error : -ECONNRESET);
}

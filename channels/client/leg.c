/* leg.c - one connection of a client: dialled, held, written, closed. */
#include "channels/client/internal.h"

#include <errno.h>

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

struct client_leg *client_leg_in_use(struct client *client,
				     const struct client_channel *channel)
{
	struct client_leg *leg;

	if (channel->leg == CLIENT_NONE)
		return NULL;
	leg = &client->legs[channel->leg];
	return leg->state == CLIENT_LEG_UP && !leg->gone ? leg : NULL;
}

uint32_t client_leg_room(struct client *client, uint8_t leg)
{
	return client->io->room(client->io_arg, leg);
}

void client_leg_emit(struct client *client, uint8_t index, uint64_t serial,
		     uint16_t type, const void *body, uint32_t len)
{
	enum frame_mode mode = client->legs[index].parser.mode;
	uint8_t header[FRAME_FULL_BYTES];
	uint32_t header_len =
		frame_emit_header(header, mode, serial, type, len);

	client->io->send(client->io_arg, index, header, header_len);
	if (len > 0)
		client->io->send(client->io_arg, index, body, len);
}

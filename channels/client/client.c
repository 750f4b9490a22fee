/* client.c - a client's record: its channels by name, what is told of them. */
#include "channels/client/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_BYTES_DEFAULT ((uint32_t)256 * 1024)

void client_options_default(struct client_options *options)
{
	*options = (struct client_options){
		.main_caps = 0xf,
		.quirks = true,
		.link_seed = 1,
		.queue_max_bytes = QUEUE_BYTES_DEFAULT,
	};
}

void client_init(struct client *client, const struct client_io *io,
		 void *io_arg, struct chunk_pool *pool,
		 const struct client_options *options)
{
	*client = (struct client){
		.io = io,
		.io_arg = io_arg,
		.pool = pool,
		.options = *options,
		.random = options->link_seed,
	};
}

void client_fini(struct client *client)
{
	for (uint32_t i = 0; i < CLIENT_CHANNELS_MAX; i++)
		chunkq_clear(client->pool, &client->channels[i].queue);
	for (uint32_t i = 0; i < CLIENT_LEGS_MAX; i++)
		chunkq_clear(client->pool, &client->legs[i].rx);
	free(client->pixels);
	explicit_bzero(client, sizeof(*client));
}

const struct client_channel *client_find(const struct client *client,
					 uint8_t type, uint8_t id)
{
	for (uint32_t i = 0; i < CLIENT_CHANNELS_MAX; i++) {
		const struct client_channel *channel = &client->channels[i];

		if (channel->known && channel->type == type &&
		    channel->id == id)
			return channel;
	}
	return NULL;
}

struct client_channel *client_lookup(struct client *client, uint8_t type,
				     uint8_t id)
{
	const struct client_channel *found = client_find(client, type, id);

	return found ? &client->channels[found - client->channels] : NULL;
}

void client_tell(struct client *client, const struct client_channel *channel,
		 struct client_event event)
{
	if (client_has_ended(client) && event.kind != CLIENT_CLOSED)
		return;
	event.type = channel->type;
	event.id = channel->id;
	client->io->event(client->io_arg, &event);
}

void client_violate(struct client *client, uint32_t *counter,
		    const struct client_channel *channel, const char *what)
{
	struct client_violations *violations = &client->violations;

	++*counter;
	if (violations->first[0] == '\0')
		snprintf(violations->first, sizeof(violations->first),
			 "%s %u: %s", wire_channel_name(channel->type),
			 channel->id, what);
}

bool client_is_content(const struct client *client)
{
	return client->violations.first[0] == '\0';
}

bool client_is_idle(const struct client *client)
{
	for (uint32_t i = 0; i < CLIENT_LEGS_MAX; i++) {
		if (client->legs[i].state != CLIENT_LEG_FREE)
			return false;
	}
	return true;
}

/* Puts indices in an order that the seed chooses; 0 leaves them. */
void client_shuffle(struct client *client, uint8_t *order, uint32_t count)
{
	if (client->options.link_seed == 0)
		return;
	for (uint32_t i = count; i > 1; i--) {
		uint32_t pick;
		uint8_t swap;

		client->random = client->random * 1664525u + 1013904223u;
		pick = (client->random >> 8) % i;
		swap = order[i - 1];
		order[i - 1] = order[pick];
		order[pick] = swap;
	}
}

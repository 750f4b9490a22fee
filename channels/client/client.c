/* client.c - a client's session: its start, its channels, its end. */
#include "channels/client/internal.h"

#include <errno.h>
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

static void close_all(struct client *client)
{
	for (uint8_t i = 0; i < CLIENT_LEGS_MAX; i++) {
		uint8_t leg = i;

		client_leg_close(client, &leg);
	}
	for (uint32_t i = 0; i < CLIENT_CHANNELS_MAX; i++) {
		struct client_channel *channel = &client->channels[i];

		channel->leg = CLIENT_NONE;
		channel->next = CLIENT_NONE;
		channel->old = CLIENT_NONE;
		channel->linked = false;
		chunkq_clear(client->pool, &channel->queue);
	}
}

void client_end(struct client *client, int error)
{
	if (client_has_ended(client))
		return;
	client->state = CLIENT_ENDED;
	close_all(client);
	client_tell(
		client, client_main(client),
		(struct client_event){.kind = CLIENT_CLOSED, .error = error});
}

int client_start(struct client *client, const char *host, uint16_t port,
		 uint64_t now_ns)
{
	struct client_channel *main = client_main(client);
	struct client_address here = {.port = port};
	size_t len = strlen(host);
	int leg;

	if (client->state != CLIENT_IDLE || len == 0 ||
	    len >= sizeof(here.host))
		return -EINVAL;
	memcpy(here.host, host, len);
	client->now_ns = now_ns;
	client->here = here;
	client->session_id = 0;
	client->up = false;
	client->mouse_mode = 0;
	memset(client->channels, 0, sizeof(client->channels));
	for (uint32_t i = 0; i < CLIENT_CHANNELS_MAX; i++) {
		client->channels[i].leg = CLIENT_NONE;
		client->channels[i].next = CLIENT_NONE;
		client->channels[i].old = CLIENT_NONE;
	}
	main->known = true;
	main->type = SPICE_CHANNEL_MAIN;
	leg = client_leg_dial(client, main, 0, &client->here);
	if (leg < 0)
		return leg;
	main->leg = (uint8_t)leg;
	client->state = CLIENT_STARTING;
	return 0;
}

void client_stop(struct client *client)
{
	client->state = CLIENT_ENDED;
	close_all(client);
}

bool client_is_idle(const struct client *client)
{
	for (uint32_t i = 0; i < CLIENT_LEGS_MAX; i++) {
		if (client->legs[i].state != CLIENT_LEG_FREE)
			return false;
	}
	return true;
}

/* What an INIT will set anew. */
void client_channel_reset(struct client *client, struct client_channel *channel)
{
	(void)client;
	channel->inited = false;
	channel->frozen = false;
	channel->settle = 0;
	channel->ack_window = 0;
	channel->ack_count = 0;
}

/* The channel can be used: what a client says first. */
void client_channel_start(struct client *client, struct client_channel *channel)
{
	struct msgc_display_init display = {
		.pixmap_cache_id = 1,
		.pixmap_cache_pixels = 20 << 20,
		.glz_dictionary_id = 1,
		.glz_window_pixels = 3 << 20,
	};
	struct msgc_inputs_key_modifiers modifiers = {client->modifiers};

	if (channel->type == SPICE_CHANNEL_DISPLAY)
		client_send_now(client, channel, SPICE_MSGC_DISPLAY_INIT,
				&display);
	if (channel->type == SPICE_CHANNEL_INPUTS)
		client_send_now(client, channel,
				SPICE_MSGC_INPUTS_KEY_MODIFIERS, &modifiers);
	client_tell(client, channel,
		    (struct client_event){.kind = CLIENT_CHANNEL_UP});
}

void client_channel_lose(struct client *client, struct client_channel *channel,
			 int error)
{
	if (client_is_main(client, channel)) {
		client_end(client, error);
		return;
	}
	client_leg_close(client, &channel->leg);
	channel->linked = false;
	channel->frozen = false;
	channel->deaf = false;
	client_queue_drop(client, channel);
	client_tell(client, channel,
		    (struct client_event){.kind = CLIENT_CHANNEL_LOST,
					  .error = error});
	client_check_up(client);
}

/* Dials what is listed and was never dialled. */
void client_dial_listed(struct client *client)
{
	uint8_t order[CLIENT_CHANNELS_MAX];
	uint32_t count = 0;

	for (uint8_t i = 1; i < CLIENT_CHANNELS_MAX; i++) {
		const struct client_channel *channel = &client->channels[i];

		if (channel->known && !channel->skipped && !channel->dialled)
			order[count++] = i;
	}
	client_shuffle(client, order, count);
	for (uint32_t i = 0; i < count; i++) {
		struct client_channel *channel = &client->channels[order[i]];
		int leg = client_leg_dial(client, channel, client->session_id,
					  &client->here);

		channel->dialled = true;
		if (leg < 0)
			client_channel_lose(client, channel, leg);
		else
			channel->leg = (uint8_t)leg;
	}
}

void client_check_up(struct client *client)
{
	if (client->up || client->state != CLIENT_RUNNING)
		return;
	for (uint32_t i = 0; i < CLIENT_CHANNELS_MAX; i++) {
		const struct client_channel *channel = &client->channels[i];

		if (!channel->known || channel->skipped || channel->linked)
			continue;
		/* One that was lost is not waited for. */
		if (!channel->dialled || channel->leg != CLIENT_NONE)
			return;
	}
	client->up = true;
	if (client->switching) {
		client->switching = false;
		client->migrations++;
		client_tell(client, client_main(client),
			    (struct client_event){.kind = CLIENT_MIGRATED,
						  .mode = CLIENT_SWITCH_HOST});
	}
	client_tell(client, client_main(client),
		    (struct client_event){.kind = CLIENT_UP});
}

static void settle(struct client *client, struct client_channel *channel)
{
	channel->settle = 0;
	client_queue_flush(client, channel);
}

/* Takes bytes for as long as the leg's state lets it be read. */
static uint32_t leg_feed(struct client *client, struct client_leg *leg,
			 const uint8_t *bytes, uint32_t len)
{
	switch (leg->state) {
	case CLIENT_LEG_HEADER:
	case CLIENT_LEG_REPLY:
	case CLIENT_LEG_RESULT:
		return client_leg_link(client, leg, bytes, len);
	case CLIENT_LEG_UP:
		client_move_heard(client, &client->channels[leg->channel]);
		return client_leg_frames(client, leg, bytes, len);
	case CLIENT_LEG_HANDSHAKE:
		return client_leg_frames(client, leg, bytes, len);
	case CLIENT_LEG_OLD:
		client_leg_left_behind(client, leg, true);
		return len;
	default:
		return len;
	}
}

uint32_t client_received(struct client *client, uint32_t index,
			 const uint8_t *bytes, uint32_t len, uint64_t now_ns)
{
	struct client_leg *leg = &client->legs[index];
	struct client_channel *channel = &client->channels[leg->channel];
	uint32_t used = 0;

	client->now_ns = now_ns;
	while (used < len && !leg->held)
		used += leg_feed(client, leg, bytes + used, len - used);
	if (leg->state == CLIENT_LEG_HANDSHAKE && leg->after_ack)
		client_move_burst_over(client, leg);
	/* Replies to what had arrived early go before the queue. */
	if (leg->state == CLIENT_LEG_UP && channel->leg == index &&
	    channel->settle)
		settle(client, channel);
	return used;
}

bool client_flush(struct client *client, uint64_t now_ns)
{
	bool again = false;

	client->now_ns = now_ns;
	for (uint32_t i = 0; i < CLIENT_CHANNELS_MAX; i++) {
		struct client_channel *channel = &client->channels[i];

		if (channel->settle && --channel->settle == 0)
			settle(client, channel);
		again |= channel->settle > 0;
		if (channel->queue.len_bytes > 0)
			client_queue_flush(client, channel);
	}
	return again;
}

void client_read(struct client *client, uint8_t type, uint8_t id, bool on)
{
	struct client_channel *channel = client_lookup(client, type, id);

	if (!channel)
		return;
	channel->stopped = !on;
	client_leg_refresh(client, channel->leg);
}

/* session.c - a client's session starts, and so do its channels. */
#include "channels/client/internal.h"

#include <errno.h>
#include <string.h>

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

/* What an INIT will set anew. */
void client_channel_reset(struct client_channel *channel)
{
	channel->inited = false;
	channel->frozen = false;
	channel->settle = 0;
	channel->ack_window = 0;
	channel->ack_count = 0;
}

void client_main_reset(struct client *client)
{
	client->agent = (struct client_agent){0};
	client->motion = (struct client_motion){0};
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

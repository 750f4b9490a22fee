/* fail.c - what comes to nothing: a leg, a channel, a move, the session. */
#include "channels/client/internal.h"

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

void client_stop(struct client *client)
{
	client->state = CLIENT_ENDED;
	close_all(client);
}

/* The session is up when nothing is waited for: a loss may be the last. */
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

/* True when giving up now would find a second link unanswered. */
static bool would_crash(struct client *client,
			const struct client_channel *failed)
{
	if (client_is_main(client, failed))
		return false;
	for (uint32_t i = 1; i < CLIENT_CHANNELS_MAX; i++) {
		const struct client_channel *channel = &client->channels[i];

		if (channel == failed || channel->next == CLIENT_NONE)
			continue;
		if (client->legs[channel->next].state < CLIENT_LEG_UP)
			return true;
	}
	return false;
}

/* CONNECTING, LINKING -> NONE. spice-gtk 0.42 may not survive this. */
void client_move_abort(struct client *client, struct client_channel *failed)
{
	bool crash = would_crash(client, failed);

	client->move.state = CLIENT_MOVE_NONE;
	for (uint32_t i = 0; i < CLIENT_CHANNELS_MAX; i++)
		client_leg_close(client, &client->channels[i].next);
	client_queue(client, client_main(client),
		     SPICE_MSGC_MAIN_MIGRATE_CONNECT_ERROR, NULL);
	client_main_mute(client, false);
	client_tell(client, failed,
		    (struct client_event){.kind = CLIENT_LINK_FAILED});
	if (!crash || !client->options.quirks)
		return;
	client->crashes++;
	client_tell(client, failed,
		    (struct client_event){.kind = CLIENT_WOULD_CRASH});
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

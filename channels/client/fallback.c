/* fallback.c - the ways of a move that are not seamless: semi, back, switch. */
#include "channels/client/internal.h"

#include <errno.h>
#include <string.h>

/* Semi-seamless: what is not main starts over, and waits till main has. */
static void channel_set_back(struct client *client,
			     struct client_channel *channel)
{
	client_queue_drop(client, channel);
	client_channel_reset(channel);
	channel->mute = true;
	channel->deaf = true;
	if (channel->leg == CLIENT_NONE)
		return;
	client->legs[channel->leg].state = CLIENT_LEG_OLD;
	client_leg_refresh(client, channel->leg);
	if (client->legs[channel->leg].dead)
		channel->deaf = false;
}

/* MIGRATING -> WAIT_INIT */
void client_move_end(struct client *client)
{
	struct client_channel *main = client_main(client);

	if (client->move.state != CLIENT_MOVE_MIGRATING) {
		client_violate(client, &client->violations.unexpected, main,
			       "MIGRATE_END without a migration");
		return;
	}
	if (client->move.do_seamless) {
		client_violate(client, &client->violations.unexpected, main,
			       "MIGRATE_END after a seamless answer");
		client->move.do_seamless = false;
	}
	for (uint32_t i = 1; i < CLIENT_CHANNELS_MAX; i++) {
		if (client->channels[i].known)
			channel_set_back(client, &client->channels[i]);
	}
	client_display_reset(client, false);
	client_queue_drop(client, main);
	client_channel_reset(main);
	client_main_reset(client);
	client->move.state = CLIENT_MOVE_WAIT_INIT;
	client_legs_swap(client, main);
	client_tell(client, main, (struct client_event){.kind = CLIENT_RESET});
	client_leg_use(client, main);
	client_send_now(client, main, SPICE_MSGC_MAIN_MIGRATE_END, NULL);
}

/* A channel's part of WAIT_INIT -> NONE. */
static void channel_go_on(struct client *client, struct client_channel *channel)
{
	bool deaf = channel->deaf && client->options.quirks;

	channel->mute = false;
	if (channel->next == CLIENT_NONE)
		return;
	client_legs_swap(client, channel);
	channel->deaf = deaf && channel->old != CLIENT_NONE;
	if (!channel->deaf)
		client_leg_close(client, &channel->old);
	client_leg_use(client, channel);
	if (channel->linked && !channel->skipped)
		client_channel_start(client, channel);
	/* To send is another way to wake the reader. */
	if (channel->deaf && channel->queue.len_bytes > 0)
		client_wake(client, channel);
	client_queue_flush(client, channel);
}

/* WAIT_INIT -> NONE. The readers wake when the old sockets are closed. */
void client_move_init(struct client *client)
{
	client_leg_close(client, &client_main(client)->old);
	for (uint32_t i = 1; i < CLIENT_CHANNELS_MAX; i++) {
		if (client->channels[i].known)
			channel_go_on(client, &client->channels[i]);
	}
	client_move_over(client, CLIENT_SEMI);
}

/* A channel that had swapped: back, but its reader waits where it was. */
static void channel_fetch_back(struct client *client,
			       struct client_channel *channel)
{
	uint8_t there = channel->leg;

	channel->leg = channel->old;
	channel->old = there;
	client->legs[there].state = CLIENT_LEG_OLD;
	client_leg_refresh(client, there);
	channel->deaf =
		client->options.quirks && !client_is_main(client, channel);
	if (!channel->deaf)
		client_leg_close(client, &channel->old);
	if (channel->leg == CLIENT_NONE) {
		client_channel_lose(client, channel, -EPIPE);
		return;
	}
	client->legs[channel->leg].state = CLIENT_LEG_UP;
	client->legs[channel->leg].sealed = false;
	channel->fresh_serial = true;
	client_leg_use(client, channel);
}

static void channel_stay(struct client *client, struct client_channel *channel)
{
	if (channel->leg != CLIENT_NONE) {
		client->legs[channel->leg].state = CLIENT_LEG_UP;
		client_leg_use(client, channel);
	}
	/* Main's link there is let go only when it is written or closed. */
	if (client_is_main(client, channel) && channel->next != CLIENT_NONE &&
	    client->options.quirks && !client->legs[channel->next].dead) {
		client->legs[channel->next].state = CLIENT_LEG_OLD;
		client->legs[channel->next].orphan = true;
		client_leg_refresh(client, channel->next);
		channel->next = CLIENT_NONE;
	}
	client_leg_close(client, &channel->next);
}

/* MIGRATING, WAIT_INIT -> NONE; the address stays the destination's. */
void client_move_cancel(struct client *client)
{
	uint8_t state = client->move.state;

	if (state != CLIENT_MOVE_MIGRATING && state != CLIENT_MOVE_WAIT_INIT)
		return;
	client->move.state = CLIENT_MOVE_NONE;
	if (!client->options.quirks)
		client->here = client->move.there;
	for (uint32_t i = 0; i < CLIENT_CHANNELS_MAX; i++) {
		struct client_channel *channel = &client->channels[i];

		if (!channel->known || client_has_ended(client))
			continue;
		channel->left = false;
		channel->mute = false;
		if (channel->swapped) {
			channel->swapped = false;
			channel_fetch_back(client, channel);
		} else {
			if (state == CLIENT_MOVE_WAIT_INIT)
				channel->deaf = false;
			channel_stay(client, channel);
		}
		client_queue_flush(client, channel);
	}
	client_tell(client, client_main(client),
		    (struct client_event){.kind = CLIENT_CANCELLED});
}

/* any -> NONE: a new session at another host, with nothing of the old one. */
void client_move_switch(struct client *client, struct span host, uint16_t port)
{
	uint32_t len = min_u32(host.len, sizeof(client->here.host) - 1);
	int error;

	client->here = (struct client_address){.port = port};
	memcpy(client->here.host, host.data, len);
	client->move = (struct client_move){0};
	client->switching = true;
	for (uint8_t i = 0; i < CLIENT_LEGS_MAX; i++) {
		uint8_t leg = i;

		client_leg_close(client, &leg);
	}
	for (uint32_t i = 0; i < CLIENT_CHANNELS_MAX; i++)
		chunkq_clear(client->pool, &client->channels[i].queue);
	client_display_reset(client, true);
	client_main_reset(client);
	client->state = CLIENT_IDLE;
	error = client_start(client, client->here.host, port, client->now_ns);
	if (error < 0)
		client_end(client, error);
}

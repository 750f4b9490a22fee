/* swap.c - a channel goes over to its leg at the destination. */
#include "channels/client/internal.h"

#include <errno.h>

/* Exchanges the legs of a channel; the one left behind is watched. */
void client_legs_swap(struct client *client, struct client_channel *channel)
{
	struct client_leg *leg;

	client_leg_close(client, &channel->old);
	channel->old = channel->leg;
	channel->leg = channel->next;
	channel->next = CLIENT_NONE;
	leg = &client->legs[channel->leg];
	if (channel->old != CLIENT_NONE) {
		struct client_leg *old = &client->legs[channel->old];

		if (old->parser.mode != leg->parser.mode)
			client_violate(client, &client->violations.header,
				       channel, "another header mode");
		old->state = CLIENT_LEG_OLD;
		/* MIGRATE_END is main's: others may be on their way behind. */
		old->sealed = client->move.do_seamless ||
			      client_is_main(client, channel);
		chunkq_clear(client->pool, &old->rx);
		client_leg_refresh(client, channel->old);
		if (old->dead)
			client_leg_close(client, &channel->old);
	}
	leg->state = CLIENT_LEG_UP;
	channel->left = false;
	channel->swapped = true;
	channel->heard = false;
	channel->fresh_serial = true;
	channel->linked = true;
	if (!client->move.do_seamless)
		channel->out_serial = leg->out_serial;
}

/* Only now does the client see what became of a parked link. */
void client_leg_use(struct client *client, struct client_channel *channel)
{
	client_leg_refresh(client, channel->leg);
	if (client->legs[channel->leg].dead)
		client_channel_lose(client, channel, -EPIPE);
}

static bool any_left(const struct client *client)
{
	for (uint32_t i = 0; i < CLIENT_CHANNELS_MAX; i++) {
		if (client->channels[i].left)
			return true;
	}
	return false;
}

void client_move_over(struct client *client, enum client_mode mode)
{
	client->move.state = CLIENT_MOVE_NONE;
	client->migrations++;
	client_tell(client, client_main(client),
		    (struct client_event){.kind = CLIENT_MIGRATED,
					  .mode = (uint8_t)mode});
}

/*
 * MIGRATING -> NONE with the last channel: its record is cleared before its
 * token is written. Old sockets go together, main's when the new main speaks.
 */
void client_move_swap(struct client *client, struct client_channel *channel)
{
	if (!client->move.do_seamless)
		client_queue_drop(client, channel);
	client_legs_swap(client, channel);
	channel->settle = client->options.quirks ? 2 : 0;
	client_leg_use(client, channel);
	client_tell(client, channel,
		    (struct client_event){.kind = CLIENT_SWAPPED});
	if (any_left(client) || client_has_ended(client))
		return;
	for (uint32_t i = 0; i < CLIENT_CHANNELS_MAX; i++) {
		struct client_channel *other = &client->channels[i];

		if (i > 0 || other->heard || !client->options.quirks)
			client_leg_close(client, &other->old);
	}
	client_move_over(client, CLIENT_SEAMLESS);
}

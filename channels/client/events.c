/* events.c - what happens to a client's legs, and what follows from it. */
#include "channels/client/internal.h"

#include <errno.h>

static void settle(struct client *client, struct client_channel *channel)
{
	channel->settle = 0;
	client_queue_flush(client, channel);
}

/*
 * A sign from a leg that was left: bytes or its end. After a semi-seamless
 * swap, or one that was undone, it is what wakes the channel's reader.
 */
static void left_behind(struct client *client, struct client_leg *leg,
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

/* Takes bytes for as long as the leg's state lets it be read. */
static uint32_t feed(struct client *client, struct client_leg *leg,
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
		left_behind(client, leg, true);
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
		used += feed(client, leg, bytes + used, len - used);
	if (leg->state == CLIENT_LEG_HANDSHAKE && leg->after_ack)
		client_move_burst_over(client, leg);
	/* Replies to what had arrived early go before the queue. */
	if (leg->state == CLIENT_LEG_UP && channel->leg == index &&
	    channel->settle)
		settle(client, channel);
	return used;
}

void client_writable(struct client *client, uint32_t index, uint64_t now_ns)
{
	struct client_leg *leg = &client->legs[index];
	struct client_channel *channel = &client->channels[leg->channel];

	client->now_ns = now_ns;
	if (leg->state == CLIENT_LEG_UP && channel->leg == index)
		client_queue_flush(client, channel);
}

/* The server's end of a leg is closed; error says how. */
static void ended(struct client *client, struct client_leg *leg, int error)
{
	leg->dead = true;
	switch (leg->state) {
	case CLIENT_LEG_FREE:
	case CLIENT_LEG_CLOSING:
		break;
	case CLIENT_LEG_OLD:
		left_behind(client, leg, false);
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
	ended(client, &client->legs[index], -ECONNRESET);
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
		ended(client, leg, error < 0 ? error : -ECONNRESET);
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

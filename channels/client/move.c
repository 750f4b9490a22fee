/* move.c - the client's way to another server, seamless: from BEGIN to swap.
 *
 * While the destination is linked main is mute: neither read nor written, as
 * its one coroutine waits elsewhere. All other channels go on.
 */
#include "channels/client/internal.h"

#include <string.h>

static void address_set(struct client_address *address, struct span host,
			uint16_t port)
{
	uint32_t len = min_u32(host.len, sizeof(address->host) - 1);

	*address = (struct client_address){.port = port};
	memcpy(address->host, host.data, len);
}

static bool is_path(const struct client_address *address)
{
	return address->host[0] == '/' || address->host[0] == '@';
}

/* A channel's link at the destination. False: the move was given up. */
static bool next_dial(struct client *client, struct client_channel *channel)
{
	int leg = client_leg_dial(client, channel, client->session_id,
				  &client->move.there);

	if (leg < 0) {
		client_move_abort(client, channel);
		return false;
	}
	channel->next = (uint8_t)leg;
	return true;
}

/* NONE -> CONNECTING */
void client_move_begin(struct client *client, struct span host, uint16_t port,
		       bool seamless, uint32_t version)
{
	struct client_move *move = &client->move;

	if (move->state != CLIENT_MOVE_NONE) {
		client_queue(client, client_main(client),
			     SPICE_MSGC_MAIN_MIGRATE_CONNECT_ERROR, NULL);
		return;
	}
	*move = (struct client_move){.state = CLIENT_MOVE_CONNECTING,
				     .seamless = seamless,
				     .version = version};
	/* A session on a unix socket links to that same path again. */
	if (is_path(&client->here))
		move->there = client->here;
	else
		address_set(&move->there, host, port);
	client_main_mute(client, true);
	client_tell(client, client_main(client),
		    (struct client_event){.kind = CLIENT_BEGUN});
	if (port == 0 && !is_path(&move->there))
		client_move_abort(client, client_main(client));
	else
		next_dial(client, client_main(client));
}

static void leg_park(struct client *client, struct client_leg *leg)
{
	leg->state = CLIENT_LEG_PARKED;
	client_leg_refresh(client, client_leg_index(client, leg));
}

static void addresses_swap(struct client *client)
{
	struct client_address here = client->here;

	client->here = client->move.there;
	client->move.there = here;
}

/* LINKING -> MIGRATING, once every link is there and the answer too. */
static void linking_check(struct client *client)
{
	struct client_move *move = &client->move;

	if (move->state != CLIENT_MOVE_LINKING || move->asked)
		return;
	for (uint32_t i = 0; i < CLIENT_CHANNELS_MAX; i++) {
		const struct client_channel *channel = &client->channels[i];

		if (!channel->known)
			continue;
		if (channel->next == CLIENT_NONE ||
		    client->legs[channel->next].state != CLIENT_LEG_PARKED)
			return;
	}
	addresses_swap(client);
	move->state = CLIENT_MOVE_MIGRATING;
	for (uint32_t i = 0; i < CLIENT_CHANNELS_MAX; i++) {
		client->channels[i].left = client->channels[i].known;
		client->channels[i].swapped = false;
	}
	client_queue(client, client_main(client),
		     move->do_seamless
			     ? SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS
			     : SPICE_MSGC_MAIN_MIGRATE_CONNECTED,
		     NULL);
	client_main_mute(client, false);
	client_tell(client, client_main(client),
		    (struct client_event){.kind = CLIENT_LINKED,
					  .mode = move->do_seamless
							  ? CLIENT_SEAMLESS
							  : CLIENT_SEMI});
}

/* CONNECTING -> LINKING */
static void main_linked(struct client *client, struct client_leg *leg)
{
	struct msgc_main_do_seamless ask = {client->move.version};
	uint8_t order[CLIENT_CHANNELS_MAX];
	uint32_t count = 0;

	client->move.state = CLIENT_MOVE_LINKING;
	if (client->move.seamless &&
	    (leg->channel_caps >> SPICE_MAIN_CAP_SEAMLESS_MIGRATE & 1)) {
		leg->state = CLIENT_LEG_HANDSHAKE;
		client->move.asked = true;
		client_send_first(client, leg,
				  SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS,
				  &ask);
	} else {
		leg_park(client, leg);
	}
	for (uint8_t i = 1; i < CLIENT_CHANNELS_MAX; i++) {
		if (client->channels[i].known)
			order[count++] = i;
	}
	client_shuffle(client, order, count);
	for (uint32_t i = 0; i < count; i++) {
		if (!next_dial(client, &client->channels[order[i]]))
			return;
	}
}

void client_move_linked(struct client *client, struct client_channel *channel,
			struct client_leg *leg)
{
	if (client_is_main(client, channel))
		main_linked(client, leg);
	else
		leg_park(client, leg);
	linking_check(client);
}

void client_move_answer(struct client *client, struct client_leg *leg, bool ack)
{
	client->move.do_seamless = ack;
	leg->after_ack = true;
}

/*
 * The answer is acted upon only when the burst it came in has been read, and
 * what else was in that burst is lost.
 */
void client_move_burst_over(struct client *client, struct client_leg *leg)
{
	client->move.asked = false;
	leg_park(client, leg);
	linking_check(client);
}

static void pause_begin(struct client *client, struct client_channel *channel)
{
	channel->pause = (struct client_pause){.migrate_ns = client->now_ns};
	channel->swapped = false;
}

/* The swap itself, whatever flags have led to it. */
static bool swap(struct client *client, struct client_channel *channel)
{
	if (client->move.state != CLIENT_MOVE_MIGRATING || !channel->left ||
	    channel->next == CLIENT_NONE)
		return false;
	client_move_swap(client, channel);
	return true;
}

void client_move_migrate(struct client *client, struct client_channel *channel,
			 uint32_t flags)
{
	pause_begin(client, channel);
	channel->flags = (uint8_t)flags;
	/* A CANCEL on main may overtake MIGRATE: then NOTIFY is behind it. The
	 * mark goes before the queue, which is the destination's. */
	if (flags & SPICE_MIGRATE_NEED_FLUSH) {
		client_send_now(client, channel, SPICE_MSGC_MIGRATE_FLUSH_MARK,
				NULL);
		channel->pause.mark_ns = client->now_ns;
	}
	if (flags & SPICE_MIGRATE_NEED_DATA_TRANSFER) {
		channel->frozen = true;
		client_tell(client, channel,
			    (struct client_event){.kind = CLIENT_FROZEN});
		return;
	}
	swap(client, channel);
}

/* Without a place to go the data bounces back to where it came from. */
void client_move_token(struct client *client, struct client_channel *channel,
		       struct chunkq *token)
{
	bool swapped;

	channel->frozen = false;
	channel->pause.data_ns = client->now_ns;
	swapped = swap(client, channel);
	if (!swapped)
		client_violate(client, &client->violations.unexpected, channel,
			       "MIGRATE_DATA with nowhere to go");
	client_send_token(client, channel, token);
	channel->pause.token_ns = client->now_ns;
	if (!swapped)
		client_queue_flush(client, channel);
}

/* Another message than MIGRATE_DATA: the channel goes on where it is. */
void client_move_thaw(struct client *client, struct client_channel *channel,
		      uint16_t type)
{
	channel->frozen = false;
	if (type != SPICE_MSG_NOTIFY)
		client_violate(client, &client->violations.frozen, channel,
			       "a message between MIGRATE and MIGRATE_DATA");
	client_tell(client, channel,
		    (struct client_event){.kind = CLIENT_THAWED});
	client_queue_flush(client, channel);
}

/* The old main socket is let go when the new one has said anything at all. */
void client_move_heard(struct client *client, struct client_channel *channel)
{
	channel->heard = true;
	if (client_is_main(client, channel) && !channel->deaf &&
	    client->move.state == CLIENT_MOVE_NONE)
		client_leg_close(client, &channel->old);
}

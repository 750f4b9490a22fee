/* handle.c - the messages that every channel has, and whose the others are. */
#include "channels/client/internal.h"

static void handle_set_ack(struct client *client,
			   struct client_channel *channel, struct span body)
{
	struct msg_base_set_ack set;
	struct msgc_base_ack_sync sync;

	if (!client_decode(client, channel, SPICE_MSG_SET_ACK, body, &set))
		return;
	channel->ack_window = set.window;
	channel->ack_count = set.window;
	sync.generation = set.generation;
	client_send_now(client, channel, SPICE_MSGC_ACK_SYNC, &sync);
}

static void handle_ping(struct client *client, struct client_channel *channel,
			struct span body)
{
	struct msg_base_ping ping;
	struct msgc_base_pong pong;

	if (!client_decode(client, channel, SPICE_MSG_PING, body, &ping))
		return;
	pong.id = ping.id;
	pong.timestamp = ping.timestamp;
	client_send_now(client, channel, SPICE_MSGC_PONG, &pong);
}

static void handle_list(struct client *client, struct client_channel *channel,
			struct span body, uint32_t total)
{
	int count;

	/* Long ones invalidate caches, which are not kept here. */
	if (body.len < total)
		return;
	count = frame_sub_count(body.data, body.len, 0);
	for (int i = 0; i < count; i++) {
		struct span data;
		uint16_t type;

		if (frame_sub_message(body.data, body.len, 0, (uint32_t)i,
				      &type, &data) < 0)
			count = -1;
		else if (type != SPICE_MSG_LIST)
			client_handle(client, channel, type, data, data.len);
	}
	if (count < 0)
		client_violate(client, &client->violations.malformed, channel,
			       "list");
}

static void handle_base(struct client *client, struct client_channel *channel,
			uint16_t type, struct span body, uint32_t total)
{
	struct msg_base_migrate migrate;

	switch (type) {
	case SPICE_MSG_MIGRATE:
		if (client_decode(client, channel, type, body, &migrate))
			client_move_migrate(client, channel, migrate.flags);
		break;
	case SPICE_MSG_MIGRATE_DATA:
		client_violate(client, &client->violations.unexpected, channel,
			       "MIGRATE_DATA without MIGRATE");
		break;
	case SPICE_MSG_SET_ACK:
		handle_set_ack(client, channel, body);
		break;
	case SPICE_MSG_PING:
		handle_ping(client, channel, body);
		break;
	case SPICE_MSG_LIST:
		handle_list(client, channel, body, total);
		break;
	default:
		break;
	}
}

/* Of the cursor only its INIT matters: a second one has no effect. */
static void handle_cursor(struct client *client, struct client_channel *channel,
			  uint16_t type)
{
	if (type != SPICE_MSG_CURSOR_INIT)
		return;
	if (channel->inited)
		client_violate(client, &client->violations.init_again, channel,
			       "CURSOR_INIT again");
	channel->inited = true;
}

void client_handle(struct client *client, struct client_channel *channel,
		   uint16_t type, struct span body, uint32_t total)
{
	if (client_is_base(type)) {
		handle_base(client, channel, type, body, total);
		return;
	}
	switch (channel->type) {
	case SPICE_CHANNEL_MAIN:
		client_main_handle(client, channel, type, body);
		break;
	case SPICE_CHANNEL_DISPLAY:
		client_display_handle(client, channel, type, body);
		break;
	case SPICE_CHANNEL_INPUTS:
		client_inputs_handle(client, channel, type, body);
		break;
	case SPICE_CHANNEL_CURSOR:
		handle_cursor(client, channel, type);
		break;
	case SPICE_CHANNEL_PORT:
	case SPICE_CHANNEL_WEBDAV:
		client_port_handle(client, channel, type, body);
		break;
	default:
		break;
	}
}

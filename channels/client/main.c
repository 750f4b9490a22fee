/* main.c - the main channel: the session's start, the mouse mode, the agent. */
#include "channels/client/internal.h"

#include <errno.h>

#define AGENT_TOKENS_GRANTED UINT32_MAX /* as spice-gtk: never asked again */

static const struct field *list_channels(void)
{
	return &msg_main_channels_list_fields.fields[0];
}

static void agent_start(struct client *client)
{
	struct msgc_main_agent_start start = {AGENT_TOKENS_GRANTED};

	client->agent.connected = true;
	client_send_now(client, client_main(client),
			SPICE_MSGC_MAIN_AGENT_START, &start);
}

static void mouse_modes(struct client *client, uint32_t supported,
			uint32_t current)
{
	struct msgc_main_mouse_mode_request request = {SPICE_MOUSE_MODE_CLIENT};

	if (client->mouse_mode != current)
		client_tell(client, client_main(client),
			    (struct client_event){.kind = CLIENT_MOUSE_MODE,
						  .value = current});
	client->mouse_mode = current;
	if ((supported & SPICE_MOUSE_MODE_CLIENT) &&
	    current != SPICE_MOUSE_MODE_CLIENT)
		client_queue(client, client_main(client),
			     SPICE_MSGC_MAIN_MOUSE_MODE_REQUEST, &request);
}

static void handle_init(struct client *client, struct client_channel *channel,
			struct span body)
{
	struct msg_main_init init;

	if (!client_decode(client, channel, SPICE_MSG_MAIN_INIT, body, &init))
		return;
	if (channel->inited) {
		client_violate(client, &client->violations.init_again, channel,
			       "INIT again");
		return;
	}
	channel->inited = true;
	client->session_id = init.session_id;
	client->agent.tokens = init.agent_tokens;
	client->agent.tokens_max = init.agent_tokens;
	mouse_modes(client, init.supported_mouse_modes,
		    init.current_mouse_mode);
	if (init.agent_connected)
		agent_start(client);
	if (client->move.state == CLIENT_MOVE_WAIT_INIT) {
		client_move_init(client);
		return;
	}
	client_send_now(client, channel, SPICE_MSGC_MAIN_ATTACH_CHANNELS, NULL);
}

/* Adds what is new. False: there is no room for it. */
static bool list_add(struct client *client, struct wire_channel name)
{
	if (client_lookup(client, name.type, name.id))
		return true;
	for (uint32_t i = 1; i < CLIENT_CHANNELS_MAX; i++) {
		struct client_channel *channel = &client->channels[i];

		if (channel->known)
			continue;
		*channel = (struct client_channel){
			.known = true,
			.type = name.type,
			.id = name.id,
			.leg = CLIENT_NONE,
			.next = CLIENT_NONE,
			.old = CLIENT_NONE,
			.skipped =
				name.type < 32 &&
				(client->options.skip_types >> name.type & 1),
		};
		return true;
	}
	return false;
}

static void handle_list(struct client *client, struct client_channel *channel,
			struct span body)
{
	struct msg_main_channels_list list;
	uint32_t count;

	if (!client_decode(client, channel, SPICE_MSG_MAIN_CHANNELS_LIST, body,
			   &list))
		return;
	if (client->move.state != CLIENT_MOVE_NONE)
		client_violate(client, &client->violations.unexpected, channel,
			       "channels listed during a migration");
	count = field_list_count(list_channels(), &list);
	for (uint32_t i = 0; i < count; i++) {
		struct wire_channel name;

		if (field_list_get(list_channels(), &list, i, &name) == 0 &&
		    name.type != SPICE_CHANNEL_MAIN && !list_add(client, name))
			client_violate(client, &client->violations.unexpected,
				       channel, "more channels than we keep");
	}
	client->state = CLIENT_RUNNING;
	client_dial_listed(client);
	client_check_up(client);
}

static void handle_begin(struct client *client, struct client_channel *channel,
			 uint16_t type, struct span body)
{
	struct msg_main_migrate_begin_seamless seamless;
	struct msg_main_migrate_begin begin;

	/* A bad one is skipped without any answer, as spice-gtk does. */
	if (type == SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS) {
		if (client_decode(client, channel, type, body, &seamless))
			client_move_begin(client, seamless.host, seamless.port,
					  true, seamless.version);
		return;
	}
	if (!client_decode(client, channel, type, body, &begin))
		return;
	if (type == SPICE_MSG_MAIN_MIGRATE_SWITCH_HOST)
		client_move_switch(client, begin.host, begin.port);
	else
		client_move_begin(client, begin.host, begin.port, false, 0);
}

static void agent_tokens(struct client *client, struct client_channel *channel,
			 uint32_t add)
{
	struct client_agent *agent = &client->agent;

	if (add > agent->tokens_max - min_u32(agent->tokens, agent->tokens_max))
		client_violate(client, &client->violations.tokens, channel,
			       "more agent tokens than the window");
	agent->tokens =
		(uint32_t)min_u64((uint64_t)agent->tokens + add, UINT32_MAX);
	if (channel->full) {
		channel->full = false;
		client_tell(client, channel,
			    (struct client_event){.kind = CLIENT_WRITABLE});
	}
}

static void handle_agent(struct client *client, struct client_channel *channel,
			 uint16_t type, struct span body)
{
	struct msg_main_agent_token token = {0};
	struct msg_main_agent_data data;

	switch (type) {
	case SPICE_MSG_MAIN_AGENT_CONNECTED_TOKENS:
		if (!client_decode(client, channel, type, body, &token))
			return;
		client->agent.tokens = token.tokens;
		client->agent.tokens_max = token.tokens;
		agent_start(client);
		break;
	case SPICE_MSG_MAIN_AGENT_CONNECTED:
		agent_start(client);
		break;
	case SPICE_MSG_MAIN_AGENT_DISCONNECTED:
		client->agent.connected = false;
		break;
	case SPICE_MSG_MAIN_AGENT_TOKEN:
		if (client_decode(client, channel, type, body, &token))
			agent_tokens(client, channel, token.tokens);
		break;
	default:
		if (body.len == 0)
			client_violate(client, &client->violations.empty,
				       channel, "agent data of size 0");
		else if (client_decode(client, channel, type, body, &data))
			client_tell(client, channel,
				    (struct client_event){.kind = CLIENT_DATA,
							  .data = data.data});
		break;
	}
}

int client_agent_send(struct client *client, const void *bytes, uint32_t len)
{
	struct client_channel *channel = client_main(client);
	int error;

	if (!client->agent.connected)
		return -ENOTCONN;
	if (len == 0 || len > WIRE_AGENT_DATA_MAX)
		return -EINVAL;
	if (client->agent.tokens == 0) {
		channel->full = true;
		return -EAGAIN;
	}
	error = client_queue_bytes(client, channel, SPICE_MSGC_MAIN_AGENT_DATA,
				   bytes, len);
	if (error == 0)
		client->agent.tokens--;
	return error;
}

int client_mouse_mode(struct client *client, uint16_t mode)
{
	struct msgc_main_mouse_mode_request request = {mode};

	return client_queue(client, client_main(client),
			    SPICE_MSGC_MAIN_MOUSE_MODE_REQUEST, &request);
}

void client_main_handle(struct client *client, struct client_channel *channel,
			uint16_t type, struct span body)
{
	struct msg_main_mouse_mode mode;

	switch (type) {
	case SPICE_MSG_MAIN_INIT:
		handle_init(client, channel, body);
		break;
	case SPICE_MSG_MAIN_CHANNELS_LIST:
		handle_list(client, channel, body);
		break;
	case SPICE_MSG_MAIN_MOUSE_MODE:
		if (client_decode(client, channel, type, body, &mode))
			mouse_modes(client, mode.supported, mode.current);
		break;
	case SPICE_MSG_MAIN_MIGRATE_BEGIN:
	case SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS:
	case SPICE_MSG_MAIN_MIGRATE_SWITCH_HOST:
		handle_begin(client, channel, type, body);
		break;
	case SPICE_MSG_MAIN_MIGRATE_CANCEL:
		client_move_cancel(client);
		break;
	case SPICE_MSG_MAIN_MIGRATE_END:
		client_move_end(client);
		break;
	case SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_ACK:
	case SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_NACK:
		client_violate(client, &client->violations.unexpected, channel,
			       "an answer that nobody asked for");
		break;
	case SPICE_MSG_MAIN_AGENT_CONNECTED:
	case SPICE_MSG_MAIN_AGENT_CONNECTED_TOKENS:
	case SPICE_MSG_MAIN_AGENT_DISCONNECTED:
	case SPICE_MSG_MAIN_AGENT_DATA:
	case SPICE_MSG_MAIN_AGENT_TOKEN:
		handle_agent(client, channel, type, body);
		break;
	default:
		break;
	}
}

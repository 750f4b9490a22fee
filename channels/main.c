/* main.c - the main channel: the session's own affairs. */
#include "channels/channel_out.h"
#include "channels/guest/guest.h"
#include "channels/migrate/migrate.h"
#include "channels/service.h"
#include "channels/session.h"
#include "channels/types.h"
#include "channels/wire/link.h"

#include <spice/enums.h>
#include <spice/protocol.h>

#include <errno.h>
#include <string.h>

#define MOUSE_MODES \
	((uint32_t)(SPICE_MOUSE_MODE_SERVER | SPICE_MOUSE_MODE_CLIENT))

/* Tokens for agent data go back to the client this many at a time. */
#define AGENT_TOKENS_BATCH 5

/* The clock of sound and video, this far behind ours as libspice's is. */
#define MULTI_MEDIA_DELTA_MS 400

static uint32_t multi_media_time(const struct channel *channel)
{
	uint64_t now_ms = channel->service->shard->now_ns / NS_PER_MS;

	return (uint32_t)(now_ms - MULTI_MEDIA_DELTA_MS);
}

static uint32_t display_count(const struct session *session)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < session->channel_count; i++)
		count += session->channels[i].type == SPICE_CHANNEL_DISPLAY;
	return count;
}

static void main_open(struct channel *channel)
{
	struct session *session = channel_session(channel);
	struct guest *guest = session_guest(session);
	struct msg_main_init init = {
		.session_id = session->id,
		.display_channels_hint = display_count(session),
		.supported_mouse_modes = MOUSE_MODES,
		.current_mouse_mode = session->mouse_mode,
		.agent_tokens = AGENT_TOKENS,
		.multi_media_time_ms = multi_media_time(channel),
	};
	struct msg_main_name name = {
		.name = {(const uint8_t *)guest->name,
			 (uint32_t)strlen(guest->name)},
	};

	session->agent_used = 0;
	session->agent_tokens = 0;
	channel_send(channel, SPICE_MSG_MAIN_INIT, &init);
	/* At a semi-seamless destination libspice sends INIT alone. */
	if (!session->moved &&
	    caps_test(&session->main_caps, 1, SPICE_MAIN_CAP_NAME_AND_UUID))
		channel_send(channel, SPICE_MSG_MAIN_NAME, &name);
	channel_ping(channel);
}

static void send_list(struct channel *channel)
{
	struct session *session = channel_session(channel);
	uint8_t bytes[2 * SESSION_CHANNELS_MAX];
	struct msg_main_channels_list list = {.channels = {bytes, 0}};

	for (uint32_t i = 0; i < session->channel_count; i++) {
		struct wire_channel entry = {
			.type = session->channels[i].type,
			.id = session->channels[i].id,
		};

		if (entry.type == SPICE_CHANNEL_MAIN)
			continue;
		list.channels.len +=
			(uint32_t)field_encode(&wire_channel_fields, &entry,
					       bytes + list.channels.len, 2);
	}
	channel_send(channel, SPICE_MSG_MAIN_CHANNELS_LIST, &list);
	session->listed = true;
}

static int mouse_mode_request(struct channel *channel, const uint8_t *body,
			      uint32_t len)
{
	struct session *session = channel_session(channel);
	struct msgc_main_mouse_mode_request request;
	struct msg_main_mouse_mode mode;

	if (field_decode(&msgc_main_mouse_mode_request_fields, &request, body,
			 len, NULL))
		return -EPROTO;
	if (request.mode != SPICE_MOUSE_MODE_SERVER &&
	    request.mode != SPICE_MOUSE_MODE_CLIENT)
		return -EPROTO;
	session->mouse_mode = (uint8_t)request.mode;
	mode = (struct msg_main_mouse_mode){
		.supported = (uint16_t)MOUSE_MODES,
		.current = session->mouse_mode,
	};
	channel_send(channel, SPICE_MSG_MAIN_MOUSE_MODE, &mode);
	return 0;
}

/* No guest of ours has an agent yet: its data is taken and forgotten, and the
 * client's tokens go back, so that it does not stall. */
static int agent_data(struct channel *channel, const uint8_t *body,
		      uint32_t len)
{
	struct session *session = channel_session(channel);
	struct msg_main_agent_token token = {.tokens = AGENT_TOKENS_BATCH};

	if (++session->agent_used > AGENT_TOKENS ||
	    !channel_body_is_good(channel, SPICE_MSGC_MAIN_AGENT_DATA, body,
				  len))
		return -EPROTO;
	if (session->agent_used >= AGENT_TOKENS_BATCH) {
		session->agent_used -= AGENT_TOKENS_BATCH;
		channel_send(channel, SPICE_MSG_MAIN_AGENT_TOKEN, &token);
	}
	return 0;
}

static int agent_tokens(struct channel *channel, const uint8_t *body,
			uint32_t len, bool start)
{
	struct session *session = channel_session(channel);
	struct msgc_main_agent_token token;

	if (field_decode(&msgc_main_agent_token_fields, &token, body, len,
			 NULL))
		return -EPROTO;
	if (start)
		session->agent_tokens = 0;
	session->agent_tokens = (uint32_t)min_u64(
		UINT32_MAX, (uint64_t)session->agent_tokens + token.tokens);
	return 0;
}

static int do_seamless(struct channel *channel, const uint8_t *body,
		       uint32_t len)
{
	struct msgc_main_do_seamless ask;

	if (channel->state != CHANNEL_PARKED ||
	    field_decode(&msgc_main_do_seamless_fields, &ask, body, len, NULL))
		return -EPROTO;
	return migrate_do_seamless(channel_session(channel), ask.version);
}

static int main_message(struct channel *channel, uint16_t type,
			const uint8_t *body, uint32_t len)
{
	struct session *session = channel_session(channel);

	if (type == SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS)
		return do_seamless(channel, body, len);
	if (channel->state == CHANNEL_PARKED)
		/* A target is asked for nothing else before its switch. */
		return type == SPICE_MSGC_MAIN_ATTACH_CHANNELS ? 0 : -EPROTO;
	switch (type) {
	case SPICE_MSGC_MAIN_ATTACH_CHANNELS:
		if (!session->listed)
			send_list(channel);
		return 0;
	case SPICE_MSGC_MAIN_MOUSE_MODE_REQUEST:
		return mouse_mode_request(channel, body, len);
	case SPICE_MSGC_MAIN_AGENT_START:
		return agent_tokens(channel, body, len, true);
	case SPICE_MSGC_MAIN_AGENT_TOKEN:
		return agent_tokens(channel, body, len, false);
	case SPICE_MSGC_MAIN_AGENT_DATA:
		return agent_data(channel, body, len);
	case SPICE_MSGC_MAIN_CLIENT_INFO:
		return channel_body_is_good(channel, type, body, len) ? 0
								      : -EPROTO;
	case SPICE_MSGC_MAIN_MIGRATE_CONNECTED:
		return migrate_connected(session, false);
	case SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS:
		return migrate_connected(session, true);
	case SPICE_MSGC_MAIN_MIGRATE_CONNECT_ERROR:
		return migrate_connect_error(session);
	case SPICE_MSGC_MAIN_MIGRATE_END:
		return migrate_end(session);
	default:
		return -EPROTO;
	}
}

/* The client lets go of its old main socket when the new one has spoken. */
static void main_resumed(struct channel *channel)
{
	struct msg_main_multi_media_time time = {
		.time_ms = multi_media_time(channel),
	};

	channel_ping(channel);
	channel_send(channel, SPICE_MSG_MAIN_MULTI_MEDIA_TIME, &time);
}

const struct channel_ops channel_main = {
	.type = SPICE_CHANNEL_MAIN,
	.open = main_open,
	.message = main_message,
	.resumed = main_resumed,
};

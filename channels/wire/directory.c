/* directory.c - what is known of each message type: name, table, limit. */
#include "channels/wire/directory.h"

#include <spice/enums.h>

/*
 * Types lie in a few dense ranges (1.., 101.., 302..), so a look-up is an index
 * into an array; a hole in it has no name. The largest bodies are the tables'
 * own (fixed part plus limits): a unit test compares them.
 */
struct range {
	uint16_t first;
	uint16_t count;
	const struct wire_message *messages;
};

#define RANGE(first_, array)                                                  \
	{                                                                     \
		.first = first_, .count = ARRAY_LEN(array), .messages = array \
	}

/* A message with a body, without one, and one whose body may come in pieces. */
#define BODY(base, type_, name_, id, max)            \
	[(type_) - (base)] = {.type = type_,         \
			      .name = name_,         \
			      .table = &id##_fields, \
			      .max_bytes = max}
#define EMPTY(base, type_, name_) \
	[(type_) - (base)] = {.type = type_, .name = name_}
#define STREAM(base, type_, name_, id, max)          \
	[(type_) - (base)] = {.type = type_,         \
			      .name = name_,         \
			      .table = &id##_fields, \
			      .max_bytes = max,      \
			      .streamed = true}

/* clang-format off */
static const struct wire_message base_server[] = {
	BODY(1, SPICE_MSG_MIGRATE, "migrate", msg_base_migrate, 4),
	BODY(1, SPICE_MSG_MIGRATE_DATA, "migrate_data", msg_base_migrate_data,
	     WIRE_MIGRATE_DATA_MAX),
	BODY(1, SPICE_MSG_SET_ACK, "set_ack", msg_base_set_ack, 8),
	BODY(1, SPICE_MSG_PING, "ping", msg_base_ping,
	     12 + WIRE_PING_PADDING_MAX),
	BODY(1, SPICE_MSG_WAIT_FOR_CHANNELS, "wait_for_channels",
	     msg_base_wait_for_channels, 1 + 10 * WIRE_CHANNELS_MAX),
	BODY(1, SPICE_MSG_DISCONNECTING, "disconnecting",
	     msg_base_disconnecting, 12),
	BODY(1, SPICE_MSG_NOTIFY, "notify", msg_base_notify,
	     25 + WIRE_NOTIFY_MAX),
	BODY(1, SPICE_MSG_LIST, "list", msg_base_list,
	     2 + 4 * WIRE_CHANNELS_MAX + WIRE_LIST_BYTES_MAX),
};

static const struct wire_message base_client[] = {
	BODY(1, SPICE_MSGC_ACK_SYNC, "ack_sync", msgc_base_ack_sync, 4),
	EMPTY(1, SPICE_MSGC_ACK, "ack"),
	BODY(1, SPICE_MSGC_PONG, "pong", msgc_base_pong, 12),
	EMPTY(1, SPICE_MSGC_MIGRATE_FLUSH_MARK, "migrate_flush_mark"),
	BODY(1, SPICE_MSGC_MIGRATE_DATA, "migrate_data",
	     msgc_base_migrate_data, WIRE_TOKEN_MAX),
	BODY(1, SPICE_MSGC_DISCONNECTING, "disconnecting",
	     msg_base_disconnecting, 12),
};

#define DST_MAX (20 + WIRE_HOST_MAX + 1 + WIRE_SUBJECT_MAX + 1)

static const struct wire_message main_server[] = {
	BODY(101, SPICE_MSG_MAIN_MIGRATE_BEGIN, "migrate_begin",
	     msg_main_migrate_begin, DST_MAX),
	EMPTY(101, SPICE_MSG_MAIN_MIGRATE_CANCEL, "migrate_cancel"),
	BODY(101, SPICE_MSG_MAIN_INIT, "init", msg_main_init, 32),
	BODY(101, SPICE_MSG_MAIN_CHANNELS_LIST, "channels_list",
	     msg_main_channels_list, 4 + 2 * WIRE_CHANNELS_MAX),
	BODY(101, SPICE_MSG_MAIN_MOUSE_MODE, "mouse_mode",
	     msg_main_mouse_mode, 4),
	BODY(101, SPICE_MSG_MAIN_MULTI_MEDIA_TIME, "multi_media_time",
	     msg_main_multi_media_time, 4),
	EMPTY(101, SPICE_MSG_MAIN_AGENT_CONNECTED, "agent_connected"),
	BODY(101, SPICE_MSG_MAIN_AGENT_DISCONNECTED, "agent_disconnected",
	     msg_main_agent_disconnected, 4),
	BODY(101, SPICE_MSG_MAIN_AGENT_DATA, "agent_data",
	     msg_main_agent_data, WIRE_AGENT_DATA_MAX),
	BODY(101, SPICE_MSG_MAIN_AGENT_TOKEN, "agent_token",
	     msg_main_agent_token, 4),
	BODY(101, SPICE_MSG_MAIN_MIGRATE_SWITCH_HOST, "migrate_switch_host",
	     msg_main_migrate_begin, DST_MAX),
	EMPTY(101, SPICE_MSG_MAIN_MIGRATE_END, "migrate_end"),
	BODY(101, SPICE_MSG_MAIN_NAME, "name", msg_main_name,
	     4 + WIRE_NAME_MAX + 1),
	BODY(101, SPICE_MSG_MAIN_UUID, "uuid", msg_main_uuid, 16),
	BODY(101, SPICE_MSG_MAIN_AGENT_CONNECTED_TOKENS,
	     "agent_connected_tokens", msg_main_agent_connected_tokens, 4),
	BODY(101, SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS,
	     "migrate_begin_seamless", msg_main_migrate_begin_seamless,
	     DST_MAX + 4),
	EMPTY(101, SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_ACK,
	      "migrate_dst_seamless_ack"),
	EMPTY(101, SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_NACK,
	      "migrate_dst_seamless_nack"),
};

static const struct wire_message main_client[] = {
	BODY(101, SPICE_MSGC_MAIN_CLIENT_INFO, "client_info",
	     msgc_main_client_info, 8),
	EMPTY(101, SPICE_MSGC_MAIN_MIGRATE_CONNECTED, "migrate_connected"),
	EMPTY(101, SPICE_MSGC_MAIN_MIGRATE_CONNECT_ERROR,
	      "migrate_connect_error"),
	EMPTY(101, SPICE_MSGC_MAIN_ATTACH_CHANNELS, "attach_channels"),
	BODY(101, SPICE_MSGC_MAIN_MOUSE_MODE_REQUEST, "mouse_mode_request",
	     msgc_main_mouse_mode_request, 2),
	BODY(101, SPICE_MSGC_MAIN_AGENT_START, "agent_start",
	     msgc_main_agent_start, 4),
	BODY(101, SPICE_MSGC_MAIN_AGENT_DATA, "agent_data",
	     msgc_main_agent_data, WIRE_AGENT_DATA_MAX),
	BODY(101, SPICE_MSGC_MAIN_AGENT_TOKEN, "agent_token",
	     msgc_main_agent_token, 4),
	EMPTY(101, SPICE_MSGC_MAIN_MIGRATE_END, "migrate_end"),
	BODY(101, SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS,
	     "migrate_dst_do_seamless", msgc_main_do_seamless, 4),
	EMPTY(101, SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS,
	      "migrate_connected_seamless"),
};

static const struct wire_message display_server[] = {
	BODY(101, SPICE_MSG_DISPLAY_MODE, "mode", msg_display_mode, 12),
	EMPTY(101, SPICE_MSG_DISPLAY_MARK, "mark"),
	EMPTY(101, SPICE_MSG_DISPLAY_RESET, "reset"),
	BODY(101, SPICE_MSG_DISPLAY_COPY_BITS, "copy_bits",
	     msg_display_copy_bits, 29),
	BODY(101, SPICE_MSG_DISPLAY_INVAL_LIST, "inval_list",
	     msg_display_inval_list, 2 + 9 * WIRE_PIXMAPS_MAX),
	BODY(101, SPICE_MSG_DISPLAY_INVAL_ALL_PIXMAPS, "inval_all_pixmaps",
	     msg_display_inval_all_pixmaps, 1 + 10 * WIRE_CHANNELS_MAX),
	EMPTY(101, SPICE_MSG_DISPLAY_INVAL_ALL_PALETTES,
	      "inval_all_palettes"),
};

static const struct wire_message display_server_draw[] = {
	BODY(302, SPICE_MSG_DISPLAY_DRAW_COPY, "draw_copy",
	     msg_display_draw_copy,
	     WIRE_DRAW_COPY_ROWS_OFFSET + WIRE_IMAGE_BYTES_MAX),
	BODY(302, SPICE_MSG_DISPLAY_SURFACE_CREATE, "surface_create",
	     msg_display_surface_create, 20),
	BODY(302, SPICE_MSG_DISPLAY_SURFACE_DESTROY, "surface_destroy",
	     msg_display_surface_destroy, 4),
	BODY(302, SPICE_MSG_DISPLAY_MONITORS_CONFIG, "monitors_config",
	     msg_display_monitors_config, 4 + 28 * WIRE_MONITORS_MAX),
};

static const struct wire_message display_client[] = {
	BODY(101, SPICE_MSGC_DISPLAY_INIT, "init", msgc_display_init, 14),
	BODY(101, SPICE_MSGC_DISPLAY_STREAM_REPORT, "stream_report",
	     msgc_display_stream_report, 32),
	BODY(101, SPICE_MSGC_DISPLAY_PREFERRED_COMPRESSION,
	     "preferred_compression", msgc_display_preferred_compression, 1),
	EMPTY(101, SPICE_MSGC_DISPLAY_GL_DRAW_DONE, "gl_draw_done"),
	BODY(101, SPICE_MSGC_DISPLAY_PREFERRED_VIDEO_CODEC_TYPE,
	     "preferred_video_codec", msgc_display_preferred_video_codec,
	     1 + WIRE_CODECS_MAX),
};

static const struct wire_message inputs_server[] = {
	BODY(101, SPICE_MSG_INPUTS_INIT, "init", msg_inputs_init, 2),
	BODY(101, SPICE_MSG_INPUTS_KEY_MODIFIERS, "key_modifiers",
	     msg_inputs_key_modifiers, 2),
	EMPTY(101, SPICE_MSG_INPUTS_MOUSE_MOTION_ACK, "mouse_motion_ack"),
};

static const struct wire_message inputs_client[] = {
	BODY(101, SPICE_MSGC_INPUTS_KEY_DOWN, "key_down",
	     msgc_inputs_key_down, 4),
	BODY(101, SPICE_MSGC_INPUTS_KEY_UP, "key_up", msgc_inputs_key_up, 4),
	BODY(101, SPICE_MSGC_INPUTS_KEY_MODIFIERS, "key_modifiers",
	     msgc_inputs_key_modifiers, 2),
	BODY(101, SPICE_MSGC_INPUTS_KEY_SCANCODE, "key_scancode",
	     msgc_inputs_key_scancode, WIRE_SCANCODE_MAX),
	BODY(101, SPICE_MSGC_INPUTS_MOUSE_MOTION, "mouse_motion",
	     msgc_inputs_mouse_motion, 10),
	BODY(101, SPICE_MSGC_INPUTS_MOUSE_POSITION, "mouse_position",
	     msgc_inputs_mouse_position, 11),
	BODY(101, SPICE_MSGC_INPUTS_MOUSE_PRESS, "mouse_press",
	     msgc_inputs_mouse_press, 3),
	BODY(101, SPICE_MSGC_INPUTS_MOUSE_RELEASE, "mouse_release",
	     msgc_inputs_mouse_release, 3),
};

static const struct wire_message cursor_server[] = {
	BODY(101, SPICE_MSG_CURSOR_INIT, "init", msg_cursor_init,
	     11 + WIRE_SHAPE_BYTES_MAX),
	EMPTY(101, SPICE_MSG_CURSOR_RESET, "reset"),
	BODY(101, SPICE_MSG_CURSOR_SET, "set", msg_cursor_set,
	     7 + WIRE_SHAPE_BYTES_MAX),
	BODY(101, SPICE_MSG_CURSOR_MOVE, "move", msg_cursor_move, 4),
	EMPTY(101, SPICE_MSG_CURSOR_HIDE, "hide"),
	BODY(101, SPICE_MSG_CURSOR_TRAIL, "trail", msg_cursor_trail, 4),
	BODY(101, SPICE_MSG_CURSOR_INVAL_ONE, "inval_one",
	     msg_cursor_inval_one, 8),
	EMPTY(101, SPICE_MSG_CURSOR_INVAL_ALL, "inval_all"),
};

static const struct wire_message vmc_server[] = {
	STREAM(101, SPICE_MSG_SPICEVMC_DATA, "data", msg_vmc_data,
	       WIRE_VMC_DATA_MAX),
	STREAM(101, SPICE_MSG_SPICEVMC_COMPRESSED_DATA, "compressed_data",
	       msg_vmc_compressed_data, 5 + WIRE_VMC_DATA_MAX),
};

static const struct wire_message port_server[] = {
	BODY(201, SPICE_MSG_PORT_INIT, "port_init", msg_port_init,
	     9 + WIRE_NAME_MAX + 1),
	BODY(201, SPICE_MSG_PORT_EVENT, "port_event", msg_port_event, 1),
};

static const struct wire_message vmc_client[] = {
	STREAM(101, SPICE_MSGC_SPICEVMC_DATA, "data", msg_vmc_data,
	       WIRE_VMC_DATA_MAX),
	STREAM(101, SPICE_MSGC_SPICEVMC_COMPRESSED_DATA, "compressed_data",
	       msg_vmc_compressed_data, 5 + WIRE_VMC_DATA_MAX),
};

static const struct wire_message port_client[] = {
	BODY(201, SPICE_MSGC_PORT_EVENT, "port_event", msgc_port_event, 1),
};
/* clang-format on */

/* What one direction of a channel type adds to the base messages. */
#define RANGES 2

struct channel {
	const char *name;
	struct range server[RANGES];
	struct range client[RANGES];
};

static const struct range base_ranges[2] = {
	RANGE(1, base_server),
	RANGE(1, base_client),
};

static const struct channel channels[SPICE_END_CHANNEL] = {
	[SPICE_CHANNEL_MAIN] = {"main",
				{RANGE(101, main_server)},
				{RANGE(101, main_client)}},
	[SPICE_CHANNEL_DISPLAY] = {"display",
				   {RANGE(101, display_server),
				    RANGE(302, display_server_draw)},
				   {RANGE(101, display_client)}},
	[SPICE_CHANNEL_INPUTS] = {"inputs",
				  {RANGE(101, inputs_server)},
				  {RANGE(101, inputs_client)}},
	[SPICE_CHANNEL_CURSOR] = {"cursor", {RANGE(101, cursor_server)}, {{0}}},
	[SPICE_CHANNEL_USBREDIR] = {"usbredir",
				    {RANGE(101, vmc_server)},
				    {RANGE(101, vmc_client)}},
	[SPICE_CHANNEL_PORT] = {"port",
				{RANGE(101, vmc_server),
				 RANGE(201, port_server)},
				{RANGE(101, vmc_client),
				 RANGE(201, port_client)}},
	[SPICE_CHANNEL_WEBDAV] = {"webdav",
				  {RANGE(101, vmc_server),
				   RANGE(201, port_server)},
				  {RANGE(101, vmc_client),
				   RANGE(201, port_client)}},
};

static const struct wire_message *range_find(const struct range *range,
					     uint16_t type)
{
	const struct wire_message *message;

	if (type < range->first || type - range->first >= range->count)
		return NULL;
	message = &range->messages[type - range->first];
	return message->name ? message : NULL;
}

const struct wire_message *wire_find(uint8_t channel_type, bool from_client,
				     uint16_t type)
{
	const struct wire_message *message;
	const struct channel *channel;
	const struct range *ranges;

	if (channel_type >= ARRAY_LEN(channels) || !channels[channel_type].name)
		return NULL;
	message = range_find(&base_ranges[from_client], type);
	if (message)
		return message;
	channel = &channels[channel_type];
	ranges = from_client ? channel->client : channel->server;
	for (uint32_t i = 0; i < RANGES; i++) {
		message = range_find(&ranges[i], type);
		if (message)
			return message;
	}
	return NULL;
}

const char *wire_channel_name(uint8_t channel_type)
{
	if (channel_type >= ARRAY_LEN(channels) || !channels[channel_type].name)
		return "unknown";
	return channels[channel_type].name;
}

/* No type is above those of the last range of a display channel. */
#define TYPE_MAX 400

const struct wire_message *wire_next(uint8_t channel_type, bool from_client,
				     uint16_t type)
{
	for (uint32_t next = type + 1u; next <= TYPE_MAX; next++) {
		const struct wire_message *message =
			wire_find(channel_type, from_client, (uint16_t)next);

		if (message)
			return message;
	}
	return NULL;
}

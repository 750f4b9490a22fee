/* messages_main.c - the messages of the main channel. */
#include "channels/wire/messages_main.h"
#include "channels/wire/messages_base.h"
#include "channels/wire/table.h"

static const struct field msg_main_migrate_begin_list[] = {
	FIELD(struct msg_main_migrate_begin, port, FIELD_U16, 0),
	FIELD(struct msg_main_migrate_begin, sport, FIELD_U16, 0),
	FIELD(struct msg_main_migrate_begin, host, FIELD_PTRBLOB, WIRE_HOST_MAX,
	      .flags = FIELD_NUL | FIELD_NONEMPTY),
	FIELD(struct msg_main_migrate_begin, cert_subject, FIELD_PTRBLOB,
	      WIRE_SUBJECT_MAX, .flags = FIELD_NUL),
};
const struct field_table msg_main_migrate_begin_fields =
	TABLE(msg_main_migrate_begin);

static const struct field msg_main_migrate_begin_seamless_list[] = {
	FIELD(struct msg_main_migrate_begin_seamless, port, FIELD_U16, 0),
	FIELD(struct msg_main_migrate_begin_seamless, sport, FIELD_U16, 0),
	FIELD(struct msg_main_migrate_begin_seamless, host, FIELD_PTRBLOB,
	      WIRE_HOST_MAX, .flags = FIELD_NUL | FIELD_NONEMPTY),
	FIELD(struct msg_main_migrate_begin_seamless, cert_subject,
	      FIELD_PTRBLOB, WIRE_SUBJECT_MAX, .flags = FIELD_NUL),
	FIELD(struct msg_main_migrate_begin_seamless, version, FIELD_U32, 0),
};
const struct field_table msg_main_migrate_begin_seamless_fields =
	TABLE(msg_main_migrate_begin_seamless);

static const struct field msg_main_init_list[] = {
	FIELD(struct msg_main_init, session_id, FIELD_U32, 0),
	FIELD(struct msg_main_init, display_channels_hint, FIELD_U32, 0),
	FIELD(struct msg_main_init, supported_mouse_modes, FIELD_U32, 0),
	FIELD(struct msg_main_init, current_mouse_mode, FIELD_U32, 0),
	FIELD(struct msg_main_init, agent_connected, FIELD_U32, 0),
	FIELD(struct msg_main_init, agent_tokens, FIELD_U32, 0),
	FIELD(struct msg_main_init, multi_media_time_ms, FIELD_U32, 0),
	FIELD(struct msg_main_init, ram_hint, FIELD_U32, 0),
};
const struct field_table msg_main_init_fields = TABLE(msg_main_init);

static const struct field msg_main_channels_list_list[] = {
	FIELD(struct msg_main_channels_list, channels, FIELD_LIST32,
	      WIRE_CHANNELS_MAX, .elem = &wire_channel_fields),
};
const struct field_table msg_main_channels_list_fields =
	TABLE(msg_main_channels_list);

static const struct field msg_main_mouse_mode_list[] = {
	FIELD(struct msg_main_mouse_mode, supported, FIELD_U16, 0),
	FIELD(struct msg_main_mouse_mode, current, FIELD_U16, 0),
};
const struct field_table msg_main_mouse_mode_fields =
	TABLE(msg_main_mouse_mode);

static const struct field msg_main_multi_media_time_list[] = {
	FIELD(struct msg_main_multi_media_time, time_ms, FIELD_U32, 0),
};
const struct field_table msg_main_multi_media_time_fields =
	TABLE(msg_main_multi_media_time);

static const struct field msg_main_agent_disconnected_list[] = {
	FIELD(struct msg_main_agent_disconnected, error, FIELD_U32, 0),
};
const struct field_table msg_main_agent_disconnected_fields =
	TABLE(msg_main_agent_disconnected);

static const struct field msg_main_agent_data_list[] = {
	FIELD(struct msg_main_agent_data, data, FIELD_TAIL, WIRE_AGENT_DATA_MAX,
	      .flags = FIELD_NONEMPTY),
};
const struct field_table msg_main_agent_data_fields =
	TABLE(msg_main_agent_data);

static const struct field msg_main_agent_token_list[] = {
	FIELD(struct msg_main_agent_token, tokens, FIELD_U32, 0),
};
const struct field_table msg_main_agent_token_fields =
	TABLE(msg_main_agent_token);

static const struct field msg_main_name_list[] = {
	FIELD(struct msg_main_name, name, FIELD_BLOB32, WIRE_NAME_MAX,
	      .flags = FIELD_NUL),
};
const struct field_table msg_main_name_fields = TABLE(msg_main_name);

static const struct field msg_main_uuid_list[] = {
	FIELD(struct msg_main_uuid, uuid, FIELD_BYTES, 16),
};
const struct field_table msg_main_uuid_fields = TABLE(msg_main_uuid);

static const struct field msg_main_agent_connected_tokens_list[] = {
	FIELD(struct msg_main_agent_connected_tokens, tokens, FIELD_U32, 0),
};
const struct field_table msg_main_agent_connected_tokens_fields =
	TABLE(msg_main_agent_connected_tokens);

static const struct field msgc_main_client_info_list[] = {
	FIELD(struct msgc_main_client_info, cache_bytes, FIELD_U64, 0),
};
const struct field_table msgc_main_client_info_fields =
	TABLE(msgc_main_client_info);

static const struct field msgc_main_mouse_mode_request_list[] = {
	FIELD(struct msgc_main_mouse_mode_request, mode, FIELD_U16, 0),
};
const struct field_table msgc_main_mouse_mode_request_fields =
	TABLE(msgc_main_mouse_mode_request);

static const struct field msgc_main_agent_start_list[] = {
	FIELD(struct msgc_main_agent_start, tokens, FIELD_U32, 0),
};
const struct field_table msgc_main_agent_start_fields =
	TABLE(msgc_main_agent_start);

static const struct field msgc_main_agent_data_list[] = {
	FIELD(struct msgc_main_agent_data, data, FIELD_TAIL,
	      WIRE_AGENT_DATA_MAX, .flags = FIELD_NONEMPTY),
};
const struct field_table msgc_main_agent_data_fields =
	TABLE(msgc_main_agent_data);

static const struct field msgc_main_agent_token_list[] = {
	FIELD(struct msgc_main_agent_token, tokens, FIELD_U32, 0),
};
const struct field_table msgc_main_agent_token_fields =
	TABLE(msgc_main_agent_token);

static const struct field msgc_main_do_seamless_list[] = {
	FIELD(struct msgc_main_do_seamless, version, FIELD_U32, 0),
};
const struct field_table msgc_main_do_seamless_fields =
	TABLE(msgc_main_do_seamless);

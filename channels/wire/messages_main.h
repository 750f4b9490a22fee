/* messages_main.h - the messages of the main channel. */
#pragma once

#include "core/field.h"

/* Limits of our own where the protocol has none. */
#define WIRE_AGENT_DATA_MAX 2048 /* the protocol's, VD_AGENT_MAX_DATA_SIZE */
#define WIRE_HOST_MAX       255  /* a DNS name */
#define WIRE_SUBJECT_MAX    1024

/* MIGRATE_BEGIN and MIGRATE_SWITCH_HOST. */
struct msg_main_migrate_begin {
	uint16_t port;  /* 0: absent. Never 0xffff: a client would dial it */
	uint16_t sport; /* TLS, 0: absent */
	struct span host;
	struct span cert_subject;
};
extern const struct field_table msg_main_migrate_begin_fields;

struct msg_main_migrate_begin_seamless {
	uint16_t port;
	uint16_t sport;
	struct span host;
	struct span cert_subject;
	uint32_t version;
};
extern const struct field_table msg_main_migrate_begin_seamless_fields;

struct msg_main_init {
	uint32_t session_id;
	uint32_t display_channels_hint;
	uint32_t supported_mouse_modes;
	uint32_t current_mouse_mode;
	uint32_t agent_connected;
	uint32_t agent_tokens;
	uint32_t multi_media_time_ms;
	uint32_t ram_hint;
};
extern const struct field_table msg_main_init_fields;

struct msg_main_channels_list {
	struct span channels; /* struct wire_channel */
};
extern const struct field_table msg_main_channels_list_fields;

struct msg_main_mouse_mode {
	uint16_t supported;
	uint16_t current;
};
extern const struct field_table msg_main_mouse_mode_fields;

struct msg_main_multi_media_time {
	uint32_t time_ms;
};
extern const struct field_table msg_main_multi_media_time_fields;

struct msg_main_agent_disconnected {
	uint32_t error; /* SPICE_LINK_ERR_* */
};
extern const struct field_table msg_main_agent_disconnected_fields;

struct msg_main_agent_data {
	struct span data;
};
extern const struct field_table msg_main_agent_data_fields;

struct msg_main_agent_token {
	uint32_t tokens;
};
extern const struct field_table msg_main_agent_token_fields;

struct msg_main_name {
	struct span name;
};
extern const struct field_table msg_main_name_fields;

struct msg_main_uuid {
	uint8_t uuid[16];
};
extern const struct field_table msg_main_uuid_fields;

struct msg_main_agent_connected_tokens {
	uint32_t tokens;
};
extern const struct field_table msg_main_agent_connected_tokens_fields;

struct msgc_main_client_info {
	uint64_t cache_bytes;
};
extern const struct field_table msgc_main_client_info_fields;

struct msgc_main_mouse_mode_request {
	uint16_t mode;
};
extern const struct field_table msgc_main_mouse_mode_request_fields;

struct msgc_main_agent_start {
	uint32_t tokens;
};
extern const struct field_table msgc_main_agent_start_fields;

struct msgc_main_agent_data {
	struct span data;
};
extern const struct field_table msgc_main_agent_data_fields;

struct msgc_main_agent_token {
	uint32_t tokens;
};
extern const struct field_table msgc_main_agent_token_fields;

struct msgc_main_do_seamless {
	uint32_t version;
};
extern const struct field_table msgc_main_do_seamless_fields;

/* messages_base.h - the messages that every channel has. */
#pragma once

#include "core/field.h"

/* Limits of our own where the protocol has none. */
#define WIRE_PING_PADDING_MAX 256000 /* the server's bandwidth test */
#define WIRE_MIGRATE_DATA_MAX ((uint32_t)1 << 20) /* server to client */
#define WIRE_TOKEN_MAX        4096 /* MIGRATE_DATA from a client */
#define WIRE_NOTIFY_MAX       1024
#define WIRE_NAME_MAX         255
#define WIRE_CHANNELS_MAX     255
#define WIRE_LIST_BYTES_MAX   16384

/* A channel as lists name it. */
struct wire_channel {
	uint8_t type;
	uint8_t id;
};
extern const struct field_table wire_channel_fields;

/* A channel and the serial of a message on it. */
struct wire_channel_serial {
	uint8_t type;
	uint8_t id;
	uint64_t serial;
};
extern const struct field_table wire_channel_serial_fields;

struct msg_base_migrate {
	uint32_t flags;
};
extern const struct field_table msg_base_migrate_fields;

struct msg_base_migrate_data {
	struct span data;
};
extern const struct field_table msg_base_migrate_data_fields;

struct msg_base_set_ack {
	uint32_t generation;
	uint32_t window;
};
extern const struct field_table msg_base_set_ack_fields;

struct msg_base_ping {
	uint32_t id;
	uint64_t timestamp;
	struct span padding;
};
extern const struct field_table msg_base_ping_fields;

struct msg_base_wait_for_channels {
	struct span channels; /* struct wire_channel_serial */
};
extern const struct field_table msg_base_wait_for_channels_fields;

/* Both directions. */
struct msg_base_disconnecting {
	uint64_t time;
	uint32_t reason; /* SPICE_LINK_ERR_* */
};
extern const struct field_table msg_base_disconnecting_fields;

struct msg_base_notify {
	uint64_t time;
	uint32_t severity;   /* SPICE_NOTIFY_SEVERITY_* */
	uint32_t visibility; /* SPICE_NOTIFY_VISIBILITY_* */
	uint32_t what;
	struct span text;
	struct span nul; /* libspice sends one uncounted NUL; so do we */
};
extern const struct field_table msg_base_notify_fields;

/* Sub-messages; see frame_sub_message, which reads them. */
struct msg_base_list {
	struct span offsets; /* struct wire_offset */
	struct span bodies;
};
extern const struct field_table msg_base_list_fields;

struct wire_offset {
	uint32_t offset;
};
extern const struct field_table wire_offset_fields;

struct msgc_base_ack_sync {
	uint32_t generation;
};
extern const struct field_table msgc_base_ack_sync_fields;

struct msgc_base_pong {
	uint32_t id;
	uint64_t timestamp;
};
extern const struct field_table msgc_base_pong_fields;

struct msgc_base_migrate_data {
	struct span data;
};
extern const struct field_table msgc_base_migrate_data_fields;

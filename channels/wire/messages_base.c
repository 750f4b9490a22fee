/* messages_base.c - the messages that every channel has. */
#include "channels/wire/messages_base.h"
#include "channels/wire/table.h"

static const struct field wire_channel_list[] = {
	FIELD(struct wire_channel, type, FIELD_U8, 0),
	FIELD(struct wire_channel, id, FIELD_U8, 0),
};
const struct field_table wire_channel_fields = TABLE(wire_channel);

static const struct field wire_channel_serial_list[] = {
	FIELD(struct wire_channel_serial, type, FIELD_U8, 0),
	FIELD(struct wire_channel_serial, id, FIELD_U8, 0),
	FIELD(struct wire_channel_serial, serial, FIELD_U64, 0),
};
const struct field_table wire_channel_serial_fields =
	TABLE(wire_channel_serial);

static const struct field msg_base_migrate_list[] = {
	FIELD(struct msg_base_migrate, flags, FIELD_U32, 3),
};
const struct field_table msg_base_migrate_fields = TABLE(msg_base_migrate);

static const struct field msg_base_migrate_data_list[] = {
	FIELD(struct msg_base_migrate_data, data, FIELD_TAIL,
	      WIRE_MIGRATE_DATA_MAX, .flags = FIELD_NONEMPTY),
};
const struct field_table msg_base_migrate_data_fields =
	TABLE(msg_base_migrate_data);

static const struct field msg_base_set_ack_list[] = {
	FIELD(struct msg_base_set_ack, generation, FIELD_U32, 0),
	FIELD(struct msg_base_set_ack, window, FIELD_U32, 0),
};
const struct field_table msg_base_set_ack_fields = TABLE(msg_base_set_ack);

static const struct field msg_base_ping_list[] = {
	FIELD(struct msg_base_ping, id, FIELD_U32, 0),
	FIELD(struct msg_base_ping, timestamp, FIELD_U64, 0),
	FIELD(struct msg_base_ping, padding, FIELD_TAIL, WIRE_PING_PADDING_MAX),
};
const struct field_table msg_base_ping_fields = TABLE(msg_base_ping);

static const struct field msg_base_wait_for_channels_list[] = {
	FIELD(struct msg_base_wait_for_channels, channels, FIELD_LIST8,
	      WIRE_CHANNELS_MAX, .elem = &wire_channel_serial_fields),
};
const struct field_table msg_base_wait_for_channels_fields =
	TABLE(msg_base_wait_for_channels);

static const struct field msg_base_disconnecting_list[] = {
	FIELD(struct msg_base_disconnecting, time, FIELD_U64, 0),
	FIELD(struct msg_base_disconnecting, reason, FIELD_U32, 0),
};
const struct field_table msg_base_disconnecting_fields =
	TABLE(msg_base_disconnecting);

static const struct field msg_base_notify_list[] = {
	FIELD(struct msg_base_notify, time, FIELD_U64, 0),
	FIELD(struct msg_base_notify, severity, FIELD_U32, 0),
	FIELD(struct msg_base_notify, visibility, FIELD_U32, 0),
	FIELD(struct msg_base_notify, what, FIELD_U32, 0),
	FIELD(struct msg_base_notify, text, FIELD_BLOB32, WIRE_NOTIFY_MAX),
	FIELD(struct msg_base_notify, nul, FIELD_TAIL, 1),
};
const struct field_table msg_base_notify_fields = TABLE(msg_base_notify);

static const struct field wire_offset_list[] = {
	FIELD(struct wire_offset, offset, FIELD_U32, 0),
};
const struct field_table wire_offset_fields = TABLE(wire_offset);

static const struct field msg_base_list_list[] = {
	FIELD(struct msg_base_list, offsets, FIELD_LIST16, WIRE_CHANNELS_MAX,
	      .elem = &wire_offset_fields),
	FIELD(struct msg_base_list, bodies, FIELD_TAIL, WIRE_LIST_BYTES_MAX),
};
const struct field_table msg_base_list_fields = TABLE(msg_base_list);

static const struct field msgc_base_ack_sync_list[] = {
	FIELD(struct msgc_base_ack_sync, generation, FIELD_U32, 0),
};
const struct field_table msgc_base_ack_sync_fields = TABLE(msgc_base_ack_sync);

static const struct field msgc_base_pong_list[] = {
	FIELD(struct msgc_base_pong, id, FIELD_U32, 0),
	FIELD(struct msgc_base_pong, timestamp, FIELD_U64, 0),
};
const struct field_table msgc_base_pong_fields = TABLE(msgc_base_pong);

static const struct field msgc_base_migrate_data_list[] = {
	FIELD(struct msgc_base_migrate_data, data, FIELD_TAIL, WIRE_TOKEN_MAX,
	      .flags = FIELD_NONEMPTY),
};
const struct field_table msgc_base_migrate_data_fields =
	TABLE(msgc_base_migrate_data);

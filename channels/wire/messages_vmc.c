/* messages_vmc.c - the messages of byte streams: usbredir, port, webdav. */
#include "channels/wire/messages_vmc.h"
#include "channels/wire/messages_base.h"
#include "channels/wire/table.h"

static const struct field msg_vmc_data_list[] = {
	FIELD(struct msg_vmc_data, data, FIELD_TAIL, WIRE_VMC_DATA_MAX,
	      .flags = FIELD_NONEMPTY),
};
const struct field_table msg_vmc_data_fields = TABLE(msg_vmc_data);

static const struct field msg_vmc_compressed_data_list[] = {
	FIELD(struct msg_vmc_compressed_data, type, FIELD_U8, 0),
	FIELD(struct msg_vmc_compressed_data, uncompressed_bytes, FIELD_U32,
	      WIRE_VMC_DATA_MAX),
	FIELD(struct msg_vmc_compressed_data, data, FIELD_TAIL,
	      WIRE_VMC_DATA_MAX, .flags = FIELD_NONEMPTY),
};
const struct field_table msg_vmc_compressed_data_fields =
	TABLE(msg_vmc_compressed_data);

static const struct field msg_port_init_list[] = {
	FIELD(struct msg_port_init, name, FIELD_PTRBLOB, WIRE_NAME_MAX,
	      .flags = FIELD_NUL),
	FIELD(struct msg_port_init, opened, FIELD_U8, 0),
};
const struct field_table msg_port_init_fields = TABLE(msg_port_init);

static const struct field msg_port_event_list[] = {
	FIELD(struct msg_port_event, event, FIELD_U8, 0),
};
const struct field_table msg_port_event_fields = TABLE(msg_port_event);

static const struct field msgc_port_event_list[] = {
	FIELD(struct msgc_port_event, event, FIELD_U8, 0),
};
const struct field_table msgc_port_event_fields = TABLE(msgc_port_event);

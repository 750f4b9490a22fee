/* messages_vmc.h - the messages of byte streams: usbredir, port, webdav. */
#pragma once

#include "core/field.h"

/* A limit of our own: the protocol has none. */
#define WIRE_VMC_DATA_MAX ((uint32_t)16 << 20) /* streamed, never stored */

/* Both directions. */
struct msg_vmc_data {
	struct span data;
};
extern const struct field_table msg_vmc_data_fields;

/* Both directions. */
struct msg_vmc_compressed_data {
	uint8_t type; /* SPICE_DATA_COMPRESSION_TYPE_LZ4 */
	uint32_t uncompressed_bytes;
	struct span data;
};
extern const struct field_table msg_vmc_compressed_data_fields;

struct msg_port_init {
	struct span name;
	uint8_t opened;
};
extern const struct field_table msg_port_init_fields;

struct msg_port_event {
	uint8_t event; /* SPICE_PORT_EVENT_* */
};
extern const struct field_table msg_port_event_fields;

struct msgc_port_event {
	uint8_t event;
};
extern const struct field_table msgc_port_event_fields;

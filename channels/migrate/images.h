/* images.h - what a session's images hold: one struct and table for each. */
#pragma once

#include "core/image.h"
#include "core/ops.h"

/*
 * Tags are for ever: a field that goes leaves its number behind. A new field
 * is FIELD_OPTIONAL and raises the table's version.
 */
#define IMAGE_DRIVER_BYTES  16
#define IMAGE_PENDING_BYTES (48 * 1024) /* kept input in one image */
#define IMAGE_STATE_BYTES   (60 * 1024) /* a driver's own image */

struct image_offer_channel {
	uint8_t type;
	uint8_t id;
	uint8_t linked;
	uint32_t caps; /* the client's */
};

/* What the destination must know before the client comes. */
struct image_offer {
	uint32_t session_id;
	uint8_t header_mode;
	uint8_t nack; /* answer DO_SEAMLESS by NACK: a channel is not linked */
	uint32_t common_caps;
	uint32_t main_caps;
	uint32_t number;
	uint8_t driver[IMAGE_DRIVER_BYTES];
	uint8_t ticket_hash[16];
	struct span channels; /* struct image_offer_channel, main first */
};
extern const struct field_table image_offer_fields;
extern const struct field_table image_offer_channel_fields;

/* A guest: what every driver has, and the driver's own image inside. */
struct image_guest {
	uint8_t name[NAME_BYTES];
	uint64_t epoch;
	uint32_t moves;
	struct span state;
};
extern const struct field_table image_guest_fields;

struct image_session {
	uint32_t session_id;
	uint8_t mouse_mode;
	uint8_t listed;
	uint32_t agent_tokens;
	uint32_t agent_used;
};
extern const struct field_table image_session_fields;

struct image_channel {
	uint8_t type;
	uint8_t id;
	uint8_t flags; /* of its MIGRATE: bit 1 says that a token comes */
	uint64_t out_serial;
	uint32_t ack_window;
	uint32_t ack_generation;
	uint64_t messages_in; /* the ledger */
	uint64_t messages_out;
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint16_t motions;
	uint16_t modifiers;
	uint8_t display_inited;
	uint8_t pixmap_cache_id;
	uint8_t glz_dictionary_id;
	uint8_t compression;
	int64_t pixmap_cache_pixels;
	int32_t glz_window_pixels;
	uint32_t width; /* of the surface that the client has, 0: none */
	uint32_t height;
	/* Kept input: the message that was begun, and how much there is. */
	uint8_t pending_head;
	uint16_t pending_type;
	uint32_t pending_left;
	uint32_t pending_bytes; /* in all the input images that follow */
};
extern const struct field_table image_channel_fields;

struct image_input {
	uint8_t type;
	uint8_t id;
	uint32_t offset;
	struct span bytes;
};
extern const struct field_table image_input_fields;

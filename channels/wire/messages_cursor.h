/* messages_cursor.h - the messages of the pointer. */
#pragma once

#include "core/field.h"

/* Limits of our own where the protocol has none. */
#define WIRE_CURSOR_BYTES_MAX ((uint32_t)256 * 256 * 4 + 1024)
#define WIRE_SHAPE_BYTES_MAX  (WIRE_CURSOR_BYTES_MAX + 17)

/* What follows the flags of a cursor, unless they say NONE. */
struct wire_cursor_shape {
	uint64_t unique_id;
	uint8_t type; /* SPICE_CURSOR_TYPE_* */
	uint16_t width;
	uint16_t height;
	uint16_t hot_x;
	uint16_t hot_y;
	struct span data; /* empty with SPICE_CURSOR_FLAGS_FROM_CACHE */
};
extern const struct field_table wire_cursor_shape_fields;

struct msg_cursor_init {
	int16_t x;
	int16_t y;
	uint16_t trail_length;
	uint16_t trail_frequency;
	uint8_t visible;
	uint16_t flags;    /* SPICE_CURSOR_FLAGS_* */
	struct span shape; /* struct wire_cursor_shape; empty with NONE */
};
extern const struct field_table msg_cursor_init_fields;

struct msg_cursor_set {
	int16_t x;
	int16_t y;
	uint8_t visible;
	uint16_t flags;
	struct span shape;
};
extern const struct field_table msg_cursor_set_fields;

struct msg_cursor_move {
	int16_t x;
	int16_t y;
};
extern const struct field_table msg_cursor_move_fields;

struct msg_cursor_trail {
	uint16_t length;
	uint16_t frequency;
};
extern const struct field_table msg_cursor_trail_fields;

struct msg_cursor_inval_one {
	uint64_t id;
};
extern const struct field_table msg_cursor_inval_one_fields;

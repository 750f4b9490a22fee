/* messages_cursor.c - the messages of the pointer. */
#include "channels/wire/messages_cursor.h"
#include "channels/wire/table.h"

static const struct field wire_cursor_shape_list[] = {
	FIELD(struct wire_cursor_shape, unique_id, FIELD_U64, 0),
	FIELD(struct wire_cursor_shape, type, FIELD_U8, 0),
	FIELD(struct wire_cursor_shape, width, FIELD_U16, 0),
	FIELD(struct wire_cursor_shape, height, FIELD_U16, 0),
	FIELD(struct wire_cursor_shape, hot_x, FIELD_U16, 0),
	FIELD(struct wire_cursor_shape, hot_y, FIELD_U16, 0),
	FIELD(struct wire_cursor_shape, data, FIELD_TAIL,
	      WIRE_CURSOR_BYTES_MAX),
};
const struct field_table wire_cursor_shape_fields = TABLE(wire_cursor_shape);

static const struct field msg_cursor_init_list[] = {
	FIELD(struct msg_cursor_init, x, FIELD_I16, 0),
	FIELD(struct msg_cursor_init, y, FIELD_I16, 0),
	FIELD(struct msg_cursor_init, trail_length, FIELD_U16, 0),
	FIELD(struct msg_cursor_init, trail_frequency, FIELD_U16, 0),
	FIELD(struct msg_cursor_init, visible, FIELD_U8, 0),
	FIELD(struct msg_cursor_init, flags, FIELD_U16, 0),
	FIELD(struct msg_cursor_init, shape, FIELD_TAIL, WIRE_SHAPE_BYTES_MAX),
};
const struct field_table msg_cursor_init_fields = TABLE(msg_cursor_init);

static const struct field msg_cursor_set_list[] = {
	FIELD(struct msg_cursor_set, x, FIELD_I16, 0),
	FIELD(struct msg_cursor_set, y, FIELD_I16, 0),
	FIELD(struct msg_cursor_set, visible, FIELD_U8, 0),
	FIELD(struct msg_cursor_set, flags, FIELD_U16, 0),
	FIELD(struct msg_cursor_set, shape, FIELD_TAIL, WIRE_SHAPE_BYTES_MAX),
};
const struct field_table msg_cursor_set_fields = TABLE(msg_cursor_set);

static const struct field msg_cursor_move_list[] = {
	FIELD(struct msg_cursor_move, x, FIELD_I16, 0),
	FIELD(struct msg_cursor_move, y, FIELD_I16, 0),
};
const struct field_table msg_cursor_move_fields = TABLE(msg_cursor_move);

static const struct field msg_cursor_trail_list[] = {
	FIELD(struct msg_cursor_trail, length, FIELD_U16, 0),
	FIELD(struct msg_cursor_trail, frequency, FIELD_U16, 0),
};
const struct field_table msg_cursor_trail_fields = TABLE(msg_cursor_trail);

static const struct field msg_cursor_inval_one_list[] = {
	FIELD(struct msg_cursor_inval_one, id, FIELD_U64, 0),
};
const struct field_table msg_cursor_inval_one_fields =
	TABLE(msg_cursor_inval_one);

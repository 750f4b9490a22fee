/* messages_inputs.c - the messages of keyboard and mouse. */
#include "channels/wire/messages_inputs.h"
#include "channels/wire/table.h"

static const struct field msg_inputs_init_list[] = {
	FIELD(struct msg_inputs_init, modifiers, FIELD_U16, 0),
};
const struct field_table msg_inputs_init_fields = TABLE(msg_inputs_init);

static const struct field msg_inputs_key_modifiers_list[] = {
	FIELD(struct msg_inputs_key_modifiers, modifiers, FIELD_U16, 0),
};
const struct field_table msg_inputs_key_modifiers_fields =
	TABLE(msg_inputs_key_modifiers);

static const struct field msgc_inputs_key_down_list[] = {
	FIELD(struct msgc_inputs_key_down, code, FIELD_U32, 0),
};
const struct field_table msgc_inputs_key_down_fields =
	TABLE(msgc_inputs_key_down);

static const struct field msgc_inputs_key_up_list[] = {
	FIELD(struct msgc_inputs_key_up, code, FIELD_U32, 0),
};
const struct field_table msgc_inputs_key_up_fields = TABLE(msgc_inputs_key_up);

static const struct field msgc_inputs_key_modifiers_list[] = {
	FIELD(struct msgc_inputs_key_modifiers, modifiers, FIELD_U16, 0),
};
const struct field_table msgc_inputs_key_modifiers_fields =
	TABLE(msgc_inputs_key_modifiers);

static const struct field msgc_inputs_key_scancode_list[] = {
	FIELD(struct msgc_inputs_key_scancode, code, FIELD_TAIL,
	      WIRE_SCANCODE_MAX, .flags = FIELD_NONEMPTY),
};
const struct field_table msgc_inputs_key_scancode_fields =
	TABLE(msgc_inputs_key_scancode);

static const struct field msgc_inputs_mouse_motion_list[] = {
	FIELD(struct msgc_inputs_mouse_motion, dx, FIELD_I32, 0),
	FIELD(struct msgc_inputs_mouse_motion, dy, FIELD_I32, 0),
	FIELD(struct msgc_inputs_mouse_motion, buttons, FIELD_U16, 0),
};
const struct field_table msgc_inputs_mouse_motion_fields =
	TABLE(msgc_inputs_mouse_motion);

static const struct field msgc_inputs_mouse_position_list[] = {
	FIELD(struct msgc_inputs_mouse_position, x, FIELD_U32, 0),
	FIELD(struct msgc_inputs_mouse_position, y, FIELD_U32, 0),
	FIELD(struct msgc_inputs_mouse_position, buttons, FIELD_U16, 0),
	FIELD(struct msgc_inputs_mouse_position, display_id, FIELD_U8, 0),
};
const struct field_table msgc_inputs_mouse_position_fields =
	TABLE(msgc_inputs_mouse_position);

static const struct field msgc_inputs_mouse_press_list[] = {
	FIELD(struct msgc_inputs_mouse_press, button, FIELD_U8, 0),
	FIELD(struct msgc_inputs_mouse_press, buttons, FIELD_U16, 0),
};
const struct field_table msgc_inputs_mouse_press_fields =
	TABLE(msgc_inputs_mouse_press);

static const struct field msgc_inputs_mouse_release_list[] = {
	FIELD(struct msgc_inputs_mouse_release, button, FIELD_U8, 0),
	FIELD(struct msgc_inputs_mouse_release, buttons, FIELD_U16, 0),
};
const struct field_table msgc_inputs_mouse_release_fields =
	TABLE(msgc_inputs_mouse_release);

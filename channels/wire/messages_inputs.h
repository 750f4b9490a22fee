/* messages_inputs.h - the messages of keyboard and mouse. */
#pragma once

#include "core/field.h"

/* A limit of our own: the protocol has none. */
#define WIRE_SCANCODE_MAX 256

struct msg_inputs_init {
	uint16_t modifiers; /* SPICE_KEYBOARD_MODIFIER_FLAGS_* */
};
extern const struct field_table msg_inputs_init_fields;

struct msg_inputs_key_modifiers {
	uint16_t modifiers;
};
extern const struct field_table msg_inputs_key_modifiers_fields;

struct msgc_inputs_key_down {
	uint32_t code; /* the bytes of a scancode, first in the lowest */
};
extern const struct field_table msgc_inputs_key_down_fields;

struct msgc_inputs_key_up {
	uint32_t code;
};
extern const struct field_table msgc_inputs_key_up_fields;

struct msgc_inputs_key_modifiers {
	uint16_t modifiers;
};
extern const struct field_table msgc_inputs_key_modifiers_fields;

struct msgc_inputs_key_scancode {
	struct span code;
};
extern const struct field_table msgc_inputs_key_scancode_fields;

struct msgc_inputs_mouse_motion {
	int32_t dx;
	int32_t dy;
	uint16_t buttons; /* SPICE_MOUSE_BUTTON_MASK_* */
};
extern const struct field_table msgc_inputs_mouse_motion_fields;

struct msgc_inputs_mouse_position {
	uint32_t x;
	uint32_t y;
	uint16_t buttons;
	uint8_t display_id;
};
extern const struct field_table msgc_inputs_mouse_position_fields;

struct msgc_inputs_mouse_press {
	uint8_t button; /* SPICE_MOUSE_BUTTON_* */
	uint16_t buttons;
};
extern const struct field_table msgc_inputs_mouse_press_fields;

struct msgc_inputs_mouse_release {
	uint8_t button;
	uint16_t buttons;
};
extern const struct field_table msgc_inputs_mouse_release_fields;

/* picture.h - the demo guest's screen: a function of a small visible state. */
#pragma once

#include "channels/guest/guest.h"

/*
 * Every pixel follows from the state and the screen's size, and the state
 * itself stands in the picture as a bar code (barcode.h): who has a picture
 * can read the state and recompute all of it.
 *
 *   bar code | pattern ...                | key block |
 *            a small rectangle moves with the frame number
 *            a marker stands at the mouse
 */
struct picture_state {
	uint32_t frame;
	uint32_t key;  /* last scancode */
	uint32_t keys; /* how many were pressed */
	uint16_t mouse_x;
	uint16_t mouse_y;
	uint8_t buttons;
	uint8_t modifiers;
	uint16_t guest; /* its number */
};

#define PICTURE_SIDE_MIN 64
#define PICTURE_SIDE_MAX 1024
/* Most rectangles that one change of state touches. */
#define PICTURE_CHANGES_MAX 5

/* Paints rect of a screen; rows is where its top left pixel goes. */
void picture_paint(const struct picture_state *state, uint32_t width,
		   uint32_t height, const struct guest_rect *rect,
		   uint8_t *rows, size_t stride);

/*
 * Which rectangles differ between two states, the bar code left out: it always
 * does. Returns how many, at most PICTURE_CHANGES_MAX.
 */
uint32_t picture_changes(const struct picture_state *from,
			 const struct picture_state *to, uint32_t width,
			 uint32_t height, struct guest_rect *rects);

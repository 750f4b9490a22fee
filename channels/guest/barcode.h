/* barcode.h - the picture's state as black and white cells in the picture. */
#pragma once

#include "channels/guest/picture.h"

/*
 * Eight rows of 32 cells in the top left corner: a fixed pattern, the state in
 * five words, the screen's size, a checksum. Bit 0 of a word stands left.
 */
#define BARCODE_WORDS       8
#define BARCODE_CELL_WIDTH  2
#define BARCODE_CELL_HEIGHT 4
#define BARCODE_WIDTH       (32 * BARCODE_CELL_WIDTH)
#define BARCODE_HEIGHT      (BARCODE_WORDS * BARCODE_CELL_HEIGHT)

struct barcode_place {
	uint32_t left, top;     /* of the picture within what was searched */
	uint32_t width, height; /* of the picture */
};

void barcode_encode(const struct picture_state *state, uint32_t width,
		    uint32_t height, uint32_t words[BARCODE_WORDS]);

/*
 * Finds a bar code anywhere in rows of 32-bit xRGB pixels. place may be NULL.
 * Returns 0, or -ENOENT when there is none that is whole.
 */
int barcode_read(const uint8_t *rows, size_t stride, uint32_t width,
		 uint32_t height, struct picture_state *state,
		 struct barcode_place *place);

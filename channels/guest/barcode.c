/* barcode.c - writes and finds the bar code of a picture's state. */
#include "channels/guest/barcode.h"

#include <errno.h>
#include <string.h>

#define FINDER 0xf1a5c36d

static uint32_t checksum(const uint32_t *words)
{
	uint64_t sum = 0x9e3779b97f4a7c15u;
	int i;

	for (i = 0; i < BARCODE_WORDS - 1; i++) {
		sum = (sum ^ words[i]) * 0xd6e8feb86659fd93u;
		sum ^= sum >> 32;
	}
	return (uint32_t)sum;
}

void barcode_encode(const struct picture_state *state, uint32_t width,
		    uint32_t height, uint32_t words[BARCODE_WORDS])
{
	words[0] = FINDER;
	words[1] = state->frame;
	words[2] = state->mouse_x | (uint32_t)state->mouse_y << 16;
	words[3] = state->key;
	words[4] = state->keys;
	words[5] = state->buttons | (uint32_t)state->modifiers << 8 |
		   (uint32_t)state->guest << 16;
	words[6] = width | height << 16;
	words[7] = checksum(words);
}

static bool is_white(const uint8_t *rows, size_t stride, uint32_t x, uint32_t y)
{
	return rows[y * stride + (size_t)x * 4 + 1] >= 128;
}

static uint32_t read_word(const uint8_t *rows, size_t stride, uint32_t x,
			  uint32_t y)
{
	uint32_t word = 0;
	uint32_t i;

	for (i = 0; i < 32; i++)
		if (is_white(rows, stride, x + i * BARCODE_CELL_WIDTH, y))
			word |= (uint32_t)1 << i;
	return word;
}

static bool is_finder(const uint8_t *rows, size_t stride, uint32_t x,
		      uint32_t y)
{
	uint32_t i;

	for (i = 0; i < 32; i++)
		if (is_white(rows, stride, x + i * BARCODE_CELL_WIDTH, y) !=
		    (FINDER >> i & 1))
			return false;
	return true;
}

static void decode(const uint32_t *words, struct picture_state *state)
{
	memset(state, 0, sizeof(*state));
	state->frame = words[1];
	state->mouse_x = (uint16_t)words[2];
	state->mouse_y = (uint16_t)(words[2] >> 16);
	state->key = words[3];
	state->keys = words[4];
	state->buttons = (uint8_t)words[5];
	state->modifiers = (uint8_t)(words[5] >> 8);
	state->guest = (uint16_t)(words[5] >> 16);
}

static bool read_at(const uint8_t *rows, size_t stride, uint32_t x, uint32_t y,
		    struct picture_state *state, struct barcode_place *place)
{
	uint32_t words[BARCODE_WORDS];
	uint32_t i;

	for (i = 0; i < BARCODE_WORDS; i++)
		words[i] =
			read_word(rows, stride, x, y + i * BARCODE_CELL_HEIGHT);
	if (words[BARCODE_WORDS - 1] != checksum(words))
		return false;
	decode(words, state);
	if (place != NULL)
		*place = (struct barcode_place){x, y, words[6] & 0xffff,
						words[6] >> 16};
	return true;
}

int barcode_read(const uint8_t *rows, size_t stride, uint32_t width,
		 uint32_t height, struct picture_state *state,
		 struct barcode_place *place)
{
	uint32_t x, y;

	if (width < BARCODE_WIDTH || height < BARCODE_HEIGHT)
		return -ENOENT;
	for (y = 0; y <= height - BARCODE_HEIGHT; y++)
		for (x = 0; x <= width - BARCODE_WIDTH; x++)
			if (is_finder(rows, stride, x, y) &&
			    read_at(rows, stride, x, y, state, place))
				return 0;
	return -ENOENT;
}

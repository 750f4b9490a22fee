/* barcode_read.c - finds the demo guest's picture in a screenshot.
 *
 * Reads a binary PPM (P6) from a file or stdin. Prints one line of name=value
 * pairs; exits 1 when there is no bar code, 2 when the file is not one.
 */
#include "channels/guest/barcode.h"

#include <stdio.h>
#include <stdlib.h>

#define SIDE_MAX 16384

struct screenshot {
	uint8_t *rows;
	uint32_t width, height;
	size_t stride;
};

/* A number of the header, behind spaces and comments. */
static bool read_number(FILE *file, uint32_t *number)
{
	int c = getc(file);

	while (c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '#') {
		if (c == '#')
			while (c != '\n' && c != EOF)
				c = getc(file);
		c = getc(file);
	}
	*number = 0;
	if (c < '0' || c > '9')
		return false;
	while (c >= '0' && c <= '9' && *number <= SIDE_MAX) {
		*number = *number * 10 + (uint32_t)(c - '0');
		c = getc(file);
	}
	return *number > 0 && *number <= SIDE_MAX;
}

static bool read_screenshot(FILE *file, struct screenshot *s)
{
	uint32_t most;
	size_t i, pixels;

	if (getc(file) != 'P' || getc(file) != '6' ||
	    !read_number(file, &s->width) || !read_number(file, &s->height) ||
	    !read_number(file, &most) || most != 255)
		return false;
	pixels = (size_t)s->width * s->height;
	s->stride = (size_t)s->width * 4;
	s->rows = calloc(pixels, 4);
	if (s->rows == NULL)
		return false;
	for (i = 0; i < pixels; i++) {
		uint8_t rgb[3];

		if (fread(rgb, 1, 3, file) != 3)
			return false;
		s->rows[i * 4] = rgb[2];
		s->rows[i * 4 + 1] = rgb[1];
		s->rows[i * 4 + 2] = rgb[0];
	}
	return true;
}

/* How many pixels are not what the guest paints, or -1: not all of the
 * picture is on the screenshot. */
static long wrong_pixels(const struct screenshot *s,
			 const struct picture_state *state,
			 const struct barcode_place *place)
{
	struct guest_rect all = {.bottom = (int32_t)place->height,
				 .right = (int32_t)place->width};
	size_t stride = (size_t)place->width * 4;
	uint8_t *due;
	uint32_t x, y;
	long wrong = 0;

	if (place->left + place->width > s->width ||
	    place->top + place->height > s->height)
		return -1;
	due = malloc(stride * place->height);
	if (due == NULL)
		return -1;
	picture_paint(state, place->width, place->height, &all, due, stride);
	for (y = 0; y < place->height; y++) {
		const uint8_t *is = s->rows + (place->top + y) * s->stride +
				    (size_t)place->left * 4;
		const uint8_t *want = due + y * stride;

		for (x = 0; x < place->width; x++, is += 4, want += 4)
			wrong += is[0] != want[0] || is[1] != want[1] ||
				 is[2] != want[2];
	}
	free(due);
	return wrong;
}

int main(int argc, char **argv)
{
	FILE *file = argc > 1 ? fopen(argv[1], "rb") : stdin;
	struct screenshot s = {0};
	struct picture_state state;
	struct barcode_place place;

	if (file == NULL || !read_screenshot(file, &s)) {
		fprintf(stderr, "barcode_read: not a PPM\n");
		return 2;
	}
	if (barcode_read(s.rows, s.stride, s.width, s.height, &state, &place) !=
	    0) {
		fprintf(stderr, "barcode_read: no bar code\n");
		return 1;
	}
	printf("frame=%u guest=%u keys=%u key=%u mouse=%u,%u buttons=%u "
	       "left=%u top=%u width=%u height=%u wrong=%ld\n",
	       state.frame, state.guest, state.keys, state.key, state.mouse_x,
	       state.mouse_y, state.buttons, place.left, place.top, place.width,
	       place.height, wrong_pixels(&s, &state, &place));
	free(s.rows);
	return 0;
}

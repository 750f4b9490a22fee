/* picture.c - paints the demo guest's screen from its visible state. */
#include "channels/guest/barcode.h"

#include <string.h>

#define MARKER_REACH 4 /* pixels on each side of the mouse */
#define KEY_SIDE     16

static int32_t max_i32(int32_t a, int32_t b)
{
	return a > b ? a : b;
}

static int32_t min_i32(int32_t a, int32_t b)
{
	return a < b ? a : b;
}

static struct guest_rect clip(struct guest_rect r, const struct guest_rect *to)
{
	r.top = max_i32(r.top, to->top);
	r.left = max_i32(r.left, to->left);
	r.bottom = min_i32(r.bottom, to->bottom);
	r.right = min_i32(r.right, to->right);
	return r;
}

static struct guest_rect box(uint32_t left, uint32_t top, uint32_t width,
			     uint32_t height)
{
	return (struct guest_rect){
		.top = (int32_t)top,
		.left = (int32_t)left,
		.bottom = (int32_t)(top + height),
		.right = (int32_t)(left + width),
	};
}

static struct guest_rect moving_box(const struct picture_state *s,
				    uint32_t width, uint32_t height)
{
	uint32_t w = width / 8;
	uint32_t h = height / 8;

	return box((uint32_t)((uint64_t)s->frame * 4 % (width - w)),
		   (uint32_t)((uint64_t)s->frame * 3 % (height - h)), w, h);
}

static struct guest_rect marker_box(const struct picture_state *s,
				    uint32_t width, uint32_t height)
{
	struct guest_rect screen = box(0, 0, width, height);
	struct guest_rect r = {
		.top = s->mouse_y - MARKER_REACH,
		.left = s->mouse_x - MARKER_REACH,
		.bottom = s->mouse_y + MARKER_REACH + 1,
		.right = s->mouse_x + MARKER_REACH + 1,
	};

	return clip(r, &screen);
}

static struct guest_rect key_box(uint32_t width)
{
	return box(width - KEY_SIDE, 0, KEY_SIDE, KEY_SIDE);
}

static uint32_t hash_color(uint32_t a, uint32_t b)
{
	uint64_t h = ((uint64_t)a << 32 | b) * 0x9e3779b97f4a7c15u;

	return (uint32_t)(h >> 40);
}

static uint32_t background(uint32_t x, uint32_t y, uint32_t guest)
{
	uint32_t red = (x + guest * 37) & 0xff;
	uint32_t green = (y * 2 + guest * 11) & 0xff;
	uint32_t blue = ((x >> 4 ^ y >> 4) & 1) != 0 ? 0x40 : 0xa0;

	return red << 16 | green << 8 | blue;
}

static uint8_t *pixel_at(const struct guest_rect *rect, uint8_t *rows,
			 size_t stride, int32_t x, int32_t y)
{
	return rows + (size_t)(y - rect->top) * stride +
	       (size_t)(x - rect->left) * 4;
}

static void fill(const struct guest_rect *rect, uint8_t *rows, size_t stride,
		 struct guest_rect area, uint32_t color)
{
	int32_t x, y;

	area = clip(area, rect);
	for (y = area.top; y < area.bottom; y++)
		for (x = area.left; x < area.right; x++)
			memcpy(pixel_at(rect, rows, stride, x, y), &color, 4);
}

static void paint_background(const struct picture_state *s,
			     const struct guest_rect *rect, uint8_t *rows,
			     size_t stride)
{
	int32_t x, y;

	for (y = rect->top; y < rect->bottom; y++) {
		uint8_t *to = pixel_at(rect, rows, stride, rect->left, y);

		for (x = rect->left; x < rect->right; x++, to += 4) {
			uint32_t color =
				background((uint32_t)x, (uint32_t)y, s->guest);

			memcpy(to, &color, 4);
		}
	}
}

static void paint_barcode(const struct picture_state *s, uint32_t width,
			  uint32_t height, const struct guest_rect *rect,
			  uint8_t *rows, size_t stride)
{
	struct guest_rect area =
		clip(box(0, 0, BARCODE_WIDTH, BARCODE_HEIGHT), rect);
	uint32_t words[BARCODE_WORDS];
	int32_t x, y;

	if (area.top >= area.bottom || area.left >= area.right)
		return;
	barcode_encode(s, width, height, words);
	for (y = area.top; y < area.bottom; y++) {
		uint32_t word = words[y / BARCODE_CELL_HEIGHT];

		for (x = area.left; x < area.right; x++) {
			bool on = word >> (x / BARCODE_CELL_WIDTH) & 1;
			uint32_t color = on ? 0xffffff : 0;

			memcpy(pixel_at(rect, rows, stride, x, y), &color, 4);
		}
	}
}

void picture_paint(const struct picture_state *state, uint32_t width,
		   uint32_t height, const struct guest_rect *rect,
		   uint8_t *rows, size_t stride)
{
	uint32_t pressed = hash_color(state->buttons, 0x6d);

	paint_background(state, rect, rows, stride);
	fill(rect, rows, stride, moving_box(state, width, height), 0xffd020);
	fill(rect, rows, stride, marker_box(state, width, height), pressed);
	fill(rect, rows, stride, key_box(width),
	     hash_color(state->key, state->keys));
	paint_barcode(state, width, height, rect, rows, stride);
}

/* Both rectangles, as one where they overlap. */
static uint32_t changed_boxes(struct guest_rect a, struct guest_rect b,
			      struct guest_rect *rects)
{
	struct guest_rect both = clip(a, &b);

	if (both.top >= both.bottom || both.left >= both.right) {
		rects[0] = a;
		rects[1] = b;
		return 2;
	}
	rects[0] = (struct guest_rect){
		.top = min_i32(a.top, b.top),
		.left = min_i32(a.left, b.left),
		.bottom = max_i32(a.bottom, b.bottom),
		.right = max_i32(a.right, b.right),
	};
	return 1;
}

uint32_t picture_changes(const struct picture_state *from,
			 const struct picture_state *to, uint32_t width,
			 uint32_t height, struct guest_rect *rects)
{
	uint32_t n = 0;

	if (from->frame != to->frame)
		n += changed_boxes(moving_box(from, width, height),
				   moving_box(to, width, height), rects + n);
	if (from->mouse_x != to->mouse_x || from->mouse_y != to->mouse_y ||
	    from->buttons != to->buttons)
		n += changed_boxes(marker_box(from, width, height),
				   marker_box(to, width, height), rects + n);
	if (from->key != to->key || from->keys != to->keys)
		rects[n++] = key_box(width);
	return n;
}

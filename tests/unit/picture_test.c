/* picture_test.c - the picture follows from its state, and tells it. */
#include "channels/guest/barcode.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t rng_state = 7;

static uint32_t rng(uint32_t below)
{
	rng_state = rng_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(rng_state >> 33) % below;
}

static struct picture_state any_state(uint32_t width, uint32_t height)
{
	return (struct picture_state){
		.frame = rng(4) == 0 ? UINT32_MAX - rng(3) : rng(1u << 31),
		.key = rng(1u << 31),
		.keys = rng(1000),
		.mouse_x = (uint16_t)rng(width),
		.mouse_y = (uint16_t)rng(height),
		.buttons = (uint8_t)rng(128),
		.modifiers = (uint8_t)rng(8),
		.guest = (uint16_t)rng(20000),
	};
}

static void paint_all(const struct picture_state *s, uint32_t width,
		      uint32_t height, uint8_t *rows, size_t stride)
{
	struct guest_rect all = {0, 0, (int32_t)height, (int32_t)width};

	picture_paint(s, width, height, &all, rows, stride);
}

static const uint32_t sizes[][2] = {
	{64, 64}, {320, 200}, {72, 1024}, {1024, 64}};

Test(picture, tells_its_state)
{
	size_t i, round;

	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		uint32_t w = sizes[i][0], h = sizes[i][1];
		size_t stride = (size_t)w * 4;
		uint8_t *rows = malloc(stride * h);

		for (round = 0; round < 50; round++) {
			struct picture_state s = any_state(w, h), got;
			struct barcode_place place;

			paint_all(&s, w, h, rows, stride);
			cr_assert_eq(
				barcode_read(rows, stride, w, h, &got, &place),
				0);
			cr_assert_eq(memcmp(&s, &got, sizeof(s)), 0);
			cr_assert_eq(place.left, 0);
			cr_assert_eq(place.top, 0);
			cr_assert_eq(place.width, w);
			cr_assert_eq(place.height, h);
		}
		free(rows);
	}
}

/* Somewhere within a screenshot, with other things around it. */
Test(picture, is_found_anywhere)
{
	size_t stride = 640 * 4;
	uint8_t *rows = malloc(stride * 480);
	int round;
	size_t i;

	for (round = 0; round < 20; round++) {
		struct picture_state s = any_state(320, 200), got;
		struct barcode_place place;
		uint32_t x = rng(320), y = rng(280);

		for (i = 0; i < stride * 480; i++)
			rows[i] = (uint8_t)rng(256);
		cr_assert_eq(barcode_read(rows, stride, 640, 480, &got, &place),
			     -ENOENT);
		paint_all(&s, 320, 200, rows + y * stride + x * 4, stride);
		cr_assert_eq(barcode_read(rows, stride, 640, 480, &got, &place),
			     0);
		cr_assert_eq(memcmp(&s, &got, sizeof(s)), 0);
		cr_assert_eq(place.left, x);
		cr_assert_eq(place.top, y);
	}
	free(rows);
}

/* One cell spoilt anywhere: no state rather than a wrong one. */
Test(picture, checks_the_bar_code)
{
	static uint8_t rows[64 * 64 * 4];
	struct picture_state s = any_state(64, 64), got;
	uint32_t x, y, i;

	for (y = 0; y < BARCODE_HEIGHT; y += BARCODE_CELL_HEIGHT) {
		for (x = 0; x < BARCODE_WIDTH; x += BARCODE_CELL_WIDTH) {
			paint_all(&s, 64, 64, rows, 256);
			for (i = 0; i < 8; i++)
				rows[(y + i / 2) * 256 + (x + i % 2) * 4 + 1] ^=
					0xff;
			cr_assert_eq(
				barcode_read(rows, 256, 64, 64, &got, NULL),
				-ENOENT);
		}
	}
	cr_assert_eq(barcode_read(rows, 256, 63, 64, &got, NULL), -ENOENT);
	cr_assert_eq(barcode_read(rows, 256, 64, 31, &got, NULL), -ENOENT);
}

/* A piece painted alone is that piece of the whole. */
Test(picture, pieces_equal_the_whole)
{
	static uint8_t whole[320 * 200 * 4], piece[320 * 200 * 4];
	int round;

	for (round = 0; round < 200; round++) {
		struct picture_state s = any_state(320, 200);
		int32_t left = (int32_t)rng(319), top = (int32_t)rng(199);
		struct guest_rect r = {
			.top = top,
			.left = left,
			.bottom = top + 1 + (int32_t)rng((uint32_t)(199 - top)),
			.right =
				left + 1 + (int32_t)rng((uint32_t)(319 - left)),
		};
		size_t len = (size_t)(r.right - r.left) * 4;
		int32_t y;

		paint_all(&s, 320, 200, whole, 1280);
		picture_paint(&s, 320, 200, &r, piece, len);
		for (y = r.top; y < r.bottom; y++)
			cr_assert_eq(memcmp(piece + (size_t)(y - r.top) * len,
					    whole + y * 1280 + r.left * 4, len),
				     0);
	}
}

/* What picture_changes names and the bar code: nothing else differs. */
Test(picture, changes_are_all)
{
	static uint8_t kept[320 * 200 * 4], whole[320 * 200 * 4];
	struct picture_state s = any_state(320, 200);
	int round;

	s.guest = 3;
	paint_all(&s, 320, 200, kept, 1280);
	for (round = 0; round < 300; round++) {
		struct guest_rect rects[PICTURE_CHANGES_MAX + 1];
		struct picture_state to = s, other = any_state(320, 200);
		uint32_t n, i;

		if (rng(2))
			to.frame += 1 + rng(3);
		if (rng(2)) {
			to.mouse_x = other.mouse_x;
			to.mouse_y = other.mouse_y;
		}
		if (rng(2))
			to.buttons = other.buttons;
		if (rng(2))
			to.key = other.key;
		if (rng(2))
			to.keys++;
		n = picture_changes(&s, &to, 320, 200, rects);
		cr_assert_leq(n, PICTURE_CHANGES_MAX);
		rects[n++] = (struct guest_rect){0, 0, BARCODE_HEIGHT,
						 BARCODE_WIDTH};
		for (i = 0; i < n; i++)
			picture_paint(&to, 320, 200, &rects[i],
				      kept + rects[i].top * 1280 +
					      rects[i].left * 4,
				      1280);
		paint_all(&to, 320, 200, whole, 1280);
		cr_assert_eq(memcmp(kept, whole, sizeof(kept)), 0);
		s = to;
	}
}

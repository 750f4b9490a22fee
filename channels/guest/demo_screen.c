/* demo_screen.c - keeps the client's picture equal to the demo guest's. */
#include "channels/guest/demo_state.h"

/*
 * Only what differs is drawn, and the bar code last: whoever reads it after a
 * draw knows that the picture around it is of that state, too. What the full
 * channel does not take stays dirty, and in the image.
 */

/* A rectangle goes out in bands of this size, so that one always fits. */
#define BAND_BYTES ((uint32_t)64 * 1024)

void demo_screen_all(struct demo *demo)
{
	demo->core.dirty[0] = (struct demo_dirty){.bottom = demo->core.height,
						  .right = demo->core.width};
	demo->core.dirty_count = 1;
	demo->core.barcode_dirty = 1;
}

static void add_dirty(struct demo *demo, const struct guest_rect *rect)
{
	if (demo->core.dirty_count == DEMO_DIRTY_MAX) {
		demo_screen_all(demo);
		return;
	}
	demo->core.dirty[demo->core.dirty_count++] = (struct demo_dirty){
		.top = (uint16_t)rect->top,
		.left = (uint16_t)rect->left,
		.bottom = (uint16_t)rect->bottom,
		.right = (uint16_t)rect->right,
	};
}

/* Draws bands of the rectangle until all is out. False: no room now. */
static bool draw(struct guest *guest, struct demo_dirty *dirty)
{
	uint32_t row_bytes = (uint32_t)(dirty->right - dirty->left) * 4;
	int32_t rows = (int32_t)max_u32(1, BAND_BYTES / row_bytes);

	while (dirty->top < dirty->bottom) {
		struct guest_rect band = {
			.top = dirty->top,
			.left = dirty->left,
			.bottom = dirty->bottom,
			.right = dirty->right,
		};

		if (band.bottom - band.top > rows)
			band.bottom = band.top + rows;
		if (guest_draw(guest, &band) != 0)
			return false;
		dirty->top = (uint16_t)band.bottom;
	}
	return true;
}

void demo_screen_flush(struct guest *guest)
{
	struct demo *demo = guest->driver;
	struct guest_rect barcode = {0, 0, BARCODE_HEIGHT, BARCODE_WIDTH};
	uint32_t i, done = 0;

	if (!(demo->core.up & DEMO_DISPLAY_UP) || demo->paused)
		return;
	while (done < demo->core.dirty_count &&
	       draw(guest, &demo->core.dirty[done]))
		done++;
	for (i = done; i < demo->core.dirty_count; i++)
		demo->core.dirty[i - done] = demo->core.dirty[i];
	demo->core.dirty_count = (uint8_t)(demo->core.dirty_count - done);
	if (demo->core.dirty_count == 0 && demo->core.barcode_dirty &&
	    guest_draw(guest, &barcode) == 0)
		demo->core.barcode_dirty = 0;
}

void demo_screen_changed(struct guest *guest, const struct picture_state *old)
{
	struct demo *demo = guest->driver;
	struct guest_rect rects[PICTURE_CHANGES_MAX];
	uint32_t i, n;

	if (!(demo->core.up & DEMO_DISPLAY_UP))
		return; /* a client that looks gets all of it first */
	n = picture_changes(old, &demo->core.shown, demo->core.width,
			    demo->core.height, rects);
	for (i = 0; i < n; i++)
		add_dirty(demo, &rects[i]);
	demo->core.barcode_dirty = 1;
	demo_screen_flush(guest);
}

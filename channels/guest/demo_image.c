/* demo_image.c - the demo guest's state as it travels. */
#include "channels/guest/demo_state.h"

#define CORE(m, kind, limit, tag_) \
	FIELD(struct demo_image, core.m, kind, limit, .tag = (tag_))
#define DIRTY(i)                                                        \
	CORE(dirty[i].top, FIELD_U16, PICTURE_SIDE_MAX, 100 + 4 * (i)), \
		CORE(dirty[i].left, FIELD_U16, PICTURE_SIDE_MAX,        \
		     101 + 4 * (i)),                                    \
		CORE(dirty[i].bottom, FIELD_U16, PICTURE_SIDE_MAX,      \
		     102 + 4 * (i)),                                    \
		CORE(dirty[i].right, FIELD_U16, PICTURE_SIDE_MAX,       \
		     103 + 4 * (i))
#define ECHO_FIELDS(m, tag_)                                                   \
	STREAM_CHECKER_FIELDS(struct demo_image, core.m.in, tag_),             \
		CORE(m.report_due, FIELD_U8, 1, (tag_) + STREAM_CHECKER_TAGS), \
		CORE(m.stopped, FIELD_U8, 1, (tag_) + STREAM_CHECKER_TAGS + 1)

/* The slowest rate is 1 Hz. */
#define PERIOD_MAX_NS NS_PER_S

/* clang-format off */
static const struct field fields[] = {
	CORE(shown.frame, FIELD_U32, 0, 1),
	CORE(shown.key, FIELD_U32, 0, 2),
	CORE(shown.keys, FIELD_U32, 0, 3),
	CORE(shown.mouse_x, FIELD_U16, PICTURE_SIDE_MAX - 1, 4),
	CORE(shown.mouse_y, FIELD_U16, PICTURE_SIDE_MAX - 1, 5),
	CORE(shown.buttons, FIELD_U8, 0, 6),
	CORE(shown.modifiers, FIELD_U8, 0, 7),
	CORE(shown.guest, FIELD_U16, 0, 8),
	CORE(width, FIELD_U16, PICTURE_SIDE_MAX, 9),
	CORE(height, FIELD_U16, PICTURE_SIDE_MAX, 10),
	CORE(up, FIELD_U8, DEMO_DISPLAY_UP | DEMO_PULSE_UP, 11),
	CORE(barcode_dirty, FIELD_U8, 1, 12),
	CORE(dirty_count, FIELD_U8, DEMO_DIRTY_MAX, 13),
	CORE(close_left, FIELD_U8, STREAM_RECORD_BYTES, 14),
	CORE(frame_ns, FIELD_U64, PERIOD_MAX_NS, 15),
	CORE(pulse_ns, FIELD_U64, PERIOD_MAX_NS, 16),
	CORE(frame_left_ns, FIELD_U64, PERIOD_MAX_NS, 17),
	CORE(pulse_left_ns, FIELD_U64, PERIOD_MAX_NS, 18),
	CORE(pulse_sent, FIELD_U64, 0, 19),
	CORE(pulse_goal, FIELD_U64, 0, 20),
	CORE(close_sent, FIELD_U64, 0, 21),
	CORE(pulse_key, FIELD_U32, 0, 22),
	FIELD(struct demo_image, port_pending, FIELD_BLOB32, DEMO_ECHO_BYTES,
	      .tag = 30),
	FIELD(struct demo_image, usb_pending, FIELD_BLOB32, DEMO_USB_BYTES,
	      .tag = 31),
	DIRTY(0), DIRTY(1), DIRTY(2), DIRTY(3),
	DIRTY(4), DIRTY(5), DIRTY(6), DIRTY(7),
	ECHO_FIELDS(port, 200),
	ECHO_FIELDS(usb, 300),
};
/* clang-format on */

const struct field_table demo_fields =
	FIELD_TABLE("guest-demo", struct demo_image, fields);

static bool screen_valid(const struct demo_core *c)
{
	int i;

	if (c->width < PICTURE_SIDE_MIN || c->height < PICTURE_SIDE_MIN ||
	    c->shown.mouse_x >= c->width || c->shown.mouse_y >= c->height)
		return false;
	for (i = 0; i < c->dirty_count; i++)
		if (c->dirty[i].bottom > c->height ||
		    c->dirty[i].top >= c->dirty[i].bottom ||
		    c->dirty[i].right > c->width ||
		    c->dirty[i].left >= c->dirty[i].right)
			return false;
	return true;
}

static bool echo_valid(const struct demo_echo *e)
{
	return stream_checker_valid(&e->in) &&
	       (!e->report_due || e->in.key != 0);
}

bool demo_image_valid(const struct demo_image *image)
{
	const struct demo_core *c = &image->core;

	return screen_valid(c) && c->frame_ns != 0 && c->pulse_ns != 0 &&
	       c->frame_left_ns <= c->frame_ns &&
	       c->pulse_left_ns <= c->pulse_ns &&
	       c->pulse_sent <= c->pulse_goal &&
	       (c->close_left == 0 || c->close_sent <= c->pulse_goal) &&
	       c->pulse_key != 0 && echo_valid(&c->port) &&
	       echo_valid(&c->usb) &&
	       image->port_pending.len <= DEMO_ECHO_BYTES &&
	       image->usb_pending.len <= DEMO_USB_BYTES;
}

/* demo.c - the built-in guest: what a shard asks of it. */
#include "channels/guest/demo_state.h"
#include "core/config.h"

#include <spice/enums.h>

#include <errno.h>
#include <string.h>

#define SCANCODE_CAPS_LOCK 0x3a
/* A shard that is late catches up this many pulses at once. */
#define PULSES_AT_ONCE_MAX 256

static uint32_t demo_channels(const struct guest *guest,
			      struct guest_channel *channels, uint32_t max)
{
	static const struct guest_channel offered[] = {
		{SPICE_CHANNEL_DISPLAY, 0, NULL},
		{SPICE_CHANNEL_INPUTS, 0, NULL},
		{SPICE_CHANNEL_CURSOR, 0, NULL},
		{SPICE_CHANNEL_PORT, 0, DEMO_ECHO_NAME},
		{SPICE_CHANNEL_PORT, 1, DEMO_PULSE_NAME},
		{SPICE_CHANNEL_USBREDIR, 0, NULL},
	};
	uint32_t n = min_u32(max, ARRAY_LEN(offered));

	(void)guest;
	memcpy(channels, offered, n * sizeof(*channels));
	return n;
}

static int demo_open(struct guest *guest, const struct config *config)
{
	const struct config_guest_demo *cfg = &config->guest_demo;
	struct demo *demo = guest->driver;
	uint32_t hz = guest->number == 0 ? cfg->first_pulse_hz : cfg->pulse_hz;

	if (cfg->width < PICTURE_SIDE_MIN || cfg->width > PICTURE_SIDE_MAX ||
	    cfg->height < PICTURE_SIDE_MIN || cfg->height > PICTURE_SIDE_MAX ||
	    cfg->fps == 0 || hz == 0)
		return -EINVAL;
	demo->core.width = (uint16_t)cfg->width;
	demo->core.height = (uint16_t)cfg->height;
	demo->core.shown.guest = (uint16_t)guest->number;
	demo->core.shown.mouse_x = demo->core.width / 2;
	demo->core.shown.mouse_y = demo->core.height / 2;
	demo->core.frame_ns = NS_PER_S / cfg->fps;
	demo->core.pulse_ns = NS_PER_S / hz;
	demo->core.pulse_key = stream_key(guest->name, DEMO_PULSE_STREAM);
	demo_streams_init(guest);
	return 0;
}

static void demo_close(struct guest *guest)
{
	guest_timer(guest, NS_NEVER);
	memset(guest->driver, 0, sizeof(struct demo));
}

/* Without a client that looks or listens the guest sleeps. */
static void arm_timer(struct guest *guest)
{
	struct demo *demo = guest->driver;
	uint64_t due = NS_NEVER;

	if (demo->core.up & DEMO_DISPLAY_UP)
		due = demo->frame_due_ns;
	if (demo->core.up & DEMO_PULSE_UP)
		due = min_u64(due, demo->pulse_due_ns);
	guest_timer(guest, due);
}

static void demo_channel_up(struct guest *guest, uint8_t type, uint8_t id)
{
	struct demo *demo = guest->driver;

	if (type == SPICE_CHANNEL_DISPLAY) {
		if (!(demo->core.up & DEMO_DISPLAY_UP))
			demo->frame_due_ns =
				guest->now_ns + demo->core.frame_ns;
		demo->core.up |= DEMO_DISPLAY_UP;
		demo_screen_all(demo);
		demo_screen_flush(guest);
	} else if (type == SPICE_CHANNEL_PORT && id == 1) {
		if (!(demo->core.up & DEMO_PULSE_UP))
			demo->pulse_due_ns =
				guest->now_ns + demo->core.pulse_ns;
		demo->core.up |= DEMO_PULSE_UP;
		demo_pulse_flush(guest);
	} else if (type == SPICE_CHANNEL_PORT ||
		   type == SPICE_CHANNEL_USBREDIR) {
		demo_echo_flush(guest, type);
	} else if (type == SPICE_CHANNEL_INPUTS &&
		   demo->core.shown.modifiers != 0) {
		guest_modifiers(guest, demo->core.shown.modifiers);
	}
	if (!demo->paused)
		arm_timer(guest);
}

static void demo_channel_down(struct guest *guest, uint8_t type, uint8_t id)
{
	struct demo *demo = guest->driver;

	if (type == SPICE_CHANNEL_DISPLAY)
		demo->core.up &= (uint8_t)~DEMO_DISPLAY_UP;
	else if (type == SPICE_CHANNEL_PORT && id == 1)
		demo->core.up &= (uint8_t)~DEMO_PULSE_UP;
	if (!demo->paused)
		arm_timer(guest);
}

static void demo_writable(struct guest *guest, uint8_t type, uint8_t id)
{
	if (type == SPICE_CHANNEL_DISPLAY)
		demo_screen_flush(guest);
	else if (type == SPICE_CHANNEL_PORT && id == 1)
		demo_pulse_flush(guest);
	else if (type == SPICE_CHANNEL_PORT || type == SPICE_CHANNEL_USBREDIR)
		demo_echo_flush(guest, type);
}

static void demo_detached(struct guest *guest)
{
	struct demo *demo = guest->driver;

	demo->core.up = 0;
	demo->core.dirty_count = 0;
	demo->core.barcode_dirty = 0;
	demo_streams_init(guest);
	if (!demo->paused)
		arm_timer(guest);
}

static void demo_key(struct guest *guest, uint32_t scancode, bool down)
{
	struct demo *demo = guest->driver;
	struct picture_state old = demo->core.shown;

	if (!down)
		return;
	demo->core.shown.key = scancode;
	demo->core.shown.keys++;
	if (scancode == SCANCODE_CAPS_LOCK) {
		demo->core.shown.modifiers ^=
			SPICE_KEYBOARD_MODIFIER_FLAGS_CAPS_LOCK;
		guest_modifiers(guest, demo->core.shown.modifiers);
	}
	demo_screen_changed(guest, &old);
}

static uint16_t clamp(int64_t at, uint16_t size)
{
	if (at < 0)
		return 0;
	return at < size ? (uint16_t)at : (uint16_t)(size - 1);
}

static void demo_mouse(struct guest *guest, const struct guest_mouse *mouse)
{
	struct demo *demo = guest->driver;
	struct picture_state old = demo->core.shown;
	struct picture_state *now = &demo->core.shown;
	int64_t x = mouse->x, y = mouse->y;

	now->buttons = (uint8_t)mouse->buttons;
	if (mouse->kind == MOUSE_MOVE) {
		x += now->mouse_x;
		y += now->mouse_y;
	}
	if (mouse->kind != MOUSE_BUTTON) {
		now->mouse_x = clamp(x, demo->core.width);
		now->mouse_y = clamp(y, demo->core.height);
	}
	demo_screen_changed(guest, &old);
}

static uint64_t time_left(uint64_t due_ns, uint64_t now_ns, uint64_t most_ns)
{
	return due_ns > now_ns ? min_u64(due_ns - now_ns, most_ns) : 0;
}

static void demo_pause(struct guest *guest)
{
	struct demo *demo = guest->driver;
	struct demo_core *core = &demo->core;

	if (demo->paused)
		return;
	demo->paused = true;
	core->frame_left_ns =
		time_left(demo->frame_due_ns, guest->now_ns, core->frame_ns);
	core->pulse_left_ns =
		time_left(demo->pulse_due_ns, guest->now_ns, core->pulse_ns);
	guest_timer(guest, NS_NEVER);
}

static void demo_resume(struct guest *guest)
{
	struct demo *demo = guest->driver;

	if (!demo->paused)
		return;
	demo->paused = false;
	demo->frame_due_ns = guest->now_ns + demo->core.frame_left_ns;
	demo->pulse_due_ns = guest->now_ns + demo->core.pulse_left_ns;
	arm_timer(guest);
	demo_pulse_flush(guest);
	demo_screen_flush(guest);
	demo_echo_flush(guest, SPICE_CHANNEL_PORT);
	demo_echo_flush(guest, SPICE_CHANNEL_USBREDIR);
}

static void next_frame(struct guest *guest)
{
	struct demo *demo = guest->driver;
	struct picture_state old = demo->core.shown;

	demo->frame_due_ns += demo->core.frame_ns;
	if (demo->frame_due_ns <= guest->now_ns)
		demo->frame_due_ns = guest->now_ns + demo->core.frame_ns;
	demo->core.shown.frame++;
	demo_screen_changed(guest, &old);
}

static void next_pulses(struct guest *guest)
{
	struct demo *demo = guest->driver;
	uint64_t late_ns = guest->now_ns - demo->pulse_due_ns;
	uint64_t n = 1 + late_ns / demo->core.pulse_ns;

	demo->pulse_due_ns += n * demo->core.pulse_ns;
	demo->core.pulse_goal +=
		min_u64(n, PULSES_AT_ONCE_MAX) * STREAM_RECORD_BYTES;
	demo_pulse_flush(guest);
}

static void demo_timer(struct guest *guest)
{
	struct demo *demo = guest->driver;

	if (demo->paused)
		return;
	if ((demo->core.up & DEMO_PULSE_UP) &&
	    demo->pulse_due_ns <= guest->now_ns)
		next_pulses(guest);
	if ((demo->core.up & DEMO_DISPLAY_UP) &&
	    demo->frame_due_ns <= guest->now_ns)
		next_frame(guest);
	arm_timer(guest);
}

static void demo_snapshot(const struct guest *guest, void *to)
{
	const struct demo *demo = guest->driver;
	struct demo_image *image = to;

	memset(image, 0, sizeof(*image));
	image->core = demo->core;
	image->port_pending = (struct span){demo->port_pending.bytes +
						    demo->port_pending.start,
					    demo->port_pending.len};
	image->usb_pending =
		(struct span){demo->usb_pending.bytes + demo->usb_pending.start,
			      demo->usb_pending.len};
}

static void restore_pending(struct demo_pending *p, const struct span *span)
{
	p->start = 0;
	p->len = span->len;
	if (span->len > 0)
		memcpy(p->bytes, span->data, span->len);
}

static int demo_restore(struct guest *guest, const void *from)
{
	struct demo *demo = guest->driver;
	const struct demo_image *image = from;

	if (!demo_image_valid(image))
		return -EBADMSG;
	demo->core = image->core;
	restore_pending(&demo->port_pending, &image->port_pending);
	restore_pending(&demo->usb_pending, &image->usb_pending);
	demo->paused = true;
	guest_timer(guest, NS_NEVER);
	return 0;
}

static struct guest_screen demo_screen(const struct guest *guest)
{
	const struct demo *demo = guest->driver;

	return (struct guest_screen){demo->core.width, demo->core.height};
}

static void demo_paint(const struct guest *guest, const struct guest_rect *rect,
		       uint8_t *rows, size_t stride)
{
	const struct demo *demo = guest->driver;

	picture_paint(&demo->core.shown, demo->core.width, demo->core.height,
		      rect, rows, stride);
}

static void demo_counts(const struct guest *guest, uint64_t *checked_bytes,
			uint64_t *lost_bytes)
{
	const struct demo *demo = guest->driver;
	const uint64_t *port = demo->core.port.in.counts.field;
	const uint64_t *usb = demo->core.usb.in.counts.field;

	*checked_bytes = port[STREAM_CHECKED] + usb[STREAM_CHECKED];
	*lost_bytes = port[STREAM_LOST] + usb[STREAM_LOST];
}

const struct guest_ops guest_demo = {
	.name = "demo",
	.state_bytes = sizeof(struct demo),
	.image = &demo_fields,
	.image_bytes = sizeof(struct demo_image),
	.channels = demo_channels,
	.open = demo_open,
	.close = demo_close,
	.channel_up = demo_channel_up,
	.channel_down = demo_channel_down,
	.writable = demo_writable,
	.detached = demo_detached,
	.key = demo_key,
	.mouse = demo_mouse,
	.bytes = demo_bytes,
	.pause = demo_pause,
	.resume = demo_resume,
	.timer = demo_timer,
	.snapshot = demo_snapshot,
	.restore = demo_restore,
	.screen = demo_screen,
	.paint = demo_paint,
	.counts = demo_counts,
};

/* demo_test.c - the demo guest against a client made of a few buffers. */
#include "channels/guest/demo.h"
#include "channels/guest/demo_state.h"
#include "core/config.h"
#include "core/image.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <spice/enums.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH     80
#define HEIGHT    72
#define OUT_BYTES (1 << 20)
#define KEY       77u

/* One direction of one channel, and how much the client takes now. */
struct pipe_end {
	uint8_t *bytes;
	uint32_t len;
	uint32_t room;
	uint32_t ready; /* guest_input_ready calls */
};

struct client {
	struct guest guest;
	struct pipe_end port, pulse, usb;
	uint8_t rows[HEIGHT * WIDTH * 4];
	uint32_t draws;
	uint32_t draw_room;
	uint64_t deadline_ns;
	uint16_t modifiers;
};

static struct client *client_of(struct guest *guest)
{
	return CONTAINER_OF(guest, struct client, guest);
}

static struct pipe_end *pipe_of(struct guest *guest, uint8_t type, uint8_t id)
{
	struct client *c = client_of(guest);

	if (type == SPICE_CHANNEL_USBREDIR)
		return &c->usb;
	return id == 0 ? &c->port : &c->pulse;
}

uint32_t guest_send(struct guest *guest, uint8_t type, uint8_t id,
		    const uint8_t *data, uint32_t len)
{
	struct pipe_end *p = pipe_of(guest, type, id);
	uint32_t n = min_u32(len, min_u32(p->room, OUT_BYTES - p->len));

	memcpy(p->bytes + p->len, data, n);
	p->len += n;
	p->room -= n;
	return n;
}

int guest_draw(struct guest *guest, const struct guest_rect *rect)
{
	struct client *c = client_of(guest);

	cr_assert(rect->left >= 0 && rect->left < rect->right);
	cr_assert(rect->top >= 0 && rect->top < rect->bottom);
	cr_assert(rect->right <= WIDTH && rect->bottom <= HEIGHT);
	if (c->draw_room == 0)
		return -EAGAIN;
	c->draw_room--;
	c->draws++;
	guest->ops->paint(guest, rect,
			  c->rows + rect->top * WIDTH * 4 + rect->left * 4,
			  WIDTH * 4);
	return 0;
}

void guest_input_ready(struct guest *guest, uint8_t type, uint8_t id)
{
	pipe_of(guest, type, id)->ready++;
}

void guest_modifiers(struct guest *guest, uint16_t modifiers)
{
	client_of(guest)->modifiers = modifiers;
}

void guest_timer(struct guest *guest, uint64_t deadline_ns)
{
	client_of(guest)->deadline_ns = deadline_ns;
}

static const struct config *test_config(void)
{
	static struct config config;

	config.guest_demo.width = WIDTH;
	config.guest_demo.height = HEIGHT;
	config.guest_demo.fps = 10;
	config.guest_demo.pulse_hz = 100;
	config.guest_demo.first_pulse_hz = 1000;
	return &config;
}

static void guest_new(struct client *c)
{
	memset(&c->guest, 0, sizeof(c->guest));
	c->guest.ops = &guest_demo;
	c->guest.number = 3;
	memcpy(c->guest.name, "demo-3", 7);
	c->guest.driver = calloc(1, guest_demo.state_bytes);
	cr_assert_eq(guest_demo.open(&c->guest, test_config()), 0);
}

static struct client *client_new(uint32_t room)
{
	struct client *c = calloc(1, sizeof(*c));
	struct pipe_end *pipes[] = {&c->port, &c->pulse, &c->usb};
	size_t i;

	for (i = 0; i < ARRAY_LEN(pipes); i++) {
		pipes[i]->bytes = malloc(OUT_BYTES);
		pipes[i]->room = room;
	}
	c->draw_room = room;
	guest_new(c);
	return c;
}

static void client_up(struct client *c)
{
	guest_demo.channel_up(&c->guest, SPICE_CHANNEL_DISPLAY, 0);
	guest_demo.channel_up(&c->guest, SPICE_CHANNEL_INPUTS, 0);
	guest_demo.channel_up(&c->guest, SPICE_CHANNEL_CURSOR, 0);
	guest_demo.channel_up(&c->guest, SPICE_CHANNEL_PORT, 0);
	guest_demo.channel_up(&c->guest, SPICE_CHANNEL_PORT, 1);
	guest_demo.channel_up(&c->guest, SPICE_CHANNEL_USBREDIR, 0);
}

static void client_free(struct client *c)
{
	guest_demo.close(&c->guest);
	free(c->guest.driver);
	free(c->port.bytes);
	free(c->pulse.bytes);
	free(c->usb.bytes);
	free(c);
}

/* Time goes on to now, and what is due on the way happens. */
static void run_until(struct client *c, uint64_t now_ns)
{
	while (c->deadline_ns <= now_ns) {
		c->guest.now_ns = max_u64(c->deadline_ns, c->guest.now_ns);
		c->deadline_ns = NS_NEVER;
		guest_demo.timer(&c->guest);
	}
	c->guest.now_ns = now_ns;
}

static bool picture_is_right(struct client *c)
{
	static uint8_t whole[HEIGHT * WIDTH * 4];
	struct guest_rect all = {0, 0, HEIGHT, WIDTH};
	struct picture_state state;

	if (barcode_read(c->rows, WIDTH * 4, WIDTH, HEIGHT, &state, NULL) != 0)
		return false;
	picture_paint(&state, WIDTH, HEIGHT, &all, whole, WIDTH * 4);
	return memcmp(whole, c->rows, sizeof(whole)) == 0;
}

/* Through the portable form into a fresh guest, as a handover does. */
static int move(struct client *c)
{
	static uint8_t bytes[65536];
	struct demo_image image, arrived;
	uint64_t now_ns = c->guest.now_ns;
	int64_t len;
	int error;

	guest_demo.pause(&c->guest);
	cr_assert_eq(c->deadline_ns, NS_NEVER);
	guest_demo.snapshot(&c->guest, &image);
	len = image_encode(&demo_fields, IMAGE_GUEST, IMAGE_PORTABLE, &image,
			   bytes, sizeof(bytes));
	cr_assert_gt(len, 0);
	memset(c->guest.driver, 0xa5, guest_demo.state_bytes);
	free(c->guest.driver);
	guest_new(c);
	c->guest.now_ns = now_ns;
	cr_assert_eq(image_decode(&demo_fields, IMAGE_GUEST, &arrived, bytes,
				  (size_t)len),
		     0);
	error = guest_demo.restore(&c->guest, &arrived);
	cr_assert_eq(c->deadline_ns, NS_NEVER);
	guest_demo.resume(&c->guest);
	return error;
}

static uint64_t rng_state;

static uint32_t rng(uint32_t below)
{
	rng_state = rng_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(rng_state >> 33) % below;
}

Test(demo, pulse_is_a_stream)
{
	struct client *c = client_new(OUT_BYTES);
	struct stream_checker check;

	client_up(c);
	run_until(c, NS_PER_S);
	cr_assert_eq(c->pulse.len, 100 * STREAM_RECORD_BYTES);
	stream_checker_init(&check, stream_key("demo-3", DEMO_PULSE_STREAM));
	stream_check(&check, c->pulse.bytes, c->pulse.len, NULL);
	cr_assert_eq(check.counts.field[STREAM_CHECKED], 1600);
	cr_assert_eq(stream_faults(&check.counts), 0);
	/* A blocked channel gets all of it later. */
	c->pulse.room = 7;
	run_until(c, 2 * NS_PER_S);
	cr_assert_eq(c->pulse.len, 1607);
	c->pulse.room = OUT_BYTES;
	guest_demo.writable(&c->guest, SPICE_CHANNEL_PORT, 1);
	cr_assert_eq(c->pulse.len, 3200);
	client_free(c);
}

Test(demo, sleeps_without_a_client)
{
	struct client *c = client_new(OUT_BYTES);

	client_up(c);
	cr_assert_neq(c->deadline_ns, NS_NEVER);
	guest_demo.detached(&c->guest);
	cr_assert_eq(c->deadline_ns, NS_NEVER);
	client_free(c);
}

Test(demo, draws_what_differs)
{
	struct client *c = client_new(1 << 20);
	struct guest_mouse mouse = {0};
	int i;

	rng_state = 5;
	client_up(c);
	cr_assert(picture_is_right(c));
	for (i = 0; i < 500; i++) {
		mouse.kind = (uint8_t)rng(3);
		mouse.x = (int32_t)rng(300) - 100;
		mouse.y = (int32_t)rng(300) - 100;
		mouse.buttons = (uint16_t)rng(8);
		if (rng(2))
			guest_demo.mouse(&c->guest, &mouse);
		if (rng(3) == 0)
			guest_demo.key(&c->guest, rng(128), rng(2));
		run_until(c, c->guest.now_ns + rng(3) * 100 * NS_PER_MS);
		cr_assert(picture_is_right(c), "step %d", i);
	}
	client_free(c);
}

/* A slow client sees a right picture whenever it has all that was drawn. */
Test(demo, draws_later_what_did_not_fit)
{
	struct client *c = client_new(OUT_BYTES);
	int i;

	rng_state = 6;
	client_up(c);
	for (i = 0; i < 500; i++) {
		c->draw_room = rng(3);
		if (rng(2))
			guest_demo.key(&c->guest, rng(128), true);
		guest_demo.writable(&c->guest, SPICE_CHANNEL_DISPLAY, 0);
		run_until(c, c->guest.now_ns + rng(3) * 50 * NS_PER_MS);
		if (c->draw_room > 0)
			cr_assert(picture_is_right(c), "step %d", i);
	}
	client_free(c);
}

Test(demo, caps_lock)
{
	struct client *c = client_new(OUT_BYTES);
	struct picture_state state;

	client_up(c);
	guest_demo.key(&c->guest, 0x3a, true);
	cr_assert_eq(c->modifiers, SPICE_KEYBOARD_MODIFIER_FLAGS_CAPS_LOCK);
	guest_demo.key(&c->guest, 0x3a, false);
	barcode_read(c->rows, WIDTH * 4, WIDTH, HEIGHT, &state, NULL);
	cr_assert_eq(state.modifiers, SPICE_KEYBOARD_MODIFIER_FLAGS_CAPS_LOCK);
	cr_assert_eq(state.key, 0x3a);
	cr_assert_eq(state.keys, 1);
	guest_demo.key(&c->guest, 0x3a, true);
	cr_assert_eq(c->modifiers, 0);
	client_free(c);
}

/* Sends the stream through the echo of a channel, however little it takes,
 * and closes it. */
static void echo(uint8_t type, uint32_t piece_max)
{
	static uint8_t wire[100000 + STREAM_RECORD_BYTES];
	struct client *c = client_new(OUT_BYTES);
	struct pipe_end *p = pipe_of(&c->guest, type, 0);
	struct stream_checker check, pulse;
	struct stream_report report = {.have = 0};
	uint32_t done = 0, ready = 0;

	client_up(c);
	stream_fill(KEY, 0, wire, 100000);
	stream_write_close(wire + 100000, KEY, 100000);
	while (done < sizeof(wire)) {
		uint32_t n = min_u32(1 + rng(piece_max),
				     (uint32_t)sizeof(wire) - done);
		uint32_t taken =
			guest_demo.bytes(&c->guest, type, 0, wire + done, n);

		cr_assert_leq(taken, n);
		done += taken;
		while (taken < n && p->ready == ready) {
			p->room = rng(5000);
			guest_demo.writable(&c->guest, type, 0);
		}
		ready = p->ready;
		p->room = rng(2) ? OUT_BYTES : rng(3000);
		run_until(c, c->guest.now_ns + NS_PER_MS);
	}
	p->room = OUT_BYTES;
	guest_demo.writable(&c->guest, type, 0);
	stream_checker_init(&check, KEY);
	cr_assert_eq(stream_check(&check, p->bytes, p->len, &report), 1);
	cr_assert_eq(p->len, sizeof(wire) + STREAM_REPORT_BYTES);
	cr_assert_eq(stream_faults(&check.counts), 0);
	cr_assert_eq(report.have, STREAM_REPORT_WHOLE);
	cr_assert_eq(report.counts.field[STREAM_SENT], 100000);
	cr_assert_eq(report.counts.field[STREAM_CHECKED], 100000);
	cr_assert_eq(stream_faults(&report.counts), 0);
	stream_checker_init(&pulse, 0);
	cr_assert_eq(stream_check(&pulse, c->pulse.bytes, c->pulse.len, NULL),
		     type == SPICE_CHANNEL_PORT ? 1 : 0);
	cr_assert_eq(stream_faults(&pulse.counts), 0);
	client_free(c);
}

Test(demo, echoes)
{
	rng_state = 9;
	echo(SPICE_CHANNEL_PORT, 100);
	echo(SPICE_CHANNEL_PORT, 30000);
	echo(SPICE_CHANNEL_USBREDIR, 100);
	echo(SPICE_CHANNEL_USBREDIR, 30000);
}

/* What was lost on the way in is in the report. */
Test(demo, reports_a_loss)
{
	uint8_t wire[1000 + STREAM_RECORD_BYTES];
	struct client *c = client_new(OUT_BYTES);
	struct stream_checker check;
	struct stream_report report = {.have = 0};
	uint64_t checked, lost;

	client_up(c);
	stream_fill(KEY, 0, wire, 500);
	stream_fill(KEY, 507, wire + 500, 500);
	stream_write_close(wire + 1000, KEY, 1010);
	cr_assert_eq(guest_demo.bytes(&c->guest, SPICE_CHANNEL_PORT, 0, wire,
				      sizeof(wire)),
		     sizeof(wire));
	stream_checker_init(&check, KEY);
	stream_check(&check, c->port.bytes, c->port.len, &report);
	cr_assert_eq(report.counts.field[STREAM_LOST], 10);
	cr_assert_eq(report.counts.field[STREAM_CHECKED], 1000);
	guest_demo.counts(&c->guest, &checked, &lost);
	cr_assert_eq(checked, 1000);
	cr_assert_eq(lost, 10);
	client_free(c);
}

/* The same things happen to both; one of them is moved now and then. */
static void step(struct client *c, uint32_t what, uint32_t a, uint32_t b,
		 uint64_t *position)
{
	uint8_t bytes[512];
	struct guest_mouse mouse = {.kind = (uint8_t)(a % 3),
				    .buttons = (uint16_t)(b % 8),
				    .x = (int32_t)(a % WIDTH),
				    .y = (int32_t)(b % HEIGHT)};

	switch (what) {
	case 0:
		guest_demo.mouse(&c->guest, &mouse);
		break;
	case 1:
		guest_demo.key(&c->guest, a % 128, b % 2);
		break;
	case 2:
		stream_fill(KEY, *position, bytes, a % 512);
		*position += guest_demo.bytes(&c->guest, SPICE_CHANNEL_PORT, 0,
					      bytes, a % 512);
		break;
	case 3:
		stream_write_close(bytes, KEY, *position);
		guest_demo.bytes(&c->guest, SPICE_CHANNEL_PORT, 0, bytes,
				 STREAM_RECORD_BYTES);
		break;
	case 4:
		c->port.room = a % 2000;
		guest_demo.writable(&c->guest, SPICE_CHANNEL_PORT, 0);
		break;
	case 5:
		c->pulse.room = a % 100;
		guest_demo.writable(&c->guest, SPICE_CHANNEL_PORT, 1);
		break;
	case 6:
		c->draw_room = a % 4;
		guest_demo.writable(&c->guest, SPICE_CHANNEL_DISPLAY, 0);
		break;
	default:
		run_until(c, c->guest.now_ns + a % 30 * NS_PER_MS);
		break;
	}
}

Test(demo, goes_on_after_a_move)
{
	uint32_t seed;

	for (seed = 0; seed < 60; seed++) {
		struct client *stays = client_new(1000);
		struct client *moves = client_new(1000);
		uint64_t position[2] = {0, 0};
		int i;

		rng_state = seed;
		client_up(stays);
		client_up(moves);
		for (i = 0; i < 300; i++) {
			uint32_t what = rng(9), a = rng(1u << 20);
			uint32_t b = rng(1u << 20);

			step(stays, what, a, b, &position[0]);
			step(moves, what, a, b, &position[1]);
			if (rng(3) == 0)
				cr_assert_eq(move(moves), 0);
			cr_assert_eq(position[0], position[1]);
			cr_assert_eq(stays->deadline_ns, moves->deadline_ns);
			cr_assert_eq(stays->port.len, moves->port.len);
			cr_assert_eq(stays->pulse.len, moves->pulse.len);
		}
		cr_assert_arr_eq(stays->port.bytes, moves->port.bytes,
				 stays->port.len);
		cr_assert_arr_eq(stays->pulse.bytes, moves->pulse.bytes,
				 stays->pulse.len);
		cr_assert_eq(stays->modifiers, moves->modifiers);
		cr_assert_eq(
			memcmp(stays->rows, moves->rows, sizeof(stays->rows)),
			0);
		client_free(stays);
		client_free(moves);
	}
}

/* Images that this code would not make are refused, all others harmless. */
Test(demo, refuses_bad_images)
{
	static uint8_t scratch[65536], tape[8192];
	struct demo_image image, good;
	struct client *c = client_new(OUT_BYTES);
	int i;

	client_up(c);
	guest_demo.pause(&c->guest);
	guest_demo.snapshot(&c->guest, &good);
	image = good;
	cr_assert_eq(guest_demo.restore(&c->guest, &image), 0);
	image.core.width = 8;
	cr_assert_eq(guest_demo.restore(&c->guest, &image), -EBADMSG);
	image = good;
	image.core.frame_ns = 0;
	cr_assert_eq(guest_demo.restore(&c->guest, &image), -EBADMSG);
	image = good;
	image.core.shown.mouse_x = WIDTH;
	cr_assert_eq(guest_demo.restore(&c->guest, &image), -EBADMSG);
	image = good;
	image.core.port.in.window_len = 47;
	cr_assert_eq(guest_demo.restore(&c->guest, &image), -EBADMSG);
	image = good;
	image.core.pulse_sent = image.core.pulse_goal + 1;
	cr_assert_eq(guest_demo.restore(&c->guest, &image), -EBADMSG);
	rng_state = 1;
	for (i = 0; i < 2000; i++) {
		size_t k;

		for (k = 0; k < sizeof(tape); k++)
			tape[k] = (uint8_t)rng(256);
		field_random(&demo_fields, &image, tape, sizeof(tape), scratch,
			     sizeof(scratch));
		image.core.width = WIDTH;
		image.core.height = HEIGHT;
		image.core.shown.mouse_x %= WIDTH;
		image.core.shown.mouse_y %= HEIGHT;
		image.core.dirty_count = 0;
		if (guest_demo.restore(&c->guest, &image) != 0)
			continue;
		c->port.len = c->pulse.len = c->usb.len = 0;
		c->port.room = c->pulse.room = 5000;
		guest_demo.resume(&c->guest);
		guest_demo.bytes(&c->guest, SPICE_CHANNEL_PORT, 0, tape, 1000);
		guest_demo.pause(&c->guest);
	}
	client_free(c);
}

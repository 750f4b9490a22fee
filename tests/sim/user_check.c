/* user_check.c - streams, pictures and rules, judged from the client's end. */
#include "tests/sim/user_check.h"
#include "channels/guest/barcode.h"
#include "channels/guest/demo_state.h"
#include "tests/sim/world.h"

#include <spice/enums.h>

#include <stdio.h>
#include <string.h>

bool user_is_barcode(const struct client_event *event)
{
	return event->rect.top == 0 && event->rect.left == 0 &&
	       event->rect.bottom == BARCODE_HEIGHT &&
	       event->rect.right == BARCODE_WIDTH;
}

static bool read_state(const struct user *user, struct picture_state *state)
{
	const struct client *client = user->client;

	return client && client->pixels &&
	       !barcode_read((const uint8_t *)client->pixels,
			     (size_t)client->pixels_width * 4,
			     client->pixels_width, client->pixels_height, state,
			     NULL);
}

bool user_picture_right(struct user *user)
{
	const struct client *client = user->client;
	uint32_t rows[256 * 256];
	struct picture_state state;
	struct guest_rect all = {
		.bottom = (int32_t)client->pixels_height,
		.right = (int32_t)client->pixels_width,
	};
	uint32_t count = client->pixels_width * client->pixels_height;

	if (!read_state(user, &state) || count > ARRAY_LEN(rows)) {
		world_fail(user->world, "client %u: no bar code in its picture",
			   user->index);
		return false;
	}
	picture_paint(&state, client->pixels_width, client->pixels_height, &all,
		      (uint8_t *)rows, (size_t)client->pixels_width * 4);
	for (uint32_t i = 0; i < count; i++) {
		if (!((rows[i] ^ client->pixels[i]) & 0xffffff))
			continue;
		world_fail(user->world,
			   "client %u: wrong pixel at %u, %u of frame %u",
			   user->index, i % client->pixels_width,
			   i / client->pixels_width, state.frame);
		return false;
	}
	user->pictures++;
	return true;
}

void user_take_inputs(struct user *user)
{
	struct guest *guest = NULL;
	const struct demo *demo;

	world_owner(user->world, user->wish.guest, &guest);
	if (!guest)
		return;
	demo = guest->driver;
	user->keys = demo->core.shown.keys;
	user->x = demo->core.shown.mouse_x;
	user->y = demo->core.shown.mouse_y;
}

/* All that was typed is in the picture; what a reset dropped never will be. */
static bool inputs_shown(const struct user *user)
{
	struct picture_state state;

	if (user->lossy || !user->wish.options.framebuffer)
		return true;
	return read_state(user, &state) && state.keys == user->keys &&
	       state.mouse_x == user->x && state.mouse_y == user->y;
}

static bool stream_is_done(const struct user_stream *stream)
{
	return stream->closed && stream->report.have == STREAM_REPORT_WHOLE;
}

bool user_has_channel(const struct user *user, uint8_t type)
{
	return !(user->wish.options.skip_types >> type & 1);
}

bool user_is_done(struct user *user)
{
	return stream_is_done(&user->port) &&
	       (!user_has_channel(user, SPICE_CHANNEL_USBREDIR) ||
		stream_is_done(&user->usb)) &&
	       user->pulse.closes && inputs_shown(user) &&
	       (!user->picture_due || !user->wish.options.framebuffer);
}

void user_describe(const struct user *user, char *text, size_t cap)
{
	struct picture_state state = {0};

	read_state(user, &state);
	snprintf(text, cap,
		 "state %u, port %llu of %llu echoed%s, usb %llu of %llu%s, "
		 "pulse at %llu closes %u, keys %u of %u, mouse %u,%u of "
		 "%d,%d%s",
		 user->state, (unsigned long long)user->port.echo.next,
		 (unsigned long long)user->port.sent,
		 stream_is_done(&user->port) ? " done" : "",
		 (unsigned long long)user->usb.echo.next,
		 (unsigned long long)user->usb.sent,
		 stream_is_done(&user->usb) ? " done" : "",
		 (unsigned long long)user->pulse.next, user->pulse.closes,
		 state.keys, user->keys, state.mouse_x, state.mouse_y, user->x,
		 user->y, user->picture_due ? ", picture due" : "");
}

void user_check_rules(struct user *user)
{
	const struct client *client = user->client;

	if (!client_is_content(client))
		world_fail(user->world, "client %u: %s", user->index,
			   client->violations.first);
	if (client->crashes && user->world->strict)
		world_fail(user->world, "client %u: spice-gtk would be dead",
			   user->index);
}

static void check_counts(struct user *user, const char *what,
			 const struct stream_counts *counts, uint64_t sent)
{
	const uint64_t *field = counts->field;
	uint64_t bad = user->lossy ? field[STREAM_DUPLICATED] +
					     field[STREAM_REORDERED] +
					     field[STREAM_CROSSED]
				   : stream_faults(counts);

	/* The pulse goes on behind its CLOSE. */
	if (bad || (!user->lossy && field[STREAM_CHECKED] < sent))
		world_fail(user->world,
			   "client %u: %s: %llu of %llu checked, %llu lost, "
			   "%llu duplicated, %llu reordered, %llu crossed, "
			   "%llu corrupt, first at %llu",
			   user->index, what,
			   (unsigned long long)field[STREAM_CHECKED],
			   (unsigned long long)sent,
			   (unsigned long long)field[STREAM_LOST],
			   (unsigned long long)field[STREAM_DUPLICATED],
			   (unsigned long long)field[STREAM_REORDERED],
			   (unsigned long long)field[STREAM_CROSSED],
			   (unsigned long long)field[STREAM_CORRUPT],
			   (unsigned long long)field[STREAM_FAULT_AT]);
}

static void check_stream(struct user *user, const char *what,
			 const struct user_stream *stream)
{
	char text[32];

	snprintf(text, sizeof(text), "%s at the guest", what);
	check_counts(user, text, &stream->report.counts, stream->sent);
	snprintf(text, sizeof(text), "%s at the client", what);
	check_counts(user, text, &stream->echo.counts, stream->sent);
}

void user_check(struct user *user)
{
	check_stream(user, "port", &user->port);
	if (user_has_channel(user, SPICE_CHANNEL_USBREDIR))
		check_stream(user, "usbredir", &user->usb);
	check_counts(user, "pulse", &user->pulse.counts,
		     user->pulse.counts.field[STREAM_SENT]);
	if (user->client)
		user_check_rules(user);
}

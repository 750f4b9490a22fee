/* gtk_picture.c - what the real client would show, compared pixel by pixel. */
#include "tests/interop/gtk_client.h"

#define BYTES_PER_PIXEL 4
#define KEYS_FIRST      0x02
#define KEYS_COUNT      10

static bool pixels_equal(const struct picture *p)
{
	uint32_t x, y;

	for (y = 0; y < p->height; y++) {
		const uint8_t *is = p->rows + y * p->stride;
		const uint8_t *due = p->whole + y * p->width * BYTES_PER_PIXEL;

		for (x = 0; x < p->width; x++, is += 4, due += 4)
			if (is[0] != due[0] || is[1] != due[1] ||
			    is[2] != due[2])
				return false;
	}
	return true;
}

/* The guest draws its bar code last: then all else must be of that state. */
static void check_picture(struct client *client)
{
	struct picture *p = &client->picture;
	struct guest_rect all = {0, 0, (int32_t)p->height, (int32_t)p->width};
	struct picture_state state;
	struct barcode_place place;

	p->checked++;
	if (barcode_read(p->rows, p->stride, p->width, p->height, &state,
			 &place) != 0 ||
	    place.width != p->width || place.height != p->height) {
		p->bad++;
		client_error(client, "the picture has no bar code");
		return;
	}
	picture_paint(&state, p->width, p->height, &all, p->whole,
		      (size_t)p->width * BYTES_PER_PIXEL);
	if (!pixels_equal(p)) {
		p->bad++;
		client_error(client, "frame %u has wrong pixels", state.frame);
		return;
	}
	if (p->seen && state.frame < p->shown.frame)
		client_error(client, "frame %u came after frame %u",
			     state.frame, p->shown.frame);
	if (!p->seen)
		p->keys_base = state.keys;
	p->shown = state;
	p->seen = true;
	moves_look(client);
}

static void primary_create(SpiceChannel *channel, int format, int width,
			   int height, int stride, int shmid, gpointer data,
			   gpointer user)
{
	struct client *client = user;
	struct picture *p = &client->picture;

	(void)channel;
	(void)shmid;
	if (format != SPICE_SURFACE_FMT_32_xRGB || width <= 0 || height <= 0 ||
	    stride < width * BYTES_PER_PIXEL) {
		client_error(client, "a surface that cannot be checked");
		return;
	}
	p->rows = data;
	p->width = (uint32_t)width;
	p->height = (uint32_t)height;
	p->stride = (uint32_t)stride;
	g_free(p->whole);
	p->whole = g_malloc((size_t)width * (size_t)height * BYTES_PER_PIXEL);
}

static void primary_destroy(SpiceChannel *channel, gpointer user)
{
	struct client *client = user;

	(void)channel;
	client->picture.rows = NULL;
}

static void invalidate(SpiceChannel *channel, int x, int y, int width,
		       int height, gpointer user)
{
	struct client *client = user;
	struct picture *p = &client->picture;

	(void)channel;
	if (p->rows != NULL && x == 0 && y == 0 && width == BARCODE_WIDTH &&
	    height == BARCODE_HEIGHT)
		check_picture(client);
}

static void mark(SpiceChannel *channel, int marked, gpointer user)
{
	struct client *client = user;

	(void)channel;
	(void)marked;
	client->picture.marks++;
}

void picture_add(struct client *client, SpiceChannel *display)
{
	client->picture.display = display;
	g_signal_connect(display, "display-primary-create",
			 G_CALLBACK(primary_create), client);
	g_signal_connect(display, "display-primary-destroy",
			 G_CALLBACK(primary_destroy), client);
	g_signal_connect(display, "display-invalidate", G_CALLBACK(invalidate),
			 client);
	g_signal_connect(display, "display-mark", G_CALLBACK(mark), client);
}

void picture_remove(struct client *client, SpiceChannel *channel)
{
	struct picture *p = &client->picture;

	if (p->display == channel) {
		p->display = NULL;
		p->rows = NULL;
	}
	if ((SpiceChannel *)p->inputs == channel)
		p->inputs = NULL;
}

static void move_mouse(struct client *client)
{
	struct picture *p = &client->picture;
	int mode = SPICE_MOUSE_MODE_SERVER;
	int dx = g_random_int_range(-20, 21), dy = g_random_int_range(-20, 21);

	if (client->main != NULL)
		g_object_get(client->main, "mouse-mode", &mode, NULL);
	if (mode == SPICE_MOUSE_MODE_CLIENT)
		spice_inputs_channel_position(
			p->inputs, g_random_int_range(0, (int)p->width),
			g_random_int_range(0, (int)p->height), 0, 0);
	else
		spice_inputs_channel_motion(p->inputs, dx, dy, 0);
}

void picture_poke(struct client *client)
{
	struct picture *p = &client->picture;

	/* While its channels migrate the library drops what is typed. */
	if (p->inputs == NULL || !p->seen || client->moving)
		return;
	if (g_random_int_range(0, 2) == 0) {
		move_mouse(client);
		return;
	}
	spice_inputs_channel_key_press_and_release(
		p->inputs, KEYS_FIRST + p->keys_sent % KEYS_COUNT);
	p->keys_sent++;
}

bool picture_keys_arrived(const struct client *client)
{
	const struct picture *p = &client->picture;

	return p->shown.keys - p->keys_base == p->keys_sent;
}

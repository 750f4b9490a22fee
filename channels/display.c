/* display.c - one surface, painted by raw images. */
#include "channels/channel_out.h"
#include "channels/guest/guest.h"
#include "channels/service.h"
#include "channels/session.h"
#include "channels/types.h"
#include "channels/wire/link.h"
#include "core/plant.h"

#include <spice/enums.h>
#include <spice/protocol.h>

#include <errno.h>

#define BYTES_PER_PIXEL 4

static void send_monitors(struct channel *channel)
{
	const struct channel_cold *cold = channel_cold(channel);
	struct wire_monitor monitor = {
		.width = cold->display.width,
		.height = cold->display.height,
	};
	uint8_t bytes[28];
	struct msg_display_monitors_config config = {
		.count = 1,
		.max_allowed = 1,
		.monitors = {bytes, sizeof(bytes)},
	};

	if (!caps_test(&cold->caps, 1, SPICE_DISPLAY_CAP_MONITORS_CONFIG))
		return;
	field_encode(&wire_monitor_fields, &monitor, bytes, sizeof(bytes));
	channel_send(channel, SPICE_MSG_DISPLAY_MONITORS_CONFIG, &config);
}

/* What libspice sends when the client's INIT has come, in its order. */
static void start(struct channel *channel)
{
	struct channel_cold *cold = channel_cold(channel);
	struct session *session = channel_session(channel);
	struct guest *guest = session_guest(session);
	struct guest_screen screen = guest->ops->screen(guest);
	struct msg_display_surface_create create = {
		.width = screen.width,
		.height = screen.height,
		.format = SPICE_SURFACE_FMT_32_xRGB,
		.flags = SPICE_SURFACE_FLAGS_PRIMARY,
	};

	cold->display.width = screen.width;
	cold->display.height = screen.height;
	channel_start_acks(
		channel,
		channel->service->shard->pool->config->test.ack_window);
	channel_send(channel, SPICE_MSG_DISPLAY_INVAL_ALL_PALETTES, NULL);
	channel_send(channel, SPICE_MSG_DISPLAY_SURFACE_CREATE, &create);
	guest->now_ns = channel->service->shard->now_ns;
	guest->ops->channel_up(guest, channel->type, channel->id);
	send_monitors(channel);
	channel_send(channel, SPICE_MSG_DISPLAY_MARK, NULL);
}

static int init(struct channel *channel, const uint8_t *body, uint32_t len)
{
	struct channel_cold *cold = channel_cold(channel);
	struct msgc_display_init message;

	if (cold->display.inited ||
	    field_decode(&msgc_display_init_fields, &message, body, len, NULL))
		return -EPROTO;
	cold->display.inited = true;
	cold->display.pixmap_cache_id = message.pixmap_cache_id;
	cold->display.pixmap_cache_pixels = message.pixmap_cache_pixels;
	cold->display.glz_dictionary_id = message.glz_dictionary_id;
	cold->display.glz_window_pixels = message.glz_window_pixels;
	start(channel);
	return 0;
}

static int preferred_compression(struct channel *channel, const uint8_t *body,
				 uint32_t len)
{
	struct msgc_display_preferred_compression message;

	if (field_decode(&msgc_display_preferred_compression_fields, &message,
			 body, len, NULL))
		return -EPROTO;
	channel_cold(channel)->display.compression = message.compression;
	return 0;
}

static int display_message(struct channel *channel, uint16_t type,
			   const uint8_t *body, uint32_t len)
{
	switch (type) {
	case SPICE_MSGC_DISPLAY_INIT:
		return init(channel, body, len);
	case SPICE_MSGC_DISPLAY_PREFERRED_COMPRESSION:
		return preferred_compression(channel, body, len);
	/* About what we do not send. */
	case SPICE_MSGC_DISPLAY_GL_DRAW_DONE:
		return 0;
	case SPICE_MSGC_DISPLAY_STREAM_REPORT:
	case SPICE_MSGC_DISPLAY_PREFERRED_VIDEO_CODEC_TYPE:
		return channel_body_is_good(channel, type, body, len) ? 0
								      : -EPROTO;
	default:
		return -EPROTO;
	}
}

static void display_open(struct channel *channel)
{
	struct channel_cold *cold = channel_cold(channel);

	/* Nothing is said before the client's INIT. */
	cold->display.inited = false;
	cold->display.width = 0;
	cold->display.height = 0;
}

static bool display_guest_may_send(const struct channel *channel)
{
	return channel_cold(channel)->display.width != 0;
}

int guest_draw(struct guest *guest, const struct guest_rect *rect)
{
	struct service *service = guest->service;
	struct session *session = service_session(service, guest->session);
	struct channel *channel =
		session ? session_channel(session, SPICE_CHANNEL_DISPLAY, 0)
			: NULL;
	uint32_t width = (uint32_t)(rect->right - rect->left);
	uint32_t height = (uint32_t)(rect->bottom - rect->top);
	size_t stride = (size_t)width * BYTES_PER_PIXEL;
	struct msg_display_draw_copy draw;
	uint8_t *rows;

	if (!channel || !display_guest_may_send(channel))
		return 0; /* nobody looks: it is painted whole at the start */
	if (!channel_has_room(channel))
		return -EAGAIN;
	ASSERT(stride * height <= SERVICE_SCRATCH_BYTES / 2,
	       "a screen fits half of the scratch memory");
	if (plant_is(service->shard->pool, PLANT_skip_draw) && session->moved &&
	    rect->top)
		return 0;
	/* The upper half: the message is encoded into the lower one. */
	rows = service->scratch + SERVICE_SCRATCH_BYTES / 2;
	guest->ops->paint(guest, rect, rows, stride);
	msg_display_draw_copy_prepare(&draw, 0, (uint32_t)rect->left,
				      (uint32_t)rect->top, width, height, rows);
	channel_send(channel, SPICE_MSG_DISPLAY_DRAW_COPY, &draw);
	return 0;
}

const struct channel_ops channel_display = {
	.type = SPICE_CHANNEL_DISPLAY,
	.acked = true,
	.open = display_open,
	.message = display_message,
	.guest_may_send = display_guest_may_send,
};

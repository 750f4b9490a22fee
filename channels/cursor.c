/* cursor.c - the pointer's shape; our guests show none of their own. */
#include "channels/channel_out.h"
#include "channels/service.h"
#include "channels/types.h"

#include <spice/enums.h>

#include <errno.h>

static void cursor_open(struct channel *channel)
{
	struct msg_cursor_init init = {
		.visible = 1,
		.flags = SPICE_CURSOR_FLAGS_NONE,
	};

	channel_start_acks(
		channel,
		channel->service->shard->pool->config->test.ack_window);
	channel_send(channel, SPICE_MSG_CURSOR_INIT, &init);
}

static int cursor_message(struct channel *channel, uint16_t type,
			  const uint8_t *body, uint32_t len)
{
	(void)channel;
	(void)type;
	(void)body;
	(void)len;
	return -EPROTO; /* a client has nothing to say here */
}

const struct channel_ops channel_cursor = {
	.type = SPICE_CHANNEL_CURSOR,
	.acked = true,
	.open = cursor_open,
	.message = cursor_message,
};

/* usbredir.c - a USB device's stream, as the bytes it is. */
#include "channels/channel_out.h"
#include "channels/types.h"
#include "channels/vmc.h"

#include <spice/enums.h>

#include <errno.h>

static void usbredir_open(struct channel *channel)
{
	/* Nothing announces it. The PONG shows that the client is there. */
	channel_ping(channel);
}

static int usbredir_message(struct channel *channel, uint16_t type,
			    const uint8_t *body, uint32_t len)
{
	(void)channel;
	(void)type;
	(void)body;
	(void)len;
	return -EPROTO;
}

static void usbredir_resumed(struct channel *channel)
{
	channel_ping(channel);
}

const struct channel_ops channel_usbredir = {
	.type = SPICE_CHANNEL_USBREDIR,
	.open = usbredir_open,
	.message = usbredir_message,
	.piece = vmc_piece,
	.resumed = usbredir_resumed,
};

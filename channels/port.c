/* port.c - a named byte stream of the guest's. */
#include "channels/channel_out.h"
#include "channels/guest/guest.h"
#include "channels/session.h"
#include "channels/types.h"
#include "channels/vmc.h"

#include <spice/enums.h>

#include <errno.h>
#include <string.h>

static const char *name_of(const struct guest *guest, uint8_t id)
{
	struct guest_channel channels[SESSION_CHANNELS_MAX];
	uint32_t count =
		guest->ops->channels(guest, channels, SESSION_CHANNELS_MAX);

	for (uint32_t i = 0; i < count; i++) {
		if (channels[i].type == SPICE_CHANNEL_PORT &&
		    channels[i].id == id)
			return channels[i].port_name;
	}
	return "";
}

static void port_open(struct channel *channel)
{
	struct session *session = channel_session(channel);
	struct guest *guest = session_guest(session);
	const char *name = name_of(guest, channel->id);
	struct msg_port_init init = {
		.name = {(const uint8_t *)name, (uint32_t)strlen(name)},
		.opened = 1,
	};

	channel_send(channel, SPICE_MSG_PORT_INIT, &init);
	channel_ping(channel); /* its PONG shows that the client is there */
}

static int port_message(struct channel *channel, uint16_t type,
			const uint8_t *body, uint32_t len)
{
	struct msgc_port_event event;

	(void)channel;
	if (type != SPICE_MSGC_PORT_EVENT ||
	    field_decode(&msgc_port_event_fields, &event, body, len, NULL))
		return -EPROTO;
	return 0; /* nobody here listens to a BREAK */
}

static void port_resumed(struct channel *channel)
{
	channel_ping(channel);
}

const struct channel_ops channel_port = {
	.type = SPICE_CHANNEL_PORT,
	.open = port_open,
	.message = port_message,
	.piece = vmc_piece,
	.resumed = port_resumed,
};

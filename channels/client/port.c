/* port.c - named byte streams: what a port says of itself, and its bytes. */
#include "channels/client/internal.h"

#include <errno.h>

int client_port_send(struct client *client, uint8_t type, uint8_t id,
		     const void *bytes, uint32_t len)
{
	struct client_channel *channel = client_lookup(client, type, id);

	if (len == 0)
		return -EINVAL;
	return client_queue_bytes(client, channel, SPICE_MSGC_SPICEVMC_DATA,
				  bytes, len);
}

static void handle_init(struct client *client, struct client_channel *channel,
			struct span body)
{
	struct msg_port_init init;

	if (!client_decode(client, channel, SPICE_MSG_PORT_INIT, body, &init))
		return;
	if (channel->inited) {
		client_violate(client, &client->violations.init_again, channel,
			       "PORT_INIT again");
		return;
	}
	channel->inited = true;
	client_tell(client, channel,
		    (struct client_event){.kind = CLIENT_PORT_NAMED,
					  .value = init.opened,
					  .data = init.name});
}

void client_port_handle(struct client *client, struct client_channel *channel,
			uint16_t type, struct span body)
{
	struct msg_port_event event;

	if (type == SPICE_MSG_PORT_INIT)
		handle_init(client, channel, body);
	if (type == SPICE_MSG_PORT_EVENT &&
	    client_decode(client, channel, type, body, &event))
		client_tell(client, channel,
			    (struct client_event){.kind = CLIENT_PORT_EVENT,
						  .value = event.event});
}

/* body.c - bodies of messages, by the tables of their types. */
#include "channels/client/internal.h"

const struct wire_message *client_message(const struct client_channel *channel,
					  bool ours, uint16_t type)
{
	/* Base messages are known on channels of any type. */
	return wire_find(client_is_base(type) ? SPICE_CHANNEL_MAIN
					      : channel->type,
			 ours, type);
}

uint32_t client_encode(const struct client_channel *channel, uint16_t type,
		       const void *from, uint8_t out[CLIENT_OUT_MAX])
{
	const struct wire_message *message =
		client_message(channel, true, type);
	int64_t len;

	ASSERT(message, "a client sends only what it knows");
	if (!message->table)
		return 0;
	len = field_encode(message->table, from, out, CLIENT_OUT_MAX);
	ASSERT(len >= 0, "a message of a client keeps its limits");
	return (uint32_t)len;
}

bool client_decode(struct client *client, const struct client_channel *channel,
		   uint16_t type, struct span body, void *to)
{
	const struct wire_message *message =
		client_message(channel, false, type);

	if (message && message->table &&
	    field_decode(message->table, to, body.data, body.len, NULL) == 0)
		return true;
	/* As spice-gtk: it is logged and skipped, the stream goes on. */
	client_violate(client, &client->violations.malformed, channel,
		       message ? message->name : "unknown message");
	return false;
}

/* send.c - what the protocol itself demands of a client: goes out at once.
 *
 * PONG, ACK, FLUSH_MARK and the like overtake the queue of what the user says.
 */
#include "channels/client/internal.h"

#include <errno.h>

void client_send_now(struct client *client, struct client_channel *channel,
		     uint16_t type, const void *from)
{
	struct client_leg *leg = client_leg_in_use(client, channel);
	uint8_t body[CLIENT_OUT_MAX];
	uint32_t len;

	if (!leg)
		return;
	len = client_encode(channel, type, from, body);
	if (client_leg_room(client, channel->leg) < len + FRAME_FULL_BYTES) {
		/* The server does not read, and these may not wait. */
		client_leg_fail(client, leg, -ENOBUFS);
		return;
	}
	channel->counts.messages_out++;
	client_leg_emit(client, channel->leg, ++channel->out_serial, type, body,
			len);
}

/* On a leg that is not the channel's yet. */
void client_send_first(struct client *client, struct client_leg *leg,
		       uint16_t type, const void *from)
{
	uint8_t body[CLIENT_OUT_MAX];
	uint32_t len = client_encode(&client->channels[leg->channel], type,
				     from, body);

	client_leg_emit(client, client_leg_index(client, leg),
			++leg->out_serial, type, body, len);
}

void client_send_token(struct client *client, struct client_channel *channel,
		       struct chunkq *token)
{
	struct client_leg *leg = client_leg_in_use(client, channel);
	uint8_t header[FRAME_FULL_BYTES];
	uint32_t len = token->len_bytes;
	struct span span;
	uint32_t part;

	if (!leg)
		return;
	if (client_leg_room(client, channel->leg) < len + FRAME_FULL_BYTES) {
		client_leg_fail(client, leg, -ENOBUFS);
		return;
	}
	channel->counts.messages_out++;
	part = frame_emit_header(header, leg->parser.mode,
				 ++channel->out_serial, SPICE_MSGC_MIGRATE_DATA,
				 len);
	client->io->send(client->io_arg, channel->leg, header, part);
	while (token->len_bytes > 0) {
		chunkq_spans(client->pool, token, 0, &span, 1, &part);
		client->io->send(client->io_arg, channel->leg, span.data, part);
		chunkq_consume(client->pool, token, part);
	}
}

/* send.c - what a client says: at once, or in its turn.
 *
 * Two ways lead to the wire. What the protocol itself demands (PONG, ACK,
 * FLUSH_MARK, ...) goes out at once. What the user sends waits in the queue
 * whenever it cannot go, framed and numbered as of the moment it was made.
 */
#include "channels/client/internal.h"

#include <errno.h>
#include <string.h>

static struct client_leg *leg_of(struct client *client,
				 const struct client_channel *channel)
{
	struct client_leg *leg;

	if (channel->leg == CLIENT_NONE)
		return NULL;
	leg = &client->legs[channel->leg];
	return leg->state == CLIENT_LEG_UP && !leg->gone ? leg : NULL;
}

static uint32_t room_of(struct client *client, uint8_t leg)
{
	return client->io->room(client->io_arg, leg);
}

static uint32_t body_encode(const struct client_channel *channel, uint16_t type,
			    const void *from, uint8_t out[CLIENT_OUT_MAX])
{
	uint8_t channel_type = type <= 100 ? SPICE_CHANNEL_MAIN : channel->type;
	const struct wire_message *message =
		wire_find(channel_type, true, type);
	int64_t len;

	ASSERT(message, "a client sends only what it knows");
	if (!message->table)
		return 0;
	len = field_encode(message->table, from, out, CLIENT_OUT_MAX);
	ASSERT(len >= 0, "a message of a client keeps its limits");
	return (uint32_t)len;
}

/* Frames and sends; whoever calls has made sure that there is room. */
static void leg_emit(struct client *client, uint8_t index, uint64_t serial,
		     uint16_t type, const void *body, uint32_t len)
{
	enum frame_mode mode = client->legs[index].parser.mode;
	uint8_t header[FRAME_FULL_BYTES];
	uint32_t header_len =
		frame_emit_header(header, mode, serial, type, len);

	client->io->send(client->io_arg, index, header, header_len);
	if (len > 0)
		client->io->send(client->io_arg, index, body, len);
}

void client_send_now(struct client *client, struct client_channel *channel,
		     uint16_t type, const void *from)
{
	struct client_leg *leg = leg_of(client, channel);
	uint8_t body[CLIENT_OUT_MAX];
	uint32_t len;

	if (!leg)
		return;
	len = body_encode(channel, type, from, body);
	if (room_of(client, channel->leg) < len + FRAME_FULL_BYTES) {
		/* The server does not read, and these may not wait. */
		client_leg_fail(client, leg, -ENOBUFS);
		return;
	}
	channel->counts.messages_out++;
	leg_emit(client, channel->leg, ++channel->out_serial, type, body, len);
}

/* On a leg that is not the channel's yet. */
void client_send_first(struct client *client, struct client_leg *leg,
		       uint16_t type, const void *from)
{
	uint8_t body[CLIENT_OUT_MAX];
	uint32_t len =
		body_encode(&client->channels[leg->channel], type, from, body);

	leg_emit(client, client_leg_index(client, leg), ++leg->out_serial, type,
		 body, len);
}

void client_send_token(struct client *client, struct client_channel *channel,
		       struct chunkq *token)
{
	struct client_leg *leg = leg_of(client, channel);
	uint8_t header[FRAME_FULL_BYTES];
	uint32_t len = token->len_bytes;
	struct span span;
	uint32_t part;

	if (!leg)
		return;
	if (room_of(client, channel->leg) < len + FRAME_FULL_BYTES) {
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

static bool may_write(struct client *client,
		      const struct client_channel *channel)
{
	return leg_of(client, channel) && channel->linked && !channel->frozen &&
	       !channel->mute && !channel->settle;
}

/* What a wake-up is for: the channel's reader looks at the new leg at last. */
void client_wake(struct client *client, struct client_channel *channel)
{
	channel->deaf = false;
	client_leg_close(client, &channel->old);
	client_leg_refresh(client, channel->leg);
}

static int queue_append(struct client *client, struct client_channel *channel,
			uint16_t type, const void *body, uint32_t len)
{
	enum frame_mode mode = channel->leg == CLIENT_NONE
				       ? FRAME_MINI
				       : client->legs[channel->leg].parser.mode;
	uint8_t header[FRAME_FULL_BYTES];
	uint32_t header_len = frame_emit_header(
		header, mode, channel->out_serial + 1, type, len);
	uint32_t total = header_len + len;
	uint64_t after = (uint64_t)channel->queue.len_bytes + 4 + total;
	uint32_t chunks = total / CHUNK_BYTES + 2;

	if (after > client->options.queue_max_bytes ||
	    chunks > client->pool->capacity - client->pool->used) {
		channel->full = true;
		return -EAGAIN;
	}
	chunkq_append(client->pool, &channel->queue, &total, 4);
	chunkq_append(client->pool, &channel->queue, header, header_len);
	chunkq_append(client->pool, &channel->queue, body, len);
	channel->out_serial++;
	return 0;
}

int client_queue_bytes(struct client *client, struct client_channel *channel,
		       uint16_t type, const void *body, uint32_t len)
{
	int error;

	if (!channel || !channel->linked)
		return -ENOTCONN;
	if (len > client->options.queue_max_bytes / 2)
		return -EINVAL;
	if (channel->deaf && !channel->mute)
		client_wake(client, channel);
	if (may_write(client, channel) && channel->queue.len_bytes == 0 &&
	    room_of(client, channel->leg) >= len + FRAME_FULL_BYTES) {
		channel->counts.messages_out++;
		leg_emit(client, channel->leg, ++channel->out_serial, type,
			 body, len);
		return 0;
	}
	error = queue_append(client, channel, type, body, len);
	return error;
}

int client_queue(struct client *client, struct client_channel *channel,
		 uint16_t type, const void *from)
{
	uint8_t body[CLIENT_OUT_MAX];
	uint32_t len;

	if (!channel || !channel->linked)
		return -ENOTCONN;
	len = body_encode(channel, type, from, body);
	return client_queue_bytes(client, channel, type, body, len);
}

/* Sends the first message of the queue. False: it does not fit now. */
static bool queue_send_first(struct client *client,
			     struct client_channel *channel)
{
	struct chunkq *queue = &channel->queue;
	struct span span;
	uint32_t total;
	uint32_t part;

	chunkq_copy(client->pool, queue, 0, &total, 4);
	if (room_of(client, channel->leg) < total)
		return false;
	chunkq_consume(client->pool, queue, 4);
	while (total > 0) {
		chunkq_spans(client->pool, queue, 0, &span, 1, &part);
		part = min_u32(part, total);
		client->io->send(client->io_arg, channel->leg, span.data, part);
		chunkq_consume(client->pool, queue, part);
		total -= part;
	}
	channel->counts.messages_out++;
	return true;
}

void client_queue_flush(struct client *client, struct client_channel *channel)
{
	while (channel->queue.len_bytes > 0 && may_write(client, channel)) {
		if (!queue_send_first(client, channel))
			return;
	}
	if (!channel->full || channel->queue.len_bytes > 0 ||
	    !may_write(client, channel))
		return;
	channel->full = false;
	client_tell(client, channel,
		    (struct client_event){.kind = CLIENT_WRITABLE});
}

void client_queue_drop(struct client *client, struct client_channel *channel)
{
	channel->counts.dropped_bytes += channel->queue.len_bytes;
	chunkq_clear(client->pool, &channel->queue);
}

void client_writable(struct client *client, uint32_t index, uint64_t now_ns)
{
	struct client_leg *leg = &client->legs[index];
	struct client_channel *channel = &client->channels[leg->channel];

	client->now_ns = now_ns;
	if (leg->state == CLIENT_LEG_UP && channel->leg == index)
		client_queue_flush(client, channel);
}

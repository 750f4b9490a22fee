/* queue.c - what the user says: at once where it may, else in its turn.
 *
 * It waits whenever it cannot go, framed and numbered as of the moment it was
 * made.
 */
#include "channels/client/internal.h"

#include <errno.h>

static bool may_write(struct client *client,
		      const struct client_channel *channel)
{
	return client_leg_in_use(client, channel) && channel->linked &&
	       !channel->frozen && !channel->mute && !channel->settle;
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
	    client_leg_room(client, channel->leg) >= len + FRAME_FULL_BYTES) {
		channel->counts.messages_out++;
		client_leg_emit(client, channel->leg, ++channel->out_serial,
				type, body, len);
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
	len = client_encode(channel, type, from, body);
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
	if (client_leg_room(client, channel->leg) < total)
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

void client_main_mute(struct client *client, bool mute)
{
	client_main(client)->mute = mute;
	client_leg_refresh(client, client_main(client)->leg);
	if (!mute)
		client_queue_flush(client, client_main(client));
}

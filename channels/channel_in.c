/* channel_in.c - reading: what a client's bytes may do, by state. */
#include "channels/channel_in.h"
#include "channels/channel_hold.h"
#include "channels/channel_kept.h"
#include "channels/channel_out.h"
#include "channels/migrate/migrate.h"
#include "channels/service.h"
#include "channels/session.h"

#include <spice/enums.h>

#include <errno.h>

static int64_t limit_of(const void *arg, uint16_t type)
{
	const struct channel *channel = arg;
	const struct wire_message *message =
		wire_find(channel->type, true, type);

	return message ? (int64_t)message->max_bytes : -EPROTO;
}

static int got_ack_sync(struct channel *channel, const uint8_t *body,
			uint32_t len)
{
	struct msgc_base_ack_sync sync;

	if (field_decode(&msgc_base_ack_sync_fields, &sync, body, len, NULL))
		return -EPROTO;
	channel->ack_synced = sync.generation;
	return 0;
}

/* An ACK that follows FLUSH_MARK, or one of the window before the move,
 * counts for nothing: the window starts anew at the destination. */
static void got_ack(struct channel *channel)
{
	if (channel->ack_synced != channel->ack_generation)
		return;
	channel->ack_unacked -=
		min_u32(channel->ack_window, channel->ack_unacked);
	channel_quench(channel);
}

static int got_pong(struct channel *channel, const uint8_t *body, uint32_t len)
{
	struct session *session = channel_session(channel);

	if (!channel_body_is_good(channel, SPICE_MSGC_PONG, body, len))
		return -EPROTO;
	if (channel->type == SPICE_CHANNEL_MAIN)
		session->ping_ns = 0;
	return 0;
}

/* Messages that every channel knows. Returns -ENOENT for the others. */
static int base_message(struct channel *channel, uint16_t type,
			const uint8_t *body, uint32_t len)
{
	switch (type) {
	case SPICE_MSGC_ACK_SYNC:
		return got_ack_sync(channel, body, len);
	case SPICE_MSGC_ACK:
		got_ack(channel);
		return 0;
	case SPICE_MSGC_PONG:
		return got_pong(channel, body, len);
	case SPICE_MSGC_MIGRATE_FLUSH_MARK:
		return migrate_mark(channel);
	case SPICE_MSGC_MIGRATE_DATA:
		return -EPROTO; /* only as a token, see awaited */
	case SPICE_MSGC_DISCONNECTING:
		return channel_body_is_good(channel, type, body, len) ? 0
								      : -EPROTO;
	default:
		return -ENOENT;
	}
}

static int stop_reading(struct channel *channel, uint16_t type,
			const uint8_t *rest, uint32_t len)
{
	channel_hold(channel);
	return channel_keep(channel, type, rest, len);
}

/* The type's own messages while the channel is up. */
static int up_message(struct channel *channel, uint16_t type,
		      const uint8_t *data, uint32_t len, bool streamed)
{
	const struct channel_ops *ops = channel_cold(channel)->ops;
	int64_t taken;

	if (channel_has_pending(channel))
		return channel_keep(channel, type, data, len);
	if (!streamed)
		return ops->message(channel, type, data, len);
	if (!ops->piece)
		return -EPROTO;
	taken = ops->piece(channel, type, data, len);
	if (taken < 0)
		return (int)taken;
	if (taken < len)
		return stop_reading(channel, type, data + taken,
				    len - (uint32_t)taken);
	return 0;
}

/* A destination's channel after COMMIT: its first message is the token. */
static int awaited(struct channel *channel, uint16_t type, const uint8_t *data,
		   uint32_t len)
{
	struct channel_cold *cold = channel_cold(channel);

	if (cold->token_due) {
		if (type != SPICE_MSGC_MIGRATE_DATA)
			return -EPROTO;
		return migrate_token(channel, data, len);
	}
	migrate_switched(channel);
	return -EAGAIN; /* and it is a message of its own */
}

static int dispatch(struct channel *channel, uint16_t type, const uint8_t *data,
		    uint32_t len, bool streamed)
{
	int err;

	if (channel->state == CHANNEL_AWAITED) {
		err = awaited(channel, type, data, len);
		if (err != -EAGAIN)
			return err;
	}
	if (channel->state == CHANNEL_DRAINING ||
	    channel->state == CHANNEL_CLOSING)
		return 0;
	err = base_message(channel, type, data, len);
	if (err != -ENOENT)
		return err;
	switch (channel->state) {
	case CHANNEL_UP:
	case CHANNEL_PARKED: /* only main is read then */
		return up_message(channel, type, data, len, streamed);
	case CHANNEL_FROZEN:
		err = channel_keep(channel, type, data, len);
		if (!err && channel_pending_is_high(channel))
			migrate_overflow(channel);
		return err;
	default:
		/* SEALED: behind the mark there is nothing. Without marks the
		 * client does not know yet; it counts if the move is undone. */
		if (migrate_by_marks(channel_session(channel)))
			return -EPROTO;
		return channel_keep(channel, type, data, len);
	}
}

/* A message that came in pieces is put together in one chunk. */
static int assemble(struct channel *channel, const struct frame *frame)
{
	struct channel_cold *cold = channel_cold(channel);
	struct chunk_pool *chunks = &channel->service->shard->chunks;
	struct span whole;
	uint32_t len;
	int err;

	if (frame->total > CHUNK_BYTES)
		return -EMSGSIZE;
	if (chunkq_append(chunks, &cold->rx, frame->data, frame->len))
		return -ENOBUFS;
	if (!frame_is_last(frame))
		return 0;
	chunkq_spans(chunks, &cold->rx, 0, &whole, 1, &len);
	ASSERT(len == frame->total, "a fresh queue holds a chunk in one piece");
	err = dispatch(channel, frame->type, whole.data, len, false);
	chunkq_clear(chunks, &cold->rx);
	return err;
}

static int deliver(struct channel *channel, const struct frame *frame,
		   bool whole)
{
	const struct wire_message *message =
		wire_find(channel->type, true, frame->type);

	if (frame_is_last(frame)) {
		channel->messages_in++;
		stats_add(&channel->service->shard->stats, STAT_messages_in, 1);
	}
	if (message->streamed || whole)
		return dispatch(channel, frame->type, frame->data, frame->len,
				message->streamed);
	return assemble(channel, frame);
}

/* A parked channel's first bytes wait for the COMMIT that is on its way. */
static bool must_wait(const struct channel *channel)
{
	const struct session *session = channel_session(channel);

	return channel->state == CHANNEL_PARKED &&
	       (channel->type != SPICE_CHANNEL_MAIN ||
		session->acked_seamless || session->semi_wait);
}

int channel_received(struct channel *channel, const struct dp_view *view)
{
	struct service *service = channel->service;
	const uint8_t *data = view->data;
	uint32_t len = view->len;
	struct frame frame;
	int step;
	int err;

	if (channel->bits & CHANNEL_HELD || must_wait(channel))
		return channel_put_aside(channel, data, len);
	channel_cold(channel)->bytes_in += len;
	stats_add(&service->shard->stats, STAT_bytes_in, len);
	channel_session(channel)->last_seen_ns = service->shard->now_ns;
	for (;;) {
		step = frame_next(&channel->parser, &data, &len, limit_of,
				  channel, &frame);
		if (step == FRAME_MORE)
			return 0;
		if (step < 0)
			return step;
		err = deliver(channel, &frame, step == FRAME_MESSAGE);
		if (err || channel->state == CHANNEL_CLOSING)
			return err;
		/* DO_SEAMLESS or the like was the last to be read for now. */
		if (len && must_wait(channel))
			return channel_put_aside(channel, data, len);
	}
}

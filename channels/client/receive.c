/* receive.c - from the bytes of a leg to whole messages and pieces. */
#include "channels/client/internal.h"

#include <errno.h>

/* spice-gtk counts a message before it handles it, MIGRATE_DATA too. */
static void count_ack(struct client *client, struct client_channel *channel)
{
	if (channel->ack_count == 0 || --channel->ack_count > 0)
		return;
	channel->ack_count = channel->ack_window;
	if (!client->options.no_acks)
		client_send_now(client, channel, SPICE_MSGC_ACK, NULL);
}

static int64_t receive_limit(const void *arg, uint16_t type)
{
	const struct client_channel *channel = arg;
	const struct wire_message *message =
		client_message(channel, false, type);

	return message ? message->max_bytes : CLIENT_SKIP_MAX;
}

static bool is_vmc(const struct client_channel *channel)
{
	return channel->type == SPICE_CHANNEL_PORT ||
	       channel->type == SPICE_CHANNEL_USBREDIR ||
	       channel->type == SPICE_CHANNEL_WEBDAV;
}

static uint8_t sink_choose(struct client *client,
			   const struct client_channel *channel,
			   const struct client_leg *leg,
			   const struct frame *frame)
{
	if (leg->state == CLIENT_LEG_HANDSHAKE)
		return SINK_SKIP;
	if (channel->frozen)
		return frame->type == SPICE_MSG_MIGRATE_DATA ? SINK_TOKEN
							     : SINK_SKIP;
	if (is_vmc(channel) && frame->type == SPICE_MSG_SPICEVMC_DATA)
		return SINK_STREAM;
	if (channel->type == SPICE_CHANNEL_DISPLAY &&
	    frame->type == SPICE_MSG_DISPLAY_DRAW_COPY)
		return SINK_ROWS;
	if (is_vmc(channel) &&
	    frame->type == SPICE_MSG_SPICEVMC_COMPRESSED_DATA) {
		client_violate(client, &client->violations.unexpected, channel,
			       "compressed data, which we did not offer");
		return SINK_SKIP;
	}
	if (!client_message(channel, false, frame->type)) {
		client_violate(client, &client->violations.malformed, channel,
			       "message of unknown type");
		return SINK_SKIP;
	}
	return SINK_WHOLE;
}

/*
 * Serials go up by one. A new leg may start at 1, or go on: with the serial
 * of the old one's last message, as libspice's display does, or behind it.
 */
static void serial_check(struct client *client, struct client_channel *channel,
			 struct client_leg *leg, uint64_t serial)
{
	uint64_t last = channel->in_serial;

	if (leg->parser.mode != FRAME_FULL)
		return;
	if (leg->state == CLIENT_LEG_HANDSHAKE) {
		leg->in_serial = serial;
		return;
	}
	channel->in_serial = serial;
	if (serial == last + 1)
		return;
	if (channel->fresh_serial &&
	    (serial == leg->in_serial + 1 || serial == last))
		return;
	client_violate(client, &client->violations.serial, channel,
		       "a serial jumped");
}

/* Adds bytes to what is kept, up to max in all. False: the leg has failed. */
static bool keep(struct client *client, struct client_leg *leg,
		 const uint8_t *bytes, uint32_t len, uint32_t max)
{
	uint32_t take = min_u32(len, max - min_u32(max, leg->rx.len_bytes));

	if (chunkq_append(client->pool, &leg->rx, bytes, take) == 0)
		return true;
	client_leg_fail(client, leg, -ENOBUFS);
	return false;
}

static void receive_whole(struct client *client, struct client_channel *channel,
			  struct client_leg *leg, const struct frame *frame)
{
	uint8_t whole[CLIENT_KEEP_MAX];
	struct span body = {frame->data, frame->len};

	if (frame->len < frame->total) {
		if (!keep(client, leg, frame->data, frame->len,
			  CLIENT_KEEP_MAX))
			return;
		if (!frame_is_last(frame))
			return;
		/* A copy, since a handler may close the leg. */
		body.data = whole;
		body.len = chunkq_copy(client->pool, &leg->rx, 0, whole,
				       sizeof(whole));
		chunkq_clear(client->pool, &leg->rx);
	}
	count_ack(client, channel);
	client_handle(client, channel, frame->type, body, frame->total);
}

static void receive_stream(struct client *client,
			   struct client_channel *channel,
			   const struct frame *frame)
{
	if (frame->total == 0)
		client_violate(client, &client->violations.empty, channel,
			       "data of size 0");
	if (frame_is_last(frame))
		count_ack(client, channel);
	if (frame->len > 0)
		client_tell(client, channel,
			    (struct client_event){
				    .kind = CLIENT_DATA,
				    .data = {frame->data, frame->len}});
}

/* The head of a picture is kept, its rows are painted where they come. */
static void receive_rows(struct client *client, struct client_channel *channel,
			 struct client_leg *leg, const struct frame *frame)
{
	uint32_t head_max = min_u32(frame->total, WIRE_DRAW_COPY_ROWS_OFFSET);
	uint32_t offset = frame->offset;
	const uint8_t *bytes = frame->data;
	uint32_t len = frame->len;

	if (offset < head_max) {
		uint8_t head[WIRE_DRAW_COPY_ROWS_OFFSET];
		uint32_t take = min_u32(len, head_max - offset);

		if (!keep(client, leg, bytes, take, head_max))
			return;
		bytes += take;
		len -= take;
		offset += take;
		if (offset < head_max)
			return;
		chunkq_copy(client->pool, &leg->rx, 0, head, head_max);
		chunkq_clear(client->pool, &leg->rx);
		client_paint_begin(client, channel,
				   (struct span){head, head_max}, frame->total);
	}
	if (len > 0)
		client_paint_rows(client, offset - head_max, bytes, len);
	if (frame_is_last(frame)) {
		count_ack(client, channel);
		client_paint_end(client, channel);
	}
}

static void receive_token(struct client *client, struct client_channel *channel,
			  struct client_leg *leg, const struct frame *frame)
{
	struct chunkq token;

	if (!keep(client, leg, frame->data, frame->len, UINT32_MAX))
		return;
	if (!frame_is_last(frame))
		return;
	token = leg->rx;
	leg->rx = (struct chunkq){0};
	/* It counts for the window: an ACK may follow FLUSH_MARK. */
	count_ack(client, channel);
	if (token.len_bytes == 0) {
		client_violate(client, &client->violations.empty, channel,
			       "MIGRATE_DATA of size 0");
		client_move_thaw(client, channel, frame->type);
		return;
	}
	client_move_token(client, channel, &token);
	chunkq_clear(client->pool, &token);
}

static void receive_skip(struct client *client, struct client_channel *channel,
			 struct client_leg *leg, const struct frame *frame)
{
	if (!frame_is_last(frame))
		return;
	if (leg->state == CLIENT_LEG_HANDSHAKE) {
		bool ack =
			frame->type == SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_ACK;

		if (!leg->after_ack &&
		    (ack ||
		     frame->type == SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_NACK))
			client_move_answer(client, leg, ack);
		else
			client_violate(client, &client->violations.early_main,
				       channel, "lost beside the answer");
		return;
	}
	count_ack(client, channel);
	if (channel->frozen)
		client_move_thaw(client, channel, frame->type);
}

static void receive_frame(struct client *client, struct client_leg *leg,
			  const struct frame *frame)
{
	struct client_channel *channel = &client->channels[leg->channel];

	if (frame->offset == 0) {
		serial_check(client, channel, leg, frame->serial);
		leg->sink = sink_choose(client, channel, leg, frame);
	}
	if (leg->state == CLIENT_LEG_UP && frame_is_last(frame)) {
		channel->counts.messages_in++;
		channel->fresh_serial = false;
		if (channel->swapped && channel->pause.first_ns == 0)
			channel->pause.first_ns = client->now_ns;
	}
	switch (leg->sink) {
	case SINK_WHOLE:
		receive_whole(client, channel, leg, frame);
		break;
	case SINK_STREAM:
		receive_stream(client, channel, frame);
		break;
	case SINK_ROWS:
		receive_rows(client, channel, leg, frame);
		break;
	case SINK_TOKEN:
		receive_token(client, channel, leg, frame);
		break;
	default:
		receive_skip(client, channel, leg, frame);
		break;
	}
}

/* Takes one message or piece. */
uint32_t client_leg_frames(struct client *client, struct client_leg *leg,
			   const uint8_t *bytes, uint32_t len)
{
	struct client_channel *channel = &client->channels[leg->channel];
	const uint8_t *at = bytes;
	uint32_t left = len;
	struct frame frame;
	int step;

	step = frame_next(&leg->parser, &at, &left, receive_limit, channel,
			  &frame);
	if (step < 0) {
		client_violate(client, &client->violations.malformed, channel,
			       "the stream cannot be cut into messages");
		client_leg_fail(client, leg, step);
		return len;
	}
	if (step != FRAME_MORE)
		receive_frame(client, leg, &frame);
	return len - left;
}

/* channel_kept.c - input kept while its guest takes none, and given later. */
#include "channels/channel_kept.h"
#include "channels/channel_hold.h"
#include "channels/service.h"
#include "core/plant.h"

#include <errno.h>

/* How input that is kept for later is framed in its queue. */
struct kept {
	uint16_t type;
	uint32_t len;
};
#define KEPT_BYTES 6

static const struct field kept_fields[] = {
	FIELD(struct kept, type, FIELD_U16, 0),
	FIELD(struct kept, len, FIELD_U32, 0),
};
static const struct field_table kept_table =
	FIELD_TABLE("kept", struct kept, kept_fields);

bool channel_has_pending(const struct channel *channel)
{
	const struct channel_cold *cold = channel_cold(channel);

	return cold->pending.len_bytes || cold->pending_head;
}

bool channel_pending_is_high(const struct channel *channel)
{
	return channel_cold(channel)->pending.len_bytes >
	       CHANNEL_PENDING_HIGH_BYTES;
}

/* Plants: what was kept last stands twice, or in front of the rest. */
static int misplace(struct channel *channel, uint32_t before)
{
	struct channel_cold *cold = channel_cold(channel);
	struct chunk_pool *chunks = &channel->service->shard->chunks;
	const struct pool *pool = channel->service->shard->pool;
	uint8_t *bytes = channel->service->scratch;
	uint32_t len = chunkq_copy(chunks, &cold->pending, 0, bytes,
				   SERVICE_SCRATCH_BYTES);

	if (plant_is(pool, PLANT_duplicate_pending_input))
		return chunkq_append(chunks, &cold->pending, bytes + before,
				     len - before);
	if (!plant_is(pool, PLANT_reorder_pending_input) || cold->pending_head)
		return 0;
	chunkq_clear(chunks, &cold->pending);
	if (chunkq_append(chunks, &cold->pending, bytes + before, len - before))
		return -ENOBUFS;
	return chunkq_append(chunks, &cold->pending, bytes, before);
}

int channel_keep(struct channel *channel, uint16_t type, const uint8_t *data,
		 uint32_t len)
{
	struct channel_cold *cold = channel_cold(channel);
	struct chunk_pool *chunks = &channel->service->shard->chunks;
	struct kept kept = {.type = type, .len = len};
	uint8_t header[KEPT_BYTES];
	uint32_t before = cold->pending.len_bytes;

	/* The view at hand is taken; what follows waits in the network. */
	if (channel_pending_is_high(channel))
		channel_hold(channel);
	field_encode(&kept_table, &kept, header, sizeof(header));
	if (chunkq_append(chunks, &cold->pending, header, sizeof(header)) ||
	    chunkq_append(chunks, &cold->pending, data, len))
		return -ENOBUFS;
	if (channel->service->shard->pool->plant &&
	    channel->state == CHANNEL_FROZEN)
		return misplace(channel, before);
	return 0;
}

static int replay_streamed(struct channel *channel)
{
	struct channel_cold *cold = channel_cold(channel);
	const struct channel_ops *ops = cold->ops;
	struct chunk_pool *chunks = &channel->service->shard->chunks;
	struct span span;
	uint32_t len;
	int64_t taken;

	while (cold->pending_left) {
		chunkq_spans(chunks, &cold->pending, 0, &span, 1, &len);
		len = min_u32(len, cold->pending_left);
		if (!len || !ops->piece)
			return -EPROTO;
		taken = ops->piece(channel, cold->pending_type, span.data, len);
		if (taken < 0)
			return (int)taken;
		chunkq_consume(chunks, &cold->pending, (uint32_t)taken);
		cold->pending_left -= (uint32_t)taken;
		if (taken < len)
			return -EAGAIN;
	}
	return 0;
}

static int replay_one(struct channel *channel)
{
	struct channel_cold *cold = channel_cold(channel);
	struct chunk_pool *chunks = &channel->service->shard->chunks;
	const struct wire_message *message =
		wire_find(channel->type, true, cold->pending_type);
	uint8_t body[WIRE_CLIENT_BODY_MAX];
	uint32_t len = cold->pending_left;

	if (!message)
		return -EPROTO;
	if (message->streamed)
		return replay_streamed(channel);
	if (len > sizeof(body) ||
	    chunkq_copy(chunks, &cold->pending, 0, body, len) != len)
		return -EPROTO;
	chunkq_consume(chunks, &cold->pending, len);
	cold->pending_left = 0;
	return cold->ops->message(channel, cold->pending_type, body, len);
}

int channel_replay(struct channel *channel)
{
	struct channel_cold *cold = channel_cold(channel);
	struct chunk_pool *chunks = &channel->service->shard->chunks;

	while (channel_has_pending(channel) &&
	       (channel->state == CHANNEL_UP ||
		channel->state == CHANNEL_AWAITED)) {
		int err;

		if (!cold->pending_head) {
			uint8_t header[KEPT_BYTES];
			struct kept kept;

			if (chunkq_copy(chunks, &cold->pending, 0, header,
					KEPT_BYTES) != KEPT_BYTES ||
			    field_decode(&kept_table, &kept, header, KEPT_BYTES,
					 NULL) ||
			    kept.len > cold->pending.len_bytes - KEPT_BYTES)
				return -EPROTO;
			chunkq_consume(chunks, &cold->pending, KEPT_BYTES);
			cold->pending_type = kept.type;
			cold->pending_left = kept.len;
			cold->pending_head = true;
		}
		err = replay_one(channel);
		if (err == -EAGAIN)
			return 0;
		if (err)
			return err;
		cold->pending_head = false;
	}
	if (channel->state != CHANNEL_CLOSING)
		channel_unhold(channel);
	return 0;
}

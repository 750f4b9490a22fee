/* channel_hold.c - stopping to read a client, and what came by then. */
#include "channels/channel_hold.h"
#include "channels/service.h"

#include <errno.h>

void channel_hold(struct channel *channel)
{
	channel_cold(channel)->unhold_due = false;
	if (channel->bits & CHANNEL_HELD)
		return;
	channel->bits |= CHANNEL_HELD;
	dp_hold(shard_dp(channel->service->shard, channel->conn),
		channel->conn);
}

void channel_unhold(struct channel *channel)
{
	if (!(channel->bits & CHANNEL_HELD))
		return;
	channel_cold(channel)->unhold_due = true;
	channel_touch(channel);
}

int channel_put_aside(struct channel *channel, const uint8_t *data,
		      uint32_t len)
{
	/* Held already, perhaps with an unhold due: that stays due. */
	if (!(channel->bits & CHANNEL_HELD))
		channel_hold(channel);
	channel_touch(channel);
	return chunkq_append(&channel->service->shard->chunks,
			     &channel_cold(channel)->early, data, len);
}

int channel_settle_reading(struct channel *channel)
{
	struct service *service = channel->service;
	struct channel_cold *cold = channel_cold(channel);
	struct chunk_pool *chunks = &service->shard->chunks;
	struct dp *dp = shard_dp(service->shard, channel->conn);
	uint32_t len = chunkq_copy(chunks, &cold->early, 0, service->scratch,
				   SERVICE_SCRATCH_BYTES);

	if (len && dp_unread(dp, channel->conn, service->scratch, len))
		return -ENOBUFS;
	chunkq_clear(chunks, &cold->early);
	if (cold->unhold_due) {
		cold->unhold_due = false;
		channel->bits &= (uint8_t)~CHANNEL_HELD;
		dp_unhold(dp, channel->conn);
	}
	return 0;
}

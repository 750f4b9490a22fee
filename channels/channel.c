/* channel.c - a channel's record: its parts, and the list of a pass. */
#include "channels/channel.h"
#include "channels/service.h"
#include "core/plant.h"

struct channel_cold *channel_cold(const struct channel *channel)
{
	return &channel->service->cold[handle_index(channel->self)];
}

struct session *channel_session(const struct channel *channel)
{
	return service_session(channel->service, channel->session);
}

bool channel_body_is_good(const struct channel *channel, uint16_t type,
			  const uint8_t *body, uint32_t len)
{
	const struct wire_message *message =
		wire_find(channel->type, true, type);
	uint64_t room[8];

	ASSERT(message && message->table &&
		       message->table->struct_bytes <= sizeof(room),
	       "a client's messages that nobody uses are small");
	return !field_decode(message->table, room, body, len, NULL);
}

void channel_touch(struct channel *channel)
{
	struct service *service = channel->service;

	if (channel->bits & CHANNEL_TOUCHED)
		return;
	channel->bits |= CHANNEL_TOUCHED;
	channel->touched_next = service->touched;
	service->touched = handle_index(channel->self) + 1;
}

static void untouch(struct service *service, struct channel *channel)
{
	uint32_t *at = &service->touched;

	while (*at && *at != handle_index(channel->self) + 1) {
		struct channel *other = slab_at(&service->channels, *at - 1);

		at = &other->touched_next;
	}
	if (*at)
		*at = channel->touched_next;
}

static void clear(struct channel *channel)
{
	struct channel_cold *cold = channel_cold(channel);
	struct chunk_pool *chunks = &channel->service->shard->chunks;

	chunkq_clear(chunks, &channel->tx);
	chunkq_clear(chunks, &cold->rx);
	chunkq_clear(chunks, &cold->early);
	if (plant_is(channel->service->shard->pool, PLANT_leak_chunk))
		chunkq_append(chunks, &cold->pending, "", 1);
	else
		chunkq_clear(chunks, &cold->pending);
}

void channel_free(struct channel *channel)
{
	struct service *service = channel->service;

	if (channel->bits & CHANNEL_TOUCHED)
		untouch(service, channel);
	clear(channel);
	slab_give(&service->channels, channel->self);
}

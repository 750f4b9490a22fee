/* spoil.c - faults planted into one guest's bytes, to see them found. */
#include "channels/spoil.h"
#include "channels/guest/stream.h"
#include "channels/service.h"
#include "core/plant.h"

#include <spice/enums.h>

#include <string.h>

#ifdef FLUSHMARK_TEST_BUILD

#define SPOIL_EACH  64
#define SPOIL_FIRST 30
/* What is put in the wrong order or place: no run is too short to be known. */
#define SPOIL_BYTES 64

bool spoil_is_due(const struct guest *guest, const struct channel *channel)
{
	const struct pool *pool = channel->service->shard->pool;

	return plant_spoils((enum plant)pool->plant) &&
	       channel->type == SPICE_CHANNEL_PORT && channel->id == 0 &&
	       channel->messages_out % SPOIL_EACH == SPOIL_FIRST &&
	       !strcmp(pool->config->test.plant_guest, guest->name);
}

static void send(struct channel *channel, const uint8_t *data, uint32_t len)
{
	struct msg_vmc_data message = {.data = {data, len}};

	if (len)
		channel_send(channel, SPICE_MSG_SPICEVMC_DATA, &message);
}

/* The second piece before the first. */
static void send_swapped(struct channel *channel, const struct span *data)
{
	uint32_t first = data->len / 2;

	send(channel, data->data + first, data->len - first);
	send(channel, data->data, first);
}

/* Bytes of somebody else's stream between ours. */
static void send_crossed(struct channel *channel, const struct span *data)
{
	uint8_t alien[SPOIL_BYTES];

	stream_fill(stream_key("somebody-else", 2), 0, alien, sizeof(alien));
	send(channel, alien, sizeof(alien));
	send(channel, data->data, data->len);
}

void spoil_send(struct channel *channel, const struct span *data)
{
	switch ((enum plant)channel->service->shard->pool->plant) {
	case PLANT_drop:
		send(channel, data->data, data->len / 2);
		break;
	case PLANT_reorder:
		send_swapped(channel, data);
		break;
	case PLANT_cross:
		send_crossed(channel, data);
		break;
	case PLANT_dup:
		send(channel, data->data, data->len);
		send(channel, data->data, data->len);
		break;
	default:
		send(channel, data->data, data->len);
		break;
	}
}

#endif

/* spoil.c - faults planted into one guest's bytes, to see them found. */
#include "channels/spoil.h"
#include "channels/guest/stream.h"
#include "channels/service.h"
#include "core/config.h"

#include <spice/enums.h>

#include <string.h>

#ifdef FLUSHMARK_TEST_BUILD

#define SPOIL_EACH  64
#define SPOIL_FIRST 30
/* What is put in the wrong order or place: no run is too short to be known. */
#define SPOIL_BYTES 64

static const struct config_test *config_of(const struct channel *channel)
{
	return &channel->service->shard->pool->config->test;
}

bool spoil_is_due(const struct guest *guest, const struct channel *channel)
{
	const struct config_test *test = config_of(channel);

	return test->plant[0] && channel->type == SPICE_CHANNEL_PORT &&
	       channel->id == 0 &&
	       channel->messages_out % SPOIL_EACH == SPOIL_FIRST &&
	       !strcmp(test->plant_guest, guest->name);
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
	const char *plant = config_of(channel)->plant;

	if (!strcmp(plant, "drop"))
		send(channel, data->data, data->len / 2);
	else if (!strcmp(plant, "reorder"))
		send_swapped(channel, data);
	else if (!strcmp(plant, "cross"))
		send_crossed(channel, data);
	else
		send(channel, data->data, data->len);
	if (!strcmp(plant, "dup"))
		send(channel, data->data, data->len);
}

#endif

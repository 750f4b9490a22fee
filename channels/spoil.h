/* spoil.h - faults planted into one guest's bytes, to see them found. */
#pragma once

#include "channels/channel_out.h"
#include "channels/guest/guest.h"

/* The plants that spoil a stream (core/plant.h). Other builds send all. */
#ifdef FLUSHMARK_TEST_BUILD

/* True when the next message of this channel is to be spoilt. The shard. */
bool spoil_is_due(const struct guest *guest, const struct channel *channel);

/* Sends data in the way that is planted. The shard. */
void spoil_send(struct channel *channel, const struct span *data);

#else

static inline bool spoil_is_due(const struct guest *guest,
				const struct channel *channel)
{
	(void)guest;
	(void)channel;
	return false;
}

static inline void spoil_send(struct channel *channel, const struct span *data)
{
	(void)channel;
	(void)data;
}

#endif

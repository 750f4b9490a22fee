/* channel_hold.h - stopping to read a client, and starting again. */
#pragma once

#include "channels/channel.h"

/* Stops and starts reading; both take effect at the end of the pass. */
void channel_hold(struct channel *channel);
void channel_unhold(struct channel *channel);

/*
 * A hold takes effect at the next poll: what the batch at hand still has for
 * the channel is put aside, and back in front of the rest when it ends. Holds
 * the channel. Returns 0 or -ENOBUFS.
 */
int channel_put_aside(struct channel *channel, const uint8_t *data,
		      uint32_t len);

/* The end of a pass of a channel that is held. 0 or -ENOBUFS. */
int channel_settle_reading(struct channel *channel);

/* channel_kept.h - input kept while a channel's guest takes none. */
#pragma once

#include "channels/channel.h"

/* Above this the channel is held. */
#define CHANNEL_PENDING_HIGH_BYTES ((uint32_t)512 * 1024)

/* True while there is input that its guest has not taken. */
bool channel_has_pending(const struct channel *channel);

/* True when more is kept than a channel should: CHANNEL_PENDING_HIGH_BYTES. */
bool channel_pending_is_high(const struct channel *channel);

/* Keeps one message, or piece, for later. 0 or -ENOBUFS. */
int channel_keep(struct channel *channel, uint16_t type, const uint8_t *data,
		 uint32_t len);

/*
 * Gives pending input to the channel's handler until it takes no more.
 * Returns 0, or -errno: the session must close.
 */
int channel_replay(struct channel *channel);

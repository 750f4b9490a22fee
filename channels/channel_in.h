/* channel_in.h - what a client's bytes do to a channel, by its state. */
#pragma once

#include "channels/channel.h"

/* Bytes from dp. Returns 0 or -errno: the session must close. */
int channel_received(struct channel *channel, const struct dp_view *view);

/* vmc.h - what port and usbredir share: a byte stream to and from the guest. */
#pragma once

#include <stdint.h>

struct channel;

/* DATA from the client. Returns the bytes the guest took, or -EPROTO. */
int64_t vmc_piece(struct channel *channel, uint16_t type, const uint8_t *data,
		  uint32_t len);

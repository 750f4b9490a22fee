/* session_id.h - connection ids that never collide among peers. */
#pragma once

#include "core/siphash.h"

/*
 * The id of {node 10 bits, index 22 bits} under a permutation keyed by the
 * peers' secret: a client presents its source's id at every destination and
 * keeps it for life, so ids of different hosts must differ, and nobody
 * outside may guess one from another.
 */
#define SESSION_INDEX_BITS 22

uint32_t session_id_make(const uint8_t secret[SIPHASH_KEY_BYTES], uint16_t node,
			 uint32_t index);

/* The inverse. */
void session_id_open(const uint8_t secret[SIPHASH_KEY_BYTES], uint32_t id,
		     uint16_t *node, uint32_t *index);

/* session_id.c - a four-round Feistel network on 32 bits. */
#include "channels/session_id.h"

#define ROUNDS 4

static uint16_t round_of(const uint8_t secret[SIPHASH_KEY_BYTES], uint8_t round,
			 uint16_t half)
{
	uint8_t text[4] = {'S', round, (uint8_t)half, (uint8_t)(half >> 8)};

	return (uint16_t)siphash64(secret, text, sizeof(text));
}

uint32_t session_id_make(const uint8_t secret[SIPHASH_KEY_BYTES], uint16_t node,
			 uint32_t index)
{
	uint32_t plain = (uint32_t)node << SESSION_INDEX_BITS |
			 (index & ((1u << SESSION_INDEX_BITS) - 1));
	uint16_t left = (uint16_t)(plain >> 16);
	uint16_t right = (uint16_t)plain;

	for (uint8_t i = 0; i < ROUNDS; i++) {
		uint16_t next = left ^ round_of(secret, i, right);

		left = right;
		right = next;
	}
	return (uint32_t)left << 16 | right;
}

void session_id_open(const uint8_t secret[SIPHASH_KEY_BYTES], uint32_t id,
		     uint16_t *node, uint32_t *index)
{
	uint16_t left = (uint16_t)(id >> 16);
	uint16_t right = (uint16_t)id;
	uint32_t plain;

	for (uint8_t i = ROUNDS; i-- > 0;) {
		uint16_t before = right ^ round_of(secret, i, left);

		right = left;
		left = before;
	}
	plain = (uint32_t)left << 16 | right;
	*node = (uint16_t)(plain >> SESSION_INDEX_BITS);
	*index = plain & ((1u << SESSION_INDEX_BITS) - 1);
}

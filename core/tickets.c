/* tickets.c - what clients must know to reach a guest, and how it is kept. */
#include "core/tickets.h"

#include <string.h>

#define TICKET_NAME_MAX 64

void ticket_text(const uint8_t secret[SIPHASH_KEY_BYTES], const char *name,
		 char text[TICKET_CHARS + 1])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	static const char label[] = "ticket:";
	uint8_t input[sizeof(label) - 1 + TICKET_NAME_MAX];
	uint8_t hash[16];
	size_t len = strnlen(name, TICKET_NAME_MAX);
	uint32_t held = 0;
	uint32_t held_bits = 0;
	uint32_t used = 0;

	memcpy(input, label, sizeof(label) - 1);
	memcpy(input + sizeof(label) - 1, name, len);
	siphash128(secret, input, sizeof(label) - 1 + len, hash);
	for (uint32_t i = 0; i < TICKET_CHARS; i++) {
		if (held_bits < 5) {
			held = held << 8 |
			       (used < sizeof(hash) ? hash[used++] : 0);
			held_bits += 8;
		}
		held_bits -= 5;
		text[i] = digits[held >> held_bits & 31];
	}
	text[TICKET_CHARS] = '\0';
}

void ticket_hash(const uint8_t secret[SIPHASH_KEY_BYTES], const void *text,
		 size_t len, uint8_t out[TICKET_HASH_BYTES])
{
	siphash128(secret, text, strnlen(text, len), out);
}

/* The table's two reserved keys are given away. */
static uint64_t usable(uint64_t key)
{
	return key == 0 || key == UINT64_MAX ? 1 : key;
}

uint64_t ticket_key(const uint8_t hash[TICKET_HASH_BYTES])
{
	uint64_t key = 0;

	for (uint32_t i = 0; i < 8; i++)
		key |= (uint64_t)hash[i] << 8 * i;
	return usable(key);
}

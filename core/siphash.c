/* siphash.c - SipHash-2-4 as its authors published it, 64 and 128 bits. */
#include "core/siphash.h"

#define FINAL_ROUNDS 4

/* A 128-bit result starts from, and ends with, constants of its own. */
#define WIDE_START 0xee
#define WIDE_HALF  0xdd

struct sip {
	uint64_t v[4];
};

static uint64_t rotate_left(uint64_t word, uint32_t bits)
{
	return word << bits | word >> (64 - bits);
}

/* Up to eight bytes, the first the lowest, whatever the machine's order. */
static uint64_t bytes_load(const uint8_t *bytes, size_t count)
{
	uint64_t word = 0;

	for (size_t i = 0; i < count; i++)
		word |= (uint64_t)bytes[i] << (8 * i);
	return word;
}

static void bytes_store(uint8_t bytes[8], uint64_t word)
{
	for (uint32_t i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(word >> (8 * i));
}

static void sip_round(struct sip *sip)
{
	uint64_t *v = sip->v;

	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate_left(v[1], 13) ^ v[0];
	v[3] = rotate_left(v[3], 16) ^ v[2];
	v[0] = rotate_left(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate_left(v[1], 17) ^ v[2];
	v[3] = rotate_left(v[3], 21) ^ v[0];
	v[2] = rotate_left(v[2], 32);
}

static void sip_absorb(struct sip *sip, uint64_t word)
{
	sip->v[3] ^= word;
	sip_round(sip);
	sip_round(sip);
	sip->v[0] ^= word;
}

static void sip_start(struct sip *sip, const uint8_t *key, const uint8_t *bytes,
		      size_t len, uint8_t wide)
{
	uint64_t low = bytes_load(key, 8);
	uint64_t high = bytes_load(key + 8, 8);
	size_t whole = len & ~(size_t)7;

	/* "somepseudorandomlygeneratedbytes", in four words. */
	sip->v[0] = low ^ 0x736f6d6570736575;
	sip->v[1] = high ^ 0x646f72616e646f6d ^ wide;
	sip->v[2] = low ^ 0x6c7967656e657261;
	sip->v[3] = high ^ 0x7465646279746573;
	for (size_t i = 0; i < whole; i += 8)
		sip_absorb(sip, bytes_load(bytes + i, 8));
	sip_absorb(sip, (uint64_t)len << 56 |
				bytes_load(bytes + whole, len - whole));
}

static uint64_t sip_finish(struct sip *sip)
{
	for (uint32_t i = 0; i < FINAL_ROUNDS; i++)
		sip_round(sip);
	return sip->v[0] ^ sip->v[1] ^ sip->v[2] ^ sip->v[3];
}

uint64_t siphash64(const uint8_t key[SIPHASH_KEY_BYTES], const void *data,
		   size_t len)
{
	struct sip sip;

	sip_start(&sip, key, data, len, 0);
	sip.v[2] ^= 0xff;
	return sip_finish(&sip);
}

void siphash128(const uint8_t key[SIPHASH_KEY_BYTES], const void *data,
		size_t len, uint8_t out[16])
{
	struct sip sip;

	sip_start(&sip, key, data, len, WIDE_START);
	sip.v[2] ^= WIDE_START;
	bytes_store(out, sip_finish(&sip));
	sip.v[1] ^= WIDE_HALF;
	bytes_store(out + 8, sip_finish(&sip));
}

bool equal_constant_time(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *left = a;
	const volatile uint8_t *right = b;
	uint8_t differ = 0;

	for (size_t i = 0; i < len; i++)
		differ |= (uint8_t)(left[i] ^ right[i]);
	return differ == 0;
}

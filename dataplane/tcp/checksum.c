/* checksum.c - the Internet checksum of RFC 1071, over pieces.
 *
 * Words are summed as the machine loads them: swapping the bytes of all words
 * swaps those of the sum, so the result is right when it is stored the same
 * way. A piece that starts at an odd byte is summed as if it were even, and
 * its sum swapped.
 */
#include "dataplane/tcp/checksum.h"

#include <arpa/inet.h>
#include <string.h>

static uint16_t fold(uint64_t words)
{
	words = (words >> 32) + (words & 0xffffffff);
	words = (words >> 16) + (words & 0xffff);
	words = (words >> 16) + (words & 0xffff);
	words = (words >> 16) + (words & 0xffff);
	return (uint16_t)words;
}

/* At most 2^31 bytes: the carries of 32-bit words fit the upper half. */
static uint64_t words_of(const uint8_t *bytes, size_t len)
{
	uint64_t words = 0;
	uint64_t eight;
	uint32_t four;
	uint16_t two;

	for (; len >= 8; bytes += 8, len -= 8) {
		memcpy(&eight, bytes, 8);
		words += (eight & 0xffffffff) + (eight >> 32);
	}
	if (len >= 4) {
		memcpy(&four, bytes, 4);
		words += four;
		bytes += 4;
		len -= 4;
	}
	if (len >= 2) {
		memcpy(&two, bytes, 2);
		words += two;
		bytes += 2;
		len -= 2;
	}
	if (len) {
		two = 0;
		memcpy(&two, bytes, 1);
		words += two;
	}
	return words;
}

void tcp_sum_add(struct tcp_sum *sum, const void *data, size_t len)
{
	uint64_t words = words_of(data, len);

	if (sum->odd)
		words = __builtin_bswap16(fold(words));
	sum->words += words;
	sum->odd ^= len & 1;
}

void tcp_sum_pseudo(struct tcp_sum *sum, uint32_t source, uint32_t target,
		    uint8_t protocol, uint32_t len)
{
	sum->words += htonl(source);
	sum->words += htonl(target);
	sum->words += htons(protocol);
	sum->words += htonl(len);
}

uint16_t tcp_sum_fold(const struct tcp_sum *sum)
{
	return fold(sum->words);
}

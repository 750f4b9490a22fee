/* checksum.h - the Internet checksum of RFC 1071, over pieces. */
#pragma once

#include "core/base.h"

/* A sum in progress. Zeroed: nothing summed. */
struct tcp_sum {
	uint64_t words; /* of 16 bits as the machine loads them */
	bool odd;       /* the next byte is the second of its word */
};

void tcp_sum_add(struct tcp_sum *sum, const void *data, size_t len);

/* What a TCP segment of len bytes is preceded by. Addresses in host order. */
void tcp_sum_pseudo(struct tcp_sum *sum, uint32_t source, uint32_t target,
		    uint8_t protocol, uint32_t len);

/* The sum folded to 16 bits, to be stored as it is (not complemented). */
uint16_t tcp_sum_fold(const struct tcp_sum *sum);

/* The checksum field's value, to be stored as it is. */
static inline uint16_t tcp_sum_finish(const struct tcp_sum *sum)
{
	return (uint16_t)~tcp_sum_fold(sum);
}

/* True when what was summed held its own right checksum. */
static inline bool tcp_sum_good(const struct tcp_sum *sum)
{
	return tcp_sum_fold(sum) == 0xffff;
}

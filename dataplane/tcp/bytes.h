/* bytes.h - numbers in network order at any address. */
#pragma once

#include "core/base.h"

#include <arpa/inet.h>
#include <string.h>

static inline uint16_t get_be16(const uint8_t *bytes)
{
	uint16_t word;

	memcpy(&word, bytes, sizeof(word));
	return ntohs(word);
}

static inline uint32_t get_be32(const uint8_t *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	return ntohl(word);
}

static inline void put_be16(uint8_t *bytes, uint16_t value)
{
	value = htons(value);
	memcpy(bytes, &value, sizeof(value));
}

static inline void put_be32(uint8_t *bytes, uint32_t value)
{
	value = htonl(value);
	memcpy(bytes, &value, sizeof(value));
}

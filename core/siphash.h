/* siphash.h - SipHash-2-4: hashes of what an outsider chooses, short MACs. */
#pragma once

#include "core/base.h"

#define SIPHASH_KEY_BYTES 16

uint64_t siphash64(const uint8_t key[SIPHASH_KEY_BYTES], const void *data,
		   size_t len);

void siphash128(const uint8_t key[SIPHASH_KEY_BYTES], const void *data,
		size_t len, uint8_t out[16]);

/* Compares without a branch on the content. True when equal. */
bool equal_constant_time(const void *a, const void *b, size_t len);

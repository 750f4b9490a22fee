/* sequence.h - numbers that wrap around: of bytes, of timestamps, of time. */
#pragma once

#include "core/base.h"

/* Half of the number space ahead is after, the other half before. */
static inline bool seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool seq_after(uint32_t a, uint32_t b)
{
	return seq_before(b, a);
}

static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
	return seq_before(a, b) ? b : a;
}

static inline uint32_t seq_min(uint32_t a, uint32_t b)
{
	return seq_before(a, b) ? a : b;
}

/* Bytes start up to, not including, end. */
struct tcp_range {
	uint32_t start;
	uint32_t end;
};

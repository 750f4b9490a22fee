/* limiter.h - so many answers a second to what a stranger may ask. */
#pragma once

#include "core/base.h"

struct tcp_limiter {
	uint64_t second;
	uint32_t left;
};

/*
 * True for at most rate calls in each second. jitter varies the number: an
 * attacker who counts answers must not learn what others were given (the flaw
 * of a global, fixed limit for challenge ACKs).
 */
static inline bool tcp_limiter_take(struct tcp_limiter *limiter,
				    uint64_t now_ns, uint32_t rate,
				    uint64_t jitter)
{
	uint64_t second = now_ns / NS_PER_S + 1;

	if (second != limiter->second) {
		limiter->second = second;
		limiter->left =
			rate - rate / 2 + (uint32_t)(jitter % (rate / 2 + 1));
	}
	if (!limiter->left)
		return false;
	limiter->left--;
	return true;
}

/* plant.h - faults that a test build has on purpose, for checkers to find. */
#pragma once

#include "dataplane/tcp/stack.h"

/*
 * X(name, what goes wrong). Chosen by tcp_config.plant; other builds have none
 * of them. Each breaks a rule that the seeded runs of tests/sim check.
 */
#define TCP_PLANTS(X)                                                      \
	X(forget_sack, "the range that grew last is not reported")         \
	X(offer_more, "the window is a byte more than there is room for")  \
	X(never_patient, "a timeout does not double the next one")         \
	X(compare_plainly, "ACKs are compared as if nothing wrapped")      \
	X(lose_fin, "a FIN is never sent again")                           \
	X(owe_forever, "an ACK that is put off is forgotten")              \
	X(believe_sums, "the TCP checksum is not looked at")               \
	X(reverse_paws, "of two timestamps the older one is the good one") \
	X(keep_overlap, "what was received before is not cut off")         \
	X(drop_untaken, "events that were not taken do not travel")        \
	X(send_beyond, "the peer's window is no limit")                    \
	X(resend_sacked, "what the peer has is sent again all the same")   \
	X(forget_wait, "there is no TIME-WAIT")                            \
	X(keep_frame, "a frame is not given back with its view")

enum tcp_plant {
	TCP_PLANT_none,
#define TCP_PLANTS_ID(name, what) TCP_PLANT_##name,
	TCP_PLANTS(TCP_PLANTS_ID)
#undef TCP_PLANTS_ID
		TCP_PLANT_COUNT
};

/* True in a test build that was told to go wrong in this way. */
static inline bool tcp_plant_is(const struct tcp_stack *stack,
				enum tcp_plant plant)
{
#ifdef FLUSHMARK_TEST_BUILD
	return UNLIKELY(stack->config.plant == plant);
#else
	(void)stack, (void)plant;
	return false;
#endif
}

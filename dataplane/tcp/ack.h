/* ack.h - what a peer's ACK changes: queue, round trip, window, recovery. */
#pragma once

#include "dataplane/tcp/stack.h"

/*
 * Takes the ACK, SACK and window of a segment whose sequence number is
 * acceptable, of a synchronized flow. Returns false when the ACK cannot be
 * (RFC 5961, 5): the segment is dropped then. *fin_acked: our FIN just was.
 */
bool ack_segment(struct tcp_stack *stack, struct flow *flow,
		 const struct segment *segment, bool *fin_acked);

/* Takes a window field, scaled already, that no older segment overrules. */
void ack_window(struct flow *flow, const struct segment *segment,
		uint32_t window);

/* What a timeout means for a flow in flight: all of it is sent again. */
void ack_timeout(struct tcp_stack *stack, struct flow *flow);

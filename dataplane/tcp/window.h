/* window.h - the receive window: what is told, and when it is worth telling. */
#pragma once

#include "dataplane/tcp/stack.h"

/*
 * The right edge never moves left, and moves right by a step that is worth it
 * (RFC 9293, 3.8.6.2.2): an MSS, or half of the buffer.
 */

/* Moves the edge; returns the field for a segment that is not a SYN. */
uint16_t window_advertise(const struct tcp_stack *stack, struct flow *flow);

/* As window_advertise for a SYN, whose field is not scaled. */
uint16_t window_advertise_syn(const struct tcp_stack *stack, struct flow *flow);

/* Whether it has opened so far that the peer should be told now. */
bool window_update_due(const struct tcp_stack *stack, const struct flow *flow);

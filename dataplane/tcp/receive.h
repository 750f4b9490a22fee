/* receive.h - payload on its way to the owner: told, kept, or put in order. */
#pragma once

#include "dataplane/tcp/stack.h"

/*
 * Takes the segment's payload and FIN, which are within the window; the ACK
 * that is owed for them is noted in the flow's flags. Returns true when the
 * FIN is in order now (FLOW_EOF is set).
 */
bool receive_segment(struct tcp_stack *stack, struct flow *flow,
		     struct segment *segment);

/* Tells what is kept of a flow that is not held, and EOF behind it. */
void receive_tell(struct tcp_stack *stack, struct flow *flow);

/* Whether receive_tell has something to tell, views permitting. */
bool receive_pending(const struct tcp_stack *stack, const struct flow *flow);

/* output.h - what a flow sends, and when its timer is to look again. */
#pragma once

#include "dataplane/tcp/stack.h"

/*
 * Sends what the flow's state, windows and flags call for, and sets its timer.
 * May end the flow: when it cannot connect.
 */
void output_flow(struct tcp_stack *stack, struct flow *flow);

/*
 * Sends one segment from what the window does not let out: a probe for a peer
 * whose window is closed, or small for longer than a timeout.
 */
void output_probe(struct tcp_stack *stack, struct flow *flow);

/* end.h - how flows end. */
#pragma once

#include "dataplane/tcp/stack.h"

/*
 * Ends a flow: its owner, if it has one, gets CLOSED with result; the record
 * is free afterwards. No frame is sent.
 */
void end_flow(struct tcp_stack *stack, struct flow *flow, int result);

/* As end_flow, after a RST. */
void end_flow_reset(struct tcp_stack *stack, struct flow *flow, int result);

/*
 * Both FINs are acknowledged; wait: we were first, so 2 MSL begin. The record
 * is free, or DONE until its owner closes it.
 */
void end_finished(struct tcp_stack *stack, struct flow *flow, bool wait);

/* The owner's part is over: CLOSED, 0. The flow goes on, or is ended next. */
void end_ownership(struct tcp_stack *stack, struct flow *flow);

/* Forgets a connection that waits. */
void end_wait(struct tcp_stack *stack, struct tcp_time_wait *wait);

/* Forgets those whose time is over. */
void end_waits_advance(struct tcp_stack *stack);

/* timers.h - the one timer of a flow, and what it stands for. */
#pragma once

#include "dataplane/tcp/stack.h"

/*
 * A flow has one timer in the wheel and two times in its record: timer_at, for
 * the purpose in timer_kind, and ack_at, while ACK_LATER. The wheel's own
 * deadline may be earlier than both, never later: moving a timer away costs
 * nothing, it fires and finds out.
 */

/* Sets the purpose, due delay_ms from now. The wheel learns by timers_sync. */
void timers_set(struct tcp_stack *stack, struct flow *flow,
		enum flow_timer kind, uint32_t delay_ms);

/* Owes an ACK, at once or within the delay. */
void timers_ack_later(struct tcp_stack *stack, struct flow *flow);

/* Whether ack_at, or timer_at, has come. */
bool timers_ack_due(const struct tcp_stack *stack, const struct flow *flow);
bool timers_due(const struct tcp_stack *stack, const struct flow *flow);

/* Milliseconds left, 0 when it is due. */
uint32_t timers_ack_left(const struct tcp_stack *stack,
			 const struct flow *flow);
uint32_t timers_left(const struct tcp_stack *stack, const struct flow *flow);

/* Arms the wheel so that it fires in time. */
void timers_sync(struct tcp_stack *stack, struct flow *flow);

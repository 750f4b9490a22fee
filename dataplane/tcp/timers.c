/* timers.c - the one timer of a flow, and what it stands for. */
#include "dataplane/tcp/timers.h"
#include "dataplane/tcp/flows.h"
#include "dataplane/tcp/plant.h"

void timers_set(struct tcp_stack *stack, struct flow *flow,
		enum flow_timer kind, uint32_t delay_ms)
{
	flow->timer_kind = (uint8_t)kind;
	flow->timer_at = stack_ms(stack) + delay_ms;
}

void timers_ack_later(struct tcp_stack *stack, struct flow *flow)
{
	if ((flow->flags & FLOW_ACK_LATER) ||
	    tcp_plant_is(stack, TCP_PLANT_owe_forever))
		return;
	flow->flags |= FLOW_ACK_LATER;
	flow->ack_at =
		(uint16_t)(stack_ms(stack) + stack->config.delayed_ack_ms);
}

/*
 * Sixteen bits wrap around within a minute: only what could have been set
 * lies ahead, everything else is past.
 */
uint32_t timers_ack_left(const struct tcp_stack *stack, const struct flow *flow)
{
	uint32_t left = (uint16_t)(flow->ack_at - (uint16_t)stack_ms(stack));

	return left <= stack->config.delayed_ack_ms ? left : 0;
}

bool timers_ack_due(const struct tcp_stack *stack, const struct flow *flow)
{
	return (flow->flags & FLOW_ACK_LATER) && !timers_ack_left(stack, flow);
}

uint32_t timers_left(const struct tcp_stack *stack, const struct flow *flow)
{
	uint32_t left = flow->timer_at - stack_ms(stack);

	return (int32_t)left > 0 ? left : 0;
}

bool timers_due(const struct tcp_stack *stack, const struct flow *flow)
{
	return flow->timer_kind != TIMER_NONE && !timers_left(stack, flow);
}

void timers_sync(struct tcp_stack *stack, struct flow *flow)
{
	uint32_t index = flows_index(stack, flow);
	const struct wheel_timer *timer = &stack->wheel.timers[index];
	uint64_t left = UINT64_MAX;
	uint64_t deadline;

	if (flow->timer_kind != TIMER_NONE)
		left = timers_left(stack, flow);
	if (flow->flags & FLOW_ACK_LATER)
		left = min_u64(left, timers_ack_left(stack, flow));
	if (left == UINT64_MAX)
		return;
	deadline = (stack->now_ms + left) * NS_PER_MS;
	if (!timer->slot || timer->deadline_ns > deadline)
		wheel_arm(&stack->wheel, index, deadline);
}

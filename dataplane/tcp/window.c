/* window.c - the receive window: what is told, and when it is worth telling. */
#include "dataplane/tcp/window.h"
#include "dataplane/tcp/flows.h"
#include "dataplane/tcp/plant.h"

/* The smallest step of the edge that avoids silly windows. */
static uint32_t step_of(const struct tcp_stack *stack)
{
	return min_u32(stack->config.rx_flow_bytes / 2, stack_mss(stack));
}

/* As long as that much is left no peer has to wait for an update. */
#define WINDOW_AMPLE ((uint32_t)32768)

/* What can be told at most: without scaling the field is the limit. */
static uint32_t size_of(const struct tcp_stack *stack, const struct flow *flow)
{
	return min_u32(stack->config.rx_flow_bytes,
		       (uint32_t)UINT16_MAX << flow_scale_own(flow));
}

/* Where the edge could be by what the flow holds of its buffer. */
static uint32_t edge_of(const struct tcp_stack *stack, const struct flow *flow)
{
	const struct flow_aux *aux = flows_aux(stack, flow);
	uint32_t used = flow->pinned + (aux ? aux->kept.len_bytes : 0);
	uint32_t size = size_of(stack, flow);

	return flow->rcv_nxt + (used < size ? size - used : 0);
}

static uint32_t window_now(const struct tcp_stack *stack,
			   const struct flow *flow)
{
	uint32_t edge = edge_of(stack, flow);

	if (seq_before(edge, flow->rcv_adv + step_of(stack)))
		edge = flow->rcv_adv;
	return edge - flow->rcv_nxt;
}

/*
 * What scaling cuts off moves the edge that the peer sees to the left, by less
 * than the scale's unit: it is rounded up where the buffer has room for that.
 * Always, and a peer that sends single bytes would push the edge on for ever.
 */
uint16_t window_advertise(const struct tcp_stack *stack, struct flow *flow)
{
	uint32_t scale = flow_scale_own(flow);
	uint32_t unit = (uint32_t)1 << scale;
	uint32_t window = window_now(stack, flow) +
			  tcp_plant_is(stack, TCP_PLANT_offer_more);
	uint32_t field = (window + unit - 1) >> scale;

	if (seq_after(flow->rcv_nxt + (field << scale), edge_of(stack, flow)))
		field = window >> scale;
	field = min_u32(field, UINT16_MAX);
	flow->rcv_adv =
		seq_max(flow->rcv_adv, flow->rcv_nxt + (field << scale));
	return (uint16_t)field;
}

uint16_t window_advertise_syn(const struct tcp_stack *stack, struct flow *flow)
{
	uint32_t field = min_u32(stack->config.rx_flow_bytes, UINT16_MAX);

	flow->rcv_adv = flow->rcv_nxt + field;
	return (uint16_t)field;
}

bool window_update_due(const struct tcp_stack *stack, const struct flow *flow)
{
	uint32_t edge = edge_of(stack, flow);
	uint32_t opened = edge - flow->rcv_adv;
	uint32_t half = size_of(stack, flow) / 2;
	uint32_t step = step_of(stack);
	uint32_t left = flow_window(flow);

	if (!seq_after(edge, flow->rcv_adv) || (flow->flags & FLOW_EOF) ||
	    left >= min_u32(half, WINDOW_AMPLE))
		return false;
	return opened >= min_u32(2 * step, half) ||
	       (opened >= step && left < step);
}

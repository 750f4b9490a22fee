/* flows.h - a stack's flows: finding, taking and giving them back. */
#pragma once

#include "dataplane/tcp/stack.h"

static inline uint32_t flows_index(const struct tcp_stack *stack,
				   const struct flow *flow)
{
	return (uint32_t)(flow - stack->flows);
}

tcp_flow flows_name(const struct tcp_stack *stack, const struct flow *flow);

/* The flow of a name that its owner has; NULL when it is stale. */
struct flow *flows_get(const struct tcp_stack *stack, tcp_flow name);

/* The hash of a connection, under the stack's key. */
uint32_t flows_hash(const struct tcp_stack *stack,
		    const struct tcp_tuple *tuple);

struct tcp_tuple flows_tuple(const struct tcp_stack *stack,
			     const struct flow *flow);

/* The flow of a connection; or, when it waits, *wait. Both may be NULL. */
struct flow *flows_find(const struct tcp_stack *stack,
			const struct tcp_tuple *tuple, uint32_t hash,
			struct tcp_time_wait **wait);

/*
 * Takes a flow for a connection and lists it in the table; all else is zero.
 * NULL when there is no room: for the flow, or for events it will cause.
 */
struct flow *flows_take(struct tcp_stack *stack, const struct tcp_tuple *tuple,
			uint32_t hash);

/* Takes it out of the table: its segments are another's, or nobody's. */
void flows_unlist(struct tcp_stack *stack, struct flow *flow);

/* Frees a flow that is not in the table any more, with all it holds. */
void flows_give(struct tcp_stack *stack, struct flow *flow);

/* Has the next flush look at a flow. */
static inline void flows_touch(struct tcp_stack *stack, struct flow *flow)
{
	if (flow->flags & FLOW_LISTED)
		return;
	flow->flags |= FLOW_LISTED;
	stack->listed[stack->listed_count++] = flows_index(stack, flow);
}

/* The flow's auxiliary record, if it has one. */
static inline struct flow_aux *flows_aux(const struct tcp_stack *stack,
					 const struct flow *flow)
{
	return flow->aux ? &stack->aux[flow->aux - 1] : NULL;
}

/* As flows_aux, taking one if need be; NULL (counted) when all are taken. */
struct flow_aux *flows_aux_need(struct tcp_stack *stack, struct flow *flow);

/* Gives the auxiliary record back when there is nothing in it. */
void flows_aux_settle(struct tcp_stack *stack, struct flow *flow);

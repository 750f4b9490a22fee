/* end.c - how flows end.
 *
 * A record is free only when nothing names it any more: it leaves the table
 * and the wheel here, its chunks and its auxiliary record go with it, and its
 * handle is stale with the CLOSED. What may still hold its index (the list to
 * flush, a neighbour's waiters) looks at the record's state first; views keep
 * the handle and find it stale.
 */
#include "dataplane/tcp/end.h"
#include "dataplane/tcp/emit.h"
#include "dataplane/tcp/flows.h"
#include "dataplane/tcp/plant.h"

void end_ownership(struct tcp_stack *stack, struct flow *flow)
{
	tcp_event_add(&stack->events, TCP_CLOSED, flows_name(stack, flow), 0,
		      0);
	flow->flags &= (uint16_t) ~(FLOW_OWNED | FLOW_WRITE_WAIT);
}

static void leave_listener(struct tcp_stack *stack, struct flow *flow)
{
	if (flow->state != FLOW_SYN_RECEIVED || !flow->listener)
		return;
	stack->listeners[flow->listener - 1].half_open--;
	stack->half_open--;
	stack->counters.half_open_gone++;
}

void end_flow(struct tcp_stack *stack, struct flow *flow, int result)
{
	leave_listener(stack, flow);
	if (flow->flags & FLOW_OWNED)
		tcp_event_add(&stack->events, TCP_CLOSED,
			      flows_name(stack, flow), result, 0);
	if (flow->state != FLOW_DONE)
		flows_unlist(stack, flow);
	flows_give(stack, flow);
}

void end_flow_reset(struct tcp_stack *stack, struct flow *flow, int result)
{
	if (flow->state != FLOW_DONE)
		emit_reset(stack, flow);
	end_flow(stack, flow, result);
}

static uint32_t wait_id(const struct tcp_stack *stack,
			const struct tcp_time_wait *wait)
{
	return TABLE_WAITS | ((uint32_t)(wait - stack->waits.records) + 1);
}

void end_wait(struct tcp_stack *stack, struct tcp_time_wait *wait)
{
	bool found = tcp_table_remove(&stack->table, wait->hash,
				      wait_id(stack, wait));

	ASSERT(found, "who waits is in the table");
	tcp_time_wait_give(&stack->waits, wait);
}

static void wait_start(struct tcp_stack *stack, const struct flow *flow)
{
	struct tcp_tuple tuple = flows_tuple(stack, flow);
	struct tcp_time_wait *wait;
	int err;

	if (stack->waits.used == stack->waits.capacity) {
		end_wait(stack, tcp_time_wait_first(&stack->waits));
		stack->counters.time_wait_evicted++;
	}
	wait = tcp_time_wait_take(&stack->waits);
	wait->peer_address = flow->peer_address;
	wait->peer_port = flow->peer_port;
	wait->local_port = flow->local_port;
	wait->hash = flows_hash(stack, &tuple);
	wait->snd_nxt = flow->snd_nxt;
	wait->rcv_nxt = flow->rcv_nxt;
	wait->rcv_wnd =
		min_u32(flow_window(flow) >> flow_scale_own(flow), UINT16_MAX);
	wait->ts = flow->flags & FLOW_TS;
	wait->ts_recent = flow->ts_recent;
	wait->ts_offset = flow->ts_offset;
	wait->until = stack_ms(stack) + stack->config.time_wait_ms;
	err = tcp_table_add(&stack->table, wait->hash, wait_id(stack, wait));
	ASSERT(!err, "the table has room for every flow and waiting one");
	stack->counters.time_waits++;
}

void end_finished(struct tcp_stack *stack, struct flow *flow, bool wait)
{
	/* The FIN that brings it here is acknowledged before the record goes.
	 */
	if (flow->flags & FLOW_ACK_NOW)
		emit_ack(stack, flow);
	flows_unlist(stack, flow);
	if (wait && !tcp_plant_is(stack, TCP_PLANT_forget_wait))
		wait_start(stack, flow);
	flow->state = FLOW_DONE;
	if (!(flow->flags & FLOW_OWNED))
		flows_give(stack, flow);
}

void end_waits_advance(struct tcp_stack *stack)
{
	struct tcp_time_wait *wait;

	while ((wait = tcp_time_wait_first(&stack->waits)) &&
	       !seq_after(wait->until, stack_ms(stack)))
		end_wait(stack, wait);
}

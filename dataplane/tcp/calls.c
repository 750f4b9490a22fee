/* calls.c - what the owner of a flow, or who wants one, asks for. */
#include "dataplane/tcp/arp.h"
#include "dataplane/tcp/emit.h"
#include "dataplane/tcp/end.h"
#include "dataplane/tcp/flows.h"
#include "dataplane/tcp/open.h"
#include "dataplane/tcp/receive.h"

#include <errno.h>

int tcp_listen(struct tcp_stack *stack, uint16_t port, uint32_t backlog,
	       uint64_t cookie)
{
	struct listener *listener;

	if (!port || !backlog)
		return -EINVAL;
	if (open_listener(stack, port))
		return -EADDRINUSE;
	listener = open_listener(stack, 0);
	if (!listener)
		return -ENOSPC;
	*listener = (struct listener){
		.port = port,
		.backlog = backlog,
		.cookie = cookie,
	};
	return 0;
}

int tcp_unlisten(struct tcp_stack *stack, uint16_t port)
{
	struct listener *listener = port ? open_listener(stack, port) : NULL;
	uint32_t name = (uint32_t)(listener - stack->listeners) + 1;

	if (!listener)
		return -ENOENT;
	for (uint32_t i = 0; i < stack->flow_fresh && listener->half_open;
	     i++) {
		struct flow *flow = &stack->flows[i];

		if (flow->state == FLOW_SYN_RECEIVED && flow->listener == name)
			end_flow_reset(stack, flow, 0);
	}
	*listener = (struct listener){0};
	tcp_out_flush(&stack->out);
	return 0;
}

int tcp_connect(struct tcp_stack *stack, uint32_t address, uint16_t port,
		uint16_t local_port, tcp_flow *name)
{
	struct tcp_tuple tuple = {
		.peer_address = address,
		.local_address = stack->config.address,
		.peer_port = port,
		.local_port = local_port,
	};
	struct tcp_time_wait *wait;
	struct flow *flow;

	if (!port || !address || address == stack->config.address ||
	    address >> 24 == 127 || address >> 24 >= 224)
		return -EINVAL;
	if (!arp_next_hop(stack, address))
		return -ENETUNREACH;
	if (!local_port)
		tuple.local_port = open_port(stack, address, port);
	if (!tuple.local_port)
		return -EADDRNOTAVAIL;
	if (flows_find(stack, &tuple, flows_hash(stack, &tuple), &wait) || wait)
		return -EADDRINUSE;
	flow = open_active(stack, &tuple);
	if (!flow)
		return -ENOSPC;
	*name = flows_name(stack, flow);
	return 0;
}

/* Copies what fits of a span; returns how much that was. */
static uint32_t send_span(struct tcp_stack *stack, struct flow *flow,
			  const struct span *span)
{
	const struct chunk_pool *pool = &stack->tx_pool;
	uint64_t room = (uint64_t)(pool->capacity - pool->used) * CHUNK_BYTES +
			(flow->txq.tail ? CHUNK_BYTES - flow->txq.tail_end : 0);
	uint32_t fit;
	int err;

	room = min_u64(room, stack->config.tx_flow_bytes - flow->txq.len_bytes);
	fit = (uint32_t)min_u64(room, span->len);
	err = chunkq_append(&stack->tx_pool, &flow->txq, span->data, fit);
	ASSERT(!err, "there is room for what fits");
	return fit;
}

ssize_t tcp_send(struct tcp_stack *stack, tcp_flow name,
		 const struct span *spans, uint32_t count)
{
	struct flow *flow = flows_get(stack, name);
	size_t taken = 0;

	if (!flow)
		return -ESTALE;
	if (flow->state < FLOW_ESTABLISHED)
		return -ENOTCONN;
	if (flow->state != FLOW_ESTABLISHED && flow->state != FLOW_CLOSE_WAIT)
		return -EPIPE;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t fit = send_span(stack, flow, &spans[i]);

		taken += fit;
		if (fit < spans[i].len) {
			flow->flags |= FLOW_WRITE_WAIT;
			break;
		}
	}
	flows_touch(stack, flow);
	return (ssize_t)taken;
}

int tcp_hold(struct tcp_stack *stack, tcp_flow name)
{
	struct flow *flow = flows_get(stack, name);

	if (!flow)
		return -ESTALE;
	flow->flags |= FLOW_HELD;
	return 0;
}

int tcp_unhold(struct tcp_stack *stack, tcp_flow name)
{
	struct flow *flow = flows_get(stack, name);

	if (!flow)
		return -ESTALE;
	flow->flags &= (uint16_t)~FLOW_HELD;
	receive_tell(stack, flow);
	flows_aux_settle(stack, flow);
	return 0;
}

/*
 * Takes the newest RECEIVED of a flow that its owner has not taken back into
 * what is kept, in front of it. Returns 0, -ENOENT when there is none left, or
 * -ENOBUFS.
 */
static int untell_last(struct tcp_stack *stack, struct flow *flow,
		       struct flow_aux *aux)
{
	struct tcp_event_queue *queue = &stack->events;

	for (uint32_t i = queue->tail; i-- > queue->head;) {
		struct tcp_event event = queue->events[i];

		if (event.flow != flows_name(stack, flow) ||
		    event.kind != TCP_RECEIVED)
			continue;
		if (tcp_rx_prepend(&stack->rx_pool, &aux->kept, event.view.data,
				   event.view.len))
			return -ENOBUFS;
		tcp_event_remove(queue, i);
		tcp_recycle(stack, &event.view);
		return 0;
	}
	return -ENOENT;
}

int tcp_unread(struct tcp_stack *stack, tcp_flow name, const void *data,
	       uint32_t len)
{
	struct flow *flow = flows_get(stack, name);
	struct flow_aux *aux;
	int err = 0;

	if (!flow)
		return -ESTALE;
	if (!(flow->flags & FLOW_HELD))
		return -EINVAL;
	aux = flows_aux_need(stack, flow);
	if (!aux)
		return -ENOBUFS;
	/* The queue of events stands in front of what is kept. */
	while (!err)
		err = untell_last(stack, flow, aux);
	if (err == -ENOENT)
		err = tcp_rx_prepend(&stack->rx_pool, &aux->kept, data, len);
	/* Also after a failure: some events may have been taken back. */
	if ((!err || aux->kept.len_bytes) && (flow->flags & FLOW_EOF_TOLD)) {
		tcp_event_remove_first(&stack->events, TCP_EOF, name);
		flow->flags &= (uint16_t)~FLOW_EOF_TOLD;
	}
	flows_aux_settle(stack, flow);
	return err;
}

/* FIN follows what is queued (RFC 9293, 3.10.4). */
static void finish(struct tcp_stack *stack, struct flow *flow)
{
	if (flow->state == FLOW_ESTABLISHED)
		flow->state = FLOW_FIN_WAIT_1;
	else if (flow->state == FLOW_CLOSE_WAIT)
		flow->state = FLOW_LAST_ACK;
	else
		return;
	flow->flags |= FLOW_FIN;
	flow->flags &= (uint16_t)~FLOW_WRITE_WAIT;
	flows_touch(stack, flow);
}

int tcp_shutdown(struct tcp_stack *stack, tcp_flow name)
{
	struct flow *flow = flows_get(stack, name);

	if (!flow)
		return -ESTALE;
	if (flow->state < FLOW_ESTABLISHED)
		return -ENOTCONN;
	finish(stack, flow);
	return 0;
}

int tcp_kill(struct tcp_stack *stack, tcp_flow name)
{
	struct flow *flow = flows_get(stack, name);

	if (!flow)
		return -ESTALE;
	if (flow->state == FLOW_SYN_SENT)
		end_flow(stack, flow, 0);
	else
		end_flow_reset(stack, flow, 0);
	tcp_out_flush(&stack->out);
	return 0;
}

/* Bytes were acknowledged that the owner has never been given. */
static bool unread_bytes(const struct tcp_stack *stack, const struct flow *flow)
{
	const struct tcp_event_queue *queue = &stack->events;
	const struct flow_aux *aux = flows_aux(stack, flow);

	if (aux && aux->kept.len_bytes)
		return true;
	for (uint32_t i = queue->head; flow->pinned && i < queue->tail; i++) {
		if (queue->events[i].kind == TCP_RECEIVED &&
		    queue->events[i].flow == flows_name(stack, flow))
			return true;
	}
	return false;
}

int tcp_close(struct tcp_stack *stack, tcp_flow name)
{
	struct flow *flow = flows_get(stack, name);

	if (!flow)
		return -ESTALE;
	if (!flow_synchronized(flow) || unread_bytes(stack, flow))
		return tcp_kill(stack, name);
	end_ownership(stack, flow);
	flow->flags &= (uint16_t)~FLOW_HELD;
	flow->timer_kind = TIMER_NONE; /* patience is another from here on */
	finish(stack, flow);
	flows_touch(stack, flow);
	return 0;
}

int tcp_flow_info(const struct tcp_stack *stack, tcp_flow name,
		  struct tcp_flow_info *info)
{
	static const char *const states[FLOW_STATES] = {
		[FLOW_FREE] = "CLOSED",
		[FLOW_SYN_SENT] = "SYN-SENT",
		[FLOW_SYN_RECEIVED] = "SYN-RECEIVED",
		[FLOW_ESTABLISHED] = "ESTABLISHED",
		[FLOW_FIN_WAIT_1] = "FIN-WAIT-1",
		[FLOW_FIN_WAIT_2] = "FIN-WAIT-2",
		[FLOW_CLOSE_WAIT] = "CLOSE-WAIT",
		[FLOW_CLOSING] = "CLOSING",
		[FLOW_LAST_ACK] = "LAST-ACK",
		[FLOW_DONE] = "TIME-WAIT",
	};
	const struct flow *flow = flows_get(stack, name);
	const struct flow_aux *aux = flow ? flows_aux(stack, flow) : NULL;

	if (!flow)
		return -ESTALE;
	*info = (struct tcp_flow_info){
		.tuple = flows_tuple(stack, flow),
		.state = states[flow->state],
		.mss = flow->mss,
		.srtt_us = flow->srtt >> 3,
		.cwnd = flow->cwnd,
		.send_window = flow->snd_wnd,
		.queued_bytes = flow->txq.len_bytes,
		.flight_bytes = flow_flight(flow),
		.received_bytes = aux ? aux->kept.len_bytes : 0,
	};
	return 0;
}

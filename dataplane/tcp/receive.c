/* receive.c - payload on its way to the owner: told, kept, or put in order.
 *
 * Bytes are told in the order of the stream. While nothing is kept a segment
 * in order is told where it stands, in its frame. Kept bytes come first: so
 * what arrives behind them is kept, too.
 */
#include "dataplane/tcp/receive.h"
#include "dataplane/tcp/emit.h"
#include "dataplane/tcp/flows.h"
#include "dataplane/tcp/timers.h"

static bool kept_any(const struct tcp_stack *stack, const struct flow *flow)
{
	const struct flow_aux *aux = flows_aux(stack, flow);

	return aux && aux->kept.len_bytes;
}

static bool tell_frame(struct tcp_stack *stack, struct flow *flow,
		       struct segment *segment)
{
	struct tcp_lent lent = {
		.flow = flows_name(stack, flow),
		.token = segment->frame->token,
		.len = segment->len,
	};

	if (tcp_event_lent_full(&stack->events))
		return false;
	tcp_event_add_view(&stack->events, &lent, segment->data);
	segment->frame->kept = true;
	flow->pinned += segment->len;
	return true;
}

static bool keep(struct tcp_stack *stack, struct flow *flow,
		 const struct segment *segment)
{
	struct flow_aux *aux = flows_aux_need(stack, flow);

	return aux && !tcp_rx_append(&stack->rx_pool, &aux->kept, segment->data,
				     segment->len);
}

/* An ACK for a second full segment, or some time from now. */
static void ack_owe(struct tcp_stack *stack, struct flow *flow, uint32_t len)
{
	uint32_t owed = flow->rcv_nxt - flow->last_ack;

	/* Whose MSS is smaller than ours sends full segments all the same. */
	if (owed >= 2 * (uint32_t)stack_mss(stack) ||
	    (len >= TCP_MSS_DEFAULT && (flow->flags & FLOW_ACK_FULL)))
		flow->flags |= FLOW_ACK_NOW;
	if (len >= TCP_MSS_DEFAULT)
		flow->flags |= FLOW_ACK_FULL;
	timers_ack_later(stack, flow);
}

/* Payload that starts at rcv_nxt. False: no room, it must come again. */
static bool take_in_order(struct tcp_stack *stack, struct flow *flow,
			  struct segment *segment)
{
	struct flow_aux *aux = flows_aux(stack, flow);
	bool behind = (flow->flags & FLOW_HELD) || kept_any(stack, flow);

	/* Without a view it waits for one: others may have them all, always. */
	if (!(!behind && tell_frame(stack, flow, segment)) &&
	    !keep(stack, flow, segment))
		return false;
	flow->rcv_nxt += segment->len;
	stack->counters.received_bytes += segment->len;
	if (aux && aux->reorder.count) {
		uint32_t moved =
			tcp_reorder_take(&aux->reorder, &stack->rx_pool,
					 flow->rcv_nxt, &aux->kept);

		flow->rcv_nxt += moved;
		stack->counters.received_bytes += moved;
		/* RFC 5681, 4.2: at once when a gap is filled, even in part. */
		flow->flags |= FLOW_ACK_NOW;
		receive_tell(stack, flow);
		flows_aux_settle(stack, flow);
	}
	return true;
}

static void take_reordered(struct tcp_stack *stack, struct flow *flow,
			   const struct segment *segment)
{
	struct flow_aux *aux = flows_aux_need(stack, flow);
	uint32_t taken = 0;

	stack->counters.reordered_segments++;
	if (aux)
		taken = tcp_reorder_add(&aux->reorder, &stack->rx_pool,
					flow->rcv_nxt, segment->seq,
					segment->data, segment->len,
					stack->reorder_slots);
	if (taken < segment->len)
		stack->counters.reordered_dropped++;
	/* Each of them is a duplicate ACK that the peer counts. */
	emit_ack(stack, flow);
	flows_aux_settle(stack, flow);
}

/* The peer has finished: what it sent beyond that was never its stream. */
static void take_fin(struct tcp_stack *stack, struct flow *flow)
{
	struct flow_aux *aux = flows_aux(stack, flow);

	if (aux)
		tcp_reorder_clear(&aux->reorder, &stack->rx_pool);
	flow->rcv_nxt++;
	flow->flags |= FLOW_EOF | FLOW_ACK_NOW;
	receive_tell(stack, flow);
	flows_aux_settle(stack, flow);
}

bool receive_segment(struct tcp_stack *stack, struct flow *flow,
		     struct segment *segment)
{
	if (segment->len && segment->seq != flow->rcv_nxt) {
		/* A FIN beyond a gap comes again. */
		take_reordered(stack, flow, segment);
		return false;
	}
	if (segment->len && !take_in_order(stack, flow, segment)) {
		stack->counters.received_dropped++;
		return false;
	}
	if (segment->len)
		ack_owe(stack, flow, segment->len);
	if (!(segment->flags & TCP_FIN) ||
	    segment->seq + segment->len != flow->rcv_nxt)
		return false;
	take_fin(stack, flow);
	return true;
}

bool receive_pending(const struct tcp_stack *stack, const struct flow *flow)
{
	if (flow->flags & FLOW_HELD || !(flow->flags & FLOW_OWNED))
		return false;
	return kept_any(stack, flow) ||
	       (flow->flags & (FLOW_EOF | FLOW_EOF_TOLD)) == FLOW_EOF;
}

void receive_tell(struct tcp_stack *stack, struct flow *flow)
{
	struct flow_aux *aux = flows_aux(stack, flow);
	struct tcp_rx_piece piece;

	if (!receive_pending(stack, flow))
		return;
	while (aux && aux->kept.len_bytes &&
	       !tcp_event_lent_full(&stack->events)) {
		struct tcp_lent lent = {.flow = flows_name(stack, flow)};

		tcp_rx_pop(&stack->rx_pool, &aux->kept, &piece);
		lent.len = piece.len;
		lent.chunk = piece.chunk + 1;
		tcp_event_add_view(&stack->events, &lent, piece.data);
		flow->pinned += piece.len;
	}
	if (kept_any(stack, flow)) {
		flows_touch(stack, flow); /* when there are views again */
		return;
	}
	if ((flow->flags & (FLOW_EOF | FLOW_EOF_TOLD)) == FLOW_EOF) {
		flow->flags |= FLOW_EOF_TOLD;
		tcp_event_add(&stack->events, TCP_EOF, flows_name(stack, flow),
			      0, 0);
	}
}

/* check.c - what must hold of a stack whenever no call is under way. */
#include "dataplane/tcp/flows.h"

/* Gives up where cond does not hold; the text is what a test prints. */
#define HOLDS(cond, why)            \
	do {                        \
		if (!(cond))        \
			return why; \
	} while (0)

static const char *check_numbers(const struct flow *flow)
{
	uint32_t flight = flow_flight(flow);

	HOLDS(flow->snd_rtx - flow->snd_una <= flight, "una <= rtx <= nxt");
	if (flow->state < FLOW_ESTABLISHED) {
		HOLDS(flight <= 1, "only SYN is in flight while opening");
		HOLDS(!flow->txq.len_bytes, "nothing is queued while opening");
		return NULL;
	}
	HOLDS(flight <= flow_queued(flow), "what is in flight is queued");
	HOLDS(flow->cwnd >= flow->mss && flow->mss, "a segment may be sent");
	if (flow->recovery == RECOVERY_NONE)
		HOLDS(!seq_after(flow->recover, flow->snd_una),
		      "recover is past when nothing recovers");
	else
		HOLDS(flow->recover - flow->snd_una <= flight,
		      "una <= recover <= nxt while it recovers");
	HOLDS(!seq_before(flow->rcv_adv, flow->rcv_nxt) ||
		      (flow->flags & FLOW_EOF),
	      "what was received was within the window");
	HOLDS(!seq_after(flow->last_ack, flow->rcv_nxt), "ACKs tell the truth");
	return NULL;
}

static const char *check_state(const struct flow *flow)
{
	bool fin = flow->flags & FLOW_FIN;
	bool eof = flow->flags & FLOW_EOF;

	switch (flow->state) {
	case FLOW_ESTABLISHED:
		HOLDS(!fin && !eof, "ESTABLISHED without FINs");
		HOLDS(flow->flags & FLOW_OWNED, "ESTABLISHED has an owner");
		break;
	case FLOW_FIN_WAIT_1:
		HOLDS(fin && !eof, "FIN-WAIT-1: our FIN");
		break;
	case FLOW_FIN_WAIT_2:
		HOLDS(!fin && !eof, "FIN-WAIT-2: ours is acknowledged");
		HOLDS(!flow_flight(flow), "and nothing in flight");
		break;
	case FLOW_CLOSE_WAIT:
		HOLDS(!fin && eof, "CLOSE-WAIT: the peer's FIN");
		HOLDS(flow->flags & FLOW_OWNED, "CLOSE-WAIT has an owner");
		break;
	case FLOW_CLOSING:
	case FLOW_LAST_ACK:
		HOLDS(fin && eof, "CLOSING, LAST-ACK: both");
		break;
	case FLOW_DONE:
		HOLDS(flow->flags & FLOW_OWNED, "DONE waits for its owner");
		HOLDS(!flow->txq.len_bytes, "DONE has sent all");
		break;
	default:
		HOLDS(!fin && !eof, "no FIN while opening");
		break;
	}
	return NULL;
}

static const char *check_aux(const struct tcp_stack *stack,
			     const struct flow *flow)
{
	const struct flow_aux *aux = flows_aux(stack, flow);

	if (!aux)
		return NULL;
	HOLDS(aux->flow == flows_index(stack, flow) + 1, "aux is the flow's");
	HOLDS(tcp_rx_check(&stack->rx_pool, &aux->kept), "kept bytes");
	HOLDS(tcp_reorder_check(&aux->reorder, &stack->rx_pool, flow->rcv_nxt),
	      "reordered bytes");
	HOLDS(tcp_sacked_check(&aux->sacked, flow->snd_una, flow->snd_nxt),
	      "scoreboard");
	return NULL;
}

static const char *check_table(const struct tcp_stack *stack,
			       const struct flow *flow)
{
	struct tcp_tuple tuple = flows_tuple(stack, flow);
	struct tcp_time_wait *wait;
	struct flow *found =
		flows_find(stack, &tuple, flows_hash(stack, &tuple), &wait);

	HOLDS((found == flow) == (flow->state != FLOW_DONE),
	      "a flow is in the table until it is done");
	return NULL;
}

static const char *check_timer(const struct tcp_stack *stack,
			       const struct flow *flow)
{
	const struct wheel_timer *timer =
		&stack->wheel.timers[flows_index(stack, flow)];
	uint64_t due = (stack->now_ms + 1) * NS_PER_MS;
	uint32_t left = flow->timer_at - (uint32_t)stack->now_ms;

	if (flow->state == FLOW_DONE) {
		HOLDS(!timer->slot, "who is done has no timer");
		return NULL;
	}
	if (flow->flags & FLOW_LISTED)
		return NULL;
	HOLDS(flow->timer_kind != TIMER_NONE, "a live flow has a timer");
	HOLDS(timer->slot, "it is armed");
	if ((int32_t)left > 0)
		due = (stack->now_ms + left) * NS_PER_MS;
	HOLDS(timer->deadline_ns <= due, "it fires in time");
	return NULL;
}

static const char *check_flow(const struct tcp_stack *stack,
			      const struct flow *flow)
{
	const char *bad;

	HOLDS(flow->generation, "a live flow has a name");
	HOLDS(chunkq_check(&stack->tx_pool, &flow->txq), "queue to send");
	bad = check_numbers(flow);
	if (!bad)
		bad = check_state(flow);
	if (!bad)
		bad = check_aux(stack, flow);
	if (!bad)
		bad = check_table(stack, flow);
	if (!bad)
		bad = check_timer(stack, flow);
	return bad;
}

/* Sums over all flows, against what is counted. */
struct sums {
	uint32_t live;
	uint32_t half_open;
	uint32_t in_table;
	uint32_t aux;
	uint32_t listed;
	uint64_t tx_chunks;
	uint64_t pinned;
};

static void sums_add(const struct tcp_stack *stack, const struct flow *flow,
		     struct sums *sums)
{
	sums->listed += (flow->flags & FLOW_LISTED) != 0;
	if (flow->state == FLOW_FREE)
		return;
	sums->live++;
	sums->half_open +=
		flow->state == FLOW_SYN_RECEIVED && flow->listener != 0;
	sums->in_table += flow->state != FLOW_DONE;
	sums->aux += flow->aux != 0;
	sums->tx_chunks +=
		(flow->txq.head_off + flow->txq.len_bytes + CHUNK_BYTES - 1) /
		CHUNK_BYTES;
	if (flows_get(stack, flows_name(stack, flow)))
		sums->pinned += flow->pinned;
}

static const char *check_sums(const struct tcp_stack *stack,
			      const struct sums *sums)
{
	uint64_t pinned = 0;

	for (uint32_t i = 0; i < stack->events.lent_max; i++) {
		const struct tcp_lent *lent = &stack->events.lent[i];

		if (lent->len && flows_get(stack, lent->flow))
			pinned += lent->len;
	}
	HOLDS(sums->live == stack->flow_live, "live flows are counted");
	HOLDS(sums->half_open == stack->half_open, "half-open ones, too");
	HOLDS(sums->aux == stack->aux_used, "auxiliary records");
	HOLDS(sums->listed == stack->listed_count, "listed flows");
	HOLDS(sums->tx_chunks == stack->tx_pool.used, "chunks to send");
	HOLDS(sums->pinned == pinned, "views that are out");
	HOLDS(sums->in_table + stack->waits.used == stack->table.used,
	      "entries of the table");
	return NULL;
}

const char *tcp_check(const struct tcp_stack *stack)
{
	struct sums sums = {0};
	const char *bad;

	HOLDS(tcp_table_check(&stack->table), "table");
	HOLDS(wheel_check(&stack->wheel), "wheel");
	HOLDS(tcp_event_queue_check(&stack->events), "events");
	HOLDS(tcp_time_waits_check(&stack->waits), "waiting connections");
	HOLDS(neighbours_check(&stack->neighbours), "neighbours");
	for (uint32_t i = 0; i < stack->flow_fresh; i++) {
		const struct flow *flow = &stack->flows[i];

		sums_add(stack, flow, &sums);
		if (flow->state == FLOW_FREE)
			continue;
		bad = check_flow(stack, flow);
		if (bad)
			return bad;
	}
	return check_sums(stack, &sums);
}

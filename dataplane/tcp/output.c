/* output.c - what a flow sends, and when its timer is to look again.
 *
 * There is no Nagle: what is queued is pushed, as SPICE wants it. A segment
 * goes when it is full, when it empties the queue, or when it is half of the
 * largest window the peer ever had (RFC 9293, 3.8.6.2.1); else the probe timer
 * overrides.
 *
 * snd_rtx says what goes next. Below snd_nxt it is sent again: after a timeout
 * all of it, but for what SACK says the peer has; while FAST by RFC 6675's
 * NextSeg, or without SACK only what RESEND asks for.
 */
#include "dataplane/tcp/output.h"
#include "dataplane/tcp/congestion.h"
#include "dataplane/tcp/emit.h"
#include "dataplane/tcp/end.h"
#include "dataplane/tcp/flows.h"
#include "dataplane/tcp/plant.h"
#include "dataplane/tcp/receive.h"
#include "dataplane/tcp/rtt.h"
#include "dataplane/tcp/timers.h"
#include "dataplane/tcp/window.h"

#include <errno.h>

/* Starts to time the segment at seq if none is being timed (Karn). */
static void time_segment(const struct tcp_stack *stack, struct flow *flow,
			 uint32_t seq)
{
	if (flow->flags & FLOW_TIMING)
		return;
	flow->flags |= FLOW_TIMING;
	flow->rtt_seq = seq;
	flow->rtt_start = (uint32_t)(stack->now_ns / NS_PER_US);
}

static bool fin_forgotten(const struct tcp_stack *stack,
			  const struct flow *flow, uint32_t seq)
{
	return tcp_plant_is(stack, TCP_PLANT_lose_fin) &&
	       seq_before(seq, flow->snd_nxt);
}

/*
 * Sends up to len sequence numbers from seq on, one segment, FIN included
 * where it is reached. Returns how many; 0 when the MAC is not known.
 */
static uint32_t send_at(struct tcp_stack *stack, struct flow *flow,
			uint32_t seq, uint32_t len)
{
	uint32_t off = seq - flow->snd_una;
	uint32_t bytes = flow->txq.len_bytes;
	uint32_t rest = bytes > off ? bytes - off : 0;
	uint32_t payload = min_u32(min_u32(rest, flow->mss), len);
	bool fin = (flow->flags & FLOW_FIN) && payload == rest &&
		   len > payload && !fin_forgotten(stack, flow, seq + payload);
	uint8_t flags = fin ? TCP_FIN : 0;
	uint32_t end = seq + payload + fin;

	if (payload && payload == rest)
		flags |= TCP_PSH;
	if (emit_data(stack, flow, seq, payload, flags))
		return 0;
	if (seq_before(seq, flow->snd_nxt)) {
		stack->counters.retransmits++;
		stack->counters.retransmitted_bytes += payload;
		flow->flags &= (uint16_t)~FLOW_TIMING;
	} else {
		time_segment(stack, flow, seq);
	}
	if (seq_after(end, flow->snd_nxt)) {
		stack->counters.sent_bytes +=
			min_u32(payload, end - flow->snd_nxt);
		flow->snd_nxt = end;
	}
	return payload + fin;
}

static uint32_t room_to(uint32_t limit, uint32_t used)
{
	return limit > used ? limit - used : 0;
}

/* RFC 3042: one new segment for each of the first two duplicate ACKs. */
static uint32_t limited_transmit(const struct flow *flow)
{
	if (flow->recovery != RECOVERY_NONE || flow->dupacks >= TCP_DUP_THRESH)
		return 0;
	return flow->dupacks * (uint32_t)flow->mss;
}

/* Whether a segment of len is worth sending though more is queued. */
static bool worth(const struct flow *flow, uint32_t len, uint32_t queued)
{
	uint32_t half = (uint32_t)flow->wnd_max << flow_scale_peer(flow) >> 1;

	return len && (len >= flow->mss || len == queued || len >= half);
}

/* What a flow that is not FAST may send at off; sacked bytes have left. */
static uint32_t room_now(const struct tcp_stack *stack, const struct flow *flow,
			 uint32_t off)
{
	const struct flow_aux *aux = flows_aux(stack, flow);
	uint32_t seq = flow->snd_una + off;
	uint32_t sacked = aux ? tcp_sacked_below(&aux->sacked, seq) : 0;
	uint32_t pipe = off - sacked;
	uint32_t window = flow->snd_wnd;

	if (tcp_plant_is(stack, TCP_PLANT_send_beyond))
		window += flow->mss;
	return min_u32(room_to(window, off),
		       room_to(flow->cwnd + limited_transmit(flow), pipe));
}

/* Moves snd_rtx over what the peer has; returns how far it is to more. */
static uint32_t skip_sacked(const struct tcp_stack *stack, struct flow *flow)
{
	const struct flow_aux *aux = flows_aux(stack, flow);
	const struct tcp_scoreboard *board = aux ? &aux->sacked : NULL;

	if (tcp_plant_is(stack, TCP_PLANT_resend_sacked))
		return UINT32_MAX;
	for (uint32_t i = 0; board && i < board->count; i++) {
		const struct tcp_range *range = &board->ranges[i];

		if (seq_before(flow->snd_rtx, range->start))
			return range->start - flow->snd_rtx;
		flow->snd_rtx = seq_max(flow->snd_rtx, range->end);
	}
	return UINT32_MAX;
}

/*
 * Sends from snd_rtx on, again and new, as long as there is room. A segment
 * that is sent again may take new bytes along.
 */
static void send_onward(struct tcp_stack *stack, struct flow *flow)
{
	for (;;) {
		uint32_t most = skip_sacked(stack, flow);
		uint32_t off = flow->snd_rtx - flow->snd_una;
		bool again = flow->snd_rtx != flow->snd_nxt;
		uint32_t queued = flow_queued(flow) - off;
		uint32_t len = min_u32(min_u32(queued, most),
				       room_now(stack, flow, off));

		if (!(again ? len != 0
			    : worth(flow, min_u32(len, flow->mss), queued)))
			return;
		len = send_at(stack, flow, flow->snd_rtx, len);
		if (!len)
			return;
		flow->snd_rtx += len;
	}
}

/* RFC 6675's rescue: the end of what was sent, if the peer lacks it. */
static struct tcp_range rescue(const struct flow *flow, struct flow_aux *aux)
{
	const struct tcp_scoreboard *board = &aux->sacked;
	uint32_t end = board->ranges[board->count - 1].end;
	struct tcp_range range = {flow->snd_nxt, flow->snd_nxt};

	if (!aux->rescued && end != flow->snd_nxt)
		range.start = seq_max(flow->snd_nxt - flow->mss, end);
	aux->rescued = true;
	return range;
}

/*
 * RFC 6675, NextSeg: what to send next while FAST, snd_rtx being HighRxt + 1.
 * Nothing: an empty range. *again: HighRxt moves with it.
 */
static struct tcp_range next_segment(struct flow *flow, struct flow_aux *aux,
				     bool *again)
{
	uint32_t off = flow_flight(flow);
	uint32_t queued = flow_queued(flow) - off;
	uint32_t fresh = min_u32(queued, room_to(flow->snd_wnd, off));
	struct tcp_range hole;

	*again = tcp_sacked_hole(&aux->sacked, flow->snd_rtx, &hole);
	/* (1) the first hole, if it counts as lost, */
	if (*again && tcp_sacked_lost(&aux->sacked, hole.start, flow->mss))
		return hole;
	/* (2) new data, */
	if (worth(flow, min_u32(fresh, flow->mss), queued)) {
		*again = false;
		return (struct tcp_range){flow->snd_nxt, flow->snd_nxt + fresh};
	}
	/* (3) a hole that may not be lost, (4) once, what closes the end. */
	return *again ? hole : rescue(flow, aux);
}

static void send_recovering(struct tcp_stack *stack, struct flow *flow,
			    struct flow_aux *aux)
{
	uint32_t mss = flow->mss;

	while (room_to(flow->cwnd, tcp_sacked_pipe(&aux->sacked, flow->snd_una,
						   flow->snd_nxt, flow->snd_rtx,
						   mss)) >= mss) {
		bool again;
		struct tcp_range next = next_segment(flow, aux, &again);
		uint32_t len = min_u32(next.end - next.start, mss);

		if (len)
			len = send_at(stack, flow, next.start, len);
		if (!len)
			return;
		if (again)
			flow->snd_rtx = next.start + len;
	}
}

/* New data while FAST without SACK: as the inflated window allows. */
static void send_fresh(struct tcp_stack *stack, struct flow *flow)
{
	uint32_t before;

	do {
		uint32_t off = flow_flight(flow);
		uint32_t queued = flow_queued(flow) - off;
		uint32_t len = min_u32(
			queued,
			room_to(min_u32(flow->cwnd, flow->snd_wnd), off));

		before = flow->snd_nxt;
		if (worth(flow, min_u32(len, flow->mss), queued))
			send_at(stack, flow, flow->snd_nxt, len);
	} while (flow->snd_nxt != before);
}

static void send_data(struct tcp_stack *stack, struct flow *flow)
{
	struct flow_aux *aux = flows_aux(stack, flow);
	uint32_t len;

	if ((flow->flags & FLOW_RESEND) && flow_flight(flow)) {
		uint32_t most = flow_flight(flow);
		struct tcp_range hole;

		if (aux && tcp_sacked_hole(&aux->sacked, flow->snd_una, &hole))
			most = hole.end - flow->snd_una;
		len = send_at(stack, flow, flow->snd_una, most);
		if (!len)
			return;
		flow->flags &= (uint16_t)~FLOW_RESEND;
		if (flow->recovery == RECOVERY_FAST)
			flow->snd_rtx =
				seq_max(flow->snd_rtx, flow->snd_una + len);
	}
	if (flow->recovery != RECOVERY_FAST)
		send_onward(stack, flow);
	else if (aux && aux->sacked.count)
		send_recovering(stack, flow, aux);
	else
		send_fresh(stack, flow);
}

/* What the timer is for now; started where the purpose has changed. */
static void timer_choose(struct tcp_stack *stack, struct flow *flow)
{
	const struct tcp_config *config = &stack->config;
	uint32_t timeout = rtt_timeout_ms(flow, config);
	uint32_t quiet = stack_ms(stack) - flow->last_rx;
	enum flow_timer kind = TIMER_KEEPALIVE;

	if (flow_flight(flow) || flow->state < FLOW_ESTABLISHED)
		kind = TIMER_RESEND;
	else if (flow_unsent(flow))
		kind = TIMER_PROBE;
	else if (flow->state == FLOW_FIN_WAIT_2 && !(flow->flags & FLOW_OWNED))
		kind = TIMER_FIN_WAIT;
	if (kind == flow->timer_kind)
		return;
	if (kind == TIMER_KEEPALIVE)
		timeout = room_to(config->keepalive_idle_ms, quiet);
	else if (kind == TIMER_FIN_WAIT)
		timeout = config->fin_wait_ms;
	timers_set(stack, flow, kind, timeout);
}

/* The SYN, or its answer, when it has not been sent or is to be again. */
static void output_opening(struct tcp_stack *stack, struct flow *flow)
{
	bool again = flow->flags & FLOW_RESEND;
	int err = 0;

	if (flow->snd_nxt == flow->snd_una || again) {
		err = emit_syn(stack, flow);
		if (err == -EHOSTUNREACH) {
			end_flow(stack, flow, err);
			return;
		}
	}
	if (!err) {
		if (flow->snd_nxt == flow->snd_una)
			time_segment(stack, flow, flow->snd_una);
		else if (again)
			flow->flags &= (uint16_t)~FLOW_TIMING;
		flow->snd_nxt = flow->snd_rtx = flow->snd_una + 1;
		flow->flags &= (uint16_t)~FLOW_RESEND;
	}
	timer_choose(stack, flow);
	timers_sync(stack, flow);
}

/* Tells that there is room, to an owner who was refused some. */
static void tell_writable(struct tcp_stack *stack, struct flow *flow)
{
	uint32_t limit = stack->config.tx_flow_bytes;

	if ((flow->flags & (FLOW_WRITE_WAIT | FLOW_WRITE_TOLD)) !=
		    FLOW_WRITE_WAIT ||
	    flow->txq.len_bytes > limit / 2)
		return;
	if (stack->tx_pool.used == stack->tx_pool.capacity) {
		/* The chunks are others': their ACKs do not name this flow. */
		flows_touch(stack, flow);
		return;
	}
	flow->flags |= FLOW_WRITE_TOLD;
	flow->flags &= (uint16_t)~FLOW_WRITE_WAIT;
	tcp_event_add(&stack->events, TCP_WRITABLE, flows_name(stack, flow), 0,
		      0);
}

void output_flow(struct tcp_stack *stack, struct flow *flow)
{
	receive_tell(stack, flow);
	if (flow->state == FLOW_DONE) {
		flows_aux_settle(stack, flow);
		return;
	}
	if (flow->state < FLOW_ESTABLISHED) {
		output_opening(stack, flow);
		return;
	}
	/* Slow start again after a pause longer than a timeout. */
	if (!flow_flight(flow) && flow_unsent(flow) &&
	    stack_ms(stack) - flow->last_rx >
		    rtt_timeout_ms(flow, &stack->config))
		congestion_idle(flow, stack->config.initial_segments);
	if (flow_queued(flow))
		send_data(stack, flow);
	if ((flow->flags & FLOW_ACK_NOW) || window_update_due(stack, flow))
		emit_ack(stack, flow);
	tell_writable(stack, flow);
	flows_aux_settle(stack, flow);
	timer_choose(stack, flow);
	timers_sync(stack, flow);
}

void output_probe(struct tcp_stack *stack, struct flow *flow)
{
	uint32_t off = flow_flight(flow);
	uint32_t room = max_u32(room_to(flow->snd_wnd, off), 1);
	uint32_t len = min_u32(flow_unsent(flow), room);

	stack->counters.probes++;
	if (len && send_at(stack, flow, flow->snd_nxt, len))
		flow->snd_rtx = flow->snd_nxt;
}

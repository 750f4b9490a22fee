/* ack.c - what a peer's ACK changes: queue, round trip, window, recovery. */
#include "dataplane/tcp/ack.h"
#include "dataplane/tcp/congestion.h"
#include "dataplane/tcp/emit.h"
#include "dataplane/tcp/flows.h"
#include "dataplane/tcp/plant.h"
#include "dataplane/tcp/rtt.h"

/*
 * One segment is timed at a time, by our clock; where that was given up
 * because it was sent again (Karn), the peer's timestamp echo tells instead,
 * to the millisecond.
 */
static void take_sample(struct tcp_stack *stack, struct flow *flow,
			const struct segment *segment)
{
	uint32_t now_us = (uint32_t)(stack->now_ns / NS_PER_US);
	uint32_t now_ts = stack_ms(stack) + flow->ts_offset;
	uint32_t ago;

	if (flow->flags & FLOW_TIMING) {
		if (!seq_after(segment->ack, flow->rtt_seq))
			return;
		flow->flags &= (uint16_t)~FLOW_TIMING;
		rtt_sample(flow, now_us - flow->rtt_start);
	} else {
		ago = now_ts - segment->options.ts_echo;
		if (!(flow->flags & FLOW_TS) || !segment->options.ts_echo ||
		    (int32_t)ago < 0)
			return;
		rtt_sample(flow, min_u32(ago, 1000000) * 1000);
	}
	/* RFC 6298, 5.7: the back-off holds until there is a sample. */
	flow_set_tries(flow, flow_retries(flow), 0);
}

/* Notes the SACK blocks that make sense; returns the bytes that are news. */
static uint32_t take_sacks(struct tcp_stack *stack, struct flow *flow,
			   const struct segment *segment)
{
	uint32_t news = 0;

	if (!(flow->flags & FLOW_SACK))
		return 0;
	for (uint32_t i = 0; i < segment->options.sack_count; i++) {
		struct tcp_range block = segment->options.sack[i];
		struct flow_aux *aux;

		/* Below snd_una it reports a duplicate (RFC 2883). */
		if (seq_before(block.start, flow->snd_una) ||
		    !seq_after(block.end, block.start) ||
		    seq_after(block.end, flow->snd_nxt))
			continue;
		aux = flows_aux_need(stack, flow);
		/* Without a scoreboard it still is a duplicate ACK. */
		if (!aux)
			return 1;
		news += tcp_sacked_add(&aux->sacked, block);
	}
	return news;
}

static bool board_used(const struct tcp_stack *stack, const struct flow *flow)
{
	const struct flow_aux *aux = flows_aux(stack, flow);

	return aux && aux->sacked.count;
}

static void recover_start(struct tcp_stack *stack, struct flow *flow)
{
	struct flow_aux *aux = flows_aux(stack, flow);
	/* What limited transmit sent does not count (RFC 5681, 3.2). */
	uint32_t flight = min_u32(flow_flight(flow), flow->cwnd);

	congestion_recover(flow, flight,
			   board_used(stack, flow) ? 0 : TCP_DUP_THRESH);
	flow->recovery = RECOVERY_FAST;
	flow->recover = flow->snd_nxt;
	flow->snd_rtx = flow->snd_una;
	flow->flags |= FLOW_RESEND;
	if (aux)
		aux->rescued = false;
	stack->counters.fast_recoveries++;
}

static void recover_end(struct flow *flow)
{
	if (flow->recovery == RECOVERY_FAST && !(flow->flags & FLOW_SACK))
		congestion_recovered(flow, flow_flight(flow));
	else if (flow->recovery == RECOVERY_FAST)
		flow->cwnd = min_u32(flow->cwnd, flow->ssthresh);
	flow->recovery = RECOVERY_NONE;
	flow->snd_rtx = flow->snd_nxt;
	flow->dupacks = 0;
}

/* snd_una has moved by acked, of flight. */
static void recover_advance(struct flow *flow, uint32_t acked, uint32_t flight)
{
	if (flow->recovery == RECOVERY_NONE) {
		flow->dupacks = 0;
		congestion_acked(flow, acked, flight);
		/* So that it never falls half a number space behind. */
		flow->recover = seq_max(flow->recover, flow->snd_una - 1);
		return;
	}
	if (!seq_before(flow->snd_una, flow->recover)) {
		if (flow->recovery == RECOVERY_LOSS)
			congestion_acked(flow, acked, flight);
		recover_end(flow);
		return;
	}
	if (flow->recovery == RECOVERY_LOSS) {
		congestion_acked(flow, acked, flight);
		return;
	}
	/*
	 * A partial ACK: the next hole starts at snd_una (RFC 6582). With a
	 * scoreboard it says itself what is lost, and no more than that.
	 */
	if (!(flow->flags & FLOW_SACK) || !flow->aux)
		flow->flags |= FLOW_RESEND;
	if (!(flow->flags & FLOW_SACK))
		congestion_partial(flow, acked);
}

/*
 * A duplicate ACK. After a recovery its own retransmissions may cause some:
 * without SACK only those above recover start another (RFC 6582, 3.2).
 */
static void recover_duplicate(struct tcp_stack *stack, struct flow *flow)
{
	const struct flow_aux *aux = flows_aux(stack, flow);
	bool sack = board_used(stack, flow);

	if (flow->recovery == RECOVERY_FAST &&
	    (!(flow->flags & FLOW_SACK) || !flow->aux))
		congestion_inflate(flow);
	if (flow->recovery != RECOVERY_NONE)
		return;
	if (flow->dupacks < UINT8_MAX)
		flow->dupacks++;
	if (flow->dupacks < TCP_DUP_THRESH &&
	    !(sack && tcp_sacked_lost(&aux->sacked, flow->snd_una, flow->mss)))
		return;
	if (sack ? seq_before(flow->snd_una, flow->recover)
		 : !seq_after(flow->snd_una, flow->recover))
		return;
	recover_start(stack, flow);
}

static void advance(struct tcp_stack *stack, struct flow *flow,
		    const struct segment *segment, bool *fin_acked)
{
	uint32_t acked = segment->ack - flow->snd_una;
	uint32_t bytes = min_u32(acked, flow->txq.len_bytes);
	uint32_t flight = flow_flight(flow);
	struct flow_aux *aux = flows_aux(stack, flow);

	take_sample(stack, flow, segment);
	chunkq_consume(&stack->tx_pool, &flow->txq, bytes);
	if (acked > bytes) {
		flow->flags &= (uint16_t)~FLOW_FIN;
		*fin_acked = true;
	}
	flow->snd_una = segment->ack;
	flow->snd_rtx = seq_max(flow->snd_rtx, flow->snd_una);
	if (aux)
		tcp_sacked_trim(&aux->sacked, flow->snd_una);
	flow->flags &= (uint16_t)~FLOW_RESEND;
	flow_set_tries(flow, 0, flow_backoff(flow));
	flow->timer_kind = TIMER_NONE; /* it starts anew (RFC 6298, 5.3) */
	take_sacks(stack, flow, segment);
	recover_advance(flow, acked, flight);
}

void ack_window(struct flow *flow, const struct segment *segment,
		uint32_t window)
{
	bool opening = flow->state < FLOW_ESTABLISHED;
	bool opens = !flow->snd_wnd && window;

	flow->snd_wnd = window;
	flow->snd_wl1 =
		opening ? segment->seq : seq_max(flow->snd_wl1, segment->seq);
	if (window >> flow_scale_peer(flow) > flow->wnd_max)
		flow->wnd_max = (uint16_t)min_u32(
			window >> flow_scale_peer(flow), UINT16_MAX);
	if (!opens)
		return;
	/* What was sent as a probe may have been dropped. */
	flow_set_tries(flow, 0, 0);
	flow->timer_kind = TIMER_NONE;
	if (flow->recovery != RECOVERY_FAST)
		flow->snd_rtx = flow->snd_una;
}

/* RFC 5961, 5.2: an ACK as old as the largest window is nobody's. */
static bool plausible(const struct flow *flow, const struct segment *segment)
{
	uint32_t most = (uint32_t)flow->wnd_max << flow_scale_peer(flow);

	return !seq_after(segment->ack, flow->snd_nxt) &&
	       !seq_before(segment->ack, flow->snd_una - most);
}

bool ack_segment(struct tcp_stack *stack, struct flow *flow,
		 const struct segment *segment, bool *fin_acked)
{
	uint32_t window = (uint32_t)segment->window << flow_scale_peer(flow);
	bool pure = !segment_length(segment);
	bool advances = seq_after(segment->ack, flow->snd_una);

	*fin_acked = false;
	if (!plausible(flow, segment)) {
		stack->counters.bad_acks++;
		emit_challenge(stack, flow);
		return false;
	}
	if (seq_before(segment->ack, flow->snd_una) ||
	    (tcp_plant_is(stack, TCP_PLANT_compare_plainly) &&
	     segment->ack < flow->snd_una))
		return true;
	if (segment->ack != flow->snd_una) {
		advance(stack, flow, segment, fin_acked);
	} else if (flow_flight(flow)) {
		uint32_t news = take_sacks(stack, flow, segment);

		if (news || (pure && window == flow->snd_wnd &&
			     !(flow->flags & FLOW_SACK)))
			recover_duplicate(stack, flow);
	}
	/*
	 * RFC 9293's WL2 is never above snd_una: it needs no look. What
	 * acknowledges more is the latest even if its text is old: the window
	 * counts from its ACK, and the one before would move on with snd_una.
	 */
	if (advances || !seq_before(segment->seq, flow->snd_wl1))
		ack_window(flow, segment, window);
	/* Whoever answers with a window of zero is there (RFC 1122, 4.2.2.17).
	 */
	if (!flow->snd_wnd)
		flow_set_tries(flow, 0, flow_backoff(flow));
	return true;
}

void ack_timeout(struct tcp_stack *stack, struct flow *flow)
{
	struct flow_aux *aux = flows_aux(stack, flow);

	if (!flow->snd_wnd) {
		/* A probe that was not answered: no sign of congestion. */
		stack->counters.probes++;
		flow->flags |= FLOW_RESEND;
		return;
	}
	stack->counters.timeouts++;
	congestion_timeout(flow, flow_flight(flow), !flow_retries(flow));
	flow->recovery = RECOVERY_LOSS;
	flow->recover = flow->snd_nxt;
	flow->snd_rtx = flow->snd_una;
	flow->dupacks = 0;
	/* The peer may have reneged (RFC 2018, 8): what it told is forgotten.
	 */
	if (aux)
		aux->sacked.count = 0;
}

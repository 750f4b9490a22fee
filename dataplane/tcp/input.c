/* input.c - what an arriving segment does to its flow (RFC 9293, 3.10.7).
 *
 * The order is the RFC's: sequence number, RST, SYN, ACK, text, FIN; with
 * PAWS in front (RFC 7323) and the stricter checks of RFC 5961 in it.
 */
#include "dataplane/tcp/input.h"
#include "dataplane/tcp/ack.h"
#include "dataplane/tcp/emit.h"
#include "dataplane/tcp/end.h"
#include "dataplane/tcp/flows.h"
#include "dataplane/tcp/open.h"
#include "dataplane/tcp/packet.h"
#include "dataplane/tcp/plant.h"
#include "dataplane/tcp/receive.h"
#include "dataplane/tcp/timers.h"

#include <errno.h>

/* A timestamp older than that says nothing: 24 days (RFC 7323, 5.5). */
#define PAWS_IDLE_MS ((uint32_t)24 * 24 * 3600 * 1000)

/* For 2 MSL at least; a segment from there on is a new connection's. */
#define ISN_BEYOND 65536

static bool is_open_request(const struct segment *segment)
{
	return (segment->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) ==
	       TCP_SYN;
}

/* A segment that belongs to no connection. */
static void input_unknown(struct tcp_stack *stack, struct segment *segment,
			  const uint32_t *least_isn)
{
	struct listener *listener;
	enum tcp_unknown what = TCP_UNKNOWN_OURS;

	stack->counters.unknown++;
	if (stack->ops.unknown)
		what = stack->ops.unknown(stack->ops.arg, &segment->tuple,
					  segment->frame);
	if (what == TCP_UNKNOWN_TAKEN) {
		stack->counters.unknown_taken++;
		segment->frame->kept = true;
		return;
	}
	if (what == TCP_UNKNOWN_DROP || (segment->flags & TCP_RST))
		return;
	listener = open_listener(stack, segment->tuple.local_port);
	if (listener && is_open_request(segment))
		open_passive(stack, segment, listener, least_isn);
	else if (!listener || (segment->flags & TCP_ACK))
		packet_reset(stack, segment);
}

/* Whether a SYN may take a waiting connection's place (RFC 6191). */
static bool may_reopen(const struct tcp_time_wait *wait,
		       const struct segment *segment)
{
	if (!is_open_request(segment))
		return false;
	if (wait->ts && (segment->options.present & TCP_OPT_TS) &&
	    seq_after(segment->options.ts_value, wait->ts_recent))
		return true;
	return seq_after(segment->seq, wait->rcv_nxt);
}

static void input_waiting(struct tcp_stack *stack, struct segment *segment,
			  struct tcp_time_wait *wait)
{
	if (segment->flags & TCP_RST) {
		/* It must not end the wait (RFC 1337). */
		stack->counters.resets_ignored++;
		return;
	}
	if (may_reopen(wait, segment) &&
	    open_listener(stack, segment->tuple.local_port)) {
		uint32_t least = wait->snd_nxt + ISN_BEYOND;

		stack->counters.time_wait_reused++;
		end_wait(stack, wait);
		input_unknown(stack, segment, &least);
		return;
	}
	if (!segment_length(segment) && segment->seq == wait->rcv_nxt)
		return;
	if ((segment->flags & TCP_FIN) &&
	    segment->seq + segment->len + 1 == wait->rcv_nxt) {
		wait->until = stack_ms(stack) + stack->config.time_wait_ms;
		tcp_time_wait_restart(&stack->waits, wait);
	} else if (!tcp_limiter_take(&stack->replies, stack->now_ns,
				     stack->config.reply_per_s, 0)) {
		stack->counters.replies_limited++;
		return;
	}
	packet_ack_waiting(stack, wait, segment);
}

/* RFC 7323, 5.3. Returns false when the segment is to be dropped. */
static bool timestamp_good(struct tcp_stack *stack, struct flow *flow,
			   const struct segment *segment)
{
	if (!(flow->flags & FLOW_TS) || (segment->flags & TCP_RST))
		return true;
	if (!(segment->options.present & TCP_OPT_TS)) {
		stack->counters.no_timestamp++;
		return false;
	}
	if (seq_before(segment->options.ts_value, flow->ts_recent) ==
		    tcp_plant_is(stack, TCP_PLANT_reverse_paws) ||
	    stack_ms(stack) - flow->last_rx > PAWS_IDLE_MS)
		return true;
	stack->counters.paws_dropped++;
	emit_challenge(stack, flow);
	return false;
}

/* RFC 9293, table 6; the window is what the peer was ever told. */
static bool acceptable(const struct flow *flow, const struct segment *segment)
{
	uint32_t window = flow_window(flow);
	uint32_t len = segment_length(segment);

	if (!window)
		return segment->seq == flow->rcv_nxt;
	if (segment->seq - flow->rcv_nxt < window)
		return true;
	return len && segment->seq + len - 1 - flow->rcv_nxt < window;
}

/* An answer for what is outside of the window. */
static void refuse_sequence(struct tcp_stack *stack, struct flow *flow,
			    const struct segment *segment)
{
	stack->counters.out_of_window++;
	if (segment->flags & TCP_RST) {
		stack->counters.resets_ignored++;
		return;
	}
	stack->counters.duplicate_bytes += segment->len;
	/*
	 * Retransmissions, window probes and keepalives want their ACK. Empty
	 * segments otherwise get few: two ends that have lost each other would
	 * answer for ever.
	 */
	if (segment_length(segment) || segment->seq == flow->rcv_nxt - 1)
		emit_ack(stack, flow);
	else
		emit_challenge(stack, flow);
}

/* Cuts off what was received before, and what is beyond the window. */
static void trim(struct tcp_stack *stack, struct flow *flow,
		 struct segment *segment)
{
	uint32_t room;

	if (seq_before(segment->seq, flow->rcv_nxt)) {
		uint32_t old =
			min_u32(flow->rcv_nxt - segment->seq, segment->len);

		if (!tcp_plant_is(stack, TCP_PLANT_keep_overlap))
			segment->data += old;
		segment->len -= old;
		segment->seq += old;
		stack->counters.duplicate_bytes += old;
		flow->flags |= FLOW_ACK_NOW;
	}
	room = flow->rcv_adv - segment->seq;
	if (segment_length(segment) > room) {
		segment->len = min_u32(segment->len, room);
		segment->flags &= (uint8_t)~TCP_FIN;
		flow->flags |= FLOW_ACK_NOW;
	}
}

/* RFC 5961, 3.2: only the exact number resets. The flow may have ended. */
static void input_reset(struct tcp_stack *stack, struct flow *flow,
			const struct segment *segment)
{
	bool opening = flow->state == FLOW_SYN_RECEIVED;

	stack->counters.resets_in++;
	if (segment->seq == flow->rcv_nxt)
		end_flow(stack, flow, opening ? -ECONNREFUSED : -ECONNRESET);
	else
		emit_challenge(stack, flow);
}

/*
 * Checks that stand before the ACK. Returns false when the segment has been
 * dealt with; the flow may have ended then.
 */
static bool input_checks(struct tcp_stack *stack, struct flow *flow,
			 struct segment *segment)
{
	if (!timestamp_good(stack, flow, segment))
		return false;
	if (!acceptable(flow, segment)) {
		refuse_sequence(stack, flow, segment);
		return false;
	}
	if (segment->flags & TCP_RST) {
		input_reset(stack, flow, segment);
		return false;
	}
	if (segment->flags & TCP_SYN) {
		emit_challenge(stack, flow); /* RFC 5961, 4.2 */
		return false;
	}
	return segment->flags & TCP_ACK;
}

/* SYN_RECEIVED: the peer repeats its SYN, or answers ours (both at once). */
static bool input_syn_again(struct tcp_stack *stack, struct flow *flow,
			    struct segment *segment)
{
	if (flow->state != FLOW_SYN_RECEIVED || !(segment->flags & TCP_SYN) ||
	    (segment->flags & TCP_RST) || segment->seq + 1 != flow->rcv_nxt)
		return false;
	if ((segment->flags & TCP_ACK) && (flow->flags & FLOW_ACTIVE)) {
		segment->flags &= (uint8_t)~TCP_SYN;
		segment->seq++;
		flow->flags |= FLOW_ACK_NOW;
		return false;
	}
	flow->flags |= FLOW_RESEND;
	flows_touch(stack, flow);
	return true;
}

/* SYN_RECEIVED: the ACK of our SYN. False: the segment is dropped. */
static bool input_opened(struct tcp_stack *stack, struct flow *flow,
			 const struct segment *segment)
{
	if (!seq_after(segment->ack, flow->snd_una) ||
	    seq_after(segment->ack, flow->snd_nxt)) {
		packet_reset(stack, segment);
		return false;
	}
	open_established(stack, flow, segment);
	return true;
}

/* Our FIN is acknowledged. Returns false when that was the flow's end. */
static bool fin_acked(struct tcp_stack *stack, struct flow *flow)
{
	switch (flow->state) {
	case FLOW_FIN_WAIT_1:
		flow->state = FLOW_FIN_WAIT_2;
		return true;
	case FLOW_CLOSING:
		end_finished(stack, flow, true);
		return false;
	case FLOW_LAST_ACK:
		end_finished(stack, flow, false);
		return false;
	default:
		return true;
	}
}

/* The peer's FIN is in order: no more will come. */
static void fin_received(struct tcp_stack *stack, struct flow *flow)
{
	switch (flow->state) {
	case FLOW_ESTABLISHED:
		flow->state = FLOW_CLOSE_WAIT;
		break;
	case FLOW_FIN_WAIT_1:
		flow->state = FLOW_CLOSING;
		break;
	case FLOW_FIN_WAIT_2:
		end_finished(stack, flow, true);
		break;
	default:
		break;
	}
}

static void input_text(struct tcp_stack *stack, struct flow *flow,
		       struct segment *segment)
{
	if (flow->flags & FLOW_EOF)
		return; /* nothing can follow a FIN */
	if (segment->len && !(flow->flags & FLOW_OWNED)) {
		/* RFC 9293, 3.6.1: bytes for whoever has closed. */
		stack->counters.after_close++;
		end_flow_reset(stack, flow, -ECONNRESET);
		return;
	}
	if (receive_segment(stack, flow, segment))
		fin_received(stack, flow);
}

static void input_flow(struct tcp_stack *stack, struct flow *flow,
		       struct segment *segment)
{
	bool acked;

	if (input_syn_again(stack, flow, segment) ||
	    !input_checks(stack, flow, segment))
		return;
	if (flow->state == FLOW_SYN_RECEIVED &&
	    !input_opened(stack, flow, segment))
		return;
	/* RFC 7323, 4.3: of what ends or spans the last ACK. */
	if ((flow->flags & FLOW_TS) &&
	    !seq_after(segment->seq, flow->last_ack) &&
	    seq_after(segment->options.ts_value, flow->ts_recent))
		flow->ts_recent = segment->options.ts_value;
	if (!ack_segment(stack, flow, segment, &acked))
		return;
	flow->last_rx = stack_ms(stack);
	if (flow->timer_kind == TIMER_KEEPALIVE)
		flow_set_tries(flow, 0, 0);
	flows_touch(stack, flow);
	trim(stack, flow, segment);
	if (acked && !fin_acked(stack, flow))
		return;
	if (segment_length(segment))
		input_text(stack, flow, segment);
}

void input_segment(struct tcp_stack *stack, struct segment *segment)
{
	struct tcp_time_wait *wait;
	struct flow *flow =
		flows_find(stack, &segment->tuple, segment->hash, &wait);

	stack->counters.segments_in++;
	if (!flow && !wait)
		input_unknown(stack, segment, NULL);
	else if (!flow)
		input_waiting(stack, segment, wait);
	else if (flow->state == FLOW_SYN_SENT)
		open_syn_sent(stack, flow, segment);
	else
		input_flow(stack, flow, segment);
}

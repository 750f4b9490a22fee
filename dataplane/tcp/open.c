/* open.c - how connections begin: SYN in, SYN out, both at once. */
#include "dataplane/tcp/open.h"
#include "dataplane/tcp/ack.h"
#include "dataplane/tcp/congestion.h"
#include "dataplane/tcp/emit.h"
#include "dataplane/tcp/end.h"
#include "dataplane/tcp/flows.h"
#include "dataplane/tcp/packet.h"
#include "dataplane/tcp/rtt.h"

#include <errno.h>

#define MSS_MIN         88   /* a peer's smaller one would only be a burden */
#define ISN_TICK_NS     4000 /* RFC 9293, 3.4.1 */
#define TS_OPTION_BYTES 12

/* RFC 6528: a clock plus what only we can compute of the connection. */
static uint32_t isn_for(const struct tcp_stack *stack,
			const struct tcp_tuple *tuple)
{
	return (uint32_t)(stack->now_ns / ISN_TICK_NS) +
	       (uint32_t)siphash64(stack->isn_key, tuple, sizeof(*tuple));
}

/*
 * One offset for all connections with a host: its timestamps of ours never go
 * back, so it can tell a new connection from one that waits (RFC 7323, 5.4).
 */
static uint32_t ts_offset_for(const struct tcp_stack *stack,
			      uint32_t peer_address)
{
	uint32_t pair[2] = {peer_address, stack->config.address};

	return (uint32_t)siphash64(stack->isn_key, pair, sizeof(pair));
}

struct listener *open_listener(const struct tcp_stack *stack, uint16_t port)
{
	for (uint32_t i = 0; i < stack->config.listener_max; i++) {
		if (stack->listeners[i].port == port)
			return &stack->listeners[i];
	}
	return NULL;
}

/* Takes what the peer's SYN offers; all of it we offer, too, or answer. */
static void agree(struct tcp_stack *stack, struct flow *flow,
		  const struct segment *segment)
{
	const struct tcp_options *options = &segment->options;
	uint32_t mss = TCP_MSS_DEFAULT;
	uint32_t scale;

	if (options->present & TCP_OPT_MSS)
		mss = options->mss;
	mss = min_u32(max_u32(mss, MSS_MIN), stack_mss(stack));
	if (options->present & TCP_OPT_TS) {
		flow->flags |= FLOW_TS;
		flow->ts_recent = options->ts_value;
		mss -= TS_OPTION_BYTES;
	}
	if (options->present & TCP_OPT_SACK_OK)
		flow->flags |= FLOW_SACK;
	if (options->present & TCP_OPT_WSCALE) {
		scale = min_u32(options->wscale, TCP_WSCALE_MAX);
		flow->scales =
			(uint8_t)(scale | (uint32_t)stack->own_scale << 4);
	}
	flow->mss = (uint16_t)mss;
	flow->rcv_nxt = segment->seq + 1;
	flow->last_ack = flow->rcv_nxt;
	/* What our SYN tells, or has told. */
	flow->rcv_adv = flow->rcv_nxt +
			min_u32(stack->config.rx_flow_bytes, UINT16_MAX);
	flow->last_rx = stack_ms(stack);
	/* The field of a SYN is not scaled. */
	ack_window(flow, segment, segment->window);
}

void open_passive(struct tcp_stack *stack, const struct segment *segment,
		  struct listener *listener, const uint32_t *least_isn)
{
	uint32_t isn = isn_for(stack, &segment->tuple);
	struct flow *flow;

	if (listener->half_open >= listener->backlog) {
		stack->counters.refused_backlog++;
		return;
	}
	flow = flows_take(stack, &segment->tuple, segment->hash);
	if (!flow) {
		stack->counters.refused_full++;
		packet_reset(stack, segment);
		return;
	}
	if (least_isn)
		isn = seq_max(isn, *least_isn);
	flow->state = FLOW_SYN_RECEIVED;
	flow->ts_offset = ts_offset_for(stack, flow->peer_address);
	flow->snd_una = flow->snd_nxt = flow->snd_rtx = isn;
	flow->listener = (uint32_t)(listener - stack->listeners) + 1;
	agree(stack, flow, segment);
	listener->half_open++;
	stack->half_open++;
	flows_touch(stack, flow);
}

struct flow *open_active(struct tcp_stack *stack, const struct tcp_tuple *tuple)
{
	struct flow *flow = flows_take(stack, tuple, flows_hash(stack, tuple));

	if (!flow)
		return NULL;
	flow->state = FLOW_SYN_SENT;
	flow->flags |= FLOW_OWNED | FLOW_ACTIVE;
	flow->ts_offset = ts_offset_for(stack, flow->peer_address);
	flow->snd_una = flow->snd_nxt = flow->snd_rtx = isn_for(stack, tuple);
	flow->last_rx = stack_ms(stack);
	flows_touch(stack, flow);
	return flow;
}

/* Who opened it learns of it: by then there is a flow that can be used. */
static void tell_open(struct tcp_stack *stack, struct flow *flow)
{
	struct listener *listener;

	if (flow->flags & FLOW_ACTIVE) {
		stack->counters.connected++;
		tcp_event_add(&stack->events, TCP_CONNECTED,
			      flows_name(stack, flow), 0, 0);
		return;
	}
	listener = &stack->listeners[flow->listener - 1];
	listener->half_open--;
	stack->half_open--;
	stack->counters.accepted++;
	flow->flags |= FLOW_OWNED;
	tcp_event_add(&stack->events, TCP_ACCEPTED, flows_name(stack, flow), 0,
		      listener->cookie);
}

void open_established(struct tcp_stack *stack, struct flow *flow,
		      const struct segment *segment)
{
	bool syn_lost = flow_retries(flow) != 0;

	if (flow->flags & FLOW_TIMING)
		rtt_sample(flow, (uint32_t)(stack->now_ns / NS_PER_US) -
					 flow->rtt_start);
	else if (syn_lost) /* RFC 6298, 5.7: 3 s to begin with */
		rtt_sample(flow, 1000000);
	tell_open(stack, flow);
	flow->flags &= (uint16_t) ~(FLOW_TIMING | FLOW_RESEND);
	flow->state = FLOW_ESTABLISHED;
	flow->snd_una = flow->snd_nxt = flow->snd_rtx = segment->ack;
	flow->recover = segment->ack - 1;
	flow->timer_kind = TIMER_NONE;
	flow_set_tries(flow, 0, 0);
	congestion_start(flow, stack->config.initial_segments, syn_lost);
	flows_touch(stack, flow);
}

void open_syn_sent(struct tcp_stack *stack, struct flow *flow,
		   const struct segment *segment)
{
	bool acked = segment->flags & TCP_ACK;

	if (acked && (!seq_after(segment->ack, flow->snd_una) ||
		      seq_after(segment->ack, flow->snd_nxt))) {
		packet_reset(stack, segment);
		return;
	}
	if (segment->flags & TCP_RST) {
		stack->counters.resets_in++;
		if (acked)
			end_flow(stack, flow, -ECONNREFUSED);
		else
			stack->counters.resets_ignored++;
		return;
	}
	if (!(segment->flags & TCP_SYN))
		return;
	agree(stack, flow, segment);
	if (acked) {
		flow->flags |= FLOW_ACK_NOW;
		open_established(stack, flow, segment);
		return;
	}
	/* Both at once: our SYN goes again, with the ACK of the peer's. */
	flow->state = FLOW_SYN_RECEIVED;
	flow->listener = 0;
	flow->flags |= FLOW_RESEND;
	flows_touch(stack, flow);
}

/* RFC 6056's third algorithm: a secret start for each peer, then upwards. */
uint16_t open_port(struct tcp_stack *stack, uint32_t address, uint16_t port)
{
	uint32_t span =
		(uint32_t)stack->config.port_max - stack->config.port_min + 1;
	struct tcp_tuple tuple = {
		.peer_address = address,
		.local_address = stack->config.address,
		.peer_port = port,
	};
	uint32_t start =
		(uint32_t)siphash64(stack->isn_key, &tuple, sizeof(tuple));

	for (uint32_t i = 0; i < span; i++) {
		uint32_t next = start % span + stack->port_next++;
		struct tcp_time_wait *wait;

		tuple.local_port =
			(uint16_t)(stack->config.port_min + next % span);
		if (!flows_find(stack, &tuple, flows_hash(stack, &tuple),
				&wait) &&
		    !wait)
			return tuple.local_port;
	}
	return 0;
}

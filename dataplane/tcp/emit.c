/* emit.c - the segments of a flow, as its record has it. */
#include "dataplane/tcp/emit.h"
#include "dataplane/tcp/arp.h"
#include "dataplane/tcp/flows.h"
#include "dataplane/tcp/packet.h"
#include "dataplane/tcp/plant.h"
#include "dataplane/tcp/window.h"

#include <string.h>

/* RFC 2018: as many blocks as fit, the one that grew last first. */
static void options_sack(const struct tcp_stack *stack, const struct flow *flow,
			 struct tcp_options *options, uint32_t payload)
{
	const struct flow_aux *aux = flows_aux(stack, flow);
	uint32_t room = min_u32(TCP_OPTIONS_MAX, stack_mss(stack) - payload);
	uint32_t used = options->present & TCP_OPT_TS ? 12 : 0;
	uint32_t fit = room > used + 4 ? (room - used - 4) / 8 : 0;
	uint32_t first = 0;

	if (!aux || !(flow->flags & FLOW_SACK))
		return;
	if (tcp_plant_is(stack, TCP_PLANT_forget_sack) && aux->reorder.count)
		first = 1;
	options->sack_count = min_u32(aux->reorder.count - first, fit);
	memcpy(options->sack, aux->reorder.ranges + first,
	       options->sack_count * sizeof(options->sack[0]));
}

static void options_fill(const struct tcp_stack *stack, const struct flow *flow,
			 struct tcp_options *options, uint32_t payload)
{
	options->present = 0;
	options->sack_count = 0;
	if (flow->flags & FLOW_TS) {
		options->present = TCP_OPT_TS;
		options->ts_value = stack_ms(stack) + flow->ts_offset;
		options->ts_echo = flow->ts_recent;
	}
	options_sack(stack, flow, options, payload);
}

static struct packet packet_of(const struct flow *flow, uint32_t seq,
			       uint8_t flags)
{
	return (struct packet){
		.peer_address = flow->peer_address,
		.peer_port = flow->peer_port,
		.local_port = flow->local_port,
		.seq = seq,
		.flags = flags,
	};
}

static void ack_settled(struct flow *flow)
{
	flow->last_ack = flow->rcv_nxt;
	flow->flags &=
		(uint16_t) ~(FLOW_ACK_NOW | FLOW_ACK_LATER | FLOW_ACK_FULL);
}

/* Sends a segment with ACK, its options and window by the flow's state. */
static int emit_segment(struct tcp_stack *stack, struct flow *flow,
			struct packet *packet, const struct span *spans,
			uint32_t span_count, uint32_t payload)
{
	struct tcp_options options;
	int err = arp_resolve(stack, flow, &packet->mac);

	if (err)
		return err;
	options_fill(stack, flow, &options, payload);
	packet->options = &options;
	packet->ack = flow->rcv_nxt;
	packet->window = window_advertise(stack, flow);
	packet_send(stack, packet, spans, span_count);
	ack_settled(flow);
	return 0;
}

int emit_syn(struct tcp_stack *stack, struct flow *flow)
{
	struct packet packet = packet_of(flow, flow->snd_una, TCP_SYN);
	bool answer = flow->state == FLOW_SYN_RECEIVED;
	struct tcp_options options = {
		.present = TCP_OPT_MSS,
		.mss = stack_mss(stack),
		.wscale = stack->own_scale,
		.ts_value = stack_ms(stack) + flow->ts_offset,
		.ts_echo = flow->ts_recent,
	};
	int err = arp_resolve(stack, flow, &packet.mac);

	if (err)
		return err;
	/* An answer has what the SYN had; scales say whether it had one. */
	if (!answer || (flow->flags & FLOW_TS))
		options.present |= TCP_OPT_TS;
	if (!answer || (flow->flags & FLOW_SACK))
		options.present |= TCP_OPT_SACK_OK;
	if (!answer || flow_scale_own(flow))
		options.present |= TCP_OPT_WSCALE;
	packet.options = &options;
	packet.window = window_advertise_syn(stack, flow);
	if (answer) {
		packet.flags |= TCP_ACK;
		packet.ack = flow->rcv_nxt;
	}
	packet_send(stack, &packet, NULL, 0);
	if (answer)
		ack_settled(flow);
	return 0;
}

int emit_data(struct tcp_stack *stack, struct flow *flow, uint32_t seq,
	      uint32_t len, uint8_t flags)
{
	struct packet packet = packet_of(flow, seq, flags | TCP_ACK);
	struct span spans[TCP_OUT_SPANS];
	uint32_t left = len;
	uint32_t count = 0;
	uint32_t total;

	if (len)
		count = chunkq_spans(&stack->tx_pool, &flow->txq,
				     seq - flow->snd_una, spans, TCP_OUT_SPANS,
				     &total);
	for (uint32_t i = 0; i < count; i++) {
		spans[i].len = min_u32(spans[i].len, left);
		left -= spans[i].len;
		if (!left)
			count = i + 1;
	}
	DEBUG_ASSERT(!left, "what is sent is in the queue");
	return emit_segment(stack, flow, &packet, spans, count, len);
}

int emit_ack(struct tcp_stack *stack, struct flow *flow)
{
	struct packet packet = packet_of(flow, flow->snd_nxt, TCP_ACK);

	return emit_segment(stack, flow, &packet, NULL, 0, 0);
}

int emit_keepalive(struct tcp_stack *stack, struct flow *flow)
{
	struct packet packet = packet_of(flow, flow->snd_nxt - 1, TCP_ACK);

	stack->counters.keepalives++;
	return emit_segment(stack, flow, &packet, NULL, 0, 0);
}

int emit_reset(struct tcp_stack *stack, struct flow *flow)
{
	struct packet packet =
		packet_of(flow, flow->snd_nxt, TCP_RST | TCP_ACK);
	int err = arp_resolve(stack, flow, &packet.mac);

	if (err)
		return err;
	packet.ack = flow->rcv_nxt;
	packet_send(stack, &packet, NULL, 0);
	return 0;
}

void emit_challenge(struct tcp_stack *stack, struct flow *flow)
{
	uint64_t second = stack->now_ns / NS_PER_S;

	if (tcp_limiter_take(
		    &stack->challenges, stack->now_ns,
		    stack->config.challenge_per_s,
		    siphash64(stack->isn_key, &second, sizeof(second)))) {
		stack->counters.challenges++;
		emit_ack(stack, flow);
	} else {
		stack->counters.challenges_limited++;
	}
}

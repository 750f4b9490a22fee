/* import.c - continues a TCP connection from an image that may be hostile.
 *
 * The bytes are copied out first and judged as numbers: what contradicts
 * itself is refused, what is only unusual (a window, a round trip) is brought
 * within this stack's limits. Nothing in the image is an index or a size that
 * is used before it was compared with what is really there.
 */
#include "dataplane/tcp/arp.h"
#include "dataplane/tcp/export.h"
#include "dataplane/tcp/flows.h"
#include "dataplane/tcp/receive.h"
#include "dataplane/tcp/timers.h"

#include <errno.h>
#include <string.h>

#define MSS_LEAST 76 /* the smallest we agree on, less timestamps */
#define MS_MOST   ((uint32_t)1 << 30)
#define RTT_MOST  ((uint32_t)30000000 << 3)
#define CWND_MOST ((uint32_t)1 << 30)

/* An image taken apart. */
struct parts {
	struct tcp_image_head head;
	struct flow flow;
	struct tcp_range ranges[TCP_REORDER_RANGES];
	const uint8_t *tx;
	const uint8_t *rx;
	const uint8_t *reorder;
};

static int parts_read(struct parts *parts, const void *image, size_t size)
{
	struct tcp_image_head *head = &parts->head;
	const uint8_t *bytes = image;
	uint64_t sum;
	uint32_t ranges;

	if (size < sizeof(*head))
		return -EINVAL;
	memcpy(head, bytes, sizeof(*head));
	memcpy(&parts->flow, head->flow, sizeof(parts->flow));
	if (head->magic != TCP_IMAGE_MAGIC ||
	    head->version != TCP_IMAGE_VERSION || head->size_bytes != size ||
	    head->reorder_count > TCP_REORDER_RANGES)
		return -EINVAL;
	ranges = head->reorder_count * (uint32_t)sizeof(struct tcp_range);
	sum = sizeof(*head) + (uint64_t)ranges + head->tx_bytes +
	      head->rx_bytes + head->reorder_bytes;
	if (sum != size)
		return -EINVAL;
	memcpy(parts->ranges, bytes + sizeof(*head), ranges);
	parts->tx = bytes + sizeof(*head) + ranges;
	parts->rx = parts->tx + head->tx_bytes;
	parts->reorder = parts->rx + head->rx_bytes;
	return 0;
}

/* Which FINs each state implies. */
static bool state_valid(const struct parts *parts)
{
	const struct flow *flow = &parts->flow;
	bool fin = flow->flags & FLOW_FIN;
	bool eof = flow->flags & FLOW_EOF;

	switch (flow->state) {
	case FLOW_ESTABLISHED:
		return !fin && !eof;
	case FLOW_FIN_WAIT_1:
		return fin && !eof;
	case FLOW_FIN_WAIT_2:
		return !fin && !eof && !parts->head.tx_bytes;
	case FLOW_CLOSE_WAIT:
		return !fin && eof;
	case FLOW_CLOSING:
	case FLOW_LAST_ACK:
		return fin && eof;
	case FLOW_DONE:
		return !fin && eof && !parts->head.tx_bytes;
	default:
		return false;
	}
}

static bool numbers_valid(const struct tcp_stack *stack,
			  const struct parts *parts)
{
	const struct flow *flow = &parts->flow;
	uint32_t flight = flow_flight(flow);
	uint32_t queued =
		parts->head.tx_bytes + ((flow->flags & FLOW_FIN) != 0);
	uint32_t peer = flow->peer_address;

	return peer && peer != stack->config.address && peer >> 24 < 224 &&
	       peer >> 24 != 127 && arp_next_hop(stack, peer) &&
	       flow->peer_port && flow->local_port &&
	       parts->head.tx_bytes <= stack->config.tx_flow_bytes &&
	       parts->head.rx_bytes <=
		       2 * (uint64_t)stack->config.rx_flow_bytes &&
	       flight <= queued && flow->snd_rtx - flow->snd_una <= flight &&
	       flow->recovery <= RECOVERY_LOSS &&
	       (flow->recovery == RECOVERY_NONE ||
		flow->recover - flow->snd_una <= flight) &&
	       flow->mss >= MSS_LEAST &&
	       flow_scale_peer(flow) <= TCP_WSCALE_MAX &&
	       flow_scale_own(flow) <= TCP_WSCALE_MAX &&
	       flow->timer_kind < TIMER_FIN_WAIT &&
	       parts->head.timer_ms <= MS_MOST;
}

static bool ranges_valid(const struct tcp_stack *stack,
			 const struct parts *parts)
{
	uint32_t most = (stack->reorder_slots - 2) * CHUNK_BYTES;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < parts->head.reorder_count; i++) {
		struct tcp_range range = parts->ranges[i];
		uint32_t start = range.start - parts->flow.rcv_nxt;
		uint32_t end = range.end - parts->flow.rcv_nxt;

		if (!start || start >= end || end > most)
			return false;
		sum += end - start;
	}
	if (parts->head.reorder_count && (parts->flow.flags & FLOW_EOF))
		return false;
	return sum == parts->head.reorder_bytes;
}

static uint32_t clamp(uint32_t value, uint32_t least, uint32_t most)
{
	return min_u32(max_u32(value, least), most);
}

/* Copies what was judged; everything else starts as in a new flow. */
static void flow_restore(struct tcp_stack *stack, struct flow *flow,
			 const struct parts *parts)
{
	const struct flow *from = &parts->flow;
	uint16_t ts_bytes = from->flags & FLOW_TS ? 12 : 0;
	uint32_t window = (stack->reorder_slots - 2) * CHUNK_BYTES;

	flow->state = from->state;
	flow->recovery = from->recovery;
	flow->flags |= FLOW_OWNED |
		       (from->flags & (FLOW_ACTIVE | FLOW_TS | FLOW_SACK |
				       FLOW_FIN | FLOW_EOF | FLOW_ACK_NOW |
				       FLOW_ACK_LATER | FLOW_ACK_FULL));
	flow->snd_una = from->snd_una;
	flow->snd_nxt = from->snd_nxt;
	flow->snd_rtx = from->snd_rtx;
	flow->snd_wnd =
		min_u32(from->snd_wnd, (uint32_t)UINT16_MAX << TCP_WSCALE_MAX);
	flow->mss = (uint16_t)min_u32(from->mss,
				      (uint32_t)(stack_mss(stack) - ts_bytes));
	flow->cwnd = clamp(from->cwnd, flow->mss, CWND_MOST);
	flow->ssthresh =
		clamp(from->ssthresh, 2 * (uint32_t)flow->mss, CWND_MOST);
	flow->rcv_nxt = from->rcv_nxt;
	flow->rcv_adv = from->rcv_nxt + min_u32(flow_window(from), window);
	flow->last_ack =
		from->rcv_nxt - min_u32(from->rcv_nxt - from->last_ack, window);
	flow->ts_recent = from->ts_recent;
	flow->ts_offset = parts->head.timestamp - stack_ms(stack);
	flow->wnd_max = from->wnd_max;
	flow->last_rx = stack_ms(stack) - min_u32(parts->head.idle_ms, MS_MOST);
	flow->srtt = min_u32(from->srtt, RTT_MOST);
	flow->rttvar = min_u32(from->rttvar, RTT_MOST);
	flow->snd_wl1 = from->snd_wl1;
	flow->recover = from->recovery == RECOVERY_NONE ? from->snd_una - 1
							: from->recover;
	flow->scales = from->scales;
	flow->tries = from->tries;
	flow->dupacks = from->dupacks;
	flow->neighbour = NEIGHBOUR_NONE;
	/* The scoreboard stays behind: what is at una starts it again. */
	if (flow->recovery == RECOVERY_FAST)
		flow->flags |= FLOW_RESEND;
}

static void timers_restore(struct tcp_stack *stack, struct flow *flow,
			   const struct parts *parts)
{
	uint32_t ack_ms =
		min_u32(parts->head.ack_ms, stack->config.delayed_ack_ms);

	if (parts->flow.timer_kind != TIMER_NONE)
		timers_set(stack, flow, parts->flow.timer_kind,
			   parts->head.timer_ms);
	flow->ack_at = (uint16_t)(stack_ms(stack) + ack_ms);
}

/*
 * What lies beyond a gap, as far as there is room: the rest will come again,
 * as RFC 2018 lets a receiver have it.
 */
static void reorder_restore(struct tcp_stack *stack, struct flow *flow,
			    const struct parts *parts)
{
	const struct tcp_image_head *head = &parts->head;
	const uint8_t *reorder = parts->reorder + head->reorder_bytes;
	struct flow_aux *aux = flows_aux_need(stack, flow);

	/* From the last to the first: what grew last stands in front again. */
	for (uint32_t i = head->reorder_count; aux && i-- > 0;) {
		struct tcp_range range = parts->ranges[i];
		uint32_t len = range.end - range.start;

		reorder -= len;
		tcp_reorder_add(&aux->reorder, &stack->rx_pool, flow->rcv_nxt,
				range.start, reorder, len,
				stack->reorder_slots);
	}
	flows_aux_settle(stack, flow);
}

/* Returns 0 or -ENOBUFS. */
static int bytes_restore(struct tcp_stack *stack, struct flow *flow,
			 const struct parts *parts)
{
	const struct tcp_image_head *head = &parts->head;
	struct flow_aux *aux;

	if (chunkq_append(&stack->tx_pool, &flow->txq, parts->tx,
			  head->tx_bytes))
		return -ENOBUFS;
	if (head->rx_bytes) {
		aux = flows_aux_need(stack, flow);
		if (!aux || tcp_rx_append(&stack->rx_pool, &aux->kept,
					  parts->rx, head->rx_bytes))
			return -ENOBUFS;
	}
	if (head->reorder_count)
		reorder_restore(stack, flow, parts);
	return 0;
}

static int import_parts(struct tcp_stack *stack, const struct parts *parts,
			tcp_flow *name)
{
	struct tcp_tuple tuple = {
		.peer_address = parts->flow.peer_address,
		.local_address = stack->config.address,
		.peer_port = parts->flow.peer_port,
		.local_port = parts->flow.local_port,
	};
	uint32_t hash = flows_hash(stack, &tuple);
	struct tcp_time_wait *wait;
	struct flow *flow;

	/* One that is done has no place in the table: who waits has it. */
	if (parts->flow.state != FLOW_DONE &&
	    (flows_find(stack, &tuple, hash, &wait) || wait))
		return -EEXIST;
	flow = flows_take(stack, &tuple, hash);
	if (!flow)
		return -ENOSPC;
	flow_restore(stack, flow, parts);
	if (bytes_restore(stack, flow, parts)) {
		flows_unlist(stack, flow);
		flows_give(stack, flow);
		return -ENOBUFS;
	}
	if (flow->state == FLOW_DONE)
		flows_unlist(stack, flow);
	else
		timers_restore(stack, flow, parts);
	*name = flows_name(stack, flow);
	receive_tell(stack, flow);
	flows_touch(stack, flow);
	return 0;
}

int tcp_import(struct tcp_stack *stack, const void *image, size_t size,
	       tcp_flow *flow)
{
	struct parts parts;
	int err = parts_read(&parts, image, size);

	if (!err && (!state_valid(&parts) || !numbers_valid(stack, &parts) ||
		     !ranges_valid(stack, &parts)))
		err = -EINVAL;
	if (!err && parts.head.local_address != stack->config.address)
		err = -EADDRNOTAVAIL;
	if (!err)
		err = import_parts(stack, &parts, flow);
	if (err)
		stack->counters.imports_refused++;
	else
		stack->counters.imported++;
	return err;
}

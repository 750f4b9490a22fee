/* export.c - writes a TCP connection as one flat record. */
#include "dataplane/tcp/export.h"
#include "dataplane/tcp/flows.h"
#include "dataplane/tcp/plant.h"
#include "dataplane/tcp/timers.h"

#include <errno.h>
#include <string.h>

_Static_assert(sizeof(struct tcp_image_head) == 48 + TCP_FLOW_BYTES,
	       "an image has no holes");

/* What stays true elsewhere. */
#define FLAGS_EXPORTED                                             \
	(FLOW_ACTIVE | FLOW_TS | FLOW_SACK | FLOW_FIN | FLOW_EOF | \
	 FLOW_ACK_NOW | FLOW_ACK_LATER | FLOW_ACK_FULL)

static bool event_of(const struct tcp_stack *stack,
		     const struct tcp_event *event, tcp_flow name)
{
	return event->kind == TCP_RECEIVED && event->flow == name &&
	       !tcp_plant_is(stack, TCP_PLANT_drop_untaken);
}

/* Bytes in events that the owner has not taken: they come before the kept. */
static uint32_t untaken_bytes(const struct tcp_stack *stack, tcp_flow name)
{
	const struct tcp_event_queue *queue = &stack->events;
	uint32_t bytes = 0;

	for (uint32_t i = queue->head; i < queue->tail; i++) {
		if (event_of(stack, &queue->events[i], name))
			bytes += queue->events[i].view.len;
	}
	return bytes;
}

static void head_fill(const struct tcp_stack *stack, const struct flow *flow,
		      struct tcp_image_head *head)
{
	const struct flow_aux *aux = flows_aux(stack, flow);
	tcp_flow name = flows_name(stack, flow);

	*head = (struct tcp_image_head){
		.magic = TCP_IMAGE_MAGIC,
		.version = TCP_IMAGE_VERSION,
		.local_address = stack->config.address,
		.tx_bytes = flow->txq.len_bytes,
		.rx_bytes = untaken_bytes(stack, name) +
			    (aux ? aux->kept.len_bytes : 0),
		.timer_ms = flow->timer_kind != TIMER_NONE
				    ? timers_left(stack, flow)
				    : 0,
		.idle_ms = stack_ms(stack) - flow->last_rx,
		.timestamp = stack_ms(stack) + flow->ts_offset,
	};
	if (flow->flags & FLOW_ACK_LATER)
		head->ack_ms = timers_ack_left(stack, flow);
	for (uint32_t i = 0; aux && i < aux->reorder.count; i++)
		head->reorder_bytes += aux->reorder.ranges[i].end -
				       aux->reorder.ranges[i].start;
	head->reorder_count = aux ? aux->reorder.count : 0;
	head->size_bytes =
		(uint32_t)sizeof(*head) + head->tx_bytes + head->rx_bytes +
		head->reorder_bytes +
		head->reorder_count * (uint32_t)sizeof(struct tcp_range);
}

/* The record without what means something only here. */
static void flow_fill(const struct flow *flow, uint8_t to[TCP_FLOW_BYTES])
{
	struct flow image = *flow;

	image.generation = 0;
	image.flags &= FLAGS_EXPORTED;
	image.txq = (struct chunkq){0};
	image.aux = 0;
	image.pinned = 0;
	image.timer_at = 0;
	image.last_rx = 0;
	image.ts_offset = 0;
	image.rtt_seq = 0;
	image.rtt_start = 0;
	image.neighbour = NEIGHBOUR_NONE;
	image.ack_at = 0;
	memcpy(to, &image, TCP_FLOW_BYTES);
}

static uint8_t *received_fill(const struct tcp_stack *stack,
			      const struct flow *flow, uint8_t *to)
{
	const struct tcp_event_queue *queue = &stack->events;
	const struct flow_aux *aux = flows_aux(stack, flow);

	for (uint32_t i = queue->head; i < queue->tail; i++) {
		const struct tcp_event *event = &queue->events[i];

		if (!event_of(stack, event, flows_name(stack, flow)))
			continue;
		memcpy(to, event->view.data, event->view.len);
		to += event->view.len;
	}
	if (!aux)
		return to;
	tcp_rx_copy(&stack->rx_pool, &aux->kept, to);
	to += aux->kept.len_bytes;
	for (uint32_t i = 0; i < aux->reorder.count; i++) {
		struct tcp_range range = aux->reorder.ranges[i];

		tcp_reorder_copy(&aux->reorder, &stack->rx_pool, range, to);
		to += range.end - range.start;
	}
	return to;
}

static bool exportable(const struct flow *flow)
{
	return flow_synchronized(flow) || flow->state == FLOW_DONE;
}

size_t tcp_export_bytes(const struct tcp_stack *stack, tcp_flow name)
{
	const struct flow *flow = flows_get(stack, name);
	struct tcp_image_head head;

	if (!flow || !exportable(flow))
		return 0;
	head_fill(stack, flow, &head);
	return head.size_bytes;
}

ssize_t tcp_export(struct tcp_stack *stack, tcp_flow name, void *image,
		   size_t size)
{
	struct flow *flow = flows_get(stack, name);
	struct tcp_image_head head;
	const struct flow_aux *aux;
	uint8_t *to = image;
	uint32_t ranges;

	if (!flow)
		return -ESTALE;
	if (!exportable(flow))
		return -ENOTCONN;
	head_fill(stack, flow, &head);
	if (head.size_bytes > size)
		return -ENOBUFS;
	aux = flows_aux(stack, flow);
	flow_fill(flow, head.flow);
	memcpy(to, &head, sizeof(head));
	to += sizeof(head);
	ranges = head.reorder_count * (uint32_t)sizeof(struct tcp_range);
	if (ranges)
		memcpy(to, aux->reorder.ranges, ranges);
	to += ranges;
	to += chunkq_copy(&stack->tx_pool, &flow->txq, 0, to, head.tx_bytes);
	to = received_fill(stack, flow, to);
	ASSERT((size_t)(to - (uint8_t *)image) == head.size_bytes,
	       "an image is as long as its head says");
	if (flow->state != FLOW_DONE)
		flows_unlist(stack, flow);
	/* Events that are queued find a stale name: their frames go then. */
	flows_give(stack, flow);
	stack->counters.exported++;
	return (ssize_t)head.size_bytes;
}

/* pass.c - a pass of the owner: frames, time, events, and what is sent. */
#include "dataplane/tcp/tcp.h"
#include "dataplane/tcp/arp.h"
#include "dataplane/tcp/end.h"
#include "dataplane/tcp/expire.h"
#include "dataplane/tcp/flows.h"
#include "dataplane/tcp/input.h"
#include "dataplane/tcp/ip.h"
#include "dataplane/tcp/output.h"
#include "dataplane/tcp/plant.h"
#include "dataplane/tcp/window.h"

#include <string.h>

#define WHEEL_BATCH 64

static void time_set(struct tcp_stack *stack, uint64_t now_ns)
{
	stack->now_ns = max_u64(stack->now_ns, now_ns);
	stack->now_ms = stack->now_ns / NS_PER_MS;
}

void tcp_announce(struct tcp_stack *stack)
{
	arp_announce(stack);
	tcp_out_flush(&stack->out);
}

/* Brings what a segment will touch into the cache: its flow, its timer. */
static void prefetch_flow(const struct tcp_stack *stack, uint32_t hash)
{
	struct tcp_table_walk walk = tcp_table_start(&stack->table, hash);
	uint32_t id = tcp_table_next(&stack->table, &walk);
	const uint8_t *record;

	if (!id || (id & TABLE_WAITS))
		return;
	record = (const uint8_t *)&stack->flows[id - 1];
	__builtin_prefetch(record);
	__builtin_prefetch(record + CACHE_LINE_BYTES);
	__builtin_prefetch(&stack->wheel.timers[id - 1]);
}

void tcp_input(struct tcp_stack *stack, uint64_t now_ns,
	       struct tcp_frame *frames, uint32_t count)
{
	uint32_t segments = 0;

	ASSERT(count <= TCP_BATCH, "a batch is no longer");
	time_set(stack, now_ns);
	for (uint32_t i = 0; i < count; i++) {
		struct segment *segment = &stack->segments[segments];

		frames[i].kept = false;
		if (!ip_frame(stack, &frames[i], segment))
			continue;
		tcp_table_prefetch(&stack->table, segment->hash);
		segments++;
	}
	for (uint32_t i = 0; i < segments; i++)
		prefetch_flow(stack, stack->segments[i].hash);
	for (uint32_t i = 0; i < segments; i++)
		input_segment(stack, &stack->segments[i]);
	tcp_out_flush(&stack->out);
}

void tcp_advance(struct tcp_stack *stack, uint64_t now_ns)
{
	uint32_t due[WHEEL_BATCH];
	uint32_t count;

	time_set(stack, now_ns);
	do {
		count = wheel_advance(&stack->wheel, stack->now_ns, due,
				      WHEEL_BATCH);
		for (uint32_t i = 0; i < count; i++)
			expire_flow(stack, &stack->flows[due[i]]);
	} while (count == WHEEL_BATCH);
	end_waits_advance(stack);
	arp_advance(stack);
	tcp_out_flush(&stack->out);
}

uint64_t tcp_deadline(const struct tcp_stack *stack)
{
	const struct tcp_time_wait *wait = tcp_time_wait_first(&stack->waits);
	uint64_t deadline =
		min_u64(wheel_next(&stack->wheel), stack->neighbours_ns);
	uint32_t left;

	if (!wait)
		return deadline;
	left = wait->until - stack_ms(stack);
	if ((int32_t)left < 0)
		left = 0;
	return min_u64(deadline, (stack->now_ms + left) * NS_PER_MS);
}

/* A flow that is touched while it is looked at waits for the next flush. */
void tcp_flush(struct tcp_stack *stack)
{
	uint32_t count = stack->listed_count;

	for (uint32_t i = 0; i < count; i++) {
		struct flow *flow = &stack->flows[stack->listed[i]];

		flow->flags &= (uint16_t)~FLOW_LISTED;
		if (flow->state != FLOW_FREE)
			output_flow(stack, flow);
	}
	stack->listed_count -= count;
	memmove(stack->listed, stack->listed + count,
		stack->listed_count * sizeof(stack->listed[0]));
	tcp_out_flush(&stack->out);
}

static void lent_release(struct tcp_stack *stack, const struct tcp_lent *lent)
{
	if (lent->chunk)
		tcp_rx_drop(&stack->rx_pool, lent->chunk - 1);
	else if (!tcp_plant_is(stack, TCP_PLANT_keep_frame))
		stack->ops.release(stack->ops.arg, lent->token);
}

void tcp_recycle(struct tcp_stack *stack, const struct tcp_view *view)
{
	struct tcp_lent lent = tcp_event_unlend(&stack->events, view->buffer);
	struct flow *flow = flows_get(stack, lent.flow);

	if (flow) {
		flow->pinned -= lent.len;
		if (flow->state != FLOW_DONE && window_update_due(stack, flow))
			flows_touch(stack, flow);
	}
	lent_release(stack, &lent);
}

void tcp_release_all(struct tcp_stack *stack)
{
	for (uint32_t i = 0; i < stack->events.lent_max; i++) {
		if (stack->events.lent[i].len)
			tcp_recycle(stack, &(struct tcp_view){.buffer = i});
	}
	stack->events.head = stack->events.tail = 0;
	stack->events.plain = 0;
}

/*
 * Whether an event is told now: not to who has closed the flow, and RECEIVED
 * and EOF not while it is held (*later: it stays).
 */
static bool event_told(struct tcp_stack *stack, struct tcp_event *event,
		       bool *later)
{
	struct flow *flow = flows_get(stack, event->flow);

	*later = false;
	if (event->kind == TCP_CLOSED)
		return true;
	if (flow && (flow->flags & FLOW_HELD) &&
	    (event->kind == TCP_RECEIVED || event->kind == TCP_EOF)) {
		*later = true;
		return false;
	}
	if (!flow && event->kind == TCP_RECEIVED)
		tcp_recycle(stack, &event->view);
	/* It ended before its owner heard of it: he never will. */
	if (!flow && event->kind == TCP_ACCEPTED)
		tcp_event_remove_first(&stack->events, TCP_CLOSED, event->flow);
	if (flow && event->kind == TCP_WRITABLE)
		flow->flags &= (uint16_t)~FLOW_WRITE_TOLD;
	return flow != NULL;
}

uint32_t tcp_events(struct tcp_stack *stack, struct tcp_event *events,
		    uint32_t max)
{
	struct tcp_event_queue *queue = &stack->events;
	uint32_t kept = queue->head;
	uint32_t count = 0;
	uint32_t next;

	for (next = queue->head; next < queue->tail && count < max; next++) {
		struct tcp_event *event = &queue->events[next];
		bool later;

		if (event_told(stack, event, &later))
			events[count++] = *event;
		if (later)
			queue->events[kept++] = *event;
		else if (event->kind != TCP_RECEIVED)
			queue->plain--;
	}
	/* What stays goes to the end of what was looked at. */
	memmove(&queue->events[next - (kept - queue->head)],
		&queue->events[queue->head],
		(kept - queue->head) * sizeof(*queue->events));
	queue->head = next - (kept - queue->head);
	return count;
}

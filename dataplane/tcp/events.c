/* events.c - what a stack tells its owner, and the views that go with it. */
#include "dataplane/tcp/events.h"
#include "core/chain.h"

#include <errno.h>
#include <string.h>

static size_t capacity_for(uint32_t flow_max, uint32_t view_max)
{
	return (size_t)EVENTS_PER_FLOW * flow_max + view_max;
}

size_t tcp_event_queue_bytes(uint32_t flow_max, uint32_t view_max)
{
	return capacity_for(flow_max, view_max) * sizeof(struct tcp_event) +
	       (sizeof(struct tcp_lent) + sizeof(uint32_t)) * (size_t)view_max +
	       3 * CACHE_LINE_BYTES;
}

int tcp_event_queue_init(struct tcp_event_queue *queue, struct arena *arena,
			 uint32_t flow_max, uint32_t view_max)
{
	size_t capacity = capacity_for(flow_max, view_max);

	*queue = (struct tcp_event_queue){
		.capacity = (uint32_t)capacity,
		.lent_max = view_max,
		.events = arena_take(arena, capacity * sizeof(struct tcp_event),
				     CACHE_LINE_BYTES),
		.lent = arena_take(arena,
				   sizeof(struct tcp_lent) * (size_t)view_max,
				   CACHE_LINE_BYTES),
		.lent_next =
			arena_take(arena, sizeof(uint32_t) * (size_t)view_max,
				   CACHE_LINE_BYTES),
	};
	return queue->events && queue->lent && queue->lent_next ? 0 : -ENOMEM;
}

static struct tcp_event *event_new(struct tcp_event_queue *queue)
{
	if (queue->head == queue->tail) {
		queue->head = queue->tail = 0;
	} else if (queue->tail == queue->capacity) {
		memmove(queue->events, queue->events + queue->head,
			(queue->tail - queue->head) * sizeof(*queue->events));
		queue->tail -= queue->head;
		queue->head = 0;
	}
	ASSERT(queue->tail < queue->capacity, "each event has its room");
	return &queue->events[queue->tail++];
}

void tcp_event_add(struct tcp_event_queue *queue, enum tcp_event_kind kind,
		   tcp_flow flow, int result, uint64_t cookie)
{
	*event_new(queue) = (struct tcp_event){
		.kind = (uint8_t)kind,
		.result = result,
		.flow = flow,
		.cookie = cookie,
	};
	queue->plain++;
}

void tcp_event_add_view(struct tcp_event_queue *queue,
			const struct tcp_lent *lent, const uint8_t *data)
{
	uint32_t buffer = queue->lent_free;

	ASSERT(!tcp_event_lent_full(queue), "the caller looked");
	queue->lent_free = chain_next(queue->lent_next, buffer);
	queue->lent[buffer] = *lent;
	queue->lent_used++;
	*event_new(queue) = (struct tcp_event){
		.kind = TCP_RECEIVED,
		.flow = lent->flow,
		.view = {data, lent->len, buffer},
	};
}

struct tcp_lent tcp_event_unlend(struct tcp_event_queue *queue, uint32_t buffer)
{
	struct tcp_lent lent;

	ASSERT(buffer < queue->lent_max && queue->lent[buffer].len,
	       "a view is given back once");
	lent = queue->lent[buffer];
	queue->lent[buffer].len = 0;
	chain_link(queue->lent_next, buffer, queue->lent_free);
	queue->lent_free = buffer;
	queue->lent_used--;
	return lent;
}

void tcp_event_remove(struct tcp_event_queue *queue, uint32_t index)
{
	queue->plain -= queue->events[index].kind != TCP_RECEIVED;
	queue->tail--;
	memmove(&queue->events[index], &queue->events[index + 1],
		(queue->tail - index) * sizeof(*queue->events));
}

void tcp_event_remove_first(struct tcp_event_queue *queue,
			    enum tcp_event_kind kind, tcp_flow flow)
{
	for (uint32_t i = queue->head; i < queue->tail; i++) {
		if (queue->events[i].kind == kind &&
		    queue->events[i].flow == flow) {
			tcp_event_remove(queue, i);
			return;
		}
	}
}

bool tcp_event_queue_check(const struct tcp_event_queue *queue)
{
	uint32_t plain = 0;
	uint32_t used = 0;

	if (queue->head > queue->tail || queue->tail > queue->capacity)
		return false;
	for (uint32_t i = queue->head; i < queue->tail; i++) {
		const struct tcp_event *event = &queue->events[i];

		if (event->kind != TCP_RECEIVED)
			plain++;
		else if (event->view.buffer >= queue->lent_max ||
			 queue->lent[event->view.buffer].len != event->view.len)
			return false;
	}
	for (uint32_t i = 0; i < queue->lent_max; i++)
		used += queue->lent[i].len != 0;
	return plain == queue->plain && used == queue->lent_used;
}

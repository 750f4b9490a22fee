/* queue.c - segments in order. */
#include "dataplane/sim/internal.h"

#include <stdlib.h>

struct sim_segment *sim_segment_make(enum sim_segment_kind kind, uint32_t len)
{
	struct sim_segment *segment =
		sim_take(1, sizeof(*segment) + (size_t)len);

	segment->kind = (uint8_t)kind;
	segment->len = len;
	return segment;
}

void sim_queue_append(struct sim_queue *queue, struct sim_segment *segment)
{
	segment->next = NULL;
	if (queue->tail)
		queue->tail->next = segment;
	else
		queue->head = segment;
	queue->tail = segment;
	queue->len_bytes += segment->len - segment->off;
}

void sim_queue_prepend(struct sim_queue *queue, struct sim_segment *segment)
{
	segment->next = queue->head;
	queue->head = segment;
	if (!queue->tail)
		queue->tail = segment;
	queue->len_bytes += segment->len - segment->off;
}

struct sim_segment *sim_queue_take(struct sim_queue *queue)
{
	struct sim_segment *segment = queue->head;

	if (!segment)
		return NULL;
	queue->head = segment->next;
	if (!queue->head)
		queue->tail = NULL;
	queue->len_bytes -= segment->len - segment->off;
	return segment;
}

void sim_queue_clear(struct sim_queue *queue)
{
	struct sim_segment *segment;

	while ((segment = sim_queue_take(queue)))
		free(segment);
}

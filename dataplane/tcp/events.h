/* events.h - what a stack tells its owner, and the views that go with it. */
#pragma once

#include "dataplane/tcp/tcp.h"

/*
 * A queue that is emptied at every pass and then starts at the front again: so
 * it stays in the cache, however long it is. It never overflows: a RECEIVED
 * needs a view, a flow has at most one of each other kind outstanding, and a
 * flow is only made while there is room for all of its events.
 */
#define EVENTS_PER_FLOW 4 /* opened, WRITABLE, EOF, CLOSED */

/* What a view refers to. */
struct tcp_lent {
	tcp_flow flow;
	uint64_t token; /* the frame's */
	uint32_t len;   /* 0: free */
	uint32_t chunk; /* + 1, when it is a chunk's and not a frame's */
};

struct tcp_event_queue {
	struct tcp_event *events;
	uint32_t head;
	uint32_t tail;
	uint32_t capacity;
	uint32_t plain; /* queued that are not RECEIVED */
	struct tcp_lent *lent;
	uint32_t *lent_next; /* links of chain.h */
	uint32_t lent_free;
	uint32_t lent_used;
	uint32_t lent_max;
};

size_t tcp_event_queue_bytes(uint32_t flow_max, uint32_t view_max);
int tcp_event_queue_init(struct tcp_event_queue *queue, struct arena *arena,
			 uint32_t flow_max, uint32_t view_max);

/* Adds an event that is not RECEIVED. */
void tcp_event_add(struct tcp_event_queue *queue, enum tcp_event_kind kind,
		   tcp_flow flow, int result, uint64_t cookie);

/* Whether every view is out. */
static inline bool tcp_event_lent_full(const struct tcp_event_queue *queue)
{
	return queue->lent_used == queue->lent_max;
}

/* Adds RECEIVED. There must be a view to lend. */
void tcp_event_add_view(struct tcp_event_queue *queue,
			const struct tcp_lent *lent, const uint8_t *data);

/* Takes a view back: what it referred to, for the caller to let go of. */
struct tcp_lent tcp_event_unlend(struct tcp_event_queue *queue,
				 uint32_t buffer);

/* Takes an event out that stands at index, or the first of a kind, if any. */
void tcp_event_remove(struct tcp_event_queue *queue, uint32_t index);
void tcp_event_remove_first(struct tcp_event_queue *queue,
			    enum tcp_event_kind kind, tcp_flow flow);

bool tcp_event_queue_check(const struct tcp_event_queue *queue);

/* tcp_ours.h - our TCP as an end of a run: what its files share. */
#pragma once

#include "dataplane/tcp/export.h"
#include "dataplane/tcp/flows.h"
#include "tests/sim/tcp_run_internal.h"

#define OURS_STACKS    2
#define OURS_ASIDE_MAX 256
#define OURS_HELD_MAX  256 /* more than both stacks have views */

/* A connection as its end knows it, and its image while it is on its way. */
struct place {
	uint32_t stack;
	tcp_flow flow;
	bool known;
	uint8_t *image;
	size_t image_bytes;
	uint64_t back_ns;
	uint64_t moved_ns; /* 0: never */
};

/*
 * What arrives is given to stack 0, which has the listeners; what it does not
 * know and the other one does is put aside and given to that. The other's
 * clock shows another time, as a clock elsewhere would.
 */
struct ours {
	struct run_end *end;
	struct arena arena[OURS_STACKS];
	struct tcp_stack *stack[OURS_STACKS];
	uint64_t clock_ns[OURS_STACKS]; /* ahead of the run's */
	struct tcp_config config;
	struct place place[RUN_CONNS];
	struct tcp_frame aside[OURS_ASIDE_MAX];
	uint32_t aside_count;
	uint8_t *held[OURS_HELD_MAX]; /* frames that a stack keeps */
	uint32_t held_count;
	uint32_t left;   /* events that could not be told: held */
	bool checked;    /* the device verifies what arrives */
	bool moves;      /* there is room for whatever an image has */
	bool keeps_away; /* frames wait for a connection that is away */
};

/* tcp_ours_frames.c: frames in and out. */
void ours_emit(void *arg, const struct tcp_frame_out *frames, uint32_t count);
void ours_release(void *arg, uint64_t token);
enum tcp_unknown ours_unknown_0(void *arg, const struct tcp_tuple *tuple,
				const struct tcp_frame *frame);
enum tcp_unknown ours_unknown_1(void *arg, const struct tcp_tuple *tuple,
				const struct tcp_frame *frame);
void ours_input(struct run_end *end);
void ours_give_aside(struct ours *ours);
uint64_t ours_sum(const struct ours *ours, size_t counter);

/* A counter of both stacks. */
#define OURS_SUM(ours, name) ours_sum(ours, offsetof(struct tcp_counters, name))

/* tcp_ours.c */
extern const struct run_end_calls ours_calls;

static inline struct ours *ours_of(struct run_end *end)
{
	return end->own;
}

static inline uint64_t ours_time(const struct ours *ours, uint32_t stack)
{
	return ours->end->run->now_ns + ours->clock_ns[stack];
}

/* Our record of a connection; NULL: it has none, or nobody owns it. */
static inline const struct flow *ours_record(const struct ours *ours,
					     uint32_t conn)
{
	const struct place *place = &ours->place[conn];

	if (!place->known || place->image)
		return NULL;
	return flows_get(ours->stack[place->stack], place->flow);
}

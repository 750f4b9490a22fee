/* tcp_ours_frames.c - frames of our TCP: to the cable, and to who has the flow.
 */
#include "tests/sim/tcp_ours.h"

#include <stdlib.h>
#include <string.h>

#define FRAME_BYTES 9100

uint64_t ours_sum(const struct ours *ours, size_t counter)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < OURS_STACKS; i++) {
		const void *c = tcp_counters(ours->stack[i]);

		sum += *(const uint64_t *)((const char *)c + counter);
	}
	return sum;
}

/* What a device with checksum offload does: the field has the pseudo sum. */
static void offload(uint8_t *frame, uint32_t len)
{
	uint32_t at = 14 + (frame[14] & 15) * (uint32_t)4;
	uint64_t sum = 0;

	for (uint32_t i = at; i < len; i++)
		sum += i % 2 == at % 2 ? (uint32_t)frame[i] << 8 : frame[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	frame[at + 16] = (uint8_t)(~sum >> 8);
	frame[at + 17] = (uint8_t)~sum;
}

/* What the stack refused so far: after that it may say less than has come. */
static uint64_t refused(const struct ours *ours)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < OURS_STACKS; i++) {
		const struct tcp_counters *c = tcp_counters(ours->stack[i]);

		sum += c->paws_dropped + c->no_timestamp + c->out_of_window +
		       c->bad_acks + c->aux_full + c->reordered_dropped +
		       c->received_dropped + c->unknown + c->after_close;
	}
	return sum;
}

void ours_emit(void *arg, const struct tcp_frame_out *frames, uint32_t count)
{
	struct ours *ours = arg;
	uint8_t bytes[FRAME_BYTES];

	ours->end->run->watch[ours->end->side].timeouts =
		OURS_SUM(ours, timeouts);
	for (uint32_t i = 0; i < count; i++) {
		const struct tcp_frame_out *frame = &frames[i];
		uint32_t len = frame->header_len;

		memcpy(bytes, frame->header, len);
		for (uint32_t s = 0; s < frame->span_count; s++) {
			memcpy(bytes + len, frame->spans[s].data,
			       frame->spans[s].len);
			len += frame->spans[s].len;
		}
		if (len != frame->len)
			run_fail(ours->end->run, "a frame's length is wrong");
		if (frame->flags & TCP_OUT_L4_PARTIAL)
			offload(bytes, len);
		run_emit(ours->end, bytes, len);
	}
}

void ours_release(void *arg, uint64_t token)
{
	struct ours *ours = arg;
	uint8_t *frame = (uint8_t *)(uintptr_t)token;
	uint32_t at = 0;

	while (at < ours->held_count && ours->held[at] != frame)
		at++;
	if (at == ours->held_count) {
		run_fail(ours->end->run,
			 "a frame is released that is not kept");
		return;
	}
	ours->held[at] = ours->held[--ours->held_count];
	free(frame);
}

/* Puts a frame aside for whom it belongs to. */
static enum tcp_unknown take(struct ours *ours, const struct tcp_frame *frame)
{
	/* No room: a device drops, too. */
	if (ours->aside_count == OURS_ASIDE_MAX)
		return TCP_UNKNOWN_DROP;
	ours->aside[ours->aside_count++] = *frame;
	return TCP_UNKNOWN_TAKEN;
}

static enum tcp_unknown unknown_at(struct ours *ours, uint32_t stack,
				   const struct tcp_tuple *tuple,
				   const struct tcp_frame *frame)
{
	struct run *run = ours->end->run;

	for (uint32_t i = 0; i < run->conn_count; i++) {
		const struct place *place = &ours->place[i];

		if (run->conn[i].port[ours->end->side] != tuple->local_port)
			continue;
		if (place->image) {
			run_count(run, RUN_MOVE_AWAY, 1);
			return ours->keeps_away ? take(ours, frame)
						: TCP_UNKNOWN_DROP;
		}
		if (place->known && place->stack != stack)
			return take(ours, frame);
	}
	return TCP_UNKNOWN_OURS;
}

enum tcp_unknown ours_unknown_0(void *arg, const struct tcp_tuple *tuple,
				const struct tcp_frame *frame)
{
	return unknown_at(arg, 0, tuple, frame);
}

enum tcp_unknown ours_unknown_1(void *arg, const struct tcp_tuple *tuple,
				const struct tcp_frame *frame)
{
	return unknown_at(arg, 1, tuple, frame);
}

static bool is_aside(const struct ours *ours, uint64_t token)
{
	for (uint32_t i = 0; i < ours->aside_count; i++) {
		if (ours->aside[i].token == token)
			return true;
	}
	return false;
}

/* Gives frames to a stack; those it keeps are its own from then on. */
static void give(struct ours *ours, uint32_t stack, struct tcp_frame *frames,
		 uint32_t count)
{
	tcp_input(ours->stack[stack], ours_time(ours, stack), frames, count);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *frame = (uint8_t *)(uintptr_t)frames[i].token;

		if (!frames[i].kept) {
			free(frame);
		} else if (!is_aside(ours, frames[i].token)) {
			ASSERT(ours->held_count < OURS_HELD_MAX,
			       "each of them is a view");
			ours->held[ours->held_count++] = frame;
		}
	}
}

/* What was put aside, to whom it belongs now. */
void ours_give_aside(struct ours *ours)
{
	struct run *run = ours->end->run;
	struct tcp_frame frames[OURS_ASIDE_MAX];
	uint32_t count = ours->aside_count;

	memcpy(frames, ours->aside, count * sizeof(frames[0]));
	ours->aside_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct tcp_seen seen;
		uint32_t conn = 0;

		tcp_see(frames[i].data, frames[i].len, &seen);
		while (run->conn[conn].port[ours->end->side] !=
		       seen.target_port)
			conn++;
		if (ours->place[conn].image)
			ours->aside[ours->aside_count++] = frames[i];
		else
			give(ours, ours->place[conn].stack, &frames[i], 1);
	}
}

/* Both stacks learn where the neighbour is; one of them answers. */
static void give_arp(struct ours *ours, struct tcp_frame *frame)
{
	struct tcp_frame copy = *frame;

	tcp_input(ours->stack[1], ours_time(ours, 1), &copy, 1);
	give(ours, 0, frame, 1);
}

/* One frame, and whether what came of it is right. */
static void take_in(struct ours *ours, struct tcp_frame *frame)
{
	struct run *run = ours->end->run;
	struct tcp_watch *watch = &run->watch[ours->end->side];
	uint64_t before_refused = refused(ours);
	uint64_t before_kept = OURS_SUM(ours, reordered_segments);
	const struct flow *flow;
	const struct flow_aux *aux = NULL;
	uint32_t ranges = 0;

	watch_in(watch, run->now_ns, frame->data, frame->len);
	give(ours, 0, frame, 1);
	ours_give_aside(ours);
	watch->timeouts = OURS_SUM(ours, timeouts);
	if (!watch->now_conn || refused(ours) != before_refused)
		return;
	for (uint32_t i = 0; i < run->conn_count; i++) {
		flow = &watch->conn[i] == watch->now_conn ? ours_record(ours, i)
							  : NULL;
		if (flow)
			aux = flows_aux(ours->stack[ours->place[i].stack],
					flow);
	}
	if (aux)
		ranges = aux->reorder.count;
	watch_taken(watch, OURS_SUM(ours, reordered_segments) != before_kept,
		    ranges);
}

void ours_input(struct run_end *end)
{
	struct ours *ours = ours_of(end);
	struct run *run = end->run;
	struct tcp_frame batch[TCP_BATCH];
	uint32_t count = 0;

	for (uint32_t i = 0; i < end->arrived_count; i++) {
		struct run_frame *from = &end->arrived[i];
		struct tcp_seen seen;
		enum tcp_look look = tcp_see(from->data, from->len, &seen);
		struct tcp_frame frame = {
			.data = from->data,
			.len = from->len,
			.token = (uintptr_t)from->data,
		};

		if (ours->checked && look == LOOK_BAD) {
			free(from->data);
			continue;
		}
		if (ours->checked && look == LOOK_TCP)
			frame.flags =
				TCP_FRAME_IP_CHECKED | TCP_FRAME_L4_CHECKED;
		if (from->data[12] == 8 && from->data[13] == 6) {
			give_arp(ours, &frame);
		} else if (end->one_by_one) {
			take_in(ours, &frame);
		} else {
			watch_in(&run->watch[end->side], run->now_ns,
				 from->data, from->len);
			batch[count++] = frame;
		}
	}
	end->arrived_count = 0;
	run->watch[end->side].now_conn = NULL;
	give(ours, 0, batch, count);
	ours_give_aside(ours);
}

/* tcp_ours.c - our TCP as an end of a run: two stacks of one address. */
#include "tests/sim/tcp_ours.h"

#include <errno.h>
#include <stdlib.h>

#define RETRY_NS (10 * NS_PER_MS)

/* The connection's owner must be told of it by his own counts. */
static void bring_back(struct ours *ours, uint32_t conn)
{
	struct run *run = ours->end->run;
	struct place *place = &ours->place[conn];
	uint32_t to = 1 - place->stack;
	int err;

	/* As told by the first look at the other clock's time. */
	tcp_advance(ours->stack[to], ours_time(ours, to));
	err = tcp_import(ours->stack[to], place->image, place->image_bytes,
			 &place->flow);
	if (err == -ENOBUFS || err == -ENOSPC) {
		place->stack = to;
		place->back_ns = run->now_ns + RETRY_NS;
		return;
	}
	if (err)
		run_fail(run, "conn %u cannot be imported: %d", conn, err);
	run_say(run, "side %u conn %u: in stack %u", ours->end->side, conn, to);
	free(place->image);
	place->image = NULL;
	place->stack = to;
	place->moved_ns = run->now_ns;
	run_app(run, ours->end->side, conn)->away = false;
	ours->end->more = true;
}

static void ours_advance(struct run_end *end)
{
	struct ours *ours = ours_of(end);

	for (uint32_t i = 0; i < OURS_STACKS; i++)
		tcp_advance(ours->stack[i], ours_time(ours, i));
	for (uint32_t i = 0; i < end->run->conn_count; i++) {
		if (ours->place[i].image &&
		    ours->place[i].back_ns <= end->run->now_ns)
			bring_back(ours, i);
	}
	ours_give_aside(ours);
}

static bool ours_move(struct run_end *end, uint32_t conn)
{
	struct ours *ours = ours_of(end);
	struct run *run = end->run;
	struct run_app *app = run_app(run, end->side, conn);
	struct place *place = &ours->place[conn];
	struct tcp_stack *stack = ours->stack[place->stack];
	size_t size = tcp_export_bytes(stack, place->flow);
	const struct flow *flow = ours_record(ours, conn);

	if (!size || !flow || !ours->moves)
		return false;
	run_count(run, RUN_MOVE, 1);
	run_count(run, RUN_MOVE_BUSY, flow_flight(flow) != 0);
	place->image = malloc(size);
	ASSERT(place->image, "a test has its memory");
	if (tcp_export(stack, place->flow, place->image, size - 1) != -ENOBUFS)
		run_fail(run, "an image fits where there is no room");
	if (tcp_export(stack, place->flow, place->image, size) != (ssize_t)size)
		run_fail(run, "an image is not as long as was said");
	run_say(run, "side %u conn %u: leaves stack %u, %zu bytes", end->side,
		conn, place->stack, size);
	place->image_bytes = size;
	place->back_ns = run->now_ns + run_below(run, app->plan.away_ns + 1);
	app->away = true;
	app->eof = false;
	app->blocked = false;
	app->unhold_ns = NS_NEVER;
	for (uint32_t i = 0; i < app->view_count; i++) {
		if (!app->views[i].moved)
			watch_recycled(&run->watch[end->side], conn,
				       app->views[i].len);
		app->views[i].moved = true;
	}
	watch_moved(&run->watch[end->side], conn);
	if (place->back_ns == run->now_ns)
		bring_back(ours, conn);
	return true;
}

/* Names of different stacks may be equal. */
static bool is_at(const struct place *place, uint32_t stack,
		  const struct tcp_event *event)
{
	return place->known && !place->image && place->stack == stack &&
	       place->flow == event->flow;
}

static void tell_one(struct ours *ours, uint32_t stack,
		     const struct tcp_event *event)
{
	struct run *run = ours->end->run;
	uint32_t side = ours->end->side;
	struct run_view view = {
		.len = event->view.len,
		.stack = stack,
		.buffer = event->view.buffer,
		.data = event->view.data,
	};
	uint32_t conn = 0;

	if (event->kind == TCP_ACCEPTED) {
		conn = (uint32_t)event->cookie;
		ours->place[conn] = (struct place){
			.stack = stack,
			.flow = event->flow,
			.known = true,
		};
	}
	while (conn < run->conn_count &&
	       !is_at(&ours->place[conn], stack, event))
		conn++;
	if (conn == run->conn_count) {
		run_fail(run, "an event (%u) for a flow that is none",
			 event->kind);
		return;
	}
	switch ((enum tcp_event_kind)event->kind) {
	case TCP_ACCEPTED:
	case TCP_CONNECTED:
		run_count(run,
			  event->kind == TCP_ACCEPTED ? RUN_PASSIVE
						      : RUN_ACTIVE,
			  1);
		app_opened(run, side, conn);
		break;
	case TCP_RECEIVED:
		app_received(run, side, conn, &view);
		break;
	case TCP_WRITABLE:
		app_writable(run, side, conn);
		break;
	case TCP_EOF:
		app_eof(run, side, conn);
		break;
	case TCP_CLOSED:
		app_closed(run, side, conn, event->result);
		break;
	}
}

static uint32_t untold(const struct ours *ours)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < OURS_STACKS; i++) {
		struct tcp_usage usage;

		tcp_usage(ours->stack[i], &usage);
		sum += usage.events;
	}
	return sum;
}

static void ours_tell(struct run_end *end)
{
	struct ours *ours = ours_of(end);
	uint32_t max = run_fault(end->run, SIM_FEW_EVENTS) ? 1 : 32;

	for (uint32_t i = 0; i < OURS_STACKS; i++) {
		/* One at a time: what an answer to it holds is not told. */
		for (uint32_t n = 0; n < max; n++) {
			struct tcp_event event;

			if (!tcp_events(ours->stack[i], &event, 1))
				break;
			tell_one(ours, i, &event);
			end->more |= n + 1 == max;
		}
	}
	ours->left = untold(ours);
}

static void ours_flush(struct run_end *end)
{
	struct ours *ours = ours_of(end);

	for (uint32_t i = 0; i < OURS_STACKS; i++)
		tcp_flush(ours->stack[i]);
	end->more |= untold(ours) > ours->left;
}

static uint64_t ours_deadline(struct run_end *end)
{
	const struct ours *ours = ours_of(end);
	uint64_t due_ns = NS_NEVER;

	for (uint32_t i = 0; i < OURS_STACKS; i++) {
		uint64_t at_ns = tcp_deadline(ours->stack[i]);

		if (at_ns != NS_NEVER)
			due_ns = min_u64(due_ns, at_ns - ours->clock_ns[i]);
	}
	for (uint32_t i = 0; i < end->run->conn_count; i++) {
		if (ours->place[i].image)
			due_ns = min_u64(due_ns, ours->place[i].back_ns);
	}
	return due_ns;
}

static int ours_listen(struct run_end *end, uint32_t conn)
{
	return tcp_listen(ours_of(end)->stack[0],
			  end->run->conn[conn].port[end->side], 4, conn);
}

static int ours_connect(struct run_end *end, uint32_t conn)
{
	struct ours *ours = ours_of(end);
	struct place *place = &ours->place[conn];
	const uint16_t *port = end->run->conn[conn].port;

	*place = (struct place){.known = true};
	return tcp_connect(ours->stack[0], end->run->address[1 - end->side],
			   port[1 - end->side], port[end->side], &place->flow);
}

/* A flow that has ended, and whose CLOSED waits to be told. */
static void expect(struct ours *ours, const char *call, ssize_t result)
{
	if (result < 0 && result != -ESTALE)
		run_fail(ours->end->run, "%s gives %zd", call, result);
}

static uint32_t ours_send(struct run_end *end, uint32_t conn,
			  const uint8_t *data, uint32_t len)
{
	struct ours *ours = ours_of(end);
	const struct place *place = &ours->place[conn];
	uint32_t cut = (uint32_t)run_below(end->run, len + 1);
	struct span spans[2] = {{data, cut}, {data + cut, len - cut}};
	ssize_t taken =
		tcp_send(ours->stack[place->stack], place->flow, spans, 2);

	expect(ours, "send", taken);
	return taken > 0 ? (uint32_t)taken : 0;
}

static void ours_recycle(struct run_end *end, uint32_t conn,
			 const struct run_view *view)
{
	struct tcp_view back = {view->data, view->len, view->buffer};

	(void)conn;
	tcp_recycle(ours_of(end)->stack[view->stack], &back);
}

static void ours_hold(struct run_end *end, uint32_t conn, bool held)
{
	struct ours *ours = ours_of(end);
	const struct place *place = &ours->place[conn];
	struct tcp_stack *stack = ours->stack[place->stack];

	expect(ours, "hold",
	       held ? tcp_hold(stack, place->flow)
		    : tcp_unhold(stack, place->flow));
	end->more |= !held;
}

static bool ours_unread(struct run_end *end, uint32_t conn,
			const struct run_view *view)
{
	struct ours *ours = ours_of(end);
	const struct place *place = &ours->place[conn];
	int err = tcp_unread(ours->stack[place->stack], place->flow, view->data,
			     view->len);

	if (err != -ENOBUFS)
		expect(ours, "unread", err);
	return !err;
}

static void ours_shutdown(struct run_end *end, uint32_t conn)
{
	struct ours *ours = ours_of(end);
	const struct place *place = &ours->place[conn];

	expect(ours, "shutdown",
	       tcp_shutdown(ours->stack[place->stack], place->flow));
}

static void ours_close(struct run_end *end, uint32_t conn)
{
	struct ours *ours = ours_of(end);
	const struct place *place = &ours->place[conn];

	/* Its timer starts anew, with another patience. */
	watch_moved(&end->run->watch[end->side], conn);
	expect(ours, "close",
	       tcp_close(ours->stack[place->stack], place->flow));
	end->more = true;
}

static void ours_kill(struct run_end *end, uint32_t conn)
{
	struct ours *ours = ours_of(end);
	const struct place *place = &ours->place[conn];

	expect(ours, "kill", tcp_kill(ours->stack[place->stack], place->flow));
	end->more = true;
}

static const char *ours_check(struct run_end *end)
{
	struct ours *ours = ours_of(end);
	struct run *run = end->run;

	for (uint32_t i = 0; i < run->conn_count; i++) {
		const struct flow *flow = ours_record(ours, i);
		uint64_t moved_ns = ours->place[i].moved_ns;

		/* There it may have to ask for the peer's MAC first. */
		if (flow && flow_synchronized(flow) &&
		    (!moved_ns || run->now_ns - moved_ns > 20 * NS_PER_S))
			watch_debt(&run->watch[end->side], i, run->now_ns,
				   flow->rcv_nxt);
	}
	for (uint32_t i = 0; i < OURS_STACKS; i++) {
		const char *bad = tcp_check(ours->stack[i]);

		if (bad)
			return bad;
	}
	return NULL;
}

static const char *ours_check_empty(struct run_end *end)
{
	struct ours *ours = ours_of(end);

	for (uint32_t i = 0; i < OURS_STACKS; i++) {
		struct tcp_usage u;

		tcp_usage(ours->stack[i], &u);
		if (u.flows || u.half_open)
			return "flows";
		if (u.time_waits)
			return "connections that wait";
		if (u.views || u.aux || u.tx_chunks || u.rx_chunks)
			return "memory";
		if (u.timers || u.events)
			return "timers or events";
	}
	return ours->held_count ? "frames" : NULL;
}

static uint64_t ours_waits(struct run_end *end)
{
	return OURS_SUM(ours_of(end), time_waits);
}

static void ours_tally(struct run_end *end)
{
	struct ours *ours = ours_of(end);
	struct run *run = end->run;

	run_count(run, RUN_PROBE, OURS_SUM(ours, probes));
	run_count(run, RUN_FAST, OURS_SUM(ours, fast_recoveries));
	run_count(run, RUN_TIMEOUT, OURS_SUM(ours, timeouts));
	run_count(run, RUN_REORDERED, OURS_SUM(ours, reordered_segments));
	run_count(run, RUN_WAIT, OURS_SUM(ours, time_waits));
	run_count(run, RUN_NO_ROOM,
		  OURS_SUM(ours, reordered_dropped) +
			  OURS_SUM(ours, received_dropped));
}

static void ours_fini(struct run_end *end)
{
	struct ours *ours = ours_of(end);

	for (uint32_t i = 0; i < OURS_STACKS; i++) {
		tcp_release_all(ours->stack[i]);
		arena_fini(&ours->arena[i]);
	}
	/* A fault may have been planted. */
	for (uint32_t i = 0; i < ours->held_count; i++)
		free(ours->held[i]);
	for (uint32_t i = 0; i < ours->aside_count; i++)
		free((void *)(uintptr_t)ours->aside[i].token);
	for (uint32_t i = 0; i < RUN_CONNS; i++)
		free(ours->place[i].image);
	free(ours);
}

const struct run_end_calls ours_calls = {
	.input = ours_input,
	.advance = ours_advance,
	.tell = ours_tell,
	.flush = ours_flush,
	.deadline = ours_deadline,
	.listen = ours_listen,
	.connect = ours_connect,
	.send = ours_send,
	.recycle = ours_recycle,
	.hold = ours_hold,
	.unread = ours_unread,
	.move = ours_move,
	.shutdown = ours_shutdown,
	.close = ours_close,
	.kill = ours_kill,
	.check = ours_check,
	.check_empty = ours_check_empty,
	.waits = ours_waits,
	.tally = ours_tally,
	.fini = ours_fini,
};

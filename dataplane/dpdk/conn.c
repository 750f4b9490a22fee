/* conn.c - connections: slots, the work list, and the way to an end.
 *
 *   CONNECTING -> OPEN -> ENDED -> (slot given back)
 *            \----------/
 *
 * A call notes what is wanted and, where TCP can do it at once, does it. What
 * is still to be told waits on the work list for a poll with room.
 *
 * A connection that was accepted tells nothing more in the same poll: its
 * owner gives it a cookie first. Till then it is fresh, and TCP holds it.
 */
#include "dataplane/dpdk/internal.h"

#include <errno.h>

/* Longer than TCP goes on alone with what an ended conn left to send. */
#define LEFTOVER_NS (60 * NS_PER_S)

struct conn *dpdk_conn_open(struct dpdk_dp *d, uint32_t leg, tcp_flow flow,
			    uint64_t cookie)
{
	handle name;
	struct conn *conn = slab_take(&d->conns, &name);

	if (!conn)
		return NULL;
	conn->name = name;
	conn->cookie = cookie;
	conn->leg = (uint8_t)leg;
	conn->state = CONN_OPEN;
	if (flow)
		dpdk_conn_bind(d, conn, flow);
	return conn;
}

struct conn *dpdk_conn_find(struct dpdk_dp *d, dp_conn name)
{
	return slab_get(&d->conns, name);
}

/* One whose owner has neither killed it nor given it away; else NULL. */
struct conn *dpdk_conn_find_owned(struct dpdk_dp *d, dp_conn name)
{
	struct conn *conn = dpdk_conn_find(d, name);

	return conn && !conn->killed && !conn->detaching ? conn : NULL;
}

void dpdk_conn_bind(struct dpdk_dp *d, struct conn *conn, tcp_flow flow)
{
	struct leg *leg = dpdk_conn_leg(d, conn);

	conn->flow = flow;
	leg->owners[tcp_flow_index(flow)] = (struct flow_owner){
		.flow = flow,
		.conn = handle_index(conn->name) + 1,
	};
}

/* What TCP still tells of the flow is nobody's from here on. */
void dpdk_conn_unbind(struct dpdk_dp *d, struct conn *conn)
{
	struct flow_owner *owner;

	if (!conn->flow)
		return;
	owner = &dpdk_conn_leg(d, conn)->owners[tcp_flow_index(conn->flow)];
	if (owner->flow == conn->flow)
		*owner = (struct flow_owner){0};
	conn->flow = 0;
}

/* Frames of the flow come here from now on. 0 or -errno. */
int dpdk_conn_claim(struct dpdk_dp *d, struct conn *conn)
{
	struct leg *leg = dpdk_conn_leg(d, conn);
	struct tcp_flow_info info;
	int err = tcp_flow_info(leg->stack, conn->flow, &info);

	if (err)
		return err;
	conn->key = steer_key(&leg->port->steer, &info.tuple);
	conn->local_port = info.tuple.local_port;
	return steer_claim(&leg->port->steer, conn->key, conn->local_port,
			   d->index, ++d->entry_number, &conn->entry);
}

/* Gives the slot back; nothing of it may be on its way any more. */
void dpdk_conn_drop(struct dpdk_dp *d, struct conn *conn)
{
	ASSERT(!conn->working, "a conn leaves the work list before its end");
	dpdk_send_forget(d, conn);
	dpdk_conn_unbind(d, conn);
	slab_give(&d->conns, conn->name);
}

void dpdk_conn_work(struct dpdk_dp *d, struct conn *conn)
{
	uint32_t place = handle_index(conn->name) + 1;
	struct conn *tail;

	if (conn->working)
		return;
	conn->working = true;
	conn->next = 0;
	if (d->work_tail) {
		tail = slab_at(&d->conns, d->work_tail - 1);
		tail->next = place;
	} else {
		d->work_head = place;
	}
	d->work_tail = place;
	d->work_count++;
}

struct dp_event *dpdk_conn_event(struct dpdk_dp *d, const struct conn *conn,
				 enum dp_event_kind kind)
{
	struct dp_event *event;

	DEBUG_ASSERT(out_has_room(d), "room is looked for first");
	event = &d->out[d->out_count++];
	*event = (struct dp_event){
		.kind = (uint8_t)kind,
		.cookie = conn->cookie,
		.conn = conn->name,
	};
	return event;
}

/* Tells how much left, when it is known. False: no room. */
static bool tell_sent(struct dpdk_dp *d, struct conn *conn)
{
	struct dp_event *event;

	if (!conn->sending)
		return true;
	if (!out_has_room(d))
		return false;
	event = dpdk_conn_event(d, conn, DP_SENT);
	event->tag = conn->tag;
	event->result = (int32_t)conn->taken;
	conn->sending = false;
	dpdk_send_forget(d, conn);
	return true;
}

/* ENDED, or killed: the last events, then the slot is free. */
static bool tell_end(struct dpdk_dp *d, struct conn *conn)
{
	struct dp_event *event;

	if (!tell_sent(d, conn) || !out_has_room(d))
		return false;
	event = dpdk_conn_event(d, conn, DP_CLOSED);
	event->result = conn->killed ? 0 : conn->error;
	leftover_add(d, conn->leg, conn->key, conn->entry);
	dpdk_conn_drop(d, conn);
	return true;
}

/* False: there was no room for it, or not all of it can be done yet. */
static bool pump(struct dpdk_dp *d, struct conn *conn)
{
	if (conn->fresh) {
		if (conn->poll == d->polls)
			return false;
		conn->fresh = false;
		if (!conn->held && !conn->detaching && conn->flow)
			tcp_unhold(dpdk_conn_leg(d, conn)->stack, conn->flow);
	}
	if (conn->killed || conn->state == CONN_ENDED)
		return tell_end(d, conn);
	if (conn->detaching)
		return tell_sent(d, conn) && out_has_room(d) &&
		       dpdk_move_out(d, conn);
	if (conn->sending && conn->taken == conn->total && !tell_sent(d, conn))
		return false;
	if (conn->shut_wanted && !conn->shut_done && !conn->sending) {
		conn->shut_done = true;
		tcp_shutdown(dpdk_conn_leg(d, conn)->stack, conn->flow);
	}
	return true;
}

void dpdk_conn_work_all(struct dpdk_dp *d)
{
	uint32_t count = d->work_count;

	while (count-- > 0) {
		struct conn *conn = slab_at(&d->conns, d->work_head - 1);

		d->work_head = conn->next;
		if (!d->work_head)
			d->work_tail = 0;
		d->work_count--;
		conn->working = false;
		if (!pump(d, conn))
			dpdk_conn_work(d, conn);
	}
}

static void leftover_drop(struct dpdk_dp *d)
{
	struct leftover *leftover = &d->leftovers[d->leftover_first];

	steer_release(&d->legs[leftover->leg].port->steer, leftover->key,
		      leftover->entry);
	d->leftover_first = (d->leftover_first + 1) % LEFTOVER_MAX;
	d->leftover_count--;
}

void leftover_add(struct dpdk_dp *d, uint8_t leg, uint64_t key, uint64_t entry)
{
	struct leftover *leftover;

	if (!entry)
		return;
	if (d->leftover_count == LEFTOVER_MAX)
		leftover_drop(d);
	leftover = &d->leftovers[(d->leftover_first + d->leftover_count) %
				 LEFTOVER_MAX];
	*leftover = (struct leftover){
		.key = key,
		.entry = entry,
		.until_ns = d->now_ns + LEFTOVER_NS,
		.leg = leg,
	};
	d->leftover_count++;
}

void leftover_expire(struct dpdk_dp *d, uint64_t now_ns)
{
	while (d->leftover_count &&
	       d->leftovers[d->leftover_first].until_ns <= now_ns)
		leftover_drop(d);
}

static void accepted(struct dpdk_dp *d, struct leg *leg,
		     const struct tcp_event *event)
{
	uint32_t index = (uint32_t)(leg - d->legs);
	struct conn *conn =
		dpdk_conn_open(d, index, event->flow, event->cookie);

	if (!conn) {
		leg->counters.refused++;
		tcp_kill(leg->stack, event->flow);
		return;
	}
	if (dpdk_conn_claim(d, conn)) {
		leg->counters.refused++;
		tcp_kill(leg->stack, event->flow);
		dpdk_conn_drop(d, conn);
		return;
	}
	dpdk_conn_event(d, conn, DP_ACCEPTED);
	conn->fresh = true;
	conn->poll = d->polls;
	tcp_hold(leg->stack, event->flow);
	dpdk_conn_work(d, conn);
}

static struct conn *owner_of(struct dpdk_dp *d, const struct leg *leg,
			     tcp_flow flow)
{
	const struct flow_owner *owner = &leg->owners[tcp_flow_index(flow)];

	return owner->conn && owner->flow == flow
		       ? slab_at(&d->conns, owner->conn - 1)
		       : NULL;
}

static void received(struct dpdk_dp *d, struct leg *leg,
		     const struct conn *conn, const struct tcp_view *view)
{
	struct dp_event *event = dpdk_conn_event(d, conn, DP_RECEIVED);

	event->view = (struct dp_view){
		.data = view->data,
		.len = view->len,
		.buffer = view_name((uint32_t)(leg - d->legs), view->buffer),
	};
}

/* Tells at most one event: room for it is there. */
static void on_event(struct dpdk_dp *d, struct leg *leg,
		     const struct tcp_event *event)
{
	struct conn *conn;

	if (event->kind == TCP_ACCEPTED) {
		accepted(d, leg, event);
		return;
	}
	conn = owner_of(d, leg, event->flow);
	if (!conn) {
		if (event->kind == TCP_RECEIVED)
			tcp_recycle(leg->stack, &event->view);
		return;
	}
	switch ((enum tcp_event_kind)event->kind) {
	case TCP_CONNECTED:
		conn->state = CONN_OPEN;
		dpdk_conn_event(d, conn, DP_CONNECTED);
		break;
	case TCP_RECEIVED:
		received(d, leg, conn, &event->view);
		break;
	case TCP_WRITABLE:
		dpdk_send_more(d, conn);
		break;
	case TCP_EOF:
		dpdk_conn_event(d, conn, DP_EOF);
		break;
	case TCP_CLOSED:
		dpdk_conn_unbind(d, conn);
		conn->state = CONN_ENDED;
		conn->error = event->result < 0 ? event->result : -EIO;
		dpdk_conn_work(d, conn);
		break;
	case TCP_ACCEPTED:
		break;
	}
}

/* One at a time: an ACCEPTED decides what may follow it. */
void dpdk_conn_events(struct dpdk_dp *d, struct leg *leg)
{
	struct tcp_event event;

	while (out_has_room(d) && tcp_events(leg->stack, &event, 1))
		on_event(d, leg, &event);
}

int dpdk_set_cookie(struct dp *dp, dp_conn name, uint64_t cookie)
{
	struct conn *conn = dpdk_conn_find(dpdk_of(dp), name);

	if (!conn)
		return -ESTALE;
	conn->cookie = cookie;
	return 0;
}

/* TCP sends what it has taken, and ends the flow, without us. */
int dpdk_kill(struct dp *dp, dp_conn name)
{
	struct dpdk_dp *d = dpdk_of(dp);
	struct conn *conn = dpdk_conn_find(d, name);

	if (!conn)
		return -ESTALE;
	conn->killed = true;
	if (conn->flow)
		tcp_close(dpdk_conn_leg(d, conn)->stack, conn->flow);
	dpdk_conn_unbind(d, conn);
	dpdk_conn_work(d, conn);
	return 0;
}

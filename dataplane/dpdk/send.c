/* send.c - sending and receiving, as far as it is not TCP's alone. */
#include "dataplane/dpdk/internal.h"

#include <errno.h>
#include <string.h>

static struct send *send_take(struct dpdk_dp *d, uint32_t *place)
{
	struct send *send;

	if (d->sends_free) {
		*place = d->sends_free;
		send = &d->sends[*place - 1];
		d->sends_free = send->next_free;
		return send;
	}
	ASSERT(d->sends_fresh < d->conns.capacity,
	       "no connection has two sends");
	*place = ++d->sends_fresh;
	return &d->sends[*place - 1];
}

void dpdk_send_forget(struct dpdk_dp *d, struct conn *conn)
{
	if (!conn->send)
		return;
	d->sends[conn->send - 1].next_free = d->sends_free;
	d->sends_free = conn->send;
	conn->send = 0;
}

/* Skips what TCP took. */
static void send_advance(struct send *send, uint32_t done)
{
	while (done > 0) {
		struct span *span = &send->spans[send->first];

		if (done < span->len) {
			span->data += done;
			span->len -= done;
			return;
		}
		done -= span->len;
		send->first++;
		send->count--;
	}
}

/* TCP has room again for the rest of a send. */
void dpdk_send_more(struct dpdk_dp *d, struct conn *conn)
{
	struct send *send;
	ssize_t done;

	if (!conn->send)
		return;
	send = &d->sends[conn->send - 1];
	done = tcp_send(dpdk_conn_leg(d, conn)->stack, conn->flow,
			&send->spans[send->first], send->count);
	if (done < 0)
		return; /* its end is on the way */
	send_advance(send, (uint32_t)done);
	conn->taken += (uint32_t)done;
	if (conn->taken == conn->total)
		dpdk_conn_work(d, conn);
}

/* The number of bytes, or -EINVAL. */
static int64_t length_of(const struct span *spans, uint32_t count)
{
	uint64_t total = 0;

	if (count > DP_SPANS_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++)
		total += spans[i].len;
	return total > 0 && total <= INT32_MAX ? (int64_t)total : -EINVAL;
}

static int may_send(const struct conn *conn)
{
	if (!conn)
		return -ESTALE;
	if (conn->state == CONN_CONNECTING)
		return -ENOTCONN;
	if (conn->sending)
		return -EBUSY;
	return conn->state == CONN_ENDED || conn->shut_wanted ? -EPIPE : 0;
}

int dpdk_send(struct dp *dp, dp_conn name, const struct span *spans,
	      uint32_t count, uint64_t tag)
{
	struct dpdk_dp *d = dpdk_of(dp);
	struct conn *conn = dpdk_conn_find_owned(d, name);
	int64_t total = length_of(spans, count);
	struct send *send;
	ssize_t done;
	int err = may_send(conn);

	if (err)
		return err;
	if (total < 0)
		return -EINVAL;
	done = tcp_send(dpdk_conn_leg(d, conn)->stack, conn->flow, spans,
			count);
	if (done < 0)
		return done == -ESTALE ? -EPIPE : (int)done;
	conn->tag = tag;
	conn->total = (uint32_t)total;
	conn->taken = (uint32_t)done;
	conn->sending = true;
	if (done == total) {
		dpdk_conn_work(d, conn);
		return 0;
	}
	send = send_take(d, &conn->send);
	memcpy(send->spans, spans, count * sizeof(*spans));
	send->first = 0;
	send->count = count;
	send_advance(send, (uint32_t)done);
	return 0;
}

int dpdk_shutdown(struct dp *dp, dp_conn name)
{
	struct dpdk_dp *d = dpdk_of(dp);
	struct conn *conn = dpdk_conn_find_owned(d, name);

	if (!conn)
		return -ESTALE;
	if (conn->state == CONN_CONNECTING)
		return -ENOTCONN;
	conn->shut_wanted = true;
	dpdk_conn_work(d, conn);
	return 0;
}

void dpdk_recycle(struct dp *dp, const struct dp_view *view)
{
	struct dpdk_dp *d = dpdk_of(dp);
	uint32_t leg = view_leg(view->buffer);
	struct tcp_view own = {
		.data = view->data,
		.len = view->len,
		.buffer = view_buffer(view->buffer),
	};

	ASSERT(leg < d->leg_count, "a view of this dp");
	tcp_recycle(d->legs[leg].stack, &own);
}

int dpdk_hold(struct dp *dp, dp_conn name)
{
	struct dpdk_dp *d = dpdk_of(dp);
	struct conn *conn = dpdk_conn_find_owned(d, name);

	if (!conn)
		return -ESTALE;
	conn->held = true;
	/* Of a flow that has ended only its end is told. */
	if (conn->flow)
		tcp_hold(dpdk_conn_leg(d, conn)->stack, conn->flow);
	return 0;
}

int dpdk_unhold(struct dp *dp, dp_conn name)
{
	struct dpdk_dp *d = dpdk_of(dp);
	struct conn *conn = dpdk_conn_find_owned(d, name);

	if (!conn)
		return -ESTALE;
	conn->held = false;
	if (conn->flow && !conn->fresh)
		tcp_unhold(dpdk_conn_leg(d, conn)->stack, conn->flow);
	return 0;
}

int dpdk_unread(struct dp *dp, dp_conn name, const void *data, uint32_t len)
{
	struct dpdk_dp *d = dpdk_of(dp);
	struct conn *conn = dpdk_conn_find_owned(d, name);
	int err;

	if (!conn)
		return -ESTALE;
	if (!conn->held)
		return -EINVAL;
	err = conn->flow ? tcp_unread(dpdk_conn_leg(d, conn)->stack, conn->flow,
				      data, len)
			 : -ESTALE;
	/* It has died: what was put back would not be told. */
	return err == -ESTALE ? 0 : err;
}

/* recv.c - receiving: armed once, and bytes kept while nobody wants them. */
#include "dataplane/uring/internal.h"

#include <errno.h>

static void view_tell(struct uring_dp *u, const struct conn *conn,
		      const uint8_t *data, uint32_t len, uint32_t buffer)
{
	struct dp_event *event = conn_event(u, conn, DP_RECEIVED);

	event->view = (struct dp_view){
		.data = data,
		.len = len,
		.buffer = buffer,
	};
}

/* Tells kept bytes, in order. False: no room for all of them. */
bool recv_pump_kept(struct uring_dp *u, struct conn *conn)
{
	while (conn->kept.head) {
		if (!out_has_room(u))
			return false;
		struct piece *piece = kept_take(u, &conn->kept);
		view_tell(u, conn, piece->data, piece->len,
			  piece_lend(u, piece));
	}
	return true;
}

bool recv_pump(struct uring_dp *u, struct conn *conn)
{
	if (conn->held)
		return conn_cancel(u, conn, OP_RECV);
	if (!recv_pump_kept(u, conn))
		return false;
	if (conn->eof) {
		if (conn->eof_told)
			return true;
		if (!out_has_room(u))
			return false;
		conn_event(u, conn, DP_EOF);
		conn->eof_told = true;
		return true;
	}
	if (conn->recv_op != OP_IDLE)
		return true;
	if (conn->starved && !buffers_claim(u))
		return false;
	struct io_uring_sqe *sqe = ring_sqe(u);
	if (!sqe)
		return false;
	conn->starved = false;
	io_uring_prep_recv_multishot(sqe, conn->fd, NULL, 0, 0);
	conn_target(u, conn, sqe);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	ring_set_data(sqe, OP_RECV, conn->generation, conn_index(u, conn));
	conn->recv_op = OP_FLYING;
	return true;
}

static void recv_data(struct uring_dp *u, struct conn *conn, uint32_t buffer,
		      uint32_t len)
{
	buffers_take(u, buffer);
	/* The order is kept as long as anything older waits. */
	if (conn->killed) {
		buffers_put(u, buffer);
	} else if (conn->held || conn->detaching || conn->kept.head) {
		kept_append(u, &conn->kept, buffer, len);
	} else {
		buffers_lend(u, buffer);
		view_tell(u, conn, buffers_piece(u, buffer)->data, len, buffer);
	}
}

static void recv_starve(struct uring_dp *u, struct conn *conn)
{
	conn->starved = true;
	buffers_widen(u);
}

void recv_complete(struct uring_dp *u, struct conn *conn, int32_t res,
		   uint32_t flags)
{
	if (!(flags & IORING_CQE_F_MORE)) {
		conn->recv_op = OP_IDLE;
		conn_work(u, conn);
	}
	if (flags & IORING_CQE_F_BUFFER) {
		uint32_t buffer = flags >> IORING_CQE_BUFFER_SHIFT;
		if (res > 0) {
			recv_data(u, conn, buffer, (uint32_t)res);
			return;
		}
		buffers_take(u, buffer);
		buffers_put(u, buffer);
	}
	if (res == 0)
		conn->eof = true;
	else if (res == -ENOBUFS)
		recv_starve(u, conn);
	else if (res != -ECANCELED && res != -EINTR && res != -EAGAIN)
		conn_fail(u, conn, res);
}

void uring_recycle(struct dp *dp, const struct dp_view *view)
{
	if (view->buffer == BUFFER_FOREIGN)
		piece_take_back(view);
	else
		buffers_give(uring_of(dp), view->buffer);
}

int uring_hold(struct dp *dp, dp_conn name)
{
	struct uring_dp *u = uring_of(dp);
	struct conn *conn = conn_find_owned(u, name);

	if (!conn)
		return -ESTALE;
	conn->held = true;
	conn_work(u, conn);
	return 0;
}

int uring_unhold(struct dp *dp, dp_conn name)
{
	struct uring_dp *u = uring_of(dp);
	struct conn *conn = conn_find_owned(u, name);

	if (!conn)
		return -ESTALE;
	conn->held = false;
	conn_work(u, conn);
	return 0;
}

int uring_unread(struct dp *dp, dp_conn name, const void *data, uint32_t len)
{
	struct uring_dp *u = uring_of(dp);
	struct conn *conn = conn_find_owned(u, name);

	if (!conn)
		return -ESTALE;
	if (!conn->held)
		return -EINVAL;
	if (u->kept_bytes + len > u->config.kept_max_bytes)
		return -ENOBUFS;
	if (kept_prepend(u, &conn->kept, data, len) < 0)
		return -ENOBUFS;
	conn->eof_told = false;
	return 0;
}

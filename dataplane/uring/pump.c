/* pump.c - brings the kernel to what is wanted of each connection. */
#include "dataplane/uring/internal.h"

#include <unistd.h>

/* OPEN -> ENDED: nothing of it is in the kernel, the parcel can be made. */
static bool leave(struct uring_dp *u, struct conn *conn)
{
	if (u->config.direct_descriptors) {
		int fd;
		int error = direct_install(u, conn->fd, &fd);
		if (error < 0) {
			conn->error = error;
			return false;
		}
		direct_drop(u, conn->fd);
		conn->fd = fd;
	}
	conn->state = CONN_ENDED;
	return true;
}

/* OPEN or CONNECTING -> CLOSING. */
static bool start_close(struct uring_dp *u, struct conn *conn)
{
	struct io_uring_sqe *sqe = ring_sqe(u);

	if (!sqe)
		return false;
	if (u->config.direct_descriptors)
		io_uring_prep_close_direct(sqe, (unsigned)conn->fd);
	else
		io_uring_prep_close(sqe, conn->fd);
	ring_set_data(sqe, OP_CLOSE, conn->generation, conn_index(u, conn));
	conn->fd = -1;
	conn->state = CONN_CLOSING;
	return true;
}

/* ENDED -> FREE, with the last event. */
static bool tell_end(struct uring_dp *u, struct conn *conn)
{
	if (!out_has_room(u))
		return false;
	if (conn->fd >= 0 && conn->killed) {
		close(conn->fd); /* a parcel that nobody wants any more */
		conn->fd = -1;
	}
	if (conn->fd >= 0) {
		struct dp_event *event = conn_event(u, conn, DP_DETACHED);
		parcel_pack(u, conn, &event->parcel);
	} else {
		struct dp_event *event = conn_event(u, conn, DP_CLOSED);
		event->result = conn->killed ? 0 : conn->error;
	}
	conn_free(u, conn);
	return true;
}

static bool pump_end(struct uring_dp *u, struct conn *conn)
{
	if (!conn_cancel(u, conn, OP_CONNECT) ||
	    !conn_cancel(u, conn, OP_RECV) || !conn_cancel(u, conn, OP_SEND))
		return false;
	if (!send_pump_end(u, conn))
		return false;
	if (conn->killed)
		kept_clear(u, &conn->kept);
	else if (!conn->detaching && !conn->held && !recv_pump_kept(u, conn))
		return false;
	/* Each completion puts it on the work list again. */
	if (conn->connect_op || conn->recv_op || conn->send_op)
		return true;
	if (conn->detaching && !conn->killed && conn->error == 0 &&
	    leave(u, conn))
		return tell_end(u, conn);
	return start_close(u, conn);
}

/* Brings the kernel to what is wanted. False: there was no room for it. */
static bool pump(struct uring_dp *u, struct conn *conn)
{
	if (conn->state == CONN_ENDED)
		return tell_end(u, conn);
	if (conn->state == CONN_CLOSING)
		return true;
	if (!conn_lives(conn))
		return pump_end(u, conn);
	if (conn->state == CONN_CONNECTING)
		return connect_pump(u, conn);
	return send_pump(u, conn) && recv_pump(u, conn);
}

void pump_all(struct uring_dp *u)
{
	uint32_t count = u->work_count;

	u->sq_full = false;
	while (count-- > 0) {
		struct conn *conn = &u->conns[u->work_head - 1];
		u->work_head = conn->next;
		if (!u->work_head)
			u->work_tail = 0;
		u->work_count--;
		conn->working = false;
		if (!pump(u, conn))
			conn_work(u, conn);
	}
}

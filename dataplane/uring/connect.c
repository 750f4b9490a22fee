/* connect.c - connections that we begin. */
#include "dataplane/uring/internal.h"

#include <errno.h>
#include <unistd.h>

bool connect_pump(struct uring_dp *u, struct conn *conn)
{
	if (conn->connect_op != OP_IDLE)
		return true;
	struct io_uring_sqe *sqe = ring_sqe(u);
	if (!sqe)
		return false;
	struct send *send = conn->send;
	io_uring_prep_connect(sqe, conn->fd, (struct sockaddr *)&send->address,
			      send->address_len);
	conn_target(u, conn, sqe);
	ring_set_data(sqe, OP_CONNECT, conn->generation, conn_index(u, conn));
	conn->connect_op = OP_FLYING;
	return true;
}

/* CONNECTING -> OPEN, or on to the end. */
void connect_complete(struct uring_dp *u, struct conn *conn, int32_t res)
{
	conn->connect_op = OP_IDLE;
	conn_work(u, conn);
	if (res == -EINTR || (res == -ECANCELED && conn_lives(conn)))
		return; /* connect_pump goes on */
	send_give(u, conn->send);
	conn->send = NULL;
	if (res < 0) {
		conn_fail(u, conn, res);
		return;
	}
	conn->state = CONN_OPEN;
	if (conn_lives(conn))
		conn_event(u, conn, DP_CONNECTED);
}

int uring_connect(struct dp *dp, const struct addr *addr, uint64_t cookie,
		  dp_conn *name)
{
	struct uring_dp *u = uring_of(dp);
	struct sockaddr_storage address;
	socklen_t len;
	int fd;

	int error = socket_address(addr, &address, &len);
	if (error < 0)
		return error;
	error = socket_create(addr, &fd);
	if (error < 0)
		return error;
	if (u->config.direct_descriptors)
		error = direct_register(u, &fd);
	if (error < 0) {
		close(fd);
		return error;
	}
	struct conn *conn = conn_open(u, fd, cookie);
	if (!conn) {
		if (u->config.direct_descriptors)
			direct_drop(u, fd);
		else
			close(fd);
		return -ENOSPC;
	}
	conn->state = CONN_CONNECTING;
	conn->send = send_take(u);
	conn->send->address = address;
	conn->send->address_len = len;
	conn_work(u, conn);
	*name = conn_name(u, conn);
	return 0;
}

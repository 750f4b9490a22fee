/* send.c - sending: one at a time per connection, continued until all left. */
#include "dataplane/uring/internal.h"

#include <errno.h>
#include <unistd.h>

struct send *send_take(struct uring_dp *u)
{
	struct send *send;

	if (u->sends_free) {
		send = &u->sends[u->sends_free - 1];
		u->sends_free = send->next_free;
	} else {
		ASSERT(u->sends_fresh < u->config.conn_max,
		       "no connection has two sends");
		send = &u->sends[u->sends_fresh++];
	}
	send->msg = (struct msghdr){0};
	send->total = 0;
	send->sent = 0;
	return send;
}

void send_give(struct uring_dp *u, struct send *send)
{
	send->next_free = u->sends_free;
	u->sends_free = (uint32_t)(send - u->sends) + 1;
}

/* Tells how much left; the bytes are the owner's again. */
static void send_tell(struct uring_dp *u, struct conn *conn)
{
	struct dp_event *event = conn_event(u, conn, DP_SENT);

	event->tag = conn->tag;
	event->result = (int32_t)conn->send->sent;
	send_give(u, conn->send);
	conn->send = NULL;
}

/* After the last send: the peer sees EOF. */
static void send_shut(struct uring_dp *u, struct conn *conn)
{
	int fd = u->config.direct_descriptors ? -1 : conn->fd;
	int error = 0;

	/* There is an operation for it, but it runs on a worker thread. */
	if (u->config.direct_descriptors)
		error = direct_install(u, conn->fd, &fd);
	if (error == 0 && shutdown(fd, SHUT_WR) < 0)
		error = -errno;
	if (u->config.direct_descriptors && fd != -1)
		close(fd);
	conn->shut_done = true;
	/* The peer was faster: the receive tells how. */
	if (error < 0 && error != -ENOTCONN)
		conn_fail(u, conn, error);
}

/* Skips what the kernel took. */
static void send_advance(struct send *send, uint32_t done)
{
	send->sent += done;
	while (done > 0) {
		struct iovec *iov = send->msg.msg_iov;
		if (done < iov->iov_len) {
			iov->iov_base = (uint8_t *)iov->iov_base + done;
			iov->iov_len -= done;
			return;
		}
		done -= (uint32_t)iov->iov_len;
		send->msg.msg_iov++;
		send->msg.msg_iovlen--;
	}
}

bool send_pump(struct uring_dp *u, struct conn *conn)
{
	struct send *send = conn->send;

	if (!send) {
		if (conn->shut_wanted && !conn->shut_done)
			send_shut(u, conn);
		return true;
	}
	if (conn->send_op != OP_IDLE)
		return true;
	struct io_uring_sqe *sqe = ring_sqe(u);
	if (!sqe)
		return false;
	/* With WAITALL a cancelled send still says how much had left. */
	if (send->msg.msg_iovlen == 1)
		io_uring_prep_send(sqe, conn->fd, send->msg.msg_iov->iov_base,
				   send->msg.msg_iov->iov_len,
				   MSG_WAITALL | MSG_NOSIGNAL);
	else
		io_uring_prep_sendmsg(sqe, conn->fd, &send->msg,
				      MSG_WAITALL | MSG_NOSIGNAL);
	conn_target(u, conn, sqe);
	ring_set_data(sqe, OP_SEND, conn->generation, conn_index(u, conn));
	conn->send_op = OP_FLYING;
	return true;
}

/* On the way to the end: tells a send that is not in the kernel (any more). */
bool send_pump_end(struct uring_dp *u, struct conn *conn)
{
	if (!conn->send || conn->send_op != OP_IDLE)
		return true;
	if (conn->state == CONN_CONNECTING) {
		if (conn->connect_op != OP_IDLE)
			return true;
		send_give(u, conn->send);
		conn->send = NULL;
		return true;
	}
	if (!out_has_room(u))
		return false;
	send_tell(u, conn);
	return true;
}

void send_complete(struct uring_dp *u, struct conn *conn, int32_t res)
{
	struct send *send = conn->send;

	conn->send_op = OP_IDLE;
	conn_work(u, conn);
	if (res > 0)
		send_advance(send, (uint32_t)res);
	else if (res != -ECANCELED && res != -EINTR && res != -EAGAIN)
		conn_fail(u, conn, res);
	if (send->sent == send->total || !conn_lives(conn))
		send_tell(u, conn);
	else
		u->stats.resumed++;
}

/* Takes the spans over. Returns the number of bytes or -EINVAL. */
static int64_t send_fill(struct send *send, const struct span *spans,
			 uint32_t count)
{
	uint64_t total = 0;
	uint32_t used = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (spans[i].len == 0)
			continue;
		union {
			const uint8_t *lent;
			void *iov;
		} base = {.lent = spans[i].data};
		send->iov[used].iov_base = base.iov;
		send->iov[used].iov_len = spans[i].len;
		total += spans[i].len;
		used++;
	}
	if (total == 0 || total > INT32_MAX)
		return -EINVAL;
	send->msg.msg_iov = send->iov;
	send->msg.msg_iovlen = used;
	send->total = (uint32_t)total;
	return 0;
}

int uring_send(struct dp *dp, dp_conn name, const struct span *spans,
	       uint32_t count, uint64_t tag)
{
	struct uring_dp *u = uring_of(dp);
	struct conn *conn = conn_find_owned(u, name);

	if (!conn)
		return -ESTALE;
	if (conn->state == CONN_CONNECTING)
		return -ENOTCONN;
	if (conn->send)
		return -EBUSY;
	if (conn->error || conn->shut_wanted)
		return -EPIPE;
	if (count > DP_SPANS_MAX)
		return -EINVAL;
	struct send *send = send_take(u);
	if (send_fill(send, spans, count) < 0) {
		send_give(u, send);
		return -EINVAL;
	}
	conn->send = send;
	conn->tag = tag;
	conn_work(u, conn);
	return 0;
}

int uring_shutdown(struct dp *dp, dp_conn name)
{
	struct uring_dp *u = uring_of(dp);
	struct conn *conn = conn_find_owned(u, name);

	if (!conn)
		return -ESTALE;
	if (conn->state == CONN_CONNECTING)
		return -ENOTCONN;
	conn->shut_wanted = true;
	conn_work(u, conn);
	return 0;
}

/* conn.c - connections: slots, the work list, and how one is told to end. */
#include "dataplane/uring/internal.h"

#include <errno.h>
#include <unistd.h>

/*
 *   CONNECTING -> OPEN -> CLOSING -> ENDED -> FREE
 *             \-----------/      /
 *                   OPEN -------/ (detach)
 */

struct conn *conn_open(struct uring_dp *u, int fd, uint64_t cookie)
{
	struct conn *conn;

	if (u->conns_free) {
		conn = &u->conns[u->conns_free - 1];
		u->conns_free = conn->next;
	} else if (u->conns_fresh < u->config.conn_max) {
		conn = &u->conns[u->conns_fresh++];
		conn->generation = 1;
	} else {
		return NULL;
	}
	*conn = (struct conn){
		.generation = conn->generation,
		.cookie = cookie,
		.fd = fd,
		.state = CONN_OPEN,
	};
	return conn;
}

void conn_free(struct uring_dp *u, struct conn *conn)
{
	ASSERT(!conn->working, "a conn leaves the work list before its end");
	ASSERT(!conn->send, "a send is told before the end");
	kept_clear(u, &conn->kept);
	conn->state = CONN_FREE;
	if (++conn->generation > GENERATION_MAX)
		conn->generation = 1;
	conn->next = u->conns_free;
	u->conns_free = conn_index(u, conn) + 1;
}

struct conn *conn_find(struct uring_dp *u, dp_conn name)
{
	uint32_t index = (uint32_t)name;

	if (index >= u->conns_fresh)
		return NULL;
	struct conn *conn = &u->conns[index];
	if (conn->generation != name >> 32 || conn->state == CONN_FREE)
		return NULL;
	return conn;
}

/* One whose owner has neither killed it nor given it away; else NULL. */
struct conn *conn_find_owned(struct uring_dp *u, dp_conn name)
{
	struct conn *conn = conn_find(u, name);

	return conn && !conn->killed && !conn->detaching ? conn : NULL;
}

/* The connection a completion is for; NULL when it has ended since. */
struct conn *conn_of_data(struct uring_dp *u, uint64_t data)
{
	uint32_t index = (uint32_t)data;

	if (index >= u->conns_fresh)
		return NULL;
	struct conn *conn = &u->conns[index];
	if (conn->generation != (data >> 32 & GENERATION_MAX) ||
	    conn->state == CONN_FREE)
		return NULL;
	return conn;
}

void conn_work(struct uring_dp *u, struct conn *conn)
{
	if (conn->working)
		return;
	conn->working = true;
	conn->next = 0;
	uint32_t place = conn_index(u, conn) + 1;
	if (u->work_tail)
		u->conns[u->work_tail - 1].next = place;
	else
		u->work_head = place;
	u->work_tail = place;
	u->work_count++;
}

struct dp_event *conn_event(struct uring_dp *u, const struct conn *conn,
			    enum dp_event_kind kind)
{
	DEBUG_ASSERT(out_has_room(u), "room is looked for first");
	struct dp_event *event = &u->out[u->out_count++];
	*event = (struct dp_event){
		.kind = (uint8_t)kind,
		.cookie = conn->cookie,
		.conn = conn_name(u, conn),
	};
	return event;
}

/* Ends the connection; what it still has to tell comes before CLOSED. */
void conn_fail(struct uring_dp *u, struct conn *conn, int error)
{
	if (conn->error == 0)
		conn->error = error < 0 ? error : -EIO;
	conn_work(u, conn);
}

void conn_target(struct uring_dp *u, const struct conn *conn,
		 struct io_uring_sqe *sqe)
{
	sqe->fd = conn->fd;
	if (u->config.direct_descriptors)
		sqe->flags |= IOSQE_FIXED_FILE;
}

static uint8_t *op_of(struct conn *conn, enum op_kind kind)
{
	if (kind == OP_RECV)
		return &conn->recv_op;
	return kind == OP_SEND ? &conn->send_op : &conn->connect_op;
}

static enum op_kind cancel_of(enum op_kind kind)
{
	if (kind == OP_RECV)
		return OP_CANCEL_RECV;
	return kind == OP_SEND ? OP_CANCEL_SEND : OP_CANCEL_CONNECT;
}

/* Asks for the end of one operation. False: no room, try again. */
bool conn_cancel(struct uring_dp *u, struct conn *conn, enum op_kind kind)
{
	uint8_t *op = op_of(conn, kind);
	uint32_t index = conn_index(u, conn);

	if (*op != OP_FLYING)
		return true;
	struct io_uring_sqe *sqe = ring_sqe(u);
	if (!sqe)
		return false;
	/* The generation in it keeps it from what comes later. */
	ring_set_data(sqe, kind, conn->generation, index);
	io_uring_prep_cancel64(sqe, sqe->user_data, 0);
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	ring_set_data(sqe, cancel_of(kind), conn->generation, index);
	*op = OP_CANCELLING;
	return true;
}

/*
 * A cancel found nothing. Most times the operation completed by itself and
 * its completion is behind this one; if it was not, the cancel is repeated.
 */
void conn_cancel_missed(struct uring_dp *u, struct conn *conn,
			enum op_kind cancel)
{
	uint8_t *op = &conn->connect_op;

	if (cancel == OP_CANCEL_RECV)
		op = &conn->recv_op;
	else if (cancel == OP_CANCEL_SEND)
		op = &conn->send_op;
	if (*op != OP_CANCELLING)
		return;
	*op = OP_FLYING;
	u->stats.cancels++;
	conn_work(u, conn);
}

/* CLOSING -> ENDED. */
void conn_closed(struct uring_dp *u, struct conn *conn)
{
	conn->state = CONN_ENDED;
	conn_work(u, conn);
}

int uring_set_cookie(struct dp *dp, dp_conn name, uint64_t cookie)
{
	struct conn *conn = conn_find(uring_of(dp), name);

	if (!conn)
		return -ESTALE;
	conn->cookie = cookie;
	return 0;
}

int uring_kill(struct dp *dp, dp_conn name)
{
	struct uring_dp *u = uring_of(dp);
	struct conn *conn = conn_find(u, name);

	if (!conn)
		return -ESTALE;
	conn->killed = true;
	conn_work(u, conn);
	return 0;
}

int uring_conn_info(struct dp *dp, dp_conn name, struct dp_conn_info *info)
{
	struct uring_dp *u = uring_of(dp);
	struct conn *conn = conn_find(u, name);

	if (!conn || conn->state >= CONN_CLOSING)
		return -ESTALE;
	if (!u->config.direct_descriptors)
		return socket_names(conn->fd, info);
	int fd;
	int error = direct_install(u, conn->fd, &fd);
	if (error < 0)
		return error;
	error = socket_names(fd, info);
	close(fd);
	return error;
}

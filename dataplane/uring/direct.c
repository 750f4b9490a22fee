/* direct.c - connections in the ring's own table of descriptors. */
#include "dataplane/uring/internal.h"

#include <errno.h>
#include <unistd.h>

/*
 * A direct descriptor has no number in the process: what only a system call
 * can do needs one for a moment. The operations used here are done by the
 * kernel while they are submitted, so each call waits for nothing: it looks
 * its completion up behind those that poll has not seen yet.
 */
#define CALL_TRIES 64

/* Room in the table for connections that are accepted only to be refused. */
#define DIRECT_SLACK 64

int direct_init(struct uring_dp *u)
{
	return io_uring_register_files_sparse(&u->ring, u->config.conn_max +
								DIRECT_SLACK);
}

static struct io_uring_sqe *call_begin(struct uring_dp *u)
{
	ring_enable(u);
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
	if (sqe)
		return sqe;
	io_uring_submit(&u->ring);
	return io_uring_get_sqe(&u->ring);
}

/* Takes the completion out of the queue without passing the others. */
static bool call_find(struct uring_dp *u, int *result)
{
	struct io_uring_cq *cq = &u->ring.cq;
	uint32_t tail = __atomic_load_n(cq->ktail, __ATOMIC_ACQUIRE);

	for (uint32_t at = *cq->khead; at != tail; at++) {
		struct io_uring_cqe *cqe = &cq->cqes[at & cq->ring_mask];
		if (cqe->user_data >> 56 != OP_CALL)
			continue;
		*result = cqe->res;
		cqe->user_data = 0;
		return true;
	}
	return false;
}

static int call_end(struct uring_dp *u, struct io_uring_sqe *sqe)
{
	int result;

	ring_set_data(sqe, OP_CALL, 0, 0);
	for (uint32_t i = 0; i < CALL_TRIES; i++) {
		io_uring_submit_and_get_events(&u->ring);
		u->stats.enters++;
		if (call_find(u, &result))
			return result;
	}
	ASSERT(false, "the kernel registers and installs at once");
	return -EIO;
}

/* Moves a process descriptor into the table: *fd becomes the place there. */
int direct_register(struct uring_dp *u, int *fd)
{
	struct io_uring_sqe *sqe = call_begin(u);
	int place = *fd;

	if (!sqe)
		return -EAGAIN;
	/* -1: the kernel chooses the place and writes it. */
	io_uring_prep_files_update(sqe, &place, 1, -1);
	int result = call_end(u, sqe);
	if (result < 0)
		return result;
	if (result == 0)
		return -ENFILE;
	close(*fd);
	*fd = place;
	return 0;
}

/* Makes a process descriptor that names the same connection. */
int direct_install(struct uring_dp *u, int32_t slot, int *fd)
{
	struct io_uring_sqe *sqe = call_begin(u);

	if (!sqe)
		return -EAGAIN;
	io_uring_prep_rw(URING_OP_FIXED_FD_INSTALL, sqe, slot, NULL, 0, 0);
	sqe->flags |= IOSQE_FIXED_FILE;
	int result = call_end(u, sqe);
	if (result < 0)
		return result;
	*fd = result;
	return 0;
}

/* Empties a place in the table; closes what has no other name. */
void direct_drop(struct uring_dp *u, int32_t slot)
{
	int none = -1;

	io_uring_register_files_update(&u->ring, (unsigned)slot, &none, 1);
}

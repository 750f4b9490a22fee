/* listen.c - doors: listening sockets and what comes in by them. */
#include "dataplane/uring/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A socket file may be left from a process that was killed. It goes only when
 * nobody answers there: a living owner keeps its address.
 */
static int stale_path_remove(const struct addr *addr,
			     const struct sockaddr_storage *address,
			     socklen_t len)
{
	struct stat file;

	if (addr->path[0] == '@' || lstat(addr->path, &file) < 0)
		return 0;
	if (!S_ISSOCK(file.st_mode))
		return -EADDRINUSE;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int error = 0;
	if (connect(fd, (const void *)address, len) == 0)
		error = -EADDRINUSE;
	else if (errno != ECONNREFUSED)
		error = -EADDRINUSE; /* -EAGAIN too: its queue is full */
	close(fd);
	if (error == 0 && unlink(addr->path) < 0)
		error = -errno;
	return error;
}

static int door_open(const struct addr *addr, int *fd)
{
	struct sockaddr_storage address;
	socklen_t len;
	int one = 1;

	int error = socket_address(addr, &address, &len);
	if (error == 0 && addr->family == ADDR_UNIX)
		error = stale_path_remove(addr, &address, len);
	if (error < 0)
		return error;
	error = socket_create(addr, fd);
	if (error < 0)
		return error;
	if (addr->family != ADDR_UNIX &&
	    (setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	     setsockopt(*fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0))
		goto fail;
	if (bind(*fd, (const void *)&address, len) < 0)
		goto fail;
	if (listen(*fd, LISTEN_BACKLOG) < 0)
		goto fail;
	return 0;
fail:
	error = -errno;
	close(*fd);
	return error;
}

int uring_listen(struct dp *dp, const struct addr *addr, uint64_t cookie,
		 struct addr *bound)
{
	struct uring_dp *u = uring_of(dp);
	int fd;

	if (u->listener_count == LISTENERS_MAX)
		return -ENOSPC;
	int error = door_open(addr, &fd);
	if (error < 0)
		return error;
	struct listener *listener = &u->listeners[u->listener_count++];
	*listener = (struct listener){.fd = fd, .cookie = cookie};
	if (addr->family == ADDR_UNIX && addr->path[0] != '@')
		memcpy(listener->path, addr->path, sizeof(listener->path));
	if (!bound)
		return 0;
	struct sockaddr_storage name = {0};
	socklen_t len = sizeof(name);
	if (getsockname(fd, (void *)&name, &len) < 0)
		*bound = *addr;
	else
		socket_address_read(&name, len, bound);
	return 0;
}

void listen_pump(struct uring_dp *u)
{
	for (uint32_t i = 0; i < u->listener_count; i++) {
		struct listener *listener = &u->listeners[i];
		if (listener->armed)
			continue;
		if (listener->retry_ns &&
		    u->dp.ops->now(&u->dp) < listener->retry_ns)
			continue;
		struct io_uring_sqe *sqe = ring_sqe(u);
		if (!sqe)
			return;
		if (u->config.direct_descriptors)
			io_uring_prep_multishot_accept_direct(sqe, listener->fd,
							      NULL, NULL, 0);
		else
			io_uring_prep_multishot_accept(sqe, listener->fd, NULL,
						       NULL, SOCK_CLOEXEC);
		ring_set_data(sqe, OP_ACCEPT, 0, i);
		listener->retry_ns = 0;
		listener->armed = true;
	}
}

/* When a listener that pauses has to be armed again; NS_NEVER: none does. */
uint64_t listen_retry_ns(const struct uring_dp *u)
{
	uint64_t first = NS_NEVER;

	for (uint32_t i = 0; i < u->listener_count; i++)
		if (!u->listeners[i].armed)
			first = min_u64(first, u->listeners[i].retry_ns);
	return first;
}

static void conn_refuse(struct uring_dp *u, int fd)
{
	u->stats.refused++;
	if (u->config.direct_descriptors)
		direct_drop(u, fd);
	else
		close(fd);
}

void listen_complete(struct uring_dp *u, uint32_t index, int32_t res,
		     uint32_t flags)
{
	struct listener *listener = &u->listeners[index];

	if (!(flags & IORING_CQE_F_MORE))
		listener->armed = false;
	if (res >= 0) {
		struct conn *conn = conn_open(u, res, listener->cookie);
		if (!conn) {
			conn_refuse(u, res);
			return;
		}
		u->stats.accepted++;
		conn_event(u, conn, DP_ACCEPTED);
		conn_work(u, conn);
	} else if (res != -ECONNABORTED && res != -EINTR && res != -EAGAIN) {
		/* No memory or no descriptor: it stays in the backlog. No
		 * place in the table: the kernel has closed it. */
		if (res == -ENFILE && u->config.direct_descriptors)
			u->stats.refused++;
		listener->retry_ns = u->dp.ops->now(&u->dp) + LISTEN_PAUSE_NS;
	}
}

void listen_close_all(struct uring_dp *u)
{
	for (uint32_t i = 0; i < u->listener_count; i++) {
		close(u->listeners[i].fd);
		if (u->listeners[i].path[0])
			unlink(u->listeners[i].path);
	}
	u->listener_count = 0;
}

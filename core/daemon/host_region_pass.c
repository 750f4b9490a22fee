/* host_region_pass.c - passing a region's descriptor to who has its ticket. */
#include "core/daemon/internal.h"
#include "core/siphash.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define PASS_TIMEOUT_S 1

union pass_control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static int set_address(struct sockaddr_un *address, const char *path)
{
	size_t len = strnlen(path, sizeof(address->sun_path));

	if (len == 0 || len == sizeof(address->sun_path) || path[0] != '/')
		return -EINVAL;
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(address->sun_path, path, len);
	return 0;
}

/* A peer that stops talking must not hold up whoever waits for it. */
static int set_timeouts(int fd)
{
	struct timeval limit = {.tv_sec = PASS_TIMEOUT_S};

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)))
		return -errno;
	return 0;
}

/* True when the other end runs as our user or as root. */
static bool is_trusted(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

int host_region_listen(const char *path)
{
	struct sockaddr_un address;
	int err = set_address(&address, path);
	int fd;

	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* The name holds our process id: who had it before is dead. */
	unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, 64)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* Looks at every record, so that the time tells nothing about the secret. */
static int claim(struct host_regions *regions,
		 const uint8_t secret[HOST_REGION_TICKET_BYTES])
{
	int fd = -1;

	pthread_mutex_lock(&regions->lock);
	for (uint32_t i = 0; i < HOST_REGIONS_MAX; i++) {
		struct host_region_record *record = &regions->records[i];

		if (!equal_constant_time(record->secret, secret,
					 HOST_REGION_TICKET_BYTES) ||
		    !record->offered)
			continue;
		record->offered = false;
		explicit_bzero(record->secret, sizeof(record->secret));
		fd = dup(record->fd);
	}
	pthread_mutex_unlock(&regions->lock);
	return fd;
}

void host_region_serve(struct host_regions *regions, int fd)
{
	uint8_t secret[HOST_REGION_TICKET_BYTES];
	union pass_control control = {0};
	struct iovec bytes = {.iov_base = "R", .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *part = CMSG_FIRSTHDR(&message);
	int region;

	if (!is_trusted(fd) || set_timeouts(fd) ||
	    recv(fd, secret, sizeof(secret), MSG_WAITALL) !=
		    (ssize_t)sizeof(secret))
		return;
	region = claim(regions, secret);
	explicit_bzero(secret, sizeof(secret));
	if (region < 0)
		return;
	part->cmsg_level = SOL_SOCKET;
	part->cmsg_type = SCM_RIGHTS;
	part->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(part), &region, sizeof(region));
	/* When this fails the other end sees the close: its take fails. */
	(void)sendmsg(fd, &message, MSG_NOSIGNAL);
	close(region);
}

/* Reads the one byte that carries the descriptor. */
static int receive_fd(int fd)
{
	union pass_control control = {0};
	char byte;
	struct iovec bytes = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *part;
	ssize_t len = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	int region;

	if (len < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	part = CMSG_FIRSTHDR(&message);
	if (len != 1 || !part || part->cmsg_level != SOL_SOCKET ||
	    part->cmsg_type != SCM_RIGHTS ||
	    part->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EACCES;
	memcpy(&region, CMSG_DATA(part), sizeof(region));
	return region;
}

int host_region_fetch(const struct host_region_ticket *ticket)
{
	struct sockaddr_un address;
	int result = set_address(&address, ticket->path);
	int fd;

	if (result)
		return result;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	result = set_timeouts(fd);
	if (!result &&
	    connect(fd, (struct sockaddr *)&address, sizeof(address)))
		result = errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (!result && !is_trusted(fd))
		result = -EACCES;
	if (!result && send(fd, ticket->secret, sizeof(ticket->secret),
			    MSG_NOSIGNAL) != (ssize_t)sizeof(ticket->secret))
		result = -EIO;
	if (!result)
		result = receive_fd(fd);
	close(fd);
	return result;
}

/* ports.c - a bind that does not share, tried before those that do. */
#include "core/daemon/ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TRIES     100
#define TRY_AGAIN (20 * (long)NS_PER_MS)

static int try_bind(int family, const void *name, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;
	int err = 0;

	if (fd < 0)
		return -errno;
	/* Connections of an earlier life that linger are no obstacle. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, name, len))
		err = -errno;
	close(fd);
	return err;
}

static int try_addr(const struct addr *addr)
{
	if (addr->family == ADDR_INET4 && addr->port) {
		struct sockaddr_in name = {
			.sin_family = AF_INET,
			.sin_port = htons(addr->port),
		};

		memcpy(&name.sin_addr, addr->ip, sizeof(name.sin_addr));
		return try_bind(AF_INET, &name, sizeof(name));
	}
	if (addr->family == ADDR_INET6 && addr->port) {
		struct sockaddr_in6 name = {
			.sin6_family = AF_INET6,
			.sin6_port = htons(addr->port),
		};

		memcpy(&name.sin6_addr, addr->ip, sizeof(name.sin6_addr));
		return try_bind(AF_INET6, &name, sizeof(name));
	}
	return 0;
}

int port_is_free(const struct addr *addr)
{
	const struct timespec pause = {.tv_nsec = TRY_AGAIN};
	int err = try_addr(addr);

	for (uint32_t i = 1; i < TRIES && err == -EADDRINUSE; i++) {
		nanosleep(&pause, NULL);
		err = try_addr(addr);
	}
	return err;
}

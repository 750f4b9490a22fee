/* socket.c - addresses and options as the kernel wants them. */
#include "dataplane/uring/internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* A dead peer is noticed after 30 + 3 * 15 seconds without traffic. */
#define KEEPALIVE_IDLE_S     30
#define KEEPALIVE_INTERVAL_S 15
#define KEEPALIVE_COUNT      3

static int unix_address(const struct addr *addr, struct sockaddr_storage *to,
			socklen_t *len)
{
	struct sockaddr_un *sun = (void *)to;
	size_t path_len = strnlen(addr->path, sizeof(addr->path));

	if (path_len == 0 || path_len >= sizeof(sun->sun_path))
		return -EINVAL;
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, addr->path, path_len);
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_len);
	if (sun->sun_path[0] == '@')
		sun->sun_path[0] = '\0';
	else
		*len += 1;
	return 0;
}

int socket_address(const struct addr *addr, struct sockaddr_storage *to,
		   socklen_t *len)
{
	*to = (struct sockaddr_storage){0};
	if (addr->family == ADDR_INET4) {
		struct sockaddr_in *sin = (void *)to;
		sin->sin_family = AF_INET;
		sin->sin_port = htons(addr->port);
		memcpy(&sin->sin_addr, addr->ip, sizeof(sin->sin_addr));
		*len = sizeof(*sin);
		return 0;
	}
	if (addr->family == ADDR_INET6) {
		struct sockaddr_in6 *sin6 = (void *)to;
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons(addr->port);
		memcpy(&sin6->sin6_addr, addr->ip, sizeof(sin6->sin6_addr));
		*len = sizeof(*sin6);
		return 0;
	}
	if (addr->family == ADDR_UNIX)
		return unix_address(addr, to, len);
	return -EAFNOSUPPORT;
}

static void unix_address_read(const struct sockaddr_un *sun, socklen_t len,
			      struct addr *addr)
{
	size_t start = offsetof(struct sockaddr_un, sun_path);
	size_t path_len = len > start ? len - start : 0;

	addr->family = ADDR_UNIX;
	if (path_len > sizeof(addr->path) - 1)
		path_len = sizeof(addr->path) - 1;
	memcpy(addr->path, sun->sun_path, path_len);
	if (path_len > 0 && addr->path[0] == '\0')
		addr->path[0] = '@';
}

void socket_address_read(const struct sockaddr_storage *from, socklen_t len,
			 struct addr *addr)
{
	*addr = (struct addr){0};
	if (from->ss_family == AF_INET) {
		const struct sockaddr_in *sin = (const void *)from;
		addr->family = ADDR_INET4;
		addr->port = ntohs(sin->sin_port);
		memcpy(addr->ip, &sin->sin_addr, sizeof(sin->sin_addr));
	} else if (from->ss_family == AF_INET6) {
		const struct sockaddr_in6 *sin6 = (const void *)from;
		addr->family = ADDR_INET6;
		addr->port = ntohs(sin6->sin6_port);
		memcpy(addr->ip, &sin6->sin6_addr, sizeof(sin6->sin6_addr));
	} else if (from->ss_family == AF_UNIX) {
		unix_address_read((const void *)from, len, addr);
	}
}

static int option_set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno
								      : 0;
}

static int tcp_options(int fd, bool inet6)
{
	const struct {
		int level;
		int name;
		int value;
	} options[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
		{IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
		{IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT},
	};
	int error = 0;

	for (uint32_t i = 0; i < ARRAY_LEN(options) && error == 0; i++)
		error = option_set(fd, options[i].level, options[i].name,
				   options[i].value);
	/* So that 0.0.0.0 and [::] can be doors of their own. */
	if (error == 0 && inet6)
		error = option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	return error;
}

/*
 * An accepted connection inherits the options from its listener, so none of
 * them costs a call for each connection.
 */
int socket_create(const struct addr *addr, int *fd)
{
	int family = addr->family == ADDR_INET4   ? AF_INET
		     : addr->family == ADDR_INET6 ? AF_INET6
						  : AF_UNIX;
	int error = 0;

	*fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return -errno;
	if (family != AF_UNIX)
		error = tcp_options(*fd, family == AF_INET6);
	if (error < 0)
		close(*fd);
	return error;
}

int socket_names(int fd, struct dp_conn_info *info)
{
	struct sockaddr_storage name = {0};
	socklen_t len = sizeof(name);

	if (getsockname(fd, (void *)&name, &len) < 0)
		return -errno;
	socket_address_read(&name, len, &info->local);
	name = (struct sockaddr_storage){0};
	len = sizeof(name);
	if (getpeername(fd, (void *)&name, &len) < 0)
		return -errno;
	socket_address_read(&name, len, &info->peer);
	return 0;
}

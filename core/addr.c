/* addr.c - an address as operators write it: 127.0.0.1:5900, [::1]:1, unix:P */
#include "core/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define UNIX_PREFIX "unix:"

/* Decimal digits only, no sign and no blanks. */
static int port_parse(uint16_t *port, const char *text)
{
	uint32_t value = 0;
	size_t len = strlen(text);

	if (len < 1 || len > 5)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		value = value * 10 + (uint32_t)(text[i] - '0');
	}
	if (value > UINT16_MAX)
		return -EINVAL;
	*port = (uint16_t)value;
	return 0;
}

static int unix_parse(struct addr *addr, const char *path)
{
	size_t len = strlen(path);

	if (len < 1 || len >= ADDR_PATH_MAX || strcmp(path, "@") == 0)
		return -EINVAL;
	addr->family = ADDR_UNIX;
	memcpy(addr->path, path, len + 1);
	return 0;
}

static int inet_parse(struct addr *addr, const char *text)
{
	char host[INET6_ADDRSTRLEN];
	bool bracket = text[0] == '[';
	const char *start = bracket ? text + 1 : text;
	const char *end = strchr(start, bracket ? ']' : ':');
	size_t len = end ? (size_t)(end - start) : 0;

	if (!len || len >= sizeof(host))
		return -EINVAL;
	memcpy(host, start, len);
	host[len] = '\0';
	if (bracket)
		end++;
	if (*end != ':')
		return -EINVAL;
	addr->family = bracket ? ADDR_INET6 : ADDR_INET4;
	if (inet_pton(bracket ? AF_INET6 : AF_INET, host, addr->ip) != 1)
		return -EINVAL;
	return port_parse(&addr->port, end + 1);
}

int addr_parse(struct addr *addr, const char *text)
{
	struct addr parsed = {0};
	size_t prefix = strlen(UNIX_PREFIX);
	int err;

	if (strncmp(text, UNIX_PREFIX, prefix) == 0)
		err = unix_parse(&parsed, text + prefix);
	else
		err = inet_parse(&parsed, text);
	if (!err)
		*addr = parsed;
	return err;
}

void addr_print_host(const struct addr *addr, char text[ADDR_TEXT_MAX])
{
	text[0] = '\0';
	if (addr->family == ADDR_INET4)
		inet_ntop(AF_INET, addr->ip, text, ADDR_TEXT_MAX);
	else if (addr->family == ADDR_INET6)
		inet_ntop(AF_INET6, addr->ip, text, ADDR_TEXT_MAX);
	else if (addr->family == ADDR_UNIX)
		snprintf(text, ADDR_TEXT_MAX, "%.*s", ADDR_PATH_MAX - 1,
			 addr->path);
}

void addr_print(const struct addr *addr, char text[ADDR_TEXT_MAX])
{
	char host[ADDR_TEXT_MAX];

	addr_print_host(addr, host);
	if (addr->family == ADDR_INET4)
		snprintf(text, ADDR_TEXT_MAX, "%.*s:%u", INET_ADDRSTRLEN, host,
			 addr->port);
	else if (addr->family == ADDR_INET6)
		snprintf(text, ADDR_TEXT_MAX, "[%.*s]:%u", INET6_ADDRSTRLEN,
			 host, addr->port);
	else if (addr->family == ADDR_UNIX)
		snprintf(text, ADDR_TEXT_MAX, UNIX_PREFIX "%.*s",
			 ADDR_PATH_MAX - 1, host);
	else
		snprintf(text, ADDR_TEXT_MAX, "none");
}

bool addr_is_local(const struct addr *addr)
{
	static const uint8_t loopback6[16] = {[15] = 1};

	if (addr->family == ADDR_INET4)
		return addr->ip[0] == 127;
	if (addr->family == ADDR_INET6)
		return memcmp(addr->ip, loopback6, sizeof(loopback6)) == 0;
	return addr->family == ADDR_UNIX;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return false;
	if (a->family == ADDR_UNIX)
		return strncmp(a->path, b->path, ADDR_PATH_MAX) == 0;
	return a->port == b->port &&
	       memcmp(a->ip, b->ip, a->family == ADDR_INET4 ? 4 : 16) == 0;
}

/* addr.h - an address as operators write it: 127.0.0.1:5900, [::1]:1, unix:P */
#pragma once

#include "core/base.h"

enum addr_family { ADDR_NONE, ADDR_INET4, ADDR_INET6, ADDR_UNIX };

#define ADDR_PATH_MAX 108
#define ADDR_TEXT_MAX 128

struct addr {
	uint8_t family; /* enum addr_family */
	uint8_t reserved;
	uint16_t port;  /* host order, 0 for unix */
	uint8_t ip[16]; /* network order; the first 4 bytes for INET4 */
	char path[ADDR_PATH_MAX]; /* NUL-terminated; '@' first: abstract */
};

/* Reads text. Returns 0 or -EINVAL, *addr untouched then. */
int addr_parse(struct addr *addr, const char *text);

/* Writes the text form, always NUL-terminated. */
void addr_print(const struct addr *addr, char text[ADDR_TEXT_MAX]);

/* Writes only the host part (an IP literal or the path), without the port. */
void addr_print_host(const struct addr *addr, char text[ADDR_TEXT_MAX]);

/* True for 127/8, ::1 and unix: what may be spoken to without TLS. */
bool addr_is_local(const struct addr *addr);

bool addr_equal(const struct addr *a, const struct addr *b);

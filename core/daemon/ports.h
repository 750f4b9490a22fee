/* ports.h - doors that another process has open already. */
#pragma once

#include "core/addr.h"

/*
 * Our shards share a door's TCP port by SO_REUSEPORT, and so would another
 * daemon of the same user, which then gets half of our clients. Returns
 * -EADDRINUSE when somebody listens at addr, 0 when not or not TCP, or -errno.
 */
int port_is_free(const struct addr *addr);

/* ports.h - doors that another process has open already. */
#pragma once

#include "core/addr.h"

/*
 * Our shards share a door's port by SO_REUSEPORT; so would another daemon, and
 * take half of our clients. -EADDRINUSE when somebody still listens after 2 s,
 * for the kernel closes a killed daemon's sockets late; 0 when nobody does or
 * it is not TCP, or -errno.
 */
int port_is_free(const struct addr *addr);

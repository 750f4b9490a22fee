/* ports.h - doors that another process has open already. */
#pragma once

#include "core/addr.h"

/*
 * Our shards share a door's port, and so would another daemon, which takes half
 * of our clients: -EADDRINUSE when somebody still listens after 2 s, in which
 * the kernel closes what a killed daemon had. 0: nobody, or no TCP. -errno.
 */
int port_is_free(const struct addr *addr);

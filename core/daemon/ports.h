/* ports.h - doors that another process has open already. */
#pragma once

#include "core/addr.h"

/*
 * Our shards share a door's port, and so would another daemon, which takes half
 * of our clients: -EADDRINUSE when somebody listens still after 2 s, in which
 * the kernel closes what was a killed daemon's. 0: nobody, or no TCP; or -errno.
 */
int port_is_free(const struct addr *addr);

/* bypass.h - the kernel-bypass dataplane as the configuration wants it. */
#pragma once

#include "core/config.h"

struct dp;
struct dpdk;

/*
 * 0, or -EOPNOTSUPP with one line in error when the configuration has ports
 * and this build has no dataplane for them.
 */
int bypass_check(const struct config *config, char *error, size_t error_cap);

/*
 * Starts what the configuration's ports need, and makes a dp for each shard.
 * Without ports *dpdk is NULL and dps stay as they are. Returns 0 or -errno
 * with one line in error; what was made is the caller's then too. Before the
 * shards run.
 */
int bypass_create(const struct config *config, struct dpdk **dpdk,
		  struct dp **dps, char *error, size_t error_cap);

/* Stops the ports; NULL does nothing. After all dps are destroyed. */
void bypass_destroy(struct dpdk *dpdk);

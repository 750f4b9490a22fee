/* uring.h - the default dataplane: kernel sockets through io_uring. */
#pragma once

#include "core/dp.h"

/*
 * Kernel TCP and unix stream sockets, no privilege needed. What the kernel can
 * do is found by trying when a dp is made, never by its version.
 *
 * Threads: one thread makes the dp and may listen; from the first poll, or
 * the first connect or attach with direct descriptors, it belongs to the
 * thread that called. dp_wake comes from anywhere.
 */
struct uring_config {
	uint32_t conn_max;     /* connections at once, 1 to 2^20 */
	uint32_t buffer_count; /* receive buffers, a power of two */
	uint32_t buffer_bytes; /* of each; all together best within L2 */
	/* Most that unread may hold, all together, counted in whole buffers:
	 * so many more are reserved at start, and touched when used. With
	 * buffer_count no more than 65536. */
	uint32_t kept_max_bytes;
	/* Connections live in the ring's own table and cost the process no
	 * descriptor. conn_max must then be below the limit per process. */
	bool direct_descriptors;
};

/* Sizes for a shard of some thousand clients: 256 buffers of 4 KiB. */
void uring_config_default(struct uring_config *config);

/*
 * Makes a dp. Returns 0, -EINVAL for a bad config, -EOPNOTSUPP when the kernel
 * lacks something needed, or another -errno.
 */
int uring_dp_create(const struct uring_config *config, struct dp **dp);

struct uring_stats {
	uint64_t accepted;
	uint64_t refused;      /* closed on arrival: the table was full */
	uint64_t starved;      /* receives that found no free buffer */
	uint64_t resumed;      /* sends continued after a short one */
	uint64_t enters;       /* system calls to submit, collect or wait */
	uint64_t cancels;      /* cancels that missed and were sent again */
	uint64_t copied_bytes; /* put back by unread */
};

/* Reads the counters. The owning thread. */
void uring_dp_stats(const struct dp *dp, struct uring_stats *stats);

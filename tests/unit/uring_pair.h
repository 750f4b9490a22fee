/* uring_pair.h - a dp or two on io_uring, for tests that need no bench. */
#pragma once

#include "dataplane/uring/uring.h"

#include <criterion/criterion.h>

static inline struct uring_config small_config(bool direct)
{
	return (struct uring_config){
		.conn_max = 64,
		.buffer_count = 32,
		.buffer_bytes = 2048,
		.kept_max_bytes = 16u << 20,
		.direct_descriptors = direct,
	};
}

static inline struct dp *make_dp(bool direct)
{
	struct uring_config config = small_config(direct);
	struct dp *dp;

	cr_assert_eq(uring_dp_create(&config, &dp), 0);
	return dp;
}

static inline struct addr loopback(void)
{
	struct addr addr;

	cr_assert_eq(addr_parse(&addr, "127.0.0.1:0"), 0);
	return addr;
}

/* One event of that kind, others dropped; false after two seconds. */
static inline bool poll_for(struct dp *dp, enum dp_event_kind kind,
			    struct dp_event *event)
{
	uint64_t deadline_ns = dp_now(dp) + 2 * NS_PER_S;

	while (dp_now(dp) < deadline_ns)
		if (dp_poll(dp, event, 1, deadline_ns) && event->kind == kind)
			return true;
	return false;
}

/* A connection from "from" to a listener of "to", which may be the same. */
static inline void make_pair(struct dp *from, struct dp *to,
			     const struct addr *addr, dp_conn *connected,
			     dp_conn *accepted)
{
	uint64_t deadline_ns = dp_now(from) + 2 * NS_PER_S;
	struct dp_event event;
	uint32_t seen = 0, turn = 0;

	cr_assert_eq(dp_connect(from, addr, 1, connected), 0);
	while (seen < 2 && dp_now(from) < deadline_ns) {
		struct dp *dp = turn++ % 2 ? to : from;
		if (!dp_poll(dp, &event, 1, dp_now(from) + NS_PER_MS))
			continue;
		seen++;
		if (event.kind == DP_ACCEPTED)
			*accepted = event.conn;
	}
	cr_assert_eq(seen, 2);
}

/* rtt.h - how long an answer takes, and how long to wait for it (RFC 6298). */
#pragma once

#include "dataplane/tcp/flow.h"

struct tcp_config;

/* Notes a sample. Longer than 30 s is as good as that. */
void rtt_sample(struct flow *flow, uint32_t rtt_us);

/* The retransmission timeout with the flow's back-off, in the config's limits.
 */
uint32_t rtt_timeout_ms(const struct flow *flow,
			const struct tcp_config *config);

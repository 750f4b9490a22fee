/* rtt.c - how long an answer takes, and how long to wait for it (RFC 6298). */
#include "dataplane/tcp/rtt.h"

#define RTT_MAX_US     ((uint32_t)30000000)
#define GRANULARITY_US ((uint32_t)1000) /* the wheel's */

/*
 * srtt is kept in eighths and rttvar in quarters of a microsecond, so that
 * the gains of 1/8 and 1/4 lose nothing to rounding. srtt 0 is "no sample".
 */
void rtt_sample(struct flow *flow, uint32_t rtt_us)
{
	uint32_t srtt_us = flow->srtt >> 3;
	uint32_t differ;

	rtt_us = max_u32(min_u32(rtt_us, RTT_MAX_US), 1);
	if (!flow->srtt) {
		flow->srtt = rtt_us << 3;
		flow->rttvar = rtt_us << 1;
		return;
	}
	differ = srtt_us > rtt_us ? srtt_us - rtt_us : rtt_us - srtt_us;
	flow->rttvar += differ - (flow->rttvar >> 2);
	flow->srtt += rtt_us - srtt_us;
	flow->srtt = max_u32(flow->srtt, 1);
}

uint32_t rtt_timeout_ms(const struct flow *flow,
			const struct tcp_config *config)
{
	uint64_t ms = config->rto_initial_ms;

	/* RTTVAR in quarters is what is wanted: four times it. */
	if (flow->srtt)
		ms = ((flow->srtt >> 3) +
		      max_u32(flow->rttvar, GRANULARITY_US) + 999) /
		     1000;
	ms = max_u64(ms, config->rto_min_ms) << flow_backoff(flow);
	return (uint32_t)min_u64(ms, config->rto_max_ms);
}

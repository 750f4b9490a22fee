/* congestion.c - how much may be in flight: RFC 5681's Reno. */
#include "dataplane/tcp/congestion.h"

#define CWND_MAX ((uint32_t)1 << 30) /* the largest window and no overflow */

static void cwnd_set(struct flow *flow, uint32_t cwnd)
{
	flow->cwnd = min_u32(max_u32(cwnd, flow->mss), CWND_MAX);
}

static uint32_t half_of(const struct flow *flow, uint32_t flight)
{
	return max_u32(flight / 2, 2 * (uint32_t)flow->mss);
}

void congestion_start(struct flow *flow, uint32_t segments, bool syn_lost)
{
	flow->ssthresh = CWND_MAX;
	cwnd_set(flow, (syn_lost ? 1 : segments) * (uint32_t)flow->mss);
}

void congestion_acked(struct flow *flow, uint32_t acked, uint32_t flight)
{
	uint32_t mss = flow->mss;
	/* RFC 3465: by bytes, at most two segments; one after a timeout. */
	uint32_t most = flow->recovery == RECOVERY_LOSS ? mss : 2 * mss;

	/* A window that is not used says nothing of the network (RFC 7661). */
	if (flight < flow->cwnd / 2)
		return;
	if (flow->cwnd < flow->ssthresh)
		cwnd_set(flow, flow->cwnd + min_u32(acked, most));
	else
		cwnd_set(flow,
			 flow->cwnd + max_u32((uint32_t)((uint64_t)mss *
							 min_u32(acked, mss) /
							 flow->cwnd),
					      1));
}

void congestion_recover(struct flow *flow, uint32_t flight, uint32_t extra)
{
	flow->ssthresh = half_of(flow, flight);
	cwnd_set(flow, flow->ssthresh + extra * flow->mss);
}

void congestion_inflate(struct flow *flow)
{
	cwnd_set(flow, flow->cwnd + flow->mss);
}

void congestion_partial(struct flow *flow, uint32_t acked)
{
	uint32_t left = flow->cwnd > acked ? flow->cwnd - acked : 0;

	cwnd_set(flow, left + (acked >= flow->mss ? flow->mss : 0));
}

/* RFC 6582, 3.2 step 3, its first choice: no burst after a long recovery. */
void congestion_recovered(struct flow *flow, uint32_t flight)
{
	cwnd_set(flow, min_u32(flow->ssthresh,
			       max_u32(flight, flow->mss) + flow->mss));
}

void congestion_timeout(struct flow *flow, uint32_t flight, bool first)
{
	if (first)
		flow->ssthresh = half_of(flow, flight);
	cwnd_set(flow, flow->mss);
}

void congestion_idle(struct flow *flow, uint32_t segments)
{
	cwnd_set(flow, min_u32(flow->cwnd, segments * (uint32_t)flow->mss));
}

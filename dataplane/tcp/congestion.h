/* congestion.h - how much may be in flight: RFC 5681's Reno. */
#pragma once

#include "dataplane/tcp/flow.h"

/*
 * The one place that changes cwnd and ssthresh; another control (CUBIC) takes
 * the place of this file, with its state in the auxiliary record.
 */

/* The first window; one segment after a SYN was lost (RFC 5681, 3.1). */
void congestion_start(struct flow *flow, uint32_t segments, bool syn_lost);

/* New data was acknowledged, with so much in flight before. */
void congestion_acked(struct flow *flow, uint32_t acked, uint32_t flight);

/* Recovery starts after duplicate ACKs; extra: segments that have left. */
void congestion_recover(struct flow *flow, uint32_t flight, uint32_t extra);

/* NewReno's window while FAST: one more has left; a partial ACK; the end. */
void congestion_inflate(struct flow *flow);
void congestion_partial(struct flow *flow, uint32_t acked);
void congestion_recovered(struct flow *flow, uint32_t flight);

/* A timeout; first: not of what was sent again already. */
void congestion_timeout(struct flow *flow, uint32_t flight, bool first);

/* Nothing was sent for longer than a timeout (RFC 5681, 4.1). */
void congestion_idle(struct flow *flow, uint32_t segments);

/* expire.c - what happens when a flow's timer fires.
 *
 *   ACK         an acknowledgement that was owed goes out
 *   RESEND      nothing was acknowledged: from snd_una on it is sent again,
 *               with twice the patience, until data_retries (syn_retries
 *               while opening) have come to nothing
 *   PROBE       a closed window is asked; as long as it is answered, for ever
 *   KEEPALIVE   a quiet peer is asked keepalive_count times
 *   FIN_WAIT    nobody owns the flow and the peer does not finish: it is
 *               forgotten
 */
#include "dataplane/tcp/expire.h"
#include "dataplane/tcp/ack.h"
#include "dataplane/tcp/emit.h"
#include "dataplane/tcp/end.h"
#include "dataplane/tcp/flows.h"
#include "dataplane/tcp/output.h"
#include "dataplane/tcp/plant.h"
#include "dataplane/tcp/rtt.h"
#include "dataplane/tcp/timers.h"

#include <errno.h>

/*
 * Whether there is no more hope. A peer that answers with a window of zero
 * may do so for ever, but not to a flow that nobody owns any more.
 */
static bool given_up(const struct tcp_stack *stack, const struct flow *flow)
{
	uint32_t limit = flow->state < FLOW_ESTABLISHED
				 ? stack->config.syn_retries
				 : stack->config.data_retries;

	if (!(flow->flags & FLOW_OWNED) && flow->state >= FLOW_ESTABLISHED &&
	    !flow->snd_wnd && flow_backoff(flow) >= limit)
		return true;
	return flow_retries(flow) >= limit;
}

static void try_again(struct tcp_stack *stack, struct flow *flow)
{
	bool doubled = !tcp_plant_is(stack, TCP_PLANT_never_patient);

	flow_set_tries(flow, flow_retries(flow) + 1,
		       flow_backoff(flow) + doubled);
	timers_set(stack, flow, flow->timer_kind,
		   rtt_timeout_ms(flow, &stack->config));
	flows_touch(stack, flow);
}

static bool expire_keepalive(struct tcp_stack *stack, struct flow *flow)
{
	const struct tcp_config *config = &stack->config;
	uint32_t quiet = stack_ms(stack) - flow->last_rx;

	if (quiet < config->keepalive_idle_ms) {
		timers_set(stack, flow, TIMER_KEEPALIVE,
			   config->keepalive_idle_ms - quiet);
		return true;
	}
	if (flow_retries(flow) >= config->keepalive_count) {
		stack->counters.gave_up++;
		end_flow_reset(stack, flow, -ETIMEDOUT);
		return false;
	}
	emit_keepalive(stack, flow);
	flow_set_tries(flow, flow_retries(flow) + 1, flow_backoff(flow));
	timers_set(stack, flow, TIMER_KEEPALIVE, config->keepalive_interval_ms);
	return true;
}

/* Returns false when the flow has ended. */
static bool expire_main(struct tcp_stack *stack, struct flow *flow)
{
	if (flow->timer_kind == TIMER_KEEPALIVE)
		return expire_keepalive(stack, flow);
	if (flow->timer_kind == TIMER_FIN_WAIT) {
		end_flow(stack, flow, 0);
		return false;
	}
	if (given_up(stack, flow)) {
		stack->counters.gave_up++;
		end_flow(stack, flow, -ETIMEDOUT);
		return false;
	}
	if (flow->timer_kind == TIMER_PROBE)
		output_probe(stack, flow);
	else if (flow->state < FLOW_ESTABLISHED)
		flow->flags |= FLOW_RESEND;
	else
		ack_timeout(stack, flow);
	try_again(stack, flow);
	return true;
}

void expire_flow(struct tcp_stack *stack, struct flow *flow)
{
	if (timers_ack_due(stack, flow)) {
		flow->flags &= (uint16_t)~FLOW_ACK_LATER;
		flow->flags |= FLOW_ACK_NOW;
		flows_touch(stack, flow);
	}
	if (timers_due(stack, flow) && !expire_main(stack, flow))
		return;
	timers_sync(stack, flow);
}

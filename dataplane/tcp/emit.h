/* emit.h - the segments of a flow, as its record has it. */
#pragma once

#include "dataplane/tcp/stack.h"

/*
 * All return 0, -EAGAIN while the next hop's MAC is not known (the flow is
 * touched when it is), or -EHOSTUNREACH: nothing was sent then. Each segment
 * that acknowledges settles what ACK the flow owed.
 */

/* SYN, or SYN and ACK, from snd_una. */
int emit_syn(struct tcp_stack *stack, struct flow *flow);

/* len bytes of the queue from seq on, and FIN if flags has it. */
int emit_data(struct tcp_stack *stack, struct flow *flow, uint32_t seq,
	      uint32_t len, uint8_t flags);

int emit_ack(struct tcp_stack *stack, struct flow *flow);

/* An ACK below the peer's window: he must answer it. */
int emit_keepalive(struct tcp_stack *stack, struct flow *flow);

int emit_reset(struct tcp_stack *stack, struct flow *flow);

/* An ACK to something that a stranger may have sent: within the rate. */
void emit_challenge(struct tcp_stack *stack, struct flow *flow);

/* open.h - how connections begin: SYN in, SYN out, both at once. */
#pragma once

#include "dataplane/tcp/stack.h"

/* The listener at a port, NULL when there is none. */
struct listener *open_listener(const struct tcp_stack *stack, uint16_t port);

/*
 * Answers a SYN to a listener; least_isn is the smallest initial sequence
 * number that an old connection of the same name allows, or NULL.
 */
void open_passive(struct tcp_stack *stack, const struct segment *segment,
		  struct listener *listener, const uint32_t *least_isn);

/* Makes a flow in SYN_SENT, owned. NULL when there is no room. */
struct flow *open_active(struct tcp_stack *stack,
			 const struct tcp_tuple *tuple);

/* A segment for a flow in SYN_SENT (RFC 9293, 3.10.7.3). May end it. */
void open_syn_sent(struct tcp_stack *stack, struct flow *flow,
		   const struct segment *segment);

/* The ACK of our SYN, acceptable, for a flow in SYN_SENT or SYN_RECEIVED. */
void open_established(struct tcp_stack *stack, struct flow *flow,
		      const struct segment *segment);

/* The local port that a flow to peer may have: 0 when all are in use. */
uint16_t open_port(struct tcp_stack *stack, uint32_t address, uint16_t port);

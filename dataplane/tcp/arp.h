/* arp.h - finds the MAC of a next hop, and answers who asks for ours. */
#pragma once

#include "dataplane/tcp/stack.h"

/* Takes an ARP frame. */
void arp_input(struct tcp_stack *stack, const struct tcp_frame *frame);

/* Tells everybody our address. */
void arp_announce(struct tcp_stack *stack);

/* Where a packet to target goes first; 0: there is no way. */
uint32_t arp_next_hop(const struct tcp_stack *stack, uint32_t target);

/*
 * The MAC for a flow's frames: 0, -EAGAIN while it is being asked for (the
 * flow is flushed when the answer is there) or -EHOSTUNREACH.
 */
int arp_resolve(struct tcp_stack *stack, struct flow *flow,
		const uint8_t **mac);

/* Asks again, or gives up, where it is time; sets stack->neighbours_ns. */
void arp_advance(struct tcp_stack *stack);

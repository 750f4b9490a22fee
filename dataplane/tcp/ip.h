/* ip.h - takes frames apart: Ethernet, IPv4, TCP headers. */
#pragma once

#include "dataplane/tcp/stack.h"

/*
 * Checks a frame; ARP and ICMP are dealt with at once. Returns true when it
 * is a TCP segment for us, in *segment, its hash included.
 */
bool ip_frame(struct tcp_stack *stack, struct tcp_frame *frame,
	      struct segment *segment);

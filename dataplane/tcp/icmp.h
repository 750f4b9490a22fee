/* icmp.h - answers echo requests, hears what routers say of our segments. */
#pragma once

#include "dataplane/tcp/stack.h"

/* Takes an ICMP message from peer, len bytes behind the IPv4 header. */
void icmp_input(struct tcp_stack *stack, const struct tcp_frame *frame,
		uint32_t peer, const uint8_t *message, uint32_t len);

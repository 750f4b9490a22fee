/* expire.h - what happens when a flow's timer fires. */
#pragma once

#include "dataplane/tcp/stack.h"

/* The wheel has fired for a live flow, perhaps early. May end it. */
void expire_flow(struct tcp_stack *stack, struct flow *flow);

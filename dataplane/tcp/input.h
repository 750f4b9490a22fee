/* input.h - what an arriving segment does to its flow (RFC 9293, 3.10.7). */
#pragma once

#include "dataplane/tcp/stack.h"

/* Takes a segment whose checksum was right. */
void input_segment(struct tcp_stack *stack, struct segment *segment);

/* segment.h - a TCP segment that arrived, taken apart. */
#pragma once

#include "dataplane/tcp/options.h"
#include "dataplane/tcp/tcp.h"

#define TCP_FIN ((uint8_t)1 << 0)
#define TCP_SYN ((uint8_t)1 << 1)
#define TCP_RST ((uint8_t)1 << 2)
#define TCP_PSH ((uint8_t)1 << 3)
#define TCP_ACK ((uint8_t)1 << 4)
#define TCP_URG ((uint8_t)1 << 5)

struct segment {
	struct tcp_tuple tuple;
	uint32_t hash; /* of the tuple */
	uint32_t seq;
	uint32_t ack;
	uint16_t window; /* as the field has it */
	uint8_t flags;   /* TCP_FIN.. */
	struct tcp_options options;
	const uint8_t *data; /* payload, in the frame */
	uint32_t len;
	struct tcp_frame *frame;
};

/* Sequence numbers it takes. */
static inline uint32_t segment_length(const struct segment *segment)
{
	return segment->len + ((segment->flags & TCP_SYN) != 0) +
	       ((segment->flags & TCP_FIN) != 0);
}

/* The sender's MAC, for answers that belong to no flow. */
static inline const uint8_t *segment_mac(const struct segment *segment)
{
	return segment->frame->data + 6;
}

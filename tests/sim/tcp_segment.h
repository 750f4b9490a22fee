/* tcp_segment.h - a TCP frame read by the tests' own eyes. */
#pragma once

#include "core/base.h"

#define SEGMENT_FIN 1
#define SEGMENT_SYN 2
#define SEGMENT_RST 4
#define SEGMENT_ACK 16

#define SEGMENT_SACKS 4

struct tcp_seen {
	uint32_t source; /* addresses and ports in host order */
	uint32_t target;
	uint16_t source_port;
	uint16_t target_port;
	uint32_t seq;
	uint32_t ack;
	uint32_t window; /* the field */
	uint32_t len;    /* of the payload */
	uint8_t flags;
	bool sack_ok;
	bool ts;
	uint8_t scale; /* 0xff: not there */
	uint32_t ts_value;
	uint32_t sack_count;
	uint32_t sack[SEGMENT_SACKS][2];
};

enum tcp_look {
	LOOK_TCP,   /* it is one, and sound */
	LOOK_OTHER, /* ARP, say */
	LOOK_BAD,   /* a header or a checksum is wrong */
};

/* Shares nothing with dataplane/tcp: what both get wrong nobody sees. */
enum tcp_look tcp_see(const uint8_t *frame, uint32_t len,
		      struct tcp_seen *seen);

/* Sequence numbers it takes. */
static inline uint32_t tcp_seen_length(const struct tcp_seen *seen)
{
	return seen->len + ((seen->flags & SEGMENT_SYN) != 0) +
	       ((seen->flags & SEGMENT_FIN) != 0);
}

static inline bool seen_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

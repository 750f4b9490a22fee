/* frame.h - what a TCP stack and the device beneath it give each other. */
#pragma once

#include "core/chunk.h"

#define TCP_OUT_BATCH  32 /* frames of one emit */
#define TCP_OUT_SPANS  4  /* of one frame: the largest MTU over whole chunks */
#define TCP_HEADER_MAX 96 /* Ethernet 14, IPv4 20, TCP 60 */

/* The device has verified it: software does not look again. */
#define TCP_FRAME_IP_CHECKED ((uint16_t)1 << 0)
#define TCP_FRAME_L4_CHECKED ((uint16_t)1 << 1)

/* A frame that arrived, from its Ethernet header on, without the FCS. */
struct tcp_frame {
	const uint8_t *data;
	uint32_t len;
	uint16_t flags; /* TCP_FRAME_* */
	bool kept;      /* out: the bytes are needed until release(token) */
	uint64_t token; /* the owner's */
};

/* The TCP checksum holds the pseudo header's sum: the device does the rest. */
#define TCP_OUT_L4_PARTIAL ((uint8_t)1 << 0)

/*
 * A frame to send: header bytes, then spans. Both are valid until emit
 * returns: an owner that sends later copies. (To lend chunks to a device they
 * would need counts of their own; SPICE's frames are mostly small.)
 */
struct tcp_frame_out {
	const uint8_t *header;
	uint16_t header_len;
	uint8_t span_count;
	uint8_t flags; /* TCP_OUT_* */
	uint32_t len;  /* of the whole frame */
	struct span spans[TCP_OUT_SPANS];
};

struct tcp_tuple {
	uint32_t peer_address; /* IPv4 addresses in host order */
	uint32_t local_address;
	uint16_t peer_port;
	uint16_t local_port;
};

/* What to do with a TCP frame that no flow is known for. */
enum tcp_unknown {
	TCP_UNKNOWN_OURS,  /* a listener's SYN, or RST is sent */
	TCP_UNKNOWN_DROP,  /* nothing */
	TCP_UNKNOWN_TAKEN, /* nothing; kept is set, the frame is the owner's: it
			      goes to the stack that has the flow */
};

struct tcp_ops {
	void (*emit)(void *arg, const struct tcp_frame_out *frames,
		     uint32_t count);
	/* The stack needs a kept frame no more: once for each, but TAKEN. */
	void (*release)(void *arg, uint64_t token);
	/* Asked before a SYN is answered or RST is sent. NULL: all are OURS. */
	enum tcp_unknown (*unknown)(void *arg, const struct tcp_tuple *tuple,
				    const struct tcp_frame *frame);
	void *arg;
};

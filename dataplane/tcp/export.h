/* export.h - a TCP connection as one flat record, on its way elsewhere. */
#pragma once

#include "dataplane/tcp/tcp.h"

/*
 * The image: this head, then the flow record, ranges, and bytes, in the order
 * of the counts. It is the machine's byte order and this version's layout:
 * between processes of one build, or of builds with one TCP_IMAGE_VERSION.
 * Timers are time remaining, the timestamp clock is its value at the export.
 * What the peer's SACK told is not in it: it is told again.
 */
#define TCP_IMAGE_MAGIC   ((uint32_t)0x69706374) /* "tcpi" */
#define TCP_IMAGE_VERSION 1

struct tcp_image_head {
	uint32_t magic;
	uint32_t version;
	uint32_t size_bytes; /* of all of it */
	uint32_t local_address;
	uint32_t tx_bytes;      /* from snd_una on */
	uint32_t rx_bytes;      /* received, not told: up to rcv_nxt */
	uint32_t reorder_bytes; /* beyond rcv_nxt, of all ranges */
	uint32_t reorder_count; /* ranges: a pair of 32-bit numbers each */
	uint32_t timer_ms;      /* remaining */
	uint32_t ack_ms;        /* remaining */
	uint32_t idle_ms;       /* since the last segment */
	uint32_t timestamp;     /* what our next TSval would be */
	uint8_t flow[TCP_FLOW_BYTES];
};

/* What an image of the flow takes now; 0 when it is stale. */
size_t tcp_export_bytes(const struct tcp_stack *stack, tcp_flow flow);

/*
 * Writes the flow's image and ends the flow here: no event and no frame
 * follows, bytes in events not yet taken are in the image. Returns its size,
 * -ENOTCONN while it connects, -ENOBUFS when size is too small, or -ESTALE.
 */
ssize_t tcp_export(struct tcp_stack *stack, tcp_flow flow, void *image,
		   size_t size);

/*
 * Continues a connection: receiving starts, kept bytes first, and an EOF told
 * before comes again. The image may be anybody's bytes. Returns 0, -EINVAL for
 * one that cannot be, -EADDRNOTAVAIL for another local address, -EEXIST when
 * the connection is here, -ENOSPC or -ENOBUFS; nothing has changed then.
 */
int tcp_import(struct tcp_stack *stack, const void *image, size_t size,
	       tcp_flow *flow);

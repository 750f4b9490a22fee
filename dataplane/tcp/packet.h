/* packet.h - builds frames: Ethernet, IPv4, TCP. */
#pragma once

#include "dataplane/tcp/stack.h"

#define ETHERNET_BYTES 14
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP  0x0806
#define IPV4_BYTES     20
#define PROTOCOL_ICMP  1
#define PROTOCOL_TCP   6
#define TCP_BYTES      20

/* A TCP segment to be sent, but for its payload. */
struct packet {
	const uint8_t *mac; /* of the next hop */
	uint32_t peer_address;
	uint16_t peer_port;
	uint16_t local_port;
	uint32_t seq;
	uint32_t ack;
	uint16_t window;
	uint8_t flags; /* TCP_SYN.. */
	const struct tcp_options *options;
};

void packet_ethernet(const struct tcp_stack *stack, uint8_t *header,
		     const uint8_t mac[6], uint16_t type);

/* Writes an IPv4 header for so many bytes behind it. */
void packet_ipv4(const struct tcp_stack *stack, uint8_t *header,
		 uint32_t target, uint8_t protocol, uint32_t len);

/*
 * Hands a segment to the batch, checksums and all. spans must stay until the
 * batch is flushed: until the public call returns.
 */
void packet_send(struct tcp_stack *stack, const struct packet *packet,
		 const struct span *spans, uint32_t span_count);

/* The RST, by RFC 9293 3.5.2, that a segment without a flow gets. */
void packet_reset(struct tcp_stack *stack, const struct segment *segment);

/* An ACK as a connection in TIME-WAIT sends it. */
void packet_ack_waiting(struct tcp_stack *stack,
			const struct tcp_time_wait *wait,
			const struct segment *segment);

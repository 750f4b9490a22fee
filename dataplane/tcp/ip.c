/* ip.c - takes frames apart: Ethernet, IPv4, TCP headers. */
#include "dataplane/tcp/ip.h"
#include "dataplane/tcp/arp.h"
#include "dataplane/tcp/bytes.h"
#include "dataplane/tcp/checksum.h"
#include "dataplane/tcp/flows.h"
#include "dataplane/tcp/icmp.h"
#include "dataplane/tcp/packet.h"
#include "dataplane/tcp/plant.h"

#define FRAGMENT_BITS 0x3fff /* more fragments, offset */

/* Nobody has such an address: loopback, multicast and above, 0, ours. */
static bool source_impossible(const struct tcp_stack *stack, uint32_t source)
{
	uint32_t top = source >> 24;
	uint64_t hosts = ((uint64_t)1 << (32 - stack->config.prefix_len)) - 1;
	bool of_ours = arp_next_hop(stack, source) == source;

	return !top || top == 127 || top >= 224 ||
	       source == stack->config.address ||
	       (of_ours && hosts > 1 && (source & hosts) == hosts);
}

static bool tcp_segment(struct tcp_stack *stack, struct tcp_frame *frame,
			uint32_t source, const uint8_t *tcp, uint32_t len,
			struct segment *segment)
{
	uint32_t header = len >= TCP_BYTES ? (tcp[12] >> 4) * (uint32_t)4 : 0;
	struct tcp_sum sum = {0};

	if (header < TCP_BYTES || header > len || !get_be16(tcp) ||
	    !get_be16(tcp + 2)) {
		stack->counters.tcp_bad_header++;
		return false;
	}
	if (!(frame->flags & TCP_FRAME_L4_CHECKED) &&
	    !tcp_plant_is(stack, TCP_PLANT_believe_sums)) {
		tcp_sum_pseudo(&sum, source, stack->config.address,
			       PROTOCOL_TCP, len);
		tcp_sum_add(&sum, tcp, len);
		if (!tcp_sum_good(&sum)) {
			stack->counters.tcp_bad_checksum++;
			return false;
		}
	}
	segment->tuple = (struct tcp_tuple){
		.peer_address = source,
		.local_address = stack->config.address,
		.peer_port = get_be16(tcp),
		.local_port = get_be16(tcp + 2),
	};
	segment->hash = flows_hash(stack, &segment->tuple);
	segment->seq = get_be32(tcp + 4);
	segment->ack = get_be32(tcp + 8);
	segment->flags = tcp[13];
	segment->window = get_be16(tcp + 14);
	segment->data = tcp + header;
	segment->len = len - header;
	segment->frame = frame;
	if (!tcp_options_read(&segment->options, tcp + TCP_BYTES,
			      header - TCP_BYTES))
		stack->counters.tcp_bad_options++;
	return true;
}

/* Header and length; options are skipped: none concerns an end. */
static bool ipv4_header_good(struct tcp_stack *stack,
			     const struct tcp_frame *frame, const uint8_t *ip,
			     uint32_t room)
{
	uint32_t header = room >= IPV4_BYTES ? (ip[0] & 15) * (uint32_t)4 : 0;
	struct tcp_sum sum = {0};

	if (header < IPV4_BYTES || ip[0] >> 4 != 4 ||
	    get_be16(ip + 2) < header || get_be16(ip + 2) > room) {
		stack->counters.ip_bad_header++;
		return false;
	}
	if (frame->flags & TCP_FRAME_IP_CHECKED)
		return true;
	tcp_sum_add(&sum, ip, header);
	if (tcp_sum_good(&sum))
		return true;
	stack->counters.ip_bad_checksum++;
	return false;
}

static bool ipv4_frame(struct tcp_stack *stack, struct tcp_frame *frame,
		       struct segment *segment)
{
	const uint8_t *ip = frame->data + ETHERNET_BYTES;
	uint32_t header;
	uint32_t len;
	uint32_t source;

	if (!ipv4_header_good(stack, frame, ip, frame->len - ETHERNET_BYTES))
		return false;
	header = (ip[0] & 15) * (uint32_t)4;
	len = get_be16(ip + 2) - header;
	source = get_be32(ip + 12);
	if (get_be32(ip + 16) != stack->config.address) {
		stack->counters.ip_foreign++;
		return false;
	}
	if (source_impossible(stack, source)) {
		stack->counters.ip_bad_header++;
		return false;
	}
	if (get_be16(ip + 6) & FRAGMENT_BITS) {
		stack->counters.ip_fragments++;
		return false;
	}
	switch (ip[9]) {
	case PROTOCOL_TCP:
		return tcp_segment(stack, frame, source, ip + header, len,
				   segment);
	case PROTOCOL_ICMP:
		icmp_input(stack, frame, source, ip + header, len);
		return false;
	default:
		stack->counters.ip_foreign++;
		return false;
	}
}

bool ip_frame(struct tcp_stack *stack, struct tcp_frame *frame,
	      struct segment *segment)
{
	static const uint8_t everybody[6] = {0xff, 0xff, 0xff,
					     0xff, 0xff, 0xff};
	bool to_us;
	uint16_t type;

	stack->counters.frames_in++;
	if (frame->len < ETHERNET_BYTES) {
		stack->counters.frames_foreign++;
		return false;
	}
	to_us = !memcmp(frame->data, stack->config.mac, 6);
	type = get_be16(frame->data + 12);
	if (type == ETHERTYPE_IPV4 && to_us)
		return ipv4_frame(stack, frame, segment);
	if (type == ETHERTYPE_ARP &&
	    (to_us || !memcmp(frame->data, everybody, 6)))
		arp_input(stack, frame);
	else
		stack->counters.frames_foreign++;
	return false;
}

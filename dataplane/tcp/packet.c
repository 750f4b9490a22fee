/* packet.c - builds frames: Ethernet, IPv4, TCP. */
#include "dataplane/tcp/packet.h"
#include "dataplane/tcp/bytes.h"
#include "dataplane/tcp/checksum.h"

#define IPV4_TTL           64
#define IPV4_DONT_FRAGMENT 0x4000

void packet_ethernet(const struct tcp_stack *stack, uint8_t *header,
		     const uint8_t mac[6], uint16_t type)
{
	memcpy(header, mac, 6);
	memcpy(header + 6, stack->config.mac, 6);
	put_be16(header + 12, type);
}

/* Never fragmented, so the identification may stay 0 (RFC 6864). */
void packet_ipv4(const struct tcp_stack *stack, uint8_t *header,
		 uint32_t target, uint8_t protocol, uint32_t len)
{
	struct tcp_sum sum = {0};
	uint16_t checksum;

	header[0] = 0x45;
	header[1] = 0;
	put_be16(header + 2, (uint16_t)(IPV4_BYTES + len));
	put_be16(header + 4, 0);
	put_be16(header + 6, IPV4_DONT_FRAGMENT);
	header[8] = IPV4_TTL;
	header[9] = protocol;
	put_be16(header + 10, 0);
	put_be32(header + 12, stack->config.address);
	put_be32(header + 16, target);
	tcp_sum_add(&sum, header, IPV4_BYTES);
	checksum = tcp_sum_finish(&sum);
	memcpy(header + 10, &checksum, sizeof(checksum));
}

/* Writes the TCP header, checksum 0; returns its length. */
static uint32_t tcp_header(uint8_t *header, const struct packet *packet)
{
	uint32_t len = TCP_BYTES;

	if (packet->options)
		len += tcp_options_write(packet->options, header + TCP_BYTES);
	put_be16(header, packet->local_port);
	put_be16(header + 2, packet->peer_port);
	put_be32(header + 4, packet->seq);
	put_be32(header + 8, packet->ack);
	header[12] = (uint8_t)(len / 4 << 4);
	header[13] = packet->flags;
	put_be16(header + 14, packet->window);
	put_be32(header + 16, 0);
	return len;
}

/* With offload the field holds the pseudo header's sum, not complemented. */
static void tcp_checksum(struct tcp_stack *stack, struct tcp_frame_out *frame,
			 uint8_t *tcp, uint32_t target, uint32_t tcp_len)
{
	uint32_t len = tcp_len;
	struct tcp_sum sum = {0};
	uint16_t checksum;

	for (uint32_t i = 0; i < frame->span_count; i++)
		len += frame->spans[i].len;
	tcp_sum_pseudo(&sum, stack->config.address, target, PROTOCOL_TCP, len);
	if (stack->config.l4_offload) {
		frame->flags |= TCP_OUT_L4_PARTIAL;
		checksum = tcp_sum_fold(&sum);
	} else {
		tcp_sum_add(&sum, tcp, tcp_len);
		for (uint32_t i = 0; i < frame->span_count; i++)
			tcp_sum_add(&sum, frame->spans[i].data,
				    frame->spans[i].len);
		checksum = tcp_sum_finish(&sum);
	}
	memcpy(tcp + 16, &checksum, sizeof(checksum));
}

void packet_send(struct tcp_stack *stack, const struct packet *packet,
		 const struct span *spans, uint32_t span_count)
{
	uint8_t *header;
	struct tcp_frame_out *frame = tcp_out_begin(&stack->out, &header);
	uint8_t *tcp = header + ETHERNET_BYTES + IPV4_BYTES;
	uint32_t tcp_len = tcp_header(tcp, packet);
	uint32_t len = tcp_len;

	ASSERT(span_count <= TCP_OUT_SPANS, "an MTU spans no more chunks");
	for (uint32_t i = 0; i < span_count; i++) {
		frame->spans[i] = spans[i];
		len += spans[i].len;
	}
	frame->span_count = (uint8_t)span_count;
	packet_ethernet(stack, header, packet->mac, ETHERTYPE_IPV4);
	packet_ipv4(stack, header + ETHERNET_BYTES, packet->peer_address,
		    PROTOCOL_TCP, len);
	tcp_checksum(stack, frame, tcp, packet->peer_address, tcp_len);
	frame->header_len = (uint16_t)(ETHERNET_BYTES + IPV4_BYTES + tcp_len);
	tcp_out_commit(&stack->out);
	stack->counters.segments_out++;
	if (packet->flags & TCP_RST)
		stack->counters.resets_out++;
}

/* What an answer to a segment without a flow has in any case. */
static struct packet answer_to(const struct segment *segment)
{
	return (struct packet){
		.mac = segment_mac(segment),
		.peer_address = segment->tuple.peer_address,
		.peer_port = segment->tuple.peer_port,
		.local_port = segment->tuple.local_port,
	};
}

void packet_reset(struct tcp_stack *stack, const struct segment *segment)
{
	struct packet packet = answer_to(segment);

	if (segment->flags & TCP_RST)
		return;
	if (!tcp_limiter_take(&stack->replies, stack->now_ns,
			      stack->config.reply_per_s, 0)) {
		stack->counters.replies_limited++;
		return;
	}
	packet.flags = TCP_RST;
	if (segment->flags & TCP_ACK) {
		packet.seq = segment->ack;
	} else {
		packet.flags |= TCP_ACK;
		packet.ack = segment->seq + segment_length(segment);
	}
	packet_send(stack, &packet, NULL, 0);
}

void packet_ack_waiting(struct tcp_stack *stack,
			const struct tcp_time_wait *wait,
			const struct segment *segment)
{
	struct packet packet = answer_to(segment);
	struct tcp_options options = {
		.present = wait->ts ? TCP_OPT_TS : 0,
		.ts_value = stack_ms(stack) + wait->ts_offset,
		.ts_echo = wait->ts_recent,
	};

	packet.flags = TCP_ACK;
	packet.seq = wait->snd_nxt;
	packet.ack = wait->rcv_nxt;
	packet.window = (uint16_t)wait->rcv_wnd;
	packet.options = &options;
	packet_send(stack, &packet, NULL, 0);
}

/* icmp.c - answers echo requests, hears what routers say of our segments.
 *
 * An error about one of our segments is a hint (RFC 5461, RFC 5927): it may
 * be forged, and routes heal. It ends nothing but an attempt to connect, and
 * that only when it says that nobody is there to answer. (What it says of
 * the path's MTU has its place here.)
 */
#include "dataplane/tcp/icmp.h"
#include "dataplane/tcp/bytes.h"
#include "dataplane/tcp/checksum.h"
#include "dataplane/tcp/end.h"
#include "dataplane/tcp/flows.h"
#include "dataplane/tcp/packet.h"

#include <errno.h>

#define ICMP_BYTES        8
#define ICMP_ECHO_REPLY   0
#define ICMP_UNREACHABLE  3
#define ICMP_ECHO_REQUEST 8
#define ICMP_EXCEEDED     11
#define ICMP_PARAMETER    12
#define CODE_PROTOCOL     2
#define CODE_PORT         3

static void echo_reply(struct tcp_stack *stack, const struct tcp_frame *frame,
		       uint32_t peer, const uint8_t *message, uint32_t len)
{
	struct tcp_sum sum = {0};
	uint16_t checksum;
	uint8_t *header;
	struct tcp_frame_out *out;
	uint8_t *icmp;

	if (!stack->config.answers)
		return;
	if (!tcp_limiter_take(&stack->replies, stack->now_ns,
			      stack->config.reply_per_s, 0)) {
		stack->counters.replies_limited++;
		return;
	}
	stack->counters.icmp_echoes++;
	out = tcp_out_begin(&stack->out, &header);
	icmp = header + ETHERNET_BYTES + IPV4_BYTES;
	packet_ethernet(stack, header, frame->data + 6, ETHERTYPE_IPV4);
	packet_ipv4(stack, header + ETHERNET_BYTES, peer, PROTOCOL_ICMP, len);
	memcpy(icmp, message, ICMP_BYTES);
	icmp[0] = ICMP_ECHO_REPLY;
	put_be16(icmp + 2, 0);
	tcp_sum_add(&sum, icmp, ICMP_BYTES);
	tcp_sum_add(&sum, message + ICMP_BYTES, len - ICMP_BYTES);
	checksum = tcp_sum_finish(&sum);
	memcpy(icmp + 2, &checksum, sizeof(checksum));
	out->header_len = ETHERNET_BYTES + IPV4_BYTES + ICMP_BYTES;
	if (len > ICMP_BYTES) {
		out->spans[0] =
			(struct span){message + ICMP_BYTES, len - ICMP_BYTES};
		out->span_count = 1;
	}
	tcp_out_commit(&stack->out);
}

/* The flow of ours that the quoted segment was of, and plausibly still is. */
static struct flow *flow_quoted(struct tcp_stack *stack, const uint8_t *ip,
				uint32_t len)
{
	uint32_t ip_len = len >= IPV4_BYTES ? (ip[0] & 15) * (uint32_t)4 : 0;
	const uint8_t *tcp = ip + ip_len;
	struct tcp_time_wait *wait;
	struct tcp_tuple tuple;
	struct flow *flow;
	uint32_t seq;

	if (len < IPV4_BYTES || ip[0] >> 4 != 4 || ip_len < IPV4_BYTES ||
	    len < ip_len + 8 || ip[9] != PROTOCOL_TCP ||
	    get_be32(ip + 12) != stack->config.address)
		return NULL;
	tuple = (struct tcp_tuple){
		.peer_address = get_be32(ip + 16),
		.local_address = stack->config.address,
		.peer_port = get_be16(tcp + 2),
		.local_port = get_be16(tcp),
	};
	flow = flows_find(stack, &tuple, flows_hash(stack, &tuple), &wait);
	seq = get_be32(tcp + 4);
	if (!flow || flow->state == FLOW_FREE ||
	    seq_before(seq, flow->snd_una) || !seq_before(seq, flow->snd_nxt))
		return NULL;
	return flow;
}

static void icmp_error(struct tcp_stack *stack, const uint8_t *message,
		       uint32_t len)
{
	struct flow *flow =
		flow_quoted(stack, message + ICMP_BYTES, len - ICMP_BYTES);
	uint8_t code = message[1];

	if (!flow) {
		stack->counters.icmp_ignored++;
		return;
	}
	stack->counters.icmp_errors++;
	if (message[0] == ICMP_UNREACHABLE && flow->state == FLOW_SYN_SENT &&
	    (code == CODE_PROTOCOL || code == CODE_PORT))
		end_flow(stack, flow, -ECONNREFUSED);
}

void icmp_input(struct tcp_stack *stack, const struct tcp_frame *frame,
		uint32_t peer, const uint8_t *message, uint32_t len)
{
	struct tcp_sum sum = {0};

	stack->counters.icmp_in++;
	tcp_sum_add(&sum, message, len);
	if (len < ICMP_BYTES || !tcp_sum_good(&sum)) {
		stack->counters.icmp_bad++;
		return;
	}
	switch (message[0]) {
	case ICMP_ECHO_REQUEST:
		echo_reply(stack, frame, peer, message, len);
		break;
	case ICMP_UNREACHABLE:
	case ICMP_EXCEEDED:
	case ICMP_PARAMETER:
		icmp_error(stack, message, len);
		break;
	default:
		break;
	}
}

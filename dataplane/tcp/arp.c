/* arp.c - finds the MAC of a next hop, and answers who asks for ours.
 *
 * RFC 826 for Ethernet and IPv4. The cache learns from answers to what we
 * asked and from whoever asks for our address: he is about to talk to us.
 * Other traffic teaches it nothing new.
 */
#include "dataplane/tcp/arp.h"
#include "dataplane/tcp/bytes.h"
#include "dataplane/tcp/flows.h"
#include "dataplane/tcp/packet.h"

#include <errno.h>

#define ARP_BYTES   28
#define ARP_REQUEST 1
#define ARP_REPLY   2

static const uint8_t mac_broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t mac_none[6];

static void arp_send(struct tcp_stack *stack, uint16_t operation,
		     const uint8_t to[6], const uint8_t target_mac[6],
		     uint32_t target)
{
	uint8_t *header;
	struct tcp_frame_out *frame = tcp_out_begin(&stack->out, &header);
	uint8_t *arp = header + ETHERNET_BYTES;

	packet_ethernet(stack, header, to, ETHERTYPE_ARP);
	put_be16(arp, 1); /* Ethernet */
	put_be16(arp + 2, ETHERTYPE_IPV4);
	arp[4] = 6;
	arp[5] = 4;
	put_be16(arp + 6, operation);
	memcpy(arp + 8, stack->config.mac, 6);
	put_be32(arp + 14, stack->config.address);
	memcpy(arp + 18, target_mac, 6);
	put_be32(arp + 24, target);
	frame->header_len = ETHERNET_BYTES + ARP_BYTES;
	tcp_out_commit(&stack->out);
}

void arp_announce(struct tcp_stack *stack)
{
	arp_send(stack, ARP_REQUEST, mac_broadcast, mac_none,
		 stack->config.address);
	stack->counters.arp_requests++;
}

static void request(struct tcp_stack *stack, struct neighbour *entry)
{
	bool known = entry->state == NEIGHBOUR_ASKED_AGAIN;

	arp_send(stack, ARP_REQUEST, known ? entry->mac : mac_broadcast,
		 mac_none, entry->address);
	stack->counters.arp_requests++;
	entry->tries++;
	entry->at_ms = stack_ms(stack) + stack->config.arp_retry_ms;
	stack->neighbours_ns = min_u64(
		stack->neighbours_ns,
		(stack->now_ms + stack->config.arp_retry_ms) * NS_PER_MS);
}

uint32_t arp_next_hop(const struct tcp_stack *stack, uint32_t target)
{
	uint32_t bits = 32 - stack->config.prefix_len;
	uint32_t differ = target ^ stack->config.address;

	if (!((uint64_t)differ >> bits))
		return target;
	return stack->config.gateway;
}

static void wait_for(struct tcp_stack *stack, struct neighbour *entry,
		     const struct flow *flow)
{
	uint32_t index = flows_index(stack, flow);

	for (uint32_t i = 0; i < entry->waiter_count; i++) {
		if (entry->waiters[i] == index)
			return;
	}
	if (entry->waiter_count < NEIGHBOUR_WAITERS)
		entry->waiters[entry->waiter_count++] = index;
}

static void wake_waiters(struct tcp_stack *stack, struct neighbour *entry)
{
	for (uint32_t i = 0; i < entry->waiter_count; i++) {
		struct flow *flow = &stack->flows[entry->waiters[i]];

		if (flow->state != FLOW_FREE)
			flows_touch(stack, flow);
	}
	entry->waiter_count = 0;
}

/* The cache entry of an address, from the flow's guess if that is right. */
static struct neighbour *entry_of(struct tcp_stack *stack, struct flow *flow,
				  uint32_t address)
{
	struct neighbour *entry;

	if (flow->neighbour < stack->neighbours.fresh) {
		entry = &stack->neighbours.entries[flow->neighbour];
		if (entry->address == address && entry->state != NEIGHBOUR_FREE)
			return entry;
	}
	entry = neighbour_get(&stack->neighbours, address);
	if (entry)
		flow->neighbour = (uint16_t)(entry - stack->neighbours.entries);
	return entry;
}

int arp_resolve(struct tcp_stack *stack, struct flow *flow, const uint8_t **mac)
{
	uint32_t hop = arp_next_hop(stack, flow->peer_address);
	struct neighbour *entry = hop ? entry_of(stack, flow, hop) : NULL;

	if (!hop)
		return -EHOSTUNREACH;
	if (!entry)
		return -EAGAIN;
	switch (entry->state) {
	case NEIGHBOUR_KNOWN:
		if (stack_ms(stack) - entry->at_ms >=
		    stack->config.arp_fresh_ms) {
			neighbour_set(&stack->neighbours, entry,
				      NEIGHBOUR_ASKED_AGAIN);
			entry->tries = 0;
			request(stack, entry);
		}
		*mac = entry->mac;
		return 0;
	case NEIGHBOUR_ASKED_AGAIN:
		*mac = entry->mac;
		return 0;
	case NEIGHBOUR_SILENT:
		return -EHOSTUNREACH;
	default:
		wait_for(stack, entry, flow);
		if (!entry->tries)
			request(stack, entry);
		return -EAGAIN;
	}
}

static void learn(struct tcp_stack *stack, struct neighbour *entry,
		  const uint8_t mac[6])
{
	memcpy(entry->mac, mac, 6);
	neighbour_set(&stack->neighbours, entry, NEIGHBOUR_KNOWN);
	entry->tries = 0;
	entry->at_ms = stack_ms(stack);
	wake_waiters(stack, entry);
}

static bool arp_valid(const struct tcp_frame *frame)
{
	const uint8_t *arp = frame->data + ETHERNET_BYTES;

	return frame->len >= ETHERNET_BYTES + ARP_BYTES && get_be16(arp) == 1 &&
	       get_be16(arp + 2) == ETHERTYPE_IPV4 && arp[4] == 6 &&
	       arp[5] == 4 && !(arp[8] & 1);
}

void arp_input(struct tcp_stack *stack, const struct tcp_frame *frame)
{
	const uint8_t *arp = frame->data + ETHERNET_BYTES;
	struct neighbour *entry;
	uint32_t sender;
	bool to_us;

	stack->counters.arp_in++;
	if (!arp_valid(frame)) {
		stack->counters.arp_bad++;
		return;
	}
	sender = get_be32(arp + 14);
	to_us = get_be32(arp + 24) == stack->config.address;
	/* 0 is a probe by somebody who has no address yet (RFC 5227). */
	if (sender && sender != stack->config.address &&
	    arp_next_hop(stack, sender) == sender) {
		entry = to_us && get_be16(arp + 6) == ARP_REQUEST
				? neighbour_get(&stack->neighbours, sender)
				: neighbour_find(&stack->neighbours, sender);
		if (entry)
			learn(stack, entry, arp + 8);
	}
	if (to_us && get_be16(arp + 6) == ARP_REQUEST &&
	    sender != stack->config.address && stack->config.answers) {
		stack->counters.arp_replies++;
		arp_send(stack, ARP_REPLY, arp + 8, arp + 8, sender);
	}
}

/* Time for an entry that waits: asks again or gives it up. */
static void entry_due(struct tcp_stack *stack, struct neighbour *entry)
{
	if (entry->state == NEIGHBOUR_SILENT) {
		neighbour_forget(&stack->neighbours, entry);
		return;
	}
	if (entry->tries < stack->config.arp_retries) {
		request(stack, entry);
		return;
	}
	if (entry->state == NEIGHBOUR_ASKED_AGAIN) {
		/* He may have a new MAC: everybody is asked. */
		neighbour_set(&stack->neighbours, entry, NEIGHBOUR_ASKED);
		entry->tries = 0;
		request(stack, entry);
		return;
	}
	stack->counters.arp_failed++;
	neighbour_set(&stack->neighbours, entry, NEIGHBOUR_SILENT);
	entry->at_ms = stack_ms(stack) + stack->config.arp_retry_ms;
	wake_waiters(stack, entry);
}

void arp_advance(struct tcp_stack *stack)
{
	struct neighbours *cache = &stack->neighbours;
	uint32_t soonest = UINT32_MAX;

	if (stack->now_ns < stack->neighbours_ns)
		return;
	stack->neighbours_ns = NS_NEVER;
	for (uint32_t i = 0; cache->asking && i < cache->fresh; i++) {
		struct neighbour *entry = &cache->entries[i];
		uint32_t left = entry->at_ms - stack_ms(stack);

		if (entry->state == NEIGHBOUR_FREE ||
		    entry->state == NEIGHBOUR_KNOWN)
			continue;
		if ((int32_t)left <= 0) {
			entry_due(stack, entry);
			left = entry->at_ms - stack_ms(stack);
		}
		if (entry->state != NEIGHBOUR_FREE)
			soonest = min_u32(soonest, left);
	}
	if (soonest != UINT32_MAX)
		stack->neighbours_ns =
			min_u64(stack->neighbours_ns,
				(stack->now_ms + soonest) * NS_PER_MS);
}

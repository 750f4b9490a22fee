/* stack.h - everything one TCP stack owns. */
#pragma once

#include "core/siphash.h"
#include "core/wheel.h"
#include "dataplane/tcp/counters.h"
#include "dataplane/tcp/events.h"
#include "dataplane/tcp/flow.h"
#include "dataplane/tcp/limiter.h"
#include "dataplane/tcp/neighbour.h"
#include "dataplane/tcp/out.h"
#include "dataplane/tcp/segment.h"
#include "dataplane/tcp/table.h"
#include "dataplane/tcp/timewait.h"

struct listener {
	uint16_t port; /* 0: free */
	uint32_t backlog;
	uint32_t half_open;
	uint64_t cookie;
};

/* An id in the table is a flow's index + 1, or a waiting one's, marked. */
#define TABLE_WAITS ((uint32_t)1 << 31)

struct tcp_stack {
	uint64_t now_ns;
	uint64_t now_ms;
	struct flow *flows;
	struct tcp_table table;
	struct wheel wheel;
	uint32_t *listed; /* flows with FLOW_LISTED */
	uint32_t listed_count;
	uint32_t flow_fresh; /* flows from here on were never taken */
	uint32_t flow_free;  /* index + 1, next in peer_address */
	uint32_t flow_live;
	uint32_t half_open; /* in SYN_RECEIVED, of listeners */
	struct chunk_pool tx_pool;
	struct tcp_rx_pool rx_pool;
	struct flow_aux *aux;
	uint32_t *aux_maps; /* reorder_slots for each */
	uint32_t reorder_slots;
	uint32_t aux_fresh;
	uint32_t aux_free; /* index + 1 */
	uint32_t aux_used;
	struct tcp_event_queue events;
	struct tcp_time_waits waits;
	struct neighbours neighbours;
	uint64_t neighbours_ns; /* when the cache has something to do */
	struct listener *listeners;
	struct tcp_limiter challenges;
	struct tcp_limiter replies;
	uint8_t hash_key[SIPHASH_KEY_BYTES];
	uint8_t isn_key[SIPHASH_KEY_BYTES];
	uint8_t own_scale;  /* for windows we announce */
	uint16_t port_next; /* where the search for a free one starts */
	struct tcp_config config;
	struct tcp_ops ops;
	struct tcp_counters counters;
	struct tcp_out out;
	struct segment segments[TCP_BATCH];
};

/* Milliseconds as flows note them. */
static inline uint32_t stack_ms(const struct tcp_stack *stack)
{
	return (uint32_t)stack->now_ms;
}

/* The MSS we announce: what fits our MTU without options (RFC 6691). */
static inline uint16_t stack_mss(const struct tcp_stack *stack)
{
	return (uint16_t)(stack->config.mtu - 40);
}

/* config.h - addresses and limits of a TCP stack. */
#pragma once

#include "core/base.h"

#define TCP_MTU_MIN        576
#define TCP_MTU_MAX        9000
#define TCP_TRIES_MAX      15    /* of anything that is tried again */
#define TCP_NEIGHBOURS_MAX 65534 /* an index and one fit 16 bits */

/* All of it is fixed at start. tcp_config_default fills what has a default. */
struct tcp_config {
	uint8_t mac[6];
	uint8_t prefix_len;
	bool answers; /* ARP requests and echo: one stack of an address does */
	uint32_t address; /* host order */
	uint32_t gateway; /* 0: none */
	uint16_t mtu;
	uint16_t
		port_min; /* for tcp_connect: no other stack's of the address */
	uint16_t port_max;
	bool l4_offload; /* emit with TCP_OUT_L4_PARTIAL */
	/* For hashes, initial sequence numbers, timestamps: hard to guess. */
	uint8_t secret[16];

	uint32_t flow_max;
	uint32_t listener_max;
	uint32_t view_max;      /* RECEIVED given and not recycled */
	uint32_t aux_max;       /* flows that recover, reorder or are held */
	uint32_t tx_chunks;     /* of CHUNK_BYTES */
	uint32_t rx_chunks;     /* for reordered and held bytes */
	uint32_t tx_flow_bytes; /* queued to send of one flow */
	uint32_t rx_flow_bytes; /* the most that is advertised */
	uint32_t time_wait_max;
	uint32_t neighbour_max;

	uint32_t initial_segments; /* the first congestion window, 1..10 */
	uint32_t rto_initial_ms;
	uint32_t rto_min_ms;
	uint32_t rto_max_ms;
	uint32_t delayed_ack_ms;
	uint32_t keepalive_idle_ms;
	uint32_t keepalive_interval_ms;
	uint32_t fin_wait_ms; /* in FIN_WAIT_2, once closed */
	uint32_t time_wait_ms;
	uint32_t arp_retry_ms;
	uint32_t arp_fresh_ms;    /* asked again when older */
	uint8_t keepalive_count;  /* unanswered: the flow ends. 1..15 */
	uint8_t syn_retries;      /* 1..15 */
	uint8_t data_retries;     /* 1..15 */
	uint8_t arp_retries;      /* 1..15 */
	uint32_t challenge_per_s; /* acknowledgements that a stranger causes */
	uint32_t reply_per_s;     /* RST and echo replies without a flow */
	uint8_t plant;            /* enum tcp_plant, of a test build */
};

/* Everything but addresses, secret and limits of the machine's size. */
void tcp_config_default(struct tcp_config *config);

/* Whether a stack can be made of it. */
bool tcp_config_valid(const struct tcp_config *config);

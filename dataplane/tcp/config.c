/* config.c - a stack's limits: what they are by default, what they may be. */
#include "dataplane/tcp/config.h"
#include "core/chunk.h"

/* Times are compared within half of 32 bits of milliseconds. */
#define TIME_MAX_MS ((uint32_t)1 << 30)

void tcp_config_default(struct tcp_config *config)
{
	*config = (struct tcp_config){
		.prefix_len = 24,
		.answers = true,
		.mtu = 1500,
		.port_min = 49152,
		.port_max = 65535,
		.flow_max = 1024,
		.listener_max = 16,
		.view_max = 1024,
		.aux_max = 256,
		.tx_chunks = 1024,
		.rx_chunks = 1024,
		.tx_flow_bytes = 256 * 1024,
		.rx_flow_bytes = 256 * 1024,
		.time_wait_max = 1024,
		.neighbour_max = 256,
		.initial_segments = 10, /* RFC 6928 */
		.rto_initial_ms = 1000, /* RFC 6298 */
		.rto_min_ms = 200,      /* as everybody's, not the RFC's 1 s */
		.rto_max_ms = 60000,
		.delayed_ack_ms = 40,
		.keepalive_idle_ms = 2 * 3600 * 1000,
		.keepalive_interval_ms = 75 * 1000,
		.keepalive_count = 9,
		.fin_wait_ms = 60 * 1000,
		.time_wait_ms = 60 * 1000,
		.arp_retry_ms = 1000,
		.arp_fresh_ms = 60 * 1000,
		.syn_retries = 6,
		.data_retries = 15,
		.arp_retries = 3,
		.challenge_per_s = 1000,
		.reply_per_s = 1000,
	};
}

static bool within(uint64_t value, uint64_t least, uint64_t most)
{
	return value >= least && value <= most;
}

static bool limits_valid(const struct tcp_config *config)
{
	/* An index and one, and a mark, fit 32 bits; the events, too. */
	return within(config->flow_max, 1, (uint32_t)1 << 24) &&
	       within(config->listener_max, 1, 1024) &&
	       within(config->view_max, 1, (uint32_t)1 << 24) &&
	       within(config->aux_max, 1, (uint32_t)1 << 24) &&
	       within(config->tx_chunks, 1, (uint32_t)1 << 24) &&
	       within(config->rx_chunks, 1, (uint32_t)1 << 20) &&
	       within(config->tx_flow_bytes, CHUNK_BYTES, 16 << 20) &&
	       within(config->rx_flow_bytes, 4096, 16 << 20) &&
	       within(config->time_wait_max, 1, (uint32_t)1 << 24) &&
	       within(config->neighbour_max, 2, TCP_NEIGHBOURS_MAX) &&
	       within(config->initial_segments, 1, 10) &&
	       within(config->challenge_per_s, 1, 1000000) &&
	       within(config->reply_per_s, 1, 1000000);
}

static bool times_valid(const struct tcp_config *config)
{
	return within(config->rto_min_ms, 1, config->rto_max_ms) &&
	       within(config->rto_initial_ms, 1, config->rto_max_ms) &&
	       within(config->rto_max_ms, 1, 3600 * 1000) &&
	       within(config->delayed_ack_ms, 0, 500) &&
	       within(config->keepalive_idle_ms, 1, TIME_MAX_MS) &&
	       within(config->keepalive_interval_ms, 1, TIME_MAX_MS) &&
	       within(config->fin_wait_ms, 1, TIME_MAX_MS) &&
	       within(config->time_wait_ms, 1, TIME_MAX_MS) &&
	       within(config->arp_retry_ms, 1, TIME_MAX_MS) &&
	       within(config->arp_fresh_ms, 1, TIME_MAX_MS) &&
	       within(config->keepalive_count, 1, TCP_TRIES_MAX) &&
	       within(config->syn_retries, 1, TCP_TRIES_MAX) &&
	       within(config->data_retries, 1, TCP_TRIES_MAX) &&
	       within(config->arp_retries, 1, TCP_TRIES_MAX);
}

static bool address_valid(const struct tcp_config *config)
{
	uint32_t top = config->address >> 24;
	bool mac = false;

	for (uint32_t i = 0; i < 6; i++)
		mac |= config->mac[i] != 0;
	return mac && !(config->mac[0] & 1) && top && top != 127 && top < 224 &&
	       config->gateway != config->address &&
	       within(config->prefix_len, 1, 32) &&
	       within(config->mtu, TCP_MTU_MIN, TCP_MTU_MAX) &&
	       within(config->port_min, 1, config->port_max);
}

bool tcp_config_valid(const struct tcp_config *config)
{
	return address_valid(config) && limits_valid(config) &&
	       times_valid(config);
}

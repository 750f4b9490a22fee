/* port.c - a device with its queues, pools and rings, and who polls what. */
#include "dataplane/dpdk/internal.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define ETHERNET_MAX  22 /* header, a VLAN tag, FCS */
#define CACHE_MBUFS   128
#define MBUF_OVERHEAD (sizeof(struct rte_mbuf) + RTE_CACHE_LINE_SIZE)

static uint16_t room_of(const struct dpdk_port_config *config)
{
	uint32_t frame = config->mtu + ETHERNET_MAX;

	return (uint16_t)(RTE_PKTMBUF_HEADROOM +
			  max_u32(frame, RTE_MBUF_DEFAULT_DATAROOM));
}

/* Every place in which a frame of a dp's pool can be. */
static uint32_t pool_frames(const struct dpdk_config *config,
			    const struct dpdk_port_config *port)
{
	return (uint32_t)port->rx_descriptors + port->tx_descriptors +
	       config->view_max + INBOX_FRAMES + OUTBOX_FRAMES + HELD_FRAMES +
	       4 * CACHE_MBUFS;
}

uint64_t port_need_bytes(const struct dpdk_config *config,
			 const struct dpdk_port_config *port)
{
	uint64_t frame = room_of(port) + MBUF_OVERHEAD;
	uint64_t rings = (INBOX_FRAMES + OUTBOX_FRAMES) * sizeof(void *);

	return config->dp_count * (pool_frames(config, port) * frame + rings);
}

static int port_memory(struct dpdk *dpdk, struct port *port)
{
	char name[RTE_RING_NAMESIZE];

	for (uint32_t i = 0; i < dpdk->config.dp_count; i++) {
		snprintf(name, sizeof(name), "frames_%u_%u", port->id, i);
		port->pools[i] = rte_pktmbuf_pool_create(
			name, pool_frames(&dpdk->config, &port->config),
			CACHE_MBUFS, 0, room_of(&port->config), SOCKET_ID_ANY);
		snprintf(name, sizeof(name), "inbox_%u_%u", port->id, i);
		/* A producer that lost its processor stops nobody else. */
		port->inboxes[i] =
			rte_ring_create(name, INBOX_FRAMES, SOCKET_ID_ANY,
					RING_F_MP_RTS_ENQ | RING_F_SC_DEQ);
		if (!port->pools[i] || !port->inboxes[i])
			return -ENOMEM;
	}
	if (port->queue_count == dpdk->config.dp_count)
		return 0;
	for (uint32_t i = 0; i < port->queue_count; i++) {
		snprintf(name, sizeof(name), "outbox_%u_%u", port->id, i);
		port->queues[i].outbox =
			rte_ring_create(name, OUTBOX_FRAMES, SOCKET_ID_ANY,
					RING_F_MP_RTS_ENQ | RING_F_SC_DEQ);
		if (!port->queues[i].outbox)
			return -ENOMEM;
	}
	return 0;
}

static int queues_make(struct port *port)
{
	struct rte_eth_conf conf = {.rxmode.mtu = port->config.mtu};
	uint16_t rx = port->config.rx_descriptors;
	uint16_t tx = port->config.tx_descriptors;
	int err = rte_eth_dev_configure(port->id, port->queue_count,
					port->queue_count, &conf);

	if (!err)
		err = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx, &tx);
	for (uint16_t i = 0; i < port->queue_count && !err; i++) {
		err = rte_eth_rx_queue_setup(port->id, i, rx,
					     (unsigned)SOCKET_ID_ANY, NULL,
					     port->pools[i]);
		if (!err)
			err = rte_eth_tx_queue_setup(
				port->id, i, tx, (unsigned)SOCKET_ID_ANY, NULL);
	}
	return err;
}

static bool mac_is_zero(const uint8_t mac[6])
{
	static const uint8_t zero[6];

	return memcmp(mac, zero, sizeof(zero)) == 0;
}

/* The operator's address, else the device's, else one of our own making. */
static int mac_settle(struct port *port)
{
	struct rte_ether_addr address;
	int err = 0;

	if (!mac_is_zero(port->config.mac)) {
		memcpy(port->mac, port->config.mac, sizeof(port->mac));
		memcpy(address.addr_bytes, port->mac, sizeof(port->mac));
		/* One that cannot be told must listen to all. */
		if (rte_eth_dev_default_mac_addr_set(port->id, &address))
			err = rte_eth_promiscuous_enable(port->id);
		return err;
	}
	err = rte_eth_macaddr_get(port->id, &address);
	if (!err && !rte_is_zero_ether_addr(&address)) {
		memcpy(port->mac, address.addr_bytes, sizeof(port->mac));
		return 0;
	}
	memcpy(port->mac, port->secret, sizeof(port->mac));
	port->mac[0] = (uint8_t)((port->mac[0] & 0xfc) | 0x02);
	return 0;
}

static uint32_t queues_wanted(const struct dpdk *dpdk,
			      const struct dpdk_port_config *config)
{
	uint32_t dps = dpdk->config.dp_count;

	return config->queues ? min_u32(config->queues, dps) : dps;
}

static int device_start(struct dpdk *dpdk, struct port *port)
{
	struct rte_eth_dev_info info;
	int err = rte_eth_dev_info_get(port->id, &info);

	if (err)
		return err;
	port->queue_count = (uint16_t)min_u32(
		queues_wanted(dpdk, &port->config),
		min_u32(info.max_rx_queues, info.max_tx_queues));
	if (port->queue_count == 0)
		return -ENODEV;
	err = port_memory(dpdk, port);
	if (!err)
		err = queues_make(port);
	if (!err)
		err = rte_eth_dev_start(port->id);
	if (!err)
		err = mac_settle(port);
	return err;
}

int port_start(struct dpdk *dpdk, struct port *port,
	       const struct dpdk_port_config *config, char *error,
	       size_t error_cap)
{
	const struct dpdk_config *all = &dpdk->config;
	uint32_t number = (uint32_t)(port - dpdk->ports);
	uint8_t secret[SIPHASH_KEY_BYTES];
	int err;

	*port = (struct port){.config = *config};
	if (getrandom(port->secret, sizeof(port->secret), 0) !=
		    sizeof(port->secret) ||
	    getrandom(secret, sizeof(secret), 0) != sizeof(secret)) {
		snprintf(error, error_cap, "no randomness");
		return -EIO;
	}
	err = device_open(config, queues_wanted(dpdk, config), number,
			  &port->id, error, error_cap);
	if (err)
		return err;
	err = device_start(dpdk, port);
	if (!err)
		err = steer_init(
			&port->steer, secret, all->dp_count,
			all->dp_count * (all->conn_max + LEFTOVER_MAX) +
				all->parcel_max);
	if (err) {
		snprintf(error, error_cap, "cannot start the device %s: %s",
			 config->driver, strerror(-err));
		port_stop(dpdk, port);
	}
	return err;
}

void port_stop(struct dpdk *dpdk, struct port *port)
{
	device_close(port->id);
	for (uint32_t i = 0; i < dpdk->config.dp_count; i++) {
		rte_ring_free(port->inboxes[i]);
		rte_ring_free(port->queues[i].outbox);
	}
	for (uint32_t i = 0; i < dpdk->config.dp_count; i++)
		rte_mempool_free(port->pools[i]);
	steer_fini(&port->steer);
	memset(port, 0, sizeof(*port));
}

void port_join(struct port *port, uint8_t dp)
{
	for (uint32_t i = 0; i < port->queue_count; i++) {
		struct queue *queue = &port->queues[i];

		if (i == dp || atomic_load(&queue->poller) == 0)
			atomic_store(&queue->poller, dp + 1u);
	}
	steer_join(&port->steer, dp);
}

void port_leave(struct port *port, uint8_t dp)
{
	uint64_t present;
	uint32_t heir = 0;

	steer_leave(&port->steer, dp);
	present = atomic_load(&port->steer.present);
	if (present)
		heir = (uint32_t)__builtin_ctzll(present) + 1;
	for (uint32_t i = 0; i < port->queue_count; i++) {
		struct queue *queue = &port->queues[i];

		if (atomic_load(&queue->poller) == dp + 1u)
			atomic_store(&queue->poller, heir);
	}
}

uint32_t port_frames_out(const struct dpdk *dpdk, struct port *port)
{
	struct rte_mbuf *frame;
	uint32_t count = 0;

	for (uint16_t i = 0; i < port->queue_count; i++) {
		struct rte_ring *outbox = port->queues[i].outbox;

		while (rte_eth_rx_burst(port->id, i, &frame, 1) ||
		       (outbox && !rte_ring_dequeue(outbox, (void **)&frame)))
			rte_pktmbuf_free(frame);
	}
	for (uint32_t i = 0; i < dpdk->config.dp_count; i++)
		count += rte_mempool_in_use_count(port->pools[i]);
	return count;
}

/* listen.c - doors, connects, and the addresses of both. */
#include "dataplane/dpdk/internal.h"

#include <errno.h>
#include <string.h>

#define BACKLOG 1024

/* Where a door's port is chosen when it was 0: below those of connects. */
#define DOOR_PORT_MIN 32768

static uint32_t address_of(const struct addr *addr)
{
	return (uint32_t)addr->ip[0] << 24 | (uint32_t)addr->ip[1] << 16 |
	       (uint32_t)addr->ip[2] << 8 | addr->ip[3];
}

static struct addr addr_of(uint32_t address, uint16_t port)
{
	return (struct addr){
		.family = ADDR_INET4,
		.port = port,
		.ip = {(uint8_t)(address >> 24), (uint8_t)(address >> 16),
		       (uint8_t)(address >> 8), (uint8_t)address},
	};
}

static struct leg *leg_at(struct dpdk_dp *d, uint32_t address)
{
	for (uint32_t i = 0; i < d->leg_count; i++) {
		if (d->legs[i].port->config.address == address)
			return &d->legs[i];
	}
	return NULL;
}

static int listen_chosen(struct leg *leg, uint64_t cookie, uint16_t *port)
{
	for (uint32_t i = DOOR_PORT_MIN; i < CONNECT_PORT_MIN; i++) {
		*port = (uint16_t)i;
		if (steer_listens(&leg->port->steer, *port))
			continue;
		if (!tcp_listen(leg->stack, *port, BACKLOG, cookie))
			return 0;
	}
	return -EADDRINUSE;
}

int dpdk_listen(struct dp *dp, const struct addr *addr, uint64_t cookie,
		struct addr *bound)
{
	struct dpdk_dp *d = dpdk_of(dp);
	uint16_t port = addr->port;
	struct leg *leg;
	int err;

	if (addr->family != ADDR_INET4)
		return -EAFNOSUPPORT;
	leg = leg_at(d, address_of(addr));
	if (!leg)
		return -EADDRNOTAVAIL;
	if (port)
		err = tcp_listen(leg->stack, port, BACKLOG, cookie);
	else
		err = listen_chosen(leg, cookie, &port);
	if (err)
		return err;
	err = steer_listen(&leg->port->steer, port, d->index);
	if (err) {
		tcp_unlisten(leg->stack, port);
		return err;
	}
	if (bound)
		*bound = addr_of(leg->port->config.address, port);
	return 0;
}

static bool on_link(const struct dpdk_port_config *config, uint32_t address)
{
	uint32_t mask = config->prefix_len
				? ~(uint32_t)0 << (32 - config->prefix_len)
				: 0;

	return ((config->address ^ address) & mask) == 0;
}

/* The leg from which an address is reached: never its own. */
static struct leg *leg_towards(struct dpdk_dp *d, uint32_t address)
{
	struct leg *gateway = NULL;

	for (uint32_t i = 0; i < d->leg_count; i++) {
		const struct dpdk_port_config *config =
			&d->legs[i].port->config;

		if (config->address == address)
			continue;
		if (on_link(config, address))
			return &d->legs[i];
		if (config->gateway && !gateway)
			gateway = &d->legs[i];
	}
	return gateway;
}

int dpdk_connect(struct dp *dp, const struct addr *addr, uint64_t cookie,
		 dp_conn *name)
{
	struct dpdk_dp *d = dpdk_of(dp);
	uint32_t address = address_of(addr);
	struct leg *leg;
	struct conn *conn;
	tcp_flow flow;
	int err;

	if (addr->family != ADDR_INET4)
		return -EAFNOSUPPORT;
	leg = leg_towards(d, address);
	if (!leg)
		return -ENETUNREACH;
	conn = dpdk_conn_open(d, (uint32_t)(leg - d->legs), 0, cookie);
	if (!conn)
		return -ENOSPC;
	err = tcp_connect(leg->stack, address, addr->port, 0, &flow);
	if (err) {
		dpdk_conn_drop(d, conn);
		return err;
	}
	dpdk_conn_bind(d, conn, flow);
	conn->state = CONN_CONNECTING;
	/* The SYN leaves with the next flush: its answer finds us. */
	err = dpdk_conn_claim(d, conn);
	if (err) {
		tcp_kill(leg->stack, flow);
		dpdk_conn_drop(d, conn);
		return -ENOSPC;
	}
	*name = conn->name;
	return 0;
}

int dpdk_conn_info(struct dp *dp, dp_conn name, struct dp_conn_info *info)
{
	struct dpdk_dp *d = dpdk_of(dp);
	struct conn *conn = dpdk_conn_find(d, name);
	struct tcp_flow_info flow;

	if (!conn || !conn->flow ||
	    tcp_flow_info(dpdk_conn_leg(d, conn)->stack, conn->flow, &flow))
		return -ESTALE;
	info->local = addr_of(flow.tuple.local_address, flow.tuple.local_port);
	info->peer = addr_of(flow.tuple.peer_address, flow.tuple.peer_port);
	return 0;
}

/* bypass.c - the kernel-bypass dataplane as the configuration wants it. */
#include "core/daemon/bypass.h"
#include "dataplane/dpdk/dpdk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A client opens seven channels; some open more, and some links go wrong. */
#define CONNS_PER_SESSION 8
#define CONNS_MORE        2048

int bypass_check(const struct config *config, char *error, size_t error_cap)
{
	if (config->port_count == 0 || dpdk_is_built_in())
		return 0;
	snprintf(error, error_cap,
		 "[port %s]: this flushmarkd was built without DPDK, which "
		 "ports need",
		 config->ports[0].name);
	return -EOPNOTSUPP;
}

static struct dpdk_port_config port_of(const struct config_port *from)
{
	struct dpdk_port_config port = {
		.address = from->subnet.address,
		.prefix_len = (uint8_t)from->subnet.prefix_len,
		.gateway = from->gateway,
		.mtu = (uint16_t)from->mtu,
		.rx_descriptors = (uint16_t)from->rx_descriptors,
		.tx_descriptors = (uint16_t)from->tx_descriptors,
	};

	_Static_assert(sizeof(port.name) >= sizeof(from->name) &&
			       sizeof(port.driver) >= sizeof(from->driver),
		       "what the configuration takes has room");
	memcpy(port.name, from->name, sizeof(from->name));
	memcpy(port.driver, from->driver, sizeof(from->driver));
	memcpy(port.mac, from->mac, sizeof(port.mac));
	return port;
}

int bypass_create(const struct config *config, struct dpdk **dpdk,
		  struct dp **dps, char *error, size_t error_cap)
{
	struct dpdk_config wish;
	int err;

	*dpdk = NULL;
	if (config->port_count == 0)
		return 0;
	dpdk_config_default(&wish);
	wish.port_count = config->port_count;
	for (uint32_t i = 0; i < config->port_count; i++)
		wish.ports[i] = port_of(&config->ports[i]);
	wish.dp_count = config->pool.shards;
	wish.memory_mib = config->dpdk.memory_mib;
	wish.huge_pages = (uint8_t)config->dpdk.huge_pages;
	wish.idle_ns = config->dpdk.idle_ns;
	wish.conn_max = config->pool.sessions * CONNS_PER_SESSION + CONNS_MORE;
	wish.tx_chunks = config->pool.chunks;
	err = dpdk_create(&wish, dpdk, error, error_cap);
	for (uint32_t i = 0; i < config->pool.shards && !err; i++) {
		err = dpdk_dp_create(*dpdk, i, &dps[i]);
		if (err)
			snprintf(error, error_cap, "no dataplane on DPDK: %s",
				 strerror(-err));
	}
	return err;
}

void bypass_destroy(struct dpdk *dpdk)
{
	if (dpdk)
		dpdk_destroy(dpdk);
}

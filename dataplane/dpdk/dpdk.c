/* dpdk.c - the process's share of DPDK: its config, its ports. */
#include "dataplane/dpdk/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONN_LIMIT ((uint32_t)1 << 20)
#define VIEW_LIMIT ((uint32_t)1 << VIEW_LEG_SHIFT)

bool dpdk_is_built_in(void)
{
	return true;
}

static bool port_valid(const struct dpdk_port_config *port)
{
	return port->address && port->prefix_len <= 32 &&
	       port->mtu >= TCP_MTU_MIN && port->mtu <= TCP_MTU_MAX &&
	       port->rx_descriptors && port->tx_descriptors;
}

static bool config_valid(const struct dpdk_config *config)
{
	bool valid = config->port_count > 0 &&
		     config->port_count <= DPDK_PORTS_MAX &&
		     config->dp_count > 0 && config->dp_count <= DPDK_DPS_MAX &&
		     config->conn_max > 0 && config->conn_max <= CONN_LIMIT &&
		     config->view_max > 0 && config->view_max <= VIEW_LIMIT &&
		     config->parcel_max > 0 && config->idle_ns < NS_PER_S;

	for (uint32_t i = 0; i < config->port_count && valid; i++)
		valid = port_valid(&config->ports[i]);
	return valid;
}

int dpdk_create(const struct dpdk_config *config, struct dpdk **dpdk,
		char *error, size_t error_cap)
{
	struct dpdk *made;
	uint64_t need_bytes = 0;
	int err;

	if (!config_valid(config)) {
		snprintf(error, error_cap, "this is no DPDK configuration");
		return -EINVAL;
	}
	for (uint32_t i = 0; i < config->port_count; i++)
		need_bytes += port_need_bytes(config, &config->ports[i]);
	made = calloc(1, sizeof(*made));
	snprintf(error, error_cap, "no memory for DPDK");
	if (!made)
		return -ENOMEM;
	made->config = *config;
	err = eal_threads_init(made);
	if (!err)
		err = eal_start(config, need_bytes, error, error_cap);
	if (!err)
		err = parcels_init(&made->parcels, config);
	for (uint32_t i = 0; i < config->port_count && !err; i++) {
		err = port_start(made, &made->ports[i], &config->ports[i],
				 error, error_cap);
		made->ports_made += err == 0;
	}
	if (err) {
		dpdk_destroy(made);
		return err;
	}
	*dpdk = made;
	return 0;
}

void dpdk_destroy(struct dpdk *dpdk)
{
	while (dpdk->ports_made)
		port_stop(dpdk, &dpdk->ports[--dpdk->ports_made]);
	if (dpdk->parcels.base)
		parcels_fini(&dpdk->parcels);
	eal_threads_fini(dpdk);
	free(dpdk);
}

uint32_t dpdk_frames_out(struct dpdk *dpdk)
{
	uint32_t count = 0;

	/* A frame of one port may wait in another's queue. */
	for (uint32_t i = 0; i < dpdk->ports_made; i++)
		port_frames_out(dpdk, &dpdk->ports[i]);
	for (uint32_t i = 0; i < dpdk->ports_made; i++)
		count += port_frames_out(dpdk, &dpdk->ports[i]);
	return count;
}

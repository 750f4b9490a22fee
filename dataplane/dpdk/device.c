/* device.c - from a driver's name in the config to an ethdev. */
#include "dataplane/dpdk/internal.h"

#include <errno.h>
#include <rte_dev.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ring.h>
#include <stdio.h>
#include <string.h>

#define WIRE_FRAMES 4096 /* on their way, of each queue and direction */

/* Virtual devices: how a name and our number of queues become arguments. */
static const struct {
	const char *prefix;
	const char *vdev;
	const char *first;  /* before the operator's words */
	const char *queues; /* NULL: one */
} virtuals[] = {
	{"af_packet:", "net_af_packet", "iface=", ",qpairs=%u"},
	{"af_xdp:", "net_af_xdp", "iface=", NULL},
	{"memif:", "net_memif", "", NULL},
};

static const char *rest_of(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

const char *device_pci(const struct dpdk_port_config *config)
{
	return rest_of(config->driver, "pci:");
}

static int virtual_open(const char *vdev, const char *arguments, uint16_t *id,
			char *error, size_t error_cap)
{
	int err = rte_eal_hotplug_add("vdev", vdev, arguments);

	if (!err)
		err = rte_eth_dev_get_port_by_name(vdev, id);
	if (err)
		snprintf(error, error_cap, "cannot make %s with %s: %s", vdev,
			 arguments, strerror(-err));
	return err;
}

/* The rings of one direction of a wire, made by the first of its ends. */
static int wire_rings(const char *name, char direction, uint32_t queues,
		      struct rte_ring **rings)
{
	for (uint32_t i = 0; i < queues; i++) {
		char text[RTE_RING_NAMESIZE];

		snprintf(text, sizeof(text), "%s_%c%u", name, direction, i);
		rings[i] = rte_ring_lookup(text);
		if (!rings[i])
			rings[i] = rte_ring_create(text, WIRE_FRAMES,
						   SOCKET_ID_ANY, 0);
		if (!rings[i])
			return -ENOMEM;
	}
	return 0;
}

/* What goes into queue n at one end comes out of queue n at the other. */
static int wire_open(const char *name, uint32_t queues, uint32_t number,
		     uint16_t *id, char *error, size_t error_cap)
{
	struct rte_ring *rings[2][DPDK_DPS_MAX];
	char first[RTE_RING_NAMESIZE], port[RTE_ETH_NAME_MAX_LEN];
	uint32_t end;
	int got = -1;

	snprintf(first, sizeof(first), "%.*s_b0", DPDK_RINGS_NAME, name);
	end = rte_ring_lookup(first) ? 1 : 0;
	snprintf(first, sizeof(first), "%.*s", DPDK_RINGS_NAME, name);
	snprintf(port, sizeof(port), "wire%u_%s", number, first);
	if (!wire_rings(first, 'a', queues, rings[0]) &&
	    !wire_rings(first, 'b', queues, rings[1]))
		got = rte_eth_from_rings(port, rings[end], queues, rings[!end],
					 queues, 0);
	if (got < 0) {
		snprintf(error, error_cap, "no memory for the wire %s", name);
		return -ENOMEM;
	}
	*id = (uint16_t)got;
	return 0;
}

int device_open(const struct dpdk_port_config *config, uint32_t queues,
		uint32_t number, uint16_t *id, char *error, size_t error_cap)
{
	const char *rest = rest_of(config->driver, "ring:");

	if (rest)
		return wire_open(rest, queues, number, id, error, error_cap);
	rest = device_pci(config);
	if (rest) {
		if (rte_eth_dev_get_port_by_name(rest, id) == 0)
			return 0;
		snprintf(error, error_cap,
			 "DPDK has no driver for the device %s, or it is not "
			 "bound to one that user space may use",
			 rest);
		return -ENODEV;
	}
	for (uint32_t i = 0; i < ARRAY_LEN(virtuals); i++) {
		char vdev[RTE_ETH_NAME_MAX_LEN];
		char arguments[DPDK_DRIVER_MAX + 32];
		int len;

		rest = rest_of(config->driver, virtuals[i].prefix);
		if (!rest)
			continue;
		snprintf(vdev, sizeof(vdev), "%s%u", virtuals[i].vdev, number);
		len = snprintf(arguments, sizeof(arguments), "%s%s",
			       virtuals[i].first, rest);
		if (virtuals[i].queues)
			snprintf(arguments + len,
				 sizeof(arguments) - (size_t)len, ",qpairs=%u",
				 queues);
		return virtual_open(vdev, arguments, id, error, error_cap);
	}
	snprintf(error, error_cap,
		 "%s: expected pci:ADDRESS, af_packet:INTERFACE, "
		 "af_xdp:INTERFACE or memif:ARGUMENTS",
		 config->driver);
	return -EINVAL;
}

void device_close(uint16_t id)
{
	rte_eth_dev_stop(id);
	rte_eth_dev_close(id);
}

/* dpdk.h - the kernel-bypass dataplane: DPDK ports under our own TCP. */
#pragma once

#include "core/dp.h"

/*
 * A port is a device with one IPv4 address. All dps of a process share all of
 * its ports: each has a TCP stack on every port, and a queue pair of the
 * device while there are enough. A frame may arrive at any dp; one of a flow
 * that lives elsewhere is passed on (steer.h).
 *
 * Threads: one thread calls dpdk_create, makes the dps and may listen; from
 * its first poll a dp belongs to the thread that polls. Dps are destroyed when
 * no other thread polls a dp of the same dpdk any more.
 */
#define DPDK_PORTS_MAX  4
#define DPDK_DPS_MAX    64
#define DPDK_NAME_MAX   32
#define DPDK_DRIVER_MAX 160
#define DPDK_ERROR_MAX  256
#define DPDK_RINGS_NAME 12 /* of a driver "ring:NAME" */

struct dpdk_port_config {
	char name[DPDK_NAME_MAX];
	/*
	 * pci:ADDRESS, af_packet:INTERFACE, af_xdp:INTERFACE, memif:ARGUMENTS
	 * as the driver has them, or ring:NAME: two ports of one process with
	 * the same NAME are the two ends of a wire.
	 */
	char driver[DPDK_DRIVER_MAX];
	uint32_t address; /* host order */
	uint32_t gateway; /* 0: none */
	uint8_t prefix_len;
	uint8_t mac[6]; /* zero: the device's */
	uint16_t mtu;
	uint16_t queues;         /* at most; 0: one for each dp */
	uint16_t rx_descriptors; /* of each queue */
	uint16_t tx_descriptors;
};

enum dpdk_huge { DPDK_HUGE_AUTO, DPDK_HUGE_YES, DPDK_HUGE_NO };

struct dpdk_config {
	struct dpdk_port_config ports[DPDK_PORTS_MAX];
	uint32_t port_count;
	uint32_t dp_count;
	uint32_t memory_mib; /* 0: what the rest needs */
	uint8_t huge_pages;  /* enum dpdk_huge */
	uint8_t tag;         /* of its dps */
	uint64_t idle_ns;    /* the longest time between two polls */

	/* Of each dp. */
	uint32_t conn_max;
	uint32_t view_max;      /* received views not yet recycled */
	uint32_t tx_chunks;     /* of CHUNK_BYTES */
	uint32_t rx_chunks;     /* for bytes held or out of order */
	uint32_t tx_flow_bytes; /* queued to send of one connection */
	uint32_t rx_flow_bytes; /* its receive window */

	uint32_t parcel_max; /* connections on their way, all together */
};

struct dpdk;

/* Sizes for shards of some thousand clients; ports are the caller's. */
void dpdk_config_default(struct dpdk_config *config);

/* False in a build without DPDK. */
bool dpdk_is_built_in(void);

/*
 * Starts DPDK, once in a process (later calls use what the first has got), and
 * the ports. Returns 0 or -errno with one line in error.
 */
int dpdk_create(const struct dpdk_config *config, struct dpdk **dpdk,
		char *error, size_t error_cap);

/* Stops the ports. When all its dps are destroyed. */
void dpdk_destroy(struct dpdk *dpdk);

/* Makes the dp number index, below dp_count, each once at a time. */
int dpdk_dp_create(struct dpdk *dpdk, uint32_t index, struct dp **dp);

/*
 * Frames that are in no pool once those waiting in the devices' queues were
 * dropped: 0 without dps, whatever has happened. For tests.
 */
uint32_t dpdk_frames_out(struct dpdk *dpdk);

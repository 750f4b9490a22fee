/* defaults.c - what a DPDK configuration is until somebody says otherwise. */
#include "dataplane/dpdk/dpdk.h"

void dpdk_config_default(struct dpdk_config *config)
{
	*config = (struct dpdk_config){
		.dp_count = 1,
		.tag = 1,
		.idle_ns = 200 * NS_PER_US,
		.conn_max = 16384,
		.view_max = 1024,
		.tx_chunks = 16384,
		.rx_chunks = 4096,
		.tx_flow_bytes = 256u << 10,
		.rx_flow_bytes = 128u << 10,
		.parcel_max = 1024,
	};
}

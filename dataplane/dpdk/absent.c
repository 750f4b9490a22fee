/* absent.c - what a build without DPDK has in its place. */
#include "dataplane/dpdk/dpdk.h"

#include <errno.h>
#include <stdio.h>

bool dpdk_is_built_in(void)
{
	return false;
}

int dpdk_create(const struct dpdk_config *config, struct dpdk **dpdk,
		char *error, size_t error_cap)
{
	(void)config, (void)dpdk;
	snprintf(error, error_cap, "this flushmarkd was built without DPDK");
	return -EOPNOTSUPP;
}

/* Nobody has a struct dpdk to call these with. */
void dpdk_destroy(struct dpdk *dpdk)
{
	(void)dpdk;
}

int dpdk_dp_create(struct dpdk *dpdk, uint32_t index, struct dp **dp)
{
	(void)dpdk, (void)index, (void)dp;
	return -EOPNOTSUPP;
}

uint32_t dpdk_frames_out(struct dpdk *dpdk)
{
	(void)dpdk;
	return 0;
}

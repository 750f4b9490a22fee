/* dp_dpdk_threads.h - connections that go round between dps with a thread each.
 */
#pragma once

#include "dataplane/dpdk/dpdk.h"

/*
 * Runs it with dps 0 to 3 of dpdk; addr is where to listen, its port chosen
 * when 0. True when every byte came back in its place.
 */
bool dp_dpdk_threads_run(struct dpdk *dpdk, struct addr *addr);

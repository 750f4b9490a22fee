/* service_part.h - SPICE as a part of the shard, and as core's service. */
#pragma once

#include "channels/service.h"
#include "core/service.h"

extern const struct service_ops service_spice;

/*
 * Adds PART_SERVICE to the shard, listens at the config's doors and makes the
 * guests that the config places on this shard. 0 or -errno. Before it runs.
 */
int service_init(struct service *service, struct shard *shard,
		 struct moves *moves);
void service_fini(struct service *service);

/* move.h - the move engine of a shard. */
#pragma once

#include "core/move_record.h"

/* Memory from the shard's arena for capacity moves at once. 0 or -errno. */
int moves_init(struct moves *moves, struct shard *shard, struct peers *peers,
	       const struct service_ops *ops, struct service *service,
	       uint32_t capacity);
void moves_fini(struct moves *moves);

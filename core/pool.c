/* pool.c - what the shards of one process share. */
#include "core/pool.h"
#include "core/handle.h"
#include "core/plant.h"
#include "core/shard.h"

#include <errno.h>
#include <string.h>

int pool_init(struct pool *pool, const struct config *config, struct host *host)
{
	uint32_t sessions = config->pool.shards * config->pool.sessions;
	int err;

	*pool = (struct pool){
		.config = config,
		.host = host,
		.node = (uint16_t)config->node,
		.plant = (uint8_t)config->test.plant,
	};
	host_entropy(host, &pool->boot, sizeof(pool->boot));
	/* Twice: a session arriving is reserved beside the ones that live. */
	err = idtable_init(&pool->sessions, 2 * sessions);
	if (!err)
		err = idtable_init(&pool->tickets, 2 * sessions);
	if (!err)
		err = idtable_init(&pool->guests, 2 * sessions);
	if (!err)
		err = idtable_init(&pool->away, 2 * sessions);
	if (err)
		pool_fini(pool);
	return err;
}

void pool_fini(struct pool *pool)
{
	idtable_fini(&pool->sessions);
	idtable_fini(&pool->tickets);
	idtable_fini(&pool->guests);
	idtable_fini(&pool->away);
	memset(pool, 0, sizeof(*pool));
}

uint64_t pool_guest_key(const struct pool *pool, const char *name)
{
	uint64_t key = siphash64(pool->secret, name, strlen(name));

	return key && key != UINT64_MAX ? key : 1;
}

int pool_find_guest(const struct pool *pool, const char *name)
{
	handle found = idtable_get(&pool->guests, pool_guest_key(pool, name));

	return found ? handle_shard(found) : -ENOENT;
}

struct shard *pool_shard(const struct pool *pool, uint8_t index)
{
	if (index == SHARD_CONTROL)
		return pool->control;
	return index < pool->shard_count ? pool->shards[index] : NULL;
}

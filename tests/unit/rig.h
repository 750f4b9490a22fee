/* rig.h - for tests: bare shards over the simulated dataplane. */
#pragma once

#include "core/pool.h"
#include "core/shard.h"
#include "dataplane/sim/sim_host.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A rig is a world with a few processes, each with its pool, its shards and a
 * control shard, and no part on any of them: the test adds what it is about.
 */
#define RIG_PROCESSES 3
#define RIG_SHARDS    2
#define RIG_CONTROL   RIG_SHARDS /* its place among a process's shards */

struct rig_process {
	struct config config;
	struct pool pool;
	struct sim_machine *machine;
	struct host *host;
	struct dp *dps[RIG_SHARDS + 1];
	struct shard shards[RIG_SHARDS + 1]; /* the last one is control */
	bool busy[RIG_SHARDS + 1];
	bool dead;
};

struct rig {
	struct sim_world *world;
	struct rig_process *processes[RIG_PROCESSES];
	uint32_t count;
	struct shard_limits limits;
};

static const struct shard_limits rig_limits = {
	.timers = 2048,
	.ring_cells = 64,
	.chunks = 4096,
	.arena_bytes = (size_t)48 << 20,
};

/* Starts an empty world. */
static inline void rig_init(struct rig *rig, uint64_t seed)
{
	*rig = (struct rig){
		.world = sim_world_create(seed),
		.limits = rig_limits,
	};
}

static inline struct shard *rig_shard(struct rig *rig, uint32_t process,
				      uint32_t shard)
{
	return &rig->processes[process]->shards[shard];
}

/* Adds one process of node number node, all on one computer. */
static inline struct rig_process *rig_add(struct rig *rig, uint16_t node)
{
	size_t bytes = (sizeof(struct rig_process) + 63) / 64 * 64;
	struct rig_process *process = aligned_alloc(64, bytes);
	char name[16];

	cr_assert(process && rig->count < RIG_PROCESSES);
	memset(process, 0, bytes);
	cr_assert_eq(config_default(&process->config, "/run/rig"), 0);
	process->config.node = node;
	process->config.pool.shards = RIG_SHARDS;
	process->config.pool.sessions = 64;
	process->config.pool.region_slots = 64;
	process->config.pool.region_slot_bytes = 65536;
	snprintf(name, sizeof(name), "node%u", node);
	process->machine = sim_machine_create(rig->world, name);
	process->host = sim_host_create(process->machine);
	cr_assert_eq(pool_init(&process->pool, &process->config, process->host),
		     0);
	memset(process->pool.secret, 's', sizeof(process->pool.secret));
	process->pool.shard_count = RIG_SHARDS;
	for (uint32_t i = 0; i <= RIG_CONTROL; i++) {
		uint8_t index = i == RIG_CONTROL ? SHARD_CONTROL : (uint8_t)i;
		struct shard *shard = &process->shards[i];

		cr_assert_eq(sim_dp_create(rig->world, process->machine,
					   &process->dps[i]),
			     0);
		cr_assert_eq(shard_init(shard, index, &process->pool,
					process->host, process->dps[i],
					process->dps[i], &rig->limits),
			     0);
		if (i == RIG_CONTROL)
			process->pool.control = shard;
		else
			process->pool.shards[i] = shard;
	}
	rig->processes[rig->count++] = process;
	return process;
}

/* Ends one process as kill -9 would; its memory stays until rig_fini. */
static inline void rig_crash(struct rig *rig, uint32_t process)
{
	rig->processes[process]->dead = true;
	sim_machine_crash(rig->processes[process]->machine);
}

static inline bool rig_ready(struct rig_process *process, uint32_t i)
{
	return !process->dead &&
	       (process->busy[i] || shard_has_cells(&process->shards[i]) ||
		sim_dp_ready(process->dps[i]));
}

/* Lets one shard pass, chosen by the seed. False: none has work now. */
static inline bool rig_step(struct rig *rig)
{
	uint32_t all = rig->count * (RIG_SHARDS + 1);
	uint32_t first = (uint32_t)sim_world_pick(rig->world, all);

	for (uint32_t n = 0; n < all; n++) {
		uint32_t at = (first + n) % all;
		struct rig_process *process =
			rig->processes[at / (RIG_SHARDS + 1)];
		uint32_t i = at % (RIG_SHARDS + 1);

		if (!rig_ready(process, i))
			continue;
		process->busy[i] = shard_pass(&process->shards[i], true) > 0;
		return true;
	}
	return false;
}

/* Lets everything happen that is due within some time, and that time pass. */
static inline void rig_run(struct rig *rig, uint64_t for_ns)
{
	uint64_t until_ns = sim_world_now(rig->world) + for_ns;

	for (uint32_t steps = 0;; steps++) {
		cr_assert_lt(steps, 2000000, "it never comes to rest");
		if (!rig_step(rig) &&
		    !sim_world_advance_until(rig->world, until_ns))
			return;
	}
}

/* Frees everything; what the parts own must be gone. */
static inline void rig_fini(struct rig *rig)
{
	for (uint32_t i = 0; i < rig->count; i++) {
		struct rig_process *process = rig->processes[i];

		for (uint32_t s = 0; s <= RIG_CONTROL; s++)
			shard_fini(&process->shards[s]);
		pool_fini(&process->pool);
		sim_host_destroy(process->host);
		free(process);
	}
	sim_world_destroy(rig->world);
	*rig = (struct rig){0};
}

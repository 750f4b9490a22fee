/* pool.h - a core pool: the shards of one process and what they share. */
#pragma once

#include "core/config.h"
#include "core/host.h"
#include "core/idtable.h"
#include "core/siphash.h"

#define POOL_SHARDS_MAX 64
/* The control shard's index: a shard like the others, without sessions. */
#define SHARD_CONTROL ((uint8_t)255)

struct shard;

/*
 * Read-mostly: set up before the shards run. Only the tables change later,
 * and those are made for it.
 */
struct pool {
	const struct config *config;
	struct host *host;
	uint16_t node; /* 0..1023, unique among peers */
	uint8_t plant; /* enum plant, of a test build */
	uint32_t shard_count;
	struct shard *shards[POOL_SHARDS_MAX];
	struct shard *control;
	uint8_t secret[SIPHASH_KEY_BYTES]; /* shared by all peers */
	uint64_t boot; /* random, differs in every life of the daemon */
	struct idtable sessions; /* session id -> handle (live or reserved) */
	struct idtable tickets;  /* hash of a ticket -> handle of the guest */
	struct idtable guests;   /* hash of a guest's name -> its handle */
	struct idtable away;     /* guests that a life before a crash gave up */
};

/* Sets up the tables for all the sessions the config allows. 0 or -ENOMEM. */
int pool_init(struct pool *pool, const struct config *config,
	      struct host *host);
void pool_fini(struct pool *pool);

/* The key of a guest's name in pool.guests, never 0. */
uint64_t pool_guest_key(const struct pool *pool, const char *name);

/* The shard where the guest of that name lives, or -ENOENT. Any thread. */
int pool_find_guest(const struct pool *pool, const char *name);

/* The shard with that index, or NULL. SHARD_CONTROL is known. */
struct shard *pool_shard(const struct pool *pool, uint8_t index);

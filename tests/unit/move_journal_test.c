/* move_journal_test.c - which guests a new life must not make anew. */
#include "core/move_journal.h"
#include "core/ops.h"
#include "core/pool.h"
#include "dataplane/sim/sim_host.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define MAGIC 0x544d4f43u /* "COMT" */

struct record {
	uint32_t magic;
	uint32_t word;
	uint64_t id;
	uint64_t epoch;
	char guest[NAME_BYTES];
	char peer[NAME_BYTES];
};

static void add(struct host *host, uint32_t number, enum move_word word)
{
	struct record record = {
		.magic = MAGIC, .word = word, .id = number + 1, .peer = "b"};

	snprintf(record.guest, sizeof(record.guest), "guest-%u", number);
	cr_assert_eq(host_journal_add(host, &record, sizeof(record)), 0);
}

static bool is_away(const struct pool *pool, uint32_t number)
{
	char name[NAME_BYTES];

	snprintf(name, sizeof(name), "guest-%u", number);
	return idtable_get(&pool->away, pool_guest_key(pool, name)) != 0;
}

/* More guests passed through here than the pool has room for sessions. */
Test(move_journal, whoever_is_away_is_known)
{
	static struct config config;
	struct sim_world *world = sim_world_create(1);
	struct host *host = sim_host_create(sim_machine_create(world, "a"));
	struct pool pool;

	cr_assert_eq(config_default(&config, "/run"), 0);
	config.pool.shards = 1;
	config.pool.sessions = 8;
	cr_assert_eq(pool_init(&pool, &config, host), 0);
	for (uint32_t i = 0; i < 300; i++) {
		add(host, i, WORD_COMMITTED);
		add(host, i, i % 3 ? WORD_ANSWERED : WORD_HOME);
	}
	cr_assert_eq(move_journal_away(&pool), 0);
	for (uint32_t i = 0; i < 300; i++)
		cr_expect_eq(is_away(&pool, i), i % 3 != 0, "guest %u", i);
	pool_fini(&pool);
	sim_host_destroy(host);
	sim_world_destroy(world);
}

/* move_journal.c - commits that outlive the process, and their return. */
#include "core/move_journal.h"
#include "core/move_record.h"
#include "core/plant.h"
#include "core/pool.h"

#include <errno.h>
#include <string.h>

/*
 * The journal's record of what became of a guest. COMMITTED is written before
 * COMMIT and MIGRATE_DATA leave.
 */
struct commit_record {
	uint32_t magic;
	uint32_t word; /* enum move_word */
	uint64_t id;
	uint64_t epoch;
	char guest[NAME_BYTES];
	char peer[NAME_BYTES];
};
#define COMMIT_MAGIC 0x544d4f43u

int move_journal(struct move *move, enum move_word word)
{
	const struct config *config = move->moves->shard->pool->config;
	struct commit_record record = {
		.magic = COMMIT_MAGIC,
		.word = word,
		.id = move->id,
		.epoch = move->epoch,
	};

	if (word == WORD_COMMITTED &&
	    plant_is(move->moves->shard->pool, PLANT_commit_not_journaled))
		return 0;
	memcpy(record.guest, move->guest_name, sizeof(record.guest));
	if (move->role == MOVE_SOURCE)
		memcpy(record.peer, config->peers[move->peer].name,
		       sizeof(record.peer));
	return host_journal_add(move->moves->shard->host, &record,
				sizeof(record));
}

static void count(void *arg, const void *bytes, uint32_t len)
{
	uint32_t *records = arg;

	(void)bytes, (void)len;
	(*records)++;
}

static void note_away(void *arg, const void *bytes, uint32_t len)
{
	struct pool *pool = arg;
	struct commit_record record;
	uint64_t key;

	if (len != sizeof(record))
		return;
	memcpy(&record, bytes, sizeof(record));
	record.guest[NAME_BYTES - 1] = 0;
	if (record.magic != COMMIT_MAGIC)
		return;
	key = pool_guest_key(pool, record.guest);
	/* There is room for as many guests as there are records. */
	if (record.word == WORD_COMMITTED || record.word == WORD_ANSWERED)
		idtable_add(&pool->away, key, 1);
	else
		idtable_drop(&pool->away, key, 1);
}

int move_journal_away(struct pool *pool)
{
	uint32_t records = 0;
	int err = host_journal_read(pool->host, count, &records);

	if (!err && records > pool->away.capacity) {
		idtable_fini(&pool->away);
		err = idtable_init(&pool->away, records);
	}
	if (!err)
		err = host_journal_read(pool->host, note_away, pool);
	return err;
}

struct recovery {
	struct moves *moves;
	int err;
};

/* Of a peer that the configuration no longer has: the journal may go on to
 * say that it was answered long ago. */
#define PEER_UNKNOWN UINT16_MAX

static void recover_one(void *arg, const void *bytes, uint32_t len)
{
	struct recovery *recovery = arg;
	struct moves *moves = recovery->moves;
	struct commit_record record;
	struct move *move;
	int peer;

	if (len != sizeof(record))
		return;
	memcpy(&record, bytes, sizeof(record));
	record.guest[NAME_BYTES - 1] = 0;
	record.peer[NAME_BYTES - 1] = 0;
	if (record.magic != COMMIT_MAGIC ||
	    move_id_shard(record.id, moves->shard->pool) != moves->shard->index)
		return;
	move = moves_get(moves, idtable_get(&moves->by_id, record.id));
	if (record.word == WORD_ANSWERED)
		moves_settle(moves, record.id);
	if (move && record.word != WORD_COMMITTED)
		move_free(move);
	if (move || record.word != WORD_COMMITTED)
		return;
	peer = config_find_peer(moves->shard->pool->config, record.peer);
	move = move_take(moves, MOVE_SOURCE, record.id);
	if (!move) {
		recovery->err = -ENOSPC;
		return;
	}
	move->peer = peer < 0 ? PEER_UNKNOWN : (uint16_t)peer;
	if (peer < 0)
		move_say(move, "%s", record.peer);
	move->epoch = record.epoch;
	move->state = MOVE_COMMITTED;
	move->reported = true; /* who asked for it has gone */
	memcpy(move->guest_name, record.guest, sizeof(record.guest));
	/* The shard does not run yet: the timer connects. */
	move_arm(move, 0);
}

int moves_recover(struct moves *moves)
{
	struct recovery recovery = {.moves = moves};
	int err = host_journal_read(moves->shard->host, recover_one, &recovery);
	const struct move *move;
	uint32_t at = 0;

	if (!err)
		err = recovery.err;
	while ((move = slab_next(&moves->slab, &at))) {
		if (move->peer != PEER_UNKNOWN)
			continue;
		/* To start without would be to tell the peer, should it ask,
		 * that it never got the guest. */
		host_log(moves->shard->host, LOG_ERROR,
			 "%s went to peer %s, which has not acknowledged it "
			 "and is not in the configuration",
			 move->guest_name, move->reason);
		err = -ENXIO;
	}
	return err;
}

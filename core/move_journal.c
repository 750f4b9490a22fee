/* move_journal.c - commits that outlive the process, and their return. */
#include "core/move.h"
#include "core/pool.h"

#include <errno.h>
#include <string.h>

/*
 * The journal's record of a commit. Written before COMMIT and MIGRATE_DATA
 * leave; a second one with done set when the destination has answered.
 */
struct commit_record {
	uint32_t magic;
	uint32_t done;
	uint64_t id;
	uint64_t epoch;
	char guest[NAME_BYTES];
	char peer[NAME_BYTES];
};
#define COMMIT_MAGIC 0x544d4f43u

int move_journal_commit(struct move *move, bool done)
{
	const struct config *config = move->moves->shard->pool->config;
	struct commit_record record = {
		.magic = COMMIT_MAGIC,
		.done = done,
		.id = move->id,
		.epoch = move->epoch,
	};

	memcpy(record.guest, move->guest_name, sizeof(record.guest));
	memcpy(record.peer, config->peers[move->peer].name,
	       sizeof(record.peer));
	return host_journal_add(move->moves->shard->host, &record,
				sizeof(record));
}

struct recovery {
	struct moves *moves;
	int err;
};

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
	    (uint8_t)(record.id >> 48 & 63) % moves->shard->pool->shard_count !=
		    moves->shard->index)
		return;
	move = moves_get(moves, idtable_get(&moves->by_id, record.id));
	if (move && record.done)
		move_free(move);
	if (move || record.done)
		return;
	peer = peers_find(moves->peers, record.peer);
	move = peer < 0 ? NULL : move_take(moves, MOVE_SOURCE, record.id);
	if (!move) {
		recovery->err = -ENOSPC;
		return;
	}
	move->peer = (uint16_t)peer;
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

	return err ? err : recovery.err;
}

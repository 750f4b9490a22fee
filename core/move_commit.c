/* move_commit.c - the source behind the point of no return: commit to end. */
#include "core/move_commit.h"
#include "core/move_journal.h"
#include "core/move_record.h"
#include "core/peer.h"
#include "core/pool.h"

/* How often COMMIT is repeated until it is answered. */
#define COMMIT_AGAIN_NS (500 * NS_PER_MS)

/* When it is no longer ordinary that nobody answers. */
#define DOUBT_NS (3 * NS_PER_S)

static void hand_over(struct move *move)
{
	if (!move->guest || move->handed_over)
		return;
	move->handed_over = true;
	move->moves->service_ops->hand_over(move->service, move);
}

int move_commit(struct move *move)
{
	int err = move_journal(move, WORD_COMMITTED);

	if (err)
		return err;
	move->committed_ns = move->moves->shard->now_ns;
	move_enter(move, MOVE_COMMITTED);
	move_send(move, PEER_COMMIT, NULL);
	move_arm(move, COMMIT_AGAIN_NS);
	/* Who comes afresh must find the guest running: not yet. */
	if (move->mode != MODE_SWITCH_HOST)
		hand_over(move);
	return 0;
}

static void end_doubt(struct move *move, const char *how)
{
	if (!move->in_doubt)
		return;
	move->in_doubt = false;
	move_end_doubt(move);
	host_log(move->moves->shard->host, LOG_INFO,
		 "move of %s: in doubt no more: %s", move->guest_name, how);
}

void move_commit_release(struct move *move, enum move_result result)
{
	end_doubt(move, move->reason);
	hand_over(move);
	move_enter(move, MOVE_RELEASED);
	if (move->guest)
		move->moves->service_ops->release(move->service, move);
	move_finish(move, result);
}

static void acknowledge(struct move *move, const char *how)
{
	bool was_in_doubt = move->in_doubt;

	if (!move->acknowledged)
		move_journal(move, WORD_ANSWERED);
	move->acknowledged = true;
	end_doubt(move, how);
	if (was_in_doubt)
		move_report(move, false, MOVE_OK);
}

void move_commit_heard(struct move *move)
{
	if (move->state != MOVE_COMMITTED || move->acknowledged)
		return;
	acknowledge(move, "the peer has it");
	hand_over(move);
	if (!move->guest) /* of an earlier life: nothing is left to do */
		move_commit_release(move, MOVE_OK);
}

void move_commit_switched(struct move *move)
{
	acknowledge(move, "the peer has it");
	move_commit_release(move, MOVE_OK);
}

void move_commit_give_away(struct move *move)
{
	ASSERT(move->state == MOVE_COMMITTED && !move->acknowledged,
	       "only a commit that nobody answered is in doubt");
	moves_settle(move->moves, move->id);
	move_say(move, "an operator decided that the peer has it");
	acknowledge(move, move->reason);
	move_commit_release(move, MOVE_CLOSED);
}

/*
 * The guest may run there or may have gone with its host; only the peer can
 * say. Operators hear that we wait, and are not made to wait with us.
 */
static void repeat_commit(struct move *move)
{
	struct shard *shard = move->moves->shard;

	move_send(move, PEER_COMMIT, NULL);
	if (move->in_doubt)
		move_tell_doubt(move);
	if (move->in_doubt || shard->now_ns - move->committed_ns < DOUBT_NS)
		return;
	move->in_doubt = true;
	move_tell_doubt(move);
	move_say(move, "the peer does not acknowledge the commit, which is "
		       "repeated until it does");
	host_log(shard->host, LOG_WARNING, "move of %s: in doubt: %s",
		 move->guest_name, move->reason);
	move_report(move, false, MOVE_OK);
}

void move_commit_timer(struct move *move)
{
	struct moves *moves = move->moves;
	uint64_t drain_ns =
		moves->shard->pool->config->move.drain_ms * NS_PER_MS;
	uint64_t since_ns;
	bool up;

	/* Of an earlier life: its time counts from the first pass of this. */
	if (!move->committed_ns)
		move->committed_ns = moves->shard->now_ns;
	since_ns = moves->shard->now_ns - move->committed_ns;

	/* The destination closes a client that does not come, and says so;
	 * twice its time is only for one that cannot say. */
	if (move->acknowledged && since_ns > 2 * drain_ns) {
		move_say(move, "the peer never said that the client came");
		move_commit_release(move, MOVE_CLOSED);
		return;
	}
	/* A client of a switch-host is not kept before a guest that stands
	 * still: it may find it there though we do not hear of it. */
	if (since_ns > drain_ns)
		hand_over(move);
	/* Of an earlier life: it has no link yet. */
	if (move->link == PEER_LINK_NONE)
		peers_want(moves->peers, move->peer, &move->link, &up);
	if (!move->acknowledged)
		repeat_commit(move);
	move_arm(move, COMMIT_AGAIN_NS);
}

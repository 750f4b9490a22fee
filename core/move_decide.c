/* move_decide.c - an operator says how a move in doubt has ended. */
#include "core/move_decide.h"
#include "core/move_commit.h"
#include "core/move_destination.h"
#include "core/move_record.h"
#include "core/peer_link.h"
#include "core/pool.h"

#include <string.h>

/*
 * Nobody but the other end knows, and it will never say. What cannot be true
 * is refused: a move that is not in doubt, one whose other end is connected,
 * and a commit of ours that is to have been none. All the same the answer may
 * be wrong, and then the guest is lost, or runs twice: the journal and the log
 * have whose word it was.
 */

static bool is_in_doubt(const struct move *move)
{
	return move->role == MOVE_SOURCE ? move->in_doubt
					 : move->state == MOVE_IN_DOUBT;
}

static bool other_end_is_up(const struct move *move)
{
	const struct peer_link *links = move->moves->peers->links;

	if (move->role == MOVE_SOURCE)
		return move->link != PEER_LINK_NONE &&
		       links[move->link].state == PEER_LINK_UP;
	return peers_find_up(move->moves->peers, move->peer) != PEER_LINK_NONE;
}

static void describe(const struct move *move, struct op_move_heard *answer)
{
	const struct config *config = move->moves->shard->pool->config;

	answer->is_source = move->role == MOVE_SOURCE;
	if (answer->is_source)
		memcpy(answer->peer, config->peers[move->peer].name,
		       sizeof(answer->peer));
	else
		answer->node = move->peer;
}

static void carry_out(struct move *move, bool committed)
{
	host_log(move->moves->shard->host, LOG_WARNING,
		 "move of %s: in doubt, and decided by an operator: %s",
		 move->guest_name, committed ? "committed" : "not committed");
	if (move->role == MOVE_SOURCE)
		move_commit_give_away(move);
	else
		move_destination_decide(move, committed);
}

/* What may be said of a move of that guest. */
static enum move_heard judge(const struct move *move, bool committed)
{
	if (!is_in_doubt(move))
		return HEARD_NO_DOUBT;
	if (other_end_is_up(move))
		return HEARD_PEER_IS_UP;
	if (move->role == MOVE_SOURCE && !committed)
		return HEARD_WAS_OURS;
	return HEARD_DONE;
}

void move_decide(struct moves *moves, const struct op_move_decide *order,
		 struct op_move_heard *answer)
{
	struct move *move;
	uint32_t at = 0;

	*answer = (struct op_move_heard){.heard = HEARD_NO_MOVE};
	while ((move = slab_next(&moves->slab, &at))) {
		enum move_heard heard;

		if (strcmp(move->guest_name, order->guest) != 0)
			continue;
		heard = judge(move, order->committed);
		if (heard <= answer->heard)
			continue;
		answer->heard = (uint8_t)heard;
		describe(move, answer);
		if (heard != HEARD_DONE)
			continue;
		if (!order->dry_run)
			carry_out(move, order->committed);
		return;
	}
}

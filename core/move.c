/* move.c - the moves of a shard: frames, links, cells and timers to each. */
#include "core/move.h"
#include "core/move_decide.h"
#include "core/move_destination.h"
#include "core/move_record.h"
#include "core/move_source.h"
#include "core/peer.h"
#include "core/pool.h"

#include <errno.h>
#include <string.h>

/* Another Flushmark asks what became of a move that this shard began. */
static void resolve_here(struct moves *moves, const struct op_move_resolve *ask,
			 uint8_t asker)
{
	struct op_move_resolve answer = *ask;
	struct move *move =
		moves_get(moves, idtable_get(&moves->by_id, ask->id));

	if (move && move->role != MOVE_SOURCE)
		move = NULL;
	answer.committed = move ? move->state >= MOVE_COMMITTED
				: moves_have_settled(moves, ask->id);
	/* Told that it is not, the asker forgets it: then it may never be. */
	if (move && !answer.committed && move->epoch == ask->epoch)
		move_source_disown(move);
	shard_tell(moves->shard, asker, OP_MOVE_RESOLVED, 0, &answer,
		   sizeof(answer));
}

static void got_resolve(struct moves *moves, uint32_t link,
			const struct peer_header *header)
{
	struct op_move_resolve ask = {
		.id = header->move,
		.epoch = header->epoch,
		.link = link,
	};
	uint8_t shard = move_id_shard(header->move, moves->shard->pool);

	shard_tell(moves->shard, shard, OP_MOVE_RESOLVE, 0, &ask, sizeof(ask));
}

/*
 * A commit is answered whatever we know of it: of a move that has ended with
 * the guest here its source may have missed the end with the link.
 */
static void answer_late_commit(struct moves *moves, uint32_t link,
			       const struct peer_header *header)
{
	struct peer_refuse refuse = {.reason = "no such move here"};
	struct peer_refuse gone = {.reason = "the client did not come"};

	for (uint32_t i = 0; header->move && i < MOVES_REMEMBERED; i++) {
		const struct move_memory *ended = &moves->ended[i];

		if (ended->id != header->move)
			continue;
		/* Before anything else it must hear that the guest is here:
		 * it would count it as nobody's. */
		peers_send(moves->peers, link, PEER_COMMITTED, header->move,
			   header->epoch, NULL);
		if (ended->gone)
			peers_send(moves->peers, link, PEER_GONE, header->move,
				   header->epoch, &gone);
		else
			peers_send(moves->peers, link, PEER_SWITCHED,
				   header->move, header->epoch, NULL);
		return;
	}
	peers_send(moves->peers, link, PEER_REFUSE, header->move, header->epoch,
		   &refuse);
}

/* True when a frame for a move of ours comes from where it goes. */
static bool is_destination(const struct move *move, uint32_t link)
{
	const struct peer_link *links = move->moves->peers->links;

	return move->link == link ||
	       (move->link != PEER_LINK_NONE &&
		links[move->link].node == links[link].node);
}

static void on_frame(void *self, uint32_t link,
		     const struct peer_header *header, const void *payload)
{
	struct moves *moves = self;
	struct move *move;

	if (header->type == PEER_OFFER) {
		move_destination_offer(moves, link, header->move, header->epoch,
				       payload);
		return;
	}
	if (header->type == PEER_RESOLVE) {
		got_resolve(moves, link, header);
		return;
	}
	move = moves_get(moves, idtable_get(&moves->by_id, header->move));
	if (!move) {
		if (header->type == PEER_COMMIT)
			answer_late_commit(moves, link, header);
		return;
	}
	if (header->epoch != move->epoch) {
		stats_add(&moves->shard->stats, STAT_stale_epochs, 1);
		return;
	}
	if (move->role == MOVE_SOURCE) {
		if (is_destination(move, link))
			move_source_frame(move, header->type, payload);
		return;
	}
	if (moves->peers->links[link].node != move->peer)
		return; /* not the source's to say */
	move->link = link;
	move_destination_frame(move, header->type, payload);
}

static void on_up(void *self, uint32_t link)
{
	struct moves *moves = self;
	struct move *move;
	uint32_t at = 0;

	while ((move = slab_next(&moves->slab, &at))) {
		if (move->role == MOVE_SOURCE && move->link == link)
			move_source_link_up(move);
	}
}

static void on_lost(void *self, uint32_t link)
{
	struct moves *moves = self;
	struct move *move;
	uint32_t at = 0;

	while ((move = slab_next(&moves->slab, &at))) {
		if (move->link != link)
			continue;
		if (move->role == MOVE_SOURCE)
			move_source_link_lost(move);
		else
			move_destination_link_lost(move);
	}
}

static void on_cell(void *self, const struct ring_cell *cell)
{
	struct moves *moves = self;
	struct op_move_resolve resolve;
	struct op_move_heard heard = {0};
	struct op_move_decide decide;
	struct peer_verdict verdict;
	char guest[NAME_BYTES];

	switch (cell->op) {
	case OP_MOVE_START:
		move_source_start(moves, cell);
		break;
	case OP_MOVE_CANCEL:
		memcpy(guest, cell->payload, sizeof(guest));
		heard.heard = (uint8_t)move_source_cancel(moves, guest);
		shard_tell(moves->shard, SHARD_CONTROL, OP_MOVE_HEARD,
			   cell->tag, &heard, sizeof(heard));
		break;
	case OP_MOVE_DECIDE:
		memcpy(&decide, cell->payload, sizeof(decide));
		decide.guest[NAME_BYTES - 1] = '\0';
		move_decide(moves, &decide, &heard);
		shard_tell(moves->shard, SHARD_CONTROL, OP_MOVE_HEARD,
			   cell->tag, &heard, sizeof(heard));
		break;
	case OP_MOVE_RESOLVE:
		memcpy(&resolve, cell->payload, sizeof(resolve));
		resolve_here(moves, &resolve, cell->from);
		break;
	case OP_MOVE_RESOLVED:
		memcpy(&resolve, cell->payload, sizeof(resolve));
		verdict.committed = resolve.committed;
		peers_send(moves->peers, resolve.link, PEER_VERDICT, resolve.id,
			   resolve.epoch, &verdict);
		break;
	default:
		break;
	}
}

static void on_timer(void *self, uint32_t index)
{
	struct moves *moves = self;
	struct move *move;

	if (!slab_taken(&moves->slab, index))
		return;
	move = slab_at(&moves->slab, index);
	if (move->role == MOVE_SOURCE)
		move_source_timer(move);
	else
		move_destination_timer(move);
}

static void on_event(void *self, struct dp *dp, const struct dp_event *event)
{
	(void)self;
	(void)dp;
	(void)event;
	ASSERT(false, "the move engine owns no connection");
}

int moves_init(struct moves *moves, struct shard *shard, struct peers *peers,
	       const struct service_ops *ops, struct service *service,
	       uint32_t capacity)
{
	struct part part = {
		.self = moves,
		.event = on_event,
		.cell = on_cell,
		.timer = on_timer,
	};
	int err;

	*moves = (struct moves){
		.shard = shard,
		.peers = peers,
		.service_ops = ops,
		.service = service,
		.next_id = move_id_make(shard),
	};
	peers->user = (struct peer_user){
		.self = moves,
		.frame = on_frame,
		.up = on_up,
		.lost = on_lost,
	};
	moves->scratch = arena_take(&shard->arena, IMAGE_BYTES_MAX, 64);
	if (!moves->scratch)
		return -ENOMEM;
	err = slab_init(&moves->slab, &shard->arena, sizeof(struct move),
			capacity, shard->index);
	if (!err)
		err = idtable_init(&moves->by_id, 2 * capacity);
	if (!err)
		err = shard_add_part(shard, PART_MOVE, &part, capacity);
	return err;
}

void moves_fini(struct moves *moves)
{
	idtable_fini(&moves->by_id);
	memset(moves, 0, sizeof(*moves));
}

/* move_destination.c - the destination's half of a move. */
#include "core/move_destination.h"
#include "core/move_journal.h"
#include "core/move_record.h"
#include "core/peer.h"
#include "core/pool.h"

#include <errno.h>
#include <string.h>

/* How often a destination in doubt asks again. */
#define ASK_AGAIN_NS (500 * NS_PER_MS)

static void refuse(struct moves *moves, uint32_t link, uint64_t id,
		   uint64_t epoch, const char *reason)
{
	struct peer_refuse frame = {0};

	memcpy(frame.reason, reason, strnlen(reason, sizeof(frame.reason) - 1));
	peers_send(moves->peers, link, PEER_REFUSE, id, epoch, &frame);
}

/* What goes into logs and to operators: printable, and with its end. */
static bool is_name(const uint8_t text[NAME_BYTES])
{
	size_t len = strnlen((const char *)text, NAME_BYTES);

	for (size_t i = 0; i < len; i++) {
		if (text[i] < '!' || text[i] > '~')
			return false;
	}
	return len && len < NAME_BYTES;
}

void move_destination_offer(struct moves *moves, uint32_t link, uint64_t id,
			    uint64_t epoch, const struct peer_offer *offer)
{
	struct peer_answer answer = {0};
	struct move *move;

	if (!id || idtable_get(&moves->by_id, id)) {
		refuse(moves, link, id, epoch, "this move is known already");
		return;
	}
	if (!is_name(offer->guest)) {
		refuse(moves, link, id, epoch, "this is no name for a guest");
		return;
	}
	move = move_take(moves, MOVE_DESTINATION, id);
	if (!move) {
		refuse(moves, link, id, epoch, "too many moves at once");
		return;
	}
	move->epoch = epoch;
	move->link = link;
	move->peer = moves->peers->links[link].node;
	move->mode = offer->mode;
	memcpy(move->guest_name, offer->guest, NAME_BYTES - 1);
	host_entropy(moves->shard->host, move->key, sizeof(move->key));
	memcpy(answer.key, move->key, sizeof(answer.key));
	if (moves->service_ops->grant(moves->service, move, offer, &answer)) {
		refuse(moves, link, id, epoch, move->reason);
		move_free(move);
		return;
	}
	move_send(move, PEER_ANSWER, &answer);
	move_enter(move, MOVE_OFFERED);
}

/* Frees the move and all that was reserved for it. */
static void revoke(struct move *move)
{
	move->moves->service_ops->revoke(move->service, move);
	move_free(move);
}

static void spoil(struct move *move)
{
	stats_add(&move->moves->shard->stats, STAT_images_bad, 1);
	refuse(move->moves, move->link, move->id, move->epoch, move->reason);
	revoke(move);
}

static void got_image(struct move *move, const uint8_t *bytes, size_t len)
{
	if (move->state > MOVE_READY) {
		/* The guest may be ours already: the move is kept. */
		peers_drop(move->moves->peers, move->link,
			   "sent an image behind the last");
		return;
	}
	if (move->images == MOVE_IMAGES_MAX) {
		move_say(move, "more images than a guest can have");
		spoil(move);
		return;
	}
	if (move->moves->service_ops->import(move->service, move, bytes, len))
		spoil(move);
	else
		move->images++;
}

static void got_slot(struct move *move, const struct peer_image_slot *slot)
{
	struct moves *moves = move->moves;
	struct region *region = &moves->peers->links[move->link].in;
	int64_t len = region->base
			      ? region_claim(region, slot->slot, move->id,
					     moves->scratch, IMAGE_BYTES_MAX)
			      : -ENOENT;

	if (len < 0 && move->state <= MOVE_READY) {
		move_say(move, "the region held no good image");
		spoil(move);
		return;
	}
	got_image(move, moves->scratch, len < 0 ? 0 : (size_t)len);
}

static void got_end(struct move *move, const struct peer_end *end)
{
	if (move->state > MOVE_READY)
		return;
	if (end->images != move->images) {
		move_say(move, "%u images came of %u", move->images,
			 end->images);
		spoil(move);
		return;
	}
	move->mode = end->mode;
	if (move->moves->service_ops->import_end(move->service, move)) {
		spoil(move);
		return;
	}
	/* From here on the source may commit at any moment, so this move can
	 * end only on its word. */
	move_send(move, PEER_STREAMED, NULL);
	move_enter(move, MOVE_STREAMED);
}

static void got_commit(struct move *move)
{
	struct moves *moves = move->moves;

	if (move->state == MOVE_COMMITTED) {
		move_send(move, PEER_COMMITTED, NULL);
		return;
	}
	if (move->state != MOVE_STREAMED && move->state != MOVE_IN_DOUBT)
		return;
	move_end_doubt(move);
	move->committed_ns = moves->shard->now_ns;
	move_journal(move, WORD_HOME);
	move_arm(move, moves->shard->pool->config->move.drain_ms * NS_PER_MS);
	move_send(move, PEER_COMMITTED, NULL);
	move_enter(move, MOVE_COMMITTED);
	moves->service_ops->run(move->service, move);
}

static void got_verdict(struct move *move, const struct peer_verdict *verdict)
{
	if (move->state != MOVE_IN_DOUBT && move->state != MOVE_STREAMED)
		return;
	host_log(move->moves->shard->host, LOG_INFO,
		 "move of %s: in doubt, resolved: %s", move->guest_name,
		 verdict->committed ? "it is ours" : "it is not ours");
	if (verdict->committed)
		got_commit(move);
	else
		revoke(move);
}

void move_destination_decide(struct move *move, bool committed)
{
	struct peer_verdict verdict = {.committed = committed};

	ASSERT(move->state == MOVE_IN_DOUBT, "what is known is not decided");
	got_verdict(move, &verdict);
}

void move_destination_frame(struct move *move, uint16_t type,
			    const void *payload)
{
	const struct peer_image *image = payload;

	switch (type) {
	case PEER_IMAGE:
		got_image(move, image->bytes.data, image->bytes.len);
		break;
	case PEER_IMAGE_SLOT:
		got_slot(move, payload);
		break;
	case PEER_END:
		got_end(move, payload);
		break;
	case PEER_COMMIT:
		got_commit(move);
		break;
	case PEER_NACK:
		move->moves->service_ops->refuse_seamless(move->service, move);
		break;
	case PEER_CANCEL:
		if (move->state < MOVE_COMMITTED ||
		    move->state == MOVE_IN_DOUBT)
			revoke(move);
		break;
	case PEER_VERDICT:
		got_verdict(move, payload);
		break;
	default:
		break;
	}
}

/* Asks the source, on whatever link there is to it, what became of a move. */
static void ask(struct move *move)
{
	struct moves *moves = move->moves;
	struct peers *peers = moves->peers;
	const struct config *config = moves->shard->pool->config;
	uint32_t index;
	bool up;

	move_tell_doubt(move);
	/* To nobody when there is none: -ENOTCONN. */
	peers_send(peers, peers_find_up(peers, move->peer), PEER_RESOLVE,
		   move->id, move->epoch, NULL);
	for (uint16_t i = 0; i < config->peer_count; i++)
		peers_want(peers, i, &index, &up);
	move_arm(move, ASK_AGAIN_NS);
}

void move_destination_link_lost(struct move *move)
{
	move->link = PEER_LINK_NONE;
	if (move->state == MOVE_STREAMED) {
		move_enter(move, MOVE_IN_DOUBT);
		ask(move);
	} else if (move->state < MOVE_STREAMED) {
		revoke(move);
	}
}

void move_linked(struct move *move)
{
	ASSERT(move->role == MOVE_DESTINATION, "the destination says linked");
	if (move->state != MOVE_OFFERED)
		return;
	move_send(move, PEER_LINKED, NULL);
	move_enter(move, MOVE_READY);
}

/* The guest stays here, with its client or without. */
static void finish(struct move *move)
{
	struct moves *moves = move->moves;

	moves->ended[moves->ended_count++ % MOVES_REMEMBERED] =
		(struct move_memory){move->id, move->aborted};
	move_enter(move, MOVE_RELEASED);
	moves->service_ops->release(move->service, move);
	move_free(move);
}

void move_switched(struct move *move)
{
	ASSERT(move->role == MOVE_DESTINATION && move->state == MOVE_COMMITTED,
	       "a client can switch only to a guest that runs here");
	move_send(move, PEER_SWITCHED, NULL);
	finish(move);
}

void move_abort(struct move *move, const char *reason)
{
	struct peer_refuse gone = {0};

	ASSERT(move->role == MOVE_DESTINATION, "the destination aborts");
	move_say(move, "%s", reason);
	memcpy(gone.reason, move->reason, sizeof(gone.reason));
	if (move->state == MOVE_COMMITTED) {
		move->aborted = true;
		move_send(move, PEER_GONE, &gone);
		finish(move);
	} else if (move->state == MOVE_STREAMED ||
		   move->state == MOVE_IN_DOUBT) {
		/* The guest may be ours already: only the source knows. */
		move_send(move, PEER_GONE, &gone);
	} else {
		refuse(move->moves, move->link, move->id, move->epoch,
		       move->reason);
		revoke(move);
	}
}

void move_destination_timer(struct move *move)
{
	if (move->state == MOVE_IN_DOUBT)
		ask(move);
	else if (move->state == MOVE_COMMITTED)
		move_abort(move, "the client did not switch in time");
}

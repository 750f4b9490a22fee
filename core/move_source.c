/* move_source.c - the source's half of a move, up to its commit. */
#include "core/move_source.h"
#include "core/move_commit.h"
#include "core/move_image.h"
#include "core/move_journal.h"
#include "core/move_record.h"
#include "core/peer.h"
#include "core/pool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How long the destination may take to answer an offer or the images. */
#define PEER_ANSWER_NS (5 * NS_PER_S)

static void tell_destination(struct move *move, uint16_t type)
{
	struct peer_refuse frame = {0};

	memcpy(frame.reason, move->reason, sizeof(frame.reason));
	move_send(move, type, type == PEER_CANCEL ? &frame : NULL);
}

/* Edge: any state before COMMITTED -> LIVE. */
static void undo(struct move *move, enum move_result result)
{
	ASSERT(move->state < MOVE_COMMITTED,
	       "after the point of no return there is no way back");
	move_image_take_back(move);
	move->moves->service_ops->undo(move->service, move);
	tell_destination(move, PEER_CANCEL);
	move_enter(move, MOVE_LIVE);
	move_finish(move, result);
}

/*
 * While the client connects nothing may be sent to it, so the move lives on
 * until the client has answered or gone; the operator hears of the end now.
 */
static void undo_or_wait(struct move *move, enum move_result result)
{
	/* Nothing was offered yet: the guest may be another move's. */
	if (move->state == MOVE_LIVE) {
		move_finish(move, result);
		return;
	}
	if (!move->begun || move->client_ready) {
		undo(move, result);
		return;
	}
	if (!move->cancelled)
		move->result = (uint8_t)result;
	move->cancelled = true;
	shard_disarm(move->moves->shard, PART_MOVE, handle_index(move->self));
	tell_destination(move, PEER_NACK);
	move_report(move, true, result);
}

static void send_offer(struct move *move)
{
	struct moves *moves = move->moves;
	struct peer_offer offer = {.mode = move->mode};
	int64_t len = moves->service_ops->offer(
		move->service, move, moves->scratch, PEER_OFFER_IMAGE_MAX);

	if (len < 0) {
		move_finish(move, MOVE_FAILED);
		return;
	}
	offer.mode = move->mode;
	offer.image = (struct span){moves->scratch, (uint32_t)len};
	memcpy(offer.guest, move->guest_name, sizeof(offer.guest));
	move_send(move, PEER_OFFER, &offer);
	move_enter(move, MOVE_OFFERED);
	move_arm(move, PEER_ANSWER_NS);
}

static struct move *find(struct moves *moves, const char *guest)
{
	struct move *move;
	uint32_t at = 0;

	while ((move = slab_next(&moves->slab, &at))) {
		if (move->role == MOVE_SOURCE && move->state < MOVE_COMMITTED &&
		    !strncmp(move->guest_name, guest, NAME_BYTES))
			return move;
	}
	return NULL;
}

static void tell_done(struct moves *moves, const struct ring_cell *cell,
		      const struct op_move_start *start, const char *reason)
{
	struct op_move_event event = {
		.done = 1,
		.result = MOVE_FAILED,
		.busy = find(moves, start->guest) != NULL,
		/* One that stands still for a move is not to be had either. */
		.absent = pool_find_guest(moves->shard->pool, start->guest) < 0,
	};

	memcpy(event.guest, start->guest, sizeof(event.guest));
	memcpy(event.peer, start->peer, sizeof(event.peer));
	snprintf(event.reason, sizeof(event.reason), "%s", reason);
	shard_tell(moves->shard, SHARD_CONTROL, OP_MOVE_EVENT, cell->tag,
		   &event, sizeof(event));
}

static const char *begin_start(struct moves *moves,
			       const struct op_move_start *start,
			       const struct ring_cell *cell)
{
	int peer = config_find_peer(moves->shard->pool->config, start->peer);
	struct move *move;
	handle guest;
	bool up;

	if (peer < 0)
		return "no peer of that name in the configuration";
	if (find(moves, start->guest))
		return "it is moving already, or the client has not answered "
		       "an earlier attempt";
	if (moves->service_ops->find(moves->service, start->guest, &guest))
		return "no guest of that name here";
	move = move_take(moves, MOVE_SOURCE, ++moves->next_id);
	if (!move)
		return "too many moves at once on its shard";
	move->guest = guest;
	move->tag = cell->tag;
	move->peer = (uint16_t)peer;
	move->mode = start->mode;
	move->force = start->force;
	memcpy(move->guest_name, start->guest, sizeof(move->guest_name));
	if (peers_want(moves->peers, move->peer, &move->link, &up)) {
		move_free(move);
		return "no room for another connection to a peer";
	}
	stats_add(&moves->shard->stats, STAT_moves_started, 1);
	move_arm(move, PEER_ANSWER_NS);
	if (up)
		send_offer(move);
	return NULL;
}

void move_source_start(struct moves *moves, const struct ring_cell *cell)
{
	struct op_move_start start;
	const char *why;

	memcpy(&start, cell->payload, sizeof(start));
	start.guest[NAME_BYTES - 1] = 0;
	start.peer[NAME_BYTES - 1] = 0;
	why = begin_start(moves, &start, cell);
	if (why)
		tell_done(moves, cell, &start, why);
}

void move_source_link_up(struct move *move)
{
	if (move->state == MOVE_LIVE)
		send_offer(move);
	else if (move->state == MOVE_COMMITTED)
		/* Said before or not: the answer tells how it went on. */
		move_send(move, PEER_COMMIT, NULL);
}

static void say_unreachable(struct move *move)
{
	const struct peer_link *link = &move->moves->peers->links[move->link];

	move_say(move, "the peer cannot be reached: it %s",
		 link->why[0] ? link->why : "does not answer");
}

void move_source_link_lost(struct move *move)
{
	if (move->state >= MOVE_COMMITTED)
		return;       /* COMMIT is repeated when the link is back */
	move->slot_count = 0; /* the region went with the link */
	if (move->state == MOVE_LIVE) {
		say_unreachable(move);
		move_finish(move, MOVE_FAILED);
		return;
	}
	move_say(move, "the connection to the peer was lost");
	undo_or_wait(move, MOVE_FAILED);
}

static void freeze(struct move *move)
{
	struct moves *moves = move->moves;

	move->frozen_ns = moves->shard->now_ns;
	move_enter(move, MOVE_FREEZING);
	move_arm(move, moves->shard->pool->config->move.freeze_ms * NS_PER_MS);
	moves->service_ops->freeze(move->service, move);
}

/* Edge: OFFERED -> READY when client and destination both say so. */
static void check_ready(struct move *move)
{
	if (move->state != MOVE_OFFERED || !move->client_ready ||
	    !move->peer_linked)
		return;
	move_enter(move, MOVE_READY);
	freeze(move);
}

void move_ready(struct move *move, enum move_mode mode)
{
	ASSERT(move->role == MOVE_SOURCE, "the source's client is ready");
	move->client_ready = true;
	if (move->cancelled) {
		undo(move, move->result);
		return;
	}
	move->mode = (uint8_t)mode;
	/* Nobody links before the end of a switch-host. */
	if (mode == MODE_SWITCH_HOST)
		move->peer_linked = true;
	check_ready(move);
}

void move_fail(struct move *move, const char *reason)
{
	ASSERT(move->role == MOVE_SOURCE, "the source's client failed");
	/* The client has answered, if only to say no. */
	move->client_ready = true;
	if (move->cancelled) {
		undo(move, move->result);
		return;
	}
	move_say(move, "%s", reason);
	undo(move, MOVE_FAILED);
}

void move_client_gone(struct move *move)
{
	ASSERT(move->role == MOVE_SOURCE, "the source's client has gone");
	if (move->state >= MOVE_COMMITTED)
		return; /* the destination says whether it came */
	move->client_ready = true;
	move_say(move, "the client closed its session");
	undo(move, MOVE_CLOSED);
}

static void got_answer(struct move *move, const struct peer_answer *answer)
{
	struct moves *moves = move->moves;

	if (move->state != MOVE_OFFERED || move->begun)
		return;
	/* It goes to the client as a string. */
	if (memchr(answer->host.data, 0, answer->host.len)) {
		move_say(move, "the peer's answer names no host");
		undo(move, MOVE_FAILED);
		return;
	}
	memcpy(move->key, answer->key, sizeof(move->key));
	move->port = answer->port;
	move->tls_port = answer->tls_port;
	memcpy(move->host, answer->host.data, answer->host.len);
	move->host_len = answer->host.len;
	move_arm(move, moves->shard->pool->config->move.connect_ms * NS_PER_MS);
	move->begun = true;
	moves->service_ops->begin(move->service, move);
}

void move_sealed(struct move *move)
{
	struct peer_end end = {.images = move->images, .mode = move->mode};

	ASSERT(move->state == MOVE_FREEZING, "only a frozen guest is sealed");
	move_enter(move, MOVE_SEALED);
	move_arm(move, PEER_ANSWER_NS);
	move_send(move, PEER_END, &end);
}

void move_note_pause(struct move *move, uint64_t added_ns)
{
	move->source_added_ns = max_u64(move->source_added_ns, added_ns);
}

/* Edge: SEALED -> STREAMED -> COMMITTED, the point of no return. */
static void got_streamed(struct move *move)
{
	if (move->state != MOVE_SEALED)
		return;
	move->slot_count = 0; /* all claimed */
	move_enter(move, MOVE_STREAMED);
	if (move_commit(move)) {
		move_say(move, "the journal cannot be written");
		undo(move, MOVE_FAILED);
	}
}

static void got_refuse(struct move *move, const struct peer_refuse *refuse)
{
	move_say_peer(move, refuse->reason);
	if (move->state < MOVE_COMMITTED) {
		undo_or_wait(move, MOVE_FAILED);
		return;
	}
	/* It never knew, or no longer knows, what we handed over. */
	move_journal(move, WORD_ENDED);
	move_commit_release(move, MOVE_CLOSED);
}

static void got_gone(struct move *move, const struct peer_refuse *gone)
{
	move_say_peer(move, gone->reason);
	if (move->state < MOVE_COMMITTED)
		undo_or_wait(move, MOVE_FAILED);
	else if (move->acknowledged)
		move_commit_release(move, MOVE_CLOSED);
	/* Else it still waits for our word, and will say so again: were we to
	 * forget the commit now, its guest would be nobody's. */
}

/* The destination was told that this move did not commit: so be it. */
void move_source_disown(struct move *move)
{
	if (move->state >= MOVE_COMMITTED)
		return;
	move_say(move, "the peer lost the connection and gave it up");
	undo_or_wait(move, MOVE_FAILED);
}

void move_source_frame(struct move *move, uint16_t type, const void *payload)
{
	switch (type) {
	case PEER_ANSWER:
		got_answer(move, payload);
		break;
	case PEER_REFUSE:
		got_refuse(move, payload);
		break;
	case PEER_LINKED:
		move->peer_linked = true;
		check_ready(move);
		break;
	case PEER_STREAMED:
		got_streamed(move);
		break;
	case PEER_COMMITTED:
		move_commit_heard(move);
		break;
	case PEER_SWITCHED:
		if (move->state == MOVE_COMMITTED)
			move_commit_switched(move);
		break;
	case PEER_GONE:
		got_gone(move, payload);
		break;
	default:
		break;
	}
}

void move_source_timer(struct move *move)
{
	switch (move->state) {
	case MOVE_LIVE:
		move->silent = true;
		say_unreachable(move);
		move_finish(move, MOVE_FAILED);
		break;
	case MOVE_OFFERED:
		move->silent = !move->begun;
		move_say(move, move->begun
				       ? "the client did not connect to the "
					 "destination in time"
				       : "the peer did not answer the offer");
		undo_or_wait(move, MOVE_FAILED);
		break;
	case MOVE_FREEZING:
		move_say(move, "no flush mark from the client in time");
		undo(move, MOVE_FAILED);
		break;
	case MOVE_SEALED:
		move->silent = true;
		move_say(move, "the peer did not take the images in time");
		undo(move, MOVE_FAILED);
		break;
	case MOVE_COMMITTED:
		move_commit_timer(move);
		break;
	default:
		break;
	}
}

/* Why a guest has no move that can be taken back here. */
static enum move_heard why_not(struct moves *moves, const char *guest)
{
	enum move_heard heard = HEARD_NO_MOVE;
	const struct move *move;
	uint32_t at = 0;

	while ((move = slab_next(&moves->slab, &at))) {
		if (strncmp(move->guest_name, guest, NAME_BYTES) != 0)
			continue;
		if (move->state == MOVE_COMMITTED)
			return HEARD_TOO_LATE;
		heard = HEARD_NOT_SOURCE;
	}
	return heard;
}

enum move_heard move_source_cancel(struct moves *moves, const char *guest)
{
	struct move *move = find(moves, guest);

	if (!move)
		return why_not(moves, guest);
	if (move->cancelled)
		return HEARD_DONE;
	move_say(move, "cancelled by the operator");
	if (move->state == MOVE_LIVE)
		move_finish(move, MOVE_CANCELLED);
	else
		undo_or_wait(move, MOVE_CANCELLED);
	return HEARD_DONE;
}

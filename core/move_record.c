/* move_record.c - a move's record: taken, timed, told of, freed. */
#include "core/move_record.h"
#include "core/plant.h"
#include "core/pool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void moves_settle(struct moves *moves, uint64_t id)
{
	moves->settled[moves->settled_count++ % MOVES_REMEMBERED] = id;
}

bool moves_have_settled(const struct moves *moves, uint64_t id)
{
	for (uint32_t i = 0; id && i < MOVES_REMEMBERED; i++) {
		if (moves->settled[i] == id)
			return true;
	}
	return false;
}

_Static_assert(MOVE_ID_NODE_SHIFT + 10 == 64, "a node is at most 1023");
_Static_assert(MOVE_ID_NODE_SHIFT - MOVE_ID_SHARD_SHIFT == 6,
	       "a shard is at most 63");

uint64_t move_id_make(const struct shard *shard)
{
	return (uint64_t)shard->pool->node << MOVE_ID_NODE_SHIFT |
	       (uint64_t)shard->index << MOVE_ID_SHARD_SHIFT |
	       (shard->pool->boot & 0xffffff) << MOVE_ID_BOOT_SHIFT;
}

uint8_t move_id_shard(uint64_t id, const struct pool *pool)
{
	return (uint8_t)((id >> MOVE_ID_SHARD_SHIFT & 63) % pool->shard_count);
}

void move_say(struct move *move, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(move->reason, sizeof(move->reason), format, args);
	va_end(args);
}

struct move *moves_get(struct moves *moves, handle name)
{
	struct move *move = name ? slab_get(&moves->slab, name) : NULL;

	if (name && !move)
		stats_add(&moves->shard->stats, STAT_stale_handles, 1);
	return move;
}

void move_say_peer(struct move *move, const uint8_t reason[REASON_BYTES])
{
	uint32_t i;

	for (i = 0; i < REASON_BYTES - 1 && reason[i]; i++)
		move->reason[i] = reason[i] >= ' ' && reason[i] <= '~'
					  ? (char)reason[i]
					  : '?';
	move->reason[i] = '\0';
}

struct move *move_take(struct moves *moves, enum move_role role, uint64_t id)
{
	handle self;
	struct move *move = slab_take(&moves->slab, &self);

	if (!move)
		return NULL;
	move->self = self;
	move->id = id;
	move->role = (uint8_t)role;
	move->moves = moves;
	move->service = moves->service;
	move->link = PEER_LINK_NONE;
	if (idtable_add(&moves->by_id, id, self)) {
		slab_give(&moves->slab, self);
		return NULL;
	}
	return move;
}

void move_free(struct move *move)
{
	struct moves *moves = move->moves;

	move_end_doubt(move);
	shard_disarm(moves->shard, PART_MOVE, handle_index(move->self));
	idtable_drop(&moves->by_id, move->id, move->self);
	slab_give(&moves->slab, move->self);
}

void move_arm(struct move *move, uint64_t after_ns)
{
	struct shard *shard = move->moves->shard;

	shard_arm(shard, PART_MOVE, handle_index(move->self),
		  shard->now_ns + after_ns);
}

void move_send(struct move *move, uint16_t type, const void *payload)
{
	int err = peers_send(move->moves->peers, move->link, type, move->id,
			     move->epoch, payload);

	/* What is lost with a link is said again, or undone, when it is. */
	if (err == -ENOBUFS)
		peers_drop(move->moves->peers, move->link,
			   "takes its frames too slowly");
}

void move_report(struct move *move, bool done, enum move_result result)
{
	struct shard *shard = move->moves->shard;
	struct op_move_event event = {
		.epoch = move->epoch,
		.session_id = move->session_id,
		.state = move->in_doubt ? MOVE_IN_DOUBT : move->state,
		.mode = move->mode,
		.done = done,
		.silent = move->silent,
		.result = (uint8_t)result,
		.added_ns = move->source_added_ns,
	};

	if (move->role != MOVE_SOURCE || move->reported)
		return;
	/* Only a seamless client is told MIGRATE, and answers by its tokens. */
	if (done && result == MOVE_OK && move->frozen_ns &&
	    move->mode == MODE_SEAMLESS)
		event.protocol_pause_ns = shard->now_ns - move->frozen_ns;
	memcpy(event.guest, move->guest_name, sizeof(event.guest));
	memcpy(event.peer, shard->pool->config->peers[move->peer].name,
	       sizeof(event.peer));
	memcpy(event.reason, move->reason, sizeof(event.reason));
	if (!done || result == MOVE_OK ||
	    !plant_is(shard->pool, PLANT_forget_report))
		shard_tell(shard, SHARD_CONTROL, OP_MOVE_EVENT, move->tag,
			   &event, sizeof(event));
	move->reported = done;
}

static void tell_doubt(struct move *move, bool over)
{
	struct shard *shard = move->moves->shard;
	struct op_move_doubt doubt = {
		.id = move->id,
		.since_ns = move->doubt_ns,
		.is_source = move->role == MOVE_SOURCE,
		.over = over,
	};

	memcpy(doubt.guest, move->guest_name, sizeof(doubt.guest));
	if (doubt.is_source)
		memcpy(doubt.peer, shard->pool->config->peers[move->peer].name,
		       sizeof(doubt.peer));
	else
		doubt.node = move->peer;
	/* One that finds the ring full is told again, or grows old there. */
	shard_tell(shard, SHARD_CONTROL, OP_MOVE_DOUBT, 0, &doubt,
		   sizeof(doubt));
}

void move_tell_doubt(struct move *move)
{
	if (!move->doubt_ns)
		move->doubt_ns = move->moves->shard->now_ns;
	tell_doubt(move, false);
}

void move_end_doubt(struct move *move)
{
	if (!move->doubt_ns)
		return;
	tell_doubt(move, true);
	move->doubt_ns = 0;
}

void move_enter(struct move *move, enum move_state state)
{
	struct moves *moves = move->moves;
	char trap[48];

	move->state = (uint8_t)state;
	snprintf(trap, sizeof(trap), "%s-%s",
		 move->role == MOVE_SOURCE ? "source" : "destination",
		 move_state_name(state));
	host_log(moves->shard->host, LOG_DEBUG, "move of %s: %s",
		 move->guest_name, trap);
	move_report(move, false, MOVE_OK);
	host_trap(moves->shard->host, trap);
}

void move_finish(struct move *move, enum move_result result)
{
	static const uint16_t stat_of_mode[] = {
		[MODE_SEAMLESS] = STAT_moves_seamless,
		[MODE_SEMI_SEAMLESS] = STAT_moves_semi_seamless,
		[MODE_SWITCH_HOST] = STAT_moves_switch_host,
	};
	struct stats *stats = &move->moves->shard->stats;

	if (result == MOVE_OK)
		stats_add(stats, stat_of_mode[move->mode], 1);
	else if (result == MOVE_CANCELLED)
		stats_add(stats, STAT_moves_cancelled, 1);
	else
		stats_add(stats, STAT_moves_failed, 1);
	move_report(move, true, result);
	move_free(move);
}

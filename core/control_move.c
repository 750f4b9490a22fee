/* control_move.c - moves of single guests, and taking back. */
#include "core/control_move.h"
#include "core/control_answer.h"
#include "core/control_ask.h"
#include "core/control_doubt.h"
#include "core/control_drain.h"

#include <stdio.h>
#include <string.h>

static struct control_move *take_move(struct control *control)
{
	for (uint32_t i = 0; i < CONTROL_MOVES_MAX; i++) {
		if (control->moves[i].job == 0)
			return &control->moves[i];
	}
	return NULL;
}

/* A move by its tag, NULL when it is none of ours. */
static struct control_move *find_move(struct control *control, uint64_t tag)
{
	uint32_t index = tag & 0xffff;

	if (index >= CONTROL_MOVES_MAX ||
	    (control->moves[index].job & 0xffffffff) !=
		    (tag >> 16 & 0xffffffff))
		return NULL;
	return control->moves[index].job ? &control->moves[index] : NULL;
}

static uint64_t tag_of(const struct control *control,
		       const struct control_move *move)
{
	return CONTROL_TAG(CONTROL_TAG_MOVE,
			   (move->job & 0xffffffff) << 16 |
				   (uint64_t)(move - control->moves));
}

void control_move(struct control *control, struct control_call *call)
{
	const json_t *arguments = call->arguments;
	const char *guest = control_text(arguments, "guest");
	const char *peer = control_text(arguments, "peer");
	int mode = move_mode_find(control_text(arguments, "mode"));
	int shard = pool_find_guest(control->pool, guest);
	struct control_move *move = take_move(control);
	struct op_move_start start = {
		.mode = (uint8_t)mode,
		.force = control_flag(arguments, "force", false),
	};

	if (mode < 0)
		control_error(control, call->caller, "InvalidArgument",
			      "expected a mode of seamless, semi-seamless, "
			      "switch-host");
	else if (config_find_peer(control->pool->config, peer) < 0)
		control_error(control, call->caller, "NotFound",
			      "there is no peer %s in the configuration", peer);
	else if (shard < 0)
		control_error(control, call->caller, "NotFound",
			      "there is no guest %s here", guest);
	else if (!move)
		control_error(control, call->caller, "Busy",
			      "%d moves are under way, try again",
			      CONTROL_MOVES_MAX);
	if (mode < 0 || shard < 0 || !move ||
	    config_find_peer(control->pool->config, peer) < 0)
		return;
	snprintf(start.guest, sizeof(start.guest), "%s", guest);
	snprintf(start.peer, sizeof(start.peer), "%s", peer);
	move->job = ++control->last_job;
	memcpy(move->guest, start.guest, sizeof(move->guest));
	if (shard_tell(control->shard, (uint8_t)shard, OP_MOVE_START,
		       tag_of(control, move), &start, sizeof(start))) {
		*move = (struct control_move){0};
		control_error(control, call->caller, "Busy",
			      "the shard is busy, try again");
	} else if (control_flag(arguments, "wait", false)) {
		control_take_caller(&move->caller, call->caller);
	} else {
		control_return(
			control, call->caller,
			json_pack("{s:I}", "job", (json_int_t)move->job));
	}
}

static json_t *describe(const struct op_move_event *event, uint64_t job)
{
	json_t *data =
		json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:I, s:I}", "guest",
			  event->guest, "peer", event->peer, "state",
			  move_state_name((enum move_state)event->state),
			  "mode", move_mode_name((enum move_mode)event->mode),
			  "done", (int)event->done, "reason", event->reason,
			  "session", (json_int_t)event->session_id, "epoch",
			  (json_int_t)event->epoch);

	if (data && job)
		json_object_set_new(data, "job", json_integer((json_int_t)job));
	if (data && event->done) {
		json_object_set_new(data, "result",
				    json_string(move_result_name(
					    (enum move_result)event->result)));
		json_object_set_new(
			data, "protocol_pause_ms",
			json_real((double)event->protocol_pause_ns / 1e6));
		json_object_set_new(data, "server_added_us",
				    json_real((double)event->added_ns / 1e3));
	}
	return data;
}

/* Nobody knows for how long: whoever waited for the end is told so. */
static void doubt_move(struct control *control, struct control_move *move,
		       const struct op_move_event *event)
{
	control_error(control, &move->caller, "InDoubt", "%s: in doubt: %s",
		      event->guest, event->reason);
	*move = (struct control_move){0};
}

static void end_move(struct control *control, struct control_move *move,
		     const struct op_move_event *event)
{
	if (event->result == MOVE_OK)
		control_return(control, &move->caller,
			       describe(event, move->job));
	else
		control_error(control, &move->caller, "MoveFailed",
			      "%s: %s: %s", event->guest,
			      move_result_name((enum move_result)event->result),
			      event->reason);
	*move = (struct control_move){0};
}

void control_move_event(struct control *control, const struct ring_cell *cell)
{
	struct op_move_event event;
	struct control_move *move = NULL;
	uint64_t kind = cell->tag >> 56;

	memcpy(&event, cell->payload, sizeof(event));
	event.guest[NAME_BYTES - 1] = '\0';
	event.peer[NAME_BYTES - 1] = '\0';
	event.reason[REASON_BYTES - 1] = '\0';
	if (kind == CONTROL_TAG_MOVE)
		move = find_move(control, cell->tag);
	control_event(control, "MOVE_STATE",
		      describe(&event, move ? move->job : 0));
	if (move && event.done)
		end_move(control, move, &event);
	else if (move && event.state == MOVE_IN_DOUBT)
		doubt_move(control, move, &event);
	if (kind == CONTROL_TAG_DRAIN &&
	    (cell->tag >> 32 & 0xffffff) == (control->drain_job & 0xffffff))
		control_drain_event(control, (uint32_t)cell->tag, &event);
	else
		control_drain_other(control, &event);
}

static void end_cancel(struct control *control, struct control_ask *ask)
{
	const char *guest = (const char *)ask->order;
	const char *decide =
		control_doubt_of(control, guest)
			? "; it is in doubt: \"resolve\" decides it, if its "
			  "other end is gone for good"
			: "";

	switch ((enum move_heard)ask->heard.heard) {
	case HEARD_DONE:
		control_return(control, &ask->caller, NULL);
		break;
	case HEARD_TOO_LATE:
		control_error(control, &ask->caller, "TooLate",
			      "a move of %s is past the point of no return%s",
			      guest, decide);
		break;
	case HEARD_NOT_SOURCE:
		control_error(control, &ask->caller, "NotSource",
			      "a move of %s to here can be cancelled by its "
			      "source only%s",
			      guest, decide);
		break;
	default:
		if (pool_find_guest(control->pool, guest) < 0)
			control_error(control, &ask->caller, "NotFound",
				      "there is no guest %s here", guest);
		else
			control_error(control, &ask->caller, "NotMoving",
				      "a move of %s is not under way", guest);
		break;
	}
}

static void cancel_drain(struct control *control, struct control_call *call)
{
	if (control->drain.state == DRAIN_NONE ||
	    control->drain.state == DRAIN_DONE) {
		control_error(control, call->caller, "NotFound",
			      "no drain is under way");
		return;
	}
	control_drain_cancel(control);
	control_return(control, call->caller, NULL);
}

void control_cancel(struct control *control, struct control_call *call)
{
	const char *guest = control_text(call->arguments, "guest");
	bool drain = control_flag(call->arguments, "drain", false);
	struct control_ask ask = {
		.op = OP_MOVE_CANCEL,
		.order_bytes = sizeof(struct op_move_cancel),
		.end = end_cancel,
	};
	struct op_move_cancel cancel = {0};

	if (drain == (guest != NULL)) {
		control_error(control, call->caller, "InvalidArgument",
			      "either a guest or the drain must be named");
		return;
	}
	if (drain) {
		cancel_drain(control, call);
		return;
	}
	snprintf(cancel.guest, sizeof(cancel.guest), "%s", guest);
	memcpy(ask.order, &cancel, sizeof(cancel));
	control_ask_start(control, call, &ask);
}

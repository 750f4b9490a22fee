/* control_ask.c - an order about a guest's move, put to shard after shard. */
#include "core/control_ask.h"
#include "core/control_answer.h"

#include <string.h>

/*
 * The source lets go of a guest at the commit, so no table tells which shard
 * has its move. Each is asked in turn, until one could do something about it.
 */

static struct control_ask *take(struct control *control)
{
	for (uint32_t i = 0; i < CONTROL_ASKS_MAX; i++) {
		if (!control->asks[i].end)
			return &control->asks[i];
	}
	return NULL;
}

static void drop(struct control_ask *ask)
{
	json_decref(ask->caller.id);
	*ask = (struct control_ask){0};
}

/* Puts it to the shard whose turn it is. */
static void put(struct control *control, struct control_ask *ask)
{
	uint64_t own =
		(uint64_t)ask->serial << 8 | (uint64_t)(ask - control->asks);

	if (!shard_tell(control->shard, ask->shard, ask->op,
			CONTROL_TAG(CONTROL_TAG_ASK, own), ask->order,
			ask->order_bytes))
		return;
	control_error(control, &ask->caller, "Busy",
		      "the shard is busy, try again");
	drop(ask);
}

void control_ask_start(struct control *control, struct control_call *call,
		       const struct control_ask *what)
{
	struct control_ask *ask = take(control);

	if (!ask) {
		control_error(control, call->caller, "Busy",
			      "too many orders are being given, try again");
		return;
	}
	*ask = *what;
	ask->serial = ++control->serial;
	control_take_caller(&ask->caller, call->caller);
	put(control, ask);
}

void control_ask_heard(struct control *control, const struct ring_cell *cell)
{
	uint32_t index = cell->tag & 0xff;
	struct op_move_heard heard;
	struct control_ask *ask;

	if (cell->tag >> 56 != CONTROL_TAG_ASK || index >= CONTROL_ASKS_MAX)
		return;
	ask = &control->asks[index];
	if (!ask->end || ask->serial != (uint32_t)(cell->tag >> 8) ||
	    ask->shard != cell->from)
		return;
	memcpy(&heard, cell->payload, sizeof(heard));
	heard.peer[NAME_BYTES - 1] = '\0';
	if (heard.heard > ask->heard.heard)
		ask->heard = heard;
	if (ask->heard.heard != HEARD_DONE &&
	    ++ask->shard < control->pool->shard_count) {
		put(control, ask);
		return;
	}
	ask->end(control, ask);
	drop(ask);
}

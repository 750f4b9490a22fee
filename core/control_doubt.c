/* control_doubt.c - the moves in doubt, for those who can decide them. */
#include "core/control_doubt.h"

#include <string.h>

/*
 * A shard repeats each while it lasts, with its question to the other end, and
 * says when it is over. What it has not repeated for long is over as well: a
 * full ring may have cost us the word.
 */
#define DOUBT_OLD_NS (10 * NS_PER_S)

static bool is_open(struct control *control, struct control_doubt *doubt)
{
	if (doubt->told_ns &&
	    control->shard->now_ns - doubt->told_ns > DOUBT_OLD_NS)
		*doubt = (struct control_doubt){0};
	return doubt->told_ns != 0;
}

/* The slot of a move, or a free one; NULL: there is neither. */
static struct control_doubt *slot_of(struct control *control, uint64_t id)
{
	struct control_doubt *free_slot = NULL;

	for (uint32_t i = 0; i < CONTROL_DOUBTS_MAX; i++) {
		struct control_doubt *doubt = &control->doubts[i];

		if (!is_open(control, doubt))
			free_slot = free_slot ? free_slot : doubt;
		else if (doubt->told.id == id)
			return doubt;
	}
	return free_slot;
}

void control_doubt_told(struct control *control, const struct ring_cell *cell)
{
	struct control_doubt *doubt;
	struct op_move_doubt told;

	memcpy(&told, cell->payload, sizeof(told));
	told.guest[NAME_BYTES - 1] = '\0';
	told.peer[NAME_BYTES - 1] = '\0';
	doubt = slot_of(control, told.id);
	if (!doubt)
		return;
	*doubt = (struct control_doubt){
		.told = told,
		.told_ns = told.over ? 0 : max_u64(control->shard->now_ns, 1),
	};
}

const struct control_doubt *control_doubt_of(struct control *control,
					     const char *guest)
{
	for (uint32_t i = 0; i < CONTROL_DOUBTS_MAX; i++) {
		struct control_doubt *doubt = &control->doubts[i];

		if (is_open(control, doubt) &&
		    !strcmp(doubt->told.guest, guest))
			return doubt;
	}
	return NULL;
}

/* What a node is called here, if it was ever connected; else NULL. */
static const char *name_of_node(const struct control *control, uint16_t node)
{
	const struct config *config = control->pool->config;

	for (uint32_t i = 0; node && i < config->peer_count; i++) {
		if (control->peers[i].node == node)
			return config->peers[i].name;
	}
	return NULL;
}

json_t *control_doubt(const struct control *control,
		      const struct control_doubt *doubt)
{
	const struct op_move_doubt *told = &doubt->told;
	uint64_t since_ns = control->shard->now_ns - told->since_ns;

	return json_pack(
		"{s:s, s:s, s:s?, s:o, s:f}", "guest", told->guest, "role",
		told->is_source ? "source" : "destination", "peer",
		told->is_source ? told->peer
				: name_of_node(control, told->node),
		"node",
		told->is_source ? json_null() : json_integer(told->node),
		"since_s", (double)since_ns / 1e9);
}

json_t *control_doubts(struct control *control)
{
	json_t *all = json_array();

	for (uint32_t i = 0; all && i < CONTROL_DOUBTS_MAX; i++) {
		struct control_doubt *doubt = &control->doubts[i];

		if (is_open(control, doubt))
			json_array_append_new(all,
					      control_doubt(control, doubt));
	}
	return all;
}

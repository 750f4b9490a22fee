/* control_list.c - asks the shards for their guests, piece by piece. */
#include "core/control_list.h"

#include <errno.h>
#include <string.h>

/*
 * One piece is on its way at a time, small enough for the ring. A shard that
 * is silent for too long ends the list with an error.
 */
#define LIST_PIECE      64
#define LIST_TIMEOUT_NS (10 * NS_PER_S)
#define LIST_RETRY_NS   (5 * NS_PER_MS)

static uint32_t index_of(const struct control *control,
			 const struct control_list *list)
{
	return (uint32_t)(list - control->lists);
}

static void arm(struct control *control, const struct control_list *list,
		uint64_t after_ns)
{
	shard_arm(control->shard, PART_CONTROL, index_of(control, list),
		  control->shard->now_ns + after_ns);
}

static void ask(struct control *control, struct control_list *list)
{
	struct op_list question = {.first = list->first, .max = LIST_PIECE};
	uint64_t own = (uint64_t)list->serial << 8 | index_of(control, list);

	list->retry = shard_tell(control->shard, list->shard, OP_LIST,
				 CONTROL_TAG(CONTROL_TAG_LIST, own), &question,
				 sizeof(question)) != 0;
	arm(control, list, list->retry ? LIST_RETRY_NS : LIST_TIMEOUT_NS);
}

static void finish(struct control *control, struct control_list *list, int err)
{
	shard_disarm(control->shard, PART_CONTROL, index_of(control, list));
	list->end(control, list, err);
	json_decref(list->caller.id);
	json_decref(list->rows);
	*list = (struct control_list){0};
}

struct control_list *control_list_start(struct control *control, uint8_t only)
{
	for (uint32_t i = 0; i < CONTROL_LISTS_MAX; i++) {
		struct control_list *list = &control->lists[i];

		if (list->used)
			continue;
		*list = (struct control_list){
			.used = true,
			.only = only,
			.shard = only == SHARD_CONTROL ? 0 : only,
			.serial = ++control->serial,
		};
		ask(control, list);
		return list;
	}
	return NULL;
}

/* The list an answer belongs to; NULL when it has ended. */
static struct control_list *find(struct control *control,
				 const struct ring_cell *cell)
{
	uint32_t index = cell->tag & 0xff;
	struct control_list *list;

	if (cell->tag >> 56 != CONTROL_TAG_LIST || index >= CONTROL_LISTS_MAX)
		return NULL;
	list = &control->lists[index];
	if (!list->used || list->serial != (uint32_t)(cell->tag >> 8) ||
	    list->shard != cell->from)
		return NULL;
	return list;
}

void control_list_row(struct control *control, const struct ring_cell *cell)
{
	struct control_list *list = find(control, cell);
	struct op_row row;

	if (!list)
		return;
	memcpy(&row, cell->payload, sizeof(row));
	row.guest[NAME_BYTES - 1] = '\0';
	row.peer[NAME_BYTES - 1] = '\0';
	row.reason[REASON_BYTES - 1] = '\0';
	if (list->guest[0] == '\0' || !strcmp(list->guest, row.guest))
		list->row(control, list, &row);
}

void control_list_end(struct control *control, const struct ring_cell *cell)
{
	struct control_list *list = find(control, cell);
	struct op_list_end end;

	if (!list)
		return;
	memcpy(&end, cell->payload, sizeof(end));
	list->first = end.next;
	if (end.next == 0) {
		if (list->only != SHARD_CONTROL ||
		    list->shard + 1u >= control->pool->shard_count) {
			finish(control, list, 0);
			return;
		}
		list->shard++;
	}
	ask(control, list);
}

void control_list_timer(struct control *control, uint32_t index)
{
	struct control_list *list = &control->lists[index];

	if (!list->used)
		return;
	if (list->retry)
		ask(control, list);
	else
		finish(control, list, -ETIMEDOUT);
}

/* service_list.c - a shard's guests for those who list them: OP_LIST. */
#include "channels/service_list.h"
#include "channels/guest/guest.h"
#include "channels/migrate/migrate.h"
#include "channels/service.h"
#include "channels/session.h"
#include "core/move_record.h"

#include <stdio.h>
#include <string.h>

static void row_of(struct service *service, struct guest *guest,
		   struct op_row *row)
{
	struct session *session = service_session(service, guest->session);
	struct move *move = moves_get(service->moves, guest->move);

	*row = (struct op_row){
		.epoch = guest->epoch,
		.shard = service->shard->index,
		.moves = guest->moves,
		.mode = MODE_NONE,
	};
	memcpy(row->guest, guest->name, sizeof(row->guest));
	guest->ops->counts(guest, &row->checked_bytes, &row->lost_bytes);
	if (move) {
		const struct config *config = service->shard->pool->config;

		row->state = move->state;
		if (move->role == MOVE_SOURCE)
			memcpy(row->peer, config->peers[move->peer].name,
			       sizeof(row->peer));
	}
	if (!session || session->state != SESSION_LIVE) {
		snprintf(row->reason, sizeof(row->reason), "no client");
		return;
	}
	row->session_id = session->id;
	row->idle_ns = service->shard->now_ns - guest->last_input_ns;
	for (uint32_t i = 0; i < session->channel_count; i++)
		if (session->channels[i].channel)
			row->channels = (uint8_t)(row->channels + 1);
	row->mode = (uint8_t)migrate_explain(session, row->reason,
					     sizeof(row->reason));
}

void service_list(struct service *service, const struct ring_cell *cell)
{
	struct shard *shard = service->shard;
	struct op_list_end end = {0};
	struct op_list ask;
	struct op_row row;
	uint32_t i;
	uint32_t rows = 0;

	memcpy(&ask, cell->payload, sizeof(ask));
	for (i = ask.first; i < service->guests.capacity; i++) {
		if (!slab_taken(&service->guests, i))
			continue;
		if (rows++ == ask.max) {
			end.next = i;
			break;
		}
		row_of(service, slab_at(&service->guests, i), &row);
		shard_tell(shard, cell->from, OP_ROW, cell->tag, &row,
			   sizeof(row));
	}
	shard_tell(shard, cell->from, OP_LIST_END, cell->tag, &end,
		   sizeof(end));
}

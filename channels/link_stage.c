/* link_stage.c - what happens to a client until it is linked. */
#include "channels/link_stage.h"
#include "channels/admit.h"
#include "channels/linking.h"
#include "channels/service.h"
#include "channels/settle.h"

static void received(struct service *service, struct linking *linking,
		     const struct dp_view *view)
{
	uint8_t out[WIRE_LINK_OUT_MAX];
	uint32_t used = 0;
	uint32_t out_len;

	while (used < view->len && !linking->closing && !linking->settling) {
		uint32_t step_used;
		enum link_step step =
			link_feed(&linking->link, view->data + used,
				  view->len - used, &step_used, out, &out_len);

		used += step_used;
		switch (step) {
		case LINK_MORE:
			break;
		case LINK_IDENTIFIED:
			admit_identified(service, linking);
			break;
		case LINK_TICKET:
			/* A client speaks on only when it has the result. */
			linking->closing = used < view->len;
			linking->ticket_due = true;
			linking_touch(service, linking);
			break;
		default:
			stats_add(&service->shard->stats, STAT_link_errors, 1);
			if (out_len)
				linking_say(service, linking, out, out_len);
			linking_close_after(service, linking);
			break;
		}
	}
	if (linking->settling)
		settle_keep(service, linking, view->data + used,
			    view->len - used);
	if (linking->closing)
		linking_touch(service, linking);
}

void link_stage_cell(struct service *service, const struct ring_cell *cell)
{
	struct linking *linking;

	if (cell->op == OP_SETTLED) {
		settle_over(service, cell);
		return;
	}
	linking = settle_arrived(service, cell);
	if (linking)
		admit_settled(service, linking);
}

void link_stage_accepted(struct service *service, dp_conn conn)
{
	struct dp *dp = shard_dp(service->shard, conn);
	handle self;
	struct linking *linking = slab_take(&service->linkings, &self);

	if (!linking) {
		dp_set_cookie(dp, conn, service_cookie(COOKIE_DOOMED, 0));
		dp_kill(dp, conn);
		stats_add(&service->shard->stats, STAT_links_refused, 1);
		return;
	}
	linking->self = self;
	linking->conn = conn;
	link_init(&linking->link);
	dp_set_cookie(dp, conn,
		      service_cookie(COOKIE_LINKING, handle_index(self)));
	service_arm_linking(service, handle_index(self),
			    service->shard->now_ns + LINK_DEADLINE_NS);
}

void link_stage_event(struct service *service, struct linking *linking,
		      const struct dp_event *event)
{
	switch (event->kind) {
	case DP_RECEIVED:
		if (!linking->closing)
			received(service, linking, &event->view);
		break;
	case DP_SENT:
		linking->sending = false;
		chunkq_consume(&service->shard->chunks, &linking->tx,
			       min_u32((uint32_t)event->result,
				       linking->tx_flight_bytes));
		linking->tx_flight_bytes = 0;
		linking_touch(service, linking);
		break;
	case DP_EOF:
		linking->detach_due = false;
		/* An error reply on its way still reaches who asked. */
		if (!linking->closing || !linking->tx.len_bytes)
			dp_kill(shard_dp(service->shard, linking->conn),
				linking->conn);
		break;
	case DP_CLOSED:
		linking_forget(service, linking);
		break;
	case DP_DETACHED:
		settle_detached(service, linking, &event->parcel);
		break;
	default:
		break;
	}
}

void link_stage_timeout(struct service *service, struct linking *linking)
{
	stats_add(&service->shard->stats, STAT_link_errors, 1);
	if (linking->conn)
		dp_kill(shard_dp(service->shard, linking->conn), linking->conn);
}

void link_stage_flush(struct service *service, struct linking *linking)
{
	struct span spans[DP_SPANS_MAX];
	handle self = linking->self;
	uint32_t count;

	linking->touched = false;
	if (linking_wants_key(linking)) {
		linking->ticket_due = false;
		admit_ticket(service, linking);
		/* It may be a channel now, or touched for the next round. */
		if (!slab_get(&service->linkings, self) || linking->touched)
			return;
	}
	if (linking->detach_due) {
		settle_detach(service, linking);
		return;
	}
	if (linking->sending || !linking->conn || linking->settling)
		return;
	count = chunkq_spans(&service->shard->chunks, &linking->tx, 0, spans,
			     DP_SPANS_MAX, &linking->tx_flight_bytes);
	if (!count) {
		if (linking->closing)
			dp_kill(shard_dp(service->shard, linking->conn),
				linking->conn);
		return;
	}
	if (!dp_send(shard_dp(service->shard, linking->conn), linking->conn,
		     spans, count, 0))
		linking->sending = true;
}

/* settle.c - a link goes to the shard of its session. */
#include "channels/settle.h"
#include "channels/linking.h"
#include "channels/service.h"

#include <string.h>

/* A link on its way to its session's shard. The record stays at home until
 * the other shard has answered with OP_SETTLED. */
struct settle {
	struct dp_parcel parcel;
	const struct linking *from;
	handle home;
};
_Static_assert(sizeof(struct settle) <= RING_PAYLOAD_BYTES, "one cell");

/*
 * Gives the connection to the shard that owns target: at the end of the pass,
 * since the batch at hand may hold more of its events.
 */
void settle_start(struct service *service, struct linking *linking)
{
	linking->settling = true;
	linking->detach_due = true;
	dp_hold(shard_dp(service->shard, linking->conn), linking->conn);
	linking_touch(service, linking);
}

void settle_detach(struct service *service, struct linking *linking)
{
	struct dp *dp = shard_dp(service->shard, linking->conn);
	uint32_t len = chunkq_copy(&service->shard->chunks, &linking->early, 0,
				   service->scratch, SERVICE_SCRATCH_BYTES);

	linking->detach_due = false;
	chunkq_clear(&service->shard->chunks, &linking->early);
	/* Closing: what it said behind could not be kept. */
	if (linking->closing ||
	    (len && dp_unread(dp, linking->conn, service->scratch, len)) ||
	    dp_detach(dp, linking->conn))
		dp_kill(dp, linking->conn);
}

void settle_keep(struct service *service, struct linking *linking,
		 const uint8_t *data, uint32_t len)
{
	if (len &&
	    chunkq_append(&service->shard->chunks, &linking->early, data, len))
		linking->closing = true;
}

void settle_detached(struct service *service, struct linking *linking,
		     const struct dp_parcel *parcel)
{
	struct settle settle = {
		.parcel = *parcel,
		.from = linking,
		.home = linking->self,
	};

	linking->conn = 0;
	if (shard_tell(service->shard, handle_shard(linking->target), OP_SETTLE,
		       0, &settle, sizeof(settle))) {
		dp_discard(shard_parcel_dp(service->shard, parcel), parcel);
		linking_forget(service, linking);
	}
}

struct linking *settle_arrived(struct service *service,
			       const struct ring_cell *cell)
{
	handle self;
	struct linking *linking = slab_take(&service->linkings, &self);
	bool attached = false;
	struct settle settle;

	memcpy(&settle, cell->payload, sizeof(settle));
	if (linking) {
		linking->link = settle.from->link;
		linking->target = settle.from->target;
		memcpy(linking->ticket_hash, settle.from->ticket_hash,
		       sizeof(linking->ticket_hash));
		linking->self = self;
		attached = !dp_attach(
			shard_parcel_dp(service->shard, &settle.parcel),
			&settle.parcel,
			service_cookie(COOKIE_LINKING, handle_index(self)),
			&linking->conn);
	}
	shard_tell(service->shard, cell->from, OP_SETTLED, 0, &settle.home,
		   sizeof(settle.home));
	if (!attached) {
		dp_discard(shard_parcel_dp(service->shard, &settle.parcel),
			   &settle.parcel);
		if (linking)
			slab_give(&service->linkings, self);
		return NULL;
	}
	service_arm_linking(service, handle_index(self),
			    service->shard->now_ns + LINK_DEADLINE_NS);
	return linking;
}

void settle_over(struct service *service, const struct ring_cell *cell)
{
	struct linking *linking;
	handle home;

	memcpy(&home, cell->payload, sizeof(home));
	linking = slab_get(&service->linkings, home);
	if (linking)
		linking_forget(service, linking);
}

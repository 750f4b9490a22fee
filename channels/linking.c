/* linking.c - a client in the link stage: its record, and what it is told. */
#include "channels/linking.h"
#include "channels/service.h"

#include <spice/enums.h>

void linking_touch(struct service *service, struct linking *linking)
{
	if (linking->touched)
		return;
	linking->touched = true;
	linking->touched_next = service->touched_links;
	service->touched_links = handle_index(linking->self) + 1;
}

static void untouch(struct service *service, struct linking *linking)
{
	uint32_t *at = &service->touched_links;

	while (*at && *at != handle_index(linking->self) + 1) {
		struct linking *other = slab_at(&service->linkings, *at - 1);

		at = &other->touched_next;
	}
	if (*at)
		*at = linking->touched_next;
}

void linking_forget(struct service *service, struct linking *linking)
{
	if (linking->touched)
		untouch(service, linking);
	if (linking->key_lent)
		service_return_key(service, linking->key_id);
	chunkq_clear(&service->shard->chunks, &linking->tx);
	chunkq_clear(&service->shard->chunks, &linking->early);
	service_arm_linking(service, handle_index(linking->self), NS_NEVER);
	slab_give(&service->linkings, linking->self);
}

void linking_say(struct service *service, struct linking *linking,
		 const uint8_t *bytes, uint32_t len)
{
	if (chunkq_append(&service->shard->chunks, &linking->tx, bytes, len))
		linking->closing = true;
	linking_touch(service, linking);
}

void linking_close_after(struct service *service, struct linking *linking)
{
	linking->closing = true;
	linking_touch(service, linking);
}

void linking_refuse(struct service *service, struct linking *linking,
		    uint32_t error)
{
	uint8_t out[WIRE_LINK_OUT_MAX];
	uint32_t len = link_refuse(&linking->link, error, out);

	stats_add(&service->shard->stats, STAT_links_refused, 1);
	if (len)
		linking_say(service, linking, out, len);
	linking_close_after(service, linking);
}

void linking_finish(struct service *service, struct linking *linking,
		    uint32_t result)
{
	uint8_t out[WIRE_LINK_OUT_MAX];
	uint32_t len = link_result(&linking->link, result, out);

	linking_say(service, linking, out, len);
	if (result == SPICE_LINK_ERR_OK) {
		stats_add(&service->shard->stats, STAT_links_accepted, 1);
	} else {
		stats_add(&service->shard->stats, STAT_links_refused, 1);
		linking_close_after(service, linking);
	}
}

bool linking_wants_key(const struct linking *linking)
{
	return linking->ticket_due && !linking->closing;
}

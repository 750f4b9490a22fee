/* link_stage.h - what happens to a client until it is linked. */
#pragma once

#include "core/shard.h"

struct linking;
struct service;

/* A client has come to a door. */
void link_stage_accepted(struct service *service, dp_conn conn);

/* A dp event of a connection in the link stage. */
void link_stage_event(struct service *service, struct linking *linking,
		      const struct dp_event *event);

/* OP_SETTLE and OP_SETTLED. */
void link_stage_cell(struct service *service, const struct ring_cell *cell);

/* The link's time is over. */
void link_stage_timeout(struct service *service, struct linking *linking);

/* End of a pass: opens the ticket, settles, sends what was queued. */
void link_stage_flush(struct service *service, struct linking *linking);

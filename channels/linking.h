/* linking.h - connections of clients that are still in the link stage. */
#pragma once

#include "channels/link.h"
#include "core/shard.h"

/*
 * A link starts on the shard that accepted it and goes to its session's shard:
 * after the link message when that names a session, after the ticket when it
 * founds one. The record stays at home until the other shard has copied it.
 */
#define LINK_DEADLINE_NS (10 * NS_PER_S)

struct service;
struct session;

struct linking {
	handle self;
	dp_conn conn;
	struct chunkq tx;
	struct chunkq early; /* read in the pass that began to settle */
	uint32_t tx_flight_bytes;
	bool sending;
	bool touched;
	bool closing;    /* close when tx is empty */
	bool settling;   /* waits for DETACHED, or at home for OP_SETTLED */
	bool detach_due; /* at the end of this pass */
	bool ticket_due; /* a private-key operation at the end of a pass */
	bool key_lent;
	uint8_t door;
	uint32_t key_id;
	uint32_t touched_next; /* index + 1 */
	handle target; /* session (other channels) or guest (new main) */
	uint8_t ticket_hash[16];
	struct link link;
};

/* A client has come to a door. */
void linking_accepted(struct service *service, dp_conn conn, uint8_t door);

/* A dp event of a connection in the link stage. */
void linking_event(struct service *service, struct linking *linking,
		   const struct dp_event *event);

/* OP_SETTLE and OP_SETTLED. */
void linking_cell(struct service *service, const struct ring_cell *cell);

/* The link's time is over. */
void linking_timeout(struct service *service, struct linking *linking);

/* True when flushing it costs a private-key operation. */
bool linking_wants_key(const struct linking *linking);

/* End of a pass: opens the ticket, settles, sends what was queued. */
void linking_flush(struct service *service, struct linking *linking);

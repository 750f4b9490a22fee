/* linking.h - a client that is still in the link stage: its record. */
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
	uint32_t key_id;
	uint32_t touched_next; /* index + 1 */
	handle target; /* session (other channels) or guest (new main) */
	uint8_t ticket_hash[16];
	struct link link;
};

/* Puts it on the list of those to flush in this pass. */
void linking_touch(struct service *service, struct linking *linking);

/* Frees the record: the connection has ended, or has another owner. */
void linking_forget(struct service *service, struct linking *linking);

/* Queues bytes; it closes when there is no memory for them. */
void linking_say(struct service *service, struct linking *linking,
		 const uint8_t *bytes, uint32_t len);

/* Closes when what is queued has left. */
void linking_close_after(struct service *service, struct linking *linking);

/* Before the ticket: says the error and closes. */
void linking_refuse(struct service *service, struct linking *linking,
		    uint32_t error);

/* After the ticket: says the result, and closes when it is an error. */
void linking_finish(struct service *service, struct linking *linking,
		    uint32_t result);

/* True when flushing it costs a private-key operation. */
bool linking_wants_key(const struct linking *linking);

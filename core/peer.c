/* peer.c - a shard's links to other Flushmarks: their frames and their life. */
#include "core/peer.h"
#include "core/peer_greet.h"
#include "core/peer_link.h"
#include "core/peer_region.h"
#include "core/pool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PEER_GREET_MS  5000
#define PEER_RETRY_MS  ((uint64_t)100)
#define PEER_RETRY_MAX ((uint64_t)5000)

static void arm(struct peers *peers, struct peer_link *link, uint64_t ms)
{
	shard_arm(peers->shard, PART_PEER, peer_index(peers, link),
		  peers->shard->now_ns + ms * NS_PER_MS);
}

static void handle_frame(struct peers *peers, struct peer_link *link,
			 const struct peer_header *header, const uint8_t *bytes)
{
	const struct field_table *table = peer_table(header->type);
	union {
		struct peer_hello hello;
		struct peer_offer offer;
		struct peer_answer answer;
		struct peer_region region;
		struct peer_image image;
		uint8_t room[512];
	} payload;
	uint32_t index = peer_index(peers, link);

	ASSERT(!table || table->struct_bytes <= sizeof(payload),
	       "every payload fits");
	if ((!table && header->len) ||
	    (table &&
	     field_decode(table, &payload, bytes, header->len, NULL))) {
		peers_drop(peers, index, "malformed frame");
		return;
	}
	if (header->type == PEER_HELLO || header->type == PEER_PROOF)
		peer_greet_frame(peers, link, header->type, &payload);
	else if (link->state != PEER_LINK_UP)
		peers_drop(peers, index, "frame before the greeting");
	else if (header->type == PEER_REGION ||
		 header->type == PEER_REGION_READY)
		peer_region_frame(peers, link, header->type, &payload);
	else
		peers->user.frame(peers->user.self, index, header, &payload);
}

/* Takes one frame off the front of rx. Returns the bytes used, 0: need more. */
static uint32_t take_frame(struct peers *peers, struct peer_link *link,
			   const uint8_t *bytes, uint32_t len)
{
	struct peer_header header;

	if (len < PEER_HEADER_BYTES)
		return 0;
	if (peer_header_decode(&header, bytes)) {
		peers_drop(peers, peer_index(peers, link), "malformed header");
		return 0;
	}
	if (len - PEER_HEADER_BYTES < header.len)
		return 0;
	handle_frame(peers, link, &header, bytes + PEER_HEADER_BYTES);
	return PEER_HEADER_BYTES + header.len;
}

static void received(struct peers *peers, struct peer_link *link,
		     const struct dp_view *view)
{
	uint32_t serial = link->serial;
	uint32_t used = 0;

	while (used < view->len && !link->dropped) {
		uint32_t part =
			min_u32(PEER_RX_BYTES - link->rx_len, view->len - used);
		uint32_t done = 0;
		uint32_t step;

		if (!part) {
			peers_drop(peers, peer_index(peers, link),
				   "sends faster than it settles");
			return;
		}
		memcpy(link->rx + link->rx_len, view->data + used, part);
		link->rx_len += part;
		used += part;
		while (link->state != PEER_LINK_SETTLING) {
			step = take_frame(peers, link, link->rx + done,
					  link->rx_len - done);
			done += step;
			/* The frame may have closed or settled the link. */
			if (link->serial != serial || link->dropped ||
			    link->state == PEER_LINK_FREE)
				return;
			if (!step)
				break;
		}
		link->rx_len -= done;
		memmove(link->rx, link->rx + done, link->rx_len);
	}
}

/*
 * The end of a pass in which a link began to settle: what the batch still had
 * for it stands in rx, and goes in front of what follows.
 */
static void settle(struct peers *peers, struct peer_link *link)
{
	struct dp *dp = peers->shard->local;

	link->touched = false;
	if ((link->rx_len &&
	     dp_unread(dp, link->conn, link->rx, link->rx_len)) ||
	    dp_detach(dp, link->conn))
		peer_kill(peers, link);
	link->rx_len = 0;
}

/* What the dataplane has to say of a link that nobody here ended. */
static void note_error(struct peer_link *link, int32_t result)
{
	char why[PEER_WHY_BYTES];

	snprintf(why, sizeof(why), "%s: %s",
		 link->state == PEER_LINK_CONNECTING ? "cannot be connected"
						     : "broke the connection",
		 strerror(-result));
	peer_note(link, why);
}

static void closed(struct peers *peers, struct peer_link *link, int32_t result)
{
	uint32_t index = peer_index(peers, link);
	bool was_up = link->state == PEER_LINK_UP;

	if (result < 0)
		note_error(link, result);
	peer_tell(peers, link, was_up ? LINK_CHANGE_LOST : LINK_CHANGE_FAILED);
	chunkq_clear(&peers->shard->chunks, &link->tx);
	peer_region_lost(peers, link);
	link->sending = false;
	link->touched = false;
	link->dropped = false;
	link->tx_flight_bytes = 0;
	link->rx_len = 0;
	link->conn = 0;
	link->node = link->connector ? link->node : PEER_NODE_NONE;
	link->serial = ++peers->serial;
	link->state = link->connector ? PEER_LINK_IDLE : PEER_LINK_FREE;
	shard_disarm(peers->shard, PART_PEER, index);
	if (link->connector) {
		uint64_t wait_ms = PEER_RETRY_MS << min_u32(link->fails, 6);

		link->fails++;
		arm(peers, link, min_u64(wait_ms, PEER_RETRY_MAX));
	}
	if (was_up || link->connector)
		peers->user.lost(peers->user.self, index);
}

static void start_connect(struct peers *peers, struct peer_link *link)
{
	const struct config *config = peers->shard->pool->config;
	uint32_t index = peer_index(peers, link);
	int err = dp_connect(peers->shard->local,
			     &config->peers[link->peer].address,
			     cookie_make(PART_PEER, index), &link->conn);

	link->state = PEER_LINK_CONNECTING;
	link->why[0] = '\0';
	if (err) {
		note_error(link, err);
		peer_tell(peers, link, LINK_CHANGE_FAILED);
		link->state = PEER_LINK_IDLE;
		arm(peers, link, PEER_RETRY_MAX);
		return;
	}
	arm(peers, link, PEER_GREET_MS);
}

static void accepted(struct peers *peers, const struct dp_event *event)
{
	struct peer_link *link = peer_take(peers);
	struct dp *dp = peers->shard->local;

	if (!link) {
		dp_set_cookie(dp, event->conn,
			      cookie_make(PART_PEER, PEER_LINKS_MAX));
		dp_kill(dp, event->conn);
		return;
	}
	link->conn = event->conn;
	link->state = PEER_LINK_GREETED;
	dp_set_cookie(dp, event->conn,
		      cookie_make(PART_PEER, peer_index(peers, link)));
	arm(peers, link, PEER_GREET_MS);
}

static void on_event(void *self, struct dp *dp, const struct dp_event *event)
{
	struct peers *peers = self;
	uint64_t own = cookie_own(event->cookie);
	struct peer_link *link;

	(void)dp;
	if (event->kind == DP_ACCEPTED) {
		accepted(peers, event);
		return;
	}
	if (own >= PEER_LINKS_MAX)
		return; /* one we had no room for, closing */
	link = &peers->links[own];
	switch (event->kind) {
	case DP_CONNECTED:
		link->state = PEER_LINK_GREETED;
		peer_greet(peers, link);
		break;
	case DP_RECEIVED:
		received(peers, link, &event->view);
		break;
	case DP_SENT:
		link->sending = false;
		chunkq_consume(&peers->shard->chunks, &link->tx,
			       min_u32((uint32_t)event->result,
				       link->tx_flight_bytes));
		/* A settling link waits for this, with nothing to send. */
		if (link->tx.len_bytes || link->state == PEER_LINK_SETTLING)
			link->touched = true;
		else if (link->dropped)
			peer_kill(peers, link); /* its last words are out */
		break;
	case DP_EOF:
		peer_note(link, link->state == PEER_LINK_UP
					? "closed the connection"
					: "hung up on our greeting: its log "
					  "says why");
		peer_kill(peers, link);
		break;
	case DP_CLOSED:
		closed(peers, link, event->result);
		break;
	case DP_DETACHED:
		peer_settle_detached(peers, link, &event->parcel);
		break;
	default:
		break;
	}
}

static void on_timer(void *self, uint32_t index)
{
	struct peers *peers = self;
	struct peer_link *link = &peers->links[index];

	if (link->state == PEER_LINK_IDLE && link->wanted)
		start_connect(peers, link);
	else if (link->state == PEER_LINK_CONNECTING ||
		 link->state == PEER_LINK_GREETED ||
		 link->state == PEER_LINK_SETTLING) {
		peer_note(link, "does not answer");
		peer_kill(peers, link);
	}
}

static void on_cell(void *self, const struct ring_cell *cell)
{
	struct peers *peers = self;
	struct peer_settle settle;

	if (cell->op != OP_PEER_SETTLE) {
		peer_region_cell(peers, cell);
		return;
	}
	memcpy(&settle, cell->payload, sizeof(settle));
	peer_settle_cell(peers, &settle);
}

static void on_flush(void *self)
{
	struct peers *peers = self;
	struct span spans[DP_SPANS_MAX];

	for (uint32_t i = 0; i < PEER_LINKS_MAX; i++) {
		struct peer_link *link = &peers->links[i];
		uint32_t count;

		if (!link->touched || link->sending || !link->conn)
			continue;
		if (link->state == PEER_LINK_SETTLING) {
			settle(peers, link);
			continue;
		}
		link->touched = false;
		count = chunkq_spans(&peers->shard->chunks, &link->tx, 0, spans,
				     DP_SPANS_MAX, &link->tx_flight_bytes);
		if (count &&
		    !dp_send(peers->shard->local, link->conn, spans, count, i))
			link->sending = true;
	}
}

int peers_init(struct peers *peers, struct shard *shard,
	       const struct peer_user *user, const struct addr *listen)
{
	struct part part = {
		.self = peers,
		.event = on_event,
		.cell = on_cell,
		.timer = on_timer,
		.flush = on_flush,
	};
	int err;

	*peers = (struct peers){
		.shard = shard,
		.user = *user,
		.shards = shard->pool->shard_count,
	};
	err = shard_add_part(shard, PART_PEER, &part, PEER_LINKS_MAX);
	if (!err && listen)
		err = dp_listen(shard->local, listen,
				cookie_make(PART_PEER, PEER_LINKS_MAX), NULL);
	return err;
}

void peers_fini(struct peers *peers)
{
	for (uint32_t i = 0; i < PEER_LINKS_MAX; i++)
		peer_region_lost(peers, &peers->links[i]);
	memset(peers, 0, sizeof(*peers));
}

int peers_want(struct peers *peers, uint16_t peer, uint32_t *index, bool *up)
{
	struct peer_link *link = NULL;

	for (uint32_t i = 0; i < PEER_LINKS_MAX && !link; i++) {
		if (peers->links[i].state != PEER_LINK_FREE &&
		    peers->links[i].connector && peers->links[i].peer == peer)
			link = &peers->links[i];
	}
	if (!link) {
		link = peer_take(peers);
		if (!link)
			return -ENOSPC;
		link->connector = true;
		link->peer = peer;
		link->state = PEER_LINK_IDLE;
	}
	link->wanted = true;
	*index = peer_index(peers, link);
	*up = link->state == PEER_LINK_UP;
	if (link->state == PEER_LINK_IDLE)
		start_connect(peers, link);
	return 0;
}

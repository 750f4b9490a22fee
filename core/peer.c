/* peer.c - framing, sending and the life of the links to other Flushmarks. */
#include "core/peer.h"
#include "core/pool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PEER_GREET_MS  5000
#define PEER_RETRY_MS  ((uint64_t)100)
#define PEER_RETRY_MAX ((uint64_t)5000)
#define PEER_NODE_NONE UINT16_MAX

/* One link may hold this much unsent; above it peers_send refuses. */
#define PEER_TX_BYTES_MAX ((uint32_t)4 << 20)

uint32_t peer_index(const struct peers *peers, const struct peer_link *link)
{
	return (uint32_t)(link - peers->links);
}

struct peer_link *peer_take(struct peers *peers)
{
	for (uint32_t i = 0; i < PEER_LINKS_MAX; i++) {
		struct peer_link *link = &peers->links[i];
		uint8_t *rx = link->rx;

		if (link->state != PEER_LINK_FREE)
			continue;
		if (!rx)
			rx = arena_take(&peers->shard->arena, PEER_RX_BYTES, 8);
		if (!rx)
			return NULL;
		*link = (struct peer_link){
			.rx = rx,
			.peer = UINT16_MAX,
			.node = PEER_NODE_NONE,
			.serial = ++peers->serial,
		};
		return link;
	}
	return NULL;
}

static void arm(struct peers *peers, struct peer_link *link, uint64_t ms)
{
	shard_arm(peers->shard, PART_PEER, peer_index(peers, link),
		  peers->shard->now_ns + ms * NS_PER_MS);
}

static void kill_link(struct peers *peers, struct peer_link *link)
{
	dp_kill(peers->shard->local, link->conn);
}

void peers_drop(struct peers *peers, uint32_t index, const char *why)
{
	struct peer_link *link = &peers->links[index];
	char who[32];

	if (link->dropped)
		return;
	link->dropped = true;
	peers->frames_bad++;
	if (link->node == PEER_NODE_NONE)
		snprintf(who, sizeof(who), "who connects here as a peer");
	else
		snprintf(who, sizeof(who), "peer node %u", link->node);
	host_log(peers->shard->host, LOG_WARNING, "%s: %s: connection dropped",
		 who, why);
	kill_link(peers, link);
}

int peer_send_now(struct peers *peers, struct peer_link *link, uint16_t type,
		  uint64_t move, uint64_t epoch, const void *payload)
{
	const struct field_table *table = peer_table(type);
	uint8_t bytes[PEER_HEADER_BYTES + 2048];
	int64_t len = table ? field_encoded_len(table, payload) : 0;
	struct peer_header header = {
		.len = (uint32_t)len,
		.type = type,
		.move = move,
		.epoch = epoch,
	};
	struct chunk_pool *chunks = &peers->shard->chunks;

	ASSERT(len >= 0, "a frame we made is within its table's limits");
	if (link->tx.len_bytes + len > PEER_TX_BYTES_MAX)
		return -ENOBUFS;
	peer_header_encode(&header, bytes);
	link->touched = true;
	if ((size_t)len <= sizeof(bytes) - PEER_HEADER_BYTES) {
		if (table)
			field_encode(table, payload, bytes + PEER_HEADER_BYTES,
				     (size_t)len);
		return chunkq_append(chunks, &link->tx, bytes,
				     PEER_HEADER_BYTES + (uint32_t)len);
	}
	/* The one large frame is an image: its payload is the bytes as is. */
	ASSERT(type == PEER_IMAGE || type == PEER_OFFER,
	       "only images are long");
	return -EMSGSIZE;
}

static int send_image(struct peers *peers, struct peer_link *link,
		      uint64_t move, uint64_t epoch, const struct span *bytes)
{
	struct peer_header header = {
		.len = bytes->len,
		.type = PEER_IMAGE,
		.move = move,
		.epoch = epoch,
	};
	uint8_t head[PEER_HEADER_BYTES];
	struct chunk_pool *chunks = &peers->shard->chunks;

	/* Both parts or none: half a frame would spoil the stream. */
	if (link->tx.len_bytes + bytes->len > PEER_TX_BYTES_MAX ||
	    chunks->capacity - chunks->used <
		    2 + (PEER_HEADER_BYTES + bytes->len) / CHUNK_BYTES)
		return -ENOBUFS;
	peer_header_encode(&header, head);
	link->touched = true;
	if (chunkq_append(chunks, &link->tx, head, sizeof(head)) ||
	    chunkq_append(chunks, &link->tx, bytes->data, bytes->len))
		ASSERT(false, "room was checked");
	return 0;
}

int peers_send(struct peers *peers, uint32_t index, uint16_t type,
	       uint64_t move, uint64_t epoch, const void *payload)
{
	struct peer_link *link;

	if (index >= PEER_LINKS_MAX)
		return -ENOTCONN;
	link = &peers->links[index];
	if (link->state != PEER_LINK_UP || link->dropped)
		return -ENOTCONN;
	if (type == PEER_IMAGE)
		return send_image(peers, link, move, epoch,
				  &((const struct peer_image *)payload)->bytes);
	return peer_send_now(peers, link, type, move, epoch, payload);
}

/* Operators are told of the links that we opened. */
static void tell_link(struct peers *peers, const struct peer_link *link,
		      bool up)
{
	struct op_link note = {
		.peer = link->peer,
		.node = link->node,
		.up = up,
	};

	if (link->connector)
		shard_tell(peers->shard, SHARD_CONTROL, OP_LINK, 0, &note,
			   sizeof(note));
}

void peer_up(struct peers *peers, struct peer_link *link)
{
	uint32_t index = peer_index(peers, link);

	tell_link(peers, link, true);
	link->state = PEER_LINK_UP;
	link->fails = 0;
	shard_disarm(peers->shard, PART_PEER, index);
	if (link->connector)
		peer_region_start(peers, link);
	peers->user.up(peers->user.self, index);
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
		kill_link(peers, link);
	link->rx_len = 0;
}

static void closed(struct peers *peers, struct peer_link *link)
{
	uint32_t index = peer_index(peers, link);
	bool was_up = link->state == PEER_LINK_UP;

	if (was_up)
		tell_link(peers, link, false);
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

	if (err) {
		arm(peers, link, PEER_RETRY_MAX);
		return;
	}
	link->state = PEER_LINK_CONNECTING;
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
		break;
	case DP_EOF:
		kill_link(peers, link);
		break;
	case DP_CLOSED:
		closed(peers, link);
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
		 link->state == PEER_LINK_SETTLING)
		kill_link(peers, link);
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

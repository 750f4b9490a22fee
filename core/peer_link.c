/* peer_link.c - one connection to another Flushmark: its record and sending. */
#include "core/peer_link.h"
#include "core/pool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

void peer_kill(struct peers *peers, struct peer_link *link)
{
	dp_kill(peers->shard->local, link->conn);
}

void peer_note(struct peer_link *link, const char *why)
{
	if (link->why[0] == '\0')
		snprintf(link->why, sizeof(link->why), "%s", why);
}

void peers_drop(struct peers *peers, uint32_t index, const char *why)
{
	struct peer_link *link = &peers->links[index];
	char who[32];

	if (link->dropped)
		return;
	link->dropped = true;
	peer_note(link, why);
	stats_add(&peers->shard->stats, STAT_peers_dropped, 1);
	if (link->node == PEER_NODE_NONE)
		snprintf(who, sizeof(who), "who connects here as a peer");
	else
		snprintf(who, sizeof(who), "peer node %u", link->node);
	host_log(peers->shard->host, LOG_WARNING, "%s: %s: connection dropped",
		 who, why);
	/* A greeting of ours may be on its way by which the other end sees for
	 * itself what is wrong: the link ends when that is sent. */
	if (link->state != PEER_LINK_GREETED || link->connector ||
	    (!link->touched && !link->sending))
		peer_kill(peers, link);
}

void peer_tell(struct peers *peers, const struct peer_link *link,
	       enum link_change change)
{
	struct op_link note = {
		.peer = link->peer,
		.node = link->node,
		.change = (uint8_t)change,
	};

	memcpy(note.reason, link->why, sizeof(link->why));
	if (link->connector)
		shard_tell(peers->shard, SHARD_CONTROL, OP_LINK, 0, &note,
			   sizeof(note));
}

int peer_send_now(struct peers *peers, struct peer_link *link, uint16_t type,
		  uint64_t move, uint64_t epoch, const void *payload)
{
	const struct field_table *table = peer_table(type);
	uint8_t bytes[PEER_HEADER_BYTES + PEER_SMALL_BYTES_MAX];
	int64_t len = table ? field_encoded_len(table, payload) : 0;
	struct peer_header header = {
		.len = (uint32_t)len,
		.type = type,
		.move = move,
		.epoch = epoch,
	};
	struct chunk_pool *chunks = &peers->shard->chunks;

	ASSERT(len >= 0, "a frame we made is within its table's limits");
	ASSERT(len <= PEER_SMALL_BYTES_MAX, "an image goes by send_image");
	if (link->tx.len_bytes + len > PEER_TX_BYTES_MAX)
		return -ENOBUFS;
	peer_header_encode(&header, bytes);
	link->touched = true;
	if (table)
		field_encode(table, payload, bytes + PEER_HEADER_BYTES,
			     (size_t)len);
	return chunkq_append(chunks, &link->tx, bytes,
			     PEER_HEADER_BYTES + (uint32_t)len);
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

uint32_t peers_find_up(const struct peers *peers, uint16_t node)
{
	for (uint32_t i = 0; i < PEER_LINKS_MAX; i++) {
		if (peers->links[i].state == PEER_LINK_UP &&
		    peers->links[i].node == node)
			return i;
	}
	return PEER_LINK_NONE;
}

/* peer_greet.c - both ends of a peer link show that they know the secret. */
#include "core/peer_greet.h"
#include "core/peer_link.h"
#include "core/peer_region.h"
#include "core/pool.h"

#include <string.h>

/*
 * What one end says of itself to the other. Both nodes are in it: a proof that
 * somebody got here under another name is of no use to him elsewhere, were it
 * at the other end of the very link that he opened.
 */
static void make_proof(const struct peers *peers, const struct peer_link *link,
		       bool ours, uint8_t mac[16])
{
	uint16_t node = peers->shard->pool->node;
	uint16_t by = ours ? node : link->node;
	uint16_t to = ours ? link->node : node;
	uint8_t text[38] = {
		'P',         ours == link->connector,
		(uint8_t)by, (uint8_t)(by >> 8),
		(uint8_t)to, (uint8_t)(to >> 8),
	};

	memcpy(text + 6, ours ? link->nonce : link->other_nonce, 16);
	memcpy(text + 22, ours ? link->other_nonce : link->nonce, 16);
	siphash128(peers->shard->pool->secret, text, sizeof(text), mac);
}

static void send_hello(struct peers *peers, struct peer_link *link)
{
	struct peer_hello hello = {
		.version = PEER_VERSION,
		.node = peers->shard->pool->node,
		.shard = peers->shard->index,
		.shards = (uint8_t)peers->shards,
		.boot = peers->shard->pool->boot,
	};

	host_entropy(peers->shard->host, link->nonce, sizeof(link->nonce));
	memcpy(hello.nonce, link->nonce, sizeof(hello.nonce));
	peer_send_now(peers, link, PEER_HELLO, 0, 0, &hello);
}

static void send_proof(struct peers *peers, struct peer_link *link)
{
	struct peer_proof proof;

	make_proof(peers, link, true, proof.mac);
	peer_send_now(peers, link, PEER_PROOF, 0, 0, &proof);
}

void peer_greet(struct peers *peers, struct peer_link *link)
{
	send_hello(peers, link);
}

/* It may carry frames from here on. */
static void link_is_up(struct peers *peers, struct peer_link *link)
{
	uint32_t index = peer_index(peers, link);

	link->why[0] = '\0';
	peer_tell(peers, link, LINK_CHANGE_UP);
	link->state = PEER_LINK_UP;
	link->fails = 0;
	shard_disarm(peers->shard, PART_PEER, index);
	if (link->connector)
		peer_region_start(peers, link);
	peers->user.up(peers->user.self, index);
}

/* The connector asked for shard number wanted of ours. */
static void settle(struct peers *peers, struct peer_link *link)
{
	uint8_t target = (uint8_t)(link->shards % peers->shards);
	struct dp *dp = peers->shard->local;

	if (target == peers->shard->index) {
		link_is_up(peers, link);
		return;
	}
	link->state = PEER_LINK_SETTLING;
	link->touched = true;
	dp_hold(dp, link->conn);
}

/* Not one of ours. Whoever connects hears our greeting before the end, and
 * can say what is wrong with us. */
static void refuse(struct peers *peers, struct peer_link *link, const char *why)
{
	if (!link->connector)
		send_hello(peers, link);
	peers_drop(peers, peer_index(peers, link), why);
}

static void got_hello(struct peers *peers, struct peer_link *link,
		      const struct peer_hello *hello)
{
	if (link->node != PEER_NODE_NONE && !link->connector) {
		peers_drop(peers, peer_index(peers, link), "a second hello");
		return;
	}
	if (hello->version != PEER_VERSION) {
		refuse(peers, link, "speaks another version");
		return;
	}
	if (hello->node == peers->shard->pool->node) {
		refuse(peers, link, "has our own node number");
		return;
	}
	link->node = hello->node;
	link->boot = hello->boot;
	/* Until it settles an accepted link keeps the wanted shard here. */
	link->shards = link->connector ? hello->shards : hello->shard;
	memcpy(link->other_nonce, hello->nonce, sizeof(link->other_nonce));
	if (!link->connector) {
		send_hello(peers, link);
		send_proof(peers, link);
	}
}

void peer_greet_frame(struct peers *peers, struct peer_link *link,
		      uint16_t type, const void *payload)
{
	const struct peer_proof *proof = payload;
	uint8_t expected[16];

	if (link->state != PEER_LINK_GREETED) {
		peers_drop(peers, peer_index(peers, link), "greets twice");
		return;
	}
	if (type == PEER_HELLO) {
		got_hello(peers, link, payload);
		return;
	}
	make_proof(peers, link, false, expected);
	if (link->node == PEER_NODE_NONE ||
	    !equal_constant_time(expected, proof->mac, sizeof(expected))) {
		peers_drop(peers, peer_index(peers, link),
			   "does not know our secret");
		return;
	}
	if (link->connector) {
		send_proof(peers, link);
		link_is_up(peers, link);
	} else {
		settle(peers, link);
	}
}

void peer_settle_detached(struct peers *peers, struct peer_link *link,
			  const struct dp_parcel *parcel)
{
	struct peer_settle settle = {
		.parcel = *parcel,
		.boot = link->boot,
		.node = link->node,
		.shards = link->shards,
	};
	uint8_t target = (uint8_t)(link->shards % peers->shards);

	if (shard_tell(peers->shard, target, OP_PEER_SETTLE, 0, &settle,
		       sizeof(settle)))
		dp_discard(peers->shard->local, parcel);
	chunkq_clear(&peers->shard->chunks, &link->tx);
	link->serial = ++peers->serial;
	link->rx_len = 0;
	link->conn = 0;
	link->state = PEER_LINK_FREE;
	shard_disarm(peers->shard, PART_PEER, peer_index(peers, link));
}

void peer_settle_cell(struct peers *peers, const struct peer_settle *settle)
{
	struct peer_link *link = peer_take(peers);
	struct dp *dp = peers->shard->local;

	if (!link) {
		dp_discard(dp, &settle->parcel);
		return;
	}
	link->node = settle->node;
	link->boot = settle->boot;
	link->shards = settle->shards;
	if (dp_attach(dp, &settle->parcel,
		      cookie_make(PART_PEER, peer_index(peers, link)),
		      &link->conn)) {
		dp_discard(dp, &settle->parcel);
		return;
	}
	link_is_up(peers, link);
}

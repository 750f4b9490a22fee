/* peer_net.h - for tests: processes with peers on all their shards. */
#pragma once

#include "core/peer.h"
#include "tests/unit/rig.h"
#include "tests/unit/seeded.h"

#include <errno.h>

#define LOG_MAX    4096
#define EVENTS_MAX 64

/* The user of one shard's peers: writes down what it is told. */
struct user {
	struct peers peers;
	uint32_t ups;
	uint32_t losts;
	uint32_t link; /* the last one that came up */
	struct peer_header headers[LOG_MAX];
	uint64_t sums[LOG_MAX]; /* of the payload */
	uint32_t count;
	union {
		struct peer_refuse refuse;
		struct peer_verdict verdict;
		struct peer_end end;
		uint8_t room[512];
	} last; /* payload; what its spans point at has gone */
};

/* A process with peers on all its shards, and what control was told. */
struct node {
	struct rig_process *process;
	struct user users[RIG_SHARDS + 1];
	uint32_t notes_up;
	uint32_t notes_down;
	uint32_t notes_failed;
	char why[REASON_BYTES]; /* of the last link that was lost or failed */
	struct op_move_event events[EVENTS_MAX]; /* of moves */
	uint64_t event_tags[EVENTS_MAX];
	uint32_t event_count;
	uint32_t heard_count; /* answers to orders, the last of them below */
	uint64_t heard_tag;
	struct op_move_heard heard;
	struct op_move_doubt doubt; /* the last that was told */
};

struct net {
	struct rig rig;
	struct node nodes[RIG_PROCESSES];
};

static const uint8_t sum_key[SIPHASH_KEY_BYTES] = {1};

static inline uint64_t payload_sum(uint16_t type, const void *payload)
{
	const struct field_table *table = peer_table(type);
	static uint8_t bytes[PEER_FRAME_BYTES_MAX];
	int64_t len =
		table ? field_encode(table, payload, bytes, sizeof(bytes)) : 0;

	cr_assert_geq(len, 0);
	return siphash64(sum_key, bytes, (size_t)len);
}

static inline void on_frame(void *self, uint32_t link,
			    const struct peer_header *header,
			    const void *payload)
{
	struct user *user = self;

	cr_assert_lt(user->count, LOG_MAX);
	cr_expect_eq(user->peers.links[link].state, PEER_LINK_UP);
	if (peer_table(header->type))
		memcpy(&user->last, payload,
		       peer_table(header->type)->struct_bytes);
	user->headers[user->count] = *header;
	user->sums[user->count++] = payload_sum(header->type, payload);
}

static inline void on_up(void *self, uint32_t link)
{
	struct user *user = self;

	user->ups++;
	user->link = link;
}

static inline void on_lost(void *self, uint32_t link)
{
	struct user *user = self;

	(void)link;
	user->losts++;
}

static inline void on_note(void *self, const struct ring_cell *cell)
{
	struct node *node = self;
	struct op_link note;

	if (cell->op == OP_MOVE_HEARD) {
		memcpy(&node->heard, cell->payload, sizeof(node->heard));
		node->heard_tag = cell->tag;
		node->heard_count++;
		return;
	}
	if (cell->op == OP_MOVE_DOUBT) {
		memcpy(&node->doubt, cell->payload, sizeof(node->doubt));
		return;
	}
	if (cell->op == OP_MOVE_EVENT) {
		cr_assert_lt(node->event_count, EVENTS_MAX);
		node->event_tags[node->event_count] = cell->tag;
		memcpy(&node->events[node->event_count++], cell->payload,
		       sizeof(node->events[0]));
		return;
	}
	cr_assert_eq(cell->op, OP_LINK);
	memcpy(&note, cell->payload, sizeof(note));
	node->notes_up += note.change == LINK_CHANGE_UP;
	node->notes_down += note.change == LINK_CHANGE_LOST;
	node->notes_failed += note.change == LINK_CHANGE_FAILED;
	if (note.change != LINK_CHANGE_UP)
		memcpy(node->why, note.reason, sizeof(node->why));
}

static inline void no_flush(void *self)
{
	(void)self;
}

/* Adds a process that listens where its number says. */
static inline struct node *net_add(struct net *net, uint16_t number, bool local)
{
	struct node *node = &net->nodes[net->rig.count];
	struct rig_process *process = rig_add(&net->rig, number);
	struct part control = {
		.self = node,
		.cell = on_note,
		.flush = no_flush,
	};

	node->process = process;
	process->config.peer_count = 3;
	for (uint32_t i = 0; i < 3; i++) {
		char text[ADDR_TEXT_MAX];

		snprintf(process->config.peers[i].name,
			 sizeof(process->config.peers[i].name), "n%u", i + 1);
		snprintf(text, sizeof(text),
			 local ? "unix:/run/n%u" : "127.0.0.1:%u",
			 i + (local ? 1 : 7001));
		addr_parse(&process->config.peers[i].address, text);
	}
	for (uint32_t i = 0; i <= RIG_CONTROL; i++) {
		struct peer_user user = {
			.self = &node->users[i],
			.frame = on_frame,
			.up = on_up,
			.lost = on_lost,
		};
		const struct addr *listen =
			i == RIG_CONTROL
				? &process->config.peers[net->rig.count - 1]
					   .address
				: NULL;

		cr_assert_eq(peers_init(&node->users[i].peers,
					&process->shards[i], &user, listen),
			     0);
	}
	cr_assert_eq(shard_add_part(&process->shards[RIG_CONTROL], PART_CONTROL,
				    &control, 0),
		     0);
	return node;
}

static inline struct net *net_make(uint64_t seed, uint32_t count, bool local)
{
	struct net *net = calloc(1, sizeof(*net));

	cr_assert(net);
	rig_init(&net->rig, seed);
	for (uint32_t i = 0; i < count; i++)
		net_add(net, (uint16_t)(i + 1), local);
	return net;
}

static inline void net_free(struct net *net)
{
	for (uint32_t i = 0; i < net->rig.count; i++) {
		for (uint32_t s = 0; s <= RIG_CONTROL; s++)
			peers_fini(&net->nodes[i].users[s].peers);
	}
	rig_fini(&net->rig);
	free(net);
}

static inline struct user *user_of(struct net *net, uint32_t node,
				   uint32_t shard)
{
	return &net->nodes[node].users[shard];
}

/* Connections that it has dropped for what the other end did. */
static inline uint64_t dropped(const struct user *user)
{
	return stats_get(&user->peers.shard->stats, STAT_peers_dropped);
}

/* Asks for the link of one shard to peer number peer. */
static inline uint32_t want(struct user *user, uint16_t peer)
{
	uint32_t link;
	bool up;

	cr_assert_eq(peers_want(&user->peers, peer, &link, &up), 0);
	return link;
}

static inline struct peer_link *link_of(struct user *user, uint32_t link)
{
	return &user->peers.links[link];
}

static inline uint32_t links_in(const struct user *user)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < PEER_LINKS_MAX; i++)
		count += user->peers.links[i].state != PEER_LINK_FREE;
	return count;
}

/* move_net.h - for tests: a move engine with a scripted service, and a peer
 * that the test plays. */
#pragma once

#include "core/move.h"
#include "core/move_destination.h"
#include "core/move_image.h"
#include "core/move_journal.h"
#include "core/move_source.h"
#include "core/peer.h"
#include "tests/unit/peer_net.h"

/* What the service was asked, in order: a letter each. */
#define TRAIL_MAX 64

/*
 * The engine lives on shard 0 of node 1 or node 2, the other one's shard 0
 * only writes down frames (its user) and sends what the test says.
 */
struct service {
	struct moves moves;
	char trail[TRAIL_MAX];
	handle move;   /* of the last call */
	uint32_t seal; /* images given by freeze, then sealed; 0: later */
	int64_t offer_err;
	bool offer_full; /* as large an image as there may be */
	int grant_err;
	int import_err;
	int end_err;
	bool aborted; /* as release saw it */
};

struct move_net {
	struct net *net;
	struct service service;
	uint32_t here;  /* the engine's node */
	uint32_t there; /* the scripted one */
};

static inline void note(struct service *service, struct move *move, char what)
{
	size_t len = strlen(service->trail);

	cr_assert_lt(len, TRAIL_MAX - 1);
	service->trail[len] = what;
	service->move = move->self;
}

static inline int fake_find(struct service *service, const char *name,
			    handle *guest)
{
	(void)service;
	if (strncmp(name, "guest", 5) != 0)
		return -ENOENT;
	*guest = handle_make(0, 1, 7);
	return 0;
}

static inline int64_t fake_offer(struct service *service, struct move *move,
				 uint8_t *image, size_t cap)
{
	note(service, move, 'O');
	cr_assert_geq(cap, 5);
	memset(image, 0, cap);
	memcpy(image, "offer", 5);
	move->epoch = 3;
	move->session_id = 77;
	if (move->mode == MODE_ANY)
		move->mode = MODE_SEAMLESS;
	if (service->offer_err)
		move_say(move, "the service says no");
	if (service->offer_err)
		return service->offer_err;
	return service->offer_full ? (int64_t)cap : 5;
}

static inline void fake_begin(struct service *service, struct move *move)
{
	note(service, move, 'B');
	cr_expect_eq(move->port, 5900);
	cr_expect_eq(move->key[0], 'k');
}

static inline void give_images(struct move *move, uint32_t count)
{
	static const struct peer_refuse any = {.reason = "stands for a state"};
	static struct field fields[] = {
		FIELD(struct peer_refuse, reason, FIELD_BYTES, REASON_BYTES,
		      .tag = 1),
	};
	static const struct field_table table =
		FIELD_TABLE("any", struct peer_refuse, fields);

	for (uint32_t i = 0; i < count; i++)
		cr_assert_eq(move_image(move, &table, IMAGE_CHANNEL, &any), 0);
}

static inline void fake_freeze(struct service *service, struct move *move)
{
	note(service, move, 'F');
	if (!service->seal)
		return;
	give_images(move, service->seal);
	move_sealed(move);
}

static inline void fake_hand_over(struct service *service, struct move *move)
{
	note(service, move, 'H');
	/* The word is written before the client is let go. */
	cr_expect_gt(sim_host_journal_count(move->moves->shard->host), 0);
}

static inline void fake_undo(struct service *service, struct move *move)
{
	note(service, move, 'U');
}

static inline void fake_release(struct service *service, struct move *move)
{
	note(service, move, 'R');
	service->aborted = move->aborted;
}

static inline int fake_grant(struct service *service, struct move *move,
			     const struct peer_offer *offer,
			     struct peer_answer *answer)
{
	note(service, move, 'G');
	cr_expect_eq(offer->image.len, 5);
	answer->port = 5901;
	answer->host = (struct span){(const uint8_t *)"there", 5};
	if (service->grant_err)
		move_say(move, "no room for it");
	return service->grant_err;
}

static inline int fake_import(struct service *service, struct move *move,
			      const uint8_t *image, size_t len)
{
	note(service, move, 'I');
	cr_expect(image && len);
	if (service->import_err)
		move_say(move, "a bad image");
	return service->import_err;
}

static inline void fake_nack(struct service *service, struct move *move)
{
	note(service, move, 'N');
}

static inline int fake_end(struct service *service, struct move *move)
{
	note(service, move, 'E');
	if (service->end_err)
		move_say(move, "something is missing");
	return service->end_err;
}

static inline void fake_run(struct service *service, struct move *move)
{
	note(service, move, 'X');
}

static inline void fake_revoke(struct service *service, struct move *move)
{
	note(service, move, 'V');
}

static const struct service_ops fake_ops = {
	.find = fake_find,
	.offer = fake_offer,
	.begin = fake_begin,
	.freeze = fake_freeze,
	.hand_over = fake_hand_over,
	.undo = fake_undo,
	.release = fake_release,
	.grant = fake_grant,
	.import = fake_import,
	.refuse_seamless = fake_nack,
	.import_end = fake_end,
	.run = fake_run,
	.revoke = fake_revoke,
};

#define MOVES_MAX 8

/* here: 0 for a source, 1 for a destination; local: a region is shared. */
static inline struct move_net *move_net_make(uint32_t here, bool local)
{
	struct move_net *m = calloc(1, sizeof(*m));
	struct user *user;

	cr_assert(m);
	m->net = net_make(1, 3, local);
	m->here = here;
	m->there = 1 - here;
	m->service.seal = 2;
	user = user_of(m->net, here, 0);
	cr_assert_eq(moves_init(&m->service.moves,
				rig_shard(&m->net->rig, here, 0), &user->peers,
				&fake_ops, &m->service, MOVES_MAX),
		     0);
	return m;
}

static inline void move_net_free(struct move_net *m)
{
	moves_fini(&m->service.moves);
	net_free(m->net);
	free(m);
}

static inline void run_ms(struct move_net *m, uint64_t ms)
{
	/* What the test called outside of a pass goes out with the next. */
	shard_again(m->service.moves.shard);
	rig_run(&m->net->rig, ms * NS_PER_MS);
}

static inline struct user *scripted(struct move_net *m)
{
	return user_of(m->net, m->there, 0);
}

static inline struct node *here_of(struct move_net *m)
{
	return &m->net->nodes[m->here];
}

/* The engine's only move, or the one of the last call; NULL: it has ended. */
static inline struct move *move_of(struct move_net *m)
{
	return moves_get(&m->service.moves, m->service.move);
}

/* Sends a frame as the scripted side, on its link that came up last. */
static inline void say(struct move_net *m, uint16_t type, uint64_t id,
		       uint64_t epoch, const void *payload)
{
	struct user *user = scripted(m);

	cr_assert_eq(
		peers_send(&user->peers, user->link, type, id, epoch, payload),
		0);
	/* The dp of that shard has to pass, unasked. */
	shard_again(user->peers.shard);
	run_ms(m, 1);
}

/* How many frames of a type have come to the scripted side. */
static inline uint32_t heard(struct move_net *m, uint16_t type)
{
	const struct user *user = scripted(m);
	uint32_t count = 0;

	for (uint32_t i = 0; i < user->count; i++)
		count += user->headers[i].type == type;
	return count;
}

static inline void cut(struct move_net *m)
{
	sim_path_cut(m->net->rig.world, m->net->nodes[0].process->machine,
		     m->net->nodes[1].process->machine);
	run_ms(m, 1);
}

/* What control of the engine's node was told last. */
static inline const struct op_move_event *last_event(struct move_net *m)
{
	struct node *node = here_of(m);

	cr_assert_gt(node->event_count, 0);
	return &node->events[node->event_count - 1];
}

static inline uint32_t dones(struct move_net *m)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < here_of(m)->event_count; i++)
		count += here_of(m)->events[i].done;
	return count;
}

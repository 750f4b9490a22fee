/* channel_bench.h - for tests: one session on a bare shard, its guest a fake,
 * its client the test. */
#pragma once

#include "channels/channel.h"
#include "channels/guest/demo.h"
#include "channels/service_part.h"
#include "channels/session.h"
#include "channels/session_channels.h"
#include "channels/session_life.h"
#include "core/move.h"
#include "core/peer.h"
#include "tests/unit/rig.h"

#include <spice/enums.h>
#include <spice/protocol.h>

#include <errno.h>

/*
 * Process 0 has the service, on shard 0; a part of its own accepts the test's
 * connections and makes channels of them, as linking does behind its tickets.
 * Process 1 is the client: it writes frames and keeps all that it reads.
 */
#define BENCH_LEGS 8
#define BENCH_GOT  (4 << 20)
#define BENCH_SEEN 256

struct bench_leg {
	dp_conn conn;
	uint8_t type;
	uint8_t id;
	bool connected;
	bool closed;
	uint8_t *got;
	uint32_t got_len;
	bool deaf; /* reads nothing */
	uint8_t out[70000];
};

struct bench_key {
	uint32_t code;
	bool down;
};

struct bench {
	struct rig rig;
	struct shard *shard;
	struct peers peers;
	struct moves moves;
	struct service service;
	struct guest_ops ops;
	struct guest *guest;
	struct session *session;
	handle session_name;
	enum frame_mode mode;
	uint32_t caps; /* of the next channel */
	struct bench_leg legs[BENCH_LEGS];
	uint32_t legs_count;
	/* What the guest was told. */
	struct bench_key keys[BENCH_SEEN];
	uint32_t key_count;
	struct guest_mouse mice[BENCH_SEEN];
	uint32_t mouse_count;
	uint8_t bytes[1 << 18];
	uint32_t bytes_len;
	uint32_t bytes_take; /* most that it takes in all */
	uint8_t bytes_type, bytes_id;
	uint32_t ups, downs, writables, detached;
};

static inline struct bench *bench_of(const struct guest *guest)
{
	return CONTAINER_OF(guest->service, struct bench, service);
}

static inline void seen_key(struct guest *guest, uint32_t code, bool down)
{
	struct bench *b = bench_of(guest);

	cr_assert_lt(b->key_count, BENCH_SEEN);
	b->keys[b->key_count++] = (struct bench_key){code, down};
}

static inline void seen_mouse(struct guest *guest,
			      const struct guest_mouse *mouse)
{
	struct bench *b = bench_of(guest);

	cr_assert_lt(b->mouse_count, BENCH_SEEN);
	b->mice[b->mouse_count++] = *mouse;
}

static inline uint32_t seen_bytes(struct guest *guest, uint8_t type, uint8_t id,
				  const uint8_t *data, uint32_t len)
{
	struct bench *b = bench_of(guest);
	uint32_t taken = min_u32(len, b->bytes_take - b->bytes_len);

	memcpy(b->bytes + b->bytes_len, data, taken);
	b->bytes_len += taken;
	b->bytes_type = type;
	b->bytes_id = id;
	return taken;
}

static inline void seen_up(struct guest *guest, uint8_t type, uint8_t id)
{
	(void)type, (void)id;
	bench_of(guest)->ups++;
}

static inline void seen_down(struct guest *guest, uint8_t type, uint8_t id)
{
	(void)type, (void)id;
	bench_of(guest)->downs++;
}

static inline void seen_writable(struct guest *guest, uint8_t type, uint8_t id)
{
	(void)type, (void)id;
	bench_of(guest)->writables++;
}

static inline void seen_detached(struct guest *guest)
{
	bench_of(guest)->detached++;
}

static inline void bench_event(void *self, struct dp *dp,
			       const struct dp_event *event)
{
	struct bench *b = self;
	struct bench_leg *leg = &b->legs[cookie_own(event->cookie)];

	switch (event->kind) {
	case DP_CONNECTED:
		leg->connected = true;
		break;
	case DP_RECEIVED:
		cr_assert_lt(leg->got_len + event->view.len, BENCH_GOT);
		memcpy(leg->got + leg->got_len, event->view.data,
		       event->view.len);
		leg->got_len += event->view.len;
		break;
	case DP_EOF:
		dp_kill(dp, event->conn);
		break;
	case DP_CLOSED:
		leg->closed = true;
		break;
	default:
		break;
	}
}

/* A connection has come: the leg that was begun last becomes a channel. */
static inline void bench_accept(void *self, struct dp *dp,
				const struct dp_event *event)
{
	struct bench *b = self;
	const struct bench_leg *leg = &b->legs[b->legs_count - 1];
	struct session_channel *entry =
		session_find(b->session, leg->type, leg->id);
	struct channel *channel;
	handle name;

	cr_assert(event->kind == DP_ACCEPTED && entry);
	channel = slab_take(&b->service.channels, &name);
	cr_assert(channel);
	channel->conn = event->conn;
	channel->self = name;
	channel->session = b->session->self;
	channel->service = &b->service;
	channel->type = leg->type;
	channel->id = leg->id;
	channel->state = CHANNEL_UP;
	frame_init(&channel->parser, b->mode, true);
	*channel_cold(channel) = (struct channel_cold){.caps = b->caps};
	entry->channel = name;
	dp_set_cookie(dp, event->conn,
		      service_cookie(COOKIE_CHANNEL, handle_index(name)));
	session_linked(b->session, channel);
}

static inline void bench_run(struct bench *b, uint64_t ms)
{
	shard_again(b->shard);
	shard_again(rig_shard(&b->rig, 1, 0));
	rig_run(&b->rig, ms * NS_PER_MS);
}

static inline bool bench_lives(struct bench *b)
{
	struct session *session = service_session(&b->service, b->session_name);

	return session && session->state == SESSION_LIVE;
}

/* Links a channel; returns its leg. */
static inline struct bench_leg *bench_link(struct bench *b, uint8_t type,
					   uint8_t id)
{
	struct bench_leg *leg = &b->legs[b->legs_count];
	struct addr addr;

	cr_assert_lt(b->legs_count, BENCH_LEGS);
	addr_parse(&addr, "unix:/run/bench");
	leg->got = leg->got ? leg->got : malloc(BENCH_GOT);
	leg->type = type;
	leg->id = id;
	cr_assert_eq(dp_connect(b->rig.processes[1]->dps[0], &addr,
				cookie_make(PART_SERVICE, b->legs_count),
				&leg->conn),
		     0);
	b->legs_count++;
	bench_run(b, 5);
	cr_assert(leg->connected);
	return leg;
}

/* A live session with its main channel, on leg 0. */
static inline struct bench *bench_make(enum frame_mode mode, uint32_t caps)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct part accept = {.self = b, .event = bench_accept};
	struct part client = {.self = b, .event = bench_event};
	struct peer_user nobody = {0};
	struct rig_process *process;
	struct addr addr;

	cr_assert(b);
	rig_init(&b->rig, 1);
	process = rig_add(&b->rig, 1);
	rig_add(&b->rig, 2);
	process->config.guest_demo.count = 1;
	b->shard = &process->shards[0];
	b->mode = mode;
	b->caps = caps;
	b->bytes_take = sizeof(b->bytes);
	cr_assert_eq(peers_init(&b->peers, b->shard, &nobody, NULL), 0);
	cr_assert_eq(moves_init(&b->moves, b->shard, &b->peers, &service_spice,
				&b->service, 8),
		     0);
	cr_assert_eq(service_init(&b->service, b->shard, &b->moves), 0);
	b->guest = slab_at(&b->service.guests, 0);
	b->ops = guest_demo;
	b->ops.key = seen_key;
	b->ops.mouse = seen_mouse;
	b->ops.bytes = seen_bytes;
	b->ops.channel_up = seen_up;
	b->ops.channel_down = seen_down;
	b->ops.writable = seen_writable;
	b->ops.detached = seen_detached;
	b->guest->ops = &b->ops;
	b->session = session_new(&b->service, b->guest);
	cr_assert(b->session);
	b->session_name = b->session->self;
	b->session->header_mode = (uint8_t)mode;
	b->session->main_caps = caps;
	shard_add_part(b->shard, PART_CONTROL, &accept, 0);
	shard_add_part(rig_shard(&b->rig, 1, 0), PART_SERVICE, &client, 0);
	addr_parse(&addr, "unix:/run/bench");
	cr_assert_eq(dp_listen(process->dps[0], &addr,
			       cookie_make(PART_CONTROL, 0), NULL),
		     0);
	bench_link(b, SPICE_CHANNEL_MAIN, 0);
	return b;
}

static inline void bench_free(struct bench *b)
{
	service_fini(&b->service);
	moves_fini(&b->moves);
	peers_fini(&b->peers);
	rig_fini(&b->rig);
	for (uint32_t i = 0; i < BENCH_LEGS; i++)
		free(b->legs[i].got);
	free(b);
}

/* Writes one message, its body as it is, and lets it be read. */
static inline void bench_raw(struct bench *b, struct bench_leg *leg,
			     uint16_t type, const void *body, uint32_t len)
{
	uint32_t head = frame_emit_header(leg->out, b->mode, 1, type, len);
	struct span span = {leg->out, head + len};

	cr_assert_leq(head + len, sizeof(leg->out));
	if (len)
		memcpy(leg->out + head, body, len);
	cr_assert_eq(
		dp_send(b->rig.processes[1]->dps[0], leg->conn, &span, 1, 0),
		0);
	bench_run(b, 5);
}

/* The same from the struct of the message's table. */
static inline void bench_say(struct bench *b, struct bench_leg *leg,
			     uint16_t type, const void *from)
{
	const struct wire_message *message = wire_find(leg->type, true, type);
	static uint8_t body[65536];
	int64_t len = 0;

	cr_assert(message);
	if (message->table)
		len = field_encode(message->table, from, body, sizeof(body));
	cr_assert_geq(len, 0, "%s", message->name);
	bench_raw(b, leg, type, body, (uint32_t)len);
}

static inline int64_t any_length(const void *arg, uint16_t type)
{
	(void)arg, (void)type;
	return 64 << 20;
}

/*
 * Message number index of a type that has come on a leg, decoded into to when
 * that is not NULL. False when there are not so many.
 */
static inline bool bench_heard(const struct bench *b,
			       const struct bench_leg *leg, uint16_t type,
			       uint32_t index, void *to)
{
	struct frame_parser parser;
	const uint8_t *data = leg->got;
	uint32_t len = leg->got_len;
	struct frame frame;

	frame_init(&parser, b->mode, false);
	while (frame_next(&parser, &data, &len, any_length, NULL, &frame) ==
	       FRAME_MESSAGE) {
		const struct wire_message *message =
			wire_find(leg->type, false, frame.type);

		cr_assert(message, "%u is no message", frame.type);
		if (frame.type != type || index--)
			continue;
		if (to)
			cr_assert_eq(field_decode(message->table, to,
						  frame.data, frame.len, NULL),
				     0);
		return true;
	}
	return false;
}

static inline uint32_t bench_count(const struct bench *b,
				   const struct bench_leg *leg, uint16_t type)
{
	uint32_t count = 0;

	while (bench_heard(b, leg, type, count, NULL))
		count++;
	return count;
}

/* The types of all messages on a leg, in order. */
static inline uint32_t bench_types(const struct bench *b,
				   const struct bench_leg *leg, uint16_t *types,
				   uint32_t max)
{
	struct frame_parser parser;
	const uint8_t *data = leg->got;
	uint32_t len = leg->got_len;
	struct frame frame;
	uint32_t count = 0;

	frame_init(&parser, b->mode, false);
	while (count < max && frame_next(&parser, &data, &len, any_length, NULL,
					 &frame) == FRAME_MESSAGE)
		types[count++] = frame.type;
	return count;
}

static inline uint64_t bench_stat(const struct bench *b, enum stat_id id)
{
	return stats_get(&b->shard->stats, id);
}

/* The session was closed for what its client said. */
static inline bool bench_broke(struct bench *b)
{
	return !bench_lives(b) && bench_stat(b, STAT_protocol_errors) == 1 &&
	       b->legs[0].closed && b->detached == 1;
}

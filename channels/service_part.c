/* service_part.c - SPICE as a part of the shard: where each event belongs. */
#include "channels/service_part.h"
#include "channels/channel_in.h"
#include "channels/channel_out.h"
#include "channels/guest/demo.h"
#include "channels/guest/guest.h"
#include "channels/link_stage.h"
#include "channels/linking.h"
#include "channels/migrate/migrate.h"
#include "channels/service_list.h"
#include "channels/session.h"
#include "channels/session_channels.h"
#include "channels/session_life.h"
#include "core/tickets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What a client did wrong, for the log: the channel's name and the error. */
static void broke(struct service *service, const struct channel *channel,
		  int err)
{
	char why[REASON_BYTES];

	stats_add(&service->shard->stats, STAT_protocol_errors, 1);
	snprintf(why, sizeof(why), "the client broke the protocol on %s %u: %s",
		 wire_channel_name(channel->type), channel->id, strerror(-err));
	session_close(channel_session(channel), why);
}

static void channel_event(struct service *service, struct channel *channel,
			  const struct dp_event *event)
{
	struct session *session = channel_session(channel);
	int err;

	switch (event->kind) {
	case DP_RECEIVED:
		if (channel->state == CHANNEL_CLOSING)
			break;
		err = channel_received(channel, &event->view);
		if (err)
			broke(service, channel, err);
		break;
	case DP_SENT:
		channel_sent(channel, (uint32_t)event->result);
		break;
	case DP_EOF:
		dp_kill(shard_dp(service->shard, channel->conn), channel->conn);
		break;
	case DP_CLOSED:
		session_channel_closed(session, channel);
		break;
	default:
		break;
	}
}

static void on_event(void *self, struct dp *dp, const struct dp_event *event)
{
	struct service *service = self;
	uint64_t own = cookie_own(event->cookie);
	uint32_t index = (uint32_t)own;

	(void)dp;
	if (event->kind == DP_ACCEPTED) {
		link_stage_accepted(service, event->conn);
		return;
	}
	switch ((enum cookie_kind)(own >> 32)) {
	case COOKIE_LINKING:
		link_stage_event(service, slab_at(&service->linkings, index),
				 event);
		break;
	case COOKIE_CHANNEL:
		channel_event(service, slab_at(&service->channels, index),
			      event);
		break;
	default:
		break;
	}
}

static void on_cell(void *self, const struct ring_cell *cell)
{
	struct service *service = self;

	if (cell->op == OP_LIST)
		service_list(service, cell);
	else
		link_stage_cell(service, cell);
}

static void on_timer(void *self, uint32_t index)
{
	struct service *service = self;

	if (index < service->linkings.capacity) {
		if (slab_taken(&service->linkings, index))
			link_stage_timeout(service,
					   slab_at(&service->linkings, index));
		return;
	}
	index -= service->linkings.capacity;
	if (index < service->sessions.capacity) {
		if (slab_taken(&service->sessions, index))
			session_timer(slab_at(&service->sessions, index));
		return;
	}
	index -= service->sessions.capacity;
	if (index == service->guests.capacity) {
		service_expire_keys(service);
		return;
	}
	if (slab_taken(&service->guests, index)) {
		struct guest *guest = slab_at(&service->guests, index);

		guest->now_ns = service->shard->now_ns;
		if (guest->state == GUEST_RUNNING)
			guest->ops->timer(guest);
	}
}

/* Those touched first are sent first: main's MIGRATE_DATA is the last. */
static uint32_t reversed(struct service *service)
{
	uint32_t head = 0;

	while (service->touched) {
		uint32_t first = service->touched;
		struct channel *channel =
			slab_at(&service->channels, first - 1);

		service->touched = channel->touched_next;
		channel->touched_next = head;
		head = first;
	}
	return head;
}

/* Private-key operations of one pass: 0.16 ms each, flush marks wait behind. */
#define KEYS_PER_PASS 2

static void flush_links(struct service *service)
{
	uint32_t head = service->touched_links;
	uint32_t keys = 0;

	service->touched_links = 0;
	while (head) {
		struct linking *linking = slab_at(&service->linkings, head - 1);
		uint32_t next = linking->touched_next;

		if (linking_wants_key(linking) && keys++ >= KEYS_PER_PASS) {
			linking->touched_next = service->touched_links;
			service->touched_links = head;
		} else {
			link_stage_flush(service, linking);
		}
		head = next;
	}
	/* What is left, or was touched meanwhile, wants another pass: a link
	 * that became a channel has its result still to send. */
	if (service->touched_links || service->touched)
		shard_again(service->shard);
}

static void on_flush(void *self)
{
	struct service *service = self;

	service->touched = reversed(service);
	while (service->touched) {
		struct channel *channel =
			slab_at(&service->channels, service->touched - 1);
		const char *why;

		service->touched = channel->touched_next;
		why = channel_flush(channel);
		if (why)
			session_close(channel_session(channel), why);
	}
	flush_links(service);
}

static int make_guests(struct service *service)
{
	const struct pool *pool = service->shard->pool;
	const struct config_guest_demo *demo = &pool->config->guest_demo;

	for (uint32_t i = service->shard->index; i < demo->count;
	     i += pool->shard_count) {
		char name[NAME_BYTES];
		char text[TICKET_CHARS + 1];
		uint8_t hash[TICKET_HASH_BYTES];
		struct guest *guest;
		int err;

		snprintf(name, sizeof(name), "%.20s%u", demo->prefix, i);
		/* It was committed elsewhere before a crash of ours. */
		if (idtable_get(&pool->away, pool_guest_key(pool, name)))
			continue;
		ticket_text(pool->secret, name, text);
		ticket_hash(pool->secret, text, TICKET_CHARS, hash);
		guest = service_new_guest(service, &guest_demo, name, hash);
		if (!guest)
			return -ENOSPC;
		guest->number = i;
		guest->state = GUEST_RUNNING;
		err = guest->ops->open(guest, pool->config);
		if (err)
			return err;
	}
	return 0;
}

/* A door on a port of the bypass is the front's, any other the kernel's. */
static struct dp *door_dp(const struct shard *shard,
			  const struct config_door *door)
{
	return door->port[0] ? shard->front : shard->local;
}

static int listen_at_doors(struct service *service)
{
	const struct config *config = service->shard->pool->config;

	for (uint32_t i = 0; i < config->door_count; i++) {
		const struct addr *addr = &config->doors[i].listen;
		int err;

		/* Shards share a TCP port; a unix socket has one listener. */
		if (addr->family == ADDR_UNIX && service->shard->index)
			continue;
		err = dp_listen(door_dp(service->shard, &config->doors[i]),
				addr, service_cookie(COOKIE_DOOR, i), NULL);
		if (err) {
			char text[ADDR_TEXT_MAX];

			addr_print(addr, text);
			host_log(service->shard->host, LOG_ERROR,
				 "door %s: cannot listen at %s: %s",
				 config->doors[i].name, text, strerror(-err));
			return err;
		}
	}
	return 0;
}

static int make_slabs(struct service *service)
{
	struct arena *arena = &service->shard->arena;
	uint32_t sessions = service->shard->pool->config->pool.sessions;
	uint32_t channels = sessions * SESSION_CHANNELS_MAX;
	uint8_t index = service->shard->index;
	size_t guest_bytes = sizeof(struct guest) + guest_demo.state_bytes;
	int err;

	err = slab_init(&service->linkings, arena, sizeof(struct linking),
			SERVICE_LINKINGS_MAX, index);
	if (!err)
		err = slab_init(&service->sessions, arena,
				sizeof(struct session), 2 * sessions, index);
	if (!err)
		err = slab_init(&service->guests, arena, (uint32_t)guest_bytes,
				sessions, index);
	if (!err)
		err = slab_init(&service->channels, arena,
				sizeof(struct channel), channels, index);
	service->cold =
		arena_take(arena, channels * sizeof(struct channel_cold), 64);
	service->scratch = arena_take(arena, SERVICE_SCRATCH_BYTES, 64);
	if (!err && (!service->cold || !service->scratch))
		err = -ENOMEM;
	return err;
}

int service_init(struct service *service, struct shard *shard,
		 struct moves *moves)
{
	struct part part = {
		.self = service,
		.event = on_event,
		.cell = on_cell,
		.timer = on_timer,
		.flush = on_flush,
	};
	int err;

	*service = (struct service){.shard = shard, .moves = moves};
	err = make_slabs(service);
	if (!err)
		err = ticket_keys_init(&service->keys, shard->host,
				       &shard->arena, shard->pool->secret);
	if (!err)
		err = shard_add_part(shard, PART_SERVICE, &part,
				     service->linkings.capacity +
					     service->sessions.capacity +
					     service->guests.capacity + 1);
	if (!err)
		err = make_guests(service);
	if (!err)
		err = listen_at_doors(service);
	return err;
}

void service_fini(struct service *service)
{
	struct guest *guest;
	uint32_t at = 0;

	while ((guest = slab_next(&service->guests, &at)))
		guest->ops->close(guest);
	ticket_keys_fini(&service->keys);
	memset(service, 0, sizeof(*service));
}

static int find(struct service *service, const char *name, handle *guest)
{
	const struct pool *pool = service->shard->pool;
	handle found = idtable_get(&pool->guests, pool_guest_key(pool, name));
	struct guest *record;

	if (!found || handle_shard(found) != service->shard->index)
		return -ENOENT;
	record = service_guest(service, found);
	if (!record || record->state != GUEST_RUNNING ||
	    strcmp(record->name, name))
		return -ENOENT;
	*guest = found;
	return 0;
}

const struct service_ops service_spice = {
	.find = find,
	.offer = migrate_offer,
	.begin = migrate_begin,
	.freeze = migrate_freeze,
	.hand_over = migrate_hand_over,
	.undo = migrate_undo,
	.release = migrate_release,
	.grant = migrate_grant,
	.import = migrate_import,
	.refuse_seamless = migrate_refuse_seamless,
	.import_end = migrate_import_end,
	.run = migrate_run,
	.revoke = migrate_revoke,
};

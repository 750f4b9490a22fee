/* session.c - a session: founding, linking, closing, and signs of life. */
#include "channels/session.h"
#include "channels/migrate/migrate.h"
#include "channels/service.h"
#include "channels/session_id.h"
#include "core/plant.h"

#include <spice/enums.h>

#include <string.h>

/* A client that is silent this long while a PONG is due has died. */
#define SILENCE_NS    (30 * NS_PER_S)
#define PING_EVERY_NS (10 * NS_PER_S)
#define TICK_NS       (1 * NS_PER_S)

/* Ids of earlier sessions may have gone elsewhere and come back. */
#define ID_TRIES_MAX 1024

struct guest *session_guest(const struct session *session)
{
	return session->guest ? service_guest(session->service, session->guest)
			      : NULL;
}

struct session_channel *session_find(struct session *session, uint8_t type,
				     uint8_t id)
{
	for (uint32_t i = 0; i < session->channel_count; i++) {
		struct session_channel *entry = &session->channels[i];

		/* Type 1 with any id is the main channel. */
		if (entry->type == type &&
		    (entry->id == id || type == SPICE_CHANNEL_MAIN))
			return entry;
	}
	return NULL;
}

struct channel *session_channel(struct session *session, uint8_t type,
				uint8_t id)
{
	struct session_channel *entry = session_find(session, type, id);

	return entry && entry->channel
		       ? service_channel(session->service, entry->channel)
		       : NULL;
}

struct channel *session_main(struct session *session)
{
	return session_channel(session, SPICE_CHANNEL_MAIN, 0);
}

void session_each(struct session *session,
		  void (*each)(struct channel *channel, void *arg), void *arg)
{
	/* Backwards: main stands first and comes last. */
	for (uint32_t i = session->channel_count; i-- > 0;) {
		struct channel *channel =
			session->channels[i].channel
				? service_channel(session->service,
						  session->channels[i].channel)
				: NULL;

		if (channel && channel->state != CHANNEL_CLOSING)
			each(channel, arg);
	}
}

void session_list_channels(struct session *session, const struct guest *guest)
{
	struct guest_channel offered[SESSION_CHANNELS_MAX - 1];
	uint32_t count =
		guest->ops->channels(guest, offered, SESSION_CHANNELS_MAX - 1);

	session->channels[0] =
		(struct session_channel){.type = SPICE_CHANNEL_MAIN};
	for (uint32_t i = 0; i < count; i++)
		session->channels[i + 1] = (struct session_channel){
			.type = offered[i].type,
			.id = offered[i].id,
		};
	session->channel_count = count + 1;
}

struct session *session_new(struct service *service, struct guest *guest)
{
	struct session *old = service_session(service, guest->session);
	/* A switch-host awaits this very link. */
	struct move *move = moves_get(service->moves, guest->move);
	struct pool *pool = service->shard->pool;
	struct session *session;
	uint32_t tries = 0;
	handle self;
	int err;

	if (guest->state != GUEST_RUNNING)
		return NULL;
	/* Whoever has the ticket takes over, as with libspice; but a session
	 * that moves is not torn from the client it moves with. */
	if ((old && old->move) || (move && move->role == MOVE_SOURCE))
		return NULL;
	if (old)
		session_close(old, "another client has taken over");
	session = slab_take(&service->sessions, &self);
	if (!session)
		return NULL;
	session->self = self;
	session->service = service;
	session->guest = guest->self;
	session->state = SESSION_LIVE;
	session->mouse_mode = SPICE_MOUSE_MODE_SERVER;
	session->last_seen_ns = service->shard->now_ns;
	session_list_channels(session, guest);
	do {
		session->id = session_id_make(
			pool->secret, pool->node,
			(uint32_t)service->shard->index << 16 |
				(service->next_session++ & 0xffff));
		err = idtable_add(&pool->sessions, session->id, self);
	} while (err && ++tries < ID_TRIES_MAX);
	if (err) {
		slab_give(&service->sessions, self);
		return NULL;
	}
	guest->session = self;
	if (move) {
		session->move = move->self;
		session->switch_wait = true;
		move->own = self;
	}
	service_arm_session(service, handle_index(self),
			    service->shard->now_ns + TICK_NS);
	return session;
}

void session_linked(struct session *session, struct channel *channel)
{
	const struct channel_ops *ops = channel_ops_of(channel->type);
	struct guest *guest = session_guest(session);
	struct move *move = moves_get(session->service->moves, session->move);

	session->linked_ns = session->service->shard->now_ns;
	if (channel->state == CHANNEL_PARKED) {
		migrate_parked(session, channel);
		return;
	}
	ops->open(channel);
	if (channel->type == SPICE_CHANNEL_MAIN && session->switch_wait && move)
		migrate_fresh(session);
	if (channel->type == SPICE_CHANNEL_MAIN || ops->guest_may_send)
		return; /* those wait for a word of the client's */
	guest->now_ns = session->service->shard->now_ns;
	guest->ops->channel_up(guest, channel->type, channel->id);
}

static void kill_channel(struct channel *channel, void *arg)
{
	(void)arg;
	channel->state = CHANNEL_CLOSING;
	dp_kill(channel->service->shard->front, channel->conn);
}

static void detach_guest(struct session *session)
{
	struct guest *guest = session_guest(session);

	if (!guest || guest->session != session->self)
		return;
	guest->session = HANDLE_NONE;
	if (session->state != SESSION_LIVE)
		return;
	guest->now_ns = session->service->shard->now_ns;
	guest->ops->detached(guest);
}

static void free_if_empty(struct session *session)
{
	struct service *service = session->service;

	if (session->state != SESSION_CLOSING)
		return;
	for (uint32_t i = 0; i < session->channel_count; i++) {
		if (session->channels[i].channel)
			return;
	}
	service_arm_session(service, handle_index(session->self), NS_NEVER);
	slab_give(&service->sessions, session->self);
}

void session_close(struct session *session, const char *why)
{
	struct service *service = session->service;
	struct move *move = moves_get(service->moves, session->move);
	const struct guest *guest = session_guest(session);

	if (session->state == SESSION_CLOSING)
		return;
	/* One that has moved has given its guest up by now. */
	host_log(service->shard->host, LOG_INFO, "session %08x%s%s: %s",
		 session->id, guest ? " of " : "", guest ? guest->name : "",
		 why);
	detach_guest(session);
	if (!plant_is(service->shard->pool, PLANT_leak_session_id))
		idtable_drop(&service->shard->pool->sessions, session->id,
			     session->self);
	session->state = SESSION_CLOSING;
	session->move = HANDLE_NONE;
	session_each(session, kill_channel, NULL);
	/* Told last: the engine may undo, and finds everything closed. */
	if (move && move->role == MOVE_SOURCE)
		move_client_gone(move);
	else if (move)
		move_abort(move, why);
	free_if_empty(session);
}

void session_channel_closed(struct session *session, struct channel *channel)
{
	struct service *service = session->service;
	struct session_channel *entry =
		session_find(session, channel->type, channel->id);
	struct guest *guest = session_guest(session);
	bool was_main = channel->type == SPICE_CHANNEL_MAIN;
	bool gone_ahead = migrate_gone_ahead(session, channel);
	bool done_without = session->state == SESSION_LIVE &&
			    migrate_done_without(session, channel);
	uint8_t type = channel->type;
	uint8_t id = channel->id;

	service_free_channel(service, channel);
	entry->channel = HANDLE_NONE;
	switch (session->state) {
	case SESSION_CLOSING:
		free_if_empty(session);
		break;
	case SESSION_DRAINING:
		/* The client closing main is the sign that it has gone over;
		 * its readers of the other channels wait for us to close. */
		if (was_main)
			session_close(session, "the client has moved");
		break;
	case SESSION_ARRIVING:
		session_close(session, "a link of the arriving client died");
		break;
	default:
		if (gone_ahead) {
			break;
		} else if (was_main || (session->move && !done_without)) {
			session_close(session, "the client has left");
		} else if (guest) {
			guest->now_ns = service->shard->now_ns;
			guest->ops->channel_down(guest, type, id);
		}
		break;
	}
}

void session_timer(struct session *session)
{
	struct service *service = session->service;
	uint64_t now_ns = service->shard->now_ns;
	struct channel *main_channel = session_main(session);

	if (session->state == SESSION_DRAINING) {
		session_close(session,
			      main_channel ? "the client did not close in time"
					   : "the client has moved");
		return;
	}
	service_arm_session(service, handle_index(session->self),
			    now_ns + TICK_NS);
	/* While it connects elsewhere the client does not read main. */
	if (session->state != SESSION_LIVE || session->begin_pending ||
	    !main_channel || main_channel->state != CHANNEL_UP)
		return;
	if (session->ping_ns && now_ns - session->ping_ns > SILENCE_NS &&
	    now_ns - session->last_seen_ns > SILENCE_NS) {
		session_close(session, "the client is silent");
		return;
	}
	if (!session->ping_ns &&
	    now_ns - session->last_seen_ns > PING_EVERY_NS) {
		session->ping_ns = now_ns;
		channel_ping(main_channel);
	}
}

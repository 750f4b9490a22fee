/* session_life.c - a session's beginning and end, and signs of life. */
#include "channels/session_life.h"
#include "channels/channel_kept.h"
#include "channels/channel_out.h"
#include "channels/guest/guest.h"
#include "channels/service.h"
#include "channels/session.h"
#include "channels/session_id.h"
#include "core/move_destination.h"
#include "core/move_record.h"
#include "core/move_source.h"
#include "core/plant.h"

#include <spice/enums.h>

/* A client that is silent this long while a PONG is due has died. */
#define SILENCE_NS    (30 * NS_PER_S)
#define PING_EVERY_NS (10 * NS_PER_S)
#define TICK_NS       (1 * NS_PER_S)

/* Ids of earlier sessions may have gone elsewhere and come back. */
#define ID_TRIES_MAX 1024

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
	guest->last_input_ns = service->shard->now_ns;
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

static void kill_channel(struct channel *channel, void *arg)
{
	(void)arg;
	channel->state = CHANNEL_CLOSING;
	dp_kill(shard_dp(channel->service->shard, channel->conn),
		channel->conn);
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
	session_free_if_empty(session);
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

static void replay(struct channel *channel, void *arg)
{
	(void)arg;
	if (channel_replay(channel))
		session_close(channel_session(channel), "malformed input");
}

void session_replay(struct session *session)
{
	session_each(session, replay, NULL);
}

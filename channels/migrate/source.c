/* source.c - the source's side: announce, freeze, seal, hand over, undo. */
#include "channels/channel_hold.h"
#include "channels/channel_out.h"
#include "channels/guest/guest.h"
#include "channels/migrate/migrate.h"
#include "channels/migrate/token.h"
#include "channels/service.h"
#include "channels/session.h"
#include "channels/session_life.h"
#include "core/move_record.h"
#include "core/move_source.h"
#include "core/plant.h"

#include <spice/enums.h>

#include <errno.h>

/* The version that a destination is asked for; libspice refuses above 1. */
#define MIGRATION_VERSION 1

_Static_assert(PEER_HOST_MAX <= WIRE_HOST_MAX,
	       "whatever host a peer names fits into MIGRATE_BEGIN");

#define MIGRATE_FLAGS_ALL \
	(SPICE_MIGRATE_NEED_FLUSH | SPICE_MIGRATE_NEED_DATA_TRANSFER)

static uint32_t source_version(const struct service *service)
{
	uint32_t version = service->shard->pool->config->test.src_mig_version;

	return version ? version : MIGRATION_VERSION;
}

/* Pre-migration step (1): s1->c MIGRATE_BEGIN or MIGRATE_BEGIN_SEAMLESS. */
void migrate_begin(struct service *service, struct move *move)
{
	struct session *session = service_session(service, move->own);
	struct channel *main_channel = session ? session_main(session) : NULL;

	if (!main_channel) {
		move_fail(move, "the client has left");
		return;
	}
	if (move->mode == MODE_SWITCH_HOST) {
		move_ready(move, MODE_SWITCH_HOST);
		return;
	}
	session->begin_pending = true;
	if (move->mode == MODE_SEAMLESS || session->nack) {
		struct msg_main_migrate_begin_seamless begin = {
			.port = move->port,
			.sport = move->tls_port,
			.host = {move->host, move->host_len},
			.version = source_version(service),
		};

		channel_send(main_channel,
			     SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS, &begin);
	} else {
		struct msg_main_migrate_begin begin = {
			.port = move->port,
			.sport = move->tls_port,
			.host = {move->host, move->host_len},
		};

		channel_send(main_channel, SPICE_MSG_MAIN_MIGRATE_BEGIN,
			     &begin);
	}
}

/* Pre-migration step (2): c->s1 CONNECTED or CONNECTED_SEAMLESS. */
int migrate_connected(struct session *session, bool seamless)
{
	struct move *move = moves_get(session->service->moves, session->move);

	if (!session->begin_pending || !move)
		return -EPROTO;
	session->begin_pending = false;
	session->dial_failed = false;
	move_ready(move, seamless ? MODE_SEAMLESS : MODE_SEMI_SEAMLESS);
	return 0;
}

int migrate_connect_error(struct session *session)
{
	struct move *move = moves_get(session->service->moves, session->move);

	if (!session->begin_pending || !move)
		return -EPROTO;
	session->begin_pending = false;
	session->dial_failed = true;
	if (move->force && !move->cancelled)
		move_ready(move, MODE_SWITCH_HOST);
	else
		move_fail(move, "the client could not connect to the "
				"destination");
	return 0;
}

/* Post-migration step (1): s1->c MIGRATE, behind the last output. */
static void send_migrate(struct channel *channel, void *arg)
{
	struct session *session = channel_session(channel);
	struct msg_base_migrate migrate = {.flags = session->flags};

	(void)arg;
	channel_send(channel, SPICE_MSG_MIGRATE, &migrate);
	if (plant_is(channel->service->shard->pool,
		     PLANT_message_after_migrate))
		channel_ping(channel);
	channel->state = CHANNEL_FROZEN;
	channel_cold(channel)->marked_ns = channel->service->shard->now_ns;
	session->marks_due++;
	/* Input that the guest would not take must be read up to the mark. */
	channel_unhold(channel);
}

static void gate(struct channel *channel, void *arg)
{
	(void)arg;
	channel->state = CHANNEL_SEALED;
}

struct sealing {
	struct move *move;
	int err;
};

static void seal_now(struct channel *channel, void *arg)
{
	struct sealing *sealing = arg;

	channel->state = CHANNEL_SEALED;
	channel_session(channel)->marks_due--;
	if (!sealing->err)
		sealing->err = migrate_seal_channel(sealing->move, channel);
}

void migrate_freeze(struct service *service, struct move *move)
{
	struct session *session = service_session(service, move->own);
	struct guest *guest = service_guest(service, move->guest);
	struct sealing sealing = {.move = move};

	session->flags =
		(uint8_t)service->shard->pool->config->test.migrate_flags;
	session->marks_due = 0;
	guest->now_ns = service->shard->now_ns;
	guest->ops->pause(guest);
	guest->state = GUEST_PAUSED;
	if (move->mode == MODE_SEAMLESS)
		session_each(session, send_migrate, NULL);
	else
		session_each(session, gate, NULL);
	if (migrate_seal_guest(move, session, guest)) {
		move_fail(move, "the guest's state does not fit an image");
		return;
	}
	/* Without NEED_FLUSH no mark comes: everything is sealed at once. */
	if (move->mode == MODE_SEAMLESS &&
	    !(session->flags & SPICE_MIGRATE_NEED_FLUSH))
		session_each(session, seal_now, &sealing);
	if (sealing.err)
		move_fail(move, "a channel's state could not be sealed");
	else if (!session->marks_due)
		move_sealed(move);
}

bool migrate_by_marks(const struct session *session)
{
	const struct move *move =
		moves_get(session->service->moves, session->move);

	return move && move->mode == MODE_SEAMLESS &&
	       (session->flags & SPICE_MIGRATE_NEED_FLUSH);
}

bool migrate_gone_ahead(const struct session *session,
			const struct channel *channel)
{
	const struct move *move =
		moves_get(session->service->moves, session->move);

	return move && move->mode == MODE_SEAMLESS &&
	       session->state == SESSION_LIVE &&
	       channel->state == CHANNEL_SEALED &&
	       !(session->flags & SPICE_MIGRATE_NEED_DATA_TRANSFER);
}

void migrate_overflow(struct channel *channel)
{
	struct session *session = channel_session(channel);
	struct move *move = moves_get(session->service->moves, session->move);

	if (move)
		move_fail(move, "the client has more input on its way than "
				"an image takes");
}

/* Post-migration step (2): c->s1 FLUSH_MARK. */
int migrate_mark(struct channel *channel)
{
	struct session *session = channel_session(channel);
	struct service *service = session->service;
	struct move *move = moves_get(service->moves, session->move);

	/* The mark of a freeze that was undone comes first, even when the
	 * channel is frozen anew by then. */
	if (channel_cold(channel)->marks_owed) {
		channel_cold(channel)->marks_owed--;
		return 0;
	}
	if (channel->state != CHANNEL_FROZEN || !move ||
	    !(session->flags & SPICE_MIGRATE_NEED_FLUSH))
		return -EPROTO;
	stats_add(&service->shard->stats, STAT_flush_marks, 1);
	channel->state = CHANNEL_SEALED;
	channel_cold(channel)->marked_ns = service->shard->now_ns;
	session->marks_due--;
	if (migrate_seal_channel(move, channel)) {
		move_fail(move, "a channel's state could not be sealed");
		return 0;
	}
	if (!session->marks_due)
		move_sealed(move);
	return 0;
}

/* Post-migration step (3): s1->c MIGRATE_DATA, the point of no return. */
static void send_token(struct channel *channel, void *arg)
{
	struct move *move = arg;
	struct session *session = channel_session(channel);
	struct service *service = session->service;
	uint8_t token[MIGRATE_TOKEN_BYTES];
	struct msg_base_migrate_data data = {.data = {token, sizeof(token)}};

	if (session->flags & SPICE_MIGRATE_NEED_DATA_TRANSFER) {
		migrate_token_make(move, session->id, channel->type,
				   channel->id, token);
		channel_send_anyway(channel, SPICE_MSG_MIGRATE_DATA, &data);
	}
	move_note_pause(move, service->shard->now_ns -
				      channel_cold(channel)->marked_ns);
	channel->state = CHANNEL_DRAINING;
}

static void drain(struct channel *channel, void *arg)
{
	(void)arg;
	channel->state = CHANNEL_DRAINING;
}

static void send_switch_host(const struct move *move,
			     struct channel *main_channel)
{
	struct msg_main_migrate_begin target = {
		.port = move->port,
		.sport = move->tls_port,
		.host = {move->host, move->host_len},
	};

	channel_send_anyway(main_channel, SPICE_MSG_MAIN_MIGRATE_SWITCH_HOST,
			    &target);
}

void migrate_hand_over(struct service *service, struct move *move)
{
	struct session *session = service_session(service, move->own);
	struct guest *guest = service_guest(service, move->guest);
	uint64_t drain_ns =
		service->shard->pool->config->move.drain_ms * NS_PER_MS;
	struct channel *main_channel;

	/* Left, or leaving, while the peer's word was awaited. */
	if (!session || session->state != SESSION_LIVE) {
		service_drop_guest(service, guest);
		return;
	}
	main_channel = session_main(session);
	if (move->mode == MODE_SEAMLESS) {
		session_each(session, send_token, move);
	} else {
		if (move->mode == MODE_SEMI_SEAMLESS)
			channel_send_anyway(main_channel,
					    SPICE_MSG_MAIN_MIGRATE_END, NULL);
		else
			send_switch_host(move, main_channel);
		session_each(session, drain, NULL);
	}
	/* From here on neither id nor guest is ours. */
	idtable_drop(&service->shard->pool->sessions, session->id,
		     session->self);
	session->state = SESSION_DRAINING;
	session->guest = HANDLE_NONE;
	service_drop_guest(service, guest);
	/* Or the client has gone ahead already. */
	service_arm_session(service, handle_index(session->self),
			    service->shard->now_ns +
				    (main_channel ? drain_ns : 0));
}

static void thaw(struct channel *channel, void *arg)
{
	static const char text[] = "the migration was undone";
	struct msg_base_notify notify = {
		.time = channel->service->shard->now_ns,
		.severity = SPICE_NOTIFY_SEVERITY_INFO,
		.visibility = SPICE_NOTIFY_VISIBILITY_LOW,
		.text = {(const uint8_t *)text, sizeof(text) - 1},
		.nul = {(const uint8_t *)"", 1},
	};
	const bool *told = arg;

	if (channel->state != CHANNEL_FROZEN &&
	    channel->state != CHANNEL_SEALED)
		return;
	if (*told &&
	    !plant_is(channel->service->shard->pool, PLANT_undo_without_thaw)) {
		if (channel->state == CHANNEL_FROZEN)
			channel_cold(channel)->marks_owed++;
		channel_send_anyway(channel, SPICE_MSG_NOTIFY, &notify);
	}
	channel->state = CHANNEL_UP;
}

/* The client is told first on main, so that it reads the CANCEL behind. */
static void thaw_session(struct session *session, const struct move *move)
{
	bool told = move->mode == MODE_SEAMLESS;
	struct channel *main_channel = session_main(session);

	if (main_channel)
		thaw(main_channel, &told);
	session_each(session, thaw, &told);
	if (main_channel && move->begun && move->mode != MODE_SWITCH_HOST)
		channel_send(main_channel, SPICE_MSG_MAIN_MIGRATE_CANCEL, NULL);
}

void migrate_undo(struct service *service, struct move *move)
{
	struct session *session = service_session(service, move->own);
	struct guest *guest = service_guest(service, move->guest);
	bool frozen = guest && guest->state == GUEST_PAUSED;

	if (session && session->state != SESSION_LIVE)
		session = NULL;
	if (session) {
		session->move = HANDLE_NONE;
		session->nack = false;
		session->marks_due = 0;
	}
	if (session && frozen && move->mode == MODE_SEAMLESS &&
	    session->flags != MIGRATE_FLAGS_ALL) {
		/* With other flags the client has gone over already. */
		session_close(session, "a move without a way back failed");
		session = NULL;
	}
	if (session)
		thaw_session(session, move);
	if (!guest)
		return;
	guest->move = HANDLE_NONE;
	if (!frozen)
		return;
	guest->now_ns = service->shard->now_ns;
	guest->state = GUEST_RUNNING;
	guest->ops->resume(guest);
	if (session)
		session_replay(session);
}

/* destination.c - the destination's side: park, count, run, tokens, revoke. */
#include "channels/channel_hold.h"
#include "channels/channel_out.h"
#include "channels/guest/guest.h"
#include "channels/migrate/migrate.h"
#include "channels/migrate/token.h"
#include "channels/service.h"
#include "channels/session.h"
#include "channels/session_life.h"
#include "core/move_destination.h"
#include "core/move_record.h"
#include "core/plant.h"

#include <spice/enums.h>

#include <errno.h>
#include <stdio.h>

/* The highest version of a source that we know how to follow. */
#define MIGRATION_VERSION_MAX 1

/* Tells the source once when every link is here and the mode is known. */
static void check_linked(struct session *session)
{
	struct service *service = session->service;
	struct move *move = moves_get(service->moves, session->move);

	if (!move || session->linked || !session->channels[0].channel)
		return;
	/* The question must be read: a main that is linked is held. */
	if (session->asks && !session->acked_seamless && !session->nacked)
		return;
	for (uint32_t i = 0; i < session->channel_count; i++) {
		if (session->channels[i].linked_at_source &&
		    !session->channels[i].channel)
			return;
	}
	session->linked = true;
	session->semi_wait = !session->acked_seamless;
	move_linked(move);
}

void migrate_parked(struct session *session)
{
	check_linked(session);
}

/* Pre-migration steps (2.2), (2.2.1): answered in the pass that reads it. */
int migrate_do_seamless(struct session *session, uint32_t version)
{
	struct channel *main_channel = session_main(session);
	bool ack = version <= MIGRATION_VERSION_MAX && !session->nack;

	if (session->acked_seamless || session->nacked)
		return -EPROTO;
	session->acked_seamless = ack;
	session->nacked = !ack;
	channel_send_anyway(main_channel,
			    ack ? SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_ACK
				: SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_NACK,
			    NULL);
	check_linked(session);
	return 0;
}

void migrate_refuse_seamless(struct service *service, struct move *move)
{
	struct session *session = service_session(service, move->own);

	if (session)
		session->nack = true;
}

struct census {
	uint32_t channels;
	uint32_t missing;
};

static void count_images(struct channel *channel, void *arg)
{
	const struct channel_cold *cold = channel_cold(channel);
	struct census *census = arg;

	census->channels++;
	if (!cold->imaged || cold->pending.len_bytes != cold->pending_due)
		census->missing++;
}

/* An arriving session that is not wanted after all; its move goes on. */
static void close_arriving(struct service *service, struct move *move,
			   const char *why)
{
	struct session *session = service_session(service, move->own);

	if (!session)
		return;
	session->move = HANDLE_NONE;
	session_close(session, why);
	move->own = HANDLE_NONE;
}

/* Plants: there is a second owner, which looks as it should. */
static void run_too_early(struct guest *guest)
{
	guest->epoch = guest->moves;
	guest->state = GUEST_RUNNING;
}

int migrate_import_end(struct service *service, struct move *move)
{
	struct session *session = service_session(service, move->own);
	struct guest *guest = service_guest(service, move->guest);
	struct census census = {0};

	if (!guest->imaged) {
		move_say(move, "the guest's image did not come");
		return -EBADMSG;
	}
	if (plant_is(service->shard->pool, PLANT_run_before_commit))
		run_too_early(guest);
	if (move->mode == MODE_SWITCH_HOST) {
		close_arriving(service, move, "the client will come afresh");
		return 0;
	}
	if (!session || !session->imaged || !session->linked) {
		move_say(move, "the session did not come");
		return -EBADMSG;
	}
	if (move->mode != MODE_SEAMLESS)
		return 0;
	session_each(session, count_images, &census);
	if (census.missing || !session->acked_seamless) {
		move_say(move, "%u of %u channels have no image",
			 census.missing, census.channels);
		return -EBADMSG;
	}
	return 0;
}

/* COMMIT in seamless mode: output flows at once, input behind the token. */
static void resume_channel(struct channel *channel, void *arg)
{
	const struct channel_cold *cold = channel_cold(channel);
	const struct channel_ops *ops = cold->ops;
	struct session *session = channel_session(channel);
	const struct pool *pool = channel->service->shard->pool;

	(void)arg;
	channel->state = CHANNEL_AWAITED;
	session->tokens_due++;
	if (plant_is(pool, PLANT_forget_ack_restart))
		channel->ack_generation++;
	else if (ops->acked && channel->ack_generation)
		channel_start_acks(channel, channel->ack_window);
	if (plant_is(pool, PLANT_resend_init))
		ops->open(channel);
	if (ops->resumed)
		ops->resumed(channel);
	if (!cold->token_due)
		channel_ping(channel); /* its PONG says: switched */
	channel_unhold(channel);
}

static void run_session(struct session *session, const struct move *move)
{
	struct channel *main_channel = session_main(session);

	session->state = SESSION_LIVE;
	if (move->mode == MODE_SEAMLESS) {
		session_each(session, resume_channel, NULL);
		return;
	}
	/* Semi-seamless: MIGRATE_END is the next thing on main. */
	main_channel->state = CHANNEL_UP;
	channel_unhold(main_channel);
}

void migrate_run(struct service *service, struct move *move)
{
	struct session *session = service_session(service, move->own);
	struct guest *guest = service_guest(service, move->guest);
	bool seamless = move->mode == MODE_SEAMLESS;

	/* One that is closing is as good as gone: COMMIT came late. */
	if (session && session->state != SESSION_ARRIVING)
		session = NULL;
	guest->now_ns = service->shard->now_ns;
	guest->last_input_ns = guest->now_ns;
	if (!plant_is(service->shard->pool, PLANT_keep_epoch))
		guest->epoch = move->epoch;
	guest->moves++;
	guest->state = GUEST_RUNNING;
	if (session) {
		service_arm_session(service, handle_index(session->self),
				    guest->now_ns + NS_PER_S);
		run_session(session, move);
	}
	if (!session && move->mode != MODE_SWITCH_HOST) {
		/* Whoever comes next starts anew. */
		guest->ops->detached(guest);
		move_abort(move, "the client left before it switched");
	}
	/* Bad input kept for the guest closes the session: the move is over
	 * then, and its record free. */
	guest->ops->resume(guest);
	if (session && seamless)
		session_replay(session);
}

/* Post-migration step (4): c->s2 MIGRATE_DATA. */
int migrate_token(struct channel *channel, const uint8_t *data, uint32_t len)
{
	struct session *session = channel_session(channel);
	struct service *service = session->service;
	struct move *move = moves_get(service->moves, session->move);

	if (!move || !migrate_token_check(move, session->id, channel->type,
					  channel->id, data, len)) {
		stats_add(&service->shard->stats, STAT_tokens_bad, 1);
		return -EPROTO;
	}
	stats_add(&service->shard->stats, STAT_tokens, 1);
	channel_cold(channel)->token_due = false;
	migrate_switched(channel);
	return 0;
}

void migrate_switched(struct channel *channel)
{
	struct session *session = channel_session(channel);
	struct move *move = moves_get(session->service->moves, session->move);

	channel->state = CHANNEL_UP;
	if (--session->tokens_due || !move)
		return;
	move_switched(move);
}

/*
 * Semi-seamless, post-migration step (2): c->s2 MIGRATE_END. A channel that the
 * client used has switched when it says anything, by its PONG at the latest;
 * one that it had not linked at the source it never reads.
 */
static void open_channel(struct channel *channel, void *arg)
{
	const struct channel_ops *ops = channel_cold(channel)->ops;
	struct session *session = channel_session(channel);
	struct guest *guest = session_guest(session);
	bool used = session_find(session, channel->type, channel->id)
			    ->linked_at_source;

	(void)arg;
	if (channel->type == SPICE_CHANNEL_MAIN)
		return;
	channel->state = used ? CHANNEL_AWAITED : CHANNEL_UP;
	ops->open(channel);
	if (used) {
		session->tokens_due++;
		channel_ping(channel);
	}
	channel_unhold(channel);
	if (!ops->guest_may_send)
		guest->ops->channel_up(guest, channel->type, channel->id);
}

int migrate_end(struct session *session)
{
	struct move *move = moves_get(session->service->moves, session->move);
	struct channel *main_channel = session_main(session);
	struct guest *guest = session_guest(session);

	if (!session->semi_wait || !guest || !move)
		return -EPROTO;
	session->semi_wait = false;
	session->tokens_due = 1; /* main's, which this message is */
	guest->now_ns = session->service->shard->now_ns;
	channel_cold(main_channel)->ops->open(main_channel);
	session_each(session, open_channel, NULL);
	migrate_switched(main_channel);
	return 0;
}

bool migrate_done_without(struct session *session, struct channel *channel)
{
	const struct move *move =
		moves_get(session->service->moves, session->move);

	if (!move || move->role != MOVE_DESTINATION ||
	    move->mode != MODE_SEMI_SEAMLESS ||
	    channel->type == SPICE_CHANNEL_MAIN)
		return false;
	if (channel->state == CHANNEL_AWAITED)
		migrate_switched(channel);
	return channel->state == CHANNEL_UP;
}

void migrate_fresh(struct session *session)
{
	struct move *move = moves_get(session->service->moves, session->move);

	session->switch_wait = false;
	if (move)
		move_switched(move);
}

void migrate_release(struct service *service, struct move *move)
{
	struct session *session = service_session(service, move->own);
	struct guest *guest = service_guest(service, move->guest);
	const struct config *config = service->shard->pool->config;
	char why[2 * NAME_BYTES + 16];

	if (session)
		session->move = HANDLE_NONE;
	if (move->role == MOVE_SOURCE) {
		snprintf(why, sizeof(why), "%s lives at %s now",
			 move->guest_name, config->peers[move->peer].name);
		if (session)
			session_close(session, why);
		return;
	}
	if (guest)
		guest->move = HANDLE_NONE;
	if (session && move->aborted) {
		session_close(session, move->reason);
	} else if (guest && move->aborted && !guest->session) {
		/* A switch-host that nobody made: the next one starts anew. */
		guest->now_ns = service->shard->now_ns;
		guest->ops->detached(guest);
	}
}

void migrate_revoke(struct service *service, struct move *move)
{
	struct guest *guest = service_guest(service, move->guest);

	close_arriving(service, move, "the move was called off");
	if (guest && guest->imaged &&
	    plant_is(service->shard->pool, PLANT_run_after_cancel))
		run_too_early(guest);
	else if (guest)
		service_drop_guest(service, guest);
}

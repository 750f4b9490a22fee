/* source.c - the source's side: announce, freeze, seal, hand over, undo. */
#include "channels/migrate/images.h"
#include "channels/migrate/migrate.h"
#include "channels/service.h"

#include <spice/enums.h>
#include <spice/protocol.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The version that a destination is asked for; libspice refuses above 1. */
#define MIGRATION_VERSION 1

#define MIGRATE_FLAGS_ALL \
	(SPICE_MIGRATE_NEED_FLUSH | SPICE_MIGRATE_NEED_DATA_TRANSFER)

static struct session *session_of(struct service *service,
				  const struct move *move)
{
	return service_session(service, move->own);
}

static bool main_can(const struct session *session, uint32_t cap)
{
	return caps_test(&session->main_caps, 1, cap);
}

/* A channel that we listed and the client never linked, or NULL. */
static const struct session_channel *not_linked(const struct session *session)
{
	for (uint32_t i = 0; session->listed && i < session->channel_count;
	     i++) {
		if (!session->channels[i].channel)
			return &session->channels[i];
	}
	return NULL;
}

static bool came_by_unix_socket(struct session *session)
{
	struct channel *channel = session_main(session);
	struct dp_conn_info info;

	return channel &&
	       !dp_conn_info(session->service->shard->front, channel->conn,
			     &info) &&
	       info.local.family == ADDR_UNIX;
}

enum move_mode migrate_explain(struct session *session, char *reason,
			       size_t cap)
{
	const struct session_channel *missing = not_linked(session);
	bool semi = main_can(session, SPICE_MAIN_CAP_SEMI_SEAMLESS_MIGRATE);
	bool tokens = main_can(session, SPICE_MAIN_CAP_AGENT_CONNECTED_TOKENS);
	bool seamless = main_can(session, SPICE_MAIN_CAP_SEAMLESS_MIGRATE);

	if (session->state != SESSION_LIVE || session->tokens_due ||
	    session->semi_wait) {
		snprintf(reason, cap, "an earlier move has not ended yet");
		return MODE_NONE;
	}
	if (session->begin_pending) {
		snprintf(reason, cap,
			 "the client still connects for an earlier move");
		return MODE_NONE;
	}
	if (came_by_unix_socket(session)) {
		snprintf(reason, cap,
			 "the client came by a unix socket and would dial it "
			 "again; let it come by TCP");
		return MODE_NONE;
	}
	if (!semi) {
		snprintf(reason, cap,
			 "the client knows no migration (main capability 0)");
		return MODE_SWITCH_HOST;
	}
	if (!tokens || !seamless) {
		snprintf(reason, cap, "the client lacks main capability %s",
			 tokens ? "3 (seamless)" : "2 (agent tokens)");
		return MODE_SEMI_SEAMLESS;
	}
	if (missing) {
		snprintf(reason, cap, "the client has not linked %s channel %u",
			 wire_channel_name(missing->type), missing->id);
		return MODE_SEMI_SEAMLESS;
	}
	snprintf(reason, cap, "the client can");
	return MODE_SEAMLESS;
}

static int64_t encode_offer(const struct session *session,
			    const struct guest *guest, uint8_t *image,
			    size_t cap)
{
	uint8_t list[16 * IMAGE_CHANNELS_MAX];
	struct image_offer offer = {
		.session_id = session->id,
		.header_mode = session->header_mode,
		.nack = session->nack,
		.common_caps = session->common_caps,
		.main_caps = session->main_caps,
		.number = guest->number,
		.channels = {list, 0},
	};

	memcpy(offer.ticket_hash, guest->ticket_hash,
	       sizeof(offer.ticket_hash));
	snprintf((char *)offer.driver, sizeof(offer.driver), "%s",
		 guest->ops->name);
	for (uint32_t i = 0; i < session->channel_count; i++) {
		const struct session_channel *entry = &session->channels[i];
		const struct channel *channel =
			entry->channel ? service_channel(session->service,
							 entry->channel)
				       : NULL;
		struct image_offer_channel one = {
			.type = entry->type,
			.id = entry->id,
			.linked = channel != NULL,
			.caps = channel ? channel_cold(channel)->caps : 0,
		};

		offer.channels.len += (uint32_t)field_encode(
			&image_offer_channel_fields, &one,
			list + offer.channels.len,
			sizeof(list) - offer.channels.len);
	}
	return image_encode(&image_offer_fields, IMAGE_OFFER, IMAGE_PORTABLE,
			    &offer, image, cap);
}

int64_t migrate_offer(struct service *service, struct move *move,
		      uint8_t *image, size_t cap)
{
	struct guest *guest = service_guest(service, move->guest);
	struct session *session =
		guest ? service_session(service, guest->session) : NULL;
	enum move_mode best;
	int64_t len;

	if (!session) {
		move_say(move, "the guest has no client");
		return -ENOTCONN;
	}
	best = migrate_explain(session, move->reason, sizeof(move->reason));
	if (best == MODE_NONE)
		return -EBUSY;
	move->mode = (uint8_t)max_u32(best, max_u32(move->mode, MODE_SEAMLESS));
	move->epoch = guest->epoch + 1;
	move->own = session->self;
	/* A seamless swap of a channel that is not linked never ends. */
	session->nack = move->mode == MODE_SEMI_SEAMLESS &&
			not_linked(session) &&
			main_can(session, SPICE_MAIN_CAP_SEAMLESS_MIGRATE);
	len = encode_offer(session, guest, image, cap);
	if (len < 0)
		return len;
	session->move = move->self;
	guest->move = move->self;
	return len;
}

static uint32_t source_version(const struct service *service)
{
	uint32_t version = service->shard->pool->config->test.src_mig_version;

	return version ? version : MIGRATION_VERSION;
}

static void remember_target(struct session *session,
			    const struct peer_answer *answer)
{
	session->target_port = answer->port;
	session->target_tls_port = answer->tls_port;
	snprintf(session->target_host, sizeof(session->target_host), "%.*s",
		 (int)answer->host.len, (const char *)answer->host.data);
}

static struct span target_host(const struct session *session)
{
	return (struct span){(const uint8_t *)session->target_host,
			     (uint32_t)strlen(session->target_host)};
}

/* Pre-migration step (1): s1->c MIGRATE_BEGIN or MIGRATE_BEGIN_SEAMLESS. */
void migrate_begin(struct service *service, struct move *move,
		   const struct peer_answer *answer)
{
	struct session *session = session_of(service, move);
	struct channel *main_channel = session ? session_main(session) : NULL;

	if (!main_channel) {
		move_fail(move, "the client has left");
		return;
	}
	remember_target(session, answer);
	if (move->mode == MODE_SWITCH_HOST) {
		move_ready(move, MODE_SWITCH_HOST);
		return;
	}
	session->begin_pending = true;
	if (move->mode == MODE_SEAMLESS || session->nack) {
		struct msg_main_migrate_begin_seamless begin = {
			.port = session->target_port,
			.sport = session->target_tls_port,
			.host = target_host(session),
			.version = source_version(service),
		};

		channel_send(main_channel,
			     SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS, &begin);
	} else {
		struct msg_main_migrate_begin begin = {
			.port = session->target_port,
			.sport = session->target_tls_port,
			.host = target_host(session),
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
	move_ready(move, seamless ? MODE_SEAMLESS : MODE_SEMI_SEAMLESS);
	return 0;
}

int migrate_connect_error(struct session *session)
{
	struct move *move = moves_get(session->service->moves, session->move);

	if (!session->begin_pending || !move)
		return -EPROTO;
	session->begin_pending = false;
	if (move->force && !move->cancelled)
		move_ready(move, MODE_SWITCH_HOST);
	else
		move_fail(move, "the client could not connect to the "
				"destination");
	return 0;
}

static int seal_input(struct move *move, struct channel *channel)
{
	const struct channel_cold *cold = channel_cold(channel);
	struct chunk_pool *chunks = &channel->service->shard->chunks;
	uint8_t *bytes = channel->service->scratch;
	uint32_t offset = 0;

	while (offset < cold->pending.len_bytes) {
		uint32_t len = chunkq_copy(chunks, &cold->pending, offset,
					   bytes, IMAGE_PENDING_BYTES);
		struct image_input input = {
			.type = channel->type,
			.id = channel->id,
			.offset = offset,
			.bytes = {bytes, len},
		};
		int err = move_image(move, &image_input_fields, IMAGE_INPUT,
				     &input);

		if (err)
			return err;
		offset += len;
	}
	return 0;
}

static int seal_channel(struct move *move, struct channel *channel)
{
	const struct channel_cold *cold = channel_cold(channel);
	struct image_channel image = {
		.type = channel->type,
		.id = channel->id,
		.flags = channel_session(channel)->flags,
		/* The next message of ours carries MIGRATE_DATA's serial at
		 * the destination, as libspice has it. */
		.out_serial = channel->out_serial,
		.ack_window = channel->ack_window,
		.ack_generation = channel->ack_generation,
		.messages_in = channel->messages_in,
		.messages_out = channel->messages_out,
		.bytes_in = cold->bytes_in,
		.bytes_out = cold->bytes_out,
		.pending_head = cold->pending_head,
		.pending_type = cold->pending_type,
		.pending_left = cold->pending_left,
		.pending_bytes = cold->pending.len_bytes,
	};
	int err;

	if (channel->type == SPICE_CHANNEL_INPUTS) {
		image.motions = cold->inputs.motions;
		image.modifiers = cold->inputs.modifiers;
	} else if (channel->type == SPICE_CHANNEL_DISPLAY) {
		image.display_inited = cold->display.inited;
		image.pixmap_cache_id = cold->display.pixmap_cache_id;
		image.glz_dictionary_id = cold->display.glz_dictionary_id;
		image.compression = cold->display.compression;
		image.pixmap_cache_pixels = cold->display.pixmap_cache_pixels;
		image.glz_window_pixels = cold->display.glz_window_pixels;
		image.width = cold->display.width;
		image.height = cold->display.height;
	}
	err = move_image(move, &image_channel_fields, IMAGE_CHANNEL, &image);
	return err ? err : seal_input(move, channel);
}

/* The guest and its session: sealed as soon as the guest stands still. */
static int seal_guest(struct move *move, struct session *session,
		      struct guest *guest)
{
	uint8_t *scratch = session->service->scratch;
	uint8_t *state = scratch + guest->ops->image_bytes;
	struct image_guest image = {
		.epoch = move->epoch,
		.moves = guest->moves,
	};
	struct image_session about = {
		.session_id = session->id,
		.mouse_mode = session->mouse_mode,
		.listed = session->listed,
		.agent_tokens = session->agent_tokens,
		.agent_used = session->agent_used,
	};
	int64_t len;
	int err;

	guest->ops->snapshot(guest, scratch);
	len = image_encode(guest->ops->image, IMAGE_GUEST, IMAGE_PORTABLE,
			   scratch, state, IMAGE_STATE_BYTES);
	if (len < 0)
		return (int)len;
	memcpy(image.name, guest->name, sizeof(image.name));
	image.state = (struct span){state, (uint32_t)len};
	err = move_image(move, &image_guest_fields, IMAGE_GUEST, &image);
	return err ? err
		   : move_image(move, &image_session_fields, IMAGE_SESSION,
				&about);
}

/* Post-migration step (1): s1->c MIGRATE, behind the last output. */
static void send_migrate(struct channel *channel, void *arg)
{
	struct session *session = channel_session(channel);
	struct msg_base_migrate migrate = {.flags = session->flags};

	(void)arg;
	channel_send(channel, SPICE_MSG_MIGRATE, &migrate);
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
		sealing->err = seal_channel(sealing->move, channel);
}

void migrate_freeze(struct service *service, struct move *move)
{
	struct session *session = session_of(service, move);
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
	if (seal_guest(move, session, guest)) {
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
	if (seal_channel(move, channel)) {
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

static void send_switch_host(struct session *session,
			     struct channel *main_channel)
{
	struct msg_main_migrate_begin target = {
		.port = session->target_port,
		.sport = session->target_tls_port,
		.host = target_host(session),
	};

	channel_send_anyway(main_channel, SPICE_MSG_MAIN_MIGRATE_SWITCH_HOST,
			    &target);
}

void migrate_hand_over(struct service *service, struct move *move)
{
	struct session *session = session_of(service, move);
	struct guest *guest = service_guest(service, move->guest);
	uint64_t drain_ns =
		service->shard->pool->config->move.drain_ms * NS_PER_MS;
	struct channel *main_channel = session_main(session);

	if (move->mode == MODE_SEAMLESS) {
		session_each(session, send_token, move);
	} else {
		if (move->mode == MODE_SEMI_SEAMLESS)
			channel_send_anyway(main_channel,
					    SPICE_MSG_MAIN_MIGRATE_END, NULL);
		else
			send_switch_host(session, main_channel);
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
	if (*told) {
		if (channel->state == CHANNEL_FROZEN)
			channel_cold(channel)->marks_owed++;
		channel_send_anyway(channel, SPICE_MSG_NOTIFY, &notify);
	}
	channel->state = CHANNEL_UP;
}

static void replay(struct channel *channel, void *arg)
{
	(void)arg;
	if (channel_replay(channel))
		session_close(channel_session(channel), "malformed input");
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
	struct session *session = session_of(service, move);
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
		session_each(session, replay, NULL);
}

/* offer.c - how a session could move, and what its destination is told. */
#include "channels/channel.h"
#include "channels/guest/guest.h"
#include "channels/migrate/images.h"
#include "channels/migrate/migrate.h"
#include "channels/service.h"
#include "channels/session.h"
#include "channels/wire/link.h"
#include "core/move_record.h"

#include <spice/enums.h>
#include <spice/protocol.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool main_can(const struct session *session, uint32_t cap)
{
	return caps_test(&session->main_caps, 1, cap);
}

/*
 * The channel that the client uses, or NULL. At a destination spice-gtk dials
 * all that it ever saw listed, but a channel that it had not linked before it
 * never reads: that is as good as not linked, and would not swap either.
 */
static const struct channel *used_channel(const struct session *session,
					  const struct session_channel *entry)
{
	const struct channel *channel =
		service_channel(session->service, entry->channel);

	if (channel && session->moved && !entry->linked_at_source &&
	    !channel->messages_in)
		return NULL;
	return channel;
}

/* A channel that we listed and the client never linked, or NULL. */
static const struct session_channel *not_linked(const struct session *session)
{
	for (uint32_t i = 0; session->listed && i < session->channel_count;
	     i++) {
		if (!used_channel(session, &session->channels[i]))
			return &session->channels[i];
	}
	return NULL;
}

static bool came_by_unix_socket(struct session *session)
{
	struct channel *channel = session_main(session);
	struct dp_conn_info info;

	return channel &&
	       !dp_conn_info(shard_dp(session->service->shard, channel->conn),
			     channel->conn, &info) &&
	       info.local.family == ADDR_UNIX;
}

/*
 * A client that is still at it dials what it has seen listed, or waits for the
 * result of a link: none of that may meet a move. A channel that is left out
 * is waited for, and so is one on which the client has said nothing yet.
 */
#define LEFT_OUT_NS (1 * NS_PER_S)
#define SILENT_NS   (5 * NS_PER_S)

static bool still_links(const struct session *session)
{
	uint64_t since_ns =
		session->service->shard->now_ns - session->linked_ns;

	if (!session->listed || not_linked(session))
		return since_ns < LEFT_OUT_NS;
	for (uint32_t i = 0; i < session->channel_count; i++) {
		const struct channel *channel = service_channel(
			session->service, session->channels[i].channel);

		if (channel && !channel->messages_in)
			return since_ns < SILENT_NS;
	}
	return false;
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
	if (still_links(session)) {
		snprintf(reason, cap, "the client still links its channels");
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
	snprintf(reason, cap, "the client can%s",
		 session->dial_failed ? ", but could not dial last time; with "
					"passed descriptors it needs --force"
				      : "");
	return MODE_SEAMLESS;
}

static int64_t encode_offer(const struct session *session,
			    const struct guest *guest, uint8_t *image,
			    size_t cap)
{
	uint8_t list[16 * SESSION_CHANNELS_MAX];
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
		const struct channel *channel = used_channel(session, entry);
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
	move->session_id = session->id;
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

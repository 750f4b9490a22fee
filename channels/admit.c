/* admit.c - which links may join: keys, tickets, sessions. */
#include "channels/admit.h"
#include "channels/channel.h"
#include "channels/guest/guest.h"
#include "channels/linking.h"
#include "channels/service.h"
#include "channels/session.h"
#include "channels/session_channels.h"
#include "channels/session_life.h"
#include "channels/settle.h"
#include "core/tickets.h"

#include <spice/enums.h>
#include <spice/protocol.h>

static struct wire_caps channel_caps(const struct service *service,
				     uint8_t type)
{
	const struct config_test *test = &service->shard->pool->config->test;
	struct wire_caps caps = {.count = 0};

	switch (type) {
	case SPICE_CHANNEL_MAIN:
		caps_set(&caps, SPICE_MAIN_CAP_SEMI_SEAMLESS_MIGRATE);
		caps_set(&caps, SPICE_MAIN_CAP_NAME_AND_UUID);
		caps_set(&caps, SPICE_MAIN_CAP_AGENT_CONNECTED_TOKENS);
		if (!test->no_seamless_cap)
			caps_set(&caps, SPICE_MAIN_CAP_SEAMLESS_MIGRATE);
		break;
	case SPICE_CHANNEL_DISPLAY:
		caps_set(&caps, SPICE_DISPLAY_CAP_MONITORS_CONFIG);
		caps_set(&caps, SPICE_DISPLAY_CAP_PREF_COMPRESSION);
		break;
	case SPICE_CHANNEL_INPUTS:
		caps_set(&caps, SPICE_INPUTS_CAP_KEY_SCANCODE);
		break;
	default:
		break;
	}
	return caps;
}

/* On the shard that will have the session, or that takes a new main. */
static void offer_key(struct service *service, struct linking *linking)
{
	struct link_offer offer = {
		.common = link_common_caps(),
		.channel = channel_caps(service, linking->link.channel_type),
	};
	uint8_t out[WIRE_LINK_OUT_MAX];
	uint32_t len;

	if (service_lend_key(service, &linking->key_id, &offer.key)) {
		linking_refuse(service, linking, SPICE_LINK_ERR_ERROR);
		return;
	}
	linking->key_lent = true;
	len = link_accept(&linking->link, &offer, out);
	linking_say(service, linking, out, len);
}

static bool is_here(const struct service *service, handle name)
{
	return handle_shard(name) == service->shard->index;
}

void admit_identified(struct service *service, struct linking *linking)
{
	const struct link *link = &linking->link;
	bool is_main = link->channel_type == SPICE_CHANNEL_MAIN;

	if (is_main && !link->connection_id) {
		offer_key(service, linking);
		return;
	}
	linking->target = idtable_get(&service->shard->pool->sessions,
				      link->connection_id);
	if (!linking->target) {
		/* Before the ticket nobody learns which ids there are. */
		offer_key(service, linking);
		return;
	}
	if (is_here(service, linking->target))
		offer_key(service, linking);
	else
		settle_start(service, linking);
}

/* The link becomes a channel of the session, whose queue it takes along. */
static void promote(struct service *service, struct linking *linking,
		    struct session *session)
{
	const struct link *link = &linking->link;
	bool arriving = session->state == SESSION_ARRIVING;
	struct session_channel *entry =
		session_find(session, link->channel_type, link->channel_id);
	struct channel_cold *cold;
	struct channel *channel;
	handle self;

	if (!entry) {
		linking_finish(service, linking,
			       SPICE_LINK_ERR_CHANNEL_NOT_AVAILABLE);
		return;
	}
	if (entry->channel) {
		linking_finish(service, linking,
			       SPICE_LINK_ERR_BAD_CONNECTION_ID);
		return;
	}
	channel = slab_take(&service->channels, &self);
	if (!channel) {
		linking_finish(service, linking, SPICE_LINK_ERR_ERROR);
		return;
	}
	linking_finish(service, linking, SPICE_LINK_ERR_OK);
	*channel = (struct channel){
		.conn = linking->conn,
		.self = self,
		.session = session->self,
		.service = service,
		.tx = linking->tx,
		.tx_flight_bytes = linking->tx_flight_bytes,
		.type = link->channel_type,
		.id = link->channel_id,
		.state = arriving ? CHANNEL_PARKED : CHANNEL_UP,
		.bits = linking->sending ? CHANNEL_SENDING : 0,
	};
	frame_init(&channel->parser, (enum frame_mode)session->header_mode,
		   true);
	cold = &service->cold[handle_index(self)];
	*cold = (struct channel_cold){.caps = link->channel.words[0]};
	entry->channel = self;
	channel_touch(channel);
	dp_set_cookie(shard_dp(service->shard, channel->conn), channel->conn,
		      service_cookie(COOKIE_CHANNEL, handle_index(self)));
	linking->tx = (struct chunkq){0};
	linking->conn = 0;
	linking_forget(service, linking);
	session_linked(session, channel);
}

static uint8_t header_mode_of(const struct link *link)
{
	return link_wants_mini_header(link) ? FRAME_MINI : FRAME_FULL;
}

/* A main link without an id, its ticket accepted: a new session. */
static void found_session(struct service *service, struct linking *linking)
{
	struct guest *guest = service_guest(service, linking->target);
	struct session *session;

	if (!guest || guest->state == GUEST_ARRIVING ||
	    !equal_constant_time(guest->ticket_hash, linking->ticket_hash,
				 sizeof(guest->ticket_hash))) {
		linking_finish(service, linking,
			       SPICE_LINK_ERR_PERMISSION_DENIED);
		return;
	}
	session = session_new(service, guest);
	if (!session) {
		/* One client at a time, and none while its guest moves. */
		linking_finish(service, linking, SPICE_LINK_ERR_ERROR);
		return;
	}
	session->header_mode = header_mode_of(&linking->link);
	session->common_caps = linking->link.common.words[0];
	session->main_caps = linking->link.channel.words[0];
	promote(service, linking, session);
	/* Without room for main nobody would ever end it. */
	if (!session->channels[0].channel)
		session_close(session, "no room for its main channel");
}

static void join_session(struct service *service, struct linking *linking)
{
	struct session *session = service_session(service, linking->target);
	struct guest *guest = session ? session_guest(session) : NULL;

	if (!guest ||
	    !equal_constant_time(guest->ticket_hash, linking->ticket_hash,
				 sizeof(guest->ticket_hash))) {
		stats_add(&service->shard->stats, STAT_tickets_wrong, 1);
		host_log(service->shard->host, LOG_INFO,
			 "link of %s %u refused: wrong ticket for its session",
			 wire_channel_name(linking->link.channel_type),
			 linking->link.channel_id);
		linking_finish(service, linking,
			       SPICE_LINK_ERR_PERMISSION_DENIED);
		return;
	}
	/* A frozen session's channels are counted: none may join. */
	if (guest->state == GUEST_PAUSED ||
	    (session->state != SESSION_LIVE &&
	     session->state != SESSION_ARRIVING)) {
		linking_finish(service, linking,
			       SPICE_LINK_ERR_BAD_CONNECTION_ID);
		return;
	}
	promote(service, linking, session);
}

void admit_ticket(struct service *service, struct linking *linking)
{
	const uint8_t *cipher = link_ticket(&linking->link);
	bool new_main = !linking->link.connection_id &&
			linking->link.channel_type == SPICE_CHANNEL_MAIN;
	uint64_t repeated = service->keys.repeated;
	bool known;

	ticket_keys_open(&service->keys, linking->key_id, cipher,
			 linking->ticket_hash);
	repeated = service->keys.repeated - repeated;
	stats_add(&service->shard->stats, STAT_tickets_replayed, repeated);
	if (new_main)
		linking->target = idtable_get(&service->shard->pool->tickets,
					      ticket_key(linking->ticket_hash));
	known = linking->target &&
		ticket_keys_spend(&service->keys, linking->key_id, cipher);
	if (!known) {
		bool wrong_id = !new_main && !linking->target;

		host_log(service->shard->host, LOG_INFO,
			 "link of %s %u refused: %s",
			 wire_channel_name(linking->link.channel_type),
			 linking->link.channel_id,
			 wrong_id   ? "no such session"
			 : repeated ? "its ticket was seen before"
				    : "wrong ticket");
		stats_add(&service->shard->stats, STAT_tickets_wrong, 1);
		linking_finish(service, linking,
			       wrong_id ? SPICE_LINK_ERR_BAD_CONNECTION_ID
					: SPICE_LINK_ERR_PERMISSION_DENIED);
		return;
	}
	if (!new_main)
		join_session(service, linking);
	else if (is_here(service, linking->target))
		found_session(service, linking);
	else
		settle_start(service, linking);
}

void admit_settled(struct service *service, struct linking *linking)
{
	if (linking->link.state == LINK_AT_RESULT)
		found_session(service, linking);
	else
		offer_key(service, linking);
}

/* linking.c - the link stage on the wire: replies, tickets, settling. */
#include "channels/linking.h"
#include "channels/channel.h"
#include "channels/guest/guest.h"
#include "channels/service.h"
#include "channels/session.h"
#include "channels/session_channels.h"
#include "channels/session_life.h"
#include "core/tickets.h"

#include <spice/enums.h>
#include <spice/protocol.h>

#include <string.h>

/* A link on its way to its session's shard. The record stays at home until
 * the other shard has answered with OP_SETTLED. */
struct settle {
	struct dp_parcel parcel;
	const struct linking *from;
	handle home;
};
_Static_assert(sizeof(struct settle) <= RING_PAYLOAD_BYTES, "one cell");

static void touch(struct service *service, struct linking *linking)
{
	if (linking->touched)
		return;
	linking->touched = true;
	linking->touched_next = service->touched_links;
	service->touched_links = handle_index(linking->self) + 1;
}

static void untouch(struct service *service, struct linking *linking)
{
	uint32_t *at = &service->touched_links;

	while (*at && *at != handle_index(linking->self) + 1) {
		struct linking *other = slab_at(&service->linkings, *at - 1);

		at = &other->touched_next;
	}
	if (*at)
		*at = linking->touched_next;
}

static void forget(struct service *service, struct linking *linking)
{
	if (linking->touched)
		untouch(service, linking);
	if (linking->key_lent)
		ticket_keys_return(&service->keys, linking->key_id);
	chunkq_clear(&service->shard->chunks, &linking->tx);
	chunkq_clear(&service->shard->chunks, &linking->early);
	service_arm_linking(service, handle_index(linking->self), NS_NEVER);
	slab_give(&service->linkings, linking->self);
}

static void say(struct service *service, struct linking *linking,
		const uint8_t *bytes, uint32_t len)
{
	if (chunkq_append(&service->shard->chunks, &linking->tx, bytes, len))
		linking->closing = true;
	touch(service, linking);
}

static void close_after(struct service *service, struct linking *linking)
{
	linking->closing = true;
	touch(service, linking);
}

static void refuse(struct service *service, struct linking *linking,
		   uint32_t error)
{
	uint8_t out[WIRE_LINK_OUT_MAX];
	uint32_t len = link_refuse(&linking->link, error, out);

	stats_add(&service->shard->stats, STAT_links_refused, 1);
	if (len)
		say(service, linking, out, len);
	close_after(service, linking);
}

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

	if (ticket_keys_lend(&service->keys, service->shard->now_ns,
			     &linking->key_id, &offer.key)) {
		refuse(service, linking, SPICE_LINK_ERR_ERROR);
		return;
	}
	linking->key_lent = true;
	len = link_accept(&linking->link, &offer, out);
	say(service, linking, out, len);
}

/*
 * Gives the connection to the shard that owns target: at the end of the pass,
 * since the batch at hand may hold more of its events.
 */
static void settle(struct service *service, struct linking *linking)
{
	linking->settling = true;
	linking->detach_due = true;
	dp_hold(service->shard->front, linking->conn);
	touch(service, linking);
}

static void detach(struct service *service, struct linking *linking)
{
	struct dp *dp = service->shard->front;
	uint32_t len = chunkq_copy(&service->shard->chunks, &linking->early, 0,
				   service->scratch, SERVICE_SCRATCH_BYTES);

	linking->detach_due = false;
	chunkq_clear(&service->shard->chunks, &linking->early);
	/* Closing: what it said behind could not be kept. */
	if (linking->closing ||
	    (len && dp_unread(dp, linking->conn, service->scratch, len)) ||
	    dp_detach(dp, linking->conn))
		dp_kill(dp, linking->conn);
}

static void keep_early(struct service *service, struct linking *linking,
		       const uint8_t *data, uint32_t len)
{
	if (len &&
	    chunkq_append(&service->shard->chunks, &linking->early, data, len))
		linking->closing = true;
}

static bool is_here(const struct service *service, handle name)
{
	return handle_shard(name) == service->shard->index;
}

static void identified(struct service *service, struct linking *linking)
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
		settle(service, linking);
}

static void finish(struct service *service, struct linking *linking,
		   uint32_t result)
{
	uint8_t out[WIRE_LINK_OUT_MAX];
	uint32_t len = link_result(&linking->link, result, out);

	say(service, linking, out, len);
	if (result == SPICE_LINK_ERR_OK) {
		stats_add(&service->shard->stats, STAT_links_accepted, 1);
	} else {
		stats_add(&service->shard->stats, STAT_links_refused, 1);
		close_after(service, linking);
	}
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
		finish(service, linking, SPICE_LINK_ERR_CHANNEL_NOT_AVAILABLE);
		return;
	}
	if (entry->channel) {
		finish(service, linking, SPICE_LINK_ERR_BAD_CONNECTION_ID);
		return;
	}
	channel = slab_take(&service->channels, &self);
	if (!channel) {
		finish(service, linking, SPICE_LINK_ERR_ERROR);
		return;
	}
	finish(service, linking, SPICE_LINK_ERR_OK);
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
	channel->bits |= CHANNEL_TOUCHED;
	channel->touched_next = service->touched;
	service->touched = handle_index(self) + 1;
	dp_set_cookie(service->shard->front, channel->conn,
		      service_cookie(COOKIE_CHANNEL, handle_index(self)));
	linking->tx = (struct chunkq){0};
	linking->conn = 0;
	forget(service, linking);
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
		finish(service, linking, SPICE_LINK_ERR_PERMISSION_DENIED);
		return;
	}
	session = session_new(service, guest);
	if (!session) {
		/* One client at a time, and none while its guest moves. */
		finish(service, linking, SPICE_LINK_ERR_ERROR);
		return;
	}
	session->header_mode = header_mode_of(&linking->link);
	session->common_caps = linking->link.common.words[0];
	session->main_caps = linking->link.channel.words[0];
	session->door = linking->door;
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
		finish(service, linking, SPICE_LINK_ERR_PERMISSION_DENIED);
		return;
	}
	/* A frozen session's channels are counted: none may join. */
	if (guest->state == GUEST_PAUSED ||
	    (session->state != SESSION_LIVE &&
	     session->state != SESSION_ARRIVING)) {
		finish(service, linking, SPICE_LINK_ERR_BAD_CONNECTION_ID);
		return;
	}
	promote(service, linking, session);
}

static void ticket(struct service *service, struct linking *linking)
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
		finish(service, linking,
		       wrong_id ? SPICE_LINK_ERR_BAD_CONNECTION_ID
				: SPICE_LINK_ERR_PERMISSION_DENIED);
		return;
	}
	if (!new_main)
		join_session(service, linking);
	else if (is_here(service, linking->target))
		found_session(service, linking);
	else
		settle(service, linking);
}

static void received(struct service *service, struct linking *linking,
		     const struct dp_view *view)
{
	uint8_t out[WIRE_LINK_OUT_MAX];
	uint32_t used = 0;
	uint32_t out_len;

	while (used < view->len && !linking->closing && !linking->settling) {
		uint32_t step_used;
		enum link_step step =
			link_feed(&linking->link, view->data + used,
				  view->len - used, &step_used, out, &out_len);

		used += step_used;
		switch (step) {
		case LINK_MORE:
			break;
		case LINK_IDENTIFIED:
			identified(service, linking);
			break;
		case LINK_TICKET:
			/* A client speaks on only when it has the result. */
			linking->closing = used < view->len;
			linking->ticket_due = true;
			touch(service, linking);
			break;
		default:
			stats_add(&service->shard->stats, STAT_link_errors, 1);
			if (out_len)
				say(service, linking, out, out_len);
			close_after(service, linking);
			break;
		}
	}
	if (linking->settling)
		keep_early(service, linking, view->data + used,
			   view->len - used);
	if (linking->closing)
		touch(service, linking);
}

static void detached(struct service *service, struct linking *linking,
		     const struct dp_parcel *parcel)
{
	struct settle settle = {
		.parcel = *parcel,
		.from = linking,
		.home = linking->self,
	};

	linking->conn = 0;
	if (shard_tell(service->shard, handle_shard(linking->target), OP_SETTLE,
		       0, &settle, sizeof(settle))) {
		dp_discard(service->shard->front, parcel);
		forget(service, linking);
	}
}

/* A link from another shard: its record is copied, then freed at home. */
static void settled_here(struct service *service, const struct settle *settle,
			 uint8_t from)
{
	handle self;
	struct linking *linking = slab_take(&service->linkings, &self);
	bool attached = false;

	if (linking) {
		linking->link = settle->from->link;
		linking->target = settle->from->target;
		linking->door = settle->from->door;
		memcpy(linking->ticket_hash, settle->from->ticket_hash,
		       sizeof(linking->ticket_hash));
		linking->self = self;
		attached = !dp_attach(
			service->shard->front, &settle->parcel,
			service_cookie(COOKIE_LINKING, handle_index(self)),
			&linking->conn);
	}
	shard_tell(service->shard, from, OP_SETTLED, 0, &settle->home,
		   sizeof(settle->home));
	if (!attached) {
		dp_discard(service->shard->front, &settle->parcel);
		if (linking)
			slab_give(&service->linkings, self);
		return;
	}
	service_arm_linking(service, handle_index(self),
			    service->shard->now_ns + LINK_DEADLINE_NS);
	if (linking->link.state == LINK_AT_RESULT)
		found_session(service, linking);
	else
		offer_key(service, linking);
}

void linking_cell(struct service *service, const struct ring_cell *cell)
{
	struct settle settle;
	struct linking *linking;
	handle home;

	if (cell->op == OP_SETTLE) {
		memcpy(&settle, cell->payload, sizeof(settle));
		settled_here(service, &settle, cell->from);
		return;
	}
	memcpy(&home, cell->payload, sizeof(home));
	linking = slab_get(&service->linkings, home);
	if (linking)
		forget(service, linking);
}

void linking_accepted(struct service *service, dp_conn conn, uint8_t door)
{
	struct dp *dp = service->shard->front;
	handle self;
	struct linking *linking = slab_take(&service->linkings, &self);

	if (!linking) {
		dp_set_cookie(dp, conn, service_cookie(COOKIE_DOOMED, 0));
		dp_kill(dp, conn);
		stats_add(&service->shard->stats, STAT_links_refused, 1);
		return;
	}
	linking->self = self;
	linking->conn = conn;
	linking->door = door;
	link_init(&linking->link);
	dp_set_cookie(dp, conn,
		      service_cookie(COOKIE_LINKING, handle_index(self)));
	service_arm_linking(service, handle_index(self),
			    service->shard->now_ns + LINK_DEADLINE_NS);
}

void linking_event(struct service *service, struct linking *linking,
		   const struct dp_event *event)
{
	switch (event->kind) {
	case DP_RECEIVED:
		if (!linking->closing)
			received(service, linking, &event->view);
		break;
	case DP_SENT:
		linking->sending = false;
		chunkq_consume(&service->shard->chunks, &linking->tx,
			       min_u32((uint32_t)event->result,
				       linking->tx_flight_bytes));
		linking->tx_flight_bytes = 0;
		touch(service, linking);
		break;
	case DP_EOF:
		linking->detach_due = false;
		/* An error reply on its way still reaches who asked. */
		if (!linking->closing || !linking->tx.len_bytes)
			dp_kill(service->shard->front, linking->conn);
		break;
	case DP_CLOSED:
		forget(service, linking);
		break;
	case DP_DETACHED:
		detached(service, linking, &event->parcel);
		break;
	default:
		break;
	}
}

void linking_timeout(struct service *service, struct linking *linking)
{
	stats_add(&service->shard->stats, STAT_link_errors, 1);
	if (linking->conn)
		dp_kill(service->shard->front, linking->conn);
}

bool linking_wants_key(const struct linking *linking)
{
	return linking->ticket_due && !linking->closing;
}

void linking_flush(struct service *service, struct linking *linking)
{
	struct span spans[DP_SPANS_MAX];
	handle self = linking->self;
	uint32_t count;

	linking->touched = false;
	if (linking_wants_key(linking)) {
		linking->ticket_due = false;
		ticket(service, linking);
		/* It may be a channel now, or touched for the next round. */
		if (!slab_get(&service->linkings, self) || linking->touched)
			return;
	}
	if (linking->detach_due) {
		detach(service, linking);
		return;
	}
	if (linking->sending || !linking->conn || linking->settling)
		return;
	count = chunkq_spans(&service->shard->chunks, &linking->tx, 0, spans,
			     DP_SPANS_MAX, &linking->tx_flight_bytes);
	if (!count) {
		if (linking->closing)
			dp_kill(service->shard->front, linking->conn);
		return;
	}
	if (!dp_send(service->shard->front, linking->conn, spans, count, 0))
		linking->sending = true;
}

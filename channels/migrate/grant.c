/* grant.c - an offer is granted: what the destination reserves for it. */
#include "channels/guest/drivers.h"
#include "channels/guest/guest.h"
#include "channels/migrate/images.h"
#include "channels/migrate/migrate.h"
#include "channels/service.h"
#include "channels/session.h"
#include "channels/wire/frame.h"
#include "core/move_record.h"

#include <spice/enums.h>

#include <errno.h>
#include <string.h>

/* The first door that a client on another machine could dial. */
static int find_door(const struct config *config, struct peer_answer *answer)
{
	for (uint32_t i = 0; i < config->door_count; i++) {
		const struct config_door *door = &config->doors[i];

		if (!door->advertise_host[0] || !door->advertise_port)
			continue;
		answer->host =
			(struct span){(const uint8_t *)door->advertise_host,
				      (uint32_t)strlen(door->advertise_host)};
		answer->port = door->advertise_port;
		return (int)i;
	}
	return -ENOENT;
}

static struct guest *grant_guest(struct service *service, struct move *move,
				 const struct image_offer *offer)
{
	char driver[IMAGE_DRIVER_BYTES + 1] = {0};
	const struct guest_ops *ops;
	struct guest *guest;

	memcpy(driver, offer->driver, IMAGE_DRIVER_BYTES);
	ops = guest_driver(driver);
	if (!ops) {
		move_say(move, "no guest driver %s here", driver);
		return NULL;
	}
	guest = service_new_guest(service, ops, move->guest_name,
				  offer->ticket_hash);
	if (!guest) {
		move_say(move, "no room, or a guest of that name is here");
		return NULL;
	}
	guest->state = GUEST_ARRIVING;
	guest->number = offer->number;
	guest->move = move->self;
	if (ops->open(guest, service->shard->pool->config)) {
		move_say(move, "the guest cannot be opened here");
		service_drop_guest(service, guest);
		return NULL;
	}
	return guest;
}

/* The listed channels must be those that the guest has here too. */
static int take_channels(struct session *session,
			 const struct image_offer *offer)
{
	const struct field *list = NULL;
	struct image_offer_channel one;

	for (uint32_t i = 0; i < image_offer_fields.count; i++) {
		if (image_offer_fields.fields[i].kind == FIELD_LIST8)
			list = &image_offer_fields.fields[i];
	}
	for (uint32_t i = 0; i < field_list_count(list, offer); i++) {
		struct session_channel *entry;

		if (field_list_get(list, offer, i, &one))
			return -EBADMSG;
		entry = session_find(session, one.type, one.id);
		if (!entry)
			return -ENOENT;
		entry->linked_at_source = one.linked;
	}
	return 0;
}

static struct session *grant_session(struct service *service, struct move *move,
				     struct guest *guest,
				     const struct image_offer *offer)
{
	struct pool *pool = service->shard->pool;
	struct session *session;
	handle self;

	if (service->channels.capacity - service->channels.used <
	    SESSION_CHANNELS_MAX) {
		move_say(move, "no room for its channels");
		return NULL;
	}
	session = slab_take(&service->sessions, &self);
	if (!session) {
		move_say(move, "no room for the session");
		return NULL;
	}
	session->self = self;
	session->service = service;
	session->guest = guest->self;
	session->move = move->self;
	session->id = offer->session_id;
	session->state = SESSION_ARRIVING;
	session->header_mode = offer->header_mode;
	session->common_caps = offer->common_caps;
	session->main_caps = offer->main_caps;
	session->mouse_mode = SPICE_MOUSE_MODE_SERVER;
	session->moved = true;
	session->listed = true;
	session->nack = offer->nack || pool->config->test.nack;
	/* A source that begins seamless makes the client ask first. */
	session->asks = (move->mode == MODE_SEAMLESS || offer->nack) &&
			!pool->config->test.no_seamless_cap;
	session->last_seen_ns = service->shard->now_ns;
	session_list_channels(session, guest);
	if (take_channels(session, offer)) {
		move_say(move, "the guest's channels are not the same here");
		slab_give(&service->sessions, self);
		return NULL;
	}
	if (!session->id || idtable_add(&pool->sessions, session->id, self)) {
		move_say(move, "the session's id is in use here");
		slab_give(&service->sessions, self);
		return NULL;
	}
	return session;
}

int migrate_grant(struct service *service, struct move *move,
		  const struct peer_offer *offer, struct peer_answer *answer)
{
	const struct config *config = service->shard->pool->config;
	struct image_offer about;
	struct session *session;
	struct guest *guest;

	if (image_decode(&image_offer_fields, IMAGE_OFFER, &about,
			 offer->image.data, offer->image.len) ||
	    (about.header_mode != FRAME_MINI &&
	     about.header_mode != FRAME_FULL)) {
		move_say(move, "malformed offer");
		return -EBADMSG;
	}
	if (find_door(config, answer) < 0) {
		move_say(move, "no door here that a client could dial");
		return -ENOENT;
	}
	guest = grant_guest(service, move, &about);
	if (!guest)
		return -ENOSPC;
	move->guest = guest->self;
	if (offer->mode == MODE_SWITCH_HOST)
		return 0;
	session = grant_session(service, move, guest, &about);
	if (!session) {
		service_drop_guest(service, guest);
		return -ENOSPC;
	}
	guest->session = session->self;
	move->own = session->self;
	return 0;
}

/* session_channels.c - a session's channels come and go. */
#include "channels/session_channels.h"
#include "channels/channel.h"
#include "channels/guest/guest.h"
#include "channels/migrate/migrate.h"
#include "channels/service.h"
#include "channels/session.h"
#include "channels/session_life.h"
#include "channels/types.h"
#include "core/move_record.h"

#include <spice/enums.h>

/* The ops of a SPICE channel type, NULL when we do not serve it. */
static const struct channel_ops *ops_of(uint8_t type)
{
	static const struct channel_ops *const served[] = {
		&channel_main,   &channel_display, &channel_inputs,
		&channel_cursor, &channel_port,    &channel_usbredir,
	};

	for (uint32_t i = 0; i < ARRAY_LEN(served); i++) {
		if (served[i]->type == type)
			return served[i];
	}
	return NULL;
}

void session_linked(struct session *session, struct channel *channel)
{
	const struct channel_ops *ops = ops_of(channel->type);
	struct guest *guest = session_guest(session);
	struct move *move = moves_get(session->service->moves, session->move);

	channel_cold(channel)->ops = ops;
	session->linked_ns = session->service->shard->now_ns;
	if (channel->state == CHANNEL_PARKED) {
		migrate_parked(session);
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

	channel_free(channel);
	entry->channel = HANDLE_NONE;
	switch (session->state) {
	case SESSION_CLOSING:
		session_free_if_empty(session);
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

/* session.c - a session's record: its guest and its channels, by name. */
#include "channels/session.h"
#include "channels/channel.h"
#include "channels/guest/guest.h"
#include "channels/service.h"

#include <spice/enums.h>

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

void session_free_if_empty(struct session *session)
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

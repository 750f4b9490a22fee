/* session_channels.h - a session's channels come and go. */
#pragma once

struct channel;
struct session;

/* A link has become a channel of the session: opens or parks it. */
void session_linked(struct session *session, struct channel *channel);

/* A channel's connection has ended: frees it, and closes what must close. */
void session_channel_closed(struct session *session, struct channel *channel);

/* session_life.h - a session's beginning and end, and signs of life. */
#pragma once

struct service;
struct guest;
struct session;

/* A new session for a guest's first main link. NULL when there is no room. */
struct session *session_new(struct service *service, struct guest *guest);

/*
 * Ends the session: the guest is detached, connections are killed, a move of
 * it is told. The record is freed when the last connection has ended.
 */
void session_close(struct session *session, const char *why);

/* Due once a second: PING, and the client that has died. */
void session_timer(struct session *session);

/* Gives every channel's kept input; what is malformed closes the session. */
void session_replay(struct session *session);

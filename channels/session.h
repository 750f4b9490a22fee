/* session.h - one client attached to one guest, and its channels. */
#pragma once

#include "channels/service.h"
#include "channels/wire/messages.h"
#include "core/handle.h"

/*
 *   (none) --main linked--> LIVE --------commit--------> DRAINING -> (none)
 *   (none) --grant--> ARRIVING --COMMIT--> LIVE (tokens due) --> LIVE
 *
 * A session lives on its guest's shard. Closing kills its connections; the
 * record goes when the last of them has ended.
 */
#define AGENT_TOKENS 10

struct guest;
struct channel;

enum session_state {
	SESSION_FREE,
	SESSION_LIVE,
	SESSION_ARRIVING,
	SESSION_DRAINING, /* committed elsewhere: the client may still close */
	SESSION_CLOSING,
};

struct session_channel {
	uint8_t type;
	uint8_t id;
	bool linked_at_source; /* ARRIVING: it will switch */
	handle channel;        /* HANDLE_NONE: not linked */
};

struct session {
	handle self;
	handle guest; /* HANDLE_NONE once handed over */
	handle move;  /* HANDLE_NONE: none */
	struct service *service;
	uint32_t id; /* connection id that the client presents */
	uint8_t state;
	uint8_t header_mode; /* enum frame_mode */
	bool listed;         /* the client has the CHANNELS_LIST */
	bool begin_pending;  /* BEGIN is out: main is not read by the client */
	bool dial_failed;    /* its last answer to BEGIN was CONNECT_ERROR */
	bool semi_wait;      /* destination: MIGRATE_END is awaited */
	bool switch_wait;    /* destination: a fresh main link is awaited */
	bool nack;           /* DO_SEAMLESS is to get NACK */
	bool asks;           /* destination: DO_SEAMLESS will come */
	bool nacked;         /* destination: it got NACK */
	bool imaged;         /* destination: its own image is here */
	bool linked;         /* destination: the source was told LINKED */
	bool acked_seamless; /* destination: DO_SEAMLESS got ACK */
	uint8_t mouse_mode;
	uint8_t flags; /* source: of the MIGRATE in progress */
	uint32_t common_caps;
	uint32_t main_caps;    /* the client's */
	uint32_t agent_tokens; /* the client's grant to us */
	uint32_t agent_used;   /* of the client's tokens, not yet returned */
	bool moved;            /* came here by a move */
	uint32_t tokens_due;   /* channels that have not switched yet */
	uint32_t marks_due;
	uint64_t linked_ns;    /* its latest channel */
	uint64_t last_seen_ns; /* any byte from the client */
	uint64_t ping_ns;      /* of the PING that awaits its PONG, 0: none */
	struct session_channel channels[SESSION_CHANNELS_MAX];
	uint32_t channel_count; /* listed ones, main first */
};

/* Fills the channel list from what the guest offers, main first. */
void session_list_channels(struct session *session, const struct guest *guest);

/* The listed channel, or NULL. */
struct session_channel *session_find(struct session *session, uint8_t type,
				     uint8_t id);

/* The linked channel record, or NULL. */
struct channel *session_channel(struct session *session, uint8_t type,
				uint8_t id);
struct channel *session_main(struct session *session);

/* Calls each for every linked channel, main last. */
void session_each(struct session *session,
		  void (*each)(struct channel *channel, void *arg), void *arg);

/* The session's guest, NULL when it was handed over. */
struct guest *session_guest(const struct session *session);

/* Frees the record of a closing session whose last connection has ended. */
void session_free_if_empty(struct session *session);

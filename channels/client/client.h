/* client.h - the client's side of a session: bytes in, bytes out, no I/O. */
#pragma once

#include "channels/wire/link.h"
#include "core/addr.h"

/*
 * A session as a SPICE client holds it: a main channel, the channels that the
 * server lists, and for a migration a second connection (leg) for each. It
 * does what spice-gtk 0.42 does, down to what surprises a server, unless
 * options.quirks is false. Time, sockets and randomness are the io's.
 *
 *          BEGIN*       main up     ACK/NACK, all up     last swap
 *   NONE --------> CONNECTING --> LINKING --------> MIGRATING --------> NONE
 *    ^                 |             |               |  |  ^
 *    \---CONNECT_ERROR-+-------------/      CANCEL --/  |  \-- CANCEL
 *    ^                                                  | MIGRATE_END
 *    \------------------------- INIT ------------ WAIT_INIT
 *
 * A leg is numbered by the client and free for a new connection only after
 * client_closed. Nothing here may be called from inside an io call but event.
 */
#define CLIENT_CHANNELS_MAX 16
#define CLIENT_LEGS_MAX     48 /* old, current and next of each channel */
#define CLIENT_PASSWORD_MAX 60 /* as spice-gtk */

struct chunk_pool;
struct client;
struct client_channel;
struct client_event;

/*
 * What the owner does for a client. Bytes given are copied in the call. room
 * says how much send would take at this moment: the client asks before it
 * sends. hold stops received and eof for a leg, or starts them again.
 * seal makes the ticket's ciphertext; 0 or -errno.
 */
struct client_io {
	int (*connect)(void *io, uint32_t leg, const char *host, uint16_t port);
	uint32_t (*room)(void *io, uint32_t leg);
	void (*send)(void *io, uint32_t leg, const void *bytes, uint32_t len);
	void (*hold)(void *io, uint32_t leg, bool held);
	void (*close)(void *io, uint32_t leg); /* client_closed follows */
	int (*seal)(void *io, const uint8_t key[WIRE_LINK_KEY_BYTES],
		    const char *password,
		    uint8_t cipher[WIRE_LINK_CIPHER_BYTES]);
	void (*event)(void *io, const struct client_event *event);
};

enum client_event_kind {
	CLIENT_UP,           /* every listed channel is linked */
	CLIENT_BEGUN,        /* a migration: the destination is dialled */
	CLIENT_LINKED,       /* all linked there; mode says which kind */
	CLIENT_LINK_FAILED,  /* CONNECT_ERROR was answered */
	CLIENT_WOULD_CRASH,  /* ... and a spice-gtk would be dead now */
	CLIENT_FROZEN,       /* channel: MIGRATE came, data is awaited */
	CLIENT_THAWED,       /* channel: another message came instead */
	CLIENT_SWAPPED,      /* channel: it is at the destination */
	CLIENT_RESET,        /* semi: all but main starts over */
	CLIENT_MIGRATED,     /* the move is over; mode */
	CLIENT_CANCELLED,    /* the move is undone */
	CLIENT_CHANNEL_UP,   /* channel: linked, or started over */
	CLIENT_CHANNEL_LOST, /* channel; error */
	CLIENT_REFUSED,      /* channel: value is the link error */
	CLIENT_CLOSED,       /* the session is over; error. The last event */
	CLIENT_DATA,         /* vmc: data, a piece of the stream */
	CLIENT_WRITABLE,     /* channel: the queue is empty again */
	CLIENT_PORT_NAMED,   /* data is the name, value: opened */
	CLIENT_PORT_EVENT,   /* value */
	CLIENT_SURFACE,      /* value is its id; created or destroyed */
	CLIENT_DRAW,         /* value is the surface, rect: where */
	CLIENT_MARK,
	CLIENT_MODIFIERS,  /* value */
	CLIENT_MOTION_ACK, /* value: motions still unacknowledged */
	CLIENT_MOUSE_MODE, /* value */
};

enum client_mode { CLIENT_SEAMLESS = 1, CLIENT_SEMI, CLIENT_SWITCH_HOST };

struct client_rect {
	int32_t top, left, bottom, right;
};

struct client_event {
	uint8_t kind; /* enum client_event_kind */
	uint8_t type; /* the channel, where one is concerned */
	uint8_t id;
	uint8_t mode; /* enum client_mode */
	int error;
	uint32_t value;
	struct span data; /* lent for the call */
	struct client_rect rect;
};

struct client_options {
	char password[CLIENT_PASSWORD_MAX + 1];
	uint8_t main_caps;        /* bits, 0xf: all four */
	bool quirks;              /* as spice-gtk; else plain good manners */
	bool full_header;         /* mini headers are not offered */
	bool no_auth_selection;   /* ... nor this: the ticket comes at once */
	bool no_acks;             /* ACK_SYNC yes, ACK never */
	bool framebuffer;         /* keep surface 0's picture */
	uint32_t skip_types;      /* bit per type: listed but not linked */
	uint32_t link_seed;       /* order of links; 0: as they are listed */
	uint32_t queue_max_bytes; /* of unsent messages, per channel */
};

/* What a server did against the rules; each counter must stay 0. */
struct client_violations {
	uint32_t frozen;      /* no MIGRATE_DATA or NOTIFY behind MIGRATE */
	uint32_t after_end;   /* bytes behind what must come last */
	uint32_t early_main;  /* next main: something beside the one answer */
	uint32_t init_again;  /* INIT of what was not reset */
	uint32_t surface;     /* created twice, or unknown */
	uint32_t draw;        /* to no surface, or outside of it */
	uint32_t empty;       /* data of size 0 */
	uint32_t motion_acks; /* more than there were motions */
	uint32_t tokens;      /* more than the agent's window */
	uint32_t serial;      /* a jump, with full headers */
	uint32_t header;      /* the destination uses another header */
	uint32_t malformed;   /* not decodable, or not known */
	uint32_t unexpected;  /* at the wrong time */
	char first[96];       /* the first one in words, else empty */
};

/* A channel's last move by the client's clock; 0: did not happen. */
struct client_pause {
	uint64_t migrate_ns; /* MIGRATE received */
	uint64_t mark_ns;    /* FLUSH_MARK sent */
	uint64_t data_ns;    /* MIGRATE_DATA received */
	uint64_t token_ns;   /* MIGRATE_DATA sent to the destination */
	uint64_t first_ns;   /* first message read from the destination */
};

struct client_counts {
	uint64_t messages_in;
	uint64_t messages_out;
	uint32_t dropped_bytes; /* of the queue, by a reset */
};

/* The options of a well-kept spice-gtk; only the password is missing. */
void client_options_default(struct client_options *options);

/* io, its argument and the pool are lent until fini; options are copied. */
void client_init(struct client *client, const struct client_io *io,
		 void *io_arg, struct chunk_pool *pool,
		 const struct client_options *options);

/* Frees what it holds. All legs must have ended, or their owner with them. */
void client_fini(struct client *client);

/*
 * Dials main. host is what the io's connect knows: an IP literal, or the path
 * of a unix socket, which starts with '/' or '@'. 0, -EINVAL or its error.
 */
int client_start(struct client *client, const char *host, uint16_t port,
		 uint64_t now_ns);

/* Closes every leg; no event but client_closed on each is expected. */
void client_stop(struct client *client);

/* True when no leg is left. */
bool client_is_idle(const struct client *client);

/* What happened to a leg. received returns the bytes it took: the rest must
 * be given again when the leg is no longer held. */
void client_connected(struct client *client, uint32_t leg, uint64_t now_ns);
uint32_t client_received(struct client *client, uint32_t leg,
			 const uint8_t *bytes, uint32_t len, uint64_t now_ns);
void client_writable(struct client *client, uint32_t leg, uint64_t now_ns);
void client_eof(struct client *client, uint32_t leg, uint64_t now_ns);
void client_closed(struct client *client, uint32_t leg, int error,
		   uint64_t now_ns);

/* At the end of a pass with anything above. True: again in the next pass. */
bool client_flush(struct client *client, uint64_t now_ns);

/*
 * The user's part. Each queues one message: 0, -ENOTCONN (no such channel),
 * -EAGAIN (queue full: CLIENT_WRITABLE follows) or -EINVAL. While a channel
 * is frozen the message waits.
 */
int client_port_send(struct client *client, uint8_t type, uint8_t id,
		     const void *bytes, uint32_t len);
int client_key(struct client *client, uint32_t scancode, bool down);
int client_mouse_motion(struct client *client, int32_t dx, int32_t dy,
			uint16_t buttons);
int client_mouse_mode(struct client *client, uint16_t mode);
int client_agent_send(struct client *client, const void *bytes, uint32_t len);

/* Stops and starts reading a channel: a client that is slow. */
void client_read(struct client *client, uint8_t type, uint8_t id, bool on);

/* A channel by name, lent, or NULL: its figures. */
const struct client_channel *client_find(const struct client *client,
					 uint8_t type, uint8_t id);

/* True when the server has broken no rule. */
bool client_is_content(const struct client *client);

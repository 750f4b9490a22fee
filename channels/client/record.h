/* record.h - a client's record, for its owner to hold and to read. */
#pragma once

#include "channels/client/client.h"
#include "channels/wire/frame.h"

#define CLIENT_SURFACES_MAX   8
#define CLIENT_MOTION_WINDOW  8 /* motions without an ack, at most */
#define CLIENT_MOTION_PER_ACK 4
#define CLIENT_NONE           255 /* no leg, no channel */

enum client_leg_state {
	CLIENT_LEG_FREE,
	CLIENT_LEG_DIALLING,
	CLIENT_LEG_HEADER, /* of the link reply */
	CLIENT_LEG_REPLY,
	CLIENT_LEG_RESULT,
	CLIENT_LEG_UP,        /* frames are read, unless held */
	CLIENT_LEG_HANDSHAKE, /* next main: ACK or NACK is awaited */
	CLIENT_LEG_PARKED,    /* next: linked, not read */
	CLIENT_LEG_OLD,       /* left behind: watched, not understood */
	CLIENT_LEG_CLOSING,   /* client_closed is awaited */
};

struct client_leg {
	uint8_t state;   /* enum client_leg_state */
	uint8_t channel; /* index */
	uint8_t sink;    /* where the body under way goes */
	bool held;
	bool dead;           /* parked or old, and closed by the server */
	bool sealed;         /* old: its last message has come */
	bool after_ack;      /* the rest of this burst is lost */
	bool orphan;         /* no channel's: closed at the first byte */
	bool gone;           /* client_closed has come */
	uint32_t want_bytes; /* of the link stage */
	uint32_t connection_id;
	uint32_t common_caps; /* the server's first words */
	uint32_t channel_caps;
	uint64_t out_serial; /* both: before a channel uses it */
	uint64_t in_serial;
	struct frame_parser parser;
	struct chunkq rx;
};

struct client_channel {
	uint8_t type;
	uint8_t id;
	uint8_t leg;  /* in use, or CLIENT_NONE */
	uint8_t next; /* at the destination */
	uint8_t old;  /* left behind and still open */
	bool known;   /* the slot is used */
	bool dialled;
	bool linked;  /* up at some time, and not lost since */
	bool skipped; /* listed, never linked, never read */
	bool frozen;  /* MIGRATE_DATA is awaited */
	bool mute;    /* neither read nor written */
	bool deaf;    /* the reader still waits on the old leg */
	bool stopped; /* the user does not read */
	bool inited;  /* INIT of its type has come */
	bool left;    /* still to be swapped */
	bool swapped; /* in this move */
	bool heard;   /* something was read since the swap */
	bool fresh_serial;
	bool full;      /* WRITABLE is due */
	uint8_t settle; /* passes until the queue goes to a new leg */
	uint8_t flags;  /* of its last MIGRATE */
	uint32_t ack_window;
	uint32_t ack_count;
	uint64_t in_serial;
	uint64_t out_serial;
	struct chunkq queue; /* u32 length and a framed message, each */
	struct client_pause pause;
	struct client_counts counts;
};

enum client_state {
	CLIENT_IDLE,
	CLIENT_STARTING, /* until the list has come */
	CLIENT_RUNNING,
	CLIENT_ENDED,
};

enum client_move_state {
	CLIENT_MOVE_NONE,
	CLIENT_MOVE_CONNECTING,
	CLIENT_MOVE_LINKING,
	CLIENT_MOVE_MIGRATING,
	CLIENT_MOVE_WAIT_INIT,
};

struct client_address {
	char host[256];
	uint16_t port;
};

struct client_move {
	uint8_t state; /* enum client_move_state */
	bool seamless; /* offered */
	bool do_seamless;
	bool asked; /* the answer to DO_SEAMLESS is awaited */
	uint32_t version;
	struct client_address there;
};

struct client_surface {
	bool used;
	bool stale; /* reset: may be created again */
	uint32_t id;
	uint32_t width;
	uint32_t height;
};

struct client_motion {
	int32_t dx, dy; /* not sent yet */
	uint16_t buttons;
	uint8_t unacked;
	bool due;
};

struct client_agent {
	bool connected;
	uint32_t tokens;
	uint32_t tokens_max;
};

/* The raw picture whose rows are arriving, of the one display leg read. */
struct client_paint {
	bool plain;
	uint32_t surface_id;
	struct client_rect rect;
	uint32_t stride_bytes;
};

struct client {
	const struct client_io *io;
	void *io_arg;
	struct chunk_pool *pool;
	struct client_options options;
	uint8_t state; /* enum client_state */
	bool switching;
	bool up;
	uint32_t session_id;
	uint32_t mouse_mode;
	uint16_t modifiers;
	uint32_t random;
	uint64_t now_ns;
	struct client_address here;
	struct client_move move;
	struct client_agent agent;
	struct client_motion motion;
	struct client_surface surfaces[CLIENT_SURFACES_MAX];
	struct client_paint paint;
	uint32_t *pixels; /* of surface 0 */
	uint32_t pixels_width;
	uint32_t pixels_height;
	uint32_t migrations; /* ended, of any mode */
	uint32_t crashes;    /* that a spice-gtk would have had */
	struct client_violations violations;
	struct client_channel channels[CLIENT_CHANNELS_MAX]; /* main first */
	struct client_leg legs[CLIENT_LEGS_MAX];
};

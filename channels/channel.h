/* channel.h - one SPICE channel: its hot and its cold record. */
#pragma once

#include "channels/wire/directory.h"
#include "channels/wire/frame.h"
#include "core/dp.h"
#include "core/handle.h"

/*
 *   (none) --link--> UP --MIGRATE--> FROZEN --FLUSH_MARK--> SEALED
 *   FROZEN, SEALED --undone: NOTIFY--> UP
 *   SEALED --MIGRATE_DATA--> DRAINING
 *   (none) --link--> PARKED --COMMIT, MIGRATE_END--> AWAITED --token--> UP
 *   any --killed--> CLOSING --CLOSED--> (none)
 *
 * UP: messages both ways. FROZEN, SEALED: nothing may be sent but MIGRATE_DATA;
 * what the client sends is kept as pending input. PARKED: a destination's
 * link, neither read nor written. AWAITED: output flows, the client's first
 * message must be the token (other flags, semi-seamless: any message).
 * DRAINING: the client may still close it; what comes is dropped.
 */
struct service;
struct session;
struct channel;

enum channel_state {
	CHANNEL_FREE,
	CHANNEL_UP,
	CHANNEL_PARKED,
	CHANNEL_AWAITED,
	CHANNEL_FROZEN,
	CHANNEL_SEALED,
	CHANNEL_DRAINING,
	CHANNEL_CLOSING, /* killed: waits for CLOSED */
};

enum channel_bits {
	CHANNEL_SENDING = 1,    /* a send is in flight */
	CHANNEL_TOUCHED = 2,    /* on the service's list for this pass */
	CHANNEL_HELD = 4,       /* dp_hold is in force */
	CHANNEL_THIRSTY = 8,    /* the guest waits for writable */
	CHANNEL_EXHAUSTED = 16, /* no chunk was left: close at the pass's end */
};

/* Two cache lines, all that a message of the steady state touches. */
struct channel {
	dp_conn conn;
	handle self;
	handle session;
	uint64_t out_serial; /* of the last message sent */
	struct frame_parser parser;
	struct chunkq tx;
	uint32_t tx_flight_bytes; /* of tx, lent to dp */
	uint32_t ack_window;      /* 0: not used */
	uint32_t ack_unacked;     /* sent since the last ACK */
	uint32_t ack_generation;
	uint32_t ack_synced; /* generation of the last ACK_SYNC */
	uint8_t type;        /* SPICE_CHANNEL_* */
	uint8_t id;
	uint8_t state; /* enum channel_state */
	uint8_t bits;  /* enum channel_bits */
	uint64_t messages_in;
	uint64_t messages_out;
	struct service *service; /* of this shard, never exported */
	uint32_t touched_next;   /* index + 1 */
	uint32_t reserved;
};

_Static_assert(sizeof(struct channel) == 128, "two cache lines");
_Static_assert(offsetof(struct channel, tx) < 64, "sending starts in line one");

/* The rare part, at the same index. */
struct channel_cold {
	const struct channel_ops *ops; /* of its type, once it is linked */
	struct chunkq rx;      /* a message split over views: one chunk */
	struct chunkq early;   /* read in the pass that began to hold */
	struct chunkq pending; /* input kept for later: see channel_keep */
	uint32_t pending_left; /* bytes of the first one's body, header eaten */
	uint16_t pending_type;
	bool pending_head;    /* pending_type and pending_left are valid */
	uint32_t pending_due; /* PARKED: bytes of pending its image announced */
	bool token_due;       /* AWAITED: MIGRATE_DATA must come first */
	bool unhold_due;      /* at the end of this pass */
	uint8_t marks_owed;   /* of freezes that were undone before they came */
	bool imaged;          /* PARKED: its image is here */
	uint32_t caps;        /* the client's first word for this channel */
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t marked_ns; /* FLUSH_MARK or MIGRATE_DATA was read here */
	union {
		struct {
			uint16_t motions; /* since the last MOTION_ACK */
			uint16_t modifiers;
		} inputs;
		struct {
			uint8_t pixmap_cache_id;
			uint8_t glz_dictionary_id;
			bool inited; /* DISPLAY_INIT has come */
			uint8_t compression;
			int64_t pixmap_cache_pixels;
			int32_t glz_window_pixels;
			uint32_t
				width; /* of surface 0 at the client, 0: none */
			uint32_t height;
		} display;
	};
};

/* What a channel type does. Called on the channel's shard, never blocking. */
struct channel_ops {
	uint8_t type;
	bool acked;
	/* The client is linked afresh, or starts over after semi-seamless. */
	void (*open)(struct channel *);
	/* A whole message of the type's own. -errno closes the session. */
	int (*message)(struct channel *, uint16_t type, const uint8_t *body,
		       uint32_t len);
	/* A streamed body or a piece of it. Bytes taken, or -errno. NULL when
	 * the type has no streamed message. */
	int64_t (*piece)(struct channel *, uint16_t type, const uint8_t *data,
			 uint32_t len);
	/* After COMMIT, the first things to say behind SET_ACK. May be NULL. */
	void (*resumed)(struct channel *);
	/* DISPLAY waits for the client's INIT, others are up when linked. */
	bool (*guest_may_send)(const struct channel *);
};

/* True when a body has its table's form: for messages that nobody uses. */
bool channel_body_is_good(const struct channel *channel, uint16_t type,
			  const uint8_t *body, uint32_t len);

/* Puts the channel on the list of those to flush in this pass. */
void channel_touch(struct channel *channel);

/* Frees the record and its queues. The connection must have ended. */
void channel_free(struct channel *channel);

struct channel_cold *channel_cold(const struct channel *channel);
struct session *channel_session(const struct channel *channel);

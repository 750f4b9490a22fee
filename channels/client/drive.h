/* drive.h - many clients over one dp, in the thread of whoever polls it. */
#pragma once

#include "channels/client/record.h"
#include "channels/client/ticket.h"
#include "core/arena.h"
#include "core/dp.h"

/*
 * The owner polls the dp, offers every event to drive_event (false: it is
 * somebody else's) and ends each pass with drive_flush:
 *
 *   n = dp_poll(dp, events, DP_EVENTS_MAX, again ? 0 : deadline_ns);
 *   for each: drive_event(drive, &event, dp_now(dp));
 *   again = drive_flush(drive, dp_now(dp));
 *
 * Cookies are tag, client and leg, so that several drives and other users of
 * a dp live side by side. A client's slot is free again when it is stopped
 * and the last of its legs has ended.
 */
_Static_assert(CLIENT_LEGS_MAX <= 64, "a word has a bit per leg");

#define DRIVE_KEPT_MAX_BYTES ((uint32_t)256 * 1024) /* per leg, while held */

/* What a client of a drive tells its owner; user is drive_add's. */
typedef void drive_event_fn(void *arg, uint32_t index, void *user,
			    const struct client_event *event);

struct drive_config {
	uint32_t clients_max;  /* up to 2^24 */
	uint32_t chunks_max;   /* of 4 KiB: all queues of all clients */
	uint32_t tx_max_bytes; /* unsent bytes of one leg */
	uint16_t tag;          /* the cookies' upper 16 bits */
	drive_event_fn *event;
	void *arg;
};

struct drive_leg {
	dp_conn conn;
	struct chunkq tx;
	struct chunkq kept; /* received while held, in order */
	uint32_t flight_bytes;
	uint8_t bits;
};

struct drive_slot {
	struct client client;
	struct drive *drive;
	void *user;
	bool used;
	bool removed;
	bool touched;
	uint32_t touched_next; /* index + 1 */
	uint64_t to_resume;    /* legs, a bit each: hold was changed */
	uint64_t to_send;      /* ... something may go out */
	struct drive_leg legs[CLIENT_LEGS_MAX];
};

struct drive {
	struct dp *dp;
	struct drive_config config;
	struct arena arena;
	struct chunk_pool pool;
	struct drive_slot *slots;
	struct client_ticket ticket;
	uint32_t touched; /* slots to flush: index + 1 */
	uint32_t count;
	uint64_t now_ns;
};

/* 256 KiB per leg, chunks for 64 KiB per client, tag 0xc11e. */
void drive_config_default(struct drive_config *config, uint32_t clients_max);

/* dp is lent until fini. Returns 0, -EINVAL or -ENOMEM. */
int drive_init(struct drive *drive, struct dp *dp,
	       const struct drive_config *config);

/* Frees everything. The dp must be destroyed, or all clients idle, before. */
void drive_fini(struct drive *drive);

/*
 * A new client, not started: *index names it. Start it by client_start on
 * drive_client. Returns 0 or -ENOSPC.
 */
int drive_add(struct drive *drive, const struct client_options *options,
	      void *user, uint32_t *index);

/* Starts a client at host and port. 0 or -errno; drive_remove it then. */
int drive_start(struct drive *drive, uint32_t index, const char *host,
		uint16_t port);

/* Stops a client; the slot is free when its legs have ended. */
void drive_remove(struct drive *drive, uint32_t index);

/* Lent while the slot is used. */
struct client *drive_client(struct drive *drive, uint32_t index);

/* Says that a client was called outside of an event: it must be flushed. */
void drive_touch(struct drive *drive, uint32_t index);

/* Takes an event of its own and recycles its view. False: not its own. */
bool drive_event(struct drive *drive, const struct dp_event *event,
		 uint64_t now_ns);

/* Sends what was queued in this pass. True: flush again, do not wait. */
bool drive_flush(struct drive *drive, uint64_t now_ns);

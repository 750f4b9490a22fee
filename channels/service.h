/* service.h - SPICE on one shard: everything its channels own, by name. */
#pragma once

#include "channels/ticket_keys.h"
#include "core/pool.h"
#include "core/shard.h"
#include "core/slab.h"

struct channel;
struct channel_cold;
struct guest;
struct guest_ops;
struct moves;
struct session;

struct service {
	struct shard *shard;
	struct moves *moves;
	struct slab linkings;
	struct slab sessions;
	struct slab guests;
	struct slab channels;
	struct channel_cold *cold; /* same index as channels */
	struct ticket_keys keys;
	uint32_t touched; /* index + 1 of the first channel to flush */
	uint32_t touched_links;
	uint32_t next_session;
	uint8_t *scratch; /* SERVICE_SCRATCH_BYTES, within one call */
};

#define SERVICE_SCRATCH_BYTES ((size_t)6 << 20)

/* Channels of a session, each of which has its record reserved. */
#define SESSION_CHANNELS_MAX 16

/* Links under way at once on one shard. */
#define SERVICE_LINKINGS_MAX 1024

/* Timers of a shard with room for so many sessions: those of the links, of
 * the sessions, twice over for those that are leaving, of the guests, and one
 * of the keys. */
#define SERVICE_TIMERS(sessions) (SERVICE_LINKINGS_MAX + 3 * (sessions) + 1)

/* What a connection's cookie names. */
enum cookie_kind { COOKIE_DOOR, COOKIE_LINKING, COOKIE_CHANNEL, COOKIE_DOOMED };

static inline uint64_t service_cookie(enum cookie_kind kind, uint32_t index)
{
	return cookie_make(PART_SERVICE, (uint64_t)kind << 32 | index);
}

/* Timers of PART_SERVICE: linkings, then sessions, then guests, the keys. */
void service_arm_linking(struct service *service, uint32_t index,
			 uint64_t deadline_ns);
void service_arm_session(struct service *service, uint32_t index,
			 uint64_t deadline_ns);
void service_arm_guest(struct service *service, uint32_t index,
		       uint64_t deadline_ns);

/*
 * A key for a link, as ticket_keys_lend and ticket_keys_return; what has
 * served is wiped when its time has come, whether links come or not.
 */
int service_lend_key(struct service *service, uint32_t *id,
		     const uint8_t **der);
void service_return_key(struct service *service, uint32_t id);

/* The keys' timer: wipes what has served. */
void service_expire_keys(struct service *service);

/* Guests of this shard. Names and tickets are known to the whole pool. */
struct guest *service_new_guest(struct service *service,
				const struct guest_ops *ops, const char *name,
				const uint8_t ticket_hash[16]);
void service_drop_guest(struct service *service, struct guest *guest);
struct guest *service_guest(struct service *service, handle name);
struct session *service_session(struct service *service, handle name);
struct channel *service_channel(struct service *service, handle name);

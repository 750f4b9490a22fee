/* shard.h - one core's event loop and everything it owns. */
#pragma once

#include "core/chunk.h"
#include "core/dp.h"
#include "core/handle.h"
#include "core/host.h"
#include "core/ring.h"
#include "core/stats.h"
#include "core/wheel.h"

struct pool;
struct shard;

/*
 * What lives on a shard registers as a part. The loop hands each dp event,
 * ring cell and timer to the part it belongs to; a part sees nothing else.
 */
enum part_id {
	PART_SERVICE = 1, /* channels: clients and guests */
	PART_PEER = 2,    /* connections to other Flushmarks */
	PART_MOVE = 3,    /* the move engine */
	PART_CONTROL = 4, /* control shard: control socket, drains */
	PART_MAX = 8,
};

struct part {
	void *self;
	/* A dp event whose cookie carries this part's id. A RECEIVED view is
	 * recycled by the loop when this returns. */
	void (*event)(void *self, struct dp *dp, const struct dp_event *event);
	/* A message from another shard whose op carries this part's id. */
	void (*cell)(void *self, const struct ring_cell *cell);
	/* Timer number index of this part is due. */
	void (*timer)(void *self, uint32_t index);
	/* End of a pass: send once per connection touched. May be NULL. */
	void (*flush)(void *self);
	uint32_t timer_base;
	uint32_t timer_count;
};

/* Ring operations: the part's id in the high byte. */
#define RING_OP(part, number) ((uint16_t)((part) << 8 | (number)))

/* A cookie: the part's id in the high byte, 56 bits of the part's own. */
static inline uint64_t cookie_make(enum part_id part, uint64_t own)
{
	return (uint64_t)part << 56 | (own & (((uint64_t)1 << 56) - 1));
}

static inline uint64_t cookie_own(uint64_t cookie)
{
	return cookie & (((uint64_t)1 << 56) - 1);
}

struct shard_limits {
	uint32_t timers;     /* of all parts together */
	uint32_t ring_cells; /* of the inbox; a power of two */
	uint32_t chunks;     /* of CHUNK_BYTES */
	size_t arena_bytes;  /* all of it together, and the parts' objects */
	uint64_t spin_ns;    /* how long an idle shard polls before it waits */
};

struct shard {
	uint8_t index;
	struct pool *pool;
	struct host *host;
	struct dp *front; /* clients */
	struct dp *local; /* peers and unix sockets: often the same dp */
	uint64_t now_ns;  /* one reading per pass */
	uint64_t spin_ns;
	uint64_t idle_ns;       /* the front must be polled this often; 0: no */
	uint64_t busy_until_ns; /* last pass with work, plus spin_ns */
	bool again;             /* a part has work left for the next pass */
	struct arena arena;
	struct chunk_pool chunks;
	struct wheel wheel;
	struct part parts[PART_MAX];
	struct stats stats;
	_Atomic uint32_t asleep;
	struct ring inbox;
};

/*
 * Sets up a shard that owns front and local (may be equal, else they have
 * different tags; only front may be NULL, on the control shard). Returns 0 or
 * -errno. Any thread, before it runs.
 */
int shard_init(struct shard *shard, uint8_t index, struct pool *pool,
	       struct host *host, struct dp *front, struct dp *local,
	       const struct shard_limits *limits);

/* Which of the shard's dps has a connection, or made a parcel. */
static inline struct dp *shard_dp(const struct shard *shard, dp_conn conn)
{
	return shard->front && dp_conn_tag(conn) == shard->front->tag
		       ? shard->front
		       : shard->local;
}

static inline struct dp *shard_parcel_dp(const struct shard *shard,
					 const struct dp_parcel *parcel)
{
	return shard->front && dp_parcel_tag(parcel) == shard->front->tag
		       ? shard->front
		       : shard->local;
}

/* Frees memory and zeroes the struct; the dps are the caller's. */
void shard_fini(struct shard *shard);

/* Adds a part with timer_count timers. Returns 0 or -ENOSPC. Before it runs. */
int shard_add_part(struct shard *shard, enum part_id id,
		   const struct part *part, uint32_t timer_count);

/*
 * One pass of the loop. With may_wait it blocks in dp when there is nothing
 * to do. Returns the amount of work done: events, cells and timers.
 */
uint32_t shard_pass(struct shard *shard, bool may_wait);

/* Says, in a pass, that a part has more to do: the next one will not wait. */
void shard_again(struct shard *shard);

/* True when a pass would find work without waiting. For the simulator. */
bool shard_has_cells(const struct shard *shard);

/* Timers of a part, numbered from 0. */
void shard_arm(struct shard *shard, enum part_id id, uint32_t index,
	       uint64_t deadline_ns);
void shard_disarm(struct shard *shard, enum part_id id, uint32_t index);

/*
 * Sends a message to another shard of the pool (or to itself) and wakes it.
 * Copies len <= RING_PAYLOAD_BYTES. Returns 0 or -ENOBUFS. Any shard.
 */
int shard_tell(struct shard *from, uint8_t to, uint16_t op, uint64_t tag,
	       const void *payload, uint32_t len);

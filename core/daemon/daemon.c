/* daemon.c - puts core, dataplane and channels together. */
#include "core/daemon/daemon.h"
#include "channels/service_part.h"
#include "core/control.h"
#include "core/move.h"
#include "core/move_journal.h"
#include "core/peer.h"
#include "core/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Bounds of a shard. Address space is reserved for all of it at the start,
 * memory is used as it is touched, so the sums below need not be tight.
 */
#define RING_CELLS     4096
#define MOVES_MIN      256
#define SESSION_BYTES  ((size_t)8192) /* guest with its driver, session */
#define CHANNEL_BYTES  ((size_t)2048) /* hot and cold record */
#define MOVE_BYTES     ((size_t)2048)
#define SHARD_BYTES    ((size_t)64 << 20) /* scratch, keys, peers */
#define CONTROL_CHUNKS 256
#define CONTROL_BYTES  ((size_t)32 << 20)
#define TIMER_BYTES    sizeof(struct wheel_timer)

struct daemon_shard {
	struct shard shard;
	struct peers peers;
	struct moves moves;
	struct service service;
};

struct daemon {
	struct pool pool;
	struct shard control_shard;
	struct peers control_peers;
	struct control control;
	struct daemon_shard *shards[POOL_SHARDS_MAX];
	uint32_t made; /* shards, so far */
};

/* Control's own links carry nothing: it only greets and passes them on. */
static void no_frame(void *self, uint32_t link,
		     const struct peer_header *header, const void *payload)
{
	(void)self, (void)link, (void)header, (void)payload;
}

static void no_change(void *self, uint32_t link)
{
	(void)self, (void)link;
}

static void *take_zeroed(size_t bytes)
{
	size_t whole = (bytes + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES *
		       CACHE_LINE_BYTES;
	void *memory = aligned_alloc(CACHE_LINE_BYTES, whole);

	if (memory)
		memset(memory, 0, whole);
	return memory;
}

static uint32_t move_capacity(const struct config *config)
{
	return max_u32(MOVES_MIN, config->pool.sessions);
}

static struct shard_limits shard_limits_of(const struct config *config)
{
	uint32_t sessions = config->pool.sessions;
	uint32_t moves = move_capacity(config);
	uint32_t timers = SERVICE_TIMERS(sessions) + moves + PEER_LINKS_MAX;
	size_t chunk_bytes = CHUNK_BYTES + sizeof(uint32_t);

	return (struct shard_limits){
		.timers = timers,
		.ring_cells = RING_CELLS,
		.chunks = config->pool.chunks,
		.arena_bytes = SHARD_BYTES + timers * TIMER_BYTES +
			       config->pool.chunks * chunk_bytes +
			       sessions * SESSION_BYTES +
			       sessions * SESSION_CHANNELS_MAX * CHANNEL_BYTES +
			       moves * MOVE_BYTES +
			       RING_CELLS * sizeof(struct ring_cell),
		.spin_ns = config->pool.spin_ns,
	};
}

static int make_control(struct daemon *daemon, const struct daemon_wish *wish)
{
	struct peer_user nobody = {
		.frame = no_frame,
		.up = no_change,
		.lost = no_change,
	};
	struct shard_limits limits = {
		.timers = CONTROL_TIMERS + PEER_LINKS_MAX,
		.ring_cells = RING_CELLS,
		.chunks = CONTROL_CHUNKS,
		.arena_bytes = CONTROL_BYTES,
	};
	struct shard *shard = &daemon->control_shard;
	char text[ADDR_TEXT_MAX];
	int err = shard_init(shard, SHARD_CONTROL, &daemon->pool, wish->host,
			     NULL, wish->control_dp, &limits);

	if (err)
		return err;
	daemon->pool.control = shard;
	addr_print(&wish->config->control, text);
	err = control_init(&daemon->control, shard, &wish->config->control);
	if (!err) {
		addr_print(&wish->config->peers_listen, text);
		err = peers_init(&daemon->control_peers, shard, &nobody,
				 &wish->config->peers_listen);
	}
	if (err)
		host_log(wish->host, LOG_ERROR, "cannot listen at %s: %s", text,
			 strerror(-err));
	return err;
}

static int make_shard(struct daemon *daemon, const struct daemon_wish *wish,
		      uint8_t index)
{
	struct shard_limits limits = shard_limits_of(wish->config);
	struct daemon_shard *made = take_zeroed(sizeof(*made));
	struct peer_user later = {0}; /* the moves, once they are there */
	struct dp *local = wish->shard_dps[index];
	struct dp *front =
		wish->shard_fronts ? wish->shard_fronts[index] : local;
	int err;

	if (!made)
		return -ENOMEM;
	daemon->shards[index] = made;
	daemon->made = index + 1u;
	err = shard_init(&made->shard, index, &daemon->pool, wish->host, front,
			 local, &limits);
	if (err)
		return err;
	daemon->pool.shards[index] = &made->shard;
	err = peers_init(&made->peers, &made->shard, &later, NULL);
	if (!err)
		err = moves_init(&made->moves, &made->shard, &made->peers,
				 &service_spice, &made->service,
				 move_capacity(wish->config));
	if (!err)
		err = service_init(&made->service, &made->shard, &made->moves);
	if (!err)
		err = moves_recover(&made->moves);
	if (err)
		host_log(wish->host, LOG_ERROR, "shard %u: %s", index,
			 strerror(-err));
	return err;
}

int daemon_create(const struct daemon_wish *wish, struct daemon **daemon)
{
	struct daemon *made = take_zeroed(sizeof(*made));
	uint32_t count = wish->config->pool.shards;
	int err;

	if (!made)
		return -ENOMEM;
	err = pool_init(&made->pool, wish->config, wish->host);
	if (err)
		goto fail;
	memcpy(made->pool.secret, wish->secret, sizeof(made->pool.secret));
	made->pool.shard_count = count;
	err = move_journal_away(&made->pool);
	if (!err)
		err = make_control(made, wish);
	for (uint32_t i = 0; i < count && !err; i++)
		err = make_shard(made, wish, (uint8_t)i);
	if (err)
		goto fail;
	*daemon = made;
	return 0;
fail:
	daemon_destroy(made);
	return err;
}

void daemon_destroy(struct daemon *daemon)
{
	for (uint32_t i = 0; i < daemon->made; i++) {
		struct daemon_shard *made = daemon->shards[i];

		if (made->service.shard)
			service_fini(&made->service);
		if (made->moves.shard)
			moves_fini(&made->moves);
		if (made->peers.shard)
			peers_fini(&made->peers);
	}
	if (daemon->control.shard)
		control_fini(&daemon->control);
	if (daemon->control_peers.shard)
		peers_fini(&daemon->control_peers);
	for (uint32_t i = 0; i < daemon->made; i++) {
		shard_fini(&daemon->shards[i]->shard);
		free(daemon->shards[i]);
	}
	shard_fini(&daemon->control_shard);
	pool_fini(&daemon->pool);
	free(daemon);
}

static struct shard *shard_of(const struct daemon *daemon, uint8_t index)
{
	struct shard *shard = pool_shard(&daemon->pool, index);

	ASSERT(shard != NULL, "the caller knows how many shards there are");
	return shard;
}

uint32_t daemon_pass(struct daemon *daemon, uint8_t shard, bool may_wait)
{
	return shard_pass(shard_of(daemon, shard), may_wait);
}

bool daemon_has_cells(const struct daemon *daemon, uint8_t shard)
{
	return shard_has_cells(shard_of(daemon, shard));
}

bool daemon_wants_stop(const struct daemon *daemon)
{
	return control_wants_stop(&daemon->control);
}

uint32_t daemon_moves(const struct daemon *daemon)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < daemon->made; i++)
		count += daemon->shards[i]->moves.slab.used;
	return count;
}

uint32_t daemon_away(const struct daemon *daemon)
{
	return atomic_load(&daemon->pool.away.used);
}

struct pool *daemon_pool(struct daemon *daemon)
{
	return &daemon->pool;
}

/* daemon.h - a whole Flushmark: control, shards and what lives on them. */
#pragma once

#include "core/config.h"
#include "core/dp.h"
#include "core/host.h"
#include "core/siphash.h"

/*
 * Everything hangs from here, nothing is static: several daemons, their hosts
 * and dps run in one process, in one thread if the caller wants. The caller
 * makes the host and the dps, lends them, and frees them after the daemon.
 */
struct daemon;
struct pool;

struct daemon_wish {
	const struct config *config; /* checked; lent for the daemon's life */
	struct host *host;
	struct dp **shard_dps;             /* one per shard of the config */
	struct dp **shard_fronts;          /* clients' too; NULL: the same */
	struct dp *control_dp;             /* of the same backend */
	uint8_t secret[SIPHASH_KEY_BYTES]; /* of the cluster */
};

/* Makes all of it, demo guests too, and listens. Returns 0 or -errno, the
 * reason is in the host's log. Control thread. */
int daemon_create(const struct daemon_wish *wish, struct daemon **daemon);

/* Frees all of it, as it stands. When no shard runs any more. */
void daemon_destroy(struct daemon *daemon);

/* One pass of a shard, or of control by SHARD_CONTROL. May wait in dp if told
 * so. Returns the work done. The one thread of that shard. */
uint32_t daemon_pass(struct daemon *daemon, uint8_t shard, bool may_wait);

/* True when a pass would find messages of other shards. For the simulator. */
bool daemon_has_cells(const struct daemon *daemon, uint8_t shard);

/* True once an operator asked for the end. Control thread. */
bool daemon_wants_stop(const struct daemon *daemon);

/* Moves that are not finished, both roles. While no shard runs. */
uint32_t daemon_moves(const struct daemon *daemon);

/* Guests that this host gave up before a crash, and that were not made. */
uint32_t daemon_away(const struct daemon *daemon);

/* What checkers look into. */
struct pool *daemon_pool(struct daemon *daemon);

/* The directory for sockets when the operator names none. -ENAMETOOLONG. */
int daemon_runtime_dir(char *path, size_t cap);

/* Reads the cluster's secret, or makes one. 0 or -errno with one line. */
int daemon_secret(const struct config *config,
		  uint8_t secret[SIPHASH_KEY_BYTES], char *error, size_t cap);

/* As above, and makes none. */
int daemon_secret_check(const struct config *config, char *error, size_t cap);

/* Prints the configuration in the form it is read in. */
void daemon_print_config(const struct config *config);

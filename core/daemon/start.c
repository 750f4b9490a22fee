/* start.c - what a start needs of this machine, for it and for --check. */
#include "core/daemon/start.h"
#include "core/daemon/daemon.h"
#include "core/daemon/host_linux.h"
#include "core/daemon/ports.h"
#include "core/daemon/process.h"
#include "dataplane/uring/uring.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONTROL_CONNS 4096 /* peers settle through control */
#define CONNS_MAX     ((uint32_t)1 << 19)
/* Descriptors that are not connections: rings, regions, files. */
#define OTHER_FDS 1024
/* Seven channels are what a client opens; some open more. */
#define CONNS_PER_SESSION 8

/*
 * Each connection is a descriptor while the limit allows it; past that the
 * ring's own table holds them.
 */
static void size_ring(struct uring_config *ring, uint32_t conns,
		      uint32_t shards, uint64_t fds)
{
	uring_config_default(ring);
	ring->conn_max = min_u32(conns, CONNS_MAX);
	if ((uint64_t)ring->conn_max * shards + OTHER_FDS <= fds)
		return;
	ring->direct_descriptors = true;
	/* The kernel takes no table larger than the limit. */
	ring->conn_max = (uint32_t)min_u64(
		ring->conn_max, max_u64(fds, 2 * OTHER_FDS) - OTHER_FDS);
}

int start_make_dps(const struct config *config, struct dp **control,
		   struct dp **shards, char *error, size_t cap)
{
	const struct config_pool *pool = &config->pool;
	uint32_t sessions_conns = pool->sessions * CONNS_PER_SESSION;
	uint64_t fds = process_raise_fd_limit();
	struct uring_config ring;
	int err;

	size_ring(&ring, CONTROL_CONNS, 1, fds);
	err = uring_dp_create(&ring, control);
	size_ring(&ring, sessions_conns + 2048, pool->shards, fds);
	for (uint32_t i = 0; i < pool->shards && !err; i++)
		err = uring_dp_create(&ring, &shards[i]);
	if (err)
		snprintf(error, cap, "no dataplane: %s", strerror(-err));
	else if (ring.conn_max < sessions_conns)
		snprintf(error, cap,
			 "[pool]: %" PRIu32 " connections a shard are all that "
			 "a limit of %" PRIu64 " descriptors (RLIMIT_NOFILE) "
			 "leaves room for; %" PRIu32
			 " sessions want up to %" PRIu32
			 "; raise the limit (LimitNOFILE= of the service) or "
			 "lower sessions",
			 ring.conn_max, fds, pool->sessions, sessions_conns);
	return err;
}

static int check_port(const char *what, const char *name,
		      const struct addr *addr, char *error, size_t cap)
{
	char text[ADDR_TEXT_MAX];
	int err = port_is_free(addr);

	if (!err)
		return 0;
	addr_print(addr, text);
	snprintf(error, cap, "%s%s: cannot listen at %s: %s", what, name, text,
		 strerror(-err));
	return err;
}

int start_check_ports(const struct config *config, char *error, size_t cap)
{
	int err = check_port("peers", "", &config->peers_listen, error, cap);

	for (uint32_t i = 0; i < config->door_count && !err; i++) {
		/* Nobody but us is at an address past the kernel. */
		if (config->doors[i].port[0])
			continue;
		err = check_port("door ", config->doors[i].name,
				 &config->doors[i].listen, error, cap);
	}
	return err;
}

int start_check_journal(const char *path, char *error, size_t cap)
{
	uint64_t offset = 0;
	int err = host_linux_journal_check(path, &offset);

	if (err == -EBADMSG)
		snprintf(error, cap,
			 "%s: damaged at byte %" PRIu64
			 ", and left as it is: it may say which guests are a "
			 "peer's. Find out where each runs, then move it away "
			 "by hand: a guest given to a peer is made anew here",
			 path, offset);
	else if (err)
		snprintf(error, cap, "%s: %s", path, strerror(-err));
	return err;
}

/* --- for --check alone --------------------------------------------------- */

/* Keeps the first error, prints all. */
static void note(int *first, int err, const char *what, const char *why)
{
	if (!err)
		return;
	fprintf(stderr, "flushmarkd: %s%s%s\n", what, what[0] ? ": " : "", why);
	if (!*first)
		*first = err;
}

/* A socket that nobody serves any more is removed by whoever listens. */
static void check_unix(int *first, const struct config *config,
		       const struct addr *addr)
{
	struct stat info;
	int err;

	if (addr->family != ADDR_UNIX || addr->path[0] != '/')
		return;
	if (lstat(addr->path, &info)) {
		err = process_can_make(addr->path, config->runtime_dir);
		note(first, err, addr->path, strerror(-err));
	} else if (!S_ISSOCK(info.st_mode)) {
		note(first, -EADDRINUSE, addr->path, "is there, and no socket");
	}
}

static void check_journal(int *first, const struct config *config)
{
	char error[CONFIG_ERROR_MAX] = "";
	int err;

	if (access(config->journal, F_OK))
		err = process_can_make(config->journal, config->runtime_dir);
	else if (access(config->journal, R_OK | W_OK))
		err = -errno;
	else {
		err = start_check_journal(config->journal, error,
					  sizeof(error));
		note(first, err, "", error);
		return;
	}
	note(first, err, config->journal, strerror(-err));
}

static void check_dps(int *first, const struct config *config)
{
	struct dp *control = NULL;
	struct dp *shards[CONFIG_SHARD_MAX] = {0};
	char error[CONFIG_ERROR_MAX] = "";
	int err =
		start_make_dps(config, &control, shards, error, sizeof(error));

	if (error[0] && !err)
		fprintf(stderr, "warning: %s\n", error);
	note(first, err, "", error);
	for (uint32_t i = 0; i < CONFIG_SHARD_MAX; i++) {
		if (shards[i])
			dp_destroy(shards[i]);
	}
	if (control)
		dp_destroy(control);
}

int start_check(const struct config *config)
{
	char error[CONFIG_ERROR_MAX] = "";
	int first = 0;
	int err = process_check_dir(config->runtime_dir);

	note(&first, err, config->runtime_dir, process_dir_error(err));
	err = daemon_secret_check(config, error, sizeof(error));
	note(&first, err, "", error);
	check_journal(&first, config);
	check_dps(&first, config);
	if (process_dir_is_taken(config->runtime_dir))
		return first; /* the sockets and ports are in use by it */
	check_unix(&first, config, &config->control);
	check_unix(&first, config, &config->peers_listen);
	for (uint32_t i = 0; i < config->door_count; i++)
		check_unix(&first, config, &config->doors[i].listen);
	err = start_check_ports(config, error, sizeof(error));
	note(&first, err, "", error);
	return first;
}

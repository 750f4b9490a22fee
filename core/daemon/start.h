/* start.h - what a start needs of this machine, for it and for --check. */
#pragma once

#include "core/config.h"

struct dp;

/*
 * Makes the dataplanes of control and of each shard; the caller destroys what
 * was made, even on an error. 0 or -errno. error is left alone, or says what
 * went wrong, or what will be smaller than it should.
 */
int start_make_dps(const struct config *config, struct dp **control,
		   struct dp **shards, char *error, size_t cap);

/* Whether another process listens at one of our ports. 0 or -errno, with one
 * line. May take seconds. */
int start_check_ports(const struct config *config, char *error, size_t cap);

/* Whether a journal that is there can be read. 0 or -errno, with one line that
 * says what to do. */
int start_check_journal(const char *path, char *error, size_t cap);

/*
 * Looks for all that would keep a start from succeeding and prints a line for
 * each on standard error. Nothing stays made, bound or removed, and a daemon
 * that runs with this configuration is not disturbed. 0 or the first -errno.
 */
int start_check(const struct config *config);

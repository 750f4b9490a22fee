/* process.h - what a daemon's process asks of the system around it. */
#pragma once

#include "core/dp.h"

#include <pthread.h>
#include <stdatomic.h>

/* Raises the limit of descriptors as far as we may. Returns the limit. */
uint64_t process_raise_fd_limit(void);

/* Makes a directory that is ours alone, and those above it. 0 or -errno. */
int process_make_dir(const char *path);

/* Whether a file could be made once the runtime directory dir is there;
 * whether the one above could make such a directory. 0 or -errno; nothing is
 * made. */
int process_can_make(const char *path, const char *dir);
int process_check_dir(const char *path);

/* What an error of the directory, or of its lock below, means. */
const char *process_dir_error(int err);

/* True while another process holds the lock below. */
bool process_dir_is_taken(const char *path);

/*
 * Makes this process the only one of the directory, until it ends, however it
 * ends. 0, -EBUSY or -errno.
 */
int process_lock_dir(const char *path);

/*
 * Removes a socket that a dead process left in our directory. The kernel may
 * still answer on it for a moment, so only the lock tells that it is stale.
 */
void process_drop_socket(const char *dir, const struct addr *addr);

/* As above, for the sockets by which regions were passed. */
void process_drop_regions(const char *dir);

/* Tells the service manager, if there is one. */
void process_notify(const char *text);

/*
 * Waits for SIGTERM and SIGINT in a thread of its own, so that no handler and
 * no static variable is needed: it sets the flag and wakes control.
 */
struct stopper {
	_Atomic uint32_t set;
	bool started;
	pthread_t thread;
	struct dp *control_dp;
};

/* Before the first thread is made: threads inherit it. */
void stopper_block_signals(void);
int stopper_start(struct stopper *stopper, struct dp *control_dp);
void stopper_set(struct stopper *stopper);
void stopper_stop(struct stopper *stopper);

static inline bool stopper_is_set(struct stopper *stopper)
{
	return atomic_load_explicit(&stopper->set, memory_order_relaxed) != 0;
}

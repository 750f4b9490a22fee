/* process.h - what a daemon's process asks of the system around it. */
#pragma once

#include "core/dp.h"

#include <pthread.h>
#include <stdatomic.h>

/* Raises the limit of descriptors as far as we may. Returns the limit. */
uint64_t process_raise_fd_limit(void);

/* Makes a directory that is ours alone, and those above it. 0 or -errno. */
int process_make_dir(const char *path);

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

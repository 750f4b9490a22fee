/* loop.h - an epoll loop behind libspice-server's core interface. */
#pragma once

#include <spice.h>

#include <stdbool.h>

/*
 * Watches are level-triggered epoll entries and timers stand in a heap, so
 * that the loop costs the peer no more at a thousand sessions than at one.
 * There is one loop per process: libspice's callbacks carry no argument.
 */

/* What runs at the end of each pass: pending wake-ups of devices. */
typedef void loop_after(void *arg);

/* Starts the loop. Returns 0 or -errno. */
int loop_init(loop_after *after, void *arg);

/* For spice_server_init. */
SpiceCoreInterface *loop_interface(void);

/* Runs until SIGTERM or SIGINT. Returns 0 or -errno. */
int loop_run(void);

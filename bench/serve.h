/* serve.h - a fresh server process for one measurement, and what it uses. */
#pragma once

#include "bench/load.h"

#include <sys/types.h>

/*
 * kinds: "flushmark" with its defaults, "flushmark50" (the same, spinning for
 * 50 us before it waits), "spice" (libspice-server as shipped), "spice1" (the
 * same with one cached key), "spice1c" (a copy of that key for each link), and
 * for echoes alone "bare" (io_uring and nothing else). Each runs so many
 * desktops, with a ticket each.
 */
#define SERVE_KINDS \
	"KIND is flushmark, flushmark50, spice, spice1, spice1c or bare\n"

struct serve {
	pid_t pid;
	uint32_t count;
	struct load_target *targets;
	char dir[64]; /* holds its files, removed at the end */
};

/*
 * Starts the server of that kind; programs are looked for under build_dir.
 * Returns when it listens and is idle. 0 or -errno with a line on stderr.
 */
int serve_start(struct serve *serve, const char *kind, const char *build_dir,
		uint32_t count);

/* Stops it, by its pid, and waits. */
void serve_stop(struct serve *serve);

/* CPU time of all its threads so far. 0 or -errno. */
int serve_cpu_ns(const struct serve *serve, uint64_t *ns);

/* Waits until it has used next to nothing for a while; 10 s at most. */
int serve_settle(const struct serve *serve);

/* Bytes of memory that are its alone, and with its share of what is not. */
int serve_memory(const struct serve *serve, uint64_t *private_bytes,
		 uint64_t *pss_bytes);

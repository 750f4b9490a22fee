/* swarm_options.h - the load generator's command line. */
#pragma once

#include "core/base.h"

struct swarm_options {
	const char *host;
	const char *prefix;
	const char *secret_file;
	uint32_t port;
	uint32_t first;
	uint32_t count;
	uint32_t bytes_per_s;    /* of each stream */
	uint32_t messages_per_s; /* of all streams together */
	uint32_t motions_per_s;  /* of each session */
	uint32_t close_ms;
	bool help;
};

/* Reads the options, strings lent from argv. 0, 1 when only help was wanted
 * (it is printed), or -EINVAL, and how it should be is printed. */
int swarm_options_read(struct swarm_options *options, int argc, char **argv);

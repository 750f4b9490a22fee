/* idle.c - what a channel costs in a server's memory while nothing happens. */
#include "bench/sessions.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The server has all its desktops before the first reading; then each gets a
 * session of two channels that do nothing, and the server a few seconds. What
 * the kernel holds for a socket is not counted, it is the same for all. A
 * first session warms up what is made once.
 */
#define CHANNELS     2
#define SECONDS_IDLE 2.0

struct idle {
	const char *kind;
	const char *build_dir;
	uint32_t session_count;
	struct serve serve;
	struct sessions sessions;
};

struct reading {
	uint64_t private_bytes;
	uint64_t pss_bytes;
};

static int read_memory(const struct idle *idle, struct reading *reading)
{
	return serve_memory(&idle->serve, &reading->private_bytes,
			    &reading->pss_bytes);
}

static int stay_idle(struct idle *idle)
{
	double until = sessions_clock() + SECONDS_IDLE;
	int err = 0;

	while (!err && sessions_clock() < until)
		err = load_poll(&idle->sessions.load, 50);
	return err ? err : serve_settle(&idle->serve);
}

static int measure(struct idle *idle)
{
	struct sessions *sessions = &idle->sessions;
	struct reading before, after;
	uint32_t channels = (idle->session_count - 1) * CHANNELS;
	int err = serve_start(&idle->serve, idle->kind, idle->build_dir,
			      idle->session_count);

	if (!err)
		err = sessions_init(sessions, &idle->serve, NULL, NULL);
	if (err)
		return err;
	sessions->count = 1;
	err = sessions_open(sessions);
	if (!err)
		err = stay_idle(idle);
	if (!err)
		err = read_memory(idle, &before);
	sessions->count = idle->session_count;
	if (!err)
		err = sessions_open(sessions);
	if (!err)
		err = stay_idle(idle);
	if (!err)
		err = read_memory(idle, &after);
	if (!err && sessions->lost)
		err = -EIO;
	if (err)
		return err;
	printf("{\"experiment\": \"idle\", \"server\": \"%s\", "
	       "\"sessions\": %" PRIu32 ", \"channels\": %" PRIu32
	       ", \"private_before\": %" PRIu64 ", \"private_after\": %" PRIu64
	       ", \"pss_per_channel\": %.1f, \"per_channel\": %.1f}\n",
	       idle->kind, idle->session_count, channels, before.private_bytes,
	       after.private_bytes,
	       ((double)after.pss_bytes - (double)before.pss_bytes) / channels,
	       ((double)after.private_bytes - (double)before.private_bytes) /
		       channels);
	return 0;
}

static int read_options(struct idle *idle, int argc, char **argv)
{
	static const struct option options[] = {
		{"server", required_argument, NULL, 's'},
		{"build", required_argument, NULL, 'b'},
		{"sessions", required_argument, NULL, 'n'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned long value = optarg ? strtoul(optarg, NULL, 10) : 0;

		if (option == 's')
			idle->kind = optarg;
		else if (option == 'b')
			idle->build_dir = optarg;
		else if (option == 'n' && value > 1 && value <= 2000)
			idle->session_count = (uint32_t)value;
		else
			return -EINVAL;
	}
	return optind == argc ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct idle idle = {.kind = "flushmark",
			    .build_dir = "build",
			    .session_count = 1000,
			    .sessions.load.epoll = -1};
	int err = read_options(&idle, argc, argv);

	if (err) {
		fprintf(stderr, "usage: idle [--server KIND] [--build DIR] "
				"[--sessions N]\n" SERVE_KINDS);
		return 2;
	}
	err = measure(&idle);
	if (err)
		fprintf(stderr,
			"idle: %s: %s (%" PRIu32 " up, %" PRIu32 " lost)\n",
			idle.kind, strerror(-err), idle.sessions.up,
			idle.sessions.lost);
	sessions_fini(&idle.sessions);
	serve_stop(&idle.serve);
	return err ? 1 : 0;
}

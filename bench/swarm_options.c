/* swarm_options.c - the load generator's command line. */
#include "bench/swarm_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define SESSIONS_MAX 10000

static void usage(FILE *to)
{
	fprintf(to,
		"usage: swarm --port N --secret-file FILE [options]\n"
		"  --host HOST        IP literal, or the path of a unix "
		"socket (127.0.0.1)\n"
		"  --port N           of the door\n"
		"  --secret-file FILE the daemons' secret: tickets follow "
		"from it\n"
		"  --prefix NAME      of the guests' names (demo-)\n"
		"  --first N          number of the first guest (1)\n"
		"  --sessions N       how many guests (100)\n"
		"  --rate BYTES       per second and stream (8192)\n"
		"  --messages N       per second, all streams together, at\n"
		"                     most (4000)\n"
		"  --motions N        of the mouse, per second and session "
		"(5)\n"
		"  --close-ms N       time for the closing exchange (15000)\n"
		"Lines on stdin: report, stop.\n");
}

static bool read_number(const char *text, uint32_t max, uint32_t *to)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value > max)
		return false;
	*to = (uint32_t)value;
	return true;
}

enum choice {
	OPTION_HOST = 256,
	OPTION_PREFIX,
	OPTION_SECRET,
	OPTION_PORT,
	OPTION_FIRST,
	OPTION_SESSIONS,
	OPTION_RATE,
	OPTION_MESSAGES,
	OPTION_MOTIONS,
	OPTION_CLOSE,
	OPTION_HELP,
};

static bool take_option(struct swarm_options *options, int option,
			const char *value)
{
	switch (option) {
	case OPTION_HOST:
		options->host = value;
		return true;
	case OPTION_PREFIX:
		options->prefix = value;
		return true;
	case OPTION_SECRET:
		options->secret_file = value;
		return true;
	case OPTION_PORT:
		return read_number(value, 65535, &options->port);
	case OPTION_FIRST:
		return read_number(value, 1000000, &options->first);
	case OPTION_SESSIONS:
		return read_number(value, SESSIONS_MAX, &options->count) &&
		       options->count > 0;
	case OPTION_RATE:
		return read_number(value, 1000000000, &options->bytes_per_s) &&
		       options->bytes_per_s > 0;
	case OPTION_MESSAGES:
		return read_number(value, 1000000, &options->messages_per_s) &&
		       options->messages_per_s > 0;
	case OPTION_MOTIONS:
		return read_number(value, 1000, &options->motions_per_s);
	case OPTION_CLOSE:
		return read_number(value, 600000, &options->close_ms);
	case OPTION_HELP:
		options->help = true;
		return true;
	default:
		return false;
	}
}

static bool read_all(struct swarm_options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{"host", required_argument, NULL, OPTION_HOST},
		{"prefix", required_argument, NULL, OPTION_PREFIX},
		{"secret-file", required_argument, NULL, OPTION_SECRET},
		{"port", required_argument, NULL, OPTION_PORT},
		{"first", required_argument, NULL, OPTION_FIRST},
		{"sessions", required_argument, NULL, OPTION_SESSIONS},
		{"rate", required_argument, NULL, OPTION_RATE},
		{"messages", required_argument, NULL, OPTION_MESSAGES},
		{"motions", required_argument, NULL, OPTION_MOTIONS},
		{"close-ms", required_argument, NULL, OPTION_CLOSE},
		{"help", no_argument, NULL, OPTION_HELP},
		{NULL, 0, NULL, 0},
	};
	int option;

	*options = (struct swarm_options){
		.host = "127.0.0.1",
		.prefix = "demo-",
		.first = 1,
		.count = 100,
		.bytes_per_s = 8192,
		.messages_per_s = 4000,
		.motions_per_s = 5,
		.close_ms = 15000,
	};
	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (!take_option(options, option, optarg))
			return false;
	}
	if (options->help)
		return true;
	return optind == argc && options->secret_file &&
	       (options->port || options->host[0] == '/');
}

int swarm_options_read(struct swarm_options *options, int argc, char **argv)
{
	if (!read_all(options, argc, argv)) {
		usage(stderr);
		return -EINVAL;
	}
	if (options->help)
		usage(stdout);
	return options->help;
}

/* links.c - how many links a server completes per second of its CPU time. */
#include "bench/rsa.h"
#include "bench/serve.h"

#include <spice/enums.h>

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * A link: connect, link message, ticket, result, the channel's first message,
 * close. Either main links, each a session of its own, or links of a port
 * channel to sessions that stay. The desktops take turns and there are four
 * for each link under way, so that none is linked again before its server has
 * seen the last one end. CPU is that of all threads of the server, until it is
 * idle again: keys made in the background are in it.
 */
#define PARALLEL_MAX 256
#define DESKTOPS_PER 4
#define PATIENCE_S   120.0

struct desk {
	const struct load_target *target;
	uint32_t session;
	struct load_conn *main;
	struct desk *next;
};

struct links {
	const char *kind;
	const char *build_dir;
	bool port;
	uint32_t links;
	uint32_t parallel;
	uint32_t warm;
	uint32_t rsa_ms;
	struct serve serve;
	struct load load;
	struct desk *desks;
	struct desk *first; /* ready to be linked */
	struct desk **last;
	uint32_t ready;
	uint32_t mains; /* of --what port: up */
	uint32_t goal;
	uint32_t begun;
	uint32_t done;
	uint32_t refused;
	uint32_t broken;
};

static double wall_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void put_back(struct links *links, struct desk *desk)
{
	desk->next = NULL;
	*links->last = desk;
	links->last = &desk->next;
	links->ready++;
}

static struct desk *take(struct links *links)
{
	struct desk *desk = links->first;

	links->first = desk->next;
	if (!links->first)
		links->last = &links->first;
	links->ready--;
	return desk;
}

static void begin_links(struct links *links)
{
	uint32_t under_way = links->begun - links->done - links->refused;

	while (under_way < links->parallel && links->begun < links->goal &&
	       links->first) {
		struct desk *desk = take(links);
		uint8_t type =
			links->port ? SPICE_CHANNEL_PORT : SPICE_CHANNEL_MAIN;

		if (load_link(&links->load, desk->target, type, 0,
			      desk->session, desk, NULL)) {
			links->broken++;
			return;
		}
		links->begun++;
		under_way++;
	}
}

static void first_message(struct links *links, struct load_conn *conn,
			  const struct load_event *event)
{
	struct desk *desk = conn->user;
	bool main = conn->type == SPICE_CHANNEL_MAIN;

	if (event->type != (main ? SPICE_MSG_MAIN_INIT : SPICE_MSG_PORT_INIT))
		return;
	if (main && links->port) {
		desk->session = wire_link_read_word(event->data.data);
		links->mains++;
		put_back(links, desk);
		return;
	}
	load_close(&links->load, conn);
	links->done++;
	put_back(links, desk);
	begin_links(links);
}

static void on_event(struct load *load, struct load_conn *conn,
		     const struct load_event *event)
{
	struct links *links = load->arg;
	struct desk *desk = conn->user;

	if (event->kind == LOAD_MESSAGE)
		first_message(links, conn, event);
	if (event->kind != LOAD_ENDED)
		return;
	if (desk->main == conn) {
		links->broken++; /* a session that should stay */
		return;
	}
	links->refused++;
	put_back(links, desk);
	begin_links(links);
}

/* All that was begun has ended, one way or the other. */
static int run(struct links *links, uint32_t goal)
{
	double until = wall_seconds() + PATIENCE_S;
	int err = 0;

	links->goal = goal;
	links->begun = links->done = links->refused = 0;
	begin_links(links);
	while (links->done + links->refused < goal && !err) {
		err = load_poll(&links->load, 100);
		if (links->broken || links->refused > goal / 10 + 10)
			err = -EIO;
		if (wall_seconds() > until)
			err = -ETIMEDOUT;
	}
	return err;
}

static int open_mains(struct links *links)
{
	double until = wall_seconds() + PATIENCE_S;
	uint32_t count = links->serve.count;
	uint32_t begun = 0;
	int err = 0;

	while (links->mains < count && !err) {
		while (begun < count && begun < links->mains + 32 && !err) {
			struct desk *desk = &links->desks[begun++];

			err = load_link(&links->load, desk->target,
					SPICE_CHANNEL_MAIN, 0, 0, desk,
					&desk->main);
		}
		if (!err)
			err = load_poll(&links->load, 100);
		if (links->broken)
			err = -EIO;
		if (wall_seconds() > until)
			err = -ETIMEDOUT;
	}
	return err;
}

static int prepare(struct links *links)
{
	uint32_t count = links->parallel * DESKTOPS_PER;
	int err = serve_start(&links->serve, links->kind, links->build_dir,
			      count);

	if (err)
		return err;
	links->desks = calloc(count, sizeof(*links->desks));
	if (!links->desks)
		return -ENOMEM;
	links->last = &links->first;
	err = load_init(&links->load, 2 * count, on_event, links);
	for (uint32_t i = 0; i < count; i++) {
		links->desks[i].target = &links->serve.targets[i];
		if (!links->port)
			put_back(links, &links->desks[i]);
	}
	if (!err && links->port)
		err = open_mains(links);
	if (!err)
		err = run(links, links->warm);
	return err ? err : serve_settle(&links->serve);
}

static int measure(struct links *links)
{
	double rsa = rsa_private_rate(links->rsa_ms);
	uint64_t before, after;
	double wall = wall_seconds();
	double cpu;
	int err = serve_cpu_ns(&links->serve, &before);

	if (!err)
		err = run(links, links->links);
	wall = wall_seconds() - wall;
	if (!err)
		err = serve_settle(&links->serve);
	if (!err)
		err = serve_cpu_ns(&links->serve, &after);
	if (err)
		return err;
	rsa = (rsa + rsa_private_rate(links->rsa_ms)) / 2;
	cpu = (double)(after - before) * 1e-9;
	printf("{\"experiment\": \"links\", \"server\": \"%s\", "
	       "\"what\": \"%s\", \"links\": %" PRIu32 ", \"refused\": %" PRIu32
	       ", \"parallel\": %" PRIu32
	       ", \"cpu_s\": %.4f, \"wall_s\": %.4f, "
	       "\"per_cpu_s\": %.1f, \"rsa_per_s\": %.1f, "
	       "\"of_rsa\": %.4f}\n",
	       links->kind, links->port ? "port" : "main", links->done,
	       links->refused, links->parallel, cpu, wall, links->done / cpu,
	       rsa, links->done / cpu / rsa);
	return 0;
}

static int read_options(struct links *links, int argc, char **argv)
{
	static const struct option options[] = {
		{"server", required_argument, NULL, 's'},
		{"build", required_argument, NULL, 'b'},
		{"what", required_argument, NULL, 'w'},
		{"links", required_argument, NULL, 'n'},
		{"parallel", required_argument, NULL, 'p'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned long value = optarg ? strtoul(optarg, NULL, 10) : 0;

		if (option == 's')
			links->kind = optarg;
		else if (option == 'b')
			links->build_dir = optarg;
		else if (option == 'w')
			links->port = strcmp(optarg, "port") == 0;
		else if (option == 'n' && value > 0 && value <= 1000000)
			links->links = (uint32_t)value;
		else if (option == 'p' && value > 0 && value <= PARALLEL_MAX)
			links->parallel = (uint32_t)value;
		else
			return -EINVAL;
	}
	links->warm = min_u32(links->links / 10 + 1, 256);
	return optind == argc ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct links links = {.kind = "flushmark",
			      .build_dir = "build",
			      .links = 4096,
			      .parallel = 32,
			      .rsa_ms = 300,
			      .load.epoll = -1};
	int err = read_options(&links, argc, argv);

	if (err) {
		fprintf(stderr, "usage: links [--server KIND] [--build DIR] "
				"[--what main|port]\n             [--links N] "
				"[--parallel M]\n" SERVE_KINDS);
		return 2;
	}
	err = prepare(&links);
	if (!err)
		err = measure(&links);
	if (err)
		fprintf(stderr,
			"links: %s: %s (done %" PRIu32 ", refused %" PRIu32
			", broken %" PRIu32 ")\n",
			links.kind, strerror(-err), links.done, links.refused,
			links.broken);
	if (links.load.conns)
		load_fini(&links.load);
	serve_stop(&links.serve);
	free(links.desks);
	return err ? 1 : 0;
}

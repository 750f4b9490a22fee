/* echo.c - 64-byte messages echoed per second of a server's CPU time. */
#include "bench/sessions.h"
#include "channels/guest/stream.h"
#include "core/hist.h"

#include <spice/enums.h>

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Each session keeps so many messages of 64 bytes on their way on its port;
 * for each that is back whole, the next goes out. What came back together is
 * answered together. Messages are counted by bytes, since a server may put
 * several into one. The bytes are those of a checked stream: the demo guest
 * of ours checks each of them, the peer's does not. CPU is that of all threads
 * of the server, also what it spends waiting in a busy loop.
 */
#define MESSAGE_BYTES   64
#define OUTSTANDING_MAX 64
#define SECONDS_WARM    0.5

struct pipe {
	uint64_t sent; /* bytes of the stream */
	uint32_t back; /* bytes that came and are not answered */
	double sent_at;
};

struct echo {
	const char *kind;
	const char *build_dir;
	uint32_t session_count;
	uint32_t outstanding;
	double seconds;
	struct serve serve;
	struct sessions sessions;
	struct pipe *pipes;
	uint64_t messages;
	struct hist round_trip_ns;
	bool running;
};

static int send_messages(struct echo *echo, struct session *session, uint32_t n)
{
	uint8_t bytes[OUTSTANDING_MAX * (FRAME_MINI_BYTES + MESSAGE_BYTES)];
	struct pipe *pipe = &echo->pipes[session->index];
	uint32_t len = 0;

	for (uint32_t i = 0; i < n; i++) {
		len += frame_emit_header(bytes + len, FRAME_MINI, 0,
					 SPICE_MSGC_SPICEVMC_DATA,
					 MESSAGE_BYTES);
		stream_fill(session->index + 1, pipe->sent, bytes + len,
			    MESSAGE_BYTES);
		pipe->sent += MESSAGE_BYTES;
		len += MESSAGE_BYTES;
	}
	pipe->sent_at = sessions_clock();
	return load_write(&echo->sessions.load, session->port, bytes, len);
}

static void on_event(struct load *load, struct load_conn *conn,
		     const struct load_event *event)
{
	struct sessions *sessions = load->arg;
	struct echo *echo = sessions->arg;
	struct session *session = conn->user;
	struct pipe *pipe = &echo->pipes[session->index];
	uint32_t whole = pipe->back / MESSAGE_BYTES;

	if (event->kind == LOAD_BYTES)
		pipe->back += (uint32_t)event->data.len;
	if (event->kind != LOAD_READ || whole == 0)
		return;
	pipe->back %= MESSAGE_BYTES;
	hist_add(&echo->round_trip_ns,
		 (uint64_t)((sessions_clock() - pipe->sent_at) * 1e9));
	echo->messages += whole;
	if (whole > echo->outstanding ||
	    (echo->running && send_messages(echo, session, whole)))
		sessions->lost++;
}

static int run_for(struct echo *echo, double seconds)
{
	double until = sessions_clock() + seconds;
	int err = 0;

	while (!err && sessions_clock() < until) {
		err = load_poll(&echo->sessions.load, 50);
		if (echo->sessions.lost)
			err = -EIO;
	}
	return err;
}

static int prepare(struct echo *echo)
{
	int err = serve_start(&echo->serve, echo->kind, echo->build_dir,
			      echo->session_count);

	if (err)
		return err;
	echo->pipes = calloc(echo->session_count, sizeof(*echo->pipes));
	if (!echo->pipes)
		return -ENOMEM;
	err = sessions_init(&echo->sessions, &echo->serve, on_event, echo);
	if (!err)
		err = sessions_open(&echo->sessions);
	return err ? err : run_for(echo, SECONDS_WARM);
}

static int measure(struct echo *echo)
{
	uint64_t before, after;
	double wall;
	double cpu;
	int err = 0;

	echo->running = true;
	for (uint32_t i = 0; i < echo->session_count && !err; i++)
		err = send_messages(echo, &echo->sessions.all[i],
				    echo->outstanding);
	if (!err)
		err = run_for(echo, SECONDS_WARM);
	echo->messages = 0;
	echo->round_trip_ns = (struct hist){0};
	wall = sessions_clock();
	if (!err)
		err = serve_cpu_ns(&echo->serve, &before);
	if (!err)
		err = run_for(echo, echo->seconds);
	if (!err)
		err = serve_cpu_ns(&echo->serve, &after);
	wall = sessions_clock() - wall;
	if (!err && echo->messages == 0)
		err = -ENODATA;
	if (err)
		return err;
	cpu = (double)(after - before) * 1e-9;
	printf("{\"experiment\": \"echo\", \"server\": \"%s\", "
	       "\"sessions\": %" PRIu32 ", \"outstanding\": %" PRIu32
	       ", \"messages\": %" PRIu64 ", \"cpu_s\": %.4f, "
	       "\"wall_s\": %.4f, \"per_cpu_s\": %.1f, "
	       "\"p50_us\": %.1f, \"p99_us\": %.1f}\n",
	       echo->kind, echo->session_count, echo->outstanding,
	       echo->messages, cpu, wall, (double)echo->messages / cpu,
	       (double)hist_quantile(&echo->round_trip_ns, 0.5) * 1e-3,
	       (double)hist_quantile(&echo->round_trip_ns, 0.99) * 1e-3);
	return 0;
}

static int read_options(struct echo *echo, int argc, char **argv)
{
	static const struct option options[] = {
		{"server", required_argument, NULL, 's'},
		{"build", required_argument, NULL, 'b'},
		{"sessions", required_argument, NULL, 'n'},
		{"outstanding", required_argument, NULL, 'o'},
		{"seconds", required_argument, NULL, 't'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned long value = optarg ? strtoul(optarg, NULL, 10) : 0;

		if (option == 's')
			echo->kind = optarg;
		else if (option == 'b')
			echo->build_dir = optarg;
		else if (option == 'n' && value > 0 && value <= 2000)
			echo->session_count = (uint32_t)value;
		else if (option == 'o' && value > 0 && value <= OUTSTANDING_MAX)
			echo->outstanding = (uint32_t)value;
		else if (option == 't' && value > 0 && value <= 60)
			echo->seconds = (double)value;
		else
			return -EINVAL;
	}
	return optind == argc ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct echo *echo = calloc(1, sizeof(*echo));
	int err;

	if (!echo)
		return 1;
	*echo = (struct echo){.kind = "flushmark",
			      .build_dir = "build",
			      .session_count = 100,
			      .outstanding = 1,
			      .seconds = 2,
			      .sessions.load.epoll = -1};
	err = read_options(echo, argc, argv);
	if (err) {
		fprintf(stderr, "usage: echo [--server KIND] [--build DIR] "
				"[--sessions N]\n            [--outstanding N] "
				"[--seconds S]\n" SERVE_KINDS);
		return 2;
	}
	err = prepare(echo);
	if (!err)
		err = measure(echo);
	if (err)
		fprintf(stderr,
			"echo: %s: %s (%" PRIu32 " of %" PRIu32 " up, %" PRIu32
			" lost)\n",
			echo->kind, strerror(-err), echo->sessions.up,
			echo->session_count, echo->sessions.lost);
	sessions_fini(&echo->sessions);
	serve_stop(&echo->serve);
	free(echo->pipes);
	free(echo);
	return err ? 1 : 0;
}

/* tcp_pair.c - two TCP stacks, a bad wire, and streams that must arrive.
 *
 *   tcp_pair [--seed N] [--seeds N]
 *
 * Each seed chooses a wire, limits and what the two owners do: how they send
 * and take, when they hold, move (export, import) or kill their flows. Every
 * stream must arrive whole and in order, or as a prefix when its flow was
 * killed; at the end nothing may be left of any flow.
 */
#include "dataplane/tcp/export.h"
#include "tests/sim/tcp_wire.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNS      6
#define PORT       5900
#define PORT_FIRST 20000
#define SEND_MAX   5000
#define VIEWS_MAX  8
#define FRAMES_MAX 50000
#define TIME_MAX   (4 * 3600 * NS_PER_S)

/* One end of a connection, as its owner sees it. */
struct end {
	tcp_flow flow; /* 0: not open, or not any more */
	uint64_t sent;
	uint64_t total; /* to send, then shutdown */
	uint64_t received;
	bool open;
	bool eof;
	bool shut;
	bool held;
	bool closed;
	struct tcp_view views[VIEWS_MAX]; /* taken, not given back */
	uint32_t view_count;
	uint8_t *image; /* while it moves */
	size_t image_size;
};

struct pair {
	struct tcp_wire wire;
	struct seeded seeded;
	struct end ends[CONNS][WIRE_HOSTS];
	bool killed[CONNS]; /* its streams may end anywhere */
	bool kills;
	bool moves;
	uint64_t moved;
	uint64_t passes;
	const char *failure;
};

static uint8_t byte_at(uint32_t conn, uint32_t from, uint64_t offset)
{
	return (uint8_t)((offset * 2654435761u >> 11) + conn * 7 + from * 101);
}

static void fail(struct pair *pair, const char *why)
{
	if (!pair->failure)
		pair->failure = why;
}

static uint32_t below(struct pair *pair, uint32_t limit)
{
	return seeded_below(&pair->seeded, limit);
}

static bool one_in(struct pair *pair, uint32_t n)
{
	return below(pair, n) == 0;
}

static void give_views(struct pair *pair, struct end *end, uint32_t host,
		       uint32_t keep)
{
	while (end->view_count > keep) {
		struct tcp_view view = end->views[0];

		memmove(end->views, end->views + 1,
			--end->view_count * sizeof(view));
		tcp_recycle(pair->wire.hosts[host].stack, &view);
	}
}

/* Checks the bytes of a view against the stream of the other end. */
static void take_view(struct pair *pair, uint32_t conn, uint32_t host,
		      const struct tcp_view *view)
{
	struct end *end = &pair->ends[conn][host];

	for (uint32_t i = 0; i < view->len; i++) {
		if (view->data[i] !=
		    byte_at(conn, 1 - host, end->received + i)) {
			fail(pair, "a byte is not the one that was sent");
			break;
		}
	}
	end->received += view->len;
	if (end->eof)
		fail(pair, "bytes behind EOF");
	if (end->held)
		fail(pair, "bytes of a flow that is held");
	if (end->view_count == VIEWS_MAX)
		give_views(pair, end, host, VIEWS_MAX - 1);
	end->views[end->view_count++] = *view;
}

/* The connection that a flow is an end of; CONNS: none. */
static uint32_t conn_of(const struct pair *pair, uint32_t host, tcp_flow flow)
{
	uint32_t conn = 0;

	while (conn < CONNS && pair->ends[conn][host].flow != flow)
		conn++;
	return conn;
}

static void on_open(struct pair *pair, uint32_t host,
		    const struct tcp_event *event)
{
	struct tcp_flow_info info;
	uint32_t conn;

	if (tcp_flow_info(pair->wire.hosts[host].stack, event->flow, &info)) {
		fail(pair, "an open flow has no info");
		return;
	}
	conn = (host ? info.tuple.peer_port : info.tuple.local_port) -
	       PORT_FIRST;
	pair->ends[conn][host].flow = event->flow;
	if (pair->ends[conn][host].open)
		fail(pair, "opened twice");
	pair->ends[conn][host].open = true;
}

static void on_event(struct pair *pair, uint32_t host,
		     const struct tcp_event *event)
{
	uint32_t conn = conn_of(pair, host, event->flow);
	struct end *end = &pair->ends[conn % CONNS][host];

	if (event->kind == TCP_ACCEPTED || event->kind == TCP_CONNECTED) {
		on_open(pair, host, event);
		return;
	}
	if (conn == CONNS) {
		fail(pair, "an event of a flow that has ended");
		return;
	}
	switch (event->kind) {
	case TCP_RECEIVED:
		take_view(pair, conn, host, &event->view);
		break;
	case TCP_EOF:
		if (end->eof || end->held)
			fail(pair, "EOF twice, or held");
		end->eof = true;
		break;
	case TCP_CLOSED:
		if (event->result && !pair->killed[conn])
			fail(pair, "closed by an error");
		end->closed = true;
		end->flow = 0;
		break;
	default:
		break;
	}
}

static void drain_events(struct pair *pair, uint32_t host)
{
	struct tcp_event events[16];
	uint32_t max = 1 + below(pair, 16);
	uint32_t count;

	count = tcp_events(pair->wire.hosts[host].stack, events, max);
	for (uint32_t i = 0; i < count; i++)
		on_event(pair, host, &events[i]);
}

static void send_some(struct pair *pair, uint32_t conn, uint32_t host)
{
	struct end *end = &pair->ends[conn][host];
	uint8_t bytes[SEND_MAX];
	uint64_t left = end->total - end->sent;
	uint32_t len = 1 + below(pair, one_in(pair, 3) ? 100 : SEND_MAX);
	uint32_t cut;
	struct span spans[2];
	ssize_t taken;

	len = (uint32_t)min_u64(len, left);
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = byte_at(conn, host, end->sent + i);
	cut = below(pair, len + 1);
	spans[0] = (struct span){bytes, cut};
	spans[1] = (struct span){bytes + cut, len - cut};
	taken = tcp_send(pair->wire.hosts[host].stack, end->flow, spans, 2);
	/* It may have ended: the event is on its way. */
	if (taken < 0 && taken != -ESTALE)
		fail(pair, "a send was refused");
	else if (taken > 0)
		end->sent += (uint64_t)taken;
}

/* Into the stack; when it has no room for the bytes, later. */
static void move_in(struct pair *pair, uint32_t conn, uint32_t host)
{
	struct tcp_host *to = &pair->wire.hosts[host];
	struct end *end = &pair->ends[conn][host];
	tcp_flow flow;
	int err = tcp_import(to->stack, end->image, end->image_size, &flow);

	if (err == -ENOBUFS)
		return;
	if (err)
		fail(pair, "an import failed");
	else
		end->flow = flow;
	free(end->image);
	end->image = NULL;
	to->limbo--;
	pair->moved++;
}

/* Out of the stack and in again: nobody may notice. */
static void move_out(struct pair *pair, uint32_t conn, uint32_t host)
{
	struct tcp_host *from = &pair->wire.hosts[host];
	struct end *end = &pair->ends[conn][host];
	size_t size = tcp_export_bytes(from->stack, end->flow);
	ssize_t len;

	end->image = malloc(size);
	ASSERT(end->image && size, "memory");
	len = tcp_export(from->stack, end->flow, end->image, size);
	if (len < 0 || (size_t)len != size)
		fail(pair, "an export failed");
	end->image_size = size;
	end->flow = 0;
	end->held = false;
	end->eof = false;
	from->limbo++;
}

static void act(struct pair *pair, uint32_t conn, uint32_t host)
{
	struct tcp_stack *stack = pair->wire.hosts[host].stack;
	struct end *end = &pair->ends[conn][host];

	give_views(pair, end, host, below(pair, VIEWS_MAX));
	if (end->image)
		move_in(pair, conn, host);
	if (!end->open || !end->flow)
		return;
	if (end->sent < end->total && !one_in(pair, 4)) {
		send_some(pair, conn, host);
	} else if (end->sent == end->total && !end->shut) {
		end->shut = true;
		if (tcp_shutdown(stack, end->flow))
			fail(pair, "a shutdown failed");
	}
	if (one_in(pair, 20)) {
		end->held = !end->held;
		if (end->held)
			tcp_hold(stack, end->flow);
		else
			tcp_unhold(stack, end->flow);
	}
	if (pair->moves && one_in(pair, 30))
		move_out(pair, conn, host);
	else if (pair->kills && one_in(pair, 300)) {
		pair->killed[conn] = true;
		tcp_kill(stack, end->flow);
	} else if (end->eof && end->shut && one_in(pair, 3)) {
		tcp_close(stack, end->flow);
	}
}

static bool finished(const struct pair *pair)
{
	for (uint32_t conn = 0; conn < CONNS; conn++) {
		const struct end *ends = pair->ends[conn];

		for (uint32_t host = 0; host < WIRE_HOSTS; host++) {
			bool never = pair->killed[conn] && !ends[host].flow &&
				     !ends[host].image;

			if (!ends[host].closed && !never)
				return false;
		}
	}
	return true;
}

static void check_streams(struct pair *pair)
{
	for (uint32_t conn = 0; conn < CONNS; conn++) {
		for (uint32_t host = 0; host < WIRE_HOSTS; host++) {
			struct end *end = &pair->ends[conn][host];
			uint64_t sent = pair->ends[conn][1 - host].sent;

			if (end->received > sent ||
			    (!pair->killed[conn] &&
			     end->received != pair->ends[conn][1 - host].total))
				fail(pair, "a stream did not arrive");
		}
	}
}

static void check_stacks(struct pair *pair)
{
	for (uint32_t host = 0; host < WIRE_HOSTS; host++) {
		const char *bad = tcp_check(pair->wire.hosts[host].stack);

		if (bad)
			fail(pair, bad);
	}
}

/* When all is over only views may be out. */
static void check_rest(struct pair *pair)
{
	for (uint32_t host = 0; host < WIRE_HOSTS; host++) {
		struct tcp_usage usage;

		for (uint32_t conn = 0; conn < CONNS; conn++)
			give_views(pair, &pair->ends[conn][host], host, 0);
		tcp_usage(pair->wire.hosts[host].stack, &usage);
		if (usage.flows || usage.views || usage.aux ||
		    usage.tx_chunks || usage.rx_chunks || usage.time_waits ||
		    usage.timers)
			fail(pair, "something is left of a flow");
	}
}

static void choose(struct pair *pair, struct tcp_config *config)
{
	struct tcp_wire_faults *faults = &pair->wire.faults;

	tcp_config_default(config);
	config->prefix_len = 24;
	config->flow_max = CONNS * 4;
	config->time_wait_max = CONNS;
	config->neighbour_max = 4;
	config->listener_max = 1;
	config->view_max = one_in(pair, 3) ? 4 : 256;
	config->aux_max = one_in(pair, 4) ? 1 + below(pair, 3) : 64;
	config->tx_chunks = one_in(pair, 3) ? 2 + below(pair, 6) : 256;
	config->rx_chunks = one_in(pair, 3) ? 4 + below(pair, 6) : 256;
	config->rx_flow_bytes =
		one_in(pair, 3) ? 4096 : (uint32_t)4096 << below(pair, 7);
	config->tx_flow_bytes = (uint32_t)4096 << below(pair, 7);
	config->l4_offload = one_in(pair, 3);
	config->mtu = one_in(pair, 3) ? 576 : 1500;
	if (one_in(pair, 6))
		config->mtu = 9000;
	config->arp_retries = 15;
	config->keepalive_idle_ms = 30000;
	config->keepalive_interval_ms = 5000;
	*faults = (struct tcp_wire_faults){
		.delay_us = below(pair, 20000),
		.lose = one_in(pair, 4) ? 0 : below(pair, 150),
		.repeat = one_in(pair, 2) ? 0 : below(pair, 100),
		.spoil = one_in(pair, 2) ? 0 : below(pair, 30),
		.late = one_in(pair, 3) ? 0 : below(pair, 400),
		.late_us = below(pair, 40000),
		.no_sack = one_in(pair, 3),
		.no_timestamps = one_in(pair, 3),
		.no_scale = one_in(pair, 4),
	};
	pair->kills = one_in(pair, 4);
	/* Without room to come back a flow would be away for too long. */
	pair->moves = one_in(pair, 2) && config->tx_chunks >= 256 &&
		      config->rx_chunks >= 256 && config->aux_max >= 64;
}

static void start(struct pair *pair)
{
	struct tcp_host *hosts = pair->wire.hosts;

	if (tcp_listen(hosts[1].stack, PORT, CONNS, 0))
		fail(pair, "listen");
	for (uint32_t conn = 0; conn < CONNS; conn++) {
		tcp_flow flow;

		for (uint32_t host = 0; host < WIRE_HOSTS; host++)
			pair->ends[conn][host].total =
				one_in(pair, 4) ? below(pair, 3)
						: below(pair, 60000);
		if (tcp_connect(hosts[0].stack, WIRE_ADDRESS(1), PORT,
				(uint16_t)(PORT_FIRST + conn), &flow)) {
			fail(pair, "connect");
			return;
		}
		pair->ends[conn][0].flow = flow;
	}
}

static void pass(struct pair *pair)
{
	for (uint32_t host = 0; host < WIRE_HOSTS; host++) {
		drain_events(pair, host);
		for (uint32_t conn = 0; conn < CONNS; conn++)
			act(pair, conn, host);
		tcp_flush(pair->wire.hosts[host].stack);
	}
}

/* Waits until TIME-WAIT and what is still sent of closed flows are over. */
static void linger(struct pair *pair)
{
	uint64_t until = pair->wire.now_ns + 7200 * NS_PER_S;

	pair->wire.faults.lose = 0;
	pair->wire.faults.spoil = 0;
	while (tcp_wire_step(&pair->wire, until)) {
		for (uint32_t host = 0; host < WIRE_HOSTS; host++) {
			drain_events(pair, host);
			tcp_flush(pair->wire.hosts[host].stack);
		}
	}
}

static void print_counters(const struct tcp_stack *stack)
{
	const struct tcp_counters *counters = tcp_counters(stack);

#define PRINT_COUNTER(name) \
	if (counters->name) \
		printf("  " #name " %" PRIu64 "\n", counters->name);
	TCP_COUNTERS(PRINT_COUNTER)
#undef PRINT_COUNTER
	printf("\n");
}

static bool run(uint64_t seed, bool tell)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	struct tcp_wire_faults faults;
	struct tcp_config config;
	uint64_t end;
	bool passed;

	ASSERT(pair, "memory");
	pair->seeded.state = seed;
	choose(pair, &config);
	faults = pair->wire.faults;
	tcp_wire_init(&pair->wire, &config, seed);
	pair->wire.faults = faults;
	start(pair);
	end = pair->wire.now_ns + TIME_MAX;
	while (!pair->failure && !finished(pair)) {
		pass(pair);
		/* The checks walk all of a stack: not at each step. */
		if (pair->passes++ % 8 == 0)
			check_stacks(pair);
		/* The owners look again soon, whether or not the wire does. */
		tcp_wire_step(&pair->wire, pair->wire.now_ns + 10 * NS_PER_MS);
		if (pair->wire.now_ns > end || pair->wire.frames > FRAMES_MAX)
			fail(pair, "it takes for ever");
	}
	if (!pair->failure) {
		linger(pair);
		check_streams(pair);
		check_stacks(pair);
		check_rest(pair);
	}
	passed = !pair->failure;
	for (uint32_t host = 0; tell && host < WIRE_HOSTS; host++)
		print_counters(pair->wire.hosts[host].stack);
	if (!passed || tell)
		printf("seed %" PRIu64 ": %s, %" PRIu64 " frames, %" PRIu64
		       " moves, %.1f s\n",
		       seed, passed ? "passed" : pair->failure,
		       pair->wire.frames, pair->moved,
		       (double)(pair->wire.now_ns / NS_PER_MS) / 1000 - 12345);
	for (uint32_t host = 0; host < WIRE_HOSTS; host++) {
		for (uint32_t conn = 0; conn < CONNS; conn++) {
			give_views(pair, &pair->ends[conn][host], host, 0);
			free(pair->ends[conn][host].image);
		}
	}
	tcp_wire_fini(&pair->wire);
	free(pair);
	return passed;
}

int main(int argc, char **argv)
{
	uint64_t first = 1;
	uint64_t count = 300;
	uint64_t failed = 0;
	bool tell = false;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--seed") && i + 1 < argc) {
			first = strtoull(argv[++i], NULL, 10);
			count = 1;
			tell = true;
		} else if (!strcmp(argv[i], "--seeds") && i + 1 < argc) {
			count = strtoull(argv[++i], NULL, 10);
		} else {
			fprintf(stderr, "tcp_pair [--seed N] [--seeds N]\n");
			return 2;
		}
	}
	for (uint64_t seed = first; seed < first + count; seed++)
		failed += !run(seed, tell);
	printf("%" PRIu64 " seeds, %" PRIu64 " failed\n", count, failed);
	return failed != 0;
}

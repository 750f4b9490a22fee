/* tcp_stack.c - CPU per echo and bytes per idle flow of two TCP stacks.
 *
 *   tcp_stack [--flows N] [--active N] [--bytes N] [--seconds S]
 *
 * Two stacks are wired in memory, in one thread. All flows are opened; then
 * the active ones, spread evenly over all, each have one message on its way,
 * echoed by the server. An echo is two segments, each made, carried (a copy)
 * and taken: its cost is that of both stacks. Checksums are the stacks' own.
 */
#include "dataplane/tcp/counters.h"
#include "dataplane/tcp/tcp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FRAME_BYTES  1536
#define WIRE_FRAMES  1024 /* on their way to one host */
#define PORTS        8    /* a port serves as many flows as there are ports */
#define PORT_FIRST   5900
#define LOCAL_FIRST  1024
#define LOCAL_COUNT  60000
#define OPENING_MOST 256
#define MESSAGE_MAX  1024

struct host {
	struct bench *bench;
	struct tcp_stack *stack;
	struct arena arena;
	struct host *peer;
	uint8_t *frames; /* WIRE_FRAMES * FRAME_BYTES, to this host */
	uint32_t lens[WIRE_FRAMES];
	uint32_t head;
	uint32_t tail;
	uint32_t kept;
};

struct bench {
	struct host hosts[2]; /* client, server */
	tcp_flow *flows;      /* the client's */
	uint32_t opened;
	uint64_t echoes;
	uint64_t now_ns;
	uint32_t bytes;
	uint8_t message[MESSAGE_MAX];
};

static double cpu_seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Resident memory of the process. */
static uint64_t resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	uint64_t pages = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%*u %" SCNu64, &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void emit(void *arg, const struct tcp_frame_out *frames, uint32_t count)
{
	struct host *to = ((struct host *)arg)->peer;

	for (uint32_t i = 0; i < count; i++) {
		const struct tcp_frame_out *frame = &frames[i];
		uint32_t slot = to->tail % WIRE_FRAMES;
		uint8_t *bytes = to->frames + (size_t)slot * FRAME_BYTES;
		uint32_t at = frame->header_len;

		ASSERT(to->tail - to->head < WIRE_FRAMES, "the wire is long");
		memcpy(bytes, frame->header, frame->header_len);
		for (uint32_t j = 0; j < frame->span_count; j++) {
			memcpy(bytes + at, frame->spans[j].data,
			       frame->spans[j].len);
			at += frame->spans[j].len;
		}
		to->lens[slot] = at;
		to->tail++;
	}
}

/* Frames are a ring's: pass sees to it that views are back before reuse. */
static void release(void *arg, uint64_t token)
{
	(void)token;
	((struct host *)arg)->kept--;
}

static void host_start(struct bench *bench, uint32_t index, uint32_t flows)
{
	struct host *host = &bench->hosts[index];
	struct tcp_ops ops = {.emit = emit, .release = release, .arg = host};
	struct tcp_config config;
	int err;

	tcp_config_default(&config);
	config.mac[0] = 2;
	config.mac[5] = (uint8_t)index;
	config.address = 0x0a090001 + index;
	config.flow_max = flows;
	config.time_wait_max = 1024;
	config.secret[0] = (uint8_t)(index + 1);
	host->bench = bench;
	host->peer = &bench->hosts[1 - index];
	host->frames = malloc((size_t)WIRE_FRAMES * FRAME_BYTES);
	err = arena_init(&host->arena, tcp_bytes(&config));
	ASSERT(!err && host->frames, "memory");
	err = tcp_create(&config, &ops, &host->arena, bench->now_ns,
			 &host->stack);
	ASSERT(!err, "the config is valid");
}

static void send_message(struct bench *bench, struct host *host, tcp_flow flow)
{
	struct span span = {bench->message, bench->bytes};
	ssize_t taken = tcp_send(host->stack, flow, &span, 1);

	ASSERT(taken == (ssize_t)bench->bytes, "a message fits");
}

static void on_event(struct bench *bench, struct host *host,
		     const struct tcp_event *event)
{
	if (event->kind == TCP_CONNECTED)
		bench->opened++;
	ASSERT(event->kind != TCP_CLOSED, "no flow ends");
	if (event->kind != TCP_RECEIVED)
		return;
	ASSERT(event->view.len == bench->bytes, "a message is a segment");
	tcp_recycle(host->stack, &event->view);
	send_message(bench, host, event->flow);
	bench->echoes += host == &bench->hosts[1];
}

/* One pass of a host, as a shard has it. */
static void pass(struct bench *bench, struct host *host)
{
	struct tcp_frame frames[TCP_BATCH];
	struct tcp_event events[TCP_BATCH];
	uint32_t count = 0;

	while (host->head != host->tail && count < TCP_BATCH) {
		uint32_t slot = host->head++ % WIRE_FRAMES;

		frames[count++] = (struct tcp_frame){
			.data = host->frames + (size_t)slot * FRAME_BYTES,
			.len = host->lens[slot],
		};
	}
	tcp_input(host->stack, bench->now_ns, frames, count);
	for (uint32_t i = 0; i < count; i++)
		host->kept += frames[i].kept;
	tcp_advance(host->stack, bench->now_ns);
	do {
		count = tcp_events(host->stack, events, TCP_BATCH);
		for (uint32_t i = 0; i < count; i++)
			on_event(bench, host, &events[i]);
	} while (count);
	ASSERT(!host->kept, "all views are back");
	tcp_flush(host->stack);
}

static void step(struct bench *bench)
{
	bench->now_ns += 20 * NS_PER_US;
	pass(bench, &bench->hosts[0]);
	pass(bench, &bench->hosts[1]);
}

static void listen_at(struct bench *bench, uint16_t port)
{
	int err = tcp_listen(bench->hosts[1].stack, port, OPENING_MOST, 0);

	ASSERT(!err, "a port is free");
}

static void open_all(struct bench *bench, uint32_t flows)
{
	uint32_t asked = 0;

	for (uint16_t i = 0; i < PORTS; i++)
		listen_at(bench, (uint16_t)(PORT_FIRST + i));
	while (bench->opened < flows) {
		while (asked < flows && asked - bench->opened < 64) {
			uint32_t port = PORT_FIRST + asked / LOCAL_COUNT;
			uint32_t local = LOCAL_FIRST + asked % LOCAL_COUNT;
			int err = tcp_connect(bench->hosts[0].stack, 0x0a090002,
					      (uint16_t)port, (uint16_t)local,
					      &bench->flows[asked]);

			ASSERT(!err, "connect");
			asked++;
		}
		step(bench);
	}
	/* The last ACKs, and what the connections still had to say. */
	for (uint32_t i = 0; i < 10000; i++)
		step(bench);
}

static void measure(struct bench *bench, uint32_t flows, uint32_t active,
		    double seconds)
{
	double start;
	double used;
	uint64_t before;

	for (uint32_t i = 0; i < active; i++) {
		uint32_t at = (uint32_t)((uint64_t)flows * i / active);

		send_message(bench, &bench->hosts[0], bench->flows[at]);
	}
	/* Warm up: every active flow some hundred times. */
	while (bench->echoes < (uint64_t)active * 200)
		step(bench);
	start = cpu_seconds();
	before = bench->echoes;
	do {
		for (uint32_t i = 0; i < 200; i++)
			step(bench);
		used = cpu_seconds() - start;
	} while (used < seconds);
	printf("%7" PRIu32 " flows, %5" PRIu32 " active: %6.0f ns per %" PRIu32
	       "-byte echo, both stacks\n",
	       flows, active, used * 1e9 / (double)(bench->echoes - before),
	       bench->bytes);
}

static void report_memory(uint32_t flows, uint64_t resident)
{
	if (resident < resident_bytes())
		printf("%7" PRIu32 " flows: %.0f bytes resident per flow and "
		       "stack\n",
		       flows,
		       (double)(resident_bytes() - resident) / 2 /
			       (double)flows);
}

int main(int argc, char **argv)
{
	uint32_t flows = 1000;
	uint32_t active = 64;
	uint32_t bytes = 64;
	double seconds = 1;
	struct bench *bench = calloc(1, sizeof(*bench));
	uint64_t resident;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--flows"))
			flows = (uint32_t)atoi(argv[i + 1]);
		else if (!strcmp(argv[i], "--active"))
			active = (uint32_t)atoi(argv[i + 1]);
		else if (!strcmp(argv[i], "--bytes"))
			bytes = (uint32_t)atoi(argv[i + 1]);
		else if (!strcmp(argv[i], "--seconds"))
			seconds = atof(argv[i + 1]);
	}
	ASSERT(bench && flows && flows <= PORTS * LOCAL_COUNT, "flows");
	ASSERT(bytes && bytes <= MESSAGE_MAX, "bytes");
	active = min_u32(active, flows);
	bench->bytes = bytes;
	bench->now_ns = 1000 * NS_PER_S;
	bench->flows = calloc(flows, sizeof(*bench->flows));
	ASSERT(bench->flows, "memory");
	memset(bench->flows, 0xff, flows * sizeof(*bench->flows));
	host_start(bench, 0, flows);
	host_start(bench, 1, flows);
	memset(bench->hosts[0].frames, 0, (size_t)WIRE_FRAMES * FRAME_BYTES);
	memset(bench->hosts[1].frames, 0, (size_t)WIRE_FRAMES * FRAME_BYTES);
	resident = resident_bytes();
	open_all(bench, flows);
	report_memory(flows, resident);
	measure(bench, flows, active, seconds);
	for (uint32_t i = 0; i < 2; i++) {
		arena_fini(&bench->hosts[i].arena);
		free(bench->hosts[i].frames);
	}
	free(bench->flows);
	free(bench);
	return 0;
}

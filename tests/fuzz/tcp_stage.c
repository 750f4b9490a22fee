/* tcp_stage.c - a TCP stack with its owner and its peers, played by a tape. */
#include "tests/fuzz/tcp_stage.h"
#include "dataplane/tcp/bytes.h"
#include "dataplane/tcp/checksum.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#define STEPS_MAX 1000 /* minutes, until all flows have ended */

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1};

uint8_t tape_u8(struct stage_tape *tape)
{
	if (!tape->left)
		return 0;
	tape->left--;
	return *tape->at++;
}

uint16_t tape_u16(struct stage_tape *tape)
{
	uint16_t low = tape_u8(tape);

	return (uint16_t)(low | tape_u8(tape) << 8);
}

uint32_t tape_near(struct stage_tape *tape)
{
	int32_t near = (int16_t)tape_u16(tape);

	return (uint32_t)near;
}

static struct stage_conn *conn_of(struct stage *stage, uint32_t address,
				  uint16_t our_port, uint16_t peer_port)
{
	for (uint32_t i = 0; i < STAGE_CONNS; i++) {
		struct stage_conn *conn = &stage->conns[i];

		if (conn->address == address && conn->our_port == our_port &&
		    conn->peer_port == peer_port)
			return conn;
	}
	return NULL;
}

/* Learns from a segment of ours, whose bytes must be the stream's. */
static void learn(struct stage *stage, const uint8_t *ip, const uint8_t *tcp,
		  uint32_t len)
{
	struct stage_conn *conn = conn_of(stage, get_be32(ip + 16),
					  get_be16(tcp), get_be16(tcp + 2));
	uint32_t header = (uint32_t)(tcp[12] >> 4) * 4;
	uint32_t seq = get_be32(tcp + 4);
	struct tcp_options options;

	FUZZ_ASSERT(header >= 20 && header <= len, "a header within the frame");
	FUZZ_ASSERT(tcp_options_read(&options, tcp + 20, header - 20),
		    "options of ours can be read");
	if (!conn || (tcp[13] & TCP_RST))
		return;
	if (tcp[13] & TCP_SYN)
		conn->our_isn = seq;
	for (uint32_t i = header; i < len && !stage->scrambled; i++)
		FUZZ_ASSERT(tcp[i] == (uint8_t)(seq - conn->our_isn - 1 + i -
						header),
			    "bytes sent are the stream's");
	conn->our_next = seq + len - header + ((tcp[13] & TCP_SYN) != 0) +
			 ((tcp[13] & TCP_FIN) != 0);
	if (tcp[13] & TCP_ACK)
		conn->acked = get_be32(tcp + 8);
	if (options.present & TCP_OPT_TS)
		conn->ts = options.ts_value;
}

static void emitted(struct stage *stage, const uint8_t *bytes, uint32_t len)
{
	const uint8_t *ip = bytes + 14;
	struct tcp_sum sum = {0};

	FUZZ_ASSERT(!memcmp(bytes + 6, our_mac, 6), "frames are from us");
	if (get_be16(bytes + 12) == 0x0806)
		return;
	FUZZ_ASSERT(get_be16(bytes + 12) == 0x0800 && ip[0] == 0x45 &&
			    get_be16(ip + 2) == len - 14,
		    "what is no ARP is IPv4, of its length");
	tcp_sum_add(&sum, ip, 20);
	FUZZ_ASSERT(tcp_sum_good(&sum), "the IPv4 checksum is right");
	sum = (struct tcp_sum){0};
	if (ip[9] == 6)
		tcp_sum_pseudo(&sum, get_be32(ip + 12), get_be32(ip + 16), 6,
			       len - 34);
	tcp_sum_add(&sum, ip + 20, len - 34);
	FUZZ_ASSERT(tcp_sum_good(&sum), "and what is in it is summed, too");
	if (ip[9] == 6)
		learn(stage, ip, ip + 20, len - 34);
}

static void emit(void *arg, const struct tcp_frame_out *frames, uint32_t count)
{
	struct stage *stage = arg;
	uint8_t bytes[14 + TCP_MTU_MAX];

	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = frames[i].header_len;

		FUZZ_ASSERT(frames[i].len <= 14u + stage->config.mtu,
			    "no frame is longer than the MTU");
		memcpy(bytes, frames[i].header, at);
		for (uint32_t j = 0; j < frames[i].span_count; j++) {
			const struct span *span = &frames[i].spans[j];

			FUZZ_ASSERT(span->len <= frames[i].len - at,
				    "spans are within the frame");
			memcpy(bytes + at, span->data, span->len);
			at += (uint32_t)span->len;
		}
		FUZZ_ASSERT(at == frames[i].len, "and are all of it");
		emitted(stage, bytes, at);
	}
}

static void release(void *arg, uint64_t token)
{
	struct stage *stage = arg;

	FUZZ_ASSERT(stage->kept, "what is released was kept");
	stage->kept--;
	free((void *)(uintptr_t)token);
}

static enum tcp_unknown unknown(void *arg, const struct tcp_tuple *tuple,
				const struct tcp_frame *frame)
{
	struct stage *stage = arg;

	(void)tuple;
	if (stage->unknown == TCP_UNKNOWN_TAKEN)
		stage->taken[stage->taken_count++] = frame->token;
	return stage->unknown;
}

static struct stage_flow *flow_of(struct stage *stage, tcp_flow name)
{
	struct stage_flow *flow = &stage->flows[tcp_flow_index(name)];

	FUZZ_ASSERT(tcp_flow_index(name) < STAGE_FLOWS, "an index of a flow");
	return flow->name == name ? flow : NULL;
}

struct stage_flow *stage_own(struct stage *stage, tcp_flow name)
{
	struct stage_flow *flow = &stage->flows[tcp_flow_index(name)];

	FUZZ_ASSERT(name && tcp_flow_index(name) < STAGE_FLOWS, "a name");
	FUZZ_ASSERT(!flow->name || stage->slow,
		    "an index is one flow's while it lives");
	*flow = (struct stage_flow){.name = name};
	return flow;
}

static void take_view(struct stage *stage, struct stage_flow *flow,
		      const struct tcp_view *view)
{
	FUZZ_ASSERT(view->len && !flow->held && !flow->eof,
		    "bytes come when they may");
	if (!flow->any)
		flow->next = view->data[0];
	flow->any = true;
	for (uint32_t i = 0; i < view->len; i++) {
		/* Read in any case: they must still be there. */
		bool right = view->data[i] == (uint8_t)(flow->next + i);

		FUZZ_ASSERT(right || stage->scrambled,
			    "bytes received are the stream's");
	}
	flow->next = (uint8_t)(flow->next + view->len);
	if (stage->view_count == STAGE_VIEWS)
		stage_recycle(stage, STAGE_VIEWS - 1);
	stage->views[stage->view_count++] = *view;
}

static void take_event(struct stage *stage, const struct tcp_event *event)
{
	struct stage_flow *flow = event->kind == TCP_ACCEPTED
					  ? stage_own(stage, event->flow)
					  : flow_of(stage, event->flow);

	FUZZ_ASSERT(flow, "events are of flows that the owner knows");
	FUZZ_ASSERT(event->kind <= TCP_CONNECTED || flow->opened ||
			    event->kind == TCP_CLOSED,
		    "nothing comes before a flow is open");
	switch (event->kind) {
	case TCP_ACCEPTED:
	case TCP_CONNECTED:
		FUZZ_ASSERT(!flow->opened, "a flow opens once");
		flow->opened = true;
		break;
	case TCP_RECEIVED:
		take_view(stage, flow, &event->view);
		break;
	case TCP_EOF:
		FUZZ_ASSERT(!flow->eof && !flow->held, "EOF comes once");
		flow->eof = true;
		break;
	case TCP_CLOSED:
		*flow = (struct stage_flow){0};
		break;
	default:
		break;
	}
}

static void take_events(struct stage *stage)
{
	struct tcp_event events[3];
	uint32_t count;

	if (stage->slow)
		return;
	while ((count = tcp_events(stage->stack, events, ARRAY_LEN(events)))) {
		for (uint32_t i = 0; i < count; i++)
			take_event(stage, &events[i]);
	}
}

/* What a pass does behind its calls. */
static void pass(struct stage *stage)
{
	take_events(stage);
	tcp_flush(stage->stack);
	take_events(stage);
}

void stage_settle(struct stage *stage)
{
	const char *bad;

	pass(stage);
	bad = tcp_check(stage->stack);
	if (bad)
		fprintf(stderr, "does not hold: %s\n", bad);
	FUZZ_ASSERT(!bad, "tcp_check holds");
}

void stage_wait(struct stage *stage, uint64_t ns, uint32_t steps)
{
	uint64_t until = stage->now_ns + ns;
	uint64_t next;

	while (steps-- && (next = tcp_deadline(stage->stack)) <= until) {
		stage->now_ns = max_u64(stage->now_ns, next);
		tcp_advance(stage->stack, stage->now_ns);
		pass(stage); /* a look at everything costs more than all this */
	}
	stage->now_ns = until;
	tcp_advance(stage->stack, until);
	stage_settle(stage);
}

void stage_frame(struct stage *stage, const uint8_t *bytes, uint32_t len,
		 uint16_t flags)
{
	/* In a block of its own length, so that ASan sees a read beyond. */
	uint8_t *copy = malloc(len ? len : 1);

	FUZZ_ASSERT(copy, "a test has memory");
	memcpy(copy, bytes, len);
	stage->batch[stage->batch_count++] = (struct tcp_frame){
		.data = copy,
		.len = len,
		.flags = flags,
		.token = (uintptr_t)copy,
	};
	if (stage->batch_count == TCP_BATCH)
		stage_batch(stage);
}

void stage_batch(struct stage *stage)
{
	uint32_t count = stage->batch_count;

	stage->batch_count = 0;
	stage->taken_count = 0;
	tcp_input(stage->stack, stage->now_ns, stage->batch, count);
	for (uint32_t i = 0; i < count; i++)
		stage->kept += stage->batch[i].kept;
	for (uint32_t i = 0; i < stage->taken_count; i++)
		release(stage, stage->taken[i]);
	for (uint32_t i = 0; i < count; i++) {
		if (!stage->batch[i].kept)
			free((void *)(uintptr_t)stage->batch[i].token);
	}
	stage_settle(stage);
}

void stage_ipv4(struct stage *stage, uint32_t conn, uint8_t protocol,
		uint8_t bytes[STAGE_FRAME_MAX], uint32_t len)
{
	uint8_t *ip = bytes + 14;
	struct tcp_sum sum = {0};
	uint32_t at = protocol == 6 ? 16 : 2;
	uint16_t word;

	memcpy(bytes, our_mac, 6);
	memcpy(bytes + 6, (uint8_t[8]){2, 0, 0, 0, 0, 2, 8, 0}, 8);
	memset(ip, 0, 20);
	ip[0] = 0x45;
	put_be16(ip + 2, (uint16_t)(20 + len));
	ip[8] = 64;
	ip[9] = protocol;
	put_be32(ip + 12, stage->conns[conn].address);
	put_be32(ip + 16, STAGE_ADDRESS);
	tcp_sum_add(&sum, ip, 20);
	word = tcp_sum_finish(&sum);
	memcpy(ip + 10, &word, 2);
	if (len < at + 2 || (protocol != 6 && protocol != 1))
		return;
	put_be16(ip + 20 + at, 0);
	sum = (struct tcp_sum){0};
	if (protocol == 6)
		tcp_sum_pseudo(&sum, stage->conns[conn].address, STAGE_ADDRESS,
			       6, len);
	tcp_sum_add(&sum, ip + 20, len);
	word = tcp_sum_finish(&sum);
	memcpy(ip + 20 + at, &word, 2);
}

void stage_tcp(struct stage *stage, const struct stage_segment *segment)
{
	const struct stage_conn *conn = &stage->conns[segment->conn];
	uint8_t bytes[STAGE_FRAME_MAX];
	uint8_t *tcp = bytes + 34;
	uint32_t header = 20 + segment->option_len;
	uint32_t first = segment->seq + ((segment->flags & TCP_SYN) != 0);

	memset(tcp, 0, 20);
	put_be16(tcp, conn->peer_port);
	put_be16(tcp + 2, conn->our_port);
	put_be32(tcp + 4, segment->seq);
	put_be32(tcp + 8, segment->ack);
	tcp[12] = (uint8_t)(header / 4 << 4);
	tcp[13] = segment->flags;
	put_be16(tcp + 14, segment->window);
	memcpy(tcp + 20, segment->options, segment->option_len);
	for (uint32_t i = 0; i < segment->len; i++)
		tcp[header + i] = (uint8_t)(first + i);
	stage_ipv4(stage, segment->conn, 6, bytes, header + segment->len);
	tcp[16] ^= segment->bad_sum;
	stage_frame(stage, bytes, 34 + header + segment->len,
		    segment->unsummed ? TCP_FRAME_L4_CHECKED : 0);
}

void stage_arp(struct stage *stage, uint8_t operation, uint8_t last,
	       bool broadcast)
{
	uint8_t bytes[42] = {2, 0,         0, 0, 0, 1, 2, 0,   0, 0,
			     0, last,      8, 6, 0, 1, 8, 0,   6, 4,
			     0, operation, 2, 0, 0, 0, 0, last};

	if (broadcast)
		memset(bytes, 0xff, 6);
	put_be32(bytes + 28, (STAGE_ADDRESS & 0xffffff00) | last);
	put_be32(bytes + 38, STAGE_ADDRESS);
	stage_frame(stage, bytes, sizeof(bytes), 0);
}

void stage_send(struct stage *stage, struct stage_flow *flow, uint32_t len)
{
	uint8_t bytes[8192];
	struct span spans[2];
	ssize_t sent;

	len = min_u32(len, sizeof(bytes));
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(flow->sent + i);
	spans[0] = (struct span){bytes, len / 3};
	spans[1] = (struct span){bytes + len / 3, len - len / 3};
	sent = tcp_send(stage->stack, flow->name, spans, ARRAY_LEN(spans));
	FUZZ_ASSERT(sent <= (ssize_t)len, "no more is taken than there is");
	if (sent > 0)
		flow->sent += (uint32_t)sent;
}

void stage_recycle(struct stage *stage, uint32_t keep)
{
	uint32_t give = stage->view_count - min_u32(stage->view_count, keep);

	for (uint32_t i = 0; i < give; i++)
		tcp_recycle(stage->stack, &stage->views[i]);
	stage->view_count -= give;
	memmove(stage->views, stage->views + give,
		stage->view_count * sizeof(stage->views[0]));
}

/* Small pools: each of them runs out in some input. */
static void configure(struct tcp_config *config, uint8_t limits)
{
	tcp_config_default(config);
	memcpy(config->mac, our_mac, sizeof(our_mac));
	config->address = STAGE_ADDRESS;
	config->gateway = STAGE_GATEWAY;
	config->mtu = limits & 1 ? TCP_MTU_MIN : 1500;
	config->flow_max = limits & 2 ? 3 : STAGE_FLOWS;
	config->listener_max = 2;
	config->view_max = limits & 4 ? 2 : STAGE_VIEWS;
	config->aux_max = limits & 8 ? 1 : 4;
	config->tx_chunks = limits & 16 ? 2 : 8;
	config->rx_chunks = limits & 32 ? 2 : 8;
	config->tx_flow_bytes = 16384;
	config->rx_flow_bytes = limits & 64 ? 4096 : 16384;
	config->time_wait_max = 2;
	config->neighbour_max = 3;
	config->keepalive_idle_ms = 30000;
	config->keepalive_interval_ms = 5000;
	config->l4_offload = false;
}

void stage_start(struct stage *stage, uint8_t limits)
{
	struct tcp_ops ops = {
		.emit = emit,
		.release = release,
		.unknown = unknown,
		.arg = stage,
	};
	struct stage_segment syn = {
		.flags = TCP_SYN,
		.seq = (uint32_t)-200,
		.window = 8192,
		.option_len = 20,
		.options = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0,
			    0, 1, 0, 0,    0, 0, 1, 3,  3, 4},
	};
	tcp_flow name;

	*stage = (struct stage){.now_ns = 5 * NS_PER_S};
	for (uint32_t i = 0; i < STAGE_CONNS; i++) {
		stage->conns[i] = (struct stage_conn){
			.address = STAGE_PEER,
			.peer_port = (uint16_t)(40000 + i),
			.our_port = i == 1 ? 50000 : STAGE_PORT,
		};
	}
	stage->conns[3].address = 0x0b000001; /* through the gateway */
	configure(&stage->config, limits);
	FUZZ_ASSERT(!arena_init(&stage->arena, tcp_bytes(&stage->config)) &&
			    !tcp_create(&stage->config, &ops, &stage->arena,
					stage->now_ns, &stage->stack),
		    "a stack can be made");
	FUZZ_ASSERT(!tcp_listen(stage->stack, STAGE_PORT, 2, 7), "it listens");
	stage_arp(stage, 1, 2, true);
	stage_tcp(stage, &syn);
	stage_batch(stage);
	syn = (struct stage_segment){
		.flags = TCP_ACK,
		.seq = (uint32_t)-199,
		.ack = stage->conns[0].our_next,
		.window = 512,
		.option_len = 12,
		.options = {1, 1, 8, 10, 0, 0, 0, 2},
	};
	put_be32(syn.options + 8, stage->conns[0].ts);
	stage_tcp(stage, &syn);
	stage_batch(stage);
	FUZZ_ASSERT(stage->flows[0].opened, "a flow is established");
	FUZZ_ASSERT(!tcp_connect(stage->stack, STAGE_PEER, 40001, 50000, &name),
		    "another connects");
	stage_own(stage, name);
	stage_settle(stage);
}

/* Nobody answers any more: whatever is still sent is given up in the end. */
void stage_end(struct stage *stage)
{
	struct tcp_usage usage;
	uint32_t steps = 0;
	bool none;

	if (stage->batch_count)
		stage_batch(stage);
	stage->slow = false;
	stage_settle(stage);
	for (uint32_t i = 0; i < STAGE_FLOWS; i++) {
		if (stage->flows[i].name)
			FUZZ_ASSERT(
				!tcp_close(stage->stack, stage->flows[i].name),
				"a flow can be closed until CLOSED");
	}
	FUZZ_ASSERT(!tcp_unlisten(stage->stack, STAGE_PORT), "it listened");
	stage_settle(stage);
	for (uint32_t i = 0; i < STAGE_FLOWS; i++)
		FUZZ_ASSERT(!stage->flows[i].name, "CLOSED follows at once");
	stage_recycle(stage, 0);
	do {
		stage->now_ns += 60 * NS_PER_S;
		tcp_advance(stage->stack, stage->now_ns);
		pass(stage);
		tcp_usage(stage->stack, &usage);
		none = !usage.flows && !usage.time_waits && !usage.timers;
	} while (!none && ++steps < STEPS_MAX);
	stage_settle(stage);
	FUZZ_ASSERT(none && !usage.half_open && !usage.views && !usage.aux &&
			    !usage.tx_chunks && !usage.rx_chunks &&
			    !usage.events && !stage->kept,
		    "nothing is left over");
	tcp_release_all(stage->stack);
	arena_fini(&stage->arena);
}

/* tcp_script.c - one TCP script under way: the stack, time, what it has said.
 */
#include "tests/script/tcp_script.h"
#include "dataplane/tcp/bytes.h"
#include "dataplane/tcp/segment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define PEER_TS_FIRST                                           \
	1000 /* the peer's timestamp clock when a script starts \
	      */

void script_fail(struct script *script, const char *form, ...)
{
	va_list args;

	if (script->failure[0])
		return;
	va_start(args, form);
	vsnprintf(script->failure, sizeof(script->failure), form, args);
	va_end(args);
}

static struct script_conn *conn_of_ports(struct script *script,
					 uint16_t our_port, uint16_t peer_port)
{
	for (uint32_t i = 0; i < SCRIPT_CONNS; i++) {
		if (script->conns[i].our_port == our_port &&
		    script->conns[i].peer_port == peer_port)
			return &script->conns[i];
	}
	return NULL;
}

/* Learns from a frame of ours what is relative to what. */
static void learn(struct script *script, const struct script_frame *frame)
{
	struct script_conn *conn =
		conn_of_ports(script, frame->our_port, frame->peer_port);

	if (!conn || frame->kind != SCRIPT_TCP)
		return;
	if (frame->flags & TCP_RST)
		return;
	if (frame->flags & TCP_SYN) {
		/* A connection anew starts beyond all of the one before. */
		if (conn->our_end != conn->our_isn &&
		    !seq_after(frame->seq, conn->our_end))
			script_fail(script, "an old initial sequence number");
		conn->our_isn = conn->our_end = frame->seq;
	}
	conn->our_end =
		seq_max(conn->our_end, frame->seq + frame->len +
					       ((frame->flags & TCP_FIN) != 0));
	if (!(frame->options.present & TCP_OPT_TS))
		return;
	if (!conn->ts_known)
		conn->our_ts = frame->options.ts_value;
	conn->ts_known = true;
	conn->last_ts = frame->options.ts_value;
	conn->ts |= frame->flags & TCP_ACK;
}

static void emit(void *arg, const struct tcp_frame_out *frames, uint32_t count)
{
	struct script *script = arg;

	for (uint32_t i = 0; i < count; i++) {
		const struct tcp_frame_out *frame = &frames[i];
		struct script_raw *raw = &script->out[script->out_tail];
		uint32_t at = frame->header_len;
		struct script_frame parsed;

		if (script->out_tail == SCRIPT_FRAMES) {
			script_fail(script, "too many frames");
			return;
		}
		if (frame->len > script->config.mtu + 14u)
			script_fail(script, "a frame is longer than the MTU");
		raw->bytes = malloc(frame->len);
		ASSERT(raw->bytes, "memory");
		raw->len = frame->len;
		memcpy(raw->bytes, frame->header, frame->header_len);
		for (uint32_t j = 0; j < frame->span_count; j++) {
			memcpy(raw->bytes + at, frame->spans[j].data,
			       frame->spans[j].len);
			at += frame->spans[j].len;
		}
		script->out_tail++;
		if (!script_parse(&parsed, raw->bytes, raw->len))
			learn(script, &parsed);
	}
}

static void release(void *arg, uint64_t token)
{
	struct script *script = arg;

	script->kept--;
	free((void *)(uintptr_t)token);
}

static enum tcp_unknown unknown(void *arg, const struct tcp_tuple *tuple,
				const struct tcp_frame *frame)
{
	struct script *script = arg;

	(void)tuple;
	(void)frame;
	return script->unknown;
}

/* The peer asks for our MAC, as whoever is about to connect does. */
static void introduce(struct script *script)
{
	struct script_frame frame = {.kind = SCRIPT_ARP, .operation = 1};

	script_inject(script, &frame);
	while (script->out_head < script->out_tail)
		free(script->out[script->out_head++].bytes);
}

void script_start(struct script *script)
{
	struct tcp_ops ops = {
		.emit = emit,
		.release = release,
		.unknown = unknown,
		.arg = script,
	};
	int err;

	if (script->stack)
		return;
	err = arena_init(&script->arena, tcp_bytes(&script->config) + 1);
	ASSERT(!err, "memory");
	err = tcp_create(&script->config, &ops, &script->arena, script->now_ns,
			 &script->stack);
	if (err) {
		script->stack = NULL;
		script_fail(script, "the config is not valid");
		return;
	}
	script->start_ns = script->now_ns;
	if (!script->no_neighbour)
		introduce(script);
}

void script_recycle(struct script *script, uint32_t count)
{
	struct script_conn *conn = script->conn;

	count = min_u32(count, conn->view_count);
	for (uint32_t i = 0; i < count; i++)
		tcp_recycle(script->stack, &conn->views[i]);
	conn->view_count -= count;
	memmove(conn->views, conn->views + count,
		conn->view_count * sizeof(conn->views[0]));
}

void script_end(struct script *script)
{
	for (uint32_t i = 0; i < SCRIPT_CONNS; i++)
		free(script->conns[i].image);
	while (script->out_head < script->out_tail)
		free(script->out[script->out_head++].bytes);
	if (!script->stack)
		return;
	tcp_release_all(script->stack);
	if (script->kept)
		script_fail(script, "%" PRIu32 " frames were not released",
			    script->kept);
	arena_fini(&script->arena);
}

static void take_received(struct script *script, struct script_conn *conn,
			  const struct tcp_view *view)
{
	for (uint32_t i = 0; i < view->len; i++) {
		if (view->data[i] == script_byte(false, 1 + conn->received + i))
			continue;
		script_fail(script, "byte %" PRIu32 " received is wrong",
			    conn->received + i);
		break;
	}
	conn->received += view->len;
	if (script->keep_views && conn->view_count < SCRIPT_VIEWS)
		conn->views[conn->view_count++] = *view;
	else
		tcp_recycle(script->stack, view);
}

static void take_event(struct script *script, const struct tcp_event *event)
{
	struct script_conn *conn = NULL;
	struct tcp_flow_info info;

	if (script->event_tail == SCRIPT_EVENTS) {
		script_fail(script, "too many events");
		return;
	}
	script->events[script->event_tail++] = *event;
	for (uint32_t i = 0; i < SCRIPT_CONNS; i++) {
		if (script->conns[i].flow == event->flow)
			conn = &script->conns[i];
	}
	if (event->kind == TCP_ACCEPTED &&
	    !tcp_flow_info(script->stack, event->flow, &info)) {
		conn = conn_of_ports(script, info.tuple.local_port,
				     info.tuple.peer_port);
		if (conn)
			conn->flow = event->flow;
	}
	if (event->kind == TCP_RECEIVED && conn)
		take_received(script, conn, &event->view);
	else if (event->kind == TCP_RECEIVED)
		script_fail(script, "bytes for a flow that is not known");
}

static void take_events(struct script *script)
{
	struct tcp_event events[8];
	uint32_t count;

	if (script->slow_owner)
		return;
	do {
		count = tcp_events(script->stack, events, ARRAY_LEN(events));
		for (uint32_t i = 0; i < count; i++)
			take_event(script, &events[i]);
	} while (count);
}

void script_settle(struct script *script)
{
	const char *bad;

	if (!script->stack)
		return;
	take_events(script);
	tcp_flush(script->stack);
	take_events(script);
	bad = tcp_check(script->stack);
	if (bad)
		script_fail(script, "does not hold: %s", bad);
}

void script_wait(struct script *script, uint64_t ns)
{
	uint64_t until = script->now_ns + ns;
	uint64_t next;

	while ((next = tcp_deadline(script->stack)) <= until) {
		script->now_ns = max_u64(script->now_ns, next);
		tcp_advance(script->stack, script->now_ns);
		script_settle(script);
	}
	script->now_ns = until;
	tcp_advance(script->stack, script->now_ns);
	script_settle(script);
}

static void frames_give(struct script *script, struct tcp_frame *frames,
			uint32_t count)
{
	tcp_input(script->stack, script->now_ns, frames, count);
	for (uint32_t i = 0; i < count; i++) {
		if (frames[i].kept && script->unknown != TCP_UNKNOWN_TAKEN)
			script->kept++;
		else
			free((void *)(uintptr_t)frames[i].token);
	}
	script_settle(script);
}

/* From relative to absolute; the peer's timestamp where none is written. */
static void make_absolute(struct script *script, struct script_frame *frame)
{
	struct script_conn *conn = script->conn;
	struct tcp_options *options = &frame->options;
	uint64_t ms = (script->now_ns - script->start_ns) / NS_PER_MS;
	bool bare = !(frame->any & ANY_OPTS) && !options->present &&
		    !options->sack_count;

	frame->our_port = conn->our_port;
	frame->peer_port = conn->peer_port;
	if (frame->kind == SCRIPT_ICMP) {
		frame->seq += conn->our_isn;
		return;
	}
	if (conn->ts && !bare && !(frame->flags & TCP_SYN) &&
	    !(options->present & TCP_OPT_TS)) {
		options->present |= TCP_OPT_TS;
		options->ts_value = PEER_TS_FIRST + (uint32_t)ms;
		options->ts_echo = conn->last_ts;
	} else if ((frame->flags & TCP_ACK) && conn->ts_known) {
		options->ts_echo += conn->our_ts;
	}
	if (frame->flags & TCP_SYN && (frame->flags & TCP_ACK) &&
	    (options->present & TCP_OPT_TS))
		conn->ts = true;
	frame->seq += conn->peer_isn;
	frame->ack += conn->our_isn;
	for (uint32_t i = 0; i < options->sack_count; i++) {
		options->sack[i].start += conn->our_isn;
		options->sack[i].end += conn->our_isn;
	}
}

void script_inject(struct script *script, const struct script_frame *frame)
{
	struct script_frame absolute = *frame;
	uint8_t bytes[SCRIPT_FRAME_MAX];
	struct tcp_frame *in = &script->batch[script->batch_count];
	uint8_t *copy;
	uint32_t len;

	if (script->batch_count == TCP_BATCH) {
		script_fail(script, "the batch is too long");
		return;
	}
	if (frame->any & ANY_WINDOW)
		absolute.window = 512;
	make_absolute(script, &absolute);
	len = script_build(&absolute, script->conn->peer_isn, bytes);
	copy = malloc(len);
	ASSERT(copy, "memory");
	memcpy(copy, bytes, len);
	*in = (struct tcp_frame){
		.data = copy,
		.len = len,
		.token = (uintptr_t)copy,
	};
	script->batch_count++;
	if (!script->batching)
		script_batch_end(script);
}

void script_batch_end(struct script *script)
{
	uint32_t count = script->batch_count;

	script->batching = false;
	script->batch_count = 0;
	frames_give(script, script->batch, count);
}

static void make_relative(const struct script_conn *conn,
			  struct script_frame *frame)
{
	frame->seq -= conn->our_isn;
	frame->ack -= conn->peer_isn;
	if (frame->options.present & TCP_OPT_TS)
		frame->options.ts_value -= conn->our_ts;
	for (uint32_t i = 0; i < frame->options.sack_count; i++) {
		frame->options.sack[i].start -= conn->peer_isn;
		frame->options.sack[i].end -= conn->peer_isn;
	}
}

static bool options_match(const struct script_conn *conn,
			  const struct script_frame *want,
			  const struct script_frame *got)
{
	const struct tcp_options *a = &want->options;
	const struct tcp_options *b = &got->options;
	uint8_t present = a->present;

	if (want->any & ANY_OPTS && want->flags & TCP_SYN)
		return true;
	if (conn->ts && !(want->flags & (TCP_SYN | TCP_RST)))
		present |= TCP_OPT_TS;
	if (b->present != present || a->sack_count != b->sack_count)
		return false;
	if (a->present & TCP_OPT_MSS && a->mss != b->mss)
		return false;
	if (a->present & TCP_OPT_WSCALE && a->wscale != b->wscale)
		return false;
	if (a->present & TCP_OPT_TS && !(want->any & ANY_TS) &&
	    (a->ts_value != b->ts_value || a->ts_echo != b->ts_echo))
		return false;
	return !memcmp(a->sack, b->sack, a->sack_count * sizeof(a->sack[0]));
}

static bool frames_match(const struct script_conn *conn,
			 const struct script_frame *want,
			 const struct script_frame *got)
{
	if (want->kind != got->kind)
		return false;
	if (want->kind == SCRIPT_ARP)
		return want->operation == got->operation &&
		       want->direct == got->direct &&
		       (want->address ? want->address : SCRIPT_PEER_ADDRESS) ==
			       got->address;
	if (want->kind == SCRIPT_ICMP)
		return want->operation == got->operation &&
		       want->len == got->len;
	return want->flags == got->flags &&
	       (want->any & ANY_SEQ || want->seq == got->seq) &&
	       (want->any & ANY_LEN || want->len == got->len) &&
	       (want->any & ANY_ACK || !(want->flags & TCP_ACK) ||
		want->ack == got->ack) &&
	       (want->any & ANY_WINDOW || want->window == got->window) &&
	       options_match(conn, want, got);
}

static void check_payload(struct script *script, const struct script_frame *got)
{
	for (uint32_t i = 0; i < got->len && got->data; i++) {
		if (got->data[i] == script_byte(true, got->seq + i))
			continue;
		script_fail(script, "byte %" PRIu32 " sent is wrong",
			    got->seq + i);
		return;
	}
}

void script_expect(struct script *script, const struct script_frame *want)
{
	const struct script_conn *conn = script->conn;
	struct script_frame got;
	struct script_raw *raw;
	const char *bad;
	char want_text[256];
	char got_text[256];

	script_print(want, want_text, sizeof(want_text));
	if (script->out_head == script->out_tail) {
		script_fail(script, "expected  %s\n    got       nothing",
			    want_text);
		return;
	}
	raw = &script->out[script->out_head++];
	bad = script_parse(&got, raw->bytes, raw->len);
	if (bad)
		script_fail(script, "%s", bad);
	if (got.kind == SCRIPT_TCP) {
		if (got.our_port != conn->our_port ||
		    got.peer_port != conn->peer_port)
			script_fail(script, "a frame of another connection");
		make_relative(conn, &got);
		check_payload(script, &got);
	}
	script_print(&got, got_text, sizeof(got_text));
	if (!frames_match(conn, want, &got))
		script_fail(script, "expected  %s\n    got       %s", want_text,
			    got_text);
	script->checks++;
	free(raw->bytes);
	if (script->out_head == script->out_tail)
		script->out_head = script->out_tail = 0;
}

static void print_event(const struct tcp_event *event, char *text, size_t size)
{
	static const char *const names[] = {"accepted", "connected", "received",
					    "writable", "eof",       "closed"};

	if (event->kind == TCP_RECEIVED)
		snprintf(text, size, "received %" PRIu32, event->view.len);
	else if (event->kind == TCP_CLOSED)
		snprintf(text, size, "closed %s",
			 event->result ? strerrorname_np(-event->result) : "0");
	else
		snprintf(text, size, "%s", names[event->kind]);
}

void script_expect_event(struct script *script, const char *text)
{
	char got[64] = "nothing";
	const struct tcp_event *event;

	if (script->event_head < script->event_tail) {
		event = &script->events[script->event_head++];
		print_event(event, got, sizeof(got));
		if (event->flow != script->conn->flow)
			script_fail(script, "an event of another flow: %s",
				    got);
	}
	if (strcmp(got, text) != 0)
		script_fail(script, "expected  event %s\n    got       %s",
			    text, got);
	script->checks++;
	if (script->event_head == script->event_tail)
		script->event_head = script->event_tail = 0;
}

void script_expect_nothing(struct script *script)
{
	char text[256];

	if (script->event_head < script->event_tail) {
		print_event(&script->events[script->event_head], text,
			    sizeof(text));
		script_fail(script, "unexpected event %s", text);
	}
	if (script->out_head < script->out_tail) {
		const struct script_raw *raw = &script->out[script->out_head];
		struct script_frame got;
		const char *bad = script_parse(&got, raw->bytes, raw->len);

		make_relative(script->conn, &got);
		script_print(&got, text, sizeof(text));
		script_fail(script, "unexpected %s", bad ? bad : text);
	}
}

/* control.c - the control socket's connections: lines in, answers out. */
#include "core/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEND_BYTES_MAX ((size_t)256 * 1024) /* of one dp send */
#define COOKIE_LISTEN  CONTROL_CONNS_MAX

static uint32_t index_of(const struct control *control,
			 const struct control_conn *conn)
{
	return (uint32_t)(conn - control->conns);
}

static void end_conn(struct control *control, struct control_conn *conn)
{
	if (conn->ended)
		return;
	conn->ended = true;
	dp_kill(control->shard->local, conn->conn);
}

static void send_more(struct control *control, struct control_conn *conn)
{
	struct dp *dp = control->shard->local;
	struct span span;

	if (conn->sending || conn->ended)
		return;
	if (conn->flight_at == conn->flight.len) {
		struct control_queue empty = conn->flight;

		if (conn->queue.len == 0) {
			if (conn->closing && conn->calls == 0)
				end_conn(control, conn);
			return;
		}
		empty.len = 0;
		conn->flight = conn->queue;
		conn->queue = empty;
		conn->flight_at = 0;
	}
	span.data = (const uint8_t *)conn->flight.bytes + conn->flight_at;
	span.len = (uint32_t)min_u64(conn->flight.len - conn->flight_at,
				     SEND_BYTES_MAX);
	if (dp_send(dp, conn->conn, &span, 1, 0) == 0)
		conn->sending = true;
}

static int reserve(struct control_queue *queue, size_t len)
{
	size_t cap = queue->cap ? queue->cap : 4096;
	char *bytes;

	if (len > CONTROL_QUEUE_BYTES_MAX)
		return -ENOBUFS;
	while (cap < len)
		cap *= 2;
	if (cap == queue->cap)
		return 0;
	bytes = realloc(queue->bytes, cap);
	if (!bytes)
		return -ENOMEM;
	queue->bytes = bytes;
	queue->cap = cap;
	return 0;
}

/* Queues one line; takes value over. A client that does not read is closed. */
static void put_line(struct control *control, struct control_conn *conn,
		     json_t *value)
{
	size_t len = value ? json_dumpb(value, NULL, 0, JSON_COMPACT) : 0;
	struct control_queue *queue = &conn->queue;

	if (len == 0 || conn->ended || reserve(queue, queue->len + len + 1)) {
		json_decref(value);
		end_conn(control, conn);
		return;
	}
	json_dumpb(value, queue->bytes + queue->len, len, JSON_COMPACT);
	queue->len += len;
	queue->bytes[queue->len++] = '\n';
	json_decref(value);
	send_more(control, conn);
}

static struct control_conn *answer_to(struct control *control,
				      const struct control_caller *caller)
{
	struct control_conn *conn = &control->conns[caller->conn];

	if (caller->serial == 0 || conn->serial != caller->serial ||
	    conn->conn == 0 || conn->ended)
		return NULL;
	return conn;
}

static void answer(struct control *control, struct control_caller *caller,
		   const char *kind, json_t *value)
{
	struct control_conn *conn = answer_to(control, caller);
	json_t *line;

	if (conn) {
		conn->calls--;
		line = json_pack("{s:o}", kind, value);
		if (line && caller->id)
			json_object_set(line, "id", caller->id);
		put_line(control, conn, line);
	} else {
		json_decref(value);
	}
	json_decref(caller->id);
	*caller = (struct control_caller){0};
}

void control_return(struct control *control, struct control_caller *caller,
		    json_t *value)
{
	answer(control, caller, "return", value ? value : json_object());
}

void control_error(struct control *control, struct control_caller *caller,
		   const char *class, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	answer(control, caller, "error",
	       json_pack("{s:s, s:s}", "class", class, "desc", text));
}

void control_take_caller(struct control_caller *to, struct control_caller *from)
{
	*to = *from;
	*from = (struct control_caller){0};
}

static json_t *make_event(struct control *control, const char *name,
			  json_t *data)
{
	uint64_t now_ns = host_wall_clock_ns(control->shard->host);

	return json_pack("{s:s, s:o, s:{s:I, s:I}}", "event", name, "data",
			 data, "timestamp", "seconds",
			 (json_int_t)(now_ns / NS_PER_S), "microseconds",
			 (json_int_t)(now_ns % NS_PER_S / NS_PER_US));
}

static void put_event(struct control *control, struct control_conn *conn,
		      const char *name, json_t *data)
{
	if (conn->queue.len > CONTROL_EVENTS_BYTES_MAX) {
		conn->events_missed++;
		json_decref(data);
		return;
	}
	if (conn->events_missed) {
		json_int_t missed = (json_int_t)conn->events_missed;

		conn->events_missed = 0;
		put_line(control, conn,
			 make_event(control, "EVENTS_MISSED",
				    json_pack("{s:I}", "count", missed)));
	}
	put_line(control, conn, make_event(control, name, data));
}

void control_event(struct control *control, const char *name, json_t *data)
{
	for (uint32_t i = 0; data && i < CONTROL_CONNS_MAX; i++) {
		struct control_conn *conn = &control->conns[i];

		if (conn->conn && conn->subscribed && !conn->ended)
			put_event(control, conn, name, json_incref(data));
	}
	json_decref(data);
}

static void greet(struct control *control, struct control_conn *conn)
{
	put_line(control, conn,
		 json_pack("{s:{s:o, s:[]}}", "Flushmark", "version",
			   control_version(), "capabilities"));
}

static void accepted(struct control *control, const struct dp_event *event)
{
	struct dp *dp = control->shard->local;
	struct control_conn *conn = NULL;

	for (uint32_t i = 0; i < CONTROL_CONNS_MAX && !conn; i++) {
		if (control->conns[i].conn == 0)
			conn = &control->conns[i];
	}
	dp_set_cookie(dp, event->conn,
		      cookie_make(PART_CONTROL, conn ? index_of(control, conn)
						     : COOKIE_LISTEN));
	if (!conn) {
		dp_kill(dp, event->conn);
		return;
	}
	*conn = (struct control_conn){
		.conn = event->conn,
		.serial = ++control->serial,
	};
	greet(control, conn);
}

/* The right to answer one request, once. */
static struct control_caller make_caller(struct control *control,
					 struct control_conn *conn, json_t *id)
{
	conn->calls++;
	return (struct control_caller){
		.conn = index_of(control, conn),
		.serial = conn->serial,
		.id = json_incref(id),
	};
}

static void execute(struct control *control, struct control_conn *conn,
		    const struct control_request *request)
{
	char error[CONTROL_ERROR_BYTES];
	const struct control_command *command = control_commands;
	struct control_caller caller = make_caller(control, conn, request->id);
	struct control_call call = {
		.caller = &caller,
		.conn = conn,
		.arguments = request->arguments,
	};

	while (command->name && strcmp(command->name, request->name) != 0)
		command++;
	if (!command->name)
		control_error(control, &caller, "CommandNotFound",
			      "there is no command %s", request->name);
	else if (control_arguments_check(request->arguments, command->arguments,
					 error))
		control_error(control, &caller, "InvalidArgument", "%s", error);
	else
		command->run(control, &call);
}

static void handle_line(struct control *control, struct control_conn *conn)
{
	struct control_request request;
	struct control_caller caller;
	char error[CONTROL_ERROR_BYTES];
	int err = control_request_parse(&request, conn->reader.line,
					conn->reader.len, error);

	if (err) {
		caller = make_caller(control, conn, request.id);
		control_error(control, &caller, "Malformed", "%s", error);
		conn->closing = conn->closing || err == -EBADMSG;
	} else {
		execute(control, conn, &request);
	}
	control_request_fini(&request);
}

static void received(struct control *control, struct control_conn *conn,
		     const struct dp_view *view)
{
	struct control_caller caller;
	size_t at = 0;

	while (at < view->len && !conn->closing && !conn->ended) {
		size_t used;
		int got = control_reader_put(&conn->reader, view->data + at,
					     view->len - at, &used);

		at += used;
		if (got < 0) {
			conn->closing = true;
			caller = make_caller(control, conn, NULL);
			control_error(control, &caller, "TooLarge",
				      "a request has at most %zu bytes",
				      CONTROL_LINE_BYTES_MAX);
		} else if (got > 0) {
			/* An empty line keeps a terminal user company. */
			if (conn->reader.len)
				handle_line(control, conn);
			control_reader_next(&conn->reader);
		}
	}
	if (conn->closing)
		send_more(control, conn);
}

static void closed(struct control_conn *conn)
{
	control_reader_fini(&conn->reader);
	free(conn->queue.bytes);
	free(conn->flight.bytes);
	*conn = (struct control_conn){0};
}

static void sent(struct control *control, struct control_conn *conn,
		 int32_t result)
{
	conn->sending = false;
	if (result < 0)
		return; /* CLOSED follows */
	conn->flight_at +=
		min_u64((uint64_t)result, conn->flight.len - conn->flight_at);
	send_more(control, conn);
}

static void on_event(void *self, struct dp *dp, const struct dp_event *event)
{
	struct control *control = self;
	uint64_t own = cookie_own(event->cookie);
	struct control_conn *conn;

	(void)dp;
	if (event->kind == DP_ACCEPTED) {
		accepted(control, event);
		return;
	}
	if (own >= CONTROL_CONNS_MAX)
		return; /* one we had no room for, closing */
	conn = &control->conns[own];
	switch (event->kind) {
	case DP_RECEIVED:
		received(control, conn, &event->view);
		break;
	case DP_SENT:
		sent(control, conn, event->result);
		break;
	case DP_EOF:
		/* What was asked before is still answered. */
		conn->closing = true;
		send_more(control, conn);
		break;
	case DP_CLOSED:
		closed(conn);
		break;
	default:
		break;
	}
}

static void link_changed(struct control *control, const struct ring_cell *cell)
{
	const struct config *config = control->pool->config;
	struct op_link link;
	uint8_t *up;

	memcpy(&link, cell->payload, sizeof(link));
	if (link.peer >= config->peer_count)
		return;
	up = &control->links_up[link.peer];
	control->nodes[link.peer] = link.node;
	*up = (uint8_t)(link.up ? *up + 1 : *up - (*up > 0));
	control_event(control, link.up ? "PEER_UP" : "PEER_DOWN",
		      json_pack("{s:s, s:i, s:i}", "peer",
				config->peers[link.peer].name, "node",
				(int)link.node, "shard", (int)cell->from));
}

static void on_cell(void *self, const struct ring_cell *cell)
{
	struct control *control = self;

	switch (cell->op) {
	case OP_ROW:
		control_list_row(control, cell);
		break;
	case OP_LIST_END:
		control_list_end(control, cell);
		break;
	case OP_MOVE_EVENT:
		control_move_event(control, cell);
		break;
	case OP_LINK:
		link_changed(control, cell);
		break;
	default:
		break;
	}
}

static void on_timer(void *self, uint32_t index)
{
	struct control *control = self;

	if (index < CONTROL_LISTS_MAX)
		control_list_timer(control, index);
	else if (index == CONTROL_TIMER_PUMP)
		control_drain_pump(control);
	else
		control_drain_tell(control);
}

int control_init(struct control *control, struct shard *shard,
		 const struct addr *listen)
{
	struct part part = {
		.self = control,
		.event = on_event,
		.cell = on_cell,
		.timer = on_timer,
	};
	int err;

	*control = (struct control){
		.shard = shard,
		.pool = shard->pool,
		.started_ns = shard->now_ns,
	};
	err = shard_add_part(shard, PART_CONTROL, &part, CONTROL_TIMERS);
	if (!err)
		err = dp_listen(shard->local, listen,
				cookie_make(PART_CONTROL, COOKIE_LISTEN), NULL);
	return err;
}

void control_fini(struct control *control)
{
	for (uint32_t i = 0; i < CONTROL_CONNS_MAX; i++)
		closed(&control->conns[i]);
	for (uint32_t i = 0; i < CONTROL_LISTS_MAX; i++) {
		json_decref(control->lists[i].caller.id);
		json_decref(control->lists[i].rows);
	}
	for (uint32_t i = 0; i < CONTROL_MOVES_MAX; i++)
		json_decref(control->moves[i].caller.id);
	json_decref(control->drain_caller.id);
	drain_fini(&control->drain);
	*control = (struct control){0};
}

bool control_wants_stop(const struct control *control)
{
	return control->stop;
}

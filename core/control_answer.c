/* control_answer.c - what the control socket says: answers, errors, events. */
#include "core/control_answer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SEND_BYTES_MAX ((size_t)256 * 1024) /* of one dp send */

void control_end_conn(struct control *control, struct control_conn *conn)
{
	if (conn->ended)
		return;
	conn->ended = true;
	dp_kill(control->shard->local, conn->conn);
}

void control_send_more(struct control *control, struct control_conn *conn)
{
	struct dp *dp = control->shard->local;
	struct span span;

	if (conn->sending || conn->ended)
		return;
	if (conn->flight_at == conn->flight.len) {
		struct control_queue empty = conn->flight;

		if (conn->queue.len == 0) {
			if (conn->closing && conn->calls == 0)
				control_end_conn(control, conn);
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
void control_put_line(struct control *control, struct control_conn *conn,
		      json_t *value)
{
	size_t len = value ? json_dumpb(value, NULL, 0, JSON_COMPACT) : 0;
	struct control_queue *queue = &conn->queue;

	if (len == 0 || conn->ended || reserve(queue, queue->len + len + 1)) {
		json_decref(value);
		control_end_conn(control, conn);
		return;
	}
	json_dumpb(value, queue->bytes + queue->len, len, JSON_COMPACT);
	queue->len += len;
	queue->bytes[queue->len++] = '\n';
	json_decref(value);
	control_send_more(control, conn);
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
		control_put_line(control, conn, line);
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
		control_put_line(
			control, conn,
			make_event(control, "EVENTS_MISSED",
				   json_pack("{s:I}", "count", missed)));
	}
	control_put_line(control, conn, make_event(control, name, data));
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

/* control.c - the control socket: whoever connects, asks and leaves. */
#include "core/control.h"
#include "core/control_answer.h"
#include "core/control_ask.h"
#include "core/control_doubt.h"
#include "core/control_drain.h"
#include "core/control_list.h"
#include "core/control_move.h"
#include "core/control_table.h"
#include "core/version.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COOKIE_LISTEN CONTROL_CONNS_MAX

static uint32_t index_of(const struct control *control,
			 const struct control_conn *conn)
{
	return (uint32_t)(conn - control->conns);
}

static void greet(struct control *control, struct control_conn *conn)
{
	control_put_line(control, conn,
			 json_pack("{s:{s:s, s:[]}}", "Flushmark", "version",
				   FLUSHMARK_VERSION, "capabilities"));
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
		control_send_more(control, conn);
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
	control_send_more(control, conn);
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
		control_send_more(control, conn);
		break;
	case DP_CLOSED:
		closed(conn);
		break;
	default:
		break;
	}
}

static void tell_peer(struct control *control, const char *event,
		      const struct op_link *link, uint8_t shard)
{
	const char *name = control->pool->config->peers[link->peer].name;

	control_event(control, event,
		      json_pack("{s:s, s:i, s:i, s:s}", "peer", name, "node",
				(int)link->node, "shard", (int)shard, "reason",
				link->reason));
}

/* A link is tried again and again: what it says is told when it is news. */
static void link_is_down(struct control *control, const struct op_link *link,
			 uint8_t shard)
{
	struct control_peer *peer = &control->peers[link->peer];
	bool news = strcmp(peer->why, link->reason) != 0;

	if (link->change == LINK_CHANGE_LOST)
		peer->links_up =
			(uint8_t)(peer->links_up - (peer->links_up > 0));
	if (peer->why[0] == '\0')
		peer->since_ns = control->shard->now_ns;
	memcpy(peer->why, link->reason, sizeof(peer->why));
	if (news)
		host_log(control->shard->host, LOG_WARNING, "peer %s %s",
			 control->pool->config->peers[link->peer].name,
			 peer->why);
	if (news || link->change == LINK_CHANGE_LOST)
		tell_peer(control, "PEER_DOWN", link, shard);
}

static void link_changed(struct control *control, const struct ring_cell *cell)
{
	struct control_peer *peer;
	struct op_link link;

	memcpy(&link, cell->payload, sizeof(link));
	link.reason[REASON_BYTES - 1] = '\0';
	if (link.peer >= control->pool->config->peer_count)
		return;
	peer = &control->peers[link.peer];
	if (link.change == LINK_CHANGE_UP) {
		peer->node = link.node;
		peer->links_up++;
		peer->why[0] = '\0';
		tell_peer(control, "PEER_UP", &link, cell->from);
	} else {
		link_is_down(control, &link, cell->from);
	}
	control_drain_peer(control, link.peer);
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
	case OP_MOVE_HEARD:
		control_ask_heard(control, cell);
		break;
	case OP_MOVE_DOUBT:
		control_doubt_told(control, cell);
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
	for (uint32_t i = 0; i < CONTROL_ASKS_MAX; i++)
		json_decref(control->asks[i].caller.id);
	json_decref(control->drain_caller.id);
	drain_fini(&control->drain);
	*control = (struct control){0};
}

bool control_wants_stop(const struct control *control)
{
	return control->stop;
}

/* control_table.c - the commands of the control socket. */
#include "core/control_table.h"
#include "core/control_answer.h"
#include "core/control_drain.h"
#include "core/control_move.h"
#include "core/control_query.h"
#include "core/control_resolve.h"

static json_t *describe_arguments(const struct control_argument *list)
{
	static const char *const kinds[] = {
		[CONTROL_TEXT] = "text",
		[CONTROL_FLAG] = "flag",
		[CONTROL_COUNT] = "count",
	};
	json_t *all = json_array();

	for (; list && list->kind != CONTROL_END; list++)
		json_array_append_new(
			all,
			json_pack("{s:s, s:s, s:b, s:s}", "name", list->name,
				  "type", kinds[list->kind], "required",
				  (int)list->required, "help", list->help));
	return all;
}

static void query_commands(struct control *control, struct control_call *call)
{
	json_t *all = json_array();

	for (const struct control_command *command = control_commands;
	     command->name; command++)
		json_array_append_new(
			all, json_pack("{s:s, s:s, s:o}", "name", command->name,
				       "help", command->help, "arguments",
				       describe_arguments(command->arguments)));
	control_return(control, call->caller, all);
}

static void subscribe(struct control *control, struct control_call *call)
{
	call->conn->subscribed = true;
	control_return(control, call->caller, NULL);
}

static void quit(struct control *control, struct control_call *call)
{
	control->stop = true;
	control_return(control, call->caller, NULL);
}

#define NAME_MAX_TEXT (NAME_BYTES - 1)
#define GUEST_TEXT    "name of the guest"
#define PEER_TEXT     "name of the peer, as in the configuration"
#define MODE_TEXT     "seamless, semi-seamless or switch-host: the most"
#define FORCE_TEXT    "end by switch-host what cannot be connected"
#define WAIT_TEXT     "answer when it is done"

static const struct control_argument guest_arguments[] = {
	{"guest", GUEST_TEXT, NAME_MAX_TEXT, CONTROL_TEXT, true},
	{0},
};

static const struct control_argument sessions_arguments[] = {
	{"guest", GUEST_TEXT, NAME_MAX_TEXT, CONTROL_TEXT, false},
	{0},
};

static const struct control_argument vv_arguments[] = {
	{"guest", GUEST_TEXT, NAME_MAX_TEXT, CONTROL_TEXT, true},
	{"door", "name of the door to enter by", NAME_MAX_TEXT, CONTROL_TEXT,
	 false},
	{0},
};

static const struct control_argument move_arguments[] = {
	{"guest", GUEST_TEXT, NAME_MAX_TEXT, CONTROL_TEXT, true},
	{"peer", PEER_TEXT, NAME_MAX_TEXT, CONTROL_TEXT, true},
	{"mode", MODE_TEXT, 16, CONTROL_TEXT, false},
	{"force", FORCE_TEXT, 0, CONTROL_FLAG, false},
	{"wait", WAIT_TEXT, 0, CONTROL_FLAG, false},
	{0},
};

static const struct control_argument drain_arguments[] = {
	{"peer", PEER_TEXT, NAME_MAX_TEXT, CONTROL_TEXT, true},
	{"mode", MODE_TEXT, 16, CONTROL_TEXT, false},
	{"parallel", "moves under way at once", CONFIG_PARALLEL_MAX,
	 CONTROL_COUNT, false, 1},
	{"rate", "moves started per second, 0: unlimited", 1000000,
	 CONTROL_COUNT, false},
	{"pause-target-ms", "the p99 pause above which the rate is halved",
	 60000, CONTROL_COUNT, false, 1},
	{"dry-run", "only say what would be done", 0, CONTROL_FLAG, false},
	{"force", FORCE_TEXT, 0, CONTROL_FLAG, false},
	{"wait", WAIT_TEXT, 0, CONTROL_FLAG, false},
	{0},
};

static const struct control_argument cancel_arguments[] = {
	{"guest", GUEST_TEXT, NAME_MAX_TEXT, CONTROL_TEXT, false},
	{"drain", "cancel the drain", 0, CONTROL_FLAG, false},
	{0},
};

static const struct control_argument resolve_arguments[] = {
	{"guest", GUEST_TEXT, NAME_MAX_TEXT, CONTROL_TEXT, true},
	{"verdict", "committed or not-committed", 16, CONTROL_TEXT, true},
	{"dry-run", "only say what it would do and risk", 0, CONTROL_FLAG,
	 false},
	{0},
};

const struct control_command control_commands[] = {
	{"query-commands", "what can be executed", NULL, query_commands},
	{"query-version", "the version", NULL, control_query_version},
	{"query-status", "the daemon at a glance", NULL, control_query_status},
	{"query-stats", "counters, of each shard and summed", NULL,
	 control_query_stats},
	{"query-sessions", "one row per guest", sessions_arguments,
	 control_query_sessions},
	{"query-peers", "peers and the links to them", NULL,
	 control_query_peers},
	{"query-drain", "the drain under way, or the last", NULL,
	 control_query_drain},
	{"move", "moves one guest to a peer", move_arguments, control_move},
	{"drain", "moves all sessions to a peer", drain_arguments,
	 control_drain},
	{"cancel", "takes back a move or the drain", cancel_arguments,
	 control_cancel},
	{"resolve", "decides a move in doubt for good", resolve_arguments,
	 control_resolve},
	{"explain", "how a guest would move, and why", guest_arguments,
	 control_explain},
	{"vv", "a file for remote-viewer", vv_arguments, control_vv},
	{"subscribe", "events on this connection from now on", NULL, subscribe},
	{"quit", "stops the daemon", NULL, quit},
	{0},
};

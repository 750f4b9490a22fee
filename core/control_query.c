/* control_query.c - commands that only look. */
#include "core/control_query.h"
#include "core/control_answer.h"
#include "core/control_doubt.h"
#include "core/control_list.h"
#include "core/control_ports.h"
#include "core/tickets.h"
#include "core/version.h"

#include <stdio.h>
#include <string.h>

void control_query_version(struct control *control, struct control_call *call)
{
	control_return(control, call->caller,
		       json_pack("{s:s}", "version", FLUSHMARK_VERSION));
}

static json_t *describe_stats(const struct stats *stats)
{
	json_t *all = json_object();

	for (uint32_t id = 0; id < STAT_COUNT; id++)
		json_object_set_new(all, stats_name((enum stat_id)id),
				    json_integer((json_int_t)stats_get(
					    stats, (enum stat_id)id)));
	return all;
}

static void sum_stats(const struct control *control, struct stats *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (uint32_t i = 0; i < control->pool->shard_count; i++)
		stats_sum(sum, &control->pool->shards[i]->stats);
	/* It greets the peers that connect. */
	stats_sum(sum, &control->shard->stats);
}

void control_query_stats(struct control *control, struct control_call *call)
{
	json_t *shards = json_array();
	struct stats sum;

	sum_stats(control, &sum);
	for (uint32_t i = 0; i < control->pool->shard_count; i++)
		json_array_append_new(
			shards,
			describe_stats(&control->pool->shards[i]->stats));
	control_return(control, call->caller,
		       json_pack("{s:o, s:o}", "sum", describe_stats(&sum),
				 "shards", shards));
}

static json_t *describe_peer(const struct control *control, uint32_t index)
{
	const struct config_peer *config = &control->pool->config->peers[index];
	const struct control_peer *peer = &control->peers[index];
	const char *state = peer->links_up ? "up" : "idle";
	uint64_t down_ns = control->shard->now_ns - peer->since_ns;
	char address[ADDR_TEXT_MAX];
	bool down = peer->why[0] != '\0';

	addr_print(&config->address, address);
	return json_pack(
		"{s:s, s:s, s:s, s:i, s:o, s:o, s:o}", "name", config->name,
		"address", address, "state",
		down && !peer->links_up ? "down" : state, "links",
		(int)peer->links_up, "node",
		peer->links_up ? json_integer(peer->node) : json_null(),
		"reason", down ? json_string(peer->why) : json_null(), "down_s",
		down ? json_real((double)down_ns / 1e9) : json_null());
}

static json_t *describe_peers(const struct control *control)
{
	json_t *all = json_array();

	for (uint32_t i = 0; i < control->pool->config->peer_count; i++)
		json_array_append_new(all, describe_peer(control, i));
	return all;
}

void control_query_peers(struct control *control, struct control_call *call)
{
	control_return(control, call->caller, describe_peers(control));
}

static json_t *describe_doors(const struct config *config)
{
	json_t *all = json_array();

	for (uint32_t i = 0; i < config->door_count; i++) {
		const struct config_door *door = &config->doors[i];
		char listen[ADDR_TEXT_MAX];

		addr_print(&door->listen, listen);
		json_array_append_new(
			all,
			json_pack("{s:s, s:s, s:s, s:i}", "name", door->name,
				  "listen", listen, "advertise_host",
				  door->advertise_host, "advertise_port",
				  (int)door->advertise_port));
	}
	return all;
}

void control_query_status(struct control *control, struct control_call *call)
{
	const struct config *config = control->pool->config;
	uint64_t up_ns = control->shard->now_ns - control->started_ns;
	struct stats sum;

	sum_stats(control, &sum);
	control_return(
		control, call->caller,
		json_pack(
			"{s:s, s:i, s:s, s:f, s:{s:i, s:i}, s:o, s:o, s:s, "
			"s:o, s:o, s:o}",
			"name", config->name, "node", (int)control->pool->node,
			"version", FLUSHMARK_VERSION, "uptime_s",
			(double)up_ns / 1e9, "pool", "shards",
			(int)control->pool->shard_count, "sessions_max",
			(int)(config->pool.sessions *
			      control->pool->shard_count),
			"doors", describe_doors(config), "peers",
			describe_peers(control), "drain",
			drain_state_name(&control->drain), "in_doubt",
			control_doubts(control), "counters",
			describe_stats(&sum), "ports", control_ports(control)));
}

static json_t *describe_row(const struct op_row *row)
{
	return json_pack(
		"{s:s, s:i, s:I, s:s, s:s, s:s, s:s, s:i, s:i, s:f, s:I, s:I, "
		"s:I}",
		"guest", row->guest, "shard", (int)row->shard, "session",
		(json_int_t)row->session_id, "state",
		move_state_name((enum move_state)row->state), "mode",
		move_mode_name((enum move_mode)row->mode), "reason",
		row->reason, "peer", row->peer, "channels", (int)row->channels,
		"moves", (int)row->moves, "idle_s", (double)row->idle_ns / 1e9,
		"epoch", (json_int_t)row->epoch, "checked_bytes",
		(json_int_t)row->checked_bytes, "lost_bytes",
		(json_int_t)row->lost_bytes);
}

static void add_row(struct control *control, struct control_list *list,
		    const struct op_row *row)
{
	(void)control;
	/* Text from a shard is ours; what is no UTF-8 leaves its row out. */
	json_array_append_new(list->rows, describe_row(row));
}

static void end_rows(struct control *control, struct control_list *list,
		     int err)
{
	if (err) {
		control_error(control, &list->caller, "GenericError",
			      "shard %u does not answer", list->shard);
		return;
	}
	control_return(control, &list->caller, list->rows);
	list->rows = NULL;
}

static struct control_list *start_list(struct control *control,
				       struct control_call *call, uint8_t only)
{
	struct control_list *list = control_list_start(control, only);
	const char *guest = control_text(call->arguments, "guest");

	if (!list) {
		control_error(control, call->caller, "Busy",
			      "too many lists are being made, try again");
		return NULL;
	}
	list->rows = json_array();
	list->row = add_row;
	list->end = end_rows;
	if (guest)
		snprintf(list->guest, sizeof(list->guest), "%s", guest);
	control_take_caller(&list->caller, call->caller);
	return list;
}

void control_query_sessions(struct control *control, struct control_call *call)
{
	start_list(control, call, SHARD_CONTROL);
}

/* The shard of the guest that a command names, or it is refused. */
static int need_guest(struct control *control, struct control_call *call)
{
	const char *guest = control_text(call->arguments, "guest");
	int shard = pool_find_guest(control->pool, guest);
	const struct control_doubt *doubt = control_doubt_of(control, guest);

	if (shard < 0 && doubt && doubt->told.is_source)
		control_error(control, call->caller, "InDoubt",
			      "%s went to %s, which does not say that it has "
			      "it: \"resolve\" decides, if %s is gone for good",
			      guest, doubt->told.peer, doubt->told.peer);
	else if (shard < 0)
		control_error(control, call->caller, "NotFound",
			      "there is no guest %s here", guest);
	return shard;
}

static void end_explain(struct control *control, struct control_list *list,
			int err)
{
	json_t *row = json_array_get(list->rows, 0);
	const struct control_doubt *doubt =
		control_doubt_of(control, list->guest);

	if (row && doubt)
		json_object_set_new(row, "in_doubt",
				    control_doubt(control, doubt));
	if (err)
		end_rows(control, list, err);
	else if (!row)
		control_error(control, &list->caller, "NotFound",
			      "the guest has just gone");
	else
		control_return(control, &list->caller, json_incref(row));
}

void control_explain(struct control *control, struct control_call *call)
{
	int shard = need_guest(control, call);
	struct control_list *list;

	if (shard < 0)
		return;
	list = start_list(control, call, (uint8_t)shard);
	if (list)
		list->end = end_explain;
}

static const struct config_door *find_door(const struct config *config,
					   const char *name)
{
	for (uint32_t i = 0; i < config->door_count; i++) {
		const struct config_door *door = &config->doors[i];

		if (name ? !strcmp(door->name, name)
			 : door->advertise_port != 0)
			return door;
	}
	return !name && config->door_count ? &config->doors[0] : NULL;
}

void control_vv(struct control *control, struct control_call *call)
{
	const char *guest = control_text(call->arguments, "guest");
	const char *wanted = control_text(call->arguments, "door");
	const struct config *config = control->pool->config;
	const struct config_door *door = find_door(config, wanted);
	char ticket[TICKET_CHARS + 1];
	char where[CONFIG_HOST_MAX + 64];
	char text[1024];

	if (need_guest(control, call) < 0)
		return;
	if (!door ||
	    (door->listen.family != ADDR_UNIX && door->advertise_port == 0)) {
		control_error(control, call->caller, "NotFound",
			      door ? "the port of door %s is not known"
				   : "there is no door %s",
			      door     ? door->name
			      : wanted ? wanted
				       : "");
		return;
	}
	if (door->listen.family == ADDR_UNIX)
		snprintf(where, sizeof(where), "unix-path=%s\n",
			 door->listen.path);
	else
		snprintf(where, sizeof(where), "host=%s\nport=%u\n",
			 door->advertise_host, door->advertise_port);
	ticket_text(control->pool->secret, guest, ticket);
	snprintf(text, sizeof(text),
		 "[virt-viewer]\ntype=spice\n%spassword=%s\ntitle=%s\n", where,
		 ticket, guest);
	control_return(control, call->caller,
		       json_pack("{s:s, s:s, s:i, s:s, s:s}", "text", text,
				 "host", door->advertise_host, "port",
				 (int)door->advertise_port, "password", ticket,
				 "unix_path",
				 door->listen.family == ADDR_UNIX
					 ? door->listen.path
					 : ""));
}

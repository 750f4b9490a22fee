/* control_drain.c - carries out what the drain's scheduler decides. */
#include "core/control_drain.h"
#include "core/control_answer.h"
#include "core/control_list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PROGRESS_NS (250 * NS_PER_MS)
#define PUMP_MIN_NS (NS_PER_MS)

static json_t *report(const struct control *control, bool rows)
{
	json_t *data =
		drain_report(&control->drain, control->shard->now_ns, rows);

	if (data)
		json_object_set_new(
			data, "job",
			json_integer((json_int_t)control->drain_job));
	return data;
}

void control_query_drain(struct control *control, struct control_call *call)
{
	if (control->drain.state == DRAIN_NONE)
		control_return(control, call->caller,
			       json_pack("{s:s}", "state", "none"));
	else
		control_return(control, call->caller, report(control, true));
}

/* One line for each thing that an operator may look for later. */
static void say(const struct control *control, const char *what)
{
	const struct drain *drain = &control->drain;
	const struct drain_counts *counts = &drain->counts;

	if (!drain->wish.dry_run)
		host_log(control->shard->host, LOG_INFO,
			 "drain to %s: %s: of %u sessions %u moved, %u failed, "
			 "%u remained",
			 drain->wish.peer, what, counts->sessions,
			 counts->moved, counts->failed, counts->remained);
}

static void finish(struct control *control)
{
	say(control, drain_state_name(&control->drain));
	shard_disarm(control->shard, PART_CONTROL, CONTROL_TIMER_PUMP);
	shard_disarm(control->shard, PART_CONTROL, CONTROL_TIMER_TELL);
	control_event(control, "DRAIN_DONE", report(control, false));
	control_return(control, &control->drain_caller, report(control, true));
}

void control_drain_tell(struct control *control)
{
	if (control->drain.state == DRAIN_NONE ||
	    control->drain.state == DRAIN_DONE)
		return;
	control_event(control, "DRAIN_PROGRESS", report(control, false));
	shard_arm(control->shard, PART_CONTROL, CONTROL_TIMER_TELL,
		  control->shard->now_ns + PROGRESS_NS);
}

static int carry_out(struct control *control, const struct drain_order *order)
{
	const struct drain_wish *wish = &control->drain.wish;
	struct op_move_start start = {
		.mode = wish->mode,
		.force = wish->force,
	};
	struct op_move_cancel cancel = {0};
	uint64_t tag = CONTROL_TAG(CONTROL_TAG_DRAIN,
				   (control->drain_job & 0xffffff) << 32 |
					   order->item);

	if (order->kind == DRAIN_CANCEL) {
		memcpy(cancel.guest, order->guest, sizeof(cancel.guest));
		return shard_tell(control->shard, order->shard, OP_MOVE_CANCEL,
				  tag, &cancel, sizeof(cancel));
	}
	memcpy(start.guest, order->guest, sizeof(start.guest));
	memcpy(start.peer, wish->peer, sizeof(start.peer));
	return shard_tell(control->shard, order->shard, OP_MOVE_START, tag,
			  &start, sizeof(start));
}

static void say_giving_up(const struct control *control, bool said)
{
	char what[REASON_BYTES + 32];

	if (said || !control->drain.gave_up)
		return;
	snprintf(what, sizeof(what), "giving up, the peer %s",
		 control->drain.stalled);
	say(control, what);
}

void control_drain_pump(struct control *control)
{
	struct drain *drain = &control->drain;
	uint64_t now_ns = control->shard->now_ns;
	struct drain_order order;
	bool gave_up = drain->gave_up;
	uint64_t due_ns;

	if (drain->state == DRAIN_NONE || drain->state == DRAIN_DONE)
		return;
	while (drain_next(drain, now_ns, &order)) {
		if (carry_out(control, &order)) {
			/* The ring is full: it will be read soon. */
			drain_put_back(drain, &order, now_ns);
			say_giving_up(control, gave_up);
			shard_arm(control->shard, PART_CONTROL,
				  CONTROL_TIMER_PUMP, now_ns + PUMP_MIN_NS);
			return;
		}
	}
	say_giving_up(control, gave_up);
	if (drain->state == DRAIN_DONE) {
		finish(control);
		return;
	}
	due_ns = drain_due(drain, now_ns);
	if (due_ns != NS_NEVER)
		due_ns = max_u64(due_ns, now_ns + PUMP_MIN_NS);
	shard_arm(control->shard, PART_CONTROL, CONTROL_TIMER_PUMP, due_ns);
}

void control_drain_peer(struct control *control, uint32_t index)
{
	const struct control_peer *peer = &control->peers[index];
	struct drain *drain = &control->drain;

	if (drain->state == DRAIN_NONE || drain->state == DRAIN_DONE ||
	    strcmp(drain->wish.peer,
		   control->pool->config->peers[index].name) != 0)
		return;
	if (peer->links_up)
		drain_peer_up(drain);
	else if (peer->why[0] != '\0')
		drain_peer_down(drain, peer->why, control->shard->now_ns);
	if (drain->state == DRAIN_RUNNING)
		control_drain_pump(control);
}

void control_drain_event(struct control *control, uint32_t item,
			 const struct op_move_event *event)
{
	struct drain *drain = &control->drain;
	bool stalled = drain->stalled[0] != '\0';

	if (drain->state == DRAIN_NONE || drain->state == DRAIN_DONE)
		return;
	drain_event(drain, item, event, control->shard->now_ns);
	if (drain->state == DRAIN_DONE)
		finish(control);
	else if (event->done || (stalled && !drain->stalled[0]))
		control_drain_pump(control);
}

void control_drain_other(struct control *control,
			 const struct op_move_event *event)
{
	struct drain *drain = &control->drain;

	if (drain->state != DRAIN_LISTING && drain->state != DRAIN_RUNNING)
		return;
	drain_other_event(drain, event, control->shard->now_ns);
	if (drain->state == DRAIN_DONE)
		finish(control);
	else if (drain->state == DRAIN_RUNNING)
		control_drain_pump(control);
}

void control_drain_cancel(struct control *control)
{
	if (control->drain.state != DRAIN_CANCELLING)
		say(control, "being cancelled");
	drain_cancel(&control->drain, control->shard->now_ns);
	if (control->drain.state == DRAIN_DONE)
		finish(control);
	else
		control_drain_pump(control);
}

static void add_row(struct control *control, struct control_list *list,
		    const struct op_row *row)
{
	/* A cancelled drain takes no more, nor does the one behind it. */
	if (control->drain.state == DRAIN_LISTING &&
	    list->serial == control->drain_list &&
	    drain_add(&control->drain, row))
		control_drain_cancel(control);
}

static void end_rows(struct control *control, struct control_list *list,
		     int err)
{
	if (control->drain.state != DRAIN_LISTING ||
	    list->serial != control->drain_list)
		return;
	if (err) {
		host_log(control->shard->host, LOG_ERROR,
			 "drain: shard %u does not tell its guests",
			 list->shard);
		control_drain_cancel(control);
		return;
	}
	drain_begin(&control->drain, control->shard->now_ns);
	if (control->drain.state == DRAIN_DONE)
		finish(control);
	else
		control_drain_pump(control);
}

static int read_wish(struct control *control, struct control_call *call,
		     struct drain_wish *wish)
{
	const json_t *arguments = call->arguments;
	const struct config_move *config = &control->pool->config->move;
	const char *peer = control_text(arguments, "peer");
	int mode = move_mode_find(control_text(arguments, "mode"));

	*wish = (struct drain_wish){
		.mode = (uint8_t)mode,
		.force = control_flag(arguments, "force", false),
		.dry_run = control_flag(arguments, "dry-run", false),
		.parallel = (uint32_t)control_count(arguments, "parallel",
						    config->parallel),
		.rate_per_s = (uint32_t)control_count(arguments, "rate",
						      config->rate_per_s),
		.pause_target_ns =
			control_count(arguments, "pause-target-ms",
				      DRAIN_PAUSE_TARGET_NS / NS_PER_MS) *
			NS_PER_MS,
	};
	snprintf(wish->peer, sizeof(wish->peer), "%s", peer);
	if (mode < 0) {
		control_error(control, call->caller, "InvalidArgument",
			      "expected a mode of seamless, semi-seamless, "
			      "switch-host");
		return -EINVAL;
	}
	if (config_find_peer(control->pool->config, peer) < 0) {
		control_error(control, call->caller, "NotFound",
			      "there is no peer %s in the configuration", peer);
		return -ENOENT;
	}
	return 0;
}

void control_drain(struct control *control, struct control_call *call)
{
	struct drain *drain = &control->drain;
	struct control_list *list;
	struct drain_wish wish;

	if (read_wish(control, call, &wish))
		return;
	if (drain->state != DRAIN_NONE && drain->state != DRAIN_DONE) {
		control_error(control, call->caller, "Busy",
			      "a drain to %s is under way", drain->wish.peer);
		return;
	}
	list = control_list_start(control, SHARD_CONTROL);
	if (!list) {
		control_error(control, call->caller, "Busy",
			      "too many lists are being made, try again");
		return;
	}
	list->row = add_row;
	list->end = end_rows;
	drain_fini(drain);
	drain_init(drain, &wish, control->shard->now_ns);
	control->drain_job = ++control->last_job;
	control->drain_list = list->serial;
	if (!wish.dry_run) {
		host_log(control->shard->host, LOG_INFO,
			 "drain to %s: job %" PRIu64 " begins", wish.peer,
			 control->drain_job);
		control_drain_peer(control,
				   (uint32_t)config_find_peer(
					   control->pool->config, wish.peer));
	}
	/* A dry run has nothing to tell but its end. */
	if (wish.dry_run || control_flag(call->arguments, "wait", false))
		control_take_caller(&control->drain_caller, call->caller);
	else
		control_return(control, call->caller,
			       json_pack("{s:I}", "job",
					 (json_int_t)control->drain_job));
	control_drain_tell(control);
}

/* drain_report.c - a drain's counts, pauses and estimate as JSON. */
#include "core/drain.h"

#define REPORT_ROWS_MAX 1000

const char *drain_state_name(const struct drain *drain)
{
	static const char *const names[] = {
		[DRAIN_NONE] = "none",       [DRAIN_LISTING] = "listing",
		[DRAIN_RUNNING] = "running", [DRAIN_CANCELLING] = "cancelling",
		[DRAIN_DONE] = "done",
	};

	if (drain->state == DRAIN_DONE && drain->cancelled)
		return "cancelled";
	if (drain->gave_up)
		return drain->state == DRAIN_DONE ? "given-up" : "giving-up";
	return drain->state < ARRAY_LEN(names) ? names[drain->state] : "none";
}

static json_t *report_hist(const struct hist *hist, double unit_ns)
{
	return json_pack("{s:f, s:f, s:f, s:I}", "p50",
			 (double)hist_quantile(hist, 0.5) / unit_ns, "p99",
			 (double)hist_quantile(hist, 0.99) / unit_ns, "max",
			 (double)hist->max / unit_ns, "count",
			 (json_int_t)hist->count);
}

static json_t *report_counts(const struct drain_counts *counts)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}",
			 "sessions", (int)counts->sessions, "moved",
			 (int)counts->moved, "seamless", (int)counts->seamless,
			 "semi_seamless", (int)counts->semi_seamless,
			 "switch_host", (int)counts->switch_host, "failed",
			 (int)counts->failed, "remained", (int)counts->remained,
			 "underway", (int)counts->underway, "in_doubt",
			 (int)counts->in_doubt, "guests_without_session",
			 (int)counts->guests_without_session);
}

/* Seconds until the end if it goes on like this; null when nobody knows. */
static json_t *report_eta(const struct drain *drain, double seconds)
{
	const struct drain_counts *counts = &drain->counts;
	uint32_t ended = counts->moved + counts->failed + counts->remained;

	if (drain->state == DRAIN_DONE)
		return json_real(0.0);
	if (ended == 0 || drain->state == DRAIN_LISTING)
		return json_null();
	return json_real(seconds * (counts->sessions - ended) / ended);
}

static const char *outcome(const struct drain *drain,
			   const struct drain_item *item)
{
	if (drain->wish.dry_run)
		return item->mode == MODE_NONE ? "stays" : "would-move";
	if (item->in_doubt)
		return "in-doubt";
	if (item->gone)
		return "gone";
	if (item->skipped || item->result == MOVE_CANCELLED)
		return "remained";
	return move_result_name((enum move_result)item->result);
}

/* Those a person must look at; of a dry run, all. */
static json_t *report_rows(const struct drain *drain)
{
	json_t *rows = json_array();
	uint32_t count = 0;

	for (uint32_t i = 0; rows && i < drain->count; i++) {
		const struct drain_item *item = &drain->items[i];

		if (!drain->wish.dry_run &&
		    (item->state != ITEM_ENDED || item->result == MOVE_OK))
			continue;
		if (count++ == REPORT_ROWS_MAX)
			break;
		json_array_append_new(
			rows,
			json_pack("{s:s, s:i, s:s, s:s, s:s, s:f}", "guest",
				  item->guest, "shard", (int)item->shard,
				  "outcome", outcome(drain, item), "mode",
				  move_mode_name((enum move_mode)item->mode),
				  "reason", item->reason, "idle_s",
				  (double)item->idle_ns / 1e9));
	}
	return rows;
}

json_t *drain_report(const struct drain *drain, uint64_t now_ns, bool rows)
{
	uint64_t end_ns = drain->state == DRAIN_DONE ? drain->ended_ns : now_ns;
	double seconds = (double)(end_ns - drain->started_ns) / 1e9;
	json_t *report = report_counts(&drain->counts);
	json_t *more = json_pack(
		"{s:s, s:s, s:s, s:b, s:f, s:o, s:f, s:i, s:o, s:o, s:o}",
		"state", drain_state_name(drain), "peer", drain->wish.peer,
		"mode", move_mode_name((enum move_mode)drain->wish.mode),
		"dry_run", (int)drain->wish.dry_run, "drain_seconds", seconds,
		"eta_seconds", report_eta(drain, seconds), "rate_per_s",
		drain->rate, "rate_halved", (int)drain->rate_halved,
		"protocol_pause_ms",
		report_hist(&drain->pause_ns, (double)NS_PER_MS),
		"server_added_us",
		report_hist(&drain->added_ns, (double)NS_PER_US), "stalled",
		drain->stalled[0] ? json_string(drain->stalled) : json_null());

	if (report && more)
		json_object_update(report, more);
	if (report && rows)
		json_object_set_new(report, "rows", report_rows(drain));
	json_decref(more);
	return report;
}

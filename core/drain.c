/* drain.c - which session moves next, and when: the scheduler of a drain. */
#include "core/drain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE_GROWTH 1.5
#define BURST_S     0.1 /* of the rate: tokens that may be saved up */

void drain_init(struct drain *drain, const struct drain_wish *wish,
		uint64_t now_ns)
{
	ASSERT(wish->parallel > 0, "both the config and control see to it");
	*drain = (struct drain){
		.wish = *wish,
		.state = DRAIN_LISTING,
		.rate = wish->rate_per_s,
		.tokens = 1.0,
		.started_ns = now_ns,
	};
}

void drain_fini(struct drain *drain)
{
	free(drain->items);
	*drain = (struct drain){0};
}

static int reserve(struct drain *drain)
{
	uint32_t cap = drain->cap ? drain->cap * 2 : 256;
	struct drain_item *items;

	if (drain->count < drain->cap)
		return 0;
	if (cap > DRAIN_ITEMS_MAX)
		return -ENOSPC;
	items = realloc(drain->items, cap * sizeof(*items));
	if (!items)
		return -ENOMEM;
	drain->items = items;
	drain->cap = cap;
	return 0;
}

/* The mode a session would move in: the best it can, no better than asked. */
static uint8_t foresee(const struct drain *drain, uint8_t can)
{
	if (can == MODE_NONE)
		return MODE_NONE;
	return can > drain->wish.mode ? can : drain->wish.mode;
}

int drain_add(struct drain *drain, const struct op_row *row)
{
	struct drain_item *item;
	int err;

	if (row->session_id == 0) {
		drain->counts.guests_without_session++;
		return 0;
	}
	err = reserve(drain);
	if (err)
		return err;
	item = &drain->items[drain->count++];
	*item = (struct drain_item){
		.idle_ns = row->idle_ns,
		.shard = row->shard,
		.mode = foresee(drain, row->mode),
		.busy = row->state != MOVE_LIVE,
		.leaving = row->state == MOVE_COMMITTED && row->peer[0],
	};
	memcpy(item->guest, row->guest, sizeof(item->guest) - 1);
	memcpy(item->reason, row->reason, sizeof(item->reason) - 1);
	drain->counts.sessions++;
	return 0;
}

static void count_mode(struct drain_counts *counts, uint8_t mode)
{
	counts->moved++;
	if (mode == MODE_SEAMLESS)
		counts->seamless++;
	else if (mode == MODE_SEMI_SEAMLESS)
		counts->semi_seamless++;
	else
		counts->switch_host++;
}

static void finish_if_idle(struct drain *drain, uint64_t now_ns)
{
	const struct drain_counts *counts = &drain->counts;

	if (drain->state == DRAIN_LISTING || drain->state == DRAIN_DONE)
		return;
	if (counts->moved + counts->failed + counts->remained <
	    counts->sessions)
		return;
	drain->state = DRAIN_DONE;
	drain->ended_ns = now_ns;
}

static void end_item(struct drain *drain, struct drain_item *item,
		     enum move_result result)
{
	struct drain_counts *counts = &drain->counts;

	if (item->state == ITEM_STARTED) {
		counts->underway--;
		if (item->move_state == MOVE_IN_DOUBT)
			counts->in_doubt--;
	} else if (item->state == ITEM_RETRY) {
		drain->retry_due--;
	}
	item->state = ITEM_ENDED;
	item->result = (uint8_t)result;
	if (result == MOVE_OK)
		count_mode(counts, item->mode);
	else if (result == MOVE_CANCELLED)
		counts->remained++;
	else
		counts->failed++;
}

/* It stays in doubt; the drain does not. */
static void end_in_doubt(struct drain *drain, struct drain_item *item)
{
	end_item(drain, item, MOVE_FAILED);
	item->in_doubt = true;
	drain->counts.in_doubt++;
	drain->doubts_left++;
}

/* The guest is not here, and that is not the drain's doing. */
static void end_gone(struct drain *drain, struct drain_item *item)
{
	/* Where it went to has not said that it is there. */
	if (item->leaving) {
		end_in_doubt(drain, item);
		return;
	}
	item->gone = true;
	end_item(drain, item, MOVE_CANCELLED);
}

static int compare_items(const void *a, const void *b)
{
	const struct drain_item *x = a;
	const struct drain_item *y = b;

	if (x->idle_ns != y->idle_ns)
		return x->idle_ns > y->idle_ns ? -1 : 1;
	return strcmp(x->guest, y->guest);
}

/* Counts what is foreseen; nothing is moved. */
static void foretell(struct drain *drain)
{
	for (uint32_t i = 0; i < drain->count; i++) {
		struct drain_item *item = &drain->items[i];

		item->skipped = true;
		end_item(drain, item,
			 item->mode == MODE_NONE ? MOVE_CANCELLED : MOVE_OK);
	}
	drain->next = drain->count;
}

void drain_begin(struct drain *drain, uint64_t now_ns)
{
	if (drain->state != DRAIN_LISTING)
		return;
	if (drain->count)
		qsort(drain->items, drain->count, sizeof(*drain->items),
		      compare_items);
	drain->state = DRAIN_RUNNING;
	drain->refilled_ns = now_ns;
	drain->window_ns = now_ns;
	if (drain->wish.dry_run)
		foretell(drain);
	finish_if_idle(drain, now_ns);
}

static void refill(struct drain *drain, uint64_t now_ns)
{
	double burst = drain->rate * BURST_S;
	double elapsed_s = (double)(now_ns - drain->refilled_ns) / 1e9;

	drain->refilled_ns = now_ns;
	if (burst < 1.0)
		burst = 1.0;
	drain->tokens += elapsed_s * drain->rate;
	if (drain->tokens > burst)
		drain->tokens = burst;
}

/* The next item to start, NULL when none may. */
static struct drain_item *pick(struct drain *drain, uint64_t now_ns)
{
	/* What cannot move at all is counted in passing. */
	while (drain->next < drain->count) {
		struct drain_item *item = &drain->items[drain->next++];

		if (item->state == ITEM_ENDED)
			continue;
		if (item->mode != MODE_NONE || item->busy)
			return item;
		item->skipped = true;
		end_item(drain, item, MOVE_CANCELLED);
	}
	for (uint32_t i = 0; drain->retry_due && i < drain->count; i++) {
		if (drain->items[i].state == ITEM_RETRY &&
		    drain->items[i].again_ns <= now_ns)
			return &drain->items[i];
	}
	finish_if_idle(drain, now_ns);
	return NULL;
}

static void fill_order(struct drain *drain, const struct drain_item *item,
		       enum drain_order_kind kind, struct drain_order *order)
{
	*order = (struct drain_order){
		.kind = (uint8_t)kind,
		.shard = item->shard,
		.item = (uint32_t)(item - drain->items),
		.guest = item->guest,
	};
}

static bool next_cancel(struct drain *drain, struct drain_order *order)
{
	while (drain->to_cancel < drain->count) {
		struct drain_item *item = &drain->items[drain->to_cancel++];

		if (item->state != ITEM_STARTED || item->cancel_sent)
			continue;
		item->cancel_sent = true;
		fill_order(drain, item, DRAIN_CANCEL, order);
		return true;
	}
	return false;
}

/* Starts nothing more; what never started remained for that reason. */
static void stop(struct drain *drain, const char *why, uint64_t now_ns)
{
	drain->state = DRAIN_CANCELLING;
	for (uint32_t i = 0; i < drain->count; i++) {
		struct drain_item *item = &drain->items[i];

		if (item->state == ITEM_STARTED) {
			if (item->move_state == MOVE_IN_DOUBT)
				end_in_doubt(drain, item);
			continue;
		}
		if (item->state == ITEM_ENDED)
			continue;
		if (item->leaving) {
			end_in_doubt(drain, item);
			continue;
		}
		item->skipped = true;
		snprintf(item->reason, sizeof(item->reason), "%s", why);
		end_item(drain, item, MOVE_CANCELLED);
	}
	drain->next = drain->count;
	finish_if_idle(drain, now_ns);
}

static uint64_t give_up_at(const struct drain *drain)
{
	return drain->stalled[0] ? drain->stalled_ns + DRAIN_PEER_WAIT_NS
				 : NS_NEVER;
}

static void give_up(struct drain *drain, uint64_t now_ns)
{
	char why[REASON_BYTES];

	snprintf(why, sizeof(why), "the peer %.80s", drain->stalled);
	drain->gave_up = true;
	stop(drain, why, now_ns);
}

/* Moves that take a place. One in doubt may never be answered, and takes none.
 */
static uint32_t places_taken(const struct drain *drain)
{
	uint32_t doubts = drain->counts.in_doubt - drain->doubts_left;

	return drain->counts.underway - doubts;
}

/* How many moves may be under way now. */
static uint32_t places(const struct drain *drain)
{
	if (!drain->stalled[0])
		return drain->wish.parallel;
	return drain->silent ? 1 : 0;
}

bool drain_next(struct drain *drain, uint64_t now_ns, struct drain_order *order)
{
	struct drain_item *item;

	if (drain->state == DRAIN_RUNNING && now_ns >= give_up_at(drain))
		give_up(drain, now_ns);
	if (drain->state == DRAIN_CANCELLING)
		return next_cancel(drain, order);
	if (drain->state != DRAIN_RUNNING ||
	    places_taken(drain) >= places(drain))
		return false;
	if (drain->rate > 0) {
		refill(drain, now_ns);
		if (drain->tokens < 1.0)
			return false;
	}
	item = pick(drain, now_ns);
	if (!item)
		return false;
	if (drain->rate > 0)
		drain->tokens -= 1.0;
	if (item->state == ITEM_RETRY)
		drain->retry_due--;
	item->state = ITEM_STARTED;
	item->move_state = MOVE_LIVE;
	item->tries++;
	drain->counts.underway++;
	fill_order(drain, item, DRAIN_START, order);
	return true;
}

static void retry(struct drain *drain, struct drain_item *item, uint64_t now_ns)
{
	drain->counts.underway--;
	if (item->move_state == MOVE_IN_DOUBT)
		drain->counts.in_doubt--;
	drain->retry_due++;
	item->state = ITEM_RETRY;
	item->again_ns = now_ns + DRAIN_RETRY_NS;
}

void drain_put_back(struct drain *drain, const struct drain_order *order,
		    uint64_t now_ns)
{
	struct drain_item *item = &drain->items[order->item];

	if (order->kind == DRAIN_CANCEL) {
		item->cancel_sent = false;
		drain->to_cancel = min_u32(drain->to_cancel, order->item);
		return;
	}
	item->tries--;
	retry(drain, item, now_ns);
}

/*
 * Below one move per second in each place of "parallel" the drain is no load
 * worth the name: pauses that are long even then are not its doing.
 */
static double rate_floor(const struct drain *drain)
{
	return drain->wish.parallel;
}

static void halve(struct drain *drain, double rate)
{
	drain->rate = rate / 2;
	if (drain->rate < rate_floor(drain))
		drain->rate = rate_floor(drain);
	drain->rate_halved++;
}

/* Looks at the pauses of the last moves and sets the rate by them. */
static void adapt(struct drain *drain, uint64_t now_ns)
{
	double seconds = (double)(now_ns - drain->window_ns) / 1e9;
	double rate = drain->rate;
	uint64_t p99_ns;

	if (drain->window.count < DRAIN_WINDOW)
		return;
	p99_ns = hist_quantile(&drain->window, 0.99);
	if (p99_ns > drain->wish.pause_target_ns) {
		if (rate <= 0)
			rate = (double)drain->window.count /
			       (seconds > 0.001 ? seconds : 0.001);
		if (rate > rate_floor(drain))
			halve(drain, rate);
	} else if (drain->rate_halved) {
		rate *= RATE_GROWTH;
		if (drain->wish.rate_per_s && rate > drain->wish.rate_per_s)
			rate = drain->wish.rate_per_s;
		drain->rate = rate;
	}
	drain->window = (struct hist){0};
	drain->window_ns = now_ns;
}

static void note_pause(struct drain *drain, const struct op_move_event *event,
		       uint64_t now_ns)
{
	if (event->protocol_pause_ns) {
		hist_add(&drain->pause_ns, event->protocol_pause_ns);
		hist_add(&drain->window, event->protocol_pause_ns);
	}
	if (event->added_ns)
		hist_add(&drain->added_ns, event->added_ns);
	adapt(drain, now_ns);
}

static void stall(struct drain *drain, const char *why, bool silent,
		  uint64_t now_ns)
{
	if (!drain->stalled[0])
		drain->stalled_ns = now_ns;
	drain->silent = silent;
	snprintf(drain->stalled, sizeof(drain->stalled), "%s", why);
}

void drain_peer_down(struct drain *drain, const char *why, uint64_t now_ns)
{
	if (drain->state == DRAIN_LISTING || drain->state == DRAIN_RUNNING)
		stall(drain, why, false, now_ns);
}

void drain_peer_up(struct drain *drain)
{
	if (drain->state == DRAIN_LISTING || drain->state == DRAIN_RUNNING)
		drain->stalled[0] = '\0';
}

/* The item's move has come further, or no further for a while. */
static void note_state(struct drain *drain, struct drain_item *item,
		       uint8_t state, uint64_t now_ns)
{
	drain->counts.in_doubt -= item->move_state == MOVE_IN_DOUBT;
	drain->counts.in_doubt += state == MOVE_IN_DOUBT;
	item->move_state = state;
	/* An undo says LIVE at the end: that is no reason to freeze again. */
	if (state > MOVE_OFFERED && state != MOVE_IN_DOUBT) {
		item->went = true;
		if (drain->silent)
			drain_peer_up(drain);
	}
	if (state == MOVE_IN_DOUBT && drain->state == DRAIN_CANCELLING)
		end_in_doubt(drain, item);
	else if (state == MOVE_IN_DOUBT && !drain->stalled[0])
		stall(drain, "does not answer", true, now_ns);
}

/* Its last move was not finished, or the peer has gone: it waits. One that is
 * not here waits only for the end of the move by which it left. */
static bool may_retry(const struct drain *drain, const struct drain_item *item,
		      const struct op_move_event *event)
{
	return drain->state == DRAIN_RUNNING && event->result == MOVE_FAILED &&
	       (item->busy || event->busy || drain->stalled[0]) &&
	       !item->went && (!event->absent || item->leaving) &&
	       item->tries < DRAIN_TRIES_MAX;
}

void drain_event(struct drain *drain, uint32_t index,
		 const struct op_move_event *event, uint64_t now_ns)
{
	struct drain_item *item;

	if (index >= drain->count)
		return;
	item = &drain->items[index];
	if (item->state != ITEM_STARTED)
		return;
	memcpy(item->reason, event->reason, sizeof(item->reason) - 1);
	if (!event->done) {
		note_state(drain, item, event->state, now_ns);
		finish_if_idle(drain, now_ns);
		return;
	}
	if (event->silent && drain->state == DRAIN_RUNNING &&
	    !drain->stalled[0])
		stall(drain, "does not answer", true, now_ns);
	if (may_retry(drain, item, event)) {
		/* The client may still be busy with this attempt. */
		item->busy = true;
		retry(drain, item, now_ns);
		return;
	}
	if (event->result == MOVE_FAILED && (event->absent || item->leaving)) {
		end_gone(drain, item);
		finish_if_idle(drain, now_ns);
		return;
	}
	item->mode = event->mode;
	if (event->result == MOVE_OK)
		note_pause(drain, event, now_ns);
	end_item(drain, item, (enum move_result)event->result);
	finish_if_idle(drain, now_ns);
}

static struct drain_item *find_open(struct drain *drain, const char *guest)
{
	for (uint32_t i = 0; i < drain->count; i++) {
		struct drain_item *item = &drain->items[i];

		if (item->state != ITEM_ENDED && !strcmp(item->guest, guest))
			return item;
	}
	return NULL;
}

void drain_other_event(struct drain *drain, const struct op_move_event *event,
		       uint64_t now_ns)
{
	struct drain_item *item;

	if (drain->wish.dry_run ||
	    (drain->state != DRAIN_LISTING && drain->state != DRAIN_RUNNING))
		return;
	item = find_open(drain, event->guest);
	if (!item)
		return;
	if (!event->done) {
		item->busy = true;
		item->leaving = event->state >= MOVE_COMMITTED;
		return;
	}
	/* It is still here, or only that order was refused. */
	if (event->result == MOVE_FAILED || event->result == MOVE_CANCELLED)
		return;
	memcpy(item->reason, event->reason, sizeof(item->reason) - 1);
	item->mode = event->mode;
	item->leaving = false;
	if (event->result == MOVE_OK &&
	    strcmp(event->peer, drain->wish.peer) != 0) {
		snprintf(item->reason, sizeof(item->reason),
			 "another order moved it to %s", event->peer);
		end_gone(drain, item);
	} else {
		end_item(drain, item, (enum move_result)event->result);
	}
	finish_if_idle(drain, now_ns);
}

void drain_cancel(struct drain *drain, uint64_t now_ns)
{
	if (drain->state == DRAIN_NONE || drain->state == DRAIN_DONE ||
	    drain->state == DRAIN_CANCELLING)
		return;
	drain->cancelled = true;
	stop(drain, "the drain was cancelled", now_ns);
}

static uint64_t retry_at(const struct drain *drain)
{
	uint64_t at = NS_NEVER;

	for (uint32_t i = 0; drain->retry_due && i < drain->count; i++) {
		if (drain->items[i].state == ITEM_RETRY)
			at = min_u64(at, drain->items[i].again_ns);
	}
	return at;
}

uint64_t drain_due(const struct drain *drain, uint64_t now_ns)
{
	uint64_t at;

	if (drain->state != DRAIN_RUNNING)
		return NS_NEVER;
	if (drain->counts.underway >= places(drain))
		return give_up_at(drain);
	at = drain->next < drain->count ? now_ns : retry_at(drain);
	if (at != NS_NEVER && drain->rate > 0 && drain->tokens < 1.0)
		at = max_u64(at, drain->refilled_ns +
					 (uint64_t)((1.0 - drain->tokens) *
						    1e9 / drain->rate) +
					 1);
	return min_u64(at, give_up_at(drain));
}

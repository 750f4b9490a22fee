/* drain_test.c - the drain's scheduler against scripted shards. */
#include "core/drain.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define START_NS (1000 * NS_PER_S)

static void wish_for(struct drain *drain, uint32_t parallel, uint32_t rate)
{
	struct drain_wish wish = {
		.peer = "b",
		.parallel = parallel,
		.rate_per_s = rate,
		.pause_target_ns = 50 * NS_PER_MS,
	};

	drain_init(drain, &wish, START_NS);
}

static struct op_row row_of(uint32_t n, uint8_t mode, uint64_t idle_ns)
{
	struct op_row row = {
		.session_id = n + 1,
		.mode = mode,
		.idle_ns = idle_ns,
		.shard = (uint8_t)(n % 3),
	};

	snprintf(row.guest, sizeof(row.guest), "demo-%u", n);
	return row;
}

static void add(struct drain *drain, uint32_t n, uint8_t mode, uint64_t idle_ns)
{
	struct op_row row = row_of(n, mode, idle_ns);

	cr_assert_eq(drain_add(drain, &row), 0);
}

static void finish(struct drain *drain, const struct drain_order *order,
		   enum move_result result, uint8_t mode, uint64_t pause_ns,
		   uint64_t now_ns)
{
	struct op_move_event event = {
		.done = 1,
		.result = (uint8_t)result,
		.mode = mode,
		.protocol_pause_ns = pause_ns,
	};

	drain_event(drain, order->item, &event, now_ns);
}

static void expect_sums(const struct drain *drain)
{
	const struct drain_counts *c = &drain->counts;

	cr_expect_eq(c->sessions, c->moved + c->failed + c->remained);
	cr_expect_eq(c->moved, c->seamless + c->semi_seamless + c->switch_host);
	cr_expect_eq(c->underway, 0);
	cr_expect_eq(c->in_doubt, 0);
}

Test(drain, starts_the_longest_idle_first_and_few_at_once)
{
	struct drain_order orders[3], more;
	struct drain drain;

	wish_for(&drain, 2, 0);
	add(&drain, 0, MODE_SEAMLESS, 5);
	add(&drain, 1, MODE_SEAMLESS, 500);
	add(&drain, 2, MODE_SEAMLESS, 50);
	cr_expect_not(drain_next(&drain, START_NS, &more), "not listed yet");
	drain_begin(&drain, START_NS);
	cr_assert(drain_next(&drain, START_NS, &orders[0]));
	cr_assert(drain_next(&drain, START_NS, &orders[1]));
	cr_expect_not(drain_next(&drain, START_NS, &more), "two at once");
	cr_expect_eq(drain_due(&drain, START_NS), NS_NEVER);
	cr_expect_str_eq(orders[0].guest, "demo-1");
	cr_expect_eq(orders[0].shard, 1);
	cr_expect_str_eq(orders[1].guest, "demo-2");
	finish(&drain, &orders[1], MOVE_OK, MODE_SEAMLESS, 1, START_NS + 5);
	cr_assert(drain_next(&drain, START_NS + 5, &orders[2]));
	cr_expect_str_eq(orders[2].guest, "demo-0");
	finish(&drain, &orders[2], MOVE_OK, MODE_SEMI_SEAMLESS, 1, START_NS);
	cr_expect_eq(drain.state, DRAIN_RUNNING);
	finish(&drain, &orders[0], MOVE_CLOSED, MODE_SEAMLESS, 0, START_NS);
	cr_expect_eq(drain.state, DRAIN_DONE);
	cr_expect_eq(drain.counts.seamless, 1);
	cr_expect_eq(drain.counts.semi_seamless, 1);
	cr_expect_eq(drain.counts.failed, 1, "who dies has failed");
	expect_sums(&drain);
	drain_fini(&drain);
}

Test(drain, leaves_what_has_no_session_or_cannot_move)
{
	struct drain_order order;
	struct op_row empty = row_of(7, MODE_NONE, 0);
	struct drain drain;

	empty.session_id = 0;
	wish_for(&drain, 4, 0);
	cr_assert_eq(drain_add(&drain, &empty), 0);
	add(&drain, 1, MODE_NONE, 9);
	drain_begin(&drain, START_NS);
	cr_expect_not(drain_next(&drain, START_NS, &order));
	cr_expect_eq(drain.state, DRAIN_DONE);
	cr_expect_eq(drain.counts.sessions, 1);
	cr_expect_eq(drain.counts.remained, 1);
	cr_expect_eq(drain.counts.guests_without_session, 1);
	expect_sums(&drain);
	drain_fini(&drain);
}

Test(drain, of_nothing_is_done)
{
	struct drain drain;

	wish_for(&drain, 4, 0);
	drain_begin(&drain, START_NS);
	cr_expect_eq(drain.state, DRAIN_DONE);
	drain_fini(&drain);
}

/* Starts what may be started in one second of steps; ends all at once. */
static uint32_t run_second(struct drain *drain, uint64_t *now_ns,
			   uint64_t pause_ns)
{
	struct drain_order order;
	uint32_t started = 0;

	for (uint32_t step = 0; step < 1000; step++) {
		*now_ns += NS_PER_MS;
		while (drain_next(drain, *now_ns, &order)) {
			started++;
			finish(drain, &order, MOVE_OK, MODE_SEAMLESS, pause_ns,
			       *now_ns);
		}
	}
	return started;
}

Test(drain, keeps_its_rate)
{
	uint64_t now_ns = START_NS;
	struct drain drain;
	uint32_t started;

	wish_for(&drain, 100, 20);
	for (uint32_t i = 0; i < 100; i++)
		add(&drain, i, MODE_SEAMLESS, i);
	drain_begin(&drain, now_ns);
	started = run_second(&drain, &now_ns, NS_PER_MS);
	cr_expect_geq(started, 19);
	cr_expect_leq(started, 22);
	cr_expect_lt(drain_due(&drain, now_ns), now_ns + 60 * NS_PER_MS);
	drain_fini(&drain);
}

Test(drain, halves_its_rate_while_pauses_are_long)
{
	uint64_t now_ns = START_NS;
	struct drain drain;

	wish_for(&drain, 4, 64);
	for (uint32_t i = 0; i < 4000; i++)
		add(&drain, i, MODE_SEAMLESS, i);
	drain_begin(&drain, now_ns);
	run_second(&drain, &now_ns, 80 * NS_PER_MS);
	cr_expect_geq(drain.rate_halved, 1);
	cr_expect_leq(drain.rate, 32.0);
	for (uint32_t i = 0; i < 60; i++)
		run_second(&drain, &now_ns, 80 * NS_PER_MS);
	cr_expect_eq(drain.rate, 4.0, "the floor is one per place");
	for (uint32_t i = 0; i < 60; i++)
		run_second(&drain, &now_ns, NS_PER_MS);
	cr_expect_gt(drain.rate, 30.0, "and it comes back");
	cr_expect_leq(drain.rate, 64.0);
	drain_fini(&drain);
}

Test(drain, unlimited_finds_a_rate_to_halve)
{
	uint64_t now_ns = START_NS;
	struct drain_order order;
	struct drain drain;

	wish_for(&drain, 1, 0);
	for (uint32_t i = 0; i < 1000; i++)
		add(&drain, i, MODE_SEAMLESS, i);
	drain_begin(&drain, now_ns);
	for (uint32_t i = 0; i < DRAIN_WINDOW; i++) {
		now_ns += 10 * NS_PER_MS; /* a hundred per second */
		cr_assert(drain_next(&drain, now_ns, &order));
		finish(&drain, &order, MOVE_OK, MODE_SEAMLESS, 90 * NS_PER_MS,
		       now_ns);
	}
	cr_expect_gt(drain.rate, 40.0);
	cr_expect_lt(drain.rate, 60.0);
	drain_fini(&drain);
}

Test(drain, tries_the_busy_again)
{
	uint64_t now_ns = START_NS;
	struct op_row row = row_of(1, MODE_SEAMLESS, 1);
	struct drain_order order;
	struct drain drain;

	wish_for(&drain, 1, 0);
	row.state = MOVE_COMMITTED;
	cr_assert_eq(drain_add(&drain, &row), 0);
	drain_begin(&drain, now_ns);
	for (uint32_t i = 0; i < 3; i++) {
		cr_assert(drain_next(&drain, now_ns, &order));
		finish(&drain, &order, MOVE_FAILED, MODE_SEAMLESS, 0, now_ns);
		cr_expect_eq(drain.state, DRAIN_RUNNING);
		cr_expect_not(drain_next(&drain, now_ns, &order), "not yet");
		cr_expect_eq(drain_due(&drain, now_ns),
			     now_ns + DRAIN_RETRY_NS);
		now_ns += DRAIN_RETRY_NS;
	}
	cr_assert(drain_next(&drain, now_ns, &order));
	finish(&drain, &order, MOVE_OK, MODE_SEAMLESS, 1, now_ns);
	cr_expect_eq(drain.state, DRAIN_DONE);
	cr_expect_eq(drain.counts.seamless, 1);
	expect_sums(&drain);
	drain_fini(&drain);

	wish_for(&drain, 1, 0);
	cr_assert_eq(drain_add(&drain, &row), 0);
	drain_begin(&drain, now_ns);
	for (uint32_t i = 0; i < DRAIN_TRIES_MAX; i++) {
		cr_assert(drain_next(&drain, now_ns, &order));
		finish(&drain, &order, MOVE_FAILED, MODE_SEAMLESS, 0, now_ns);
		now_ns += DRAIN_RETRY_NS;
	}
	cr_expect_eq(drain.state, DRAIN_DONE, "but not for ever");
	cr_expect_eq(drain.counts.failed, 1);
	expect_sums(&drain);
	drain_fini(&drain);
}

/* An undo says LIVE at the end; it had been frozen, and is not again. */
Test(drain, does_not_freeze_the_busy_again)
{
	struct op_row row = row_of(1, MODE_SEAMLESS, 1);
	struct op_move_event event = {.state = MOVE_FREEZING};
	struct drain_order order;
	struct drain drain;

	wish_for(&drain, 1, 0);
	row.state = MOVE_COMMITTED;
	cr_assert_eq(drain_add(&drain, &row), 0);
	drain_begin(&drain, START_NS);
	cr_assert(drain_next(&drain, START_NS, &order));
	drain_event(&drain, order.item, &event, START_NS);
	event.state = MOVE_LIVE;
	drain_event(&drain, order.item, &event, START_NS);
	finish(&drain, &order, MOVE_FAILED, MODE_SEAMLESS, 0, START_NS);
	cr_expect_eq(drain.state, DRAIN_DONE);
	cr_expect_eq(drain.counts.failed, 1);
	expect_sums(&drain);
	drain_fini(&drain);
}

/* --- moves that are not the drain's ------------------------------------- */

static void tell_other(struct drain *drain, const char *guest, const char *peer,
		       uint8_t state, bool done, enum move_result result)
{
	struct op_move_event event = {
		.state = state,
		.mode = MODE_SEAMLESS,
		.done = done,
		.result = (uint8_t)result,
	};

	snprintf(event.guest, sizeof(event.guest), "%s", guest);
	snprintf(event.peer, sizeof(event.peer), "%s", peer);
	drain_other_event(drain, &event, START_NS);
}

static void not_here(struct drain *drain, const struct drain_order *order,
		     uint64_t now_ns)
{
	struct op_move_event event = {
		.done = 1,
		.absent = 1,
		.result = MOVE_FAILED,
	};

	drain_event(drain, order->item, &event, now_ns);
}

static const char *outcome_of(const json_t *report)
{
	const json_t *row = json_array_get(json_object_get(report, "rows"), 0);

	return json_string_value(json_object_get(row, "outcome"));
}

/* Another order's move of an item is over: so is the item, at once. */
Test(drain, ends_with_the_move_of_another_order)
{
	static const struct {
		const char *peer;
		enum move_result result;
		uint32_t moved, failed, remained;
		const char *outcome; /* of its row, NULL: it has none */
	} cases[] = {
		{"b", MOVE_OK, 1, 0, 0, NULL},
		{"c", MOVE_OK, 0, 0, 1, "gone"},
		{"b", MOVE_CLOSED, 0, 1, 0, "closed"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (uint32_t when = 0; when < 3; when++) {
			struct op_row row = row_of(1, MODE_SEAMLESS, 1);
			struct drain_order order;
			struct drain drain;
			json_t *report;

			row.state = MOVE_FREEZING;
			wish_for(&drain, 1, 0);
			cr_assert_eq(drain_add(&drain, &row), 0);
			if (when)
				drain_begin(&drain, START_NS);
			if (when > 1) {
				cr_assert(drain_next(&drain, START_NS, &order));
				finish(&drain, &order, MOVE_FAILED, 0, 0,
				       START_NS);
			}
			tell_other(&drain, "demo-7", "b", MOVE_RELEASED, true,
				   MOVE_OK);
			tell_other(&drain, "demo-1", cases[i].peer,
				   MOVE_RELEASED, true, MOVE_FAILED);
			cr_expect_neq(drain.state, DRAIN_DONE);
			tell_other(&drain, "demo-1", cases[i].peer,
				   MOVE_COMMITTED, false, MOVE_OK);
			tell_other(&drain, "demo-1", cases[i].peer,
				   MOVE_RELEASED, true, cases[i].result);
			if (!when)
				drain_begin(&drain, START_NS);
			cr_expect_not(drain_next(&drain, START_NS, &order));
			cr_expect_eq(drain.state, DRAIN_DONE);
			cr_expect_eq(drain.counts.moved, cases[i].moved);
			cr_expect_eq(drain.counts.failed, cases[i].failed);
			cr_expect_eq(drain.counts.remained, cases[i].remained);
			expect_sums(&drain);
			report = drain_report(&drain, START_NS, true);
			if (cases[i].outcome)
				cr_expect_str_eq(outcome_of(report),
						 cases[i].outcome);
			else
				cr_expect_null(outcome_of(report));
			json_decref(report);
			drain_fini(&drain);
		}
	}
}

/* Another order's move had not begun when the list was made. */
Test(drain, waits_for_a_move_that_it_did_not_see)
{
	struct op_move_event refused = {
		.done = 1,
		.busy = 1,
		.result = MOVE_FAILED,
	};
	struct drain_order order;
	struct drain drain;

	wish_for(&drain, 1, 0);
	add(&drain, 1, MODE_SEAMLESS, 1);
	drain_begin(&drain, START_NS);
	cr_assert(drain_next(&drain, START_NS, &order));
	drain_event(&drain, order.item, &refused, START_NS);
	cr_expect_eq(drain.state, DRAIN_RUNNING);
	tell_other(&drain, "demo-1", "b", MOVE_RELEASED, true, MOVE_OK);
	cr_expect_eq(drain.state, DRAIN_DONE);
	cr_expect_eq(drain.counts.seamless, 1);
	expect_sums(&drain);
	drain_fini(&drain);
}

/* A guest that is not here is not asked for again and again. */
Test(drain, does_not_retry_what_is_gone)
{
	struct op_row row = row_of(1, MODE_SEAMLESS, 1);
	struct drain_order order;
	struct drain drain;

	row.state = MOVE_FREEZING;
	wish_for(&drain, 1, 0);
	cr_assert_eq(drain_add(&drain, &row), 0);
	drain_begin(&drain, START_NS);
	cr_assert(drain_next(&drain, START_NS, &order));
	not_here(&drain, &order, START_NS);
	cr_expect_eq(drain.state, DRAIN_DONE);
	cr_expect_eq(drain.counts.remained, 1);
	cr_expect(drain.items[0].gone);
	expect_sums(&drain);
	drain_fini(&drain);
}

/* Committed by another order and not answered: it is waited for, for a while,
 * and is never said to have remained. */
Test(drain, leaves_the_doubt_of_another_order)
{
	for (uint32_t gives_up = 0; gives_up < 2; gives_up++) {
		struct op_row row = row_of(1, MODE_SEAMLESS, 1);
		uint64_t now_ns = START_NS;
		struct drain_order order;
		struct drain drain;

		row.state = MOVE_COMMITTED;
		snprintf(row.peer, sizeof(row.peer), "b");
		wish_for(&drain, 1, 0);
		cr_assert_eq(drain_add(&drain, &row), 0);
		drain_begin(&drain, now_ns);
		if (gives_up) {
			drain_peer_down(&drain, "is not there", now_ns);
			now_ns += DRAIN_PEER_WAIT_NS;
			cr_expect_not(drain_next(&drain, now_ns, &order));
		}
		for (uint32_t i = 0; !gives_up && i < DRAIN_TRIES_MAX; i++) {
			cr_assert(drain_next(&drain, now_ns, &order));
			not_here(&drain, &order, now_ns);
			now_ns += DRAIN_RETRY_NS;
		}
		cr_expect_eq(drain.state, DRAIN_DONE);
		cr_expect_eq(drain.counts.failed, 1);
		cr_expect_eq(drain.counts.in_doubt, 1);
		cr_expect_eq(drain.counts.remained, 0);
		drain_fini(&drain);
	}
}

Test(drain, puts_back_what_a_full_ring_refused)
{
	struct drain_order order;
	struct drain drain;

	wish_for(&drain, 1, 0);
	add(&drain, 1, MODE_SEAMLESS, 1);
	drain_begin(&drain, START_NS);
	cr_assert(drain_next(&drain, START_NS, &order));
	drain_put_back(&drain, &order, START_NS);
	cr_expect_eq(drain.counts.underway, 0);
	cr_assert(drain_next(&drain, START_NS + DRAIN_RETRY_NS, &order));
	finish(&drain, &order, MOVE_OK, MODE_SEAMLESS, 1, START_NS);
	cr_expect_eq(drain.state, DRAIN_DONE);
	drain_fini(&drain);
}

Test(drain, can_be_cancelled)
{
	struct drain_order orders[2], order;
	struct drain drain;

	wish_for(&drain, 2, 0);
	for (uint32_t i = 0; i < 5; i++)
		add(&drain, i, MODE_SEAMLESS, i);
	drain_begin(&drain, START_NS);
	cr_assert(drain_next(&drain, START_NS, &orders[0]));
	cr_assert(drain_next(&drain, START_NS, &orders[1]));
	drain_cancel(&drain, START_NS);
	cr_expect_eq(drain.counts.remained, 3);
	cr_expect_str_eq(drain.items[drain.count - 1].reason,
			 "the drain was cancelled");
	cr_assert(drain_next(&drain, START_NS, &order));
	cr_expect_eq(order.kind, DRAIN_CANCEL);
	drain_put_back(&drain, &order, START_NS);
	cr_assert(drain_next(&drain, START_NS, &order));
	cr_expect_eq(order.kind, DRAIN_CANCEL);
	cr_assert(drain_next(&drain, START_NS, &order));
	cr_expect_not(drain_next(&drain, START_NS, &order), "each once");
	finish(&drain, &orders[0], MOVE_CANCELLED, 0, 0, START_NS);
	cr_expect_eq(drain.state, DRAIN_CANCELLING);
	finish(&drain, &orders[1], MOVE_OK, MODE_SEAMLESS, 1, START_NS);
	cr_expect_eq(drain.state, DRAIN_DONE);
	cr_expect_str_eq(drain_state_name(&drain), "cancelled");
	cr_expect_eq(drain.counts.remained, 4);
	expect_sums(&drain);
	/* What comes late changes nothing. */
	finish(&drain, &orders[1], MOVE_FAILED, MODE_SEAMLESS, 1, START_NS);
	expect_sums(&drain);
	drain_fini(&drain);
}

static void enter(struct drain *drain, const struct drain_order *order,
		  enum move_state state, uint64_t now_ns)
{
	struct op_move_event event = {.state = (uint8_t)state};

	drain_event(drain, order->item, &event, now_ns);
}

/* In doubt before the cancel or behind it: the drain does not wait. */
Test(drain, cancelled_it_leaves_what_is_in_doubt)
{
	struct drain_order orders[2], order;
	struct drain drain;
	json_t *report, *rows;

	wish_for(&drain, 2, 0);
	add(&drain, 0, MODE_SEAMLESS, 1);
	add(&drain, 1, MODE_SEAMLESS, 0);
	drain_begin(&drain, START_NS);
	for (uint32_t i = 0; i < 2; i++) {
		cr_assert(drain_next(&drain, START_NS, &orders[i]));
		enter(&drain, &orders[i], MOVE_COMMITTED, START_NS);
	}
	enter(&drain, &orders[0], MOVE_IN_DOUBT, START_NS);
	cr_expect_eq(drain.counts.in_doubt, 1);
	enter(&drain, &orders[0], MOVE_COMMITTED, START_NS);
	cr_expect_eq(drain.counts.in_doubt, 0, "it was answered");
	enter(&drain, &orders[0], MOVE_IN_DOUBT, START_NS);
	drain_cancel(&drain, START_NS);
	cr_expect_eq(drain.counts.failed, 1);
	cr_expect_eq(drain.state, DRAIN_CANCELLING);
	cr_assert(drain_next(&drain, START_NS, &order));
	cr_expect_eq(order.item, orders[1].item);
	cr_expect_not(drain_next(&drain, START_NS, &order));
	enter(&drain, &orders[1], MOVE_IN_DOUBT, START_NS);
	cr_expect_eq(drain.state, DRAIN_DONE);
	cr_expect_eq(drain.counts.failed, 2);
	cr_expect_eq(drain.counts.in_doubt, 2);
	cr_expect_eq(drain.counts.underway, 0);
	report = drain_report(&drain, START_NS, true);
	rows = json_object_get(report, "rows");
	cr_expect_eq(json_array_size(rows), 2);
	cr_expect_str_eq(json_string_value(json_object_get(
				 json_array_get(rows, 0), "outcome")),
			 "in-doubt");
	json_decref(report);
	drain_fini(&drain);
}

/* --- a peer that goes away ---------------------------------------------- */

static void refuse(struct drain *drain, const struct drain_order *order,
		   bool silent, uint64_t now_ns)
{
	struct op_move_event event = {
		.done = 1,
		.result = MOVE_FAILED,
		.silent = silent,
	};

	drain_event(drain, order->item, &event, now_ns);
}

/* Started in vain, or not at all: both wait for the peer, and go. */
Test(drain, waits_for_a_peer_that_comes_back)
{
	uint64_t now_ns = START_NS;
	struct drain_order order;
	struct drain drain;
	json_t *report;

	wish_for(&drain, 2, 0);
	for (uint32_t i = 0; i < 3; i++)
		add(&drain, i, MODE_SEAMLESS, i);
	drain_begin(&drain, now_ns);
	cr_assert(drain_next(&drain, now_ns, &order));
	drain_peer_down(&drain, "is not there", now_ns);
	refuse(&drain, &order, false, now_ns);
	cr_expect_eq(drain.counts.failed, 0);
	cr_expect_not(drain_next(&drain, now_ns, &order));
	report = drain_report(&drain, now_ns, false);
	cr_expect_str_eq(json_string_value(json_object_get(report, "stalled")),
			 "is not there");
	json_decref(report);
	now_ns += DRAIN_PEER_WAIT_NS / 2;
	/* The latest reason, the first time. */
	drain_peer_down(&drain, "does not answer", now_ns);
	cr_expect_eq(drain_due(&drain, now_ns), START_NS + DRAIN_PEER_WAIT_NS);
	cr_expect_not(drain_next(&drain, now_ns, &order));
	drain_peer_up(&drain);
	cr_expect_leq(drain_due(&drain, now_ns), now_ns);
	for (uint32_t i = 0; i < 3; i++) {
		cr_assert(drain_next(&drain, now_ns, &order));
		finish(&drain, &order, MOVE_OK, MODE_SEAMLESS, 1, now_ns);
	}
	cr_expect_str_eq(drain_state_name(&drain), "done");
	cr_expect_eq(drain.counts.seamless, 3);
	expect_sums(&drain);
	drain_fini(&drain);
}

Test(drain, gives_up_on_a_peer_that_stays_away)
{
	uint64_t now_ns = START_NS;
	struct drain_order orders[3], order;
	struct drain drain;
	json_t *report;

	wish_for(&drain, 3, 0);
	for (uint32_t i = 0; i < 6; i++)
		add(&drain, i, MODE_SEAMLESS, i);
	drain_begin(&drain, now_ns);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert(drain_next(&drain, now_ns, &orders[i]));
	enter(&drain, &orders[0], MOVE_FREEZING, now_ns);
	enter(&drain, &orders[1], MOVE_COMMITTED, now_ns);
	enter(&drain, &orders[2], MOVE_OFFERED, now_ns);
	drain_peer_down(&drain, "is not there", now_ns);
	refuse(&drain, &orders[0], false, now_ns);
	cr_expect_eq(drain.counts.failed, 1, "frozen once is enough");
	now_ns += DRAIN_PEER_WAIT_NS - 1;
	cr_expect_not(drain_next(&drain, now_ns, &order));
	cr_expect_eq(drain.state, DRAIN_RUNNING);
	enter(&drain, &orders[1], MOVE_IN_DOUBT, now_ns);
	now_ns = drain_due(&drain, now_ns);
	cr_assert(drain_next(&drain, now_ns, &order));
	cr_expect_eq(order.kind, DRAIN_CANCEL);
	cr_expect_eq(order.item, orders[2].item);
	cr_expect_str_eq(drain_state_name(&drain), "giving-up");
	cr_expect_eq(drain.counts.remained, 3);
	cr_expect_str_eq(drain.items[drain.count - 1].reason,
			 "the peer is not there");
	/* Too late to come back. */
	drain_peer_up(&drain);
	finish(&drain, &orders[2], MOVE_CANCELLED, 0, 0, now_ns);
	cr_expect_str_eq(drain_state_name(&drain), "given-up");
	cr_expect_eq(drain.counts.remained, 4);
	cr_expect_eq(drain.counts.failed, 2);
	cr_expect_eq(drain.counts.in_doubt, 1);
	report = drain_report(&drain, now_ns, true);
	cr_expect_eq(json_array_size(json_object_get(report, "rows")), 6);
	cr_expect_str_eq(json_string_value(json_object_get(report, "stalled")),
			 "is not there");
	json_decref(report);
	drain_fini(&drain);
}

/* Its links are up and it says nothing: one at a time finds out. */
Test(drain, tries_a_silent_peer_with_one)
{
	for (uint32_t wakes = 0; wakes < 2; wakes++) {
		uint64_t now_ns = START_NS;
		struct drain_order first, order, more;
		struct drain drain;

		wish_for(&drain, 2, 0);
		for (uint32_t i = 0; i < 4; i++)
			add(&drain, i, MODE_SEAMLESS, i);
		drain_begin(&drain, now_ns);
		cr_assert(drain_next(&drain, now_ns, &first));
		refuse(&drain, &first, true, now_ns);
		cr_assert(drain_next(&drain, now_ns, &order));
		enter(&drain, &order, MOVE_OFFERED, now_ns);
		cr_expect_not(drain_next(&drain, now_ns, &more), "one");
		if (wakes) {
			enter(&drain, &order, MOVE_READY, now_ns);
			cr_expect(drain_next(&drain, now_ns, &more));
			drain_fini(&drain);
			continue;
		}
		while (drain.state == DRAIN_RUNNING && order.guest) {
			now_ns += 5 * NS_PER_S;
			refuse(&drain, &order, true, now_ns);
			order.guest = NULL;
			drain_next(&drain, now_ns, &order);
		}
		cr_expect_eq(now_ns, START_NS + DRAIN_PEER_WAIT_NS);
		cr_expect_str_eq(drain_state_name(&drain), "given-up");
		cr_expect_eq(drain.counts.remained, 4);
		expect_sums(&drain);
		drain_fini(&drain);
	}
}

/* A doubt that has ended here takes no place, and gives none either. */
Test(drain, goes_on_behind_the_doubt_of_another_order)
{
	struct op_row row = row_of(1, MODE_SEAMLESS, 9);
	struct op_move_event busy = {.done = 1, .busy = true};
	uint64_t now_ns = START_NS;
	struct drain_order order;
	struct drain drain;

	row.state = MOVE_COMMITTED;
	snprintf(row.peer, sizeof(row.peer), "b");
	wish_for(&drain, 1, 0);
	cr_assert_eq(drain_add(&drain, &row), 0);
	add(&drain, 2, MODE_SEAMLESS, 1);
	drain_begin(&drain, now_ns);
	cr_assert(drain_next(&drain, now_ns, &order));
	not_here(&drain, &order, now_ns);
	cr_assert(drain_next(&drain, now_ns, &order));
	busy.result = MOVE_FAILED;
	drain_event(&drain, order.item, &busy, now_ns);
	now_ns += DRAIN_RETRY_NS;
	while (drain.counts.in_doubt == 0) {
		cr_assert(drain_next(&drain, now_ns, &order));
		cr_assert_str_eq(order.guest, "demo-1");
		not_here(&drain, &order, now_ns);
		now_ns += DRAIN_RETRY_NS;
	}
	cr_assert(drain_next(&drain, now_ns, &order));
	cr_expect_str_eq(order.guest, "demo-2");
	finish(&drain, &order, MOVE_OK, MODE_SEAMLESS, 1, now_ns);
	cr_expect_eq(drain.state, DRAIN_DONE);
	cr_expect_eq(drain.counts.moved, 1);
	cr_expect_eq(drain.counts.failed, 1);
	drain_fini(&drain);
}

/* It said nothing to a commit, and the one place was taken for ever. */
Test(drain, does_not_wait_for_doubts_alone)
{
	uint64_t now_ns = START_NS;
	struct drain_order first, second, order;
	struct drain drain;

	wish_for(&drain, 1, 0);
	for (uint32_t i = 0; i < 3; i++)
		add(&drain, i, MODE_SEAMLESS, i);
	drain_begin(&drain, now_ns);
	cr_assert(drain_next(&drain, now_ns, &first));
	enter(&drain, &first, MOVE_COMMITTED, now_ns);
	cr_expect_not(drain_next(&drain, now_ns, &order), "one at once");
	enter(&drain, &first, MOVE_IN_DOUBT, now_ns);
	cr_assert(drain_next(&drain, now_ns, &second), "another finds out");
	cr_expect_not(drain_next(&drain, now_ns, &order));
	refuse(&drain, &second, true, now_ns + NS_PER_S);
	now_ns += DRAIN_PEER_WAIT_NS;
	cr_expect_leq(drain_due(&drain, START_NS + NS_PER_S), now_ns);
	cr_expect_not(drain_next(&drain, now_ns, &order));
	cr_expect_str_eq(drain_state_name(&drain), "given-up");
	cr_expect_eq(drain.counts.failed, 1, "in doubt");
	cr_expect_eq(drain.counts.in_doubt, 1);
	cr_expect_eq(drain.counts.remained, 2);
	cr_expect_eq(drain.counts.underway, 0);
	drain_fini(&drain);
}

/* The commit was answered late: the drain goes on as before. */
Test(drain, goes_on_when_a_doubt_ends)
{
	struct drain_order first, second, third;
	struct drain drain;

	wish_for(&drain, 2, 0);
	for (uint32_t i = 0; i < 3; i++)
		add(&drain, i, MODE_SEAMLESS, i);
	drain_begin(&drain, START_NS);
	cr_assert(drain_next(&drain, START_NS, &first));
	enter(&drain, &first, MOVE_IN_DOUBT, START_NS);
	cr_expect_neq(drain_due(&drain, START_NS), NS_NEVER, "it gives up");
	enter(&drain, &first, MOVE_COMMITTED, START_NS + NS_PER_S);
	cr_assert(drain_next(&drain, START_NS + NS_PER_S, &second));
	cr_expect_not(drain_next(&drain, START_NS + NS_PER_S, &third));
	cr_expect_eq(drain_due(&drain, START_NS + NS_PER_S), NS_NEVER);
	finish(&drain, &first, MOVE_OK, MODE_SEAMLESS, 1, START_NS);
	cr_assert(drain_next(&drain, START_NS + NS_PER_S, &third));
	finish(&drain, &second, MOVE_OK, MODE_SEAMLESS, 1, START_NS);
	finish(&drain, &third, MOVE_OK, MODE_SEAMLESS, 1, START_NS);
	expect_sums(&drain);
	drain_fini(&drain);
}

Test(drain, dry_run_foretells)
{
	struct drain_wish wish = {
		.peer = "b",
		.mode = MODE_SEMI_SEAMLESS,
		.dry_run = true,
		.parallel = 1,
	};
	struct drain_order order;
	struct drain drain;
	json_t *report;

	drain_init(&drain, &wish, START_NS);
	add(&drain, 0, MODE_SEAMLESS, 1);
	add(&drain, 1, MODE_SWITCH_HOST, 2);
	add(&drain, 2, MODE_NONE, 3);
	drain_begin(&drain, START_NS);
	cr_expect_eq(drain.state, DRAIN_DONE);
	cr_expect_not(drain_next(&drain, START_NS, &order));
	cr_expect_eq(drain.counts.semi_seamless, 1);
	cr_expect_eq(drain.counts.switch_host, 1);
	cr_expect_eq(drain.counts.remained, 1);
	expect_sums(&drain);
	report = drain_report(&drain, START_NS + NS_PER_S, true);
	cr_assert_not_null(report);
	cr_expect_eq(json_array_size(json_object_get(report, "rows")), 3);
	cr_expect_eq(json_integer_value(json_object_get(report, "sessions")),
		     3);
	json_decref(report);
	drain_fini(&drain);
}

Test(drain, report_estimates)
{
	uint64_t now_ns = START_NS;
	struct drain_order order;
	struct drain drain;
	json_t *report;

	wish_for(&drain, 1, 0);
	for (uint32_t i = 0; i < 4; i++)
		add(&drain, i, MODE_SEAMLESS, i);
	drain_begin(&drain, now_ns);
	now_ns += NS_PER_S;
	cr_assert(drain_next(&drain, now_ns, &order));
	finish(&drain, &order, MOVE_OK, MODE_SEAMLESS, 5 * NS_PER_MS, now_ns);
	report = drain_report(&drain, now_ns, false);
	cr_expect_float_eq(
		json_real_value(json_object_get(report, "eta_seconds")), 3.0,
		0.001);
	cr_expect_null(json_object_get(report, "rows"));
	json_decref(report);
	drain_fini(&drain);
}

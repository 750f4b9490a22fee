/* control_move_test.c - orders of the control socket: moves, cancels, drains.
 */
#include "tests/unit/control_bench.h"

Test(control, moves_and_waits)
{
	struct bench *bench = greeted_bench();
	struct op_move_event change = {.state = MOVE_READY, .mode = 1};
	struct op_move_start start;
	struct ring_cell cell;
	json_t *answer;

	event(bench, DP_RECEIVED, 0, "{\"execute\":\"subscribe\"}\n");
	expect_line(bench, "{\"return\":{}}");
	event(bench, DP_RECEIVED, 0,
	      "{\"execute\":\"move\",\"arguments\":{\"guest\":\"demo-1\","
	      "\"peer\":\"b\",\"mode\":\"semi-seamless\",\"force\":true,"
	      "\"wait\":true},\"id\":1}\n");
	cell = take_cell(bench, 1, OP_MOVE_START);
	memcpy(&start, cell.payload, sizeof(start));
	cr_expect_str_eq(start.guest, "demo-1");
	cr_expect_str_eq(start.peer, "b");
	cr_expect_eq(start.mode, MODE_SEMI_SEAMLESS);
	cr_expect_eq(start.force, 1);
	cr_expect(is_quiet(bench));
	strcpy(change.guest, "demo-1");
	tell(bench, 1, OP_MOVE_EVENT, cell.tag, &change, sizeof(change));
	pass(bench);
	answer = line(bench);
	cr_expect_str_eq(json_string_value(json_object_get(answer, "event")),
			 "MOVE_STATE");
	json_decref(answer);
	cr_expect(is_quiet(bench));
	change.done = 1;
	change.state = MOVE_RELEASED;
	change.result = MOVE_OK;
	tell(bench, 1, OP_MOVE_EVENT, cell.tag, &change, sizeof(change));
	pass(bench);
	json_decref(line(bench)); /* the event */
	answer = line(bench);
	cr_expect_eq(json_integer_value(json_object_get(answer, "id")), 1);
	cr_expect_not_null(json_object_get(answer, "return"));
	json_decref(answer);
	/* The same tag again names nothing any more. */
	tell(bench, 1, OP_MOVE_EVENT, cell.tag, &change, sizeof(change));
	pass(bench);
	json_decref(line(bench));
	cr_expect(is_quiet(bench));
	close_bench(bench);
}

/* What both shards say of a guest, and what the operator then hears. */
Test(control, cancels_what_can_be_cancelled)
{
	static const struct {
		const char *guest;
		uint8_t heard[2];
		const char *class; /* none: it is taken back */
	} cases[] = {
		{"demo-1", {HEARD_NO_MOVE, HEARD_DONE}, "none"},
		{"demo-1", {HEARD_TOO_LATE, HEARD_DONE}, "none"},
		{"demo-1", {HEARD_NO_MOVE, HEARD_TOO_LATE}, "TooLate"},
		{"demo-9", {HEARD_TOO_LATE, HEARD_NO_MOVE}, "TooLate"},
		{"demo-1", {HEARD_NOT_SOURCE, HEARD_NO_MOVE}, "NotSource"},
		{"demo-1", {HEARD_NO_MOVE, HEARD_NO_MOVE}, "NotMoving"},
		{"demo-9", {HEARD_NO_MOVE, HEARD_NO_MOVE}, "NotFound"},
	};
	struct bench *bench = greeted_bench();

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *answer;
		char request[128];

		snprintf(request, sizeof(request),
			 "{\"execute\":\"cancel\",\"arguments\":{\"guest\":"
			 "\"%s\"},\"id\":%zu}\n",
			 cases[i].guest, i);
		event(bench, DP_RECEIVED, 0, request);
		for (uint8_t shard = 0; shard < 2; shard++) {
			struct ring_cell cell =
				take_cell(bench, shard, OP_MOVE_CANCEL);
			struct op_move_heard heard = {
				.heard = cases[i].heard[shard],
			};

			cr_expect(is_quiet(bench), "case %zu", i);
			cr_expect_str_eq((const char *)cell.payload,
					 cases[i].guest);
			tell(bench, shard, OP_MOVE_HEARD, cell.tag, &heard,
			     sizeof(heard));
			pass(bench);
		}
		answer = line(bench);
		cr_expect_str_eq(error_class(answer), cases[i].class);
		cr_expect_eq(json_integer_value(json_object_get(answer, "id")),
			     (json_int_t)i);
		json_decref(answer);
		cr_expect(is_quiet(bench));
	}
	close_bench(bench);
}

static json_t *resolve_by(struct bench *bench, const char *arguments,
			  uint8_t heard)
{
	struct op_move_heard answer = {
		.heard = heard,
		.is_source = 1,
		.peer = "b",
	};
	char request[160];

	snprintf(request, sizeof(request),
		 "{\"execute\":\"resolve\",\"arguments\":{\"guest\":"
		 "\"demo-1\",%s}}\n",
		 arguments);
	event(bench, DP_RECEIVED, 0, request);
	for (uint8_t shard = 0; shard < 2 && is_quiet(bench); shard++) {
		struct ring_cell cell = take_cell(bench, shard, OP_MOVE_DECIDE);

		tell(bench, shard, OP_MOVE_HEARD, cell.tag, &answer,
		     sizeof(answer));
		pass(bench);
	}
	return line(bench);
}

Test(control, resolves_what_is_in_doubt)
{
	static const struct {
		uint8_t heard;
		const char *class;
	} cases[] = {
		{HEARD_NO_MOVE, "NotFound"},
		{HEARD_NO_DOUBT, "NotInDoubt"},
		{HEARD_PEER_IS_UP, "PeerIsUp"},
		{HEARD_WAS_OURS, "WasCommitted"},
	};
	struct bench *bench = greeted_bench();
	json_t *answer, *result;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		answer = resolve_by(bench, "\"verdict\":\"not-committed\"",
				    cases[i].heard);
		cr_expect_str_eq(error_class(answer), cases[i].class);
		json_decref(answer);
	}
	answer = resolve_by(bench, "\"verdict\":\"maybe\"", 0);
	cr_expect_str_eq(error_class(answer), "InvalidArgument");
	json_decref(answer);
	for (int dry = 0; dry < 2; dry++) {
		answer = resolve_by(bench,
				    dry ? "\"verdict\":\"committed\","
					  "\"dry-run\":true"
					: "\"verdict\":\"committed\"",
				    HEARD_DONE);
		result = json_object_get(answer, "return");
		cr_expect_eq(json_is_true(json_object_get(result, "decided")),
			     !dry);
		cr_expect_str_eq(
			json_string_value(json_object_get(result, "role")),
			"source");
		cr_expect_str_eq(
			json_string_value(json_object_get(result, "peer")),
			"b");
		cr_expect_not_null(json_object_get(result, "risk"));
		json_decref(answer);
	}
	close_bench(bench);
}

static void tell_doubt(struct bench *bench, const char *guest, uint64_t id,
		       bool is_source, bool over)
{
	struct op_move_doubt doubt = {
		.id = id,
		.since_ns = bench->now_ns,
		.node = is_source ? 0 : 7,
		.is_source = is_source,
		.over = over,
	};

	snprintf(doubt.guest, sizeof(doubt.guest), "%s", guest);
	snprintf(doubt.peer, sizeof(doubt.peer), is_source ? "b" : "");
	tell(bench, 0, OP_MOVE_DOUBT, 0, &doubt, sizeof(doubt));
	pass(bench);
}

static void expect_doubts(struct bench *bench, size_t count, const char *guest,
			  const char *role)
{
	json_t *answer, *all, *first;

	event(bench, DP_RECEIVED, 0, "{\"execute\":\"query-status\"}\n");
	answer = line(bench);
	all = json_object_get(json_object_get(answer, "return"), "in_doubt");
	first = json_array_get(all, 0);
	cr_expect_eq(json_array_size(all), count);
	if (first) {
		cr_expect_str_eq(
			json_string_value(json_object_get(first, "guest")),
			guest);
		cr_expect_str_eq(
			json_string_value(json_object_get(first, "role")),
			role);
	}
	json_decref(answer);
}

static void expect_refusal(struct bench *bench, const char *request,
			   const char *class)
{
	json_t *answer;
	const char *desc;

	event(bench, DP_RECEIVED, 0, request);
	for (uint8_t shard = 0; shard < 2 && is_quiet(bench); shard++) {
		struct ring_cell cell = take_cell(bench, shard, OP_MOVE_CANCEL);
		struct op_move_heard heard = {.heard = HEARD_NOT_SOURCE};

		tell(bench, shard, OP_MOVE_HEARD, cell.tag, &heard,
		     sizeof(heard));
		pass(bench);
	}
	answer = line(bench);
	cr_expect_str_eq(error_class(answer), class);
	desc = json_string_value(
		json_object_get(json_object_get(answer, "error"), "desc"));
	cr_expect_not_null(strstr(desc, "\"resolve\" decides"), "%s", desc);
	json_decref(answer);
}

/* Who can decide must hear of which guest. */
Test(control, tells_of_moves_in_doubt)
{
	struct bench *bench = greeted_bench();

	expect_doubts(bench, 0, "", "");
	tell_doubt(bench, "gone-1", 5, true, false);
	tell_doubt(bench, "gone-1", 5, true, false);
	expect_doubts(bench, 1, "gone-1", "source");
	expect_refusal(bench,
		       "{\"execute\":\"explain\",\"arguments\":{\"guest\":"
		       "\"gone-1\"}}\n",
		       "InDoubt");
	tell_doubt(bench, "demo-1", 6, false, false);
	expect_doubts(bench, 2, "gone-1", "source");
	expect_refusal(bench,
		       "{\"execute\":\"cancel\",\"arguments\":{\"guest\":"
		       "\"demo-1\"}}\n",
		       "NotSource");
	tell_doubt(bench, "gone-1", 5, true, true);
	expect_doubts(bench, 1, "demo-1", "destination");
	/* Its end was lost on the way: it grows old. */
	bench->now_ns += 11 * NS_PER_S;
	pass(bench);
	expect_doubts(bench, 0, "", "");
	close_bench(bench);
}

/* One that could act ends the search; its answer counts once. */
Test(control, asks_no_further_than_needed)
{
	struct bench *bench = greeted_bench();
	struct op_move_heard heard = {.heard = HEARD_DONE};
	struct ring_cell cell;
	struct ring_cell none;

	event(bench, DP_RECEIVED, 0,
	      "{\"execute\":\"cancel\",\"arguments\":{\"guest\":"
	      "\"demo-1\"}}\n");
	cell = take_cell(bench, 0, OP_MOVE_CANCEL);
	/* Nobody else has been asked. */
	tell(bench, 1, OP_MOVE_HEARD, cell.tag, &heard, sizeof(heard));
	pass(bench);
	cr_expect(is_quiet(bench));
	tell(bench, 0, OP_MOVE_HEARD, cell.tag, &heard, sizeof(heard));
	tell(bench, 0, OP_MOVE_HEARD, cell.tag, &heard, sizeof(heard));
	pass(bench);
	expect_line(bench, "{\"return\":{}}");
	cr_expect(is_quiet(bench));
	cr_expect_not(ring_pop(&bench->shards[1].inbox, &none));
	close_bench(bench);
}

Test(control, drains)
{
	struct bench *bench = greeted_bench();
	struct op_move_event done = {
		.state = MOVE_RELEASED,
		.mode = MODE_SEAMLESS,
		.done = 1,
		.result = MOVE_OK,
		.protocol_pause_ns = 3 * NS_PER_MS,
	};
	struct op_list_end end = {0};
	struct ring_cell cell;
	struct op_row row;
	json_t *answer, *report;

	event(bench, DP_RECEIVED, 0,
	      "{\"execute\":\"drain\",\"arguments\":{\"peer\":\"b\","
	      "\"parallel\":1,\"wait\":true},\"id\":9}\n");
	expect_error(bench,
		     "{\"execute\":\"drain\",\"arguments\":{\"peer\":"
		     "\"b\"}}\n",
		     "Busy");
	cell = take_cell(bench, 0, OP_LIST);
	row = row_of("demo-0", 0);
	tell(bench, 0, OP_ROW, cell.tag, &row, sizeof(row));
	tell(bench, 0, OP_LIST_END, cell.tag, &end, sizeof(end));
	pass(bench);
	cell = take_cell(bench, 1, OP_LIST);
	row = row_of("demo-1", 1);
	row.idle_ns = 0;
	tell(bench, 1, OP_ROW, cell.tag, &row, sizeof(row));
	tell(bench, 1, OP_LIST_END, cell.tag, &end, sizeof(end));
	pass(bench);
	for (uint8_t i = 0; i < 2; i++) {
		cr_expect(is_quiet(bench));
		cell = take_cell(bench, i, OP_MOVE_START);
		snprintf(done.guest, sizeof(done.guest), "demo-%u", i);
		tell(bench, i, OP_MOVE_EVENT, cell.tag, &done, sizeof(done));
		pass(bench);
	}
	answer = line(bench);
	report = json_object_get(answer, "return");
	cr_expect_eq(json_integer_value(json_object_get(answer, "id")), 9);
	cr_expect_eq(json_integer_value(json_object_get(report, "seamless")),
		     2);
	cr_expect_str_eq(json_string_value(json_object_get(report, "state")),
			 "done");
	json_decref(answer);
	close_bench(bench);
}

Test(control, cancels_a_drain_while_it_lists)
{
	struct bench *bench = greeted_bench();
	struct op_list_end end = {0};
	struct ring_cell cell;
	json_t *answer;

	event(bench, DP_RECEIVED, 0,
	      "{\"execute\":\"drain\",\"arguments\":{\"peer\":\"b\","
	      "\"wait\":true},\"id\":9}\n");
	event(bench, DP_RECEIVED, 0,
	      "{\"execute\":\"cancel\",\"arguments\":{\"drain\":true},"
	      "\"id\":10}\n");
	answer = line(bench);
	cr_expect_eq(json_integer_value(json_object_get(answer, "id")), 9);
	json_decref(answer);
	expect_line(bench, "{\"return\":{},\"id\":10}");
	/* A second drain is not disturbed by the first one's list. */
	event(bench, DP_RECEIVED, 0,
	      "{\"execute\":\"drain\",\"arguments\":{\"peer\":\"b\"}}\n");
	json_decref(line(bench));
	cell = take_cell(bench, 0, OP_LIST);
	tell(bench, 0, OP_LIST_END, cell.tag, &end, sizeof(end));
	pass(bench);
	cell = take_cell(bench, 0, OP_LIST);
	cr_expect_eq(bench->control.drain.state, DRAIN_LISTING);
	close_bench(bench);
}

/* control_test.c - the control socket: who asks, what it knows, its page. */
#include "core/control_table.h"
#include "core/tickets.h"
#include "tests/unit/control_bench.h"

Test(control, answers_and_refuses)
{
	struct bench *bench = greeted_bench();

	event(bench, DP_RECEIVED, 0, "{\"execute\":\"query-version\"}\n");
	expect_line(bench, "{\"return\":{\"version\":\"0.1.0\"}}");
	event(bench, DP_RECEIVED, 0,
	      "\n{\"execute\":\"query-version\",\"id\":{\"a\":[1]}}\n");
	expect_line(bench, "{\"return\":{\"version\":\"0.1.0\"},"
			   "\"id\":{\"a\":[1]}}");
	expect_error(bench, "{\"execute\":\"nothing\"}\n", "CommandNotFound");
	expect_error(bench, "[]\n", "Malformed");
	expect_error(bench, "{\"execute\":\"quit\",\"arguments\":{\"a\":1}}\n",
		     "InvalidArgument");
	expect_error(bench,
		     "{\"execute\":\"explain\",\"arguments\":{\"guest\":3}}\n",
		     "InvalidArgument");
	expect_error(bench, "{\"execute\":\"explain\"}\n", "InvalidArgument");
	expect_error(bench,
		     "{\"execute\":\"move\",\"arguments\":{\"guest\":"
		     "\"demo-1\",\"peer\":\"x\"}}\n",
		     "NotFound");
	expect_error(bench,
		     "{\"execute\":\"move\",\"arguments\":{\"guest\":"
		     "\"demo-9\",\"peer\":\"b\"}}\n",
		     "NotFound");
	expect_error(bench,
		     "{\"execute\":\"move\",\"arguments\":{\"guest\":"
		     "\"demo-1\",\"peer\":\"b\",\"mode\":\"fast\"}}\n",
		     "InvalidArgument");
	expect_error(bench, "{\"execute\":\"cancel\"}\n", "InvalidArgument");
	expect_error(bench,
		     "{\"execute\":\"cancel\",\"arguments\":{\"drain\":"
		     "true}}\n",
		     "NotFound");
	cr_expect_eq(bench->killed, 0);
	expect_error(bench, "{\"execute\"\n", "Malformed");
	cr_expect_eq(bench->killed, 1, "no JSON: closed once answered");
	cr_expect(is_quiet(bench));
	event(bench, DP_CLOSED, 0, NULL);
	close_bench(bench);
}

/* Each of the two shards' dps has told the same. */
Test(control, sums_the_counters_of_ports)
{
	struct bench *bench = greeted_bench();
	long long lan_rx, lan_tx, wan_rx;
	json_t *answer;

	event(bench, DP_RECEIVED, 0, "{\"execute\":\"query-status\"}\n");
	answer = line(bench);
	cr_assert_eq(json_unpack(answer, "{s:{s:{s:{s:I, s:I}, s:{s:I}}}}",
				 "return", "ports", "lan", "rx_frames", &lan_rx,
				 "tx_frames", &lan_tx, "wan", "rx_frames",
				 &wan_rx),
		     0);
	cr_expect_eq(lan_rx, 6);
	cr_expect_eq(lan_tx, 10);
	cr_expect_eq(wan_rx, 0);
	json_decref(answer);
	close_bench(bench);
}

/* A number is taken as it is or not at all. */
Test(control, refuses_counts_out_of_range)
{
	static const struct {
		const char *text;
		const char *error;
	} cases[] = {
		{"\"parallel\":0",
		 "\"parallel\" must be a whole number from 1 to 4096"},
		{"\"parallel\":4097",
		 "\"parallel\" must be a whole number from 1 to 4096"},
		{"\"parallel\":-1",
		 "\"parallel\" must be a whole number from 1 to 4096"},
		{"\"parallel\":2.0",
		 "\"parallel\" must be a whole number from 1 to 4096"},
		{"\"parallel\":\"2\"",
		 "\"parallel\" must be a whole number from 1 to 4096"},
		{"\"parallel\":true",
		 "\"parallel\" must be a whole number from 1 to 4096"},
		{"\"rate\":1000001",
		 "\"rate\" must be a whole number from 0 to 1000000"},
		{"\"pause-target-ms\":0",
		 "\"pause-target-ms\" must be a whole number from 1 to "
		 "60000"},
		{"\"force\":1", "\"force\" must be true or false"},
		{"\"mode\":\"\"", "\"mode\" must be a text of 1 to 16 bytes"},
	};
	struct bench *bench = greeted_bench();

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char request[128];
		json_t *answer, *error;

		snprintf(request, sizeof(request),
			 "{\"execute\":\"drain\",\"arguments\":{\"peer\":"
			 "\"b\",%s}}\n",
			 cases[i].text);
		event(bench, DP_RECEIVED, 0, request);
		answer = line(bench);
		error = json_object_get(answer, "error");
		cr_expect_str_eq(error_class(answer), "InvalidArgument");
		cr_expect_str_eq(
			json_string_value(json_object_get(error, "desc")),
			cases[i].error);
		json_decref(answer);
		cr_expect_eq(bench->control.drain.state, DRAIN_NONE);
	}
	close_bench(bench);
}

Test(control, looks_without_asking_shards)
{
	static const char *const commands[] = {
		"query-commands", "query-status", "query-stats",
		"query-peers",    "query-drain",
	};
	struct bench *bench = greeted_bench();

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		char request[96];
		json_t *answer;

		snprintf(request, sizeof(request), "{\"execute\":\"%s\"}\n",
			 commands[i]);
		event(bench, DP_RECEIVED, 0, request);
		answer = line(bench);
		cr_expect_not_null(json_object_get(answer, "return"), "%s",
				   commands[i]);
		json_decref(answer);
	}
	cr_expect(is_quiet(bench));
	close_bench(bench);
}

/* The control thread greets peers: what it drops nobody else counts. */
Test(control, counts_itself_with_the_shards)
{
	struct bench *bench = greeted_bench();
	struct pool *pool = bench->control.pool;
	const json_t *told;
	json_t *answer;

	stats_add(&pool->shards[0]->stats, STAT_peers_dropped, 2);
	stats_add(&bench->control.shard->stats, STAT_peers_dropped, 1);
	event(bench, DP_RECEIVED, 0, "{\"execute\":\"query-stats\"}\n");
	answer = line(bench);
	told = json_object_get(answer, "return");
	cr_expect_eq(json_integer_value(json_object_get(
			     json_object_get(told, "sum"), "peers_dropped")),
		     3);
	cr_expect_eq(json_integer_value(json_object_get(
			     json_array_get(json_object_get(told, "shards"), 0),
			     "peers_dropped")),
		     2);
	json_decref(answer);
	close_bench(bench);
}

static void expect_peer(struct bench *bench, const char *text)
{
	event(bench, DP_RECEIVED, 0, "{\"execute\":\"query-peers\"}\n");
	expect_line(bench, text);
}

static void change_link(struct bench *bench, uint8_t shard,
			enum link_change change, const char *why)
{
	struct op_link link = {.node = 2, .change = (uint8_t)change};

	snprintf(link.reason, sizeof(link.reason), "%s", why);
	tell(bench, shard, OP_LINK, 0, &link, sizeof(link));
	pass(bench);
}

#define PEER_B "{\"return\":[{\"name\":\"b\",\"address\":\"unix:/b\","

/* Why a peer cannot be used, and since when, until it can. */
Test(control, keeps_why_a_peer_is_down)
{
	struct bench *bench = greeted_bench();

	addr_parse(&bench->config.peers[0].address, "unix:/b");
	expect_peer(bench,
		    PEER_B "\"state\":\"idle\",\"links\":0,\"node\":null,"
			   "\"reason\":null,\"down_s\":null}]}");
	change_link(bench, 0, LINK_CHANGE_FAILED, "does not answer");
	bench->now_ns += 2 * NS_PER_S;
	change_link(bench, 1, LINK_CHANGE_FAILED, "is not there");
	bench->now_ns += NS_PER_S;
	/* The last reason, since the first. */
	expect_peer(bench,
		    PEER_B "\"state\":\"down\",\"links\":0,\"node\":null,"
			   "\"reason\":\"is not there\",\"down_s\":3.0}]}");
	change_link(bench, 1, LINK_CHANGE_UP, "");
	change_link(bench, 0, LINK_CHANGE_UP, "");
	expect_peer(bench, PEER_B "\"state\":\"up\",\"links\":2,\"node\":2,"
				  "\"reason\":null,\"down_s\":null}]}");
	change_link(bench, 1, LINK_CHANGE_LOST, "closed the connection");
	expect_peer(bench,
		    PEER_B "\"state\":\"up\",\"links\":1,\"node\":2,\"reason\":"
			   "\"closed the connection\",\"down_s\":0.0}]}");
	change_link(bench, 0, LINK_CHANGE_LOST, "closed the connection");
	bench->now_ns += NS_PER_S;
	expect_peer(bench, PEER_B
		    "\"state\":\"down\",\"links\":0,\"node\":null,"
		    "\"reason\":\"closed the connection\",\"down_s\":1.0}]}");
	close_bench(bench);
}

/* Tried again and again it says the same: that is one event. */
Test(control, tells_of_a_peer_when_there_is_news)
{
	struct bench *bench = greeted_bench();

	event(bench, DP_RECEIVED, 0, "{\"execute\":\"subscribe\"}\n");
	expect_line(bench, "{\"return\":{}}");
	for (uint32_t i = 0; i < 3; i++)
		change_link(bench, 0, LINK_CHANGE_FAILED, "does not answer");
	json_decref(line(bench));
	cr_expect(is_quiet(bench));
	change_link(bench, 0, LINK_CHANGE_FAILED, "is not there");
	change_link(bench, 0, LINK_CHANGE_UP, "");
	json_decref(line(bench));
	json_decref(line(bench));
	cr_expect(is_quiet(bench));
	close_bench(bench);
}

Test(control, prints_a_viewer_file)
{
	struct bench *bench = greeted_bench();
	char ticket[TICKET_CHARS + 1];
	const char *text;
	json_t *answer;

	event(bench, DP_RECEIVED, 0,
	      "{\"execute\":\"vv\",\"arguments\":{\"guest\":\"demo-1\"}}\n");
	answer = line(bench);
	ticket_text(bench->pool.secret, "demo-1", ticket);
	text = json_string_value(
		json_object_get(json_object_get(answer, "return"), "text"));
	cr_assert_not_null(text);
	cr_expect_not_null(strstr(text, ticket));
	cr_expect_not_null(strstr(text, "host=127.0.0.1\nport=5900\n"));
	json_decref(answer);
	expect_error(bench,
		     "{\"execute\":\"vv\",\"arguments\":{\"guest\":"
		     "\"demo-1\",\"door\":\"none\"}}\n",
		     "NotFound");
	close_bench(bench);
}

static char *read_page(void)
{
	FILE *file = fopen(UNIT_DIR "/../../docs/control.md", "r");
	char *text = calloc(1, 1 << 16);
	size_t len;

	cr_assert(file && text);
	len = fread(text, 1, (1 << 16) - 1, file);
	cr_assert(len > 0 && feof(file));
	fclose(file);
	return text;
}

/* The section of the page about a command, cut out of it. */
static void cut_section(const char *page, const char *name, char *section,
			size_t cap)
{
	char heading[64];
	const char *start, *end;

	snprintf(heading, sizeof(heading), "\n### `%s`\n", name);
	start = strstr(page, heading);
	cr_assert_not_null(start, "docs/control.md lacks %s", name);
	start += strlen(heading);
	end = strstr(start, "\n##");
	cr_assert_not_null(end);
	cr_assert_lt((size_t)(end - start), cap);
	memcpy(section, start, (size_t)(end - start));
	section[end - start] = '\0';
}

/* What an argument's row must say of it besides its name. */
static void expect_row(const struct control_argument *argument,
		       const char *section, const char *command)
{
	static const char *const kinds[] = {
		[CONTROL_TEXT] = "text",
		[CONTROL_FLAG] = "flag",
		[CONTROL_COUNT] = "count",
	};
	char row[128], range[64] = "";

	if (argument->kind == CONTROL_COUNT)
		snprintf(range, sizeof(range), ", %llu to %llu",
			 (unsigned long long)argument->min,
			 (unsigned long long)argument->max);
	else if (argument->kind == CONTROL_TEXT &&
		 argument->max != NAME_BYTES - 1)
		snprintf(range, sizeof(range), ", to %llu bytes",
			 (unsigned long long)argument->max);
	snprintf(row, sizeof(row), "\n| `%s` | %s%s%s |", argument->name,
		 kinds[argument->kind], range,
		 argument->required ? ", required" : "");
	cr_expect(strstr(section, row), "%s: no row \"%s\"", command, row + 1);
}

/* The page says all that query-commands says, and no more. */
Test(control, is_documented)
{
	char *page = read_page();
	char section[8192];
	uint32_t commands = 0, headings = 0;

	for (const struct control_command *command = control_commands;
	     command->name; command++) {
		uint32_t arguments = 0, rows = 0;

		commands++;
		cut_section(page, command->name, section, sizeof(section));
		for (const struct control_argument *argument =
			     command->arguments;
		     argument && argument->kind != CONTROL_END; argument++) {
			expect_row(argument, section, command->name);
			arguments++;
		}
		for (const char *at = strstr(section, "| argument |"); at;
		     at = strstr(at + 1, "\n| `"))
			rows++;
		cr_expect_eq(rows, arguments + (arguments > 0), "%s",
			     command->name);
	}
	for (const char *at = strstr(page, "\n### `"); at;
	     at = strstr(at + 1, "\n### `"))
		headings++;
	cr_expect_eq(headings, commands);
	free(page);
}

Test(control, lists_sessions_of_all_shards_in_pieces)
{
	struct bench *bench = greeted_bench();
	struct op_list_end more = {.next = 9};
	struct op_list_end end = {0};
	struct op_list ask;
	struct op_row row;
	struct ring_cell cell;
	json_t *answer;

	event(bench, DP_RECEIVED, 0,
	      "{\"execute\":\"query-sessions\",\"id\":4}\n");
	cell = take_cell(bench, 0, OP_LIST);
	row = row_of("demo-0", 0);
	tell(bench, 0, OP_ROW, cell.tag, &row, sizeof(row));
	tell(bench, 0, OP_LIST_END, cell.tag, &more, sizeof(more));
	pass(bench);
	cell = take_cell(bench, 0, OP_LIST);
	memcpy(&ask, cell.payload, sizeof(ask));
	cr_expect_eq(ask.first, 9);
	tell(bench, 0, OP_LIST_END, cell.tag, &end, sizeof(end));
	pass(bench);
	/* An answer from a shard that is not asked is no answer. */
	tell(bench, 0, OP_ROW, cell.tag, &row, sizeof(row));
	cell = take_cell(bench, 1, OP_LIST);
	row = row_of("demo-1", 1);
	tell(bench, 1, OP_ROW, cell.tag, &row, sizeof(row));
	cr_expect(is_quiet(bench));
	tell(bench, 1, OP_LIST_END, cell.tag, &end, sizeof(end));
	pass(bench);
	answer = line(bench);
	cr_expect_eq(json_array_size(json_object_get(answer, "return")), 2);
	cr_expect_eq(json_integer_value(json_object_get(answer, "id")), 4);
	json_decref(answer);
	close_bench(bench);
}

Test(control, gives_up_on_a_silent_shard)
{
	struct bench *bench = greeted_bench();
	json_t *answer;

	event(bench, DP_RECEIVED, 0, "{\"execute\":\"query-sessions\"}\n");
	bench->now_ns += 60 * NS_PER_S;
	pass(bench);
	answer = line(bench);
	cr_expect_str_eq(error_class(answer), "GenericError");
	json_decref(answer);
	close_bench(bench);
}

Test(control, answers_a_client_that_only_half_closed)
{
	struct bench *bench = greeted_bench();
	struct op_list_end end = {0};
	struct ring_cell cell;

	event(bench, DP_RECEIVED, 0, "{\"execute\":\"query-sessions\"}\n");
	event(bench, DP_EOF, 0, NULL);
	cr_expect_eq(bench->killed, 0);
	for (uint8_t i = 0; i < 2; i++) {
		cell = take_cell(bench, i, OP_LIST);
		tell(bench, i, OP_LIST_END, cell.tag, &end, sizeof(end));
		pass(bench);
	}
	expect_line(bench, "{\"return\":[]}");
	cr_expect_eq(bench->killed, 1);
	event(bench, DP_CLOSED, 0, NULL);
	close_bench(bench);
}

Test(control, forgets_a_client_that_has_gone)
{
	struct bench *bench = greeted_bench();
	struct op_list_end end = {0};
	struct ring_cell cell;

	event(bench, DP_RECEIVED, 0, "{\"execute\":\"query-sessions\"}\n");
	event(bench, DP_CLOSED, 0, NULL);
	event(bench, DP_ACCEPTED, 0, NULL);
	json_decref(line(bench));
	for (uint8_t i = 0; i < 2; i++) {
		cell = take_cell(bench, i, OP_LIST);
		tell(bench, i, OP_LIST_END, cell.tag, &end, sizeof(end));
		pass(bench);
	}
	cr_expect(is_quiet(bench), "its answer is not another's");
	close_bench(bench);
}

Test(control, drops_events_for_who_does_not_read)
{
	struct bench *bench = greeted_bench();
	struct op_move_event change = {.state = MOVE_READY};

	event(bench, DP_RECEIVED, 0, "{\"execute\":\"subscribe\"}\n");
	json_decref(line(bench));
	bench->hold_sent = true;
	memset(change.reason, 'r', sizeof(change.reason) - 1);
	for (uint32_t i = 0; i < 30000; i++) {
		tell(bench, 1, OP_MOVE_EVENT, 0, &change, sizeof(change));
		if (i % 100 == 0)
			pass(bench);
	}
	pass(bench);
	cr_expect_gt(bench->control.conns[0].events_missed, 0);
	cr_expect_lt(bench->control.conns[0].queue.len,
		     CONTROL_EVENTS_BYTES_MAX + 4096);
	cr_expect_eq(bench->killed, 0);
	close_bench(bench);
}

Test(control, refuses_too_many_connections)
{
	struct bench *bench = open_bench();

	for (uint32_t i = 0; i < CONTROL_CONNS_MAX; i++)
		event(bench, DP_ACCEPTED, i, NULL);
	cr_expect_eq(bench->killed, 0);
	event(bench, DP_ACCEPTED, CONTROL_CONNS_MAX, NULL);
	cr_expect_eq(bench->killed, 1);
	event(bench, DP_RECEIVED, 3, "{\"execute\":\"quit\"}\n");
	cr_expect(control_wants_stop(&bench->control));
	close_bench(bench);
}

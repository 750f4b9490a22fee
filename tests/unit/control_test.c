/* control_test.c - requests, answers and orders of the control socket. */
#include "core/control.h"
#include "core/control_table.h"
#include "core/tickets.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the reader --------------------------------------------------------- */

Test(control_reader, cuts_lines_anywhere)
{
	static const char text[] = "{\"execute\":\"a\"}\n\nsecond\n";

	for (size_t cut = 1; cut < sizeof(text) - 1; cut++) {
		struct control_reader reader = {0};
		char lines[4][32] = {0};
		uint32_t count = 0;
		size_t at = 0;

		while (at < sizeof(text) - 1) {
			size_t len =
				at < cut ? cut - at : sizeof(text) - 1 - at;
			size_t used;
			int got = control_reader_put(&reader, text + at, len,
						     &used);

			cr_assert_geq(got, 0);
			at += used;
			if (got == 0)
				continue;
			memcpy(lines[count++], reader.line, reader.len);
			control_reader_next(&reader);
		}
		cr_expect_eq(count, 3);
		cr_expect_str_eq(lines[0], "{\"execute\":\"a\"}");
		cr_expect_str_eq(lines[1], "");
		cr_expect_str_eq(lines[2], "second");
		control_reader_fini(&reader);
	}
}

Test(control_reader, refuses_long_lines)
{
	struct control_reader reader = {0};
	char *bytes = malloc(CONTROL_LINE_BYTES_MAX + 2);
	size_t used;

	memset(bytes, 'x', CONTROL_LINE_BYTES_MAX + 2);
	bytes[CONTROL_LINE_BYTES_MAX] = '\n';
	cr_expect_eq(control_reader_put(&reader, bytes,
					CONTROL_LINE_BYTES_MAX + 1, &used),
		     1);
	control_reader_next(&reader);
	bytes[CONTROL_LINE_BYTES_MAX] = 'x';
	bytes[CONTROL_LINE_BYTES_MAX + 1] = '\n';
	cr_expect_eq(control_reader_put(&reader, bytes,
					CONTROL_LINE_BYTES_MAX + 2, &used),
		     -EMSGSIZE);
	control_reader_fini(&reader);
	free(bytes);
}

Test(control_reader, knows_requests)
{
	static const struct {
		const char *line;
		int result;
	} cases[] = {
		{"{\"execute\":\"x\"}", 0},
		{" {\"execute\":\"x\",\"arguments\":{\"a\":1},\"id\":[1]} ", 0},
		{"{\"execute\":\"x\",\"id\":null}", 0},
		{"", -EBADMSG},
		{"{", -EBADMSG},
		{"{\"execute\":\"x\"} x", -EBADMSG},
		{"{\"execute\":\"x\",\"execute\":\"y\"}", -EBADMSG},
		{"{\"execute\":\"x\",\"arguments\":{\"a\":1,\"a\":2}}",
		 -EBADMSG},
		{"{\"execute\":\"\xff\"}", -EBADMSG},
		{"{\"execute\":\"a\\u0000b\"}", -EBADMSG},
		{"{\"id\":1e999,\"execute\":\"x\"}", -EBADMSG},
		{"[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", -EBADMSG},
		{"[]", -EINVAL},
		{"{}", -EINVAL},
		{"{\"execute\":7}", -EINVAL},
		{"{\"execute\":\"\"}", -EINVAL},
		{"{\"execute\":\"x\",\"arguments\":[]}", -EINVAL},
		{"{\"execute\":\"x\",\"argument\":{}}", -EINVAL},
		{"{\"execute\":\"0123456789012345678901234567890123456789"
		 "01234567890\"}",
		 -EINVAL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct control_request request;
		char error[CONTROL_ERROR_BYTES] = "";
		int result = control_request_parse(
			&request, cases[i].line, strlen(cases[i].line), error);

		cr_expect_eq(result, cases[i].result, "%s: %d %s",
			     cases[i].line, result, error);
		cr_expect_eq(result == 0, error[0] == '\0');
		control_request_fini(&request);
	}
}

/* --- the part, between a dp of one connection and two scripted shards --- */

#define SENT_MAX (1 << 20)

struct bench {
	struct dp dp; /* first: the control shard's */
	struct host host;
	struct config config;
	struct pool pool;
	struct shard control_shard;
	struct shard shards[2];
	struct control control;
	uint64_t now_ns;
	uint32_t killed;
	bool hold_sent; /* nothing is taken */
	struct dp_event queue[8];
	uint32_t queued;
	char out[SENT_MAX];
	size_t out_len;
	size_t read_at;
};

static struct bench *bench_of(struct dp *dp)
{
	return (struct bench *)(void *)dp;
}

static int fake_listen(struct dp *dp, const struct addr *addr, uint64_t cookie,
		       struct addr *bound)
{
	(void)dp, (void)addr, (void)cookie, (void)bound;
	return 0;
}

static uint32_t fake_poll(struct dp *dp, struct dp_event *events, uint32_t max,
			  uint64_t deadline_ns)
{
	struct bench *bench = bench_of(dp);
	uint32_t count = min_u32(bench->queued, max);

	(void)deadline_ns;
	memcpy(events, bench->queue, count * sizeof(*events));
	bench->queued = 0;
	return count;
}

static void push(struct bench *bench, const struct dp_event *event)
{
	cr_assert_lt(bench->queued, ARRAY_LEN(bench->queue));
	bench->queue[bench->queued++] = *event;
}

static int fake_send(struct dp *dp, dp_conn conn, const struct span *spans,
		     uint32_t count, uint64_t tag)
{
	struct bench *bench = bench_of(dp);
	struct dp_event event = {
		.kind = DP_SENT,
		.conn = conn,
		.cookie = cookie_make(PART_CONTROL, conn - 1),
		.tag = tag,
	};

	cr_assert_eq(count, 1);
	if (bench->hold_sent)
		return 0;
	cr_assert_lt(bench->out_len + spans[0].len, SENT_MAX);
	memcpy(bench->out + bench->out_len, spans[0].data, spans[0].len);
	bench->out_len += spans[0].len;
	event.result = (int32_t)spans[0].len;
	push(bench, &event);
	return 0;
}

static void fake_recycle(struct dp *dp, const struct dp_view *view)
{
	(void)dp, (void)view;
}

static int fake_set_cookie(struct dp *dp, dp_conn conn, uint64_t cookie)
{
	(void)dp, (void)conn, (void)cookie;
	return 0;
}

static int fake_kill(struct dp *dp, dp_conn conn)
{
	(void)conn;
	bench_of(dp)->killed++;
	return 0;
}

static uint64_t fake_now(struct dp *dp)
{
	return bench_of(dp)->now_ns;
}

static void fake_wake(struct dp *dp)
{
	(void)dp;
}

static const struct dp_ops fake_ops = {
	.name = "fake",
	.listen = fake_listen,
	.poll = fake_poll,
	.send = fake_send,
	.recycle = fake_recycle,
	.set_cookie = fake_set_cookie,
	.kill = fake_kill,
	.now = fake_now,
	.wake = fake_wake,
};

static void fake_entropy(struct host *host, void *bytes, size_t len)
{
	(void)host;
	memset(bytes, 7, len);
}

static uint64_t fake_wall(struct host *host)
{
	(void)host;
	return 1700000000 * NS_PER_S + 5000;
}

static void fake_log(struct host *host, int level, const char *line)
{
	(void)host, (void)level, (void)line;
}

static const struct host_ops fake_host_ops = {
	.entropy = fake_entropy,
	.wall_clock_ns = fake_wall,
	.log = fake_log,
};

static struct bench *open_bench(void)
{
	static const struct shard_limits limits = {
		.timers = 64,
		.ring_cells = 256,
		.chunks = 8,
		.arena_bytes = 1 << 20,
	};
	struct bench *bench = calloc(1, sizeof(*bench));
	struct addr listen = {.family = ADDR_UNIX, .path = "/x"};

	cr_assert_not_null(bench);
	bench->dp.ops = &fake_ops;
	bench->host.ops = &fake_host_ops;
	bench->now_ns = 1000 * NS_PER_S;
	cr_assert_eq(config_default(&bench->config, "/tmp"), 0);
	bench->config.pool.shards = 2;
	bench->config.pool.sessions = 64;
	bench->config.peer_count = 1;
	strcpy(bench->config.peers[0].name, "b");
	cr_assert_eq(pool_init(&bench->pool, &bench->config, &bench->host), 0);
	bench->pool.shard_count = 2;
	for (uint8_t i = 0; i < 2; i++) {
		cr_assert_eq(shard_init(&bench->shards[i], i, &bench->pool,
					&bench->host, &bench->dp, &bench->dp,
					&limits),
			     0);
		bench->pool.shards[i] = &bench->shards[i];
	}
	cr_assert_eq(shard_init(&bench->control_shard, SHARD_CONTROL,
				&bench->pool, &bench->host, NULL, &bench->dp,
				&limits),
		     0);
	bench->pool.control = &bench->control_shard;
	cr_assert_eq(
		control_init(&bench->control, &bench->control_shard, &listen),
		0);
	/* demo-1 lives on shard 1. */
	cr_assert_eq(idtable_add(&bench->pool.guests,
				 pool_guest_key(&bench->pool, "demo-1"),
				 handle_make(1, 1, 4)),
		     0);
	return bench;
}

static void close_bench(struct bench *bench)
{
	control_fini(&bench->control);
	shard_fini(&bench->control_shard);
	shard_fini(&bench->shards[0]);
	shard_fini(&bench->shards[1]);
	pool_fini(&bench->pool);
	free(bench);
}

static void pass(struct bench *bench)
{
	for (uint32_t i = 0; i < 8; i++)
		shard_pass(&bench->control_shard, false);
}

static void event(struct bench *bench, uint8_t kind, uint32_t slot,
		  const char *text)
{
	struct dp_event e = {
		.kind = kind,
		.conn = slot + 1,
		.cookie = cookie_make(PART_CONTROL, kind == DP_ACCEPTED
							    ? CONTROL_CONNS_MAX
							    : slot),
	};

	if (text)
		e.view = (struct dp_view){
			.data = (const uint8_t *)text,
			.len = (uint32_t)strlen(text),
		};
	push(bench, &e);
	pass(bench);
}

/* The next line that was sent; the caller drops it. */
static json_t *line(struct bench *bench)
{
	char *at = bench->out + bench->read_at;
	char *end = memchr(at, '\n', bench->out_len - bench->read_at);
	json_t *value;

	cr_assert_not_null(end, "a line was expected");
	value = json_loadb(at, (size_t)(end - at), 0, NULL);
	cr_assert_not_null(value);
	bench->read_at += (size_t)(end - at) + 1;
	return value;
}

static bool is_quiet(const struct bench *bench)
{
	return bench->read_at == bench->out_len;
}

static void expect_line(struct bench *bench, const char *text)
{
	json_t *got = line(bench);
	json_t *want = json_loads(text, JSON_DECODE_ANY, NULL);
	char *shown = json_dumps(got, JSON_COMPACT);

	cr_assert_not_null(want);
	cr_expect(json_equal(got, want), "%s instead of %s", shown, text);
	free(shown);
	json_decref(got);
	json_decref(want);
}

static const char *error_class(json_t *answer)
{
	json_t *error = json_object_get(answer, "error");

	return error ? json_string_value(json_object_get(error, "class"))
		     : "none";
}

static void expect_error(struct bench *bench, const char *request,
			 const char *class)
{
	json_t *answer;

	event(bench, DP_RECEIVED, 0, request);
	answer = line(bench);
	cr_expect_str_eq(error_class(answer), class, "%s: %s", request,
			 error_class(answer));
	json_decref(answer);
}

static struct bench *greeted_bench(void)
{
	struct bench *bench = open_bench();

	event(bench, DP_ACCEPTED, 0, NULL);
	expect_line(bench, "{\"Flushmark\":{\"version\":\"0.1.0\","
			   "\"capabilities\":[]}}");
	return bench;
}

static struct ring_cell take_cell(struct bench *bench, uint8_t shard,
				  uint16_t op)
{
	struct ring_cell cell;

	cr_assert(ring_pop(&bench->shards[shard].inbox, &cell),
		  "shard %u was told nothing", shard);
	cr_assert_eq(cell.op, op);
	return cell;
}

static void tell(struct bench *bench, uint8_t shard, uint16_t op, uint64_t tag,
		 const void *payload, uint32_t len)
{
	cr_assert_eq(shard_tell(&bench->shards[shard], SHARD_CONTROL, op, tag,
				payload, len),
		     0);
}

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

static struct op_row row_of(const char *guest, uint8_t shard)
{
	struct op_row row = {
		.session_id = 77,
		.shard = shard,
		.mode = MODE_SEAMLESS,
		.idle_ns = 5 * NS_PER_S,
	};

	snprintf(row.guest, sizeof(row.guest), "%s", guest);
	return row;
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

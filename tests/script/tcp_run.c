/* tcp_run.c - runs scripts that say what a TCP stack must do, to the byte.
 *
 *   tcp_run FILE.tcp|DIRECTORY...
 *
 * A script plays the peer of one stack in virtual time, line by line. It is
 * strict: every frame and every event must be expected, in order, before the
 * next line does something. docs/tcp.md tells the format.
 */
#include "dataplane/tcp/export.h"
#include "tests/script/tcp_script.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 512

/* A number at the start of text; behind it in *rest. */
static uint32_t number(struct script *script, const char *text,
		       const char **rest)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text)
		script_fail(script, "a number is missing");
	if (rest)
		*rest = end + strspn(end, " \t");
	return (uint32_t)value;
}

/* Compares what a call returned with "= ERROR" in the line, or success. */
static void judge(struct script *script, int64_t got, int64_t success,
		  const char *rest)
{
	const char *name = got < 0 ? strerrorname_np((int)-got) : "0";

	rest += strspn(rest, " \t");
	script->checks += *rest == '=';
	if (*rest == '=') {
		rest += 1 + strspn(rest + 1, " \t");
		if (got >= 0 && strtoll(rest, NULL, 10) == got && *rest != 'E')
			return;
		if (got < 0 && !strcmp(rest, name))
			return;
		script_fail(script,
			    "expected  %s\n    got       %s (%" PRId64 ")",
			    rest, name, got);
	} else if (got != success) {
		script_fail(script, "it returned %s (%" PRId64 ")", name, got);
	}
}

static void do_config(struct script *script, const char *text)
{
	static const struct {
		const char *name;
		size_t offset;
		size_t size;
	} rows[] = {
#define ROW(field)                                   \
	{#field, offsetof(struct tcp_config, field), \
	 sizeof(((struct tcp_config *)0)->field)}
		ROW(prefix_len),        ROW(answers),
		ROW(gateway),           ROW(mtu),
		ROW(flow_max),          ROW(view_max),
		ROW(aux_max),           ROW(tx_chunks),
		ROW(rx_chunks),         ROW(tx_flow_bytes),
		ROW(rx_flow_bytes),     ROW(time_wait_max),
		ROW(neighbour_max),     ROW(initial_segments),
		ROW(rto_initial_ms),    ROW(rto_min_ms),
		ROW(rto_max_ms),        ROW(delayed_ack_ms),
		ROW(keepalive_idle_ms), ROW(keepalive_interval_ms),
		ROW(keepalive_count),   ROW(fin_wait_ms),
		ROW(time_wait_ms),      ROW(arp_retry_ms),
		ROW(arp_fresh_ms),      ROW(syn_retries),
		ROW(data_retries),      ROW(arp_retries),
		ROW(challenge_per_s),   ROW(reply_per_s),
		ROW(listener_max),      ROW(l4_offload),
	};
	size_t len = strcspn(text, " ");
	uint32_t value = number(script, text + len, NULL);

	if (script->stack)
		script_fail(script, "config comes first");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t *field = (uint8_t *)&script->config + rows[i].offset;

		if (strlen(rows[i].name) != len ||
		    strncmp(rows[i].name, text, len) != 0)
			continue;
		memcpy(field, &value, rows[i].size);
		return;
	}
	script_fail(script, "no such config");
}

static void do_inject(struct script *script, const char *text)
{
	struct script_frame frame;
	const char *bad = script_read(&frame, text);

	if (bad)
		script_fail(script, "%s", bad);
	else
		script_inject(script, &frame);
}

static void do_expect(struct script *script, const char *text)
{
	struct script_frame frame;
	const char *bad = script_read(&frame, text);

	if (bad)
		script_fail(script, "%s", bad);
	else
		script_expect(script, &frame);
}

/* As a handshake of the peer's: "open [nosack] [nots] [noscale] [mss N]". */
static void do_open(struct script *script, const char *text)
{
	const char *mss = strstr(text, "mss ");
	char line[128];

	snprintf(line, sizeof(line), "S 0(0) win 65535 <mss %" PRIu32 "%s%s%s>",
		 mss ? number(script, mss + 4, NULL) : 1460,
		 strstr(text, "nosack") ? "" : ",sackOK",
		 strstr(text, "nots") ? "" : ",ts 1000 0",
		 strstr(text, "noscale") ? "" : ",wscale 7");
	do_inject(script, line);
	do_expect(script, "S. 0(0) ack 1");
	do_inject(script, ". 1(0) ack 1");
	script_expect_event(script, "accepted");
}

static void do_listen(struct script *script, const char *text)
{
	const char *rest = text;
	uint32_t backlog = 16;

	if (*text && *text != '=')
		backlog = number(script, text, &rest);
	judge(script, tcp_listen(script->stack, 5900, backlog, 77), 0, rest);
}

static void do_unlisten(struct script *script, const char *text)
{
	judge(script, tcp_unlisten(script->stack, 5900), 0, text);
}

/* Our end connects: ports and names of the connection are others from here. */
static void do_connect(struct script *script, const char *text)
{
	struct script_conn *conn = script->conn;
	uint32_t index = (uint32_t)(conn - script->conns);
	const char *rest = text;
	uint32_t address = SCRIPT_PEER_ADDRESS;
	int result;

	if (*text && *text != '=')
		address = (SCRIPT_PEER_ADDRESS & 0xffffff00) |
			  number(script, text, &rest);
	conn->our_port = (uint16_t)(20000 + index);
	conn->peer_port = 7000;
	result = tcp_connect(script->stack, address, conn->peer_port,
			     conn->our_port, &conn->flow);
	judge(script, result, 0, rest);
}

static void do_send(struct script *script, const char *text)
{
	struct script_conn *conn = script->conn;
	const char *rest;
	uint32_t len = number(script, text, &rest);
	uint8_t *bytes = malloc(len + 1);
	struct span spans[2];
	ssize_t taken;

	ASSERT(bytes, "memory");
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = script_byte(true, 1 + conn->sent + i);
	spans[0] = (struct span){bytes, len / 3};
	spans[1] = (struct span){bytes + len / 3, len - len / 3};
	taken = tcp_send(script->stack, conn->flow, spans, 2);
	free(bytes);
	if (taken > 0)
		conn->sent += (uint32_t)taken;
	judge(script, taken, len, rest);
}

static void do_hold(struct script *script, const char *text)
{
	judge(script, tcp_hold(script->stack, script->conn->flow), 0, text);
}

static void do_unhold(struct script *script, const char *text)
{
	judge(script, tcp_unhold(script->stack, script->conn->flow), 0, text);
}

/* The last bytes told are put back. */
static void do_unread(struct script *script, const char *text)
{
	struct script_conn *conn = script->conn;
	const char *rest;
	uint32_t len = number(script, text, &rest);
	uint8_t *bytes = malloc(len + 1);
	int result;

	ASSERT(bytes, "memory");
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = script_byte(false, 1 + conn->received - len + i);
	result = tcp_unread(script->stack, conn->flow, bytes, len);
	free(bytes);
	if (!result)
		conn->received -= len;
	judge(script, result, 0, rest);
}

static void do_shutdown(struct script *script, const char *text)
{
	judge(script, tcp_shutdown(script->stack, script->conn->flow), 0, text);
}

static void do_close(struct script *script, const char *text)
{
	judge(script, tcp_close(script->stack, script->conn->flow), 0, text);
}

static void do_kill(struct script *script, const char *text)
{
	judge(script, tcp_kill(script->stack, script->conn->flow), 0, text);
}

static void do_export(struct script *script, const char *text)
{
	struct script_conn *conn = script->conn;
	size_t size = tcp_export_bytes(script->stack, conn->flow);
	ssize_t len;

	free(conn->image);
	conn->image = malloc(size + 1);
	ASSERT(conn->image, "memory");
	len = tcp_export(script->stack, conn->flow, conn->image, size);
	conn->image_size = size;
	judge(script, len < 0 ? len : 0, 0, text);
}

static void do_import(struct script *script, const char *text)
{
	struct script_conn *conn = script->conn;

	judge(script,
	      tcp_import(script->stack, conn->image, conn->image_size,
			 &conn->flow),
	      0, text);
}

static void do_wait(struct script *script, const char *text)
{
	char *end;
	double ms = strtod(text, &end);

	if (end == text)
		script_fail(script, "wait MS");
	script_wait(script, (uint64_t)(ms * 1e6));
}

static void do_event(struct script *script, const char *text)
{
	script_expect_event(script, text);
}

static void do_nothing(struct script *script, const char *text)
{
	(void)text;
	script_expect_nothing(script);
	script->checks++;
}

static void do_batch(struct script *script, const char *text)
{
	(void)text;
	script->batching = true;
}

static void do_end(struct script *script, const char *text)
{
	(void)text;
	script_batch_end(script);
}

static void do_keep(struct script *script, const char *text)
{
	(void)text;
	script->keep_views = true;
}

static void do_recycle(struct script *script, const char *text)
{
	script_recycle(script,
		       *text ? number(script, text, NULL) : SCRIPT_VIEWS);
}

/* "owner slow": events are left where they are; "owner quick": again taken. */
static void do_owner(struct script *script, const char *text)
{
	script->slow_owner = !strcmp(text, "slow");
}

static void do_unknown(struct script *script, const char *text)
{
	script->unknown = !strcmp(text, "drop")    ? TCP_UNKNOWN_DROP
			  : !strcmp(text, "taken") ? TCP_UNKNOWN_TAKEN
						   : TCP_UNKNOWN_OURS;
}

static void do_announce(struct script *script, const char *text)
{
	(void)text;
	tcp_announce(script->stack);
}

static void do_counter(struct script *script, const char *text)
{
	static const struct {
		const char *name;
		size_t offset;
	} rows[] = {
#define COUNTER_ROW(name) {#name, offsetof(struct tcp_counters, name)},
		TCP_COUNTERS(COUNTER_ROW)
#undef COUNTER_ROW
	};
	size_t len = strcspn(text, " ");
	uint32_t want = number(script, text + len, NULL);
	uint64_t got;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strlen(rows[i].name) != len ||
		    strncmp(rows[i].name, text, len) != 0)
			continue;
		memcpy(&got,
		       (const uint8_t *)tcp_counters(script->stack) +
			       rows[i].offset,
		       sizeof(got));
		if (got != want)
			script_fail(script, "%s is %" PRIu64, rows[i].name,
				    got);
		script->checks++;
		return;
	}
	script_fail(script, "no such counter");
}

static void do_usage(struct script *script, const char *text)
{
	static const struct {
		const char *name;
		size_t offset;
	} rows[] = {
#define USAGE_ROW(name) {#name, offsetof(struct tcp_usage, name)}
		USAGE_ROW(flows),      USAGE_ROW(half_open),
		USAGE_ROW(views),      USAGE_ROW(aux),
		USAGE_ROW(tx_chunks),  USAGE_ROW(rx_chunks),
		USAGE_ROW(time_waits), USAGE_ROW(timers),
	};
	size_t len = strcspn(text, " ");
	uint32_t want = number(script, text + len, NULL);
	struct tcp_usage usage;
	uint32_t got;

	tcp_usage(script->stack, &usage);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strlen(rows[i].name) != len ||
		    strncmp(rows[i].name, text, len) != 0)
			continue;
		memcpy(&got, (const uint8_t *)&usage + rows[i].offset,
		       sizeof(got));
		if (got != want)
			script_fail(script, "%s is %" PRIu32, rows[i].name,
				    got);
		script->checks++;
		return;
	}
	script_fail(script, "no such usage");
}

static void do_state(struct script *script, const char *text)
{
	struct tcp_flow_info info = {.state = "gone"};

	tcp_flow_info(script->stack, script->conn->flow, &info);
	if (strcmp(info.state, text) != 0)
		script_fail(script, "the state is %s", info.state);
	script->checks++;
}

static void do_cwnd(struct script *script, const char *text)
{
	struct tcp_flow_info info = {0};

	tcp_flow_info(script->stack, script->conn->flow, &info);
	if (info.cwnd != number(script, text, NULL))
		script_fail(script, "cwnd is %" PRIu32, info.cwnd);
	script->checks++;
}

/* "isn N": where the peer's numbers start; before the connection opens. */
static void do_isn(struct script *script, const char *text)
{
	script->conn->peer_isn = number(script, text, NULL);
}

static void do_forget(struct script *script, const char *text)
{
	struct script_conn *conn = script->conn;

	(void)text;
	conn->received = conn->sent = 0;
	conn->ts = conn->ts_known = false;
}

static void do_flow(struct script *script, const char *text)
{
	uint32_t index = number(script, text, NULL);

	if (index < 1 || index > SCRIPT_CONNS)
		script_fail(script, "flow 1 to %d", SCRIPT_CONNS);
	else
		script->conn = &script->conns[index - 1];
}

static void do_neighbour(struct script *script, const char *text)
{
	script->no_neighbour = !strcmp(text, "unknown");
}

/* Before: the line only sets something up, or expects. */
static const struct {
	const char *name;
	void (*run)(struct script *script, const char *text);
	bool before;  /* no stack is needed */
	bool expects; /* what was said before may wait */
} commands[] = {
	{"config", do_config, true, true},
	{"neighbour", do_neighbour, true, true},
	{"isn", do_isn, true, true},
	{"flow", do_flow, true, true},
	{"<", do_inject, false, false},
	{">", do_expect, false, true},
	{"event", do_event, false, true},
	{"nothing", do_nothing, false, true},
	{"counter", do_counter, false, true},
	{"usage", do_usage, false, true},
	{"state", do_state, false, true},
	{"cwnd", do_cwnd, false, true},
	{"wait", do_wait, false, false},
	{"open", do_open, false, false},
	{"listen", do_listen, false, false},
	{"unlisten", do_unlisten, false, false},
	{"connect", do_connect, false, false},
	{"send", do_send, false, false},
	{"hold", do_hold, false, false},
	{"unhold", do_unhold, false, false},
	{"unread", do_unread, false, false},
	{"shutdown", do_shutdown, false, false},
	{"close", do_close, false, false},
	{"kill", do_kill, false, false},
	{"export", do_export, false, false},
	{"import", do_import, false, false},
	{"batch", do_batch, false, false},
	{"end", do_end, false, true},
	{"keep", do_keep, false, true},
	{"recycle", do_recycle, false, false},
	{"unknown", do_unknown, false, true},
	{"owner", do_owner, false, false},
	{"announce", do_announce, false, false},
	{"forget", do_forget, false, true},
};

static void run_line(struct script *script, const char *line)
{
	size_t len = strcspn(line, " \t");
	const char *rest = line + len + strspn(line + len, " \t");

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strlen(commands[i].name) != len ||
		    strncmp(commands[i].name, line, len) != 0)
			continue;
		if (!commands[i].before)
			script_start(script);
		if (!commands[i].expects)
			script_expect_nothing(script);
		if (script->failure[0])
			return;
		commands[i].run(script, rest);
		if (!commands[i].expects && !script->batching)
			script_settle(script);
		return;
	}
	script_fail(script, "no such command");
}

static void script_defaults(struct script *script, const char *path)
{
	*script = (struct script){
		.path = path,
		.now_ns = 1000 * NS_PER_S,
		.conn = &script->conns[0],
	};
	tcp_config_default(&script->config);
	script->config.mac[0] = 2;
	script->config.mac[5] = 1;
	script->config.address = SCRIPT_OUR_ADDRESS;
	script->config.flow_max = 16;
	/* Only scripts about ARP are disturbed by it. */
	script->config.arp_fresh_ms = (uint32_t)1 << 30;
	memset(script->config.secret, 7, sizeof(script->config.secret));
	for (uint32_t i = 0; i < SCRIPT_CONNS; i++) {
		script->conns[i].our_port = 5900;
		script->conns[i].peer_port = (uint16_t)(40001 + i);
		script->conns[i].peer_isn = 1000000 * (i + 1);
	}
}

static void run_lines(struct script *script, FILE *file)
{
	char line[LINE_MAX_BYTES];

	while (!script->failure[0] && fgets(line, sizeof(line), file)) {
		char *text = line + strspn(line, " \t");

		script->line++;
		text[strcspn(text, "#\n")] = 0;
		for (size_t len = strlen(text);
		     len && (text[len - 1] == ' ' || text[len - 1] == '\t');)
			text[--len] = 0;
		if (*text)
			run_line(script, text);
	}
}

/* Returns true when the script passed. */
static bool run_script(const char *path)
{
	struct script *script = malloc(sizeof(*script));
	FILE *file = fopen(path, "r");
	bool passed;

	ASSERT(script, "memory");
	if (!file) {
		perror(path);
		free(script);
		return false;
	}
	script_defaults(script, path);
	run_lines(script, file);
	fclose(file);
	if (script->stack && !script->failure[0])
		script_expect_nothing(script);
	if (!script->checks)
		script_fail(script, "it expects nothing at all");
	script_end(script);
	passed = !script->failure[0];
	if (!passed)
		printf("%s:%" PRIu32 ": %s\n", path, script->line,
		       script->failure);
	free(script);
	return passed;
}

static int is_script(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 4 && !strcmp(entry->d_name + len - 4, ".tcp");
}

/* All scripts of a directory in the order of their names. */
static int run_directory(const char *directory, uint32_t *failed)
{
	struct dirent **names;
	int count = scandir(directory, &names, is_script, alphasort);

	if (count < 0)
		return -1;
	for (int i = 0; i < count; i++) {
		char path[1024];

		snprintf(path, sizeof(path), "%s/%s", directory,
			 names[i]->d_name);
		*failed += !run_script(path);
		free(names[i]);
	}
	free(names);
	return count;
}

int main(int argc, char **argv)
{
	uint32_t failed = 0;
	int total = 0;

	for (int i = 1; i < argc; i++) {
		int count = run_directory(argv[i], &failed);

		if (count < 0) {
			failed += !run_script(argv[i]);
			count = 1;
		}
		total += count;
	}
	printf("%d scripts, %" PRIu32 " failed\n", total, failed);
	return failed || !total;
}

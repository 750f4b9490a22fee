/* cli_print.c - what the daemon said, for people. */
#include "core/daemon/cli_print.h"
#include "core/daemon/cli_link.h"

#include <string.h>

#define DRAIN_ROWS_MAX 20 /* shown of those that did not move */

void cli_print_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

static void print_doors(const json_t *doors)
{
	const json_t *door;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)doors, i, door)
	{
		printf("door      %-12s %s", cli_text(door, "name"),
		       cli_text(door, "listen"));
		if (cli_count(door, "advertise_port"))
			printf(", clients reach it at %s:%lld",
			       cli_text(door, "advertise_host"),
			       cli_count(door, "advertise_port"));
		putchar('\n');
	}
}

static void print_peers(const json_t *peers)
{
	const json_t *peer;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)peers, i, peer)
	{
		printf("peer      %-12s %s, %s", cli_text(peer, "name"),
		       cli_text(peer, "address"), cli_text(peer, "state"));
		if (cli_count(peer, "links"))
			printf(" (node %lld, %lld links)",
			       cli_count(peer, "node"),
			       cli_count(peer, "links"));
		if (cli_text(peer, "reason")[0])
			printf(", for %.0f s: it %s", cli_real(peer, "down_s"),
			       cli_text(peer, "reason"));
		putchar('\n');
	}
}

/* Since when, and whose word is awaited. */
static void print_doubt(const json_t *doubt)
{
	const char *peer = cli_text(doubt, "peer");

	if (!strcmp(cli_text(doubt, "role"), "source"))
		printf("it went to %s, which for %.0f s has not said that it "
		       "has it",
		       peer, cli_real(doubt, "since_s"));
	else
		printf("it comes from %s%snode %lld, which for %.0f s has not "
		       "said whether it is ours",
		       peer, peer[0] ? ", " : "", cli_count(doubt, "node"),
		       cli_real(doubt, "since_s"));
	printf("; flushmark resolve %s\n", cli_text(doubt, "guest"));
}

static void print_ports(const json_t *ports)
{
	const char *name;
	json_t *port;

	json_object_foreach((json_t *)(uintptr_t)ports, name, port) printf(
		"port      %-12s %lld frames in, %lld out, %lld dropped, "
		"%lld passed on, %lld sent again\n",
		name, cli_count(port, "rx_frames"),
		cli_count(port, "tx_frames"),
		cli_count(port, "tx_dropped") +
			cli_count(port, "tx_no_buffer") +
			cli_count(port, "pass_dropped"),
		cli_count(port, "passed_on"),
		cli_count(port, "tcp_retransmits"));
}

void cli_print_status(const json_t *status)
{
	const json_t *pool = json_object_get(status, "pool");
	const json_t *counters = json_object_get(status, "counters");
	const char *name;
	json_t *value;
	size_t i;

	printf("%s        node %lld, version %s, up %.0f s\n",
	       cli_text(status, "name"), cli_count(status, "node"),
	       cli_text(status, "version"), cli_real(status, "uptime_s"));
	printf("pool      %lld shards, at most %lld sessions\n",
	       cli_count(pool, "shards"), cli_count(pool, "sessions_max"));
	print_doors(json_object_get(status, "doors"));
	print_ports(json_object_get(status, "ports"));
	print_peers(json_object_get(status, "peers"));
	printf("drain     %s\n", cli_text(status, "drain"));
	json_array_foreach(json_object_get(status, "in_doubt"), i, value)
	{
		printf("in doubt  %-12s ", cli_text(value, "guest"));
		print_doubt(value);
	}
	json_object_foreach((json_t *)(uintptr_t)counters, name, value)
	{
		if (json_integer_value(value))
			printf("counter   %-24s %lld\n", name,
			       (long long)json_integer_value(value));
	}
}

void cli_print_sessions(const json_t *rows)
{
	const json_t *row;
	size_t live = 0;
	size_t i;

	printf("%-20s %5s %10s %-10s %-13s %4s %9s %5s  %s\n", "GUEST", "SHARD",
	       "SESSION", "STATE", "MODE", "CHAN", "IDLE", "MOVES", "WHY");
	json_array_foreach((json_t *)(uintptr_t)rows, i, row)
	{
		long long session = cli_count(row, "session");
		char idle[32] = "-";
		char id[24] = "-";

		if (session) {
			live++;
			snprintf(id, sizeof(id), "%08llx",
				 (unsigned long long)session);
			snprintf(idle, sizeof(idle), "%.1f s",
				 cli_real(row, "idle_s"));
		}
		printf("%-20s %5lld %10s %-10s %-13s %4lld %9s %5lld  %s\n",
		       cli_text(row, "guest"), cli_count(row, "shard"), id,
		       cli_text(row, "state"), cli_text(row, "mode"),
		       cli_count(row, "channels"), idle,
		       cli_count(row, "moves"), cli_text(row, "reason"));
	}
	printf("%zu guests, %zu sessions\n", json_array_size(rows), live);
}

void cli_print_explain(const json_t *row)
{
	const char *mode = cli_text(row, "mode");
	const json_t *doubt = json_object_get(row, "in_doubt");

	if (doubt) {
		printf("%s is in doubt: ", cli_text(row, "guest"));
		print_doubt(doubt);
		return;
	}
	if (!cli_count(row, "session"))
		printf("%s has no client: there is nothing to move\n",
		       cli_text(row, "guest"));
	else if (!strcmp(mode, "none"))
		printf("%s cannot move: %s\n", cli_text(row, "guest"),
		       cli_text(row, "reason"));
	else
		printf("%s would move by %s%s%s\n", cli_text(row, "guest"),
		       mode, cli_text(row, "reason")[0] ? ": " : "",
		       cli_text(row, "reason"));
	if (strcmp(cli_text(row, "state"), "live") != 0)
		printf("a move is under way: %s%s%s\n", cli_text(row, "state"),
		       cli_text(row, "peer")[0] ? ", to " : "",
		       cli_text(row, "peer"));
}

void cli_print_resolve(const json_t *result, FILE *out)
{
	bool done = json_is_true(json_object_get(result, "decided"));

	fprintf(out, "%s is in doubt here, its %s", cli_text(result, "guest"),
		cli_text(result, "role"));
	if (!strcmp(cli_text(result, "role"), "source"))
		fprintf(out, "; it went to %s\n", cli_text(result, "peer"));
	else
		fprintf(out, "; it comes from node %lld\n",
			cli_count(result, "node"));
	fprintf(out, "%s: %s\n", cli_text(result, "verdict"),
		cli_text(result, "effect"));
	fprintf(out, "the risk: %s\n", cli_text(result, "risk"));
	if (done)
		fputs("decided\n", out);
}

void cli_print_move(const json_t *result)
{
	if (!json_object_get(result, "result")) {
		printf("started as job %lld\n", cli_count(result, "job"));
		return;
	}
	printf("%s %s, %s", cli_text(result, "guest"),
	       cli_text(result, "result"), cli_text(result, "mode"));
	if (cli_real(result, "protocol_pause_ms") > 0)
		printf(", pause %.1f ms",
		       cli_real(result, "protocol_pause_ms"));
	putchar('\n');
}

static void print_pause(const char *label, const char *unit,
			const json_t *pause)
{
	if (cli_count(pause, "count"))
		printf("%-16s p50 %.1f, p99 %.1f, max %.1f %s\n", label,
		       cli_real(pause, "p50"), cli_real(pause, "p99"),
		       cli_real(pause, "max"), unit);
}

void cli_print_drain(const json_t *report)
{
	const json_t *rows = json_object_get(report, "rows");
	bool dry = json_is_true(json_object_get(report, "dry_run"));
	const json_t *row;
	size_t i;

	if (!cli_text(report, "peer")[0]) {
		printf("started as job %lld\n", cli_count(report, "job"));
		return;
	}
	json_array_foreach((json_t *)(uintptr_t)rows, i, row)
	{
		if (i == DRAIN_ROWS_MAX && !dry) {
			printf("and %zu more: --json shows them\n",
			       json_array_size(rows) - i);
			break;
		}
		printf("%-20s %-10s %-13s %s\n", cli_text(row, "guest"),
		       cli_text(row, "outcome"), cli_text(row, "mode"),
		       cli_text(row, "reason"));
	}
	printf("drain to %s, %s: %lld sessions, %s %lld (seamless %lld, "
	       "semi-seamless %lld, switch-host %lld), failed %lld, "
	       "remained %lld\n",
	       cli_text(report, "peer"),
	       dry ? "dry run" : cli_text(report, "state"),
	       cli_count(report, "sessions"), dry ? "would move" : "moved",
	       cli_count(report, "moved"), cli_count(report, "seamless"),
	       cli_count(report, "semi_seamless"),
	       cli_count(report, "switch_host"), cli_count(report, "failed"),
	       cli_count(report, "remained"));
	if (cli_count(report, "in_doubt"))
		printf("%lld of the failed are in doubt\n",
		       cli_count(report, "in_doubt"));
	if (!strcmp(cli_text(report, "state"), "given-up"))
		printf("given up, the peer stays away: it %s\n",
		       cli_text(report, "stalled"));
	if (cli_count(report, "guests_without_session"))
		printf("%lld guests have no client and stay\n",
		       cli_count(report, "guests_without_session"));
	if (dry)
		return;
	printf("%-16s %.2f s\n", "time", cli_real(report, "drain_seconds"));
	print_pause("protocol pause", "ms",
		    json_object_get(report, "protocol_pause_ms"));
	print_pause("added by source", "us",
		    json_object_get(report, "server_added_us"));
	if (cli_count(report, "rate_halved"))
		printf("%-16s %lld times, because pauses were long\n",
		       "rate halved", cli_count(report, "rate_halved"));
}

void cli_print_progress(const json_t *report, bool overwrite)
{
	long long sessions = cli_count(report, "sessions");
	long long ended = cli_count(report, "moved") +
			  cli_count(report, "failed") +
			  cli_count(report, "remained");
	const json_t *eta = json_object_get(report, "eta_seconds");

	fprintf(stderr, "%s%s: %lld of %lld, %lld under way, %lld failed",
		overwrite ? "\r" : "", cli_text(report, "state"), ended,
		sessions, cli_count(report, "underway"),
		cli_count(report, "failed"));
	if (cli_count(report, "in_doubt"))
		fprintf(stderr, ", %lld in doubt",
			cli_count(report, "in_doubt"));
	if (cli_text(report, "stalled")[0])
		fprintf(stderr, ", waiting for the peer: it %s",
			cli_text(report, "stalled"));
	else if (json_is_number(eta))
		fprintf(stderr, ", %.0f s to go", json_number_value(eta));
	fputs(overwrite ? "\033[K" : "\n", stderr);
	fflush(stderr);
}

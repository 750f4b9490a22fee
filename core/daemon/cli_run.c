/* cli_run.c - the commands of flushmark. */
#include "core/daemon/cli_run.h"
#include "core/daemon/cli_link.h"
#include "core/daemon/cli_print.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Prints and drops the value of a command that went well. */
static enum cli_code show(const struct cli *cli, enum cli_code code,
			  json_t *value, void (*print)(const json_t *))
{
	if (code == CLI_OK && cli->json)
		cli_print_json(value);
	else if (code == CLI_OK)
		print(value);
	json_decref(value);
	return code;
}

static enum cli_code run_status(const struct cli *cli)
{
	json_t *value;
	enum cli_code code = cli_ask(cli, "query-status", NULL, &value);

	return show(cli, code, value, cli_print_status);
}

static json_t *guest_argument(const struct cli *cli)
{
	return cli->word_count ? json_pack("{s:s}", "guest", cli->words[0])
			       : NULL;
}

static enum cli_code run_sessions(const struct cli *cli)
{
	json_t *value;
	enum cli_code code =
		cli_ask(cli, "query-sessions", guest_argument(cli), &value);
	bool unknown = cli->word_count && json_array_size(value) == 0;

	if (code != CLI_OK || !unknown || cli->json)
		code = show(cli, code, value, cli_print_sessions);
	else
		json_decref(value);
	if (code != CLI_OK || !unknown)
		return code;
	fprintf(stderr, "flushmark: there is no guest %s here\n",
		cli->words[0]);
	return CLI_REFUSED;
}

static enum cli_code run_explain(const struct cli *cli)
{
	json_t *value;
	enum cli_code code =
		cli_ask(cli, "explain", guest_argument(cli), &value);

	return show(cli, code, value, cli_print_explain);
}

static void print_vv(const json_t *value)
{
	fputs(cli_text(value, "text"), stdout);
}

static enum cli_code run_vv(const struct cli *cli)
{
	json_t *arguments = guest_argument(cli);
	json_t *value;
	enum cli_code code;

	if (cli->door)
		json_object_set_new(arguments, "door", json_string(cli->door));
	code = cli_ask(cli, "vv", arguments, &value);
	return show(cli, code, value, print_vv);
}

static void print_cancel(const json_t *value)
{
	(void)value;
	puts("being taken back");
}

static enum cli_code run_cancel(const struct cli *cli)
{
	json_t *value;
	enum cli_code code = cli_ask(cli, "cancel",
				     cli->drain ? json_pack("{s:b}", "drain", 1)
						: guest_argument(cli),
				     &value);

	return show(cli, code, value, print_cancel);
}

static json_t *resolve_arguments(const struct cli *cli, bool dry_run)
{
	return json_pack("{s:s, s:s, s:b}", "guest", cli->words[0], "verdict",
			 cli->committed ? "committed" : "not-committed",
			 "dry-run", (int)dry_run);
}

/* Whether it is meant: by --yes, or by the guest's name on a terminal. */
static bool is_meant(const struct cli *cli)
{
	char line[64] = "";

	if (cli->yes)
		return true;
	if (!isatty(STDIN_FILENO)) {
		fputs("flushmark: this cannot be taken back; --yes does it\n",
		      stderr);
		return false;
	}
	fputs("This cannot be taken back. Type the guest's name to go on: ",
	      stderr);
	if (!fgets(line, sizeof(line), stdin))
		return false;
	line[strcspn(line, "\r\n")] = '\0';
	if (!strcmp(line, cli->words[0]))
		return true;
	fputs("flushmark: nothing was decided\n", stderr);
	return false;
}

static void print_resolve(const json_t *value)
{
	cli_print_resolve(value, stdout);
}

/* Who has typed the name has read the rest. */
static void print_decided(const json_t *value)
{
	(void)value;
	puts("decided");
}

/* Says what it would do and risk before it does it. */
static enum cli_code run_resolve(const struct cli *cli)
{
	json_t *value;
	enum cli_code code =
		cli_ask(cli, "resolve", resolve_arguments(cli, true), &value);

	if (cli->dry_run || code != CLI_OK)
		return show(cli, code, value, print_resolve);
	if (!cli->yes)
		cli_print_resolve(value, stderr);
	json_decref(value);
	if (!is_meant(cli))
		return CLI_REFUSED;
	code = cli_ask(cli, "resolve", resolve_arguments(cli, false), &value);
	return show(cli, code, value, cli->yes ? print_resolve : print_decided);
}

static void add_mode(const struct cli *cli, json_t *arguments)
{
	if (cli->mode)
		json_object_set_new(arguments, "mode", json_string(cli->mode));
	json_object_set_new(arguments, "force", json_boolean(cli->force));
	json_object_set_new(arguments, "wait", json_boolean(!cli->no_wait));
}

static enum cli_code run_move(const struct cli *cli)
{
	json_t *arguments = json_pack("{s:s, s:s}", "guest", cli->words[0],
				      "peer", cli->words[1]);
	json_t *value;
	enum cli_code code;

	add_mode(cli, arguments);
	code = cli_ask(cli, "move", arguments, &value);
	return show(cli, code, value, cli_print_move);
}

struct progress {
	bool terminal;
	bool shown;
	time_t last; /* not on a terminal: a line per second */
};

static void on_event(void *arg, const char *event, const json_t *data)
{
	struct progress *progress = arg;
	time_t now = time(NULL);

	/* While it lists there is nothing to count yet. */
	if (strcmp(event, "DRAIN_PROGRESS") != 0 ||
	    cli_count(data, "sessions") == 0)
		return;
	if (!progress->terminal && now == progress->last)
		return;
	progress->last = now;
	progress->shown = true;
	cli_print_progress(data, progress->terminal);
}

static json_t *drain_arguments(const struct cli *cli)
{
	json_t *arguments = json_pack("{s:s, s:b}", "peer", cli->words[0],
				      "dry-run", (int)cli->dry_run);

	add_mode(cli, arguments);
	if (cli->parallel >= 0)
		json_object_set_new(arguments, "parallel",
				    json_integer(cli->parallel));
	if (cli->rate >= 0)
		json_object_set_new(arguments, "rate", json_integer(cli->rate));
	if (cli->pause_target_ms >= 0)
		json_object_set_new(arguments, "pause-target-ms",
				    json_integer(cli->pause_target_ms));
	return arguments;
}

static enum cli_code run_drain(const struct cli *cli)
{
	struct progress progress = {.terminal = isatty(STDERR_FILENO) == 1};
	struct cli_link link;
	enum cli_code code;
	json_t *value = NULL;
	bool partly;

	if (!cli_connect(&link, cli)) {
		cli_close(&link);
		return CLI_UNREACHABLE;
	}
	code = cli_wait(&link, cli_send(&link, "subscribe", NULL), NULL, NULL,
			&value);
	json_decref(value);
	if (code == CLI_OK)
		code = cli_wait(&link,
				cli_send(&link, "drain", drain_arguments(cli)),
				on_event, &progress, &value);
	else
		value = NULL;
	cli_close(&link);
	if (progress.terminal && progress.shown)
		fputs("\r\033[K", stderr);
	partly = !cli->dry_run &&
		 (cli_count(value, "failed") || cli_count(value, "remained"));
	code = show(cli, code, value, cli_print_drain);
	return code == CLI_OK && partly ? CLI_PARTLY : code;
}

enum cli_code cli_run(const struct cli *cli)
{
	static const struct {
		const char *name;
		enum cli_code (*run)(const struct cli *);
	} runs[] = {
		{"status", run_status}, {"sessions", run_sessions},
		{"move", run_move},     {"drain", run_drain},
		{"cancel", run_cancel}, {"explain", run_explain},
		{"vv", run_vv},         {"resolve", run_resolve},
	};

	for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
		if (!strcmp(runs[i].name, cli->command))
			return runs[i].run(cli);
	}
	return CLI_USAGE;
}

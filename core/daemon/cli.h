/* cli.h - for the files of the operator's command, flushmark. */
#pragma once

#include "core/base.h"

#include <jansson.h>
#include <stdio.h>

/* Exit codes; they are in the man page and never change. */
enum cli_code {
	CLI_OK = 0,
	CLI_REFUSED = 1,     /* the daemon said no, its words are printed */
	CLI_USAGE = 2,       /* this command line makes no sense */
	CLI_UNREACHABLE = 3, /* no daemon answers */
	CLI_PARTLY = 4,      /* a drain left sessions behind */
};

struct cli {
	const char *command;
	const char *socket; /* NULL: where the daemon puts it */
	const char *mode;
	const char *door;
	const char *words[2]; /* what follows the command */
	uint32_t word_count;
	long parallel; /* -1: not given, as the two below */
	long rate;
	long pause_target_ms;
	bool json;
	bool force;
	bool no_wait;
	bool dry_run;
	bool drain;
};

/* A connection to the daemon. */
struct cli_link {
	FILE *in;
	int fd;
	char *line;
	size_t line_cap;
	uint32_t last_id;
};

/* Connects and reads the greeting. False, with words on stderr, if not. */
bool cli_connect(struct cli_link *link, const struct cli *cli);
void cli_close(struct cli_link *link);

/* Sends a request; arguments (may be NULL) is taken over. Its id, 0: failed. */
uint32_t cli_send(struct cli_link *link, const char *command,
		  json_t *arguments);

/*
 * Waits for the answer to id. Events on the way go to each (may be NULL).
 * CLI_OK with *value owned, or the code to exit with, words on stderr.
 */
enum cli_code cli_wait(struct cli_link *link, uint32_t id,
		       void (*each)(void *arg, const char *event,
				    const json_t *data),
		       void *arg, json_t **value);

/* One request, one answer. */
enum cli_code cli_ask(const struct cli *cli, const char *command,
		      json_t *arguments, json_t **value);

/* cli_print.c: for people. */
void cli_print_json(const json_t *value);
void cli_print_status(const json_t *status);
void cli_print_sessions(const json_t *rows);
void cli_print_explain(const json_t *row);
void cli_print_move(const json_t *result);
void cli_print_drain(const json_t *report);
void cli_print_progress(const json_t *report, bool overwrite);

/* Members of an object, with something harmless for what is not there. */
const char *cli_text(const json_t *object, const char *name);
long long cli_count(const json_t *object, const char *name);
double cli_real(const json_t *object, const char *name);

/* cli_run.c: the commands. */
enum cli_code cli_run(const struct cli *cli);

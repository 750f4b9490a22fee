/* cli_link.h - the command's connection to the daemon's control socket. */
#pragma once

#include "core/daemon/cli.h"

#include <jansson.h>
#include <stdio.h>

/* A connection to the daemon. */
struct cli_link {
	FILE *in;
	int fd;
	char *line;
	size_t line_cap;
	bool json; /* errors are wanted as JSON, too */
	bool late; /* the daemon said nothing in time */
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
 * CLI_OK with *value owned, or the code to exit with: words on stderr, or the
 * daemon's error on stdout where JSON is wanted.
 */
enum cli_code cli_wait(struct cli_link *link, uint32_t id,
		       void (*each)(void *arg, const char *event,
				    const json_t *data),
		       void *arg, json_t **value);

/* One request, one answer. */
enum cli_code cli_ask(const struct cli *cli, const char *command,
		      json_t *arguments, json_t **value);

/* Members of an object, with something harmless for what is not there. */
const char *cli_text(const json_t *object, const char *name);
long long cli_count(const json_t *object, const char *name);
double cli_real(const json_t *object, const char *name);

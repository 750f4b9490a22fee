/* cli.h - what the operator's command line says, and how it ends. */
#pragma once

#include "core/base.h"

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
	bool committed;
	bool not_committed;
	bool yes;
};

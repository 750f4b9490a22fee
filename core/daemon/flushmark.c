/* flushmark.c - the operator's command: reads its command line. */
#include "core/daemon/cli_run.h"
#include "core/version.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum cli_option {
	OPTION_JSON = 1,
	OPTION_SOCKET,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_MODE,
	OPTION_FORCE,
	OPTION_NO_WAIT,
	OPTION_DRY_RUN,
	OPTION_PARALLEL,
	OPTION_RATE,
	OPTION_PAUSE,
	OPTION_DRAIN,
	OPTION_DOOR,
	OPTION_COMMITTED,
	OPTION_NOT_COMMITTED,
	OPTION_YES,
};

#define BIT(option) (1u << (option))
#define COMMON                                                      \
	(BIT(OPTION_JSON) | BIT(OPTION_SOCKET) | BIT(OPTION_HELP) | \
	 BIT(OPTION_VERSION))

struct cli_command {
	const char *name;
	const char *usage;
	const char *help;
	uint32_t words_min;
	uint32_t words_max;
	uint32_t options;
};

static const struct cli_command commands[] = {
	{"status", "status", "the daemon at a glance", 0, 0, COMMON},
	{"sessions", "sessions [GUEST]", "one row per guest", 0, 1, COMMON},
	{"move", "move GUEST PEER [--mode MODE] [--force] [--no-wait]",
	 "moves one guest to a peer", 2, 2,
	 COMMON | BIT(OPTION_MODE) | BIT(OPTION_FORCE) | BIT(OPTION_NO_WAIT)},
	{"drain",
	 "drain PEER [--mode MODE] [--dry-run] [--force] [--no-wait]\n"
	 "                       [--parallel N] [--rate N] [--pause-target MS]",
	 "moves every session to a peer", 1, 1,
	 COMMON | BIT(OPTION_MODE) | BIT(OPTION_FORCE) | BIT(OPTION_NO_WAIT) |
		 BIT(OPTION_DRY_RUN) | BIT(OPTION_PARALLEL) | BIT(OPTION_RATE) |
		 BIT(OPTION_PAUSE)},
	{"cancel", "cancel GUEST | --drain", "takes back a move or the drain",
	 0, 1, COMMON | BIT(OPTION_DRAIN)},
	{"resolve",
	 "resolve GUEST --committed | --not-committed [--dry-run] [--yes]",
	 "decides a move in doubt whose other end will never say", 1, 1,
	 COMMON | BIT(OPTION_COMMITTED) | BIT(OPTION_NOT_COMMITTED) |
		 BIT(OPTION_DRY_RUN) | BIT(OPTION_YES)},
	{"explain", "explain GUEST", "how a guest would move, and why", 1, 1,
	 COMMON},
	{"vv", "vv GUEST [--door NAME]", "prints a file for remote-viewer", 1,
	 1, COMMON | BIT(OPTION_DOOR)},
};

static void print_help(void)
{
	puts("usage: flushmark COMMAND [OPTION]...\n"
	     "Looks into a Flushmark on this host and moves its sessions.\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		printf("  %s\n      %s\n", commands[i].usage, commands[i].help);
	puts("\n"
	     "  --mode MODE        seamless, semi-seamless or switch-host: "
	     "the\n"
	     "                     most that is tried (default: the best)\n"
	     "  --force            end by switch-host what cannot be "
	     "connected\n"
	     "  --no-wait          start it and return\n"
	     "  --dry-run          say what would be done\n"
	     "  --parallel N       moves under way at once\n"
	     "  --rate N           moves started per second, 0: unlimited\n"
	     "  --pause-target MS  p99 pause above which the rate is halved\n"
	     "  --committed        the destination has the guest\n"
	     "  --not-committed    it has not\n"
	     "  --yes              do it, without being asked\n"
	     "  --door NAME        the door the viewer enters by\n"
	     "  --socket PATH      the daemon's control socket\n"
	     "  --json             print what the daemon said\n"
	     "  --help, --version\n"
	     "\n"
	     "Exit codes: 0 done, 1 refused or failed, 2 usage, 3 no daemon,\n"
	     "4 a drain left sessions behind.");
}

static const struct option long_options[] = {
	{"json", no_argument, NULL, OPTION_JSON},
	{"socket", required_argument, NULL, OPTION_SOCKET},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"mode", required_argument, NULL, OPTION_MODE},
	{"force", no_argument, NULL, OPTION_FORCE},
	{"no-wait", no_argument, NULL, OPTION_NO_WAIT},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{"parallel", required_argument, NULL, OPTION_PARALLEL},
	{"rate", required_argument, NULL, OPTION_RATE},
	{"pause-target", required_argument, NULL, OPTION_PAUSE},
	{"drain", no_argument, NULL, OPTION_DRAIN},
	{"door", required_argument, NULL, OPTION_DOOR},
	{"committed", no_argument, NULL, OPTION_COMMITTED},
	{"not-committed", no_argument, NULL, OPTION_NOT_COMMITTED},
	{"yes", no_argument, NULL, OPTION_YES},
	{0},
};

/* Digits and nothing else; whether the daemon can take it, the daemon says. */
static bool read_count(const char *name, const char *text, long *count)
{
	size_t len = strlen(text);

	errno = 0;
	*count = strtol(text, NULL, 10);
	if (errno == 0 && len && strspn(text, "0123456789") == len)
		return true;
	fprintf(stderr, "flushmark: --%s wants a whole number, not \"%s\"\n",
		name, text);
	return false;
}

/* An empty name would be taken for none at all, or for one too long. */
static bool read_word(const char *name, const char *text, const char **word)
{
	*word = text;
	if (text[0] != '\0')
		return true;
	fprintf(stderr, "flushmark: --%s wants more than \"\"\n", name);
	return false;
}

static bool set_option(struct cli *cli, int option)
{
	switch (option) {
	case OPTION_JSON:
		cli->json = true;
		return true;
	case OPTION_SOCKET:
		return read_word("socket", optarg, &cli->socket);
	case OPTION_MODE:
		return read_word("mode", optarg, &cli->mode);
	case OPTION_FORCE:
		cli->force = true;
		return true;
	case OPTION_NO_WAIT:
		cli->no_wait = true;
		return true;
	case OPTION_DRY_RUN:
		cli->dry_run = true;
		return true;
	case OPTION_PARALLEL:
		return read_count("parallel", optarg, &cli->parallel);
	case OPTION_RATE:
		return read_count("rate", optarg, &cli->rate);
	case OPTION_PAUSE:
		return read_count("pause-target", optarg,
				  &cli->pause_target_ms);
	case OPTION_DRAIN:
		cli->drain = true;
		return true;
	case OPTION_DOOR:
		return read_word("door", optarg, &cli->door);
	case OPTION_COMMITTED:
		cli->committed = true;
		return true;
	case OPTION_NOT_COMMITTED:
		cli->not_committed = true;
		return true;
	case OPTION_YES:
		cli->yes = true;
		return true;
	default:
		return false;
	}
}

static const struct cli_command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}

static const char *option_name(uint32_t options)
{
	for (size_t i = 0; long_options[i].name; i++) {
		if (options & BIT((uint32_t)long_options[i].val))
			return long_options[i].name;
	}
	return "";
}

/* Of two things that a command can be about, one must be named. */
static bool is_clear(const struct cli *cli)
{
	if (!strcmp(cli->command, "cancel"))
		return cli->drain != (cli->word_count == 1);
	if (!strcmp(cli->command, "resolve"))
		return cli->committed != cli->not_committed;
	return true;
}

static enum cli_code check(const struct cli *cli, uint32_t given)
{
	const struct cli_command *command = find_command(cli->command);

	if (!command) {
		fprintf(stderr,
			"flushmark: there is no command \"%s\". See --help.\n",
			cli->command);
		return CLI_USAGE;
	}
	if (given & ~command->options) {
		fprintf(stderr, "flushmark: %s takes no --%s\n", command->name,
			option_name(given & ~command->options));
		return CLI_USAGE;
	}
	if (cli->word_count < command->words_min ||
	    cli->word_count > command->words_max || !is_clear(cli)) {
		fprintf(stderr, "usage: flushmark %s\n", command->usage);
		return CLI_USAGE;
	}
	return CLI_OK;
}

int main(int argc, char **argv)
{
	struct cli cli = {.parallel = -1, .rate = -1, .pause_target_ms = -1};
	uint32_t given = 0;
	enum cli_code code;
	int option;

	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) !=
	       -1) {
		if (option == OPTION_HELP || option == 'h') {
			print_help();
			return CLI_OK;
		}
		if (option == OPTION_VERSION) {
			puts("flushmark " FLUSHMARK_VERSION FLUSHMARK_BUILD);
			return CLI_OK;
		}
		if (!set_option(&cli, option))
			return CLI_USAGE;
		given |= BIT((uint32_t)option);
	}
	if (optind == argc) {
		fputs("flushmark: which command? See --help.\n", stderr);
		return CLI_USAGE;
	}
	cli.command = argv[optind++];
	for (; optind < argc; optind++) {
		if (cli.word_count < ARRAY_LEN(cli.words))
			cli.words[cli.word_count] = argv[optind];
		cli.word_count++;
	}
	code = check(&cli, given);
	if (code == CLI_OK)
		code = cli_run(&cli);
	return (int)code;
}

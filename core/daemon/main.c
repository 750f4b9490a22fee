/* main.c - flushmarkd: reads its configuration, then one thread per shard. */
#include "core/daemon/bypass.h"
#include "core/daemon/config_file.h"
#include "core/daemon/daemon.h"
#include "core/daemon/host_linux.h"
#include "core/daemon/process.h"
#include "core/daemon/start.h"
#include "core/pool.h"
#include "core/version.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYS_READY  48
#define KEY_THREADS 1

struct runner {
	struct process *process;
	uint8_t shard;
	pthread_t thread;
	bool started;
};

struct process {
	struct config config;
	struct host *host;
	struct daemon *daemon;
	struct dp *control_dp;
	struct dp *dps[CONFIG_SHARD_MAX];
	struct dpdk *dpdk;
	struct dp *fronts[CONFIG_SHARD_MAX]; /* on it */
	struct runner runners[CONFIG_SHARD_MAX];
	struct stopper stopper;
};

static void print_help(void)
{
	puts("usage: flushmarkd [--config FILE] [--check]\n"
	     "Serves SPICE clients and moves their sessions to other hosts.\n"
	     "\n"
	     "  -c, --config FILE  read the configuration from FILE; without\n"
	     "                     it one door opens at 127.0.0.1:5900\n"
	     "  -k, --check        check it, and what a start needs; print it\n"
	     "                     in full, and exit\n"
	     "  -h, --help         print this\n"
	     "  -V, --version      print the version");
}

/* Returns 0 to go on, or the code to exit with plus one. */
static int read_options(int argc, char **argv, const char **file, bool *check)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, 'k'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:khV", options, NULL)) !=
	       -1) {
		switch (option) {
		case 'c':
			*file = optarg;
			break;
		case 'k':
			*check = true;
			break;
		case 'h':
			print_help();
			return 1;
		case 'V':
			puts("flushmarkd " FLUSHMARK_VERSION FLUSHMARK_BUILD);
			return 1;
		default:
			return 3;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "flushmarkd: what is \"%s\"? See --help.\n",
			argv[optind]);
		return 3;
	}
	return 0;
}

static int read_config(const char *file, struct config *config)
{
	char dir[CONFIG_PATH_MAX];
	char error[CONFIG_ERROR_MAX] = "";
	int err = daemon_runtime_dir(dir, sizeof(dir));

	if (!err && file)
		err = config_file_load(config, file, dir, error, sizeof(error));
	else if (!err)
		err = config_default(config, dir);
	if (!err && !file)
		err = config_check(config, error, sizeof(error));
	if (!err)
		err = bypass_check(config, error, sizeof(error));
	if (err)
		fprintf(stderr, "flushmarkd: %s\n",
			error[0] ? error : strerror(-err));
	return err;
}

/* Makes the runtime directory ours alone, rid of what the dead left there. */
static int take_dir(const struct config *config)
{
	const char *dir = config->runtime_dir;
	int err = process_make_dir(dir);

	if (!err)
		err = process_lock_dir(dir);
	if (err) {
		fprintf(stderr, "flushmarkd: %s: %s\n", dir,
			process_dir_error(err));
		return err;
	}
	process_drop_regions(dir);
	process_drop_socket(dir, &config->control);
	process_drop_socket(dir, &config->peers_listen);
	for (uint32_t i = 0; i < config->door_count; i++)
		process_drop_socket(dir, &config->doors[i].listen);
	return 0;
}

static int make_host(struct process *process)
{
	const struct config *config = &process->config;
	struct host_linux_wish wish = {
		.runtime_dir = config->runtime_dir,
		.journal = config->journal,
		.stop_at = config->test.stop_at,
		.log = (enum host_log_level)config->log,
		.keys_first = min_u32(config->pool.shards, KEYS_READY),
		.keys = KEYS_READY,
		.key_threads = KEY_THREADS,
	};
	char error[CONFIG_ERROR_MAX] = "";
	int err = host_linux_create(&wish, &process->host);

	if (err == -EBADMSG &&
	    start_check_journal(config->journal, error, sizeof(error)))
		fprintf(stderr, "flushmarkd: %s\n", error);
	else if (err == -EBUSY)
		fprintf(stderr, "flushmarkd: %s is in use by another one\n",
			config->journal);
	else if (err && access(config->journal, R_OK | W_OK))
		fprintf(stderr, "flushmarkd: journal %s: %s\n", config->journal,
			strerror(-err));
	else if (err)
		fprintf(stderr, "flushmarkd: cannot start in %s: %s\n",
			config->runtime_dir, strerror(-err));
	return err;
}

static int check_ports(struct process *process)
{
	char error[CONFIG_ERROR_MAX];
	int err = start_check_ports(&process->config, error, sizeof(error));

	if (err)
		host_log(process->host, LOG_ERROR, "%s", error);
	return err;
}

static int make_fronts(struct process *process)
{
	const struct config *config = &process->config;
	char error[CONFIG_ERROR_MAX] = "";
	int err = bypass_create(config, &process->dpdk, process->fronts, error,
				sizeof(error));

	if (err)
		host_log(process->host, LOG_ERROR, "%s", error);
	for (uint32_t i = 0; i < config->door_count && !err; i++) {
		if (config->doors[i].insecure_plain)
			host_log(process->host, LOG_WARNING,
				 "door %s: insecure-plain: what clients and "
				 "guests say is not encrypted",
				 config->doors[i].name);
	}
	return err;
}

static int make_dps(struct process *process)
{
	char error[CONFIG_ERROR_MAX] = "";
	int err = start_make_dps(&process->config, &process->control_dp,
				 process->dps, error, sizeof(error));

	if (error[0])
		host_log(process->host, err ? LOG_ERROR : LOG_WARNING, "%s",
			 error);
	return err ? err : make_fronts(process);
}

static int make_daemon(struct process *process)
{
	struct daemon_wish wish = {
		.config = &process->config,
		.host = process->host,
		.shard_dps = process->dps,
		.shard_fronts = process->dpdk ? process->fronts : NULL,
		.control_dp = process->control_dp,
	};
	char error[CONFIG_ERROR_MAX];
	int err = daemon_secret(&process->config, wish.secret, error,
				sizeof(error));

	if (err) {
		host_log(process->host, LOG_ERROR, "%s", error);
		return err;
	}
	err = check_ports(process);
	if (!err)
		err = daemon_create(&wish, &process->daemon);
	explicit_bzero(wish.secret, sizeof(wish.secret));
	if (err)
		host_log(process->host, LOG_ERROR, "cannot start: %s",
			 strerror(-err));
	/* Nothing of earlier lives is open: their journal has served. */
	else if (!daemon_moves(process->daemon) &&
		 !daemon_away(process->daemon))
		err = host_linux_journal_clear(process->host);
	return err;
}

static void *run_shard(void *arg)
{
	struct runner *runner = arg;
	struct process *process = runner->process;

	while (!stopper_is_set(&process->stopper))
		daemon_pass(process->daemon, runner->shard, true);
	return NULL;
}

static int start_shards(struct process *process)
{
	for (uint32_t i = 0; i < process->config.pool.shards; i++) {
		struct runner *runner = &process->runners[i];
		int err;

		*runner = (struct runner){
			.process = process,
			.shard = (uint8_t)i,
		};
		err = pthread_create(&runner->thread, NULL, run_shard, runner);
		if (err)
			return -err;
		runner->started = true;
	}
	return 0;
}

static void stop_shards(struct process *process)
{
	stopper_set(&process->stopper);
	for (uint32_t i = 0; i < process->config.pool.shards; i++) {
		if (!process->runners[i].started)
			continue;
		dp_wake(process->dps[i]);
		pthread_join(process->runners[i].thread, NULL);
	}
}

static int run(struct process *process)
{
	int err = stopper_start(&process->stopper, process->control_dp);

	if (!err)
		err = start_shards(process);
	if (!err) {
		process_notify("READY=1");
		host_log(process->host, LOG_INFO, "%s is ready, node %u",
			 process->config.name, process->config.node);
	}
	while (!err && !stopper_is_set(&process->stopper) &&
	       !daemon_wants_stop(process->daemon))
		daemon_pass(process->daemon, SHARD_CONTROL, true);
	process_notify("STOPPING=1");
	/* What control has still to say goes out with one more pass. */
	if (!err)
		daemon_pass(process->daemon, SHARD_CONTROL, false);
	stop_shards(process);
	stopper_stop(&process->stopper);
	host_log(process->host, LOG_INFO, "stopped");
	return err;
}

static void drop(struct process *process)
{
	if (process->daemon)
		daemon_destroy(process->daemon);
	for (uint32_t i = 0; i < CONFIG_SHARD_MAX; i++) {
		if (process->fronts[i])
			dp_destroy(process->fronts[i]);
		if (process->dps[i])
			dp_destroy(process->dps[i]);
	}
	bypass_destroy(process->dpdk);
	if (process->control_dp)
		dp_destroy(process->control_dp);
	if (process->host)
		host_linux_destroy(process->host);
	free(process);
}

int main(int argc, char **argv)
{
	struct process *process = calloc(1, sizeof(*process));
	const char *file = NULL;
	bool check = false;
	int code = read_options(argc, argv, &file, &check);
	int err;

	/* Sockets, journal and regions are for this user alone. */
	umask(077);
	if (code || !process) {
		free(process);
		return code ? code - 1 : 1;
	}
	err = read_config(file, &process->config);
	if (!err && check) {
		daemon_print_config(&process->config);
		err = start_check(&process->config);
		free(process);
		return err ? 1 : 0;
	}
	stopper_block_signals();
	if (!err)
		err = take_dir(&process->config);
	if (!err)
		err = make_host(process);
	if (!err)
		err = make_dps(process);
	if (!err)
		err = make_daemon(process);
	if (!err)
		err = run(process);
	drop(process);
	return err ? 1 : 0;
}

/* serve.c - a fresh server process for one measurement, and what it uses. */
#include "bench/serve.h"
#include "core/tickets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATH_BYTES   512
#define START_MS     20000
#define SETTLE_MS    10000
#define SETTLE_PART  200                     /* ms looked at in one go ... */
#define SETTLE_NS    ((uint64_t)2 * 1000000) /* ... and used in it at most */
#define DESKTOPS_MAX 2000
#define TRIES        3

static void pause_ms(uint32_t ms)
{
	struct timespec time = {.tv_sec = ms / 1000,
				.tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&time, NULL);
}

static int read_text(const char *path, char *text, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while (len + 1 < cap && (n = read(fd, text + len, cap - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	text[len] = 0;
	return 0;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -EIO;
}

/* The first of count ports in a row that nobody listens at. 0: none. */
static uint16_t find_ports(uint32_t count, uint32_t try)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	uint32_t start = 20000 + ((uint32_t)getpid() + 17 * try) % 64 * 128;
	uint32_t run = 0;

	/* Below the range that the system deals out to those who connect. */
	for (uint32_t port = start; port < 32000; port++) {
		int one = 1;
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0)
			return 0;
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		address.sin_port = htons((uint16_t)port);
		run = bind(fd, (struct sockaddr *)&address, sizeof(address))
			      ? 0
			      : run + 1;
		close(fd);
		if (run == count)
			return (uint16_t)(port - count + 1);
	}
	return 0;
}

static bool listens(uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err = connect(fd, (struct sockaddr *)&address, sizeof(address));

	close(fd);
	return err == 0;
}

/* Its output goes to a file of its own; it dies with this process. */
static int spawn(struct serve *serve, char *const argv[], const char *preload)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/log", serve->dir);
	serve->pid = fork();
	if (serve->pid < 0)
		return -errno;
	if (serve->pid == 0) {
		int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

		if (fd >= 0) {
			dup2(fd, 1);
			dup2(fd, 2);
		}
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (preload)
			setenv("LD_PRELOAD", preload, 1);
		execv(argv[0], argv);
		_exit(127);
	}
	return 0;
}

static int start_flushmark(struct serve *serve, const char *build_dir,
			   uint16_t port, const char *spin)
{
	static const uint8_t secret[SIPHASH_KEY_BYTES] = {1};
	char program[PATH_BYTES], config[PATH_BYTES], path[PATH_BYTES];
	char text[2048], name[64];
	char *argv[] = {program, (char *)(uintptr_t) "--config", config, NULL};
	int err;

	snprintf(program, sizeof(program), "%s/core/daemon/flushmarkd",
		 build_dir);
	snprintf(config, sizeof(config), "%s/flushmark.ini", serve->dir);
	snprintf(path, sizeof(path), "%s/secret", serve->dir);
	err = write_text(path, "01000000000000000000000000000000\n");
	snprintf(text, sizeof(text),
		 "[daemon]\nruntime-dir = %s\nsecret-file = %s\n"
		 "[pool]\nshards = 1\nsessions = %" PRIu32 "\n%s"
		 "[door bench]\nlisten = 127.0.0.1:%u\n"
		 "[guest-demo]\ncount = %" PRIu32 "\nprefix = d\n",
		 serve->dir, path, max_u32(2 * serve->count, 256), spin, port,
		 serve->count);
	if (!err)
		err = write_text(config, text);
	for (uint32_t i = 0; i < serve->count; i++) {
		snprintf(name, sizeof(name), "d%" PRIu32, i);
		serve->targets[i].port = port;
		ticket_text(secret, name, serve->targets[i].password);
	}
	return err ? err : spawn(serve, argv, NULL);
}

static int start_spice(struct serve *serve, const char *build_dir,
		       uint16_t port, const char *one_key)
{
	char program[PATH_BYTES], preload[PATH_BYTES];
	char count[16], first[16];
	char *argv[] = {program, (char *)(uintptr_t) "-n",
			count,   (char *)(uintptr_t) "-p",
			first,   NULL};

	snprintf(program, sizeof(program), "%s/bench/peers/spice_server",
		 build_dir);
	snprintf(preload, sizeof(preload), "%s/bench/peers/%s.so", build_dir,
		 one_key ? one_key : "");
	snprintf(count, sizeof(count), "%" PRIu32, serve->count);
	snprintf(first, sizeof(first), "%u", port);
	for (uint32_t i = 0; i < serve->count; i++) {
		serve->targets[i].port = (uint16_t)(port + i);
		strcpy(serve->targets[i].password, "secret");
	}
	return spawn(serve, argv, one_key ? preload : NULL);
}

static int start_bare(struct serve *serve, const char *build_dir, uint16_t port)
{
	char program[PATH_BYTES], text[16];
	char *argv[] = {program, text, NULL};

	snprintf(program, sizeof(program), "%s/bench/peers/bare_echo",
		 build_dir);
	snprintf(text, sizeof(text), "%u", port);
	for (uint32_t i = 0; i < serve->count; i++)
		serve->targets[i] =
			(struct load_target){.port = port, .bare = true};
	return spawn(serve, argv, NULL);
}

static int wait_ready(struct serve *serve)
{
	const struct load_target *last = &serve->targets[serve->count - 1];

	for (uint32_t ms = 0; ms < START_MS; ms += 20) {
		int status;

		if (waitpid(serve->pid, &status, WNOHANG) == serve->pid) {
			serve->pid = 0;
			return -ECHILD;
		}
		if (listens(last->port))
			return serve_settle(serve);
		pause_ms(20);
	}
	return -ETIMEDOUT;
}

static int start_kind(struct serve *serve, const char *kind,
		      const char *build_dir, uint32_t try)
{
	bool spice = strncmp(kind, "spice", 5) == 0;
	uint16_t port = find_ports(spice ? serve->count : 1, try);

	if (port == 0)
		return -EADDRINUSE;
	if (strcmp(kind, "flushmark") == 0)
		return start_flushmark(serve, build_dir, port, "");
	if (strcmp(kind, "flushmark50") == 0)
		return start_flushmark(serve, build_dir, port,
				       "spin-us = 50\n");
	if (strcmp(kind, "spice") == 0)
		return start_spice(serve, build_dir, port, NULL);
	if (strcmp(kind, "spice1") == 0)
		return start_spice(serve, build_dir, port, "one_key");
	if (strcmp(kind, "spice1c") == 0)
		return start_spice(serve, build_dir, port, "one_key_copied");
	if (strcmp(kind, "bare") == 0)
		return start_bare(serve, build_dir, port);
	return -EINVAL;
}

int serve_start(struct serve *serve, const char *kind, const char *build_dir,
		uint32_t count)
{
	int err;

	*serve = (struct serve){.count = count};
	if (count == 0 || count > DESKTOPS_MAX)
		return -EINVAL;
	serve->targets = calloc(count, sizeof(*serve->targets));
	strcpy(serve->dir, "/tmp/flushmark-bench.XXXXXX");
	if (!serve->targets || !mkdtemp(serve->dir))
		err = -ENOMEM;
	else
		err = -ECHILD;
	/* Another may take a port between our look and its use. */
	for (uint32_t try = 0; try < TRIES && err == -ECHILD; try++) {
		err = start_kind(serve, kind, build_dir, try);
		if (!err)
			err = wait_ready(serve);
	}
	if (err) {
		fprintf(stderr, "%s did not start: %s; see %s/log\n", kind,
			strerror(-err), serve->dir);
		serve->dir[0] = 0; /* the log is worth keeping */
		serve_stop(serve);
	}
	return err;
}

/* Its own files only, by name; a directory that holds more stays. */
static void remove_dir(const char *dir)
{
	char path[PATH_BYTES + 256];
	DIR *list = opendir(dir);
	struct dirent *entry;

	while (list && (entry = readdir(list))) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (entry->d_name[0] != '.')
			unlink(path);
	}
	if (list)
		closedir(list);
	rmdir(dir);
}

void serve_stop(struct serve *serve)
{
	int status;

	if (serve->pid > 0) {
		kill(serve->pid, SIGTERM);
		for (uint32_t ms = 0; ms < 5000; ms += 20) {
			if (waitpid(serve->pid, &status, WNOHANG) != 0)
				goto gone;
			pause_ms(20);
		}
		kill(serve->pid, SIGKILL);
		waitpid(serve->pid, &status, 0);
	}
gone:
	if (serve->dir[0])
		remove_dir(serve->dir);
	free(serve->targets);
	*serve = (struct serve){0};
}

int serve_cpu_ns(const struct serve *serve, uint64_t *ns)
{
	char path[PATH_BYTES + 256], text[128];
	struct dirent *entry;
	DIR *list;

	*ns = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)serve->pid);
	list = opendir(path);
	if (!list)
		return -errno;
	while ((entry = readdir(list))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat",
			 (int)serve->pid, entry->d_name);
		if (read_text(path, text, sizeof(text)) == 0)
			*ns += strtoull(text, NULL, 10);
	}
	closedir(list);
	return 0;
}

int serve_settle(const struct serve *serve)
{
	uint64_t before, after;

	for (uint32_t ms = 0; ms < SETTLE_MS; ms += SETTLE_PART) {
		int err = serve_cpu_ns(serve, &before);

		pause_ms(SETTLE_PART);
		if (!err)
			err = serve_cpu_ns(serve, &after);
		if (err || after - before < SETTLE_NS)
			return err;
	}
	return -EBUSY;
}

static uint64_t field_of(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) * 1024 : 0;
}

int serve_memory(const struct serve *serve, uint64_t *private_bytes,
		 uint64_t *pss_bytes)
{
	char path[PATH_BYTES], text[4096];
	int err;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)serve->pid);
	err = read_text(path, text, sizeof(text));
	if (err)
		return err;
	*private_bytes = field_of(text, "\nPrivate_Clean:") +
			 field_of(text, "\nPrivate_Dirty:");
	*pss_bytes = field_of(text, "\nPss:");
	return 0;
}

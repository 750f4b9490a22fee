/* host_log_test.c - the real host's log: nobody waits for whoever reads it. */
#include "core/daemon/host_linux.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINES   3000
#define THREADS 4

/* Standard error is a pipe that we read, or do not; and a host. */
struct bench {
	struct host *host;
	int fd;
	int old_stderr;
	char dir[64];
	char text[LINES * 64];
	size_t len;
};

static struct host *make_host(const char *dir, const char *stop_at)
{
	struct host_linux_wish wish = {
		.runtime_dir = dir,
		.stop_at = stop_at,
		.log = LOG_INFO,
	};
	struct host *host = NULL;

	cr_assert_eq(host_linux_create(&wish, &host), 0);
	return host;
}

static void bench_pipe(struct bench *b, int pipe_bytes)
{
	int ends[2];

	memset(b, 0, sizeof(*b));
	unsetenv("JOURNAL_STREAM");
	strcpy(b->dir, "/tmp/flushmark-log-XXXXXX");
	cr_assert_not_null(mkdtemp(b->dir));
	cr_assert_eq(pipe(ends), 0);
	cr_assert_gt(fcntl(ends[1], F_SETPIPE_SZ, pipe_bytes), 0);
	b->fd = ends[0];
	b->old_stderr = dup(STDERR_FILENO);
	cr_assert_geq(dup2(ends[1], STDERR_FILENO), 0);
	close(ends[1]);
}

static void bench_make(struct bench *b, int pipe_bytes)
{
	bench_pipe(b, pipe_bytes);
	b->host = make_host(b->dir, "");
}

/* Ends the host; what it says until then is read later. */
static void bench_stop(struct bench *b)
{
	if (b->host)
		host_linux_destroy(b->host);
	dup2(b->old_stderr, STDERR_FILENO);
	close(b->old_stderr);
	cr_expect_eq(rmdir(b->dir), 0);
}

/* Reads on until "until" was read, or, when NULL, to the end. */
static void bench_read(struct bench *b, const char *until)
{
	while (!until || !strstr(b->text, until)) {
		size_t room = sizeof(b->text) - 1 - b->len;
		ssize_t got = read(b->fd, b->text + b->len, room);

		cr_assert_geq(got, 0);
		if (got == 0 && !until)
			break;
		cr_assert_gt(got, 0, "never read: %s", until);
		b->len += (size_t)got;
		b->text[b->len] = '\0';
	}
}

/*
 * Reads lines "info line N" from the start, N in order, and counts of those
 * that were lost between them. Returns the next N.
 */
static uint32_t walk_lines(const struct bench *b, uint32_t *lost,
			   const char **rest)
{
	const char *at = b->text;
	uint32_t next = 0;

	*lost = 0;
	for (;;) {
		uint32_t number;
		int len = 0;

		if (sscanf(at, "info line %u\n%n", &number, &len) == 1 && len) {
			cr_assert_eq(number, next);
			next++;
		} else if (sscanf(at, "warning lines lost here: %u\n%n",
				  &number, &len) == 1 &&
			   len) {
			cr_assert_gt(number, 0);
			*lost += number;
			next += number;
		} else {
			break;
		}
		at += len;
	}
	*rest = at;
	return next;
}

static void log_lines(struct host *host)
{
	for (uint32_t i = 0; i < LINES; i++)
		host_log(host, LOG_INFO, "line %u", i);
}

Test(host_log, nobody_waits_for_a_reader, .timeout = 30)
{
	static struct bench b;
	const char *rest;
	uint32_t lost;

	bench_make(&b, 4096);
	/* A caller that waited would wait for ever. */
	log_lines(b.host);
	/* One cell at least is free when this has come. */
	bench_read(&b, "info line 500\n");
	host_log(b.host, LOG_WARNING, "after");
	bench_read(&b, "warning after\n");
	cr_expect_eq(walk_lines(&b, &lost, &rest), LINES);
	cr_expect_gt(lost, 0);
	cr_expect_str_eq(rest, "warning after\n");
	/* It is told once. */
	host_log(b.host, LOG_WARNING, "later");
	bench_read(&b, "later\n");
	cr_expect_str_eq(strstr(b.text, "after\n"), "after\nwarning later\n");
	bench_stop(&b);
	close(b.fd);
}

static void *read_all(void *arg)
{
	bench_read(arg, NULL);
	return NULL;
}

Test(host_log, the_end_is_written_and_counted, .timeout = 30)
{
	static struct bench b;
	const char *rest;
	uint32_t lost;
	pthread_t thread;

	bench_make(&b, 4096);
	log_lines(b.host);
	cr_assert_eq(pthread_create(&thread, NULL, read_all, &b), 0);
	bench_stop(&b);
	pthread_join(thread, NULL);
	cr_expect_eq(walk_lines(&b, &lost, &rest), LINES);
	cr_expect_gt(lost, 0);
	cr_expect_str_eq(rest, "");
	close(b.fd);
}

Test(host_log, an_end_needs_no_reader, .timeout = 30)
{
	static struct bench b;
	const char *rest;
	uint32_t lost;

	bench_make(&b, 4096);
	log_lines(b.host);
	bench_stop(&b);
	bench_read(&b, NULL);
	/* What the pipe took. */
	cr_expect_gt(walk_lines(&b, &lost, &rest), 0);
	close(b.fd);
}

struct writer {
	struct host *host;
	uint32_t number;
};

static void *log_numbered(void *arg)
{
	const struct writer *self = arg;

	for (uint32_t i = 0; i < 200; i++)
		host_log(self->host, LOG_INFO, "%u says %u", self->number, i);
	return NULL;
}

/* Fewer than the ring has cells: none is lost, each thread's are in order. */
Test(host_log, lines_of_a_thread_keep_their_order, .timeout = 30)
{
	static struct bench b;
	struct writer writers[THREADS];
	pthread_t threads[THREADS], reader;
	uint32_t next[THREADS] = {0};

	bench_make(&b, 4096);
	host_log(b.host, LOG_DEBUG, "not important enough");
	cr_assert_eq(pthread_create(&reader, NULL, read_all, &b), 0);
	for (uint32_t i = 0; i < THREADS; i++) {
		writers[i] = (struct writer){.host = b.host, .number = i};
		cr_assert_eq(pthread_create(&threads[i], NULL, log_numbered,
					    &writers[i]),
			     0);
	}
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	bench_stop(&b);
	pthread_join(reader, NULL);
	for (char *line = strtok(b.text, "\n"); line;
	     line = strtok(NULL, "\n")) {
		uint32_t number, said;

		cr_assert_eq(sscanf(line, "info %u says %u", &number, &said), 2,
			     "%s", line);
		cr_assert_lt(number, THREADS);
		cr_assert_eq(said, next[number]);
		next[number]++;
	}
	for (uint32_t i = 0; i < THREADS; i++)
		cr_expect_eq(next[i], 200);
	close(b.fd);
}

Test(host_log, a_long_line_is_cut_and_ends)
{
	static struct bench b;
	char text[2000];

	bench_make(&b, 65536);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	b.host->ops->log(b.host, LOG_ERROR, text);
	host_log(b.host, LOG_ERROR, "next");
	bench_stop(&b);
	bench_read(&b, NULL);
	cr_expect_eq(strncmp(b.text, "error xxx", 9), 0);
	cr_expect_str_eq(strchr(b.text, '\n'), "\nerror next\n");
	close(b.fd);
}

#ifdef FLUSHMARK_TEST_BUILD
/* Whoever finds the process stopped finds its lines, and kills it. */
Test(host_log, a_trap_stops_behind_its_line, .timeout = 30)
{
	static struct bench b;
	const char *rest;
	uint32_t lost;
	int status;

	bench_pipe(&b, 65536);
	/* Without a thread here: what a fork takes along of them is no whole.
	 */
	pid_t child = fork();
	if (child == 0) {
		struct host *host = make_host(b.dir, "here");
		for (uint32_t i = 0; i < 200; i++)
			host_log(host, LOG_INFO, "line %u", i);
		host_trap(host, "elsewhere");
		host_trap(host, "here");
		_exit(1);
	}
	cr_assert_eq(waitpid(child, &status, WUNTRACED), child);
	cr_assert(WIFSTOPPED(status));
	kill(child, SIGKILL);
	cr_assert_eq(waitpid(child, &status, 0), child);
	/* What its host had no time to remove. */
	char path[96];
	snprintf(path, sizeof(path), "%s/region-%d.sock", b.dir, (int)child);
	unlink(path);
	bench_stop(&b);
	bench_read(&b, NULL);
	cr_expect_eq(walk_lines(&b, &lost, &rest), 200);
	cr_expect_eq(lost, 0);
	cr_expect_eq(strncmp(rest, "error trap here pid ", 20), 0);
	close(b.fd);
}
#endif

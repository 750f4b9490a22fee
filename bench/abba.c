/* abba.c - runs an experiment against two servers in turn and compares. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * abba --a KIND --b KIND --pairs N --key FIGURE -- PROGRAM ARGUMENT...
 *
 * Runs PROGRAM with "--server KIND" N times for each, in the order A B B A A B
 * B A, so that a machine that grows slower or faster favours neither. Each run
 * starts a fresh server and prints one JSON object. A pair is two neighbours;
 * its ratio is A's figure over B's. The interval is where the median of the
 * ratios lies in 95 of 100 resamplings of the pairs. With few pairs that is
 * nearly their range.
 */
#define PAIRS_MAX     64
#define RESAMPLES     2000
#define OUTPUT_MAX    4096
#define ARGUMENTS_MAX 32

struct abba {
	const char *kind[2];
	const char *key;
	uint32_t pairs;
	char *command[ARGUMENTS_MAX + 3];
	uint32_t command_len;
	json_t *runs[2][PAIRS_MAX];
	double ratio[PAIRS_MAX];
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Sorts the values. */
static double median(double *values, uint32_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return count % 2 ? values[count / 2]
			 : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* Any good mixer will do; the same seed gives the same interval. */
static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

static void interval(const struct abba *abba, double *low, double *high)
{
	static const double tail = 0.025;
	double medians[RESAMPLES];
	uint64_t state = 1;

	for (uint32_t i = 0; i < RESAMPLES; i++) {
		double sample[PAIRS_MAX];

		for (uint32_t j = 0; j < abba->pairs; j++)
			sample[j] =
				abba->ratio[next_random(&state) % abba->pairs];
		medians[i] = median(sample, abba->pairs);
	}
	qsort(medians, RESAMPLES, sizeof(*medians), compare);
	*low = medians[(uint32_t)(tail * RESAMPLES)];
	*high = medians[RESAMPLES - 1 - (uint32_t)(tail * RESAMPLES)];
}

static int read_all(int fd, char text[OUTPUT_MAX])
{
	size_t len = 0;
	ssize_t n;

	while (len < OUTPUT_MAX - 1 &&
	       (n = read(fd, text + len, OUTPUT_MAX - 1 - len)) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			len += (size_t)n;
	}
	text[len] = 0;
	return 0;
}

static int run(struct abba *abba, uint32_t side, json_t **result)
{
	char text[OUTPUT_MAX];
	int pipe_fds[2];
	int status, err;
	pid_t pid;

	abba->command[abba->command_len] = (char *)(uintptr_t) "--server";
	abba->command[abba->command_len + 1] =
		(char *)(uintptr_t)abba->kind[side];
	abba->command[abba->command_len + 2] = NULL;
	if (pipe(pipe_fds))
		return -errno;
	pid = fork();
	if (pid == 0) {
		dup2(pipe_fds[1], 1);
		close(pipe_fds[0]);
		close(pipe_fds[1]);
		execv(abba->command[0], abba->command);
		_exit(127);
	}
	close(pipe_fds[1]);
	err = pid < 0 ? -errno : read_all(pipe_fds[0], text);
	close(pipe_fds[0]);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status)
		err = -ECHILD;
	*result = err ? NULL : json_loads(text, 0, NULL);
	return err || *result ? err : -EBADMSG;
}

static double figure(const json_t *run, const char *key)
{
	return json_number_value(json_object_get(run, key));
}

/* A run that failed says so itself; one more try, then it is all over. */
static int run_all(struct abba *abba)
{
	for (uint32_t i = 0; i < 2 * abba->pairs; i++) {
		/* A B, B A, A B ... */
		uint32_t side = (i + i / 2) % 2;
		json_t **result = &abba->runs[side][i / 2];
		int err = run(abba, side, result);

		if (err)
			err = run(abba, side, result);
		if (!err && figure(*result, abba->key) <= 0)
			err = -ENODATA;
		if (err)
			return err;
		fprintf(stderr, "  %-10s %12.1f\n", abba->kind[side],
			figure(*result, abba->key));
	}
	for (uint32_t i = 0; i < abba->pairs; i++)
		abba->ratio[i] = figure(abba->runs[0][i], abba->key) /
				 figure(abba->runs[1][i], abba->key);
	return 0;
}

/* The median of every number that the runs of a side have. */
static json_t *medians(const struct abba *abba, uint32_t side)
{
	json_t *all = json_object();
	const char *key;
	json_t *value;

	json_object_foreach(abba->runs[side][0], key, value)
	{
		double values[PAIRS_MAX];

		if (!json_is_number(value)) {
			json_object_set(all, key, value);
			continue;
		}
		for (uint32_t i = 0; i < abba->pairs; i++)
			values[i] = figure(abba->runs[side][i], key);
		json_object_set_new(all, key,
				    json_real(median(values, abba->pairs)));
	}
	return all;
}

static void report(struct abba *abba)
{
	json_t *ratios = json_array();
	double sorted[PAIRS_MAX];
	double low, high;
	json_t *all;

	interval(abba, &low, &high);
	for (uint32_t i = 0; i < abba->pairs; i++)
		json_array_append_new(ratios, json_real(abba->ratio[i]));
	memcpy(sorted, abba->ratio, sizeof(sorted));
	all = json_pack("{s:s, s:s, s:s, s:i, s:f, s:f, s:f, s:o, s:o, s:o}",
			"a", abba->kind[0], "b", abba->kind[1], "key",
			abba->key, "pairs", (int)abba->pairs, "ratio",
			median(sorted, abba->pairs), "low", low, "high", high,
			"ratios", ratios, "a_median", medians(abba, 0),
			"b_median", medians(abba, 1));
	json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(all);
}

static int read_options(struct abba *abba, int argc, char **argv)
{
	static const struct option options[] = {
		{"a", required_argument, NULL, 'a'},
		{"b", required_argument, NULL, 'b'},
		{"pairs", required_argument, NULL, 'n'},
		{"key", required_argument, NULL, 'k'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		unsigned long value = optarg ? strtoul(optarg, NULL, 10) : 0;

		if (option == 'a' || option == 'b')
			abba->kind[option - 'a'] = optarg;
		else if (option == 'k')
			abba->key = optarg;
		else if (option == 'n' && value > 0 && value <= PAIRS_MAX)
			abba->pairs = (uint32_t)value;
		else
			return -EINVAL;
	}
	abba->command_len = (uint32_t)(argc - optind);
	if (abba->command_len == 0 || abba->command_len > ARGUMENTS_MAX)
		return -EINVAL;
	memcpy(abba->command, argv + optind, abba->command_len * sizeof(*argv));
	return abba->kind[0] && abba->kind[1] ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct abba abba = {.key = "per_cpu_s", .pairs = 4};
	int err = read_options(&abba, argc, argv);

	if (err) {
		fprintf(stderr, "usage: abba --a KIND --b KIND [--pairs N] "
				"[--key FIGURE] -- PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	err = run_all(&abba);
	if (err)
		fprintf(stderr, "abba: %s\n", strerror(-err));
	else
		report(&abba);
	for (uint32_t i = 0; i < 2 * abba.pairs; i++)
		json_decref(abba.runs[i % 2][i / 2]);
	return err ? 1 : 0;
}

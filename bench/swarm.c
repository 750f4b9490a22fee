/* swarm.c - the load generator: many sessions that stream and check bytes.
 *
 * It is told what to do by lines on stdin and tells what happens by lines on
 * stdout:
 *
 *   > report   ends all streams by the closing exchange, then prints the
 *              figures as one line of JSON
 *   > stop     closes everything and ends, as does the end of stdin
 *   < up N                all N sessions are linked
 *   < progress up=N moved=N dead=N
 *   < problem GUEST WORDS
 *   < {...}               the report
 */
#include "bench/swarm_options.h"
#include "bench/swarm_report.h"
#include "channels/client/drive.h"
#include "core/tickets.h"
#include "dataplane/uring/uring.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define LINKING_MAX       16 /* sessions that link at once */
#define TICK_NS           NS_PER_MS
#define STDIN_NS          (5 * NS_PER_MS)
#define PROGRESS_NS       (200 * NS_PER_MS)
#define SETTLE_WAIT_NS    (5 * NS_PER_S)
#define MESSAGE_BYTES_MIN 200
#define CHANNELS_GUESSED  8 /* of a session, main among them */
#define LEGS_PER_CHANNEL  3 /* old, current and next */

enum phase { PHASE_RUN, PHASE_SETTLE, PHASE_CLOSE, PHASE_REPORTED };

struct swarm {
	struct swarm_options options;
	uint8_t secret[SIPHASH_KEY_BYTES];
	struct dp *dp;
	struct drive drive;
	struct swarm_session *sessions;
	uint32_t *indices; /* of the drive's clients */
	struct swarm_samples samples;
	struct swarm_pace pace;
	uint64_t motion_ns;
	uint64_t now_ns;
	uint64_t phase_ns; /* when the phase began */
	uint64_t stdin_ns;
	uint64_t told_ns;
	uint32_t told[3];
	uint32_t next; /* session to start */
	uint32_t linking;
	uint8_t phase; /* enum phase */
	bool all_up;
	bool stop;
	char line[64]; /* of stdin, unfinished */
	uint32_t line_len;
};

static int read_secret(struct swarm *swarm)
{
	const char *path = swarm->options.secret_file;
	FILE *file = fopen(path, "re");
	int n = 0;

	if (!file) {
		fprintf(stderr, "swarm: %s: %s\n", path, strerror(errno));
		return -errno;
	}
	for (size_t i = 0; i < sizeof(swarm->secret); i++)
		n += fscanf(file, "%2hhx", &swarm->secret[i]);
	fclose(file);
	if (n == (int)sizeof(swarm->secret))
		return 0;
	fprintf(stderr, "swarm: %s: expected 32 hex digits\n", path);
	return -EINVAL;
}

static void on_event(void *arg, uint32_t index, void *user,
		     const struct client_event *event)
{
	struct swarm *swarm = arg;

	(void)index;
	swarm_session_event(user, event, swarm->now_ns);
}

static int open_dataplane(struct swarm *swarm)
{
	uint32_t count = swarm->options.count;
	struct rlimit files;
	struct uring_config uring;
	struct drive_config drive;
	int err;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	uring_config_default(&uring);
	uring.conn_max = count * CHANNELS_GUESSED * LEGS_PER_CHANNEL + 64;
	uring.buffer_count = 1024;
	err = uring_dp_create(&uring, &swarm->dp);
	if (err) {
		fprintf(stderr, "swarm: no dataplane: %s\n", strerror(-err));
		return err;
	}
	drive_config_default(&drive, count);
	drive.event = on_event;
	drive.arg = swarm;
	err = drive_init(&swarm->drive, swarm->dp, &drive);
	if (err)
		fprintf(stderr, "swarm: %s\n", strerror(-err));
	return err;
}

static int make_sessions(struct swarm *swarm)
{
	uint32_t count = swarm->options.count;
	char guest[NAME_BYTES];
	int err = 0;

	swarm->sessions = calloc(count, sizeof(*swarm->sessions));
	swarm->indices = calloc(count, sizeof(*swarm->indices));
	if (!swarm->sessions || !swarm->indices)
		return -ENOMEM;
	for (uint32_t i = 0; i < count && !err; i++) {
		struct swarm_session *session = &swarm->sessions[i];
		struct client_options options;

		snprintf(guest, sizeof(guest), "%s%" PRIu32,
			 swarm->options.prefix, swarm->options.first + i);
		swarm_session_init(session, guest, &swarm->samples);
		client_options_default(&options);
		options.link_seed = i + 1;
		ticket_text(swarm->secret, guest, options.password);
		err = drive_add(&swarm->drive, &options, session,
				&swarm->indices[i]);
		if (!err)
			session->client =
				drive_client(&swarm->drive, swarm->indices[i]);
	}
	return err;
}

/* Splits what all streams may send into messages of each, none tiny. */
static void set_pace(struct swarm *swarm)
{
	const struct swarm_options *options = &swarm->options;
	uint32_t streams = 2 * options->count;
	double each = (double)options->messages_per_s / streams;
	double bytes = options->bytes_per_s / each;

	if (bytes < MESSAGE_BYTES_MIN) {
		bytes = MESSAGE_BYTES_MIN;
		each = options->bytes_per_s / bytes;
	}
	if (bytes > SWARM_MESSAGE_BYTES_MAX)
		bytes = SWARM_MESSAGE_BYTES_MAX;
	swarm->pace = (struct swarm_pace){
		.period_ns = (uint64_t)((double)NS_PER_S / each),
		.message_bytes = (uint32_t)bytes,
	};
	if (options->motions_per_s)
		swarm->motion_ns = NS_PER_S / options->motions_per_s;
}

static void tell_problem(struct swarm_session *session)
{
	if (session->reported || !session->words[0])
		return;
	session->reported = true;
	printf("problem %s %s\n", session->guest, session->words);
}

static void start_sessions(struct swarm *swarm)
{
	while (swarm->next < swarm->options.count &&
	       swarm->linking < LINKING_MAX) {
		uint32_t i = swarm->next++;
		struct swarm_session *session = &swarm->sessions[i];
		int err = drive_start(&swarm->drive, swarm->indices[i],
				      swarm->options.host,
				      (uint16_t)swarm->options.port);

		session->state = err ? SWARM_DEAD : SWARM_LINKING;
		drive_touch(&swarm->drive, swarm->indices[i]);
		swarm->linking++;
	}
}

/* Numbers of sessions that are up, have moved, have died. */
static void survey(struct swarm *swarm, uint32_t numbers[3])
{
	swarm->linking = 0;
	memset(numbers, 0, 3 * sizeof(*numbers));
	for (uint32_t i = 0; i < swarm->options.count; i++) {
		const struct swarm_session *session = &swarm->sessions[i];

		swarm->linking += session->state == SWARM_LINKING;
		numbers[0] += session->state >= SWARM_STREAMING &&
			      session->state <= SWARM_DONE;
		numbers[1] += session->moves > 0;
		numbers[2] += session->state == SWARM_DEAD;
	}
}

static void tell_progress(struct swarm *swarm, const uint32_t numbers[3])
{
	if (!swarm->all_up && numbers[0] == swarm->options.count) {
		swarm->all_up = true;
		printf("up %" PRIu32 "\n", numbers[0]);
	}
	if (swarm->now_ns < swarm->told_ns + PROGRESS_NS ||
	    !memcmp(swarm->told, numbers, sizeof(swarm->told)))
		return;
	memcpy(swarm->told, numbers, sizeof(swarm->told));
	swarm->told_ns = swarm->now_ns;
	printf("progress up=%" PRIu32 " moved=%" PRIu32 " dead=%" PRIu32 "\n",
	       numbers[0], numbers[1], numbers[2]);
}

static void print_report(struct swarm *swarm)
{
	json_t *report = swarm_report(swarm->sessions, swarm->options.count,
				      &swarm->samples);

	if (report) {
		json_dumpf(report, stdout, JSON_COMPACT);
		putchar('\n');
	}
	json_decref(report);
}

static void enter(struct swarm *swarm, enum phase phase)
{
	swarm->phase = (uint8_t)phase;
	swarm->phase_ns = swarm->now_ns;
}

/* Moves under way are waited for: their figures are to be whole. */
static bool is_still(const struct swarm *swarm)
{
	for (uint32_t i = 0; i < swarm->options.count; i++) {
		if (swarm->sessions[i].state == SWARM_STREAMING &&
		    swarm->sessions[i].move != SWARM_STILL)
			return false;
	}
	return true;
}

static bool is_settled(const struct swarm *swarm)
{
	for (uint32_t i = 0; i < swarm->options.count; i++) {
		if (swarm->sessions[i].state < SWARM_DONE)
			return false;
	}
	return true;
}

static void turn_phase(struct swarm *swarm)
{
	uint64_t since_ns = swarm->now_ns - swarm->phase_ns;
	uint64_t close_ns = swarm->options.close_ms * NS_PER_MS;

	if (swarm->phase == PHASE_SETTLE &&
	    (is_still(swarm) || since_ns > SETTLE_WAIT_NS)) {
		for (uint32_t i = 0; i < swarm->options.count; i++)
			swarm_session_close(&swarm->sessions[i]);
		enter(swarm, PHASE_CLOSE);
	} else if (swarm->phase == PHASE_CLOSE &&
		   (is_settled(swarm) || since_ns > close_ns)) {
		for (uint32_t i = 0; i < swarm->options.count; i++) {
			swarm_session_give_up(&swarm->sessions[i]);
			tell_problem(&swarm->sessions[i]);
		}
		print_report(swarm);
		enter(swarm, PHASE_REPORTED);
	}
}

static void tick(struct swarm *swarm)
{
	uint32_t numbers[3];

	start_sessions(swarm);
	for (uint32_t i = 0; i < swarm->options.count; i++) {
		struct swarm_session *session = &swarm->sessions[i];

		if (swarm_session_tick(session, &swarm->pace, swarm->motion_ns,
				       swarm->now_ns))
			drive_touch(&swarm->drive, swarm->indices[i]);
		tell_problem(session);
	}
	survey(swarm, numbers);
	tell_progress(swarm, numbers);
	turn_phase(swarm);
}

static void obey(struct swarm *swarm, const char *line)
{
	if (strcmp(line, "stop") == 0)
		swarm->stop = true;
	else if (strcmp(line, "report") == 0 && swarm->phase == PHASE_RUN)
		enter(swarm, PHASE_SETTLE);
	else if (line[0])
		fprintf(stderr, "swarm: expected report or stop\n");
}

static void read_stdin(struct swarm *swarm)
{
	char bytes[64];
	ssize_t n;

	if (swarm->now_ns < swarm->stdin_ns)
		return;
	swarm->stdin_ns = swarm->now_ns + STDIN_NS;
	n = read(STDIN_FILENO, bytes, sizeof(bytes));
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		swarm->stop = true;
	for (ssize_t i = 0; i < n; i++) {
		if (bytes[i] == '\n') {
			swarm->line[swarm->line_len] = 0;
			swarm->line_len = 0;
			obey(swarm, swarm->line);
		} else if (swarm->line_len < sizeof(swarm->line) - 1) {
			swarm->line[swarm->line_len++] = bytes[i];
		}
	}
}

static void run(struct swarm *swarm)
{
	struct dp_event events[DP_EVENTS_MAX];
	uint64_t tick_ns = 0;
	bool again = false;

	swarm->now_ns = dp_now(swarm->dp);
	while (!swarm->stop) {
		uint32_t n = dp_poll(swarm->dp, events, DP_EVENTS_MAX,
				     again ? 0 : tick_ns);

		swarm->now_ns = dp_now(swarm->dp);
		for (uint32_t i = 0; i < n; i++)
			drive_event(&swarm->drive, &events[i], swarm->now_ns);
		if (swarm->now_ns >= tick_ns) {
			tick(swarm);
			read_stdin(swarm);
			tick_ns = swarm->now_ns + TICK_NS;
		}
		again = drive_flush(&swarm->drive, swarm->now_ns);
	}
}

int main(int argc, char **argv)
{
	struct swarm swarm = {0};
	int err = swarm_options_read(&swarm.options, argc, argv);

	if (err)
		return err < 0 ? 2 : 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
	err = read_secret(&swarm);
	if (!err)
		err = open_dataplane(&swarm);
	if (!err)
		err = make_sessions(&swarm);
	if (err)
		return 1;
	set_pace(&swarm);
	run(&swarm);
	dp_destroy(swarm.dp);
	drive_fini(&swarm.drive);
	swarm_samples_fini(&swarm.samples);
	free(swarm.sessions);
	free(swarm.indices);
	return 0;
}

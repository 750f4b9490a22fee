/* host_log.c - the log: every thread leaves its lines, one thread writes. */
#include "core/daemon/internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Whoever logs must not wait for whoever reads the log: a shard that blocked
 * in a write would stand still with all its clients. So a line is formatted
 * into a cell of a ring, and when there is none it is dropped and counted. The
 * next line that finds a cell takes the count along.
 *
 * The ring works by laps as that of core/ring.c, whose cells are too small for
 * a line, and the halves of lines cut in two would mix.
 */
#define CELL_MASK (HOST_LOG_CELLS - 1)

_Static_assert(HOST_LOG_CELLS >= 2 && !(HOST_LOG_CELLS & CELL_MASK),
	       "the ring's capacity is a power of two");
_Static_assert(sizeof(struct host_log_cell) == 640, "ten cache lines");

/* A reader who takes nothing for so long does not keep us from ending. */
#define STUCK_MS 1000

#define FLUSH_PAUSE_US   100
#define FLUSH_PAUSES_MAX 20000 /* two seconds */

/* The cell of a new line, and its place; NULL: all are taken. */
static struct host_log_cell *claim(struct host_log *log, uint32_t *place)
{
	uint32_t at = atomic_load_explicit(&log->tail, memory_order_relaxed);

	for (;;) {
		struct host_log_cell *cell = &log->cells[at & CELL_MASK];
		uint32_t lap =
			atomic_load_explicit(&cell->lap, memory_order_acquire);

		if (lap == (at & ~CELL_MASK)) {
			if (atomic_compare_exchange_weak_explicit(
				    &log->tail, &at, at + 1,
				    memory_order_relaxed,
				    memory_order_relaxed)) {
				*place = at;
				return cell;
			}
		} else if ((int32_t)(lap - (at & ~CELL_MASK)) < 0) {
			return NULL;
		} else {
			at = atomic_load_explicit(&log->tail,
						  memory_order_relaxed);
		}
	}
}

/* One post for each time that the writer has said it will sleep. */
static void wake_writer(struct host_log *log)
{
	if (atomic_load(&log->asleep) && atomic_exchange(&log->asleep, 0))
		sem_post(&log->wake);
}

static uint16_t print_line(const struct host_log *log, int level,
			   const char *text, char *line)
{
	static const char *const names[] = {"error", "warning", "info",
					    "debug"};
	static const char *const priorities[] = {"<3>", "<4>", "<6>", "<7>"};
	int len = snprintf(line, HOST_LOG_LINE_BYTES, "%s%s %s\n",
			   log->prefixed ? priorities[level] : "", names[level],
			   text);

	if (len >= HOST_LOG_LINE_BYTES) {
		len = HOST_LOG_LINE_BYTES - 1;
		line[len - 1] = '\n';
	}
	return (uint16_t)len;
}

void host_log_put(struct host_log *log, int level, const char *text)
{
	uint32_t place;
	struct host_log_cell *cell;

	if (level < LOG_ERROR || level > LOG_DEBUG || level > (int)log->level)
		return;
	cell = claim(log, &place);
	if (!cell) {
		atomic_fetch_add(&log->lost, 1);
		return;
	}
	cell->lost = atomic_exchange(&log->lost, 0);
	cell->len = print_line(log, level, text, cell->text);
	/* Before asleep is looked at: see wait_for_lines. */
	atomic_store(&cell->lap, (place & ~CELL_MASK) + 1);
	wake_writer(log);
}

/* --- the writer ----------------------------------------------------------- */

/* False when nobody takes it and the process wants to end. */
static bool write_text(struct host_log *log, const char *text, size_t len)
{
	while (len > 0) {
		struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
		int ready = poll(&out, 1, STUCK_MS);
		ssize_t done;

		if (ready == 0 && atomic_load(&log->stopping))
			return false;
		if (ready == 0 || (ready < 0 && errno == EINTR))
			continue;
		done = write(STDERR_FILENO, text, len);
		/* Nobody can be told that the log is broken. */
		if (done < 0 && errno != EINTR && errno != EAGAIN)
			return true;
		done = done < 0 ? 0 : done;
		text += done;
		len -= (size_t)done;
	}
	return true;
}

static bool write_lost(struct host_log *log, uint32_t lost)
{
	char text[64], line[HOST_LOG_LINE_BYTES];

	if (lost == 0)
		return true;
	snprintf(text, sizeof(text), "lines lost here: %u", lost);
	return write_text(log, line, print_line(log, LOG_WARNING, text, line));
}

static struct host_log_cell *next_filled(struct host_log *log)
{
	uint32_t head = atomic_load_explicit(&log->head, memory_order_relaxed);
	struct host_log_cell *cell = &log->cells[head & CELL_MASK];

	return atomic_load(&cell->lap) == (head & ~CELL_MASK) + 1 ? cell : NULL;
}

/* Writes the oldest line. False: there is none, or it cannot be written. */
static bool write_next(struct host_log *log)
{
	uint32_t head = atomic_load_explicit(&log->head, memory_order_relaxed);
	struct host_log_cell *cell = next_filled(log);

	if (!cell || !write_lost(log, cell->lost))
		return false;
	cell->lost = 0;
	if (!write_text(log, cell->text, cell->len))
		return false;
	atomic_store_explicit(&cell->lap, (head & ~CELL_MASK) + HOST_LOG_CELLS,
			      memory_order_release);
	atomic_store(&log->head, head + 1);
	return true;
}

/*
 * Says that it will sleep before it looks a last time; host_log_put looks at
 * asleep after it has left a line: one of the two sees the other. Who found
 * asleep set has posted, or is about to.
 */
static void wait_for_lines(struct host_log *log)
{
	atomic_store(&log->asleep, 1);
	if ((next_filled(log) || atomic_load(&log->stopping)) &&
	    atomic_exchange(&log->asleep, 0))
		return;
	while (sem_wait(&log->wake) && errno == EINTR)
		;
}

static void *write_lines(void *arg)
{
	struct host_log *log = arg;

	for (;;) {
		/* What was left before the stop is seen after it. */
		bool last = atomic_load(&log->stopping);

		while (write_next(log))
			;
		if (last)
			break;
		wait_for_lines(log);
	}
	write_lost(log, atomic_exchange(&log->lost, 0));
	return NULL;
}

int host_log_start(struct host_log *log, enum host_log_level level)
{
	int err;

	log->level = level;
	log->prefixed = getenv("JOURNAL_STREAM") != NULL;
	log->cells = calloc(HOST_LOG_CELLS, sizeof(*log->cells));
	if (!log->cells)
		return -ENOMEM;
	if (sem_init(&log->wake, 0, 0)) {
		err = errno;
		goto fail_cells;
	}
	err = pthread_create(&log->thread, NULL, write_lines, log);
	if (!err)
		return 0;
	sem_destroy(&log->wake);
fail_cells:
	free(log->cells);
	return -err;
}

#ifdef FLUSHMARK_TEST_BUILD
void host_log_flush(struct host_log *log)
{
	uint32_t end = atomic_load(&log->tail);

	for (uint32_t i = 0; i < FLUSH_PAUSES_MAX; i++) {
		if ((int32_t)(atomic_load(&log->head) - end) >= 0)
			return;
		usleep(FLUSH_PAUSE_US);
	}
}
#endif

void host_log_stop(struct host_log *log)
{
	atomic_store(&log->stopping, 1);
	wake_writer(log);
	pthread_join(log->thread, NULL);
	sem_destroy(&log->wake);
	free(log->cells);
	memset(log, 0, sizeof(*log));
}

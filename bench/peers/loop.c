/* loop.c - an epoll loop behind libspice-server's core interface. */
#include "bench/peers/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 256
#define TIMERS_MAX 65536

struct SpiceWatch {
	int fd;
	bool dead;
	SpiceWatchFunc func;
	void *opaque;
	struct SpiceWatch *next; /* among the dead */
};

struct SpiceTimer {
	SpiceTimerFunc func;
	void *opaque;
	uint64_t due_ms;
	uint32_t place; /* in the heap + 1, 0: not armed */
};

/* libspice gives its callbacks no context: this one thing is static. */
static struct {
	int epoll;
	loop_after *after;
	void *arg;
	struct SpiceWatch *dead;
	struct SpiceTimer **heap;
	uint32_t armed;
} loop;

static volatile sig_atomic_t stopped;

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void heap_put(uint32_t place, struct SpiceTimer *timer)
{
	loop.heap[place] = timer;
	timer->place = place + 1;
}

static void heap_up(uint32_t place)
{
	struct SpiceTimer *timer = loop.heap[place];

	while (place > 0) {
		uint32_t above = (place - 1) / 2;

		if (loop.heap[above]->due_ms <= timer->due_ms)
			break;
		heap_put(place, loop.heap[above]);
		place = above;
	}
	heap_put(place, timer);
}

static void heap_down(uint32_t place)
{
	struct SpiceTimer *timer = loop.heap[place];

	for (;;) {
		uint32_t below = 2 * place + 1;

		if (below >= loop.armed)
			break;
		if (below + 1 < loop.armed &&
		    loop.heap[below + 1]->due_ms < loop.heap[below]->due_ms)
			below++;
		if (loop.heap[below]->due_ms >= timer->due_ms)
			break;
		heap_put(place, loop.heap[below]);
		place = below;
	}
	heap_put(place, timer);
}

static SpiceTimer *timer_add(SpiceTimerFunc func, void *opaque)
{
	struct SpiceTimer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		abort();
	timer->func = func;
	timer->opaque = opaque;
	return timer;
}

static void timer_cancel(SpiceTimer *timer)
{
	uint32_t place = timer->place - 1;
	struct SpiceTimer *last;

	if (!timer->place)
		return;
	timer->place = 0;
	last = loop.heap[--loop.armed];
	if (last == timer)
		return;
	heap_put(place, last);
	heap_up(place);
	heap_down(last->place - 1);
}

static void timer_start(SpiceTimer *timer, uint32_t ms)
{
	timer_cancel(timer);
	if (loop.armed == TIMERS_MAX)
		abort();
	timer->due_ms = now_ms() + ms;
	heap_put(loop.armed++, timer);
	heap_up(timer->place - 1);
}

static void timer_remove(SpiceTimer *timer)
{
	timer_cancel(timer);
	free(timer);
}

static uint32_t epoll_mask(int mask)
{
	return (mask & SPICE_WATCH_EVENT_READ ? (uint32_t)EPOLLIN : 0) |
	       (mask & SPICE_WATCH_EVENT_WRITE ? (uint32_t)EPOLLOUT : 0);
}

static SpiceWatch *watch_add(int fd, int mask, SpiceWatchFunc func,
			     void *opaque)
{
	struct SpiceWatch *watch = calloc(1, sizeof(*watch));
	struct epoll_event event = {.events = epoll_mask(mask)};

	if (!watch)
		abort();
	*watch = (struct SpiceWatch){.fd = fd, .func = func, .opaque = opaque};
	event.data.ptr = watch;
	if (epoll_ctl(loop.epoll, EPOLL_CTL_ADD, fd, &event))
		abort();
	return watch;
}

static void watch_update_mask(SpiceWatch *watch, int mask)
{
	struct epoll_event event = {.events = epoll_mask(mask)};

	event.data.ptr = watch;
	epoll_ctl(loop.epoll, EPOLL_CTL_MOD, watch->fd, &event);
}

/* Events of this pass may still name it: it is freed at the end of the pass. */
static void watch_remove(SpiceWatch *watch)
{
	epoll_ctl(loop.epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->dead = true;
	watch->next = loop.dead;
	loop.dead = watch;
}

static void channel_event(int event, SpiceChannelEventInfo *info)
{
	(void)event;
	(void)info;
}

static SpiceCoreInterface interface = {
	.base = {.type = SPICE_INTERFACE_CORE,
		 .description = "epoll",
		 .major_version = SPICE_INTERFACE_CORE_MAJOR,
		 .minor_version = SPICE_INTERFACE_CORE_MINOR},
	.timer_add = timer_add,
	.timer_start = timer_start,
	.timer_cancel = timer_cancel,
	.timer_remove = timer_remove,
	.watch_add = watch_add,
	.watch_update_mask = watch_update_mask,
	.watch_remove = watch_remove,
	.channel_event = channel_event,
};

SpiceCoreInterface *loop_interface(void)
{
	return &interface;
}

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

int loop_init(loop_after *after, void *arg)
{
	struct sigaction action = {.sa_handler = stop};

	loop.after = after;
	loop.arg = arg;
	loop.heap = calloc(TIMERS_MAX, sizeof(*loop.heap));
	loop.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!loop.heap)
		return -ENOMEM;
	if (loop.epoll < 0 || sigaction(SIGTERM, &action, NULL) ||
	    sigaction(SIGINT, &action, NULL))
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

static int wait_ms(void)
{
	uint64_t now;

	if (!loop.armed)
		return 1000;
	now = now_ms();
	if (loop.heap[0]->due_ms <= now)
		return 0;
	now = loop.heap[0]->due_ms - now;
	return now > 1000 ? 1000 : (int)now;
}

static void run_timers(void)
{
	uint64_t now;

	if (!loop.armed)
		return;
	now = now_ms();
	while (loop.armed && loop.heap[0]->due_ms <= now) {
		struct SpiceTimer *timer = loop.heap[0];

		timer_cancel(timer);
		timer->func(timer->opaque);
	}
}

static void run_watch(const struct epoll_event *event)
{
	struct SpiceWatch *watch = event->data.ptr;
	int mask = 0;

	if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		mask |= SPICE_WATCH_EVENT_READ;
	if (event->events & EPOLLOUT)
		mask |= SPICE_WATCH_EVENT_WRITE;
	if (!watch->dead && mask)
		watch->func(watch->fd, mask, watch->opaque);
}

int loop_run(void)
{
	struct epoll_event events[EVENTS_MAX];

	while (!stopped) {
		int n = epoll_wait(loop.epoll, events, EVENTS_MAX, wait_ms());

		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n; i++)
			run_watch(&events[i]);
		run_timers();
		loop.after(loop.arg);
		while (loop.dead) {
			struct SpiceWatch *watch = loop.dead;

			loop.dead = watch->next;
			free(watch);
		}
	}
	return 0;
}

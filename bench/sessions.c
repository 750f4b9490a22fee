/* sessions.c - brings sessions up for an experiment: main, then its port. */
#include "bench/sessions.h"

#include <spice/enums.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define AT_ONCE    16
#define PATIENCE_S 120.0

double sessions_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void start_message(struct sessions *sessions, struct load_conn *conn,
			  const struct load_event *event)
{
	struct session *session = conn->user;

	if (conn->type == SPICE_CHANNEL_MAIN &&
	    event->type == SPICE_MSG_MAIN_INIT) {
		session->id = wire_link_read_word(event->data.data);
		if (load_link(&sessions->load, session->target,
			      SPICE_CHANNEL_PORT, 0, session->id, session,
			      &session->port))
			sessions->lost++;
	}
	if (conn->type == SPICE_CHANNEL_PORT &&
	    event->type == SPICE_MSG_PORT_INIT && !session->up) {
		session->up = true;
		sessions->up++;
	}
}

static void on_event(struct load *load, struct load_conn *conn,
		     const struct load_event *event)
{
	struct sessions *sessions = load->arg;

	if (event->kind == LOAD_MESSAGE)
		start_message(sessions, conn, event);
	if (event->kind == LOAD_LINKED && conn->target->bare)
		sessions->up++;
	if (event->kind == LOAD_ENDED)
		sessions->lost++;
	if (sessions->event)
		sessions->event(load, conn, event);
}

int sessions_init(struct sessions *sessions, struct serve *serve,
		  load_event_fn *event, void *arg)
{
	*sessions = (struct sessions){
		.serve = serve,
		.count = serve->count,
		.event = event,
		.arg = arg,
		.load.epoll = -1,
		.all = calloc(serve->count, sizeof(struct session)),
	};
	if (!sessions->all)
		return -ENOMEM;
	for (uint32_t i = 0; i < sessions->count; i++) {
		sessions->all[i].index = i;
		sessions->all[i].target = &serve->targets[i];
	}
	return load_init(&sessions->load, 2 * sessions->count, on_event,
			 sessions);
}

void sessions_fini(struct sessions *sessions)
{
	if (sessions->load.conns)
		load_fini(&sessions->load);
	free(sessions->all);
	*sessions = (struct sessions){.load.epoll = -1};
}

static int begin(struct sessions *sessions, struct session *session)
{
	bool bare = session->target->bare;

	return load_link(&sessions->load, session->target,
			 bare ? SPICE_CHANNEL_PORT : SPICE_CHANNEL_MAIN, 0, 0,
			 session, bare ? &session->port : &session->main);
}

int sessions_open(struct sessions *sessions)
{
	double until = sessions_clock() + PATIENCE_S;
	int err = 0;

	while (sessions->up < sessions->count && !err) {
		while (sessions->begun < sessions->count &&
		       sessions->begun < sessions->up + AT_ONCE && !err) {
			err = begin(sessions,
				    &sessions->all[sessions->begun++]);
		}
		if (!err)
			err = load_poll(&sessions->load, 100);
		if (sessions->lost)
			err = -EIO;
		if (sessions_clock() > until)
			err = -ETIMEDOUT;
	}
	return err;
}

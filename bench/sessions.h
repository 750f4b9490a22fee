/* sessions.h - brings sessions up for an experiment: main, then its port. */
#pragma once

#include "bench/serve.h"

/*
 * Each session has its main channel and port 0 of a desktop of its own. The
 * experiment gets every event that is not of the start.
 */
struct session {
	struct load_conn *main;
	struct load_conn *port;
	const struct load_target *target;
	uint32_t id;
	uint32_t index;
	bool up;
};

struct sessions {
	struct load load;
	struct serve *serve;
	struct session *all;
	uint32_t count;
	uint32_t begun;
	uint32_t up;
	uint32_t lost;
	load_event_fn *event; /* load->arg is this struct */
	void *arg;
};

/* For as many sessions as the server has desktops. 0 or -errno. */
int sessions_init(struct sessions *sessions, struct serve *serve,
		  load_event_fn *event, void *arg);
void sessions_fini(struct sessions *sessions);

/* Links all of them, a few at a time. 0 or -errno. */
int sessions_open(struct sessions *sessions);

/* Seconds of a clock that never goes back. */
double sessions_clock(void);

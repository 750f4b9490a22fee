/* gtk_moves.c - the client's migrations, as it and its application see them. */
#include "tests/interop/gtk_client.h"

/* A move has settled no sooner: what only a fresh start sends has come. */
#define SETTLE_MIN_US 100000
/* Everything must run again by then. */
#define PICTURE_MAX_US 1000000
#define STREAMS_MAX_US 2000000

static const char *const how_name[] = {"unknown", "seamless", "semi-seamless",
				       "switch-host"};

static struct move *last_move(struct client *client)
{
	return client->move_count ? &client->moves[client->move_count - 1]
				  : NULL;
}

bool moves_under_way(const struct client *client)
{
	return client->moving ||
	       (client->move_count > 0 &&
		!client->moves[client->move_count - 1].settled);
}

void moves_note(struct client *client, int64_t gap_us, int64_t echo_us)
{
	struct move *m = last_move(client);

	if (client->moving) {
		client->moving_gap_us = MAX(client->moving_gap_us, gap_us);
		client->moving_echo_us = MAX(client->moving_echo_us, echo_us);
	} else if (m != NULL && !m->settled) {
		m->gap_us = MAX(m->gap_us, gap_us);
		m->echo_us = MAX(m->echo_us, echo_us);
	}
}

static void settle(struct client *client, struct move *m)
{
	uint32_t number = client->move_count;

	m->settled = true;
	if (m->how == HOW_UNKNOWN)
		m->how = client->picture.marks != client->moving_marks
				 ? HOW_SEMI_SEAMLESS
				 : HOW_SEAMLESS;
	streams_tell_losses(client);
	if (client->options.seamless && m->how != HOW_SEAMLESS)
		client_error(client, "move %u was %s", number,
			     how_name[m->how]);
	client_say("move %u %s%s gap %.1f ms, echo %.1f ms%s", number,
		   how_name[m->how], m->failed ? " failed" : "",
		   (double)m->gap_us / 1e3, (double)m->echo_us / 1e3,
		   m->picture_us < 0 ? ", the next has not waited" : "");
}

void moves_look(struct client *client)
{
	struct move *m = last_move(client);
	const struct streams *s = &client->streams;
	int64_t since_us;

	if (client->moving || m == NULL || m->settled)
		return;
	since_us = g_get_monotonic_time() - m->end_us;
	if (m->picture_us < 0 && client->picture.seen &&
	    client->picture.shown.frame > m->frame_before)
		m->picture_us = since_us;
	if (m->streams_us < 0 &&
	    s->echoed.counts.field[STREAM_CHECKED] > m->echo_before &&
	    s->pulsed.counts.field[STREAM_CHECKED] > m->pulse_before)
		m->streams_us = since_us;
	if (m->picture_us < 0 && since_us > PICTURE_MAX_US && !m->failed &&
	    client->options.seamless) {
		m->failed = true;
		client_error(client, "move %u: no right picture within %d ms",
			     client->move_count, PICTURE_MAX_US / 1000);
	}
	if ((m->picture_us < 0 || m->streams_us < 0) &&
	    since_us > STREAMS_MAX_US) {
		m->failed = true;
		client_error(client, "move %u: %s not running after %d ms",
			     client->move_count,
			     m->picture_us < 0 ? "picture" : "streams",
			     STREAMS_MAX_US / 1000);
		settle(client, m);
	} else if (m->picture_us >= 0 && m->streams_us >= 0 &&
		   since_us >= SETTLE_MIN_US) {
		settle(client, m);
	}
}

static GSocket *main_socket(struct client *client)
{
	GSocket *socket = NULL;

	if (client->main != NULL)
		g_object_get(client->main, "socket", &socket, NULL);
	if (socket != NULL)
		g_object_unref(socket);
	return socket;
}

static void begins(struct client *client)
{
	struct move *m = last_move(client);

	if (m != NULL && !m->settled)
		settle(client, m); /* the next one has not waited */
	client->moving = true;
	client->switching = false;
	client->begin_us = g_get_monotonic_time();
	client->moving_marks = client->picture.marks;
	client->main_socket = main_socket(client);
	client->moving_gap_us = 0;
	client->moving_echo_us = 0;
}

static void ends(struct client *client)
{
	struct move *m;

	client->moving = false;
	if (!client->switching && main_socket(client) == client->main_socket) {
		client_say("stays");
		return;
	}
	if (client->move_count == MOVES_MAX) {
		client_error(client, "more than %d moves", MOVES_MAX);
		return;
	}
	m = &client->moves[client->move_count++];
	*m = (struct move){
		.how = client->switching ? HOW_SWITCH_HOST : HOW_UNKNOWN,
		.begin_us = client->begin_us,
		.end_us = g_get_monotonic_time(),
		.picture_us = -1,
		.streams_us = -1,
		.gap_us = client->moving_gap_us,
		.echo_us = client->moving_echo_us,
		.frame_before = client->picture.shown.frame,
		.echo_before =
			client->streams.echoed.counts.field[STREAM_CHECKED],
		.pulse_before =
			client->streams.pulsed.counts.field[STREAM_CHECKED],
		.lost_before = streams_lost(client),
	};
	if (client->switching)
		streams_restart(client);
}

void moves_state_changed(struct client *client)
{
	SpiceSessionMigration state = SPICE_SESSION_MIGRATION_NONE;

	g_object_get(client->session, "migration-state", &state, NULL);
	if (state != SPICE_SESSION_MIGRATION_NONE && !client->moving)
		begins(client);
	if (state == SPICE_SESSION_MIGRATION_SWITCHING)
		client->switching = true;
	if (state == SPICE_SESSION_MIGRATION_NONE && client->moving)
		ends(client);
}

/* Absent when the next move began before it came. */
static void set_time(json_t *object, const char *name, int64_t us)
{
	if (us >= 0)
		json_object_set_new(object, name, json_real((double)us / 1e3));
}

json_t *moves_json(const struct client *client)
{
	json_t *list = json_array();
	uint32_t i;

	for (i = 0; i < client->move_count; i++) {
		const struct move *m = &client->moves[i];

		json_t *object =
			json_pack("{s:s,s:b}", "mode", how_name[m->how],
				  "failed", m->failed);

		set_time(object, "took_ms", m->end_us - m->begin_us);
		set_time(object, "gap_ms", m->gap_us);
		set_time(object, "echo_ms", m->echo_us);
		set_time(object, "picture_ms", m->picture_us);
		set_time(object, "streams_ms", m->streams_us);
		json_array_append_new(list, object);
	}
	return list;
}

/* swarm_session.c - one session of the load: what it does and what it saw. */
#include "bench/swarm_session.h"
#include "channels/guest/demo.h"
#include "channels/wire/directory.h"

#include <spice/enums.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Stream numbers, beside the guest's own. */
#define ECHO_STREAM 2
#define USB_STREAM  3

static void say(struct swarm_session *session, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Keeps the first thing that went wrong. */
static void say(struct swarm_session *session, const char *format, ...)
{
	va_list args;

	if (session->words[0])
		return;
	va_start(args, format);
	vsnprintf(session->words, sizeof(session->words), format, args);
	va_end(args);
}

static void die(struct swarm_session *session)
{
	if (session->state < SWARM_DONE)
		session->state = SWARM_DEAD;
}

void swarm_session_init(struct swarm_session *session, const char *guest,
			struct swarm_samples *samples)
{
	memset(session, 0, sizeof(*session));
	snprintf(session->guest, sizeof(session->guest), "%s", guest);
	session->samples = samples;
	swarm_stream_init(&session->echo, guest, ECHO_STREAM,
			  SPICE_CHANNEL_PORT);
	swarm_stream_init(&session->usb, guest, USB_STREAM,
			  SPICE_CHANNEL_USBREDIR);
	stream_checker_init(&session->pulse.checker,
			    stream_key(guest, DEMO_PULSE_STREAM));
}

static struct swarm_stream *stream_of(struct swarm_session *session,
				      const struct client_event *event)
{
	if (event->id != 0)
		return NULL;
	if (event->type == SPICE_CHANNEL_PORT)
		return &session->echo;
	if (event->type == SPICE_CHANNEL_USBREDIR)
		return &session->usb;
	return NULL;
}

static void pulse_received(struct swarm_session *session,
			   const struct span *data, uint64_t now_ns)
{
	struct swarm_pulse *pulse = &session->pulse;
	uint64_t gap_ns = now_ns - pulse->last_ns;

	pulse->closes +=
		stream_check(&pulse->checker, data->data, data->len, NULL);
	if (pulse->last_ns == 0)
		gap_ns = 0;
	else if (session->move == SWARM_STILL)
		swarm_recent_add(&pulse->gap_ns, gap_ns);
	else
		pulse->move_gap_ns = max_u64(pulse->move_gap_ns, gap_ns);
	pulse->last_ns = now_ns;
}

static void data_received(struct swarm_session *session,
			  const struct client_event *event, uint64_t now_ns)
{
	struct swarm_stream *stream = stream_of(session, event);
	bool moving = session->move != SWARM_STILL;

	if (stream) {
		uint64_t echo_ns = swarm_stream_received(stream, &event->data,
							 moving, now_ns);

		if (moving && stream == &session->echo)
			session->move_echo_ns =
				max_u64(session->move_echo_ns, echo_ns);
	} else if (event->type == SPICE_CHANNEL_PORT && event->id == 1) {
		pulse_received(session, &event->data, now_ns);
	}
}

static uint64_t above(uint64_t value, uint64_t base)
{
	return value > base ? value - base : 0;
}

static void collect_pause(struct swarm_samples *samples,
			  const struct client_pause *pause)
{
	if (pause->migrate_ns == 0 || pause->token_ns == 0)
		return;
	swarm_series_add(&samples->protocol,
			 pause->token_ns - pause->migrate_ns);
	if (pause->mark_ns == 0 || pause->data_ns == 0 || pause->first_ns == 0)
		return;
	swarm_series_add(&samples->added,
			 (pause->data_ns - pause->mark_ns) +
				 (pause->first_ns - pause->token_ns));
}

/* SETTLING -> STILL: the figures of the move are whole. */
static void collect(struct swarm_session *session)
{
	const struct client *client = session->client;
	struct swarm_samples *samples = session->samples;

	for (uint32_t i = 0; i < CLIENT_CHANNELS_MAX; i++) {
		if (client->channels[i].known)
			collect_pause(samples, &client->channels[i].pause);
	}
	swarm_series_add(&samples->output,
			 above(session->pulse.move_gap_ns,
			       swarm_recent_median(&session->pulse.gap_ns)));
	swarm_series_add(&samples->input,
			 above(session->move_echo_ns,
			       swarm_recent_median(&session->echo.echo_ns)));
	session->move = SWARM_STILL;
}

static bool has_settled(const struct swarm_session *session)
{
	const struct client *client = session->client;

	if (session->echo.checker.next < session->settle_from[0] ||
	    session->usb.checker.next < session->settle_from[1] ||
	    session->pulse.last_ns <= session->settle_ns)
		return false;
	for (uint32_t i = 0; i < CLIENT_CHANNELS_MAX; i++) {
		const struct client_channel *channel = &client->channels[i];

		if (channel->known && channel->linked && !channel->heard)
			return false;
	}
	return true;
}

static void move_begins(struct swarm_session *session)
{
	if (session->move == SWARM_SETTLING)
		collect(session);
	session->move = SWARM_MOVING;
	session->echo.due_ns = 0; /* at once, and often */
	session->pulse.move_gap_ns = 0;
	session->move_echo_ns = 0;
}

static void move_ended(struct swarm_session *session, uint8_t mode,
		       uint64_t now_ns)
{
	session->move = SWARM_SETTLING;
	session->moves++;
	session->mode = mode;
	session->settle_ns = now_ns;
	session->settle_from[0] = session->echo.sent;
	session->settle_from[1] = session->usb.sent;
}

static void move_undone(struct swarm_session *session)
{
	session->move = SWARM_STILL;
	session->cancelled++;
}

static void channel_up(struct swarm_session *session,
		       const struct client_event *event, uint64_t now_ns)
{
	struct swarm_stream *stream = stream_of(session, event);

	if (stream)
		swarm_stream_start(stream, now_ns);
}

static void channel_gone(struct swarm_session *session,
			 const struct client_event *event)
{
	const char *name = wire_channel_name(event->type);

	if (event->kind == CLIENT_REFUSED)
		say(session, "%s %u was refused, link error %u", name,
		    event->id, event->value);
	else if (event->kind == CLIENT_CLOSED)
		say(session, "the session was closed: %s",
		    event->error ? strerror(-event->error) : "by the server");
	else
		say(session, "%s %u was lost: %s", name, event->id,
		    event->error ? strerror(-event->error) : "by the server");
	die(session);
}

static void port_named(struct swarm_session *session,
		       const struct client_event *event)
{
	const char *name = event->id ? DEMO_PULSE_NAME : DEMO_ECHO_NAME;
	size_t len = strnlen((const char *)event->data.data, event->data.len);

	if (len != strlen(name) || memcmp(event->data.data, name, len) != 0)
		say(session, "port %u is not %s", event->id, name);
}

void swarm_session_event(struct swarm_session *session,
			 const struct client_event *event, uint64_t now_ns)
{
	struct swarm_stream *stream = stream_of(session, event);

	switch (event->kind) {
	case CLIENT_UP:
		if (session->state == SWARM_LINKING)
			session->state = SWARM_STREAMING;
		break;
	case CLIENT_CHANNEL_UP:
		channel_up(session, event, now_ns);
		break;
	case CLIENT_DATA:
		data_received(session, event, now_ns);
		break;
	case CLIENT_WRITABLE:
		if (stream)
			stream->full = false;
		break;
	case CLIENT_PORT_NAMED:
		port_named(session, event);
		break;
	case CLIENT_BEGUN:
		move_begins(session);
		break;
	case CLIENT_MIGRATED:
		move_ended(session, event->mode, now_ns);
		break;
	case CLIENT_CANCELLED:
	case CLIENT_LINK_FAILED:
		move_undone(session);
		break;
	case CLIENT_WOULD_CRASH:
		say(session, "a spice-gtk would have crashed");
		die(session);
		break;
	case CLIENT_CHANNEL_LOST:
	case CLIENT_REFUSED:
	case CLIENT_CLOSED:
		channel_gone(session, event);
		break;
	default:
		break;
	}
}

static bool all_settled(const struct swarm_session *session)
{
	return swarm_stream_settled(&session->echo) &&
	       swarm_stream_settled(&session->usb) && session->pulse.closes > 0;
}

/* A pointer that goes round and round. */
static bool move_mouse(struct swarm_session *session, uint64_t motion_ns,
		       uint64_t now_ns)
{
	static const int8_t way[4][2] = {{3, 0}, {0, 2}, {-3, 0}, {0, -2}};
	const int8_t *step = way[now_ns / NS_PER_S % 4];

	if (motion_ns == 0 || now_ns < session->motion_due_ns)
		return false;
	session->motion_due_ns = now_ns + motion_ns;
	return client_mouse_motion(session->client, step[0], step[1], 0) == 0;
}

bool swarm_session_tick(struct swarm_session *session,
			const struct swarm_pace *pace, uint64_t motion_ns,
			uint64_t now_ns)
{
	struct swarm_pace echo_pace = *pace;
	bool given;

	if (session->state != SWARM_STREAMING &&
	    session->state != SWARM_CLOSING)
		return false;
	if (session->move == SWARM_SETTLING &&
	    (has_settled(session) ||
	     now_ns > session->settle_ns + SWARM_SETTLE_NS))
		collect(session);
	if (session->move != SWARM_STILL && pace->period_ns > SWARM_PROBE_NS)
		echo_pace =
			(struct swarm_pace){SWARM_PROBE_NS, SWARM_PROBE_BYTES};
	given = swarm_stream_tick(&session->echo, session->client, &echo_pace,
				  now_ns);
	given |=
		swarm_stream_tick(&session->usb, session->client, pace, now_ns);
	if (session->state == SWARM_STREAMING)
		given |= move_mouse(session, motion_ns, now_ns);
	else if (all_settled(session))
		session->state = SWARM_DONE;
	return given;
}

void swarm_session_close(struct swarm_session *session)
{
	if (session->state != SWARM_STREAMING)
		return;
	session->state = SWARM_CLOSING;
	session->echo.closing = true;
	session->usb.closing = true;
}

void swarm_session_give_up(struct swarm_session *session)
{
	if (session->state < SWARM_STREAMING)
		say(session, "not all channels were linked");
	else if (session->state == SWARM_CLOSING)
		say(session,
		    "hangs: of echo, usbredir and pulse the end came %s, %s, "
		    "%s",
		    swarm_stream_settled(&session->echo) ? "yes" : "no",
		    swarm_stream_settled(&session->usb) ? "yes" : "no",
		    session->pulse.closes > 0 ? "yes" : "no");
	die(session);
}

static void add_stream(struct swarm_counts *counts,
		       const struct swarm_stream *stream)
{
	counts->in += stream->report.counts.field[STREAM_CHECKED];
	counts->out += stream->checker.counts.field[STREAM_CHECKED];
	counts->lost += swarm_stream_count(stream, STREAM_LOST);
	counts->duplicated += swarm_stream_count(stream, STREAM_DUPLICATED);
	counts->reordered += swarm_stream_count(stream, STREAM_REORDERED);
	counts->crossed += swarm_stream_count(stream, STREAM_CROSSED);
	counts->corrupt += swarm_stream_count(stream, STREAM_CORRUPT);
}

void swarm_session_count(const struct swarm_session *session,
			 struct swarm_counts *counts)
{
	const uint64_t *pulse = session->pulse.checker.counts.field;

	*counts = (struct swarm_counts){
		.out = pulse[STREAM_CHECKED],
		.lost = pulse[STREAM_LOST],
		.duplicated = pulse[STREAM_DUPLICATED],
		.reordered = pulse[STREAM_REORDERED],
		.crossed = pulse[STREAM_CROSSED],
		.corrupt = pulse[STREAM_CORRUPT],
	};
	add_stream(counts, &session->echo);
	add_stream(counts, &session->usb);
}

bool swarm_session_is_well(const struct swarm_session *session)
{
	return session->state == SWARM_DONE && session->client->crashes == 0;
}

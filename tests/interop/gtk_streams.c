/* gtk_streams.c - position-coded bytes over the real client's port channels. */
#include "tests/interop/gtk_client.h"

#define PULSE_STREAM 1
#define WRITE_MAX    4000
#define LATENCY_US   50
/* Without any echo for so long what was sent is taken for lost. */
#define STALL_US 500000

void streams_init(struct client *client)
{
	struct streams *s = &client->streams;
	const char *guest = client->options.guest;

	s->key = g_random_int() | 1;
	s->losses = json_array();
	stream_checker_init(&s->echoed, s->key);
	stream_checker_init(&s->pulsed,
			    guest ? stream_key(guest, PULSE_STREAM) : 0);
}

static void written(GObject *object, GAsyncResult *result, gpointer data)
{
	GError *error = NULL;

	/* A reset channel answers with an error: those bytes show as lost. */
	spice_port_channel_write_finish((SpicePortChannel *)object, result,
					&error);
	g_clear_error(&error);
	g_free(data);
}

static void write_bytes(struct client *client, const uint8_t *bytes,
			uint32_t len)
{
	struct streams *s = &client->streams;
	uint8_t *copy = g_malloc(len);

	memcpy(copy, bytes, len);
	spice_port_channel_write_async(s->echo, copy, len, NULL, written, copy);
}

static void send_bytes(struct client *client, uint32_t len, int64_t now_us)
{
	struct streams *s = &client->streams;
	uint8_t bytes[WRITE_MAX];
	uint32_t slot;

	stream_fill(s->key, s->sent, bytes, len);
	s->sent += len;
	write_bytes(client, bytes, len);
	if (s->sent_count == LATENCIES_MAX)
		return;
	slot = (s->sent_first + s->sent_count++) % LATENCIES_MAX;
	s->sent_at[slot] = (struct sent_at){s->sent, now_us};
}

static uint64_t outstanding(const struct streams *s)
{
	return s->sent - max_u64(s->echoed.high, s->started_from);
}

void streams_tick(struct client *client, int64_t now_us)
{
	struct streams *s = &client->streams;
	uint32_t len = 1 + (uint32_t)g_random_int_range(0, WRITE_MAX);

	if (s->echo == NULL || s->closing)
		return;
	s->credit += (double)client->options.rate *
		     (double)(now_us - s->tick_us) / 1e6;
	s->credit = MIN(s->credit, (double)OUTSTANDING_MAX);
	s->tick_us = now_us;
	if (!client->moving && outstanding(s) > 0 &&
	    now_us - s->echo_heard_us > STALL_US) {
		s->started_from = s->sent;
		s->echo_heard_us = now_us;
	}
	while (s->credit >= len && outstanding(s) + len <= OUTSTANDING_MAX) {
		s->credit -= len;
		send_bytes(client, len, now_us);
		len = 1 + (uint32_t)g_random_int_range(0, WRITE_MAX);
	}
}

void streams_restart(struct client *client)
{
	struct streams *s = &client->streams;

	s->started_from = s->sent;
	s->sent_count = 0;
}

static void note_latency(struct client *client, int64_t took_us)
{
	struct streams *s = &client->streams;
	uint64_t bucket = (uint64_t)took_us / LATENCY_US;

	moves_note(client, 0, took_us);
	if (moves_under_way(client))
		return;
	bucket = min_u64(bucket, G_N_ELEMENTS(s->latency_buckets) - 1);
	s->latency_buckets[bucket]++;
	s->latencies++;
	s->echo_worst_us = MAX(s->echo_worst_us, took_us);
}

int64_t streams_median_us(const struct client *client)
{
	const struct streams *s = &client->streams;
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < G_N_ELEMENTS(s->latency_buckets); i++) {
		sum += s->latency_buckets[i];
		if (sum * 2 > s->latencies)
			break;
	}
	return s->latencies ? (int64_t)i * LATENCY_US : 0;
}

static void echo_came(struct client *client, const uint8_t *bytes, size_t len)
{
	struct streams *s = &client->streams;
	int64_t now_us = g_get_monotonic_time();

	s->echo_heard_us = now_us;
	stream_check(&s->echoed, bytes, len, &s->report);
	while (s->sent_count > 0 &&
	       s->sent_at[s->sent_first].position <= s->echoed.high) {
		note_latency(client, now_us - s->sent_at[s->sent_first].at_us);
		s->sent_first = (s->sent_first + 1) % LATENCIES_MAX;
		s->sent_count--;
	}
	moves_look(client);
}

static void pulse_came(struct client *client, const uint8_t *bytes, size_t len)
{
	struct streams *s = &client->streams;
	int64_t now_us = g_get_monotonic_time();
	int64_t gap_us = s->pulse_heard_us ? now_us - s->pulse_heard_us : 0;

	s->pulse_heard_us = now_us;
	s->gap_us = MAX(s->gap_us, gap_us);
	moves_note(client, gap_us, 0);
	if (!moves_under_way(client))
		s->gap_quiet_us = MAX(s->gap_quiet_us, gap_us);
	stream_check(&s->pulsed, bytes, len, NULL);
	moves_look(client);
}

static void port_data(SpicePortChannel *port, gpointer data, int size,
		      gpointer user)
{
	struct client *client = user;

	if (port == client->streams.echo)
		echo_came(client, data, (size_t)size);
	else if (port == client->streams.pulse)
		pulse_came(client, data, (size_t)size);
	else
		client_error(client, "data on a port without a name");
}

static void port_opened(GObject *object, GParamSpec *spec, gpointer user)
{
	struct client *client = user;
	struct streams *s = &client->streams;
	SpicePortChannel *port = (SpicePortChannel *)object;
	char *name = NULL;
	gboolean opened = FALSE;

	(void)spec;
	g_object_get(object, "port-name", &name, "port-opened", &opened, NULL);
	if (!opened) {
		/* It starts over: nothing can be written meanwhile. */
		if (s->echo == port)
			s->echo = NULL;
	} else if (name && g_str_has_suffix(name, ".demo.echo.0")) {
		s->echo = port;
		s->tick_us = s->echo_heard_us = g_get_monotonic_time();
		s->started_from = s->sent;
	} else if (name && g_str_has_suffix(name, ".demo.pulse.0")) {
		s->pulse = port;
	}
	g_free(name);
}

void streams_add(struct client *client, SpicePortChannel *port)
{
	g_signal_connect(port, "port-data", G_CALLBACK(port_data), client);
	g_signal_connect(port, "notify::port-opened", G_CALLBACK(port_opened),
			 client);
}

void streams_remove(struct client *client, SpiceChannel *channel)
{
	struct streams *s = &client->streams;

	/* What a channel that was given up had read may still be told. */
	g_signal_handlers_disconnect_by_func(channel, (gpointer)port_data,
					     client);
	if ((SpiceChannel *)s->echo == channel)
		s->echo = NULL;
	if ((SpiceChannel *)s->pulse == channel)
		s->pulse = NULL;
}

void streams_close(struct client *client)
{
	struct streams *s = &client->streams;
	uint8_t record[STREAM_RECORD_BYTES];

	s->closing = true;
	if (s->close_written || s->echo == NULL)
		return;
	s->close_written = true;
	stream_write_close(record, s->key, s->sent);
	write_bytes(client, record, sizeof(record));
}

bool streams_closed(const struct client *client)
{
	const struct streams *s = &client->streams;

	return s->echoed.closes > 0 && s->pulsed.closes > 0 &&
	       s->report.have == STREAM_REPORT_WHOLE;
}

static void tell_losses(struct client *client, const char *name,
			const struct stream_checker *c, struct stream_gap *told)
{
	int i, k;

	for (i = 0; i < STREAM_GAPS; i++) {
		const struct stream_gap *g = &c->gap[i];
		bool known = g->len == 0;

		for (k = 0; k < STREAM_GAPS; k++)
			known |= told[k].start == g->start &&
				 told[k].len == g->len;
		if (known)
			continue;
		client_say("lost %s %" G_GUINT64_FORMAT
			   " bytes at %" G_GUINT64_FORMAT,
			   name, g->len, g->start);
		json_array_append_new(client->streams.losses,
				      json_pack("{s:s,s:I,s:I}", "stream", name,
						"at", (json_int_t)g->start,
						"bytes", (json_int_t)g->len));
	}
	memcpy(told, c->gap, sizeof(c->gap));
}

void streams_tell_losses(struct client *client)
{
	struct streams *s = &client->streams;

	tell_losses(client, "echo", &s->echoed, s->told[0]);
	tell_losses(client, "pulse", &s->pulsed, s->told[1]);
}

uint64_t streams_lost(const struct client *client)
{
	return client->streams.echoed.counts.field[STREAM_LOST] +
	       client->streams.pulsed.counts.field[STREAM_LOST];
}

static bool only_lost(const struct stream_counts *c)
{
	return stream_faults(c) == c->field[STREAM_LOST];
}

bool streams_clean(const struct client *client)
{
	const struct streams *s = &client->streams;

	return streams_closed(client) && only_lost(&s->echoed.counts) &&
	       only_lost(&s->pulsed.counts) && only_lost(&s->report.counts) &&
	       (!client->options.seamless ||
		(streams_lost(client) == 0 &&
		 s->report.counts.field[STREAM_LOST] == 0));
}

static json_t *counts_json(const struct stream_counts *c, bool closed)
{
	static const char *const name[STREAM_FIELDS] = {
		"sent_bytes",       "checked_bytes",   "lost_bytes",
		"duplicated_bytes", "reordered_bytes", "crossed_bytes",
		"corrupt_bytes",    "first_fault_at"};
	json_t *object = json_object();
	int i;

	for (i = 0; i < STREAM_FAULT_AT; i++)
		json_object_set_new(object, name[i],
				    json_integer((json_int_t)c->field[i]));
	if (c->field[STREAM_FAULT_AT] != 0)
		json_object_set_new(
			object, name[STREAM_FAULT_AT],
			json_integer((json_int_t)c->field[STREAM_FAULT_AT] -
				     1));
	json_object_set_new(object, "closed", json_boolean(closed));
	return object;
}

json_t *streams_json(struct client *client)
{
	struct streams *s = &client->streams;

	return json_pack(
		"{s:o,s:o,s:o,s:O}", "echo_out",
		counts_json(&s->report.counts,
			    s->report.have == STREAM_REPORT_WHOLE),
		"echo_in", counts_json(&s->echoed.counts, s->echoed.closes > 0),
		"pulse", counts_json(&s->pulsed.counts, s->pulsed.closes > 0),
		"losses", s->losses);
}

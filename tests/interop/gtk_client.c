/* gtk_client.c - the real SPICE client library, headless, checking all it gets.
 *
 * On stdout: "up", "move N MODE ...", "stays" (a migration that was called
 * off), "lost STREAM N bytes at P", "error ...", and at the end one JSON
 * object. On stdin: "stop" (the closing exchange, then the end), "report".
 */
#include "tests/interop/gtk_client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TICK_MS      1
#define POKE_MS      50
#define UP_WITHIN_US 10000000
#define CLOSE_US     5000000

void client_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

void client_error(struct client *client, const char *format, ...)
{
	char text[sizeof(client->first_error)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (client->errors++ == 0)
		g_strlcpy(client->first_error, text, sizeof(text));
	if (client->errors <= 20)
		client_say("error %s", text);
}

/* A warning of the library's is a failure, but where it starts over. */
static GLogWriterOutput log_writer(GLogLevelFlags level,
				   const GLogField *fields, gsize count,
				   gpointer user)
{
	struct client *client = user;
	const char *text = "", *domain = "";
	gsize i;

	if ((level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL |
		      G_LOG_LEVEL_WARNING)) == 0)
		return G_LOG_WRITER_HANDLED;
	for (i = 0; i < count; i++) {
		if (strcmp(fields[i].key, "MESSAGE") == 0)
			text = fields[i].value;
		if (strcmp(fields[i].key, "GLIB_DOMAIN") == 0)
			domain = fields[i].value;
	}
	if (client->warnings++ == 0)
		snprintf(client->first_warning, sizeof(client->first_warning),
			 "%s: %s", domain, text);
	if (client->warnings <= 20)
		fprintf(stderr, "%s: %s\n", domain, text);
	return G_LOG_WRITER_HANDLED;
}

static bool all_right(const struct client *client)
{
	const struct options *o = &client->options;

	return client->up && client->errors == 0 && streams_clean(client) &&
	       client->picture.bad == 0 && client->move_count >= o->moves &&
	       (!o->seamless ||
		(client->warnings == 0 && picture_keys_arrived(client)));
}

static int64_t worst(const struct client *client, bool echo)
{
	int64_t most = 0;
	uint32_t i;

	for (i = 0; i < client->move_count; i++) {
		const struct move *m = &client->moves[i];

		most = MAX(most, echo ? m->echo_us : m->gap_us);
	}
	return most;
}

static uint32_t moved(const struct client *client, enum how how)
{
	uint32_t i, n = 0;

	for (i = 0; i < client->move_count; i++)
		n += client->moves[i].how == how;
	return n;
}

static uint64_t summed(const struct client *client, enum stream_field f)
{
	const struct streams *s = &client->streams;

	/* What did not reach the guest is missing in its echo, too. */
	return max_u64(s->echoed.counts.field[f], s->report.counts.field[f]) +
	       s->pulsed.counts.field[f];
}

static json_t *pauses_json(const struct client *client)
{
	int64_t gap = MAX(worst(client, false) - 1000, 0);
	int64_t echo = worst(client, true) - streams_median_us(client);

	return json_pack(
		"{s:f,s:f,s:f,s:f}", "output_pause_ms", (double)gap / 1e3,
		"input_pause_ms", (double)MAX(echo, 0) / 1e3, "quiet_gap_ms",
		(double)client->streams.gap_quiet_us / 1e3, "echo_median_ms",
		(double)streams_median_us(client) / 1e3);
}

static void print_report(struct client *client)
{
	const struct picture *p = &client->picture;
	json_t *report, *detail;
	char *text;
	FILE *file;

	report = json_pack("{s:s,s:b,s:i,s:i,s:i,s:i}", "name", "spice-gtk",
			   "ok", all_right(client), "moves",
			   (int)client->move_count, "seamless",
			   (int)moved(client, HOW_SEAMLESS), "semi_seamless",
			   (int)moved(client, HOW_SEMI_SEAMLESS), "switch_host",
			   (int)moved(client, HOW_SWITCH_HOST));
	detail = json_pack(
		"{s:I,s:I,s:I,s:I,s:I}", "lost_bytes",
		(json_int_t)summed(client, STREAM_LOST), "duplicated_bytes",
		(json_int_t)summed(client, STREAM_DUPLICATED),
		"reordered_bytes", (json_int_t)summed(client, STREAM_REORDERED),
		"crossed_bytes", (json_int_t)summed(client, STREAM_CROSSED),
		"corrupt_bytes", (json_int_t)summed(client, STREAM_CORRUPT));
	json_object_update_new(report, detail);
	json_object_update_new(report, pauses_json(client));
	json_object_set_new(
		report, "picture",
		json_pack("{s:I,s:I,s:I,s:I,s:I}", "checked",
			  (json_int_t)p->checked, "bad", (json_int_t)p->bad,
			  "frame", (json_int_t)p->shown.frame, "keys_sent",
			  (json_int_t)p->keys_sent, "keys_shown",
			  (json_int_t)(p->shown.keys - p->keys_base)));
	json_object_set_new(
		report, "warnings",
		json_pack("{s:i,s:s}", "count", (int)client->warnings, "first",
			  g_utf8_validate(client->first_warning, -1, NULL)
				  ? client->first_warning
				  : ""));
	json_object_set_new(report, "errors",
			    json_pack("{s:i,s:s}", "count", (int)client->errors,
				      "first", client->first_error));
	json_object_set_new(report, "streams", streams_json(client));
	json_object_set_new(report, "move_list", moves_json(client));
	text = json_dumps(report, JSON_REAL_PRECISION(6));
	client_say("%s", text);
	if (client->options.json != NULL) {
		file = fopen(client->options.json, "w");
		if (file == NULL || fprintf(file, "%s\n", text) < 0)
			client_error(client, "cannot write %s",
				     client->options.json);
		if (file != NULL)
			fclose(file);
	}
	free(text);
	json_decref(report);
}

static void begin_end(struct client *client)
{
	if (client->close_by_us == 0)
		client->close_by_us = g_get_monotonic_time() + CLOSE_US;
}

static void try_end(struct client *client, int64_t now_us)
{
	if (!moves_under_way(client))
		streams_close(client);
	if (now_us > client->close_by_us) {
		if (!streams_closed(client))
			client_error(client, "the closing exchange failed");
		else if (client->options.seamless)
			client_error(client, "a key was lost");
		g_main_loop_quit(client->loop);
	} else if (streams_closed(client) && (picture_keys_arrived(client) ||
					      !client->options.seamless)) {
		g_main_loop_quit(client->loop);
	}
}

static void look_up(struct client *client, int64_t since_us)
{
	const struct streams *s = &client->streams;

	if (client->picture.seen && client->open == client->channels &&
	    s->echoed.counts.field[STREAM_CHECKED] > 0 &&
	    s->pulsed.counts.field[STREAM_CHECKED] > 0) {
		client->up = true;
		client_say("up");
	} else if (since_us > UP_WITHIN_US) {
		client_error(client, "not up within %d s",
			     UP_WITHIN_US / 1000000);
		g_main_loop_quit(client->loop);
	}
}

static gboolean tick(gpointer user)
{
	struct client *client = user;
	int64_t now_us = g_get_monotonic_time();

	streams_tick(client, now_us);
	moves_look(client);
	if (!client->up) {
		look_up(client, now_us - client->begin_us);
		return G_SOURCE_CONTINUE;
	}
	if (client->close_by_us != 0)
		try_end(client, now_us);
	else if (client->options.moves > 0 &&
		 client->move_count >= client->options.moves &&
		 !moves_under_way(client))
		begin_end(client);
	return G_SOURCE_CONTINUE;
}

static gboolean poke(gpointer user)
{
	struct client *client = user;

	/* Before its channel is up the library drops what is typed. */
	if (client->up && client->close_by_us == 0)
		picture_poke(client);
	return G_SOURCE_CONTINUE;
}

static gboolean time_over(gpointer user)
{
	begin_end(user);
	return G_SOURCE_REMOVE;
}

static gboolean command(GIOChannel *source, GIOCondition condition,
			gpointer user)
{
	struct client *client = user;
	char *line = NULL;
	gsize end = 0;

	(void)condition;
	if (g_io_channel_read_line(source, &line, NULL, &end, NULL) !=
	    G_IO_STATUS_NORMAL)
		return G_SOURCE_REMOVE;
	line[end] = 0;
	if (strcmp(line, "stop") == 0)
		begin_end(client);
	else if (strcmp(line, "report") == 0)
		print_report(client);
	else
		client_say("error unknown command %s", line);
	g_free(line);
	return G_SOURCE_CONTINUE;
}

static bool read_options(struct client *client, int argc, char **argv)
{
	struct options *o = &client->options;
	const char *mode = "seamless";
	gint64 rate = 500000;
	int moves = 0;
	GOptionEntry entries[] = {
		{"host", 0, 0, G_OPTION_ARG_STRING, &o->host, "", "H"},
		{"port", 0, 0, G_OPTION_ARG_STRING, &o->port, "", "P"},
		{"password", 0, 0, G_OPTION_ARG_STRING, &o->password, "", "T"},
		{"unix", 0, 0, G_OPTION_ARG_STRING, &o->unix_path, "", "PATH"},
		{"pass", 0, 0, G_OPTION_ARG_NONE, &o->pass,
		 "make each connection here and hand the library descriptors",
		 NULL},
		{"guest", 0, 0, G_OPTION_ARG_STRING, &o->guest,
		 "whose pulse it must be", "NAME"},
		{"json", 0, 0, G_OPTION_ARG_STRING, &o->json, "", "FILE"},
		{"seconds", 0, 0, G_OPTION_ARG_DOUBLE, &o->seconds,
		 "end after so long", "S"},
		{"leave", 0, 0, G_OPTION_ARG_STRING, &o->leave,
		 "do not connect channels of this kind", "TYPE"},
		{"moves", 0, 0, G_OPTION_ARG_INT, &moves,
		 "end after so many moves, all of them due", "N"},
		{"rate", 0, 0, G_OPTION_ARG_INT64, &rate,
		 "bytes per second to the echo", "R"},
		{"mode", 0, 0, G_OPTION_ARG_STRING, &mode,
		 "seamless: nothing may be lost; semi: what is lost is told",
		 "M"},
		{0}};
	GOptionContext *context = g_option_context_new(NULL);
	GError *error = NULL;
	bool ok;

	g_option_context_add_main_entries(context, entries, NULL);
	ok = g_option_context_parse(context, &argc, &argv, &error) &&
	     argc == 1 && moves >= 0 && rate > 0 &&
	     (o->unix_path != NULL || (o->host != NULL && o->port != NULL)) &&
	     (strcmp(mode, "seamless") == 0 || strcmp(mode, "semi") == 0);
	g_option_context_free(context);
	g_clear_error(&error);
	o->seamless = strcmp(mode, "seamless") == 0;
	o->moves = (uint32_t)moves;
	o->rate = (uint64_t)rate;
	return ok;
}

int main(int argc, char **argv)
{
	struct client *client = g_new0(struct client, 1);
	GIOChannel *input;
	bool ok;

	if (!read_options(client, argc, argv)) {
		fprintf(stderr, "usage: gtk_client --host H --port P | --unix "
				"PATH  --password T (see --help)\n");
		return 2;
	}
	g_log_set_writer_func(log_writer, client, NULL);
	client->loop = g_main_loop_new(NULL, FALSE);
	client->begin_us = g_get_monotonic_time();
	streams_init(client);
	session_open(client);
	g_timeout_add(TICK_MS, tick, client);
	g_timeout_add(POKE_MS, poke, client);
	if (client->options.seconds > 0)
		g_timeout_add((guint)(client->options.seconds * 1000),
			      time_over, client);
	input = g_io_channel_unix_new(0);
	g_io_add_watch(input, G_IO_IN | G_IO_HUP, command, client);
	if (!client->ended)
		g_main_loop_run(client->loop);
	client->quitting = true;
	streams_tell_losses(client);
	print_report(client);
	ok = all_right(client);
	spice_session_disconnect(client->session);
	return ok ? 0 : 1;
}

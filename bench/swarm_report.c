/* swarm_report.c - what all sessions counted, as JSON. */
#include "bench/swarm_report.h"

#include <inttypes.h>
#include <stdio.h>

static uint64_t first_fault(const struct swarm_session *session,
			    const char **stream)
{
	const struct {
		const char *name;
		uint64_t at;
	} all[] = {
		{"echo", swarm_stream_count(&session->echo, STREAM_FAULT_AT)},
		{"usbredir",
		 swarm_stream_count(&session->usb, STREAM_FAULT_AT)},
		{"pulse", session->pulse.checker.counts.field[STREAM_FAULT_AT]},
	};

	for (uint32_t i = 0; i < ARRAY_LEN(all); i++) {
		*stream = all[i].name;
		if (all[i].at > 0)
			return all[i].at - 1;
	}
	return 0;
}

bool swarm_report_problem(const struct swarm_session *session, char *words,
			  size_t cap)
{
	struct swarm_counts counts;
	const char *stream;
	uint64_t at;

	swarm_session_count(session, &counts);
	at = first_fault(session, &stream);
	if (session->words[0])
		snprintf(words, cap, "%s", session->words);
	else if (!client_is_content(session->client))
		snprintf(words, cap, "the server broke a rule: %s",
			 session->client->violations.first);
	else if (counts.lost + counts.duplicated + counts.reordered +
			 counts.crossed + counts.corrupt >
		 0)
		snprintf(words, cap,
			 "bytes lost %" PRIu64 ", duplicated %" PRIu64
			 ", reordered %" PRIu64 ", crossed %" PRIu64
			 ", corrupt %" PRIu64 ", first in %s at %" PRIu64,
			 counts.lost, counts.duplicated, counts.reordered,
			 counts.crossed, counts.corrupt, stream, at);
	else
		return false;
	return true;
}

static const char *mode_name(uint8_t mode)
{
	static const char *const names[] = {
		[0] = "none",
		[CLIENT_SEAMLESS] = "seamless",
		[CLIENT_SEMI] = "semi-seamless",
		[CLIENT_SWITCH_HOST] = "switch-host",
	};

	return names[mode];
}

/* All that a semi-seamless move may do to a session. */
static bool only_lost(const struct swarm_session *session)
{
	struct swarm_counts counts;

	swarm_session_count(session, &counts);
	return !session->words[0] && client_is_content(session->client) &&
	       counts.duplicated + counts.reordered + counts.crossed +
			       counts.corrupt ==
		       0;
}

static json_t *problems(const struct swarm_session *sessions, uint32_t count)
{
	json_t *all = json_array();
	char words[2 * SWARM_WORDS_BYTES];

	for (uint32_t i = 0; i < count; i++) {
		const struct swarm_session *s = &sessions[i];

		if (!swarm_report_problem(s, words, sizeof(words)))
			continue;
		json_array_append_new(
			all,
			json_pack("{s:s, s:s, s:b, s:b, s:i, s:s}", "guest",
				  s->guest, "what", words, "failed",
				  !swarm_session_is_well(s), "only_lost",
				  (int)only_lost(s), "moves", (int)s->moves,
				  "mode", mode_name(s->mode)));
	}
	return all;
}

static json_t *pauses(struct swarm_series *series, double unit)
{
	return json_pack(
		"{s:i, s:f, s:f, s:f}", "count", (int)series->count, "p50",
		(double)swarm_series_quantile(series, 0.5) / unit, "p99",
		(double)swarm_series_quantile(series, 0.99) / unit, "max",
		(double)swarm_series_quantile(series, 1) / unit);
}

static void add_counts(struct swarm_counts *sum,
		       const struct swarm_session *session)
{
	struct swarm_counts one;

	swarm_session_count(session, &one);
	sum->in += one.in;
	sum->out += one.out;
	sum->lost += one.lost;
	sum->duplicated += one.duplicated;
	sum->reordered += one.reordered;
	sum->crossed += one.crossed;
	sum->corrupt += one.corrupt;
}

json_t *swarm_report(const struct swarm_session *sessions, uint32_t count,
		     struct swarm_samples *samples)
{
	struct swarm_counts sum = {0};
	uint32_t well = 0, moved = 0, cancelled = 0;
	uint64_t moves = 0;

	for (uint32_t i = 0; i < count; i++) {
		add_counts(&sum, &sessions[i]);
		well += swarm_session_is_well(&sessions[i]);
		moved += sessions[i].moves > 0;
		moves += sessions[i].moves;
		cancelled += sessions[i].cancelled;
	}
	return json_pack(
		"{s:i, s:i, s:i, s:I, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
		"s:o, s:o, s:o, s:o, s:o}",
		"sessions", (int)count, "well", (int)well, "moved", (int)moved,
		"moves", (json_int_t)moves, "undone", (int)cancelled,
		"checked_bytes_in", (json_int_t)sum.in, "checked_bytes_out",
		(json_int_t)sum.out, "lost_bytes", (json_int_t)sum.lost,
		"duplicated_bytes", (json_int_t)sum.duplicated,
		"reordered_bytes", (json_int_t)sum.reordered, "crossed_bytes",
		(json_int_t)sum.crossed, "corrupt_bytes",
		(json_int_t)sum.corrupt, "protocol_pause_ms",
		pauses(&samples->protocol, (double)NS_PER_MS),
		"server_added_us", pauses(&samples->added, (double)NS_PER_US),
		"output_pause_ms", pauses(&samples->output, (double)NS_PER_MS),
		"input_pause_ms", pauses(&samples->input, (double)NS_PER_MS),
		"problems", problems(sessions, count));
}

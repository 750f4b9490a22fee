/* swarm_report.h - what all sessions counted, as JSON. */
#pragma once

#include "bench/swarm_session.h"

#include <jansson.h>

/*
 * Counts, pauses and problems of all sessions; owned by the caller, NULL
 * without memory. Sorts the samples.
 */
json_t *swarm_report(const struct swarm_session *sessions, uint32_t count,
		     struct swarm_samples *samples);

/* What is wrong with a session, in words. False: nothing. */
bool swarm_report_problem(const struct swarm_session *session, char *words,
			  size_t cap);

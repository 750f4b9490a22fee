/* swarm_samples.c - every pause of every move, kept for exact quantiles. */
#include "bench/swarm_samples.h"

#include <stdlib.h>
#include <string.h>

void swarm_series_add(struct swarm_series *series, uint64_t ns)
{
	if (series->count == series->room) {
		uint32_t room = series->room ? series->room * 2 : 1024;
		uint64_t *more;

		if (room > SWARM_SERIES_MAX)
			return;
		more = realloc(series->ns, room * sizeof(*more));
		if (!more)
			return;
		series->ns = more;
		series->room = room;
	}
	series->ns[series->count++] = ns;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

uint64_t swarm_series_quantile(struct swarm_series *series, double q)
{
	double rank = q * series->count;
	uint32_t at = (uint32_t)rank;

	if (series->count == 0)
		return 0;
	qsort(series->ns, series->count, sizeof(*series->ns), compare);
	/* The smallest that so many are not above: of 100, p99 is the 99th. */
	if (at > 0 && (double)at >= rank)
		at--;
	return series->ns[at];
}

void swarm_recent_add(struct swarm_recent *recent, uint64_t ns)
{
	recent->ns[recent->count++ % SWARM_RECENT] = ns;
}

uint64_t swarm_recent_median(const struct swarm_recent *recent)
{
	uint32_t count = (uint32_t)min_u64(recent->count, SWARM_RECENT);
	uint64_t sorted[SWARM_RECENT];

	if (count == 0)
		return 0;
	memcpy(sorted, recent->ns, sizeof(sorted));
	qsort(sorted, count, sizeof(*sorted), compare);
	return sorted[count / 2];
}

void swarm_samples_fini(struct swarm_samples *samples)
{
	free(samples->protocol.ns);
	free(samples->added.ns);
	free(samples->output.ns);
	free(samples->input.ns);
	*samples = (struct swarm_samples){0};
}

/* swarm_samples.h - every pause of every move, kept for exact quantiles. */
#pragma once

#include "core/base.h"

/* One kind of figure. */
struct swarm_series {
	uint64_t *ns;
	uint32_t count;
	uint32_t room;
};

#define SWARM_SERIES_MAX ((uint32_t)1 << 22)

/* The latest figures of one session, for a median that is exact. */
#define SWARM_RECENT 63

struct swarm_recent {
	uint64_t ns[SWARM_RECENT];
	uint64_t count; /* ever added */
};

struct swarm_samples {
	struct swarm_series protocol; /* per channel */
	struct swarm_series added;    /* per channel with flags 3 */
	struct swarm_series output;   /* per move */
	struct swarm_series input;    /* per move */
};

/* Adds a figure; above SWARM_SERIES_MAX or without memory it is left out. */
void swarm_series_add(struct swarm_series *series, uint64_t ns);

/* The value that the share q (0..1) does not pass, 0 when empty. Sorts. */
uint64_t swarm_series_quantile(struct swarm_series *series, double q);

/* Adds a figure in place of the oldest. */
void swarm_recent_add(struct swarm_recent *recent, uint64_t ns);

/* The median of the latest, 0 when there is none. */
uint64_t swarm_recent_median(const struct swarm_recent *recent);

void swarm_samples_fini(struct swarm_samples *samples);

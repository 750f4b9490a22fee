/* hist.h - log-linear histograms of nanoseconds or counts, added by adding. */
#pragma once

#include "core/base.h"

/* 16 linear steps per power of two: a relative error of at most 1/16. */
#define HIST_STEP_BITS 4
#define HIST_BUCKETS   ((64 - HIST_STEP_BITS + 1) << HIST_STEP_BITS)

struct hist {
	uint64_t count;
	uint64_t max;
	uint32_t bucket[HIST_BUCKETS];
};

void hist_add(struct hist *hist, uint64_t value);
void hist_merge(struct hist *to, const struct hist *from);

/* The value below which the share q (0..1) lies; at most max. 0 if empty. */
uint64_t hist_quantile(const struct hist *hist, double q);

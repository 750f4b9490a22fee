/* hist.c - log-linear histograms of nanoseconds or counts, added by adding. */
#include "core/hist.h"

#define STEPS ((uint32_t)1 << HIST_STEP_BITS)

/* Values below STEPS have a bucket each, then STEPS per power of two. */
static uint32_t bucket_of(uint64_t value)
{
	uint32_t shift;

	if (value < STEPS)
		return (uint32_t)value;
	shift = 63 - (uint32_t)__builtin_clzll(value) - HIST_STEP_BITS;
	return ((shift + 1) << HIST_STEP_BITS) +
	       ((uint32_t)(value >> shift) & (STEPS - 1));
}

/* The highest value that falls into a bucket. */
static uint64_t bucket_last(uint32_t bucket)
{
	uint32_t shift;

	if (bucket < STEPS)
		return bucket;
	shift = (bucket >> HIST_STEP_BITS) - 1;
	return ((uint64_t)(STEPS + (bucket & (STEPS - 1))) << shift) +
	       (((uint64_t)1 << shift) - 1);
}

static void bucket_add(uint32_t *bucket, uint32_t count)
{
	if (__builtin_add_overflow(*bucket, count, bucket))
		*bucket = UINT32_MAX;
}

void hist_add(struct hist *hist, uint64_t value)
{
	bucket_add(&hist->bucket[bucket_of(value)], 1);
	hist->count++;
	hist->max = max_u64(hist->max, value);
}

void hist_merge(struct hist *to, const struct hist *from)
{
	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		bucket_add(&to->bucket[i], from->bucket[i]);
	to->count += from->count;
	to->max = max_u64(to->max, from->max);
}

uint64_t hist_quantile(const struct hist *hist, double q)
{
	double share = q > 0 ? q * (double)hist->count : 0;
	uint64_t below = 0;

	if (q >= 1)
		return hist->max;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		below += hist->bucket[i];
		if (below && (double)below >= share)
			return min_u64(bucket_last(i), hist->max);
	}
	return hist->max;
}

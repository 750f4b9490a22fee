/* hist_test.c - quantiles of a histogram against those of the sorted values. */
#include "core/hist.h"
#include "tests/unit/seeded.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

TestSuite(hist);

/* The bounds of a bucket, found by what hist_quantile says. */
Test(hist, every_value_is_within_a_sixteenth)
{
	for (uint32_t shift = 0; shift < 64; shift++) {
		for (int64_t near = -2; near <= 2; near++) {
			uint64_t value =
				((uint64_t)1 << shift) + (uint64_t)near;
			struct hist hist = {0};
			uint64_t got;

			hist_add(&hist, value);
			/* With max out of the way, the bucket's own bound. */
			hist.max = UINT64_MAX;
			got = hist_quantile(&hist, 0.5);
			cr_assert_geq(got, value);
			cr_assert_leq(got - value, value / 16);
			if (value < 32)
				cr_assert_eq(got, value);
		}
	}
}

Test(hist, edges)
{
	static const double shares[] = {-1, 0, 0.5, 1, 2, (double)NAN};
	struct hist hist = {0};

	for (size_t i = 0; i < ARRAY_LEN(shares); i++)
		cr_assert_eq(hist_quantile(&hist, shares[i]), 0);
	hist_add(&hist, UINT64_MAX);
	for (size_t i = 0; i < ARRAY_LEN(shares); i++)
		cr_assert_eq(hist_quantile(&hist, shares[i]), UINT64_MAX);
	hist_add(&hist, 3);
	cr_assert_eq(hist_quantile(&hist, 0), 3);
	cr_assert_eq(hist_quantile(&hist, 0.5), 3);
	cr_assert_eq(hist_quantile(&hist, 0.51), UINT64_MAX);
	cr_assert_eq(hist.max, UINT64_MAX);
	cr_assert_eq(hist.count, 2);
}

Test(hist, never_above_the_highest_value)
{
	struct hist hist = {0};

	hist_add(&hist, 1000001);
	cr_assert_eq(hist_quantile(&hist, 0.99), 1000001);
}

Test(hist, a_full_bucket_stays_full)
{
	struct hist hist = {.bucket[5] = UINT32_MAX, .count = UINT32_MAX};
	struct hist sum = hist;

	hist_add(&hist, 5);
	cr_assert_eq(hist.bucket[5], UINT32_MAX);
	hist_merge(&sum, &hist);
	cr_assert_eq(sum.bucket[5], UINT32_MAX);
	cr_assert_eq(sum.count, 2 * (uint64_t)UINT32_MAX + 1);
	cr_assert_leq(hist_quantile(&sum, 0.9), 5);
}

static int compare_words(const void *a, const void *b)
{
	const uint64_t *left = a;
	const uint64_t *right = b;

	return (*left > *right) - (*left < *right);
}

Test(hist, agrees_with_sorted_values)
{
	static const double shares[] = {0.01, 0.1, 0.5, 0.9, 0.99, 0.999};
	static uint64_t values[5000];

	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct seeded seeded = {seed};
		struct hist parts[2] = {0};
		struct hist sum = {0};

		for (uint32_t i = 0; i < ARRAY_LEN(values); i++) {
			values[i] = seeded_word(&seeded) >>
				    seeded_below(&seeded, 64);
			hist_add(&parts[i % 2], values[i]);
		}
		qsort(values, ARRAY_LEN(values), sizeof(values[0]),
		      compare_words);
		hist_merge(&sum, &parts[0]);
		hist_merge(&sum, &parts[1]);
		cr_assert_eq(sum.count, ARRAY_LEN(values));
		cr_assert_eq(sum.max, values[ARRAY_LEN(values) - 1]);
		for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
			uint64_t got = hist_quantile(&sum, shares[i]);
			double place = shares[i] * ARRAY_LEN(values);
			size_t rank =
				(size_t)place + ((double)(size_t)place < place);
			uint64_t exact = values[rank - 1];

			cr_assert_geq(got, exact);
			cr_assert_leq(got - exact, exact / 16);
		}
	}
}

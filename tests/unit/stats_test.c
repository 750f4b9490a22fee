/* stats_test.c - counters have names, add up, and may be read meanwhile. */
#include "core/stats.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

TestSuite(stats, .timeout = 120);

Test(stats, every_counter_is_named_once)
{
	for (uint32_t i = 0; i < STAT_COUNT; i++) {
		const char *name = stats_name(i);

		cr_assert_not_null(name);
		cr_assert_gt(strlen(stats_help(i)), 0);
		cr_assert_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz_"),
			     strlen(name));
		for (uint32_t j = 0; j < i; j++)
			cr_assert_str_neq(name, stats_name(j));
	}
	cr_assert_str_eq(stats_name(STAT_links_accepted), "links_accepted");
	cr_assert_str_eq(stats_name(STAT_events), "events");
	cr_assert_null(stats_name(STAT_COUNT));
	cr_assert_null(stats_help(STAT_COUNT));
}

Test(stats, shards_add_up)
{
	struct stats shards[3] = {0};
	struct stats sum = {0};

	for (uint32_t i = 0; i < STAT_COUNT; i++) {
		stats_add(&shards[0], i, i);
		stats_add(&shards[0], i, 1);
		stats_add(&shards[2], i, (uint64_t)i << 40);
	}
	for (uint32_t i = 0; i < ARRAY_LEN(shards); i++)
		stats_sum(&sum, &shards[i]);
	for (uint32_t i = 0; i < STAT_COUNT; i++) {
		cr_assert_eq(stats_get(&shards[0], i), i + 1);
		cr_assert_eq(stats_get(&sum, i), ((uint64_t)i << 40) + i + 1);
	}
}

#define COUNTS 1000000

static void *count_up(void *argument)
{
	struct stats *stats = argument;

	for (uint32_t i = 0; i < COUNTS; i++)
		stats_add(stats, STAT_passes, 0x100000001);
	return NULL;
}

/* A reader sees whole words, and never less than before. */
Test(stats, are_read_while_they_are_written)
{
	static struct stats stats;
	uint64_t last = 0;
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, count_up, &stats), 0);
	while ((uint32_t)last < COUNTS) {
		uint64_t now = stats_get(&stats, STAT_passes);

		cr_assert_eq(now >> 32, (uint32_t)now);
		cr_assert_geq(now, last);
		last = now;
	}
	pthread_join(thread, NULL);
	cr_assert_eq(stats_get(&stats, STAT_passes),
		     COUNTS * (uint64_t)0x100000001);
}

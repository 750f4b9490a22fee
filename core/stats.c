/* stats.c - counters of a shard, written by it, read by the control thread. */
#include "core/stats.h"

static const char *const names[STAT_COUNT] = {
#define STATS_NAME(name, help) [STAT_##name] = #name,
	STATS(STATS_NAME)
#undef STATS_NAME
};

static const char *const helps[STAT_COUNT] = {
#define STATS_HELP(name, help) [STAT_##name] = help,
	STATS(STATS_HELP)
#undef STATS_HELP
};

void stats_sum(struct stats *to, const struct stats *from)
{
	for (uint32_t i = 0; i < STAT_COUNT; i++)
		stats_add(to, i, stats_get(from, i));
}

uint64_t stats_get(const struct stats *stats, enum stat_id id)
{
	return atomic_load_explicit(&stats->value[id], memory_order_relaxed);
}

const char *stats_name(enum stat_id id)
{
	return (uint32_t)id < STAT_COUNT ? names[id] : NULL;
}

const char *stats_help(enum stat_id id)
{
	return (uint32_t)id < STAT_COUNT ? helps[id] : NULL;
}

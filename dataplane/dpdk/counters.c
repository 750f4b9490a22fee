/* counters.c - what a dp counts, told to other threads now and then.
 *
 * The counters themselves belong to the thread that polls. Every few ms it
 * copies them to where anybody may read.
 */
#include "dataplane/dpdk/internal.h"

#define PUBLISH_NS (20 * NS_PER_MS)

static const char *const leg_names[] = {
#define NAME(name) #name,
	LEG_COUNTERS(NAME)
#undef NAME
};

static const char *const tcp_names[] = {
#define NAME(name) "tcp_" #name,
	TCP_COUNTERS(NAME)
#undef NAME
};

_Static_assert(sizeof(struct leg_counters) ==
		       ARRAY_LEN(leg_names) * sizeof(uint64_t),
	       "one word and one name for each");
_Static_assert(sizeof(struct tcp_counters) ==
		       ARRAY_LEN(tcp_names) * sizeof(uint64_t),
	       "one word and one name for each");
_Static_assert(ARRAY_LEN(leg_names) + ARRAY_LEN(tcp_names) <= PUBLISHED_MAX,
	       "there is a place for each");

static void put(struct leg *leg, uint32_t at, uint64_t value)
{
	atomic_store_explicit(&leg->published[at], value, memory_order_relaxed);
}

void counters_publish(struct dpdk_dp *d)
{
	if (d->now_ns < d->publish_ns)
		return;
	d->publish_ns = d->now_ns + PUBLISH_NS;
	for (uint32_t i = 0; i < d->leg_count; i++) {
		struct leg *leg = &d->legs[i];
		const uint64_t *own = (const uint64_t *)&leg->counters;
		const uint64_t *tcp =
			(const uint64_t *)tcp_counters(leg->stack);
		uint32_t at = 0;

		for (uint32_t k = 0; k < ARRAY_LEN(leg_names); k++)
			put(leg, at++, own[k]);
		for (uint32_t k = 0; k < ARRAY_LEN(tcp_names); k++)
			put(leg, at++, tcp[k]);
	}
}

void dpdk_counters(struct dp *dp, dp_counter_fn *each, void *arg)
{
	struct dpdk_dp *d = dpdk_of(dp);

	for (uint32_t i = 0; i < d->leg_count; i++) {
		struct leg *leg = &d->legs[i];
		const char *port = leg->port->config.name;

		for (uint32_t k = 0; k < PUBLISHED_MAX; k++) {
			uint64_t value = atomic_load_explicit(
				&leg->published[k], memory_order_relaxed);

			if (k < ARRAY_LEN(leg_names))
				each(arg, port, leg_names[k], value);
			else if (k - ARRAY_LEN(leg_names) <
				 ARRAY_LEN(tcp_names))
				each(arg, port,
				     tcp_names[k - ARRAY_LEN(leg_names)],
				     value);
		}
	}
}

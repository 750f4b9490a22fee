/* control_ports.c - what the ports of a kernel bypass have counted. */
#include "core/control_ports.h"

/* Adds one dp's number to those that others had under the same name. */
static void add(void *arg, const char *port, const char *name, uint64_t value)
{
	json_t *all = arg;
	json_t *counters = json_object_get(all, port);
	json_t *sum;

	if (!counters) {
		counters = json_object();
		json_object_set_new(all, port, counters);
	}
	sum = json_object_get(counters, name);
	if (sum)
		json_integer_set(sum,
				 json_integer_value(sum) + (json_int_t)value);
	else
		json_object_set_new(counters, name,
				    json_integer((json_int_t)value));
}

json_t *control_ports(const struct control *control)
{
	const struct pool *pool = control->pool;
	json_t *all = json_object();

	for (uint32_t i = 0; i < pool->shard_count; i++)
		dp_counters(pool->shards[i]->front, add, all);
	return all;
}

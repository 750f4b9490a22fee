/* create.c - a stack's memory, all of it taken at start. */
#include "dataplane/tcp/stack.h"

#include <errno.h>
#include <string.h>

size_t tcp_bytes(const struct tcp_config *config)
{
	size_t flows = config->flow_max;
	size_t slots = tcp_reorder_slots(config->rx_flow_bytes + CHUNK_BYTES);

	if (!tcp_config_valid(config))
		return 0;
	return sizeof(struct tcp_stack) + flows * sizeof(struct flow) +
	       flows * (sizeof(struct wheel_timer) + sizeof(uint32_t)) +
	       tcp_table_bytes(config->flow_max + config->time_wait_max) +
	       tcp_event_queue_bytes(config->flow_max, config->view_max) +
	       (size_t)config->tx_chunks * (CHUNK_BYTES + sizeof(uint32_t)) +
	       tcp_rx_pool_bytes(config->rx_chunks) +
	       config->aux_max *
		       (sizeof(struct flow_aux) + slots * sizeof(uint32_t)) +
	       config->time_wait_max * sizeof(struct tcp_time_wait) +
	       config->listener_max * sizeof(struct listener) +
	       neighbours_bytes(config->neighbour_max) +
	       16 * (size_t)CACHE_LINE_BYTES;
}

static void *take(struct arena *arena, size_t count, size_t size)
{
	return arena_take(arena, count * size, CACHE_LINE_BYTES);
}

static int take_arrays(struct tcp_stack *stack, struct arena *arena)
{
	const struct tcp_config *config = &stack->config;

	stack->flows = take(arena, config->flow_max, sizeof(struct flow));
	stack->listed = take(arena, config->flow_max, sizeof(uint32_t));
	stack->aux = take(arena, config->aux_max, sizeof(struct flow_aux));
	stack->aux_maps = take(arena, config->aux_max,
			       stack->reorder_slots * sizeof(uint32_t));
	stack->listeners =
		take(arena, config->listener_max, sizeof(struct listener));
	if (!stack->flows || !stack->listed || !stack->aux ||
	    !stack->aux_maps || !stack->listeners)
		return -ENOMEM;
	return 0;
}

static int take_pools(struct tcp_stack *stack, struct arena *arena)
{
	const struct tcp_config *config = &stack->config;

	if (tcp_table_init(&stack->table, arena,
			   config->flow_max + config->time_wait_max) ||
	    wheel_init(&stack->wheel, arena, config->flow_max, stack->now_ns) ||
	    chunk_pool_init(&stack->tx_pool, arena, config->tx_chunks) ||
	    tcp_rx_pool_init(&stack->rx_pool, arena, config->rx_chunks) ||
	    tcp_event_queue_init(&stack->events, arena, config->flow_max,
				 config->view_max) ||
	    tcp_time_waits_init(&stack->waits, arena, config->time_wait_max) ||
	    neighbours_init(&stack->neighbours, arena, config->neighbour_max,
			    &stack->counters.arp_evicted))
		return -ENOMEM;
	return 0;
}

/*
 * The smallest shift that lets the whole buffer be told, but never none: so a
 * flow with a scale of its own is one that agreed on scaling.
 */
static uint8_t scale_for(uint32_t rx_flow_bytes)
{
	uint32_t scale = 1;

	while ((rx_flow_bytes >> scale) + 1 > UINT16_MAX)
		scale++;
	return (uint8_t)scale;
}

int tcp_create(const struct tcp_config *config, const struct tcp_ops *ops,
	       struct arena *arena, uint64_t now_ns, struct tcp_stack **out)
{
	struct tcp_stack *stack;

	if (!tcp_config_valid(config))
		return -EINVAL;
	stack = take(arena, 1, sizeof(*stack));
	if (!stack)
		return -ENOMEM;
	stack->config = *config;
	stack->ops = *ops;
	stack->out.ops = &stack->ops;
	stack->out.total = &stack->counters.frames_out;
	stack->now_ns = now_ns;
	stack->now_ms = now_ns / NS_PER_MS;
	stack->neighbours_ns = NS_NEVER;
	stack->own_scale = scale_for(config->rx_flow_bytes);
	stack->reorder_slots =
		tcp_reorder_slots(config->rx_flow_bytes + CHUNK_BYTES);
	/* Two keys from one: what is hashed to is told to nobody. */
	siphash128(config->secret, "table", 5, stack->hash_key);
	siphash128(config->secret, "isn", 3, stack->isn_key);
	if (take_arrays(stack, arena) || take_pools(stack, arena))
		return -ENOMEM;
	*out = stack;
	return 0;
}

const struct tcp_counters *tcp_counters(const struct tcp_stack *stack)
{
	return &stack->counters;
}

void tcp_usage(const struct tcp_stack *stack, struct tcp_usage *usage)
{
	*usage = (struct tcp_usage){
		.flows = stack->flow_live,
		.half_open = stack->half_open,
		.views = stack->events.lent_used,
		.aux = stack->aux_used,
		.tx_chunks = stack->tx_pool.used,
		.rx_chunks = stack->rx_pool.used,
		.time_waits = stack->waits.used,
		.timers = stack->wheel.armed,
		.events = stack->events.tail - stack->events.head,
	};
}

/* flows.c - a stack's flows: finding, taking and giving them back. */
#include "dataplane/tcp/flows.h"
#include "core/handle.h"

#include <string.h>

tcp_flow flows_name(const struct tcp_stack *stack, const struct flow *flow)
{
	return handle_make(0, flow->generation, flows_index(stack, flow));
}

struct flow *flows_get(const struct tcp_stack *stack, tcp_flow name)
{
	uint32_t index = handle_index(name);
	struct flow *flow;

	if (index >= stack->flow_fresh)
		return NULL;
	flow = &stack->flows[index];
	if (flow->state == FLOW_FREE || !(flow->flags & FLOW_OWNED) ||
	    name != flows_name(stack, flow))
		return NULL;
	return flow;
}

uint32_t flows_hash(const struct tcp_stack *stack,
		    const struct tcp_tuple *tuple)
{
	return (uint32_t)siphash64(stack->hash_key, tuple, sizeof(*tuple));
}

struct tcp_tuple flows_tuple(const struct tcp_stack *stack,
			     const struct flow *flow)
{
	return (struct tcp_tuple){
		.peer_address = flow->peer_address,
		.local_address = stack->config.address,
		.peer_port = flow->peer_port,
		.local_port = flow->local_port,
	};
}

struct flow *flows_find(const struct tcp_stack *stack,
			const struct tcp_tuple *tuple, uint32_t hash,
			struct tcp_time_wait **wait)
{
	struct tcp_table_walk walk = tcp_table_start(&stack->table, hash);
	uint32_t id;

	*wait = NULL;
	while ((id = tcp_table_next(&stack->table, &walk))) {
		struct flow *flow = &stack->flows[id - 1];

		if (id & TABLE_WAITS) {
			struct tcp_time_wait *waits = stack->waits.records;

			waits += (id & ~TABLE_WAITS) - 1;
			if (waits->peer_address != tuple->peer_address ||
			    waits->peer_port != tuple->peer_port ||
			    waits->local_port != tuple->local_port)
				continue;
			*wait = waits;
			return NULL;
		}
		if (flow->peer_address == tuple->peer_address &&
		    flow->peer_port == tuple->peer_port &&
		    flow->local_port == tuple->local_port)
			return flow;
	}
	return NULL;
}

/* Room for the events of a flow more, however few the owner takes. */
static bool events_room(const struct tcp_stack *stack)
{
	uint64_t most = (uint64_t)EVENTS_PER_FLOW * stack->config.flow_max;

	return stack->events.plain +
		       (uint64_t)EVENTS_PER_FLOW * (stack->flow_live + 1) <=
	       most;
}

/* A record off the free list, or one that was never used: NULL when none. */
static struct flow *record_take(struct tcp_stack *stack)
{
	struct flow *flow;

	if (stack->flow_free) {
		flow = &stack->flows[stack->flow_free - 1];
		stack->flow_free = flow->peer_address;
	} else if (stack->flow_fresh < stack->config.flow_max) {
		flow = &stack->flows[stack->flow_fresh++];
	} else {
		return NULL;
	}
	return flow;
}

struct flow *flows_take(struct tcp_stack *stack, const struct tcp_tuple *tuple,
			uint32_t hash)
{
	struct flow *flow = events_room(stack) ? record_take(stack) : NULL;
	uint32_t generation;
	int err;

	if (!flow)
		return NULL;
	generation = (flow->generation + 1) & HANDLE_GENERATION_MAX;
	*flow = (struct flow){
		.peer_address = tuple->peer_address,
		.peer_port = tuple->peer_port,
		.local_port = tuple->local_port,
		.generation = generation ? generation : 1,
		/* Whoever had it before may have left it in the list. */
		.flags = flow->flags & FLOW_LISTED,
		.neighbour = NEIGHBOUR_NONE,
	};
	err = tcp_table_add(&stack->table, hash, flows_index(stack, flow) + 1);
	ASSERT(!err, "the table has room for every flow and waiting one");
	stack->flow_live++;
	return flow;
}

void flows_unlist(struct tcp_stack *stack, struct flow *flow)
{
	struct tcp_tuple tuple = flows_tuple(stack, flow);
	bool found = tcp_table_remove(&stack->table, flows_hash(stack, &tuple),
				      flows_index(stack, flow) + 1);

	ASSERT(found, "a flow is in the table until it ends");
	wheel_disarm(&stack->wheel, flows_index(stack, flow));
	flow->timer_kind = TIMER_NONE;
}

static void aux_give(struct tcp_stack *stack, struct flow *flow)
{
	struct flow_aux *aux = flows_aux(stack, flow);

	tcp_rx_clear(&stack->rx_pool, &aux->kept);
	tcp_reorder_clear(&aux->reorder, &stack->rx_pool);
	aux->flow = 0;
	aux->next_free = stack->aux_free;
	stack->aux_free = flow->aux;
	stack->aux_used--;
	flow->aux = 0;
}

void flows_give(struct tcp_stack *stack, struct flow *flow)
{
	chunkq_clear(&stack->tx_pool, &flow->txq);
	if (flow->aux)
		aux_give(stack, flow);
	flow->state = FLOW_FREE;
	flow->flags &= FLOW_LISTED;
	flow->peer_address = stack->flow_free;
	stack->flow_free = flows_index(stack, flow) + 1;
	stack->flow_live--;
}

struct flow_aux *flows_aux_need(struct tcp_stack *stack, struct flow *flow)
{
	struct flow_aux *aux;
	uint32_t index;

	if (flow->aux)
		return flows_aux(stack, flow);
	if (stack->aux_free) {
		index = stack->aux_free - 1;
		stack->aux_free = stack->aux[index].next_free;
	} else if (stack->aux_fresh < stack->config.aux_max) {
		index = stack->aux_fresh++;
	} else {
		stack->counters.aux_full++;
		return NULL;
	}
	aux = &stack->aux[index];
	*aux = (struct flow_aux){.flow = flows_index(stack, flow) + 1};
	aux->reorder.map =
		&stack->aux_maps[(size_t)index * stack->reorder_slots];
	aux->reorder.slot_mask = stack->reorder_slots - 1;
	stack->aux_used++;
	flow->aux = index + 1;
	return aux;
}

void flows_aux_settle(struct tcp_stack *stack, struct flow *flow)
{
	struct flow_aux *aux = flows_aux(stack, flow);

	if (!aux || aux->kept.len_bytes || aux->reorder.count ||
	    aux->sacked.count || flow->recovery == RECOVERY_FAST)
		return;
	aux_give(stack, flow);
}

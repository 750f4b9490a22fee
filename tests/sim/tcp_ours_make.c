/* tcp_ours_make.c - two stacks of ours, as a seed wants them. */
#include "core/siphash.h"
#include "tests/sim/tcp_ours.h"

#include <stdlib.h>
#include <string.h>

static uint32_t one_of(struct run *run, const uint32_t *list, uint32_t count)
{
	return list[run_below(run, count)];
}

#define ONE_OF(run, ...)                             \
	one_of(run, (const uint32_t[]){__VA_ARGS__}, \
	       sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* Small and large, so that everything runs out in some run. */
static void choose_config(struct run *run, uint32_t side,
			  struct tcp_config *config)
{
	tcp_config_default(config);
	memcpy(config->mac, (uint8_t[]){2, 0, 0, 0, 0, (uint8_t)(1 + side)}, 6);
	config->address = run->address[side];
	config->mtu = (uint16_t)run->mtu;
	config->port_min = 1;
	config->l4_offload = !run_below(run, 4);
	sim_prng_fill(&run->prng, config->secret, sizeof(config->secret));
	config->flow_max = 8;
	config->listener_max = RUN_CONNS;
	config->view_max = ONE_OF(run, 2, 8, 64);
	config->aux_max = ONE_OF(run, 1, 4, 8);
	config->tx_chunks = ONE_OF(run, 1, 8, 64);
	config->rx_chunks = ONE_OF(run, 2, 16, 64, 64);
	config->tx_flow_bytes = ONE_OF(run, 4096, 20000, 65536);
	config->rx_flow_bytes = ONE_OF(run, 4096, 10000, 65536, 200000);
	config->time_wait_max = RUN_CONNS;
	config->neighbour_max = 4;
	config->initial_segments = ONE_OF(run, 1, 4, 10);
	config->delayed_ack_ms = ONE_OF(run, 0, 40, 200);
	config->rto_max_ms = 10000;
	config->keepalive_idle_ms = 20000;
	config->keepalive_interval_ms = 3000;
	config->keepalive_count = 15;
	config->syn_retries = 15;
	config->arp_retries = 15;
	config->fin_wait_ms = 600000;
}

/* So that numbers wrap around in mid-flight. */
static uint64_t choose_start(struct run *run, const struct tcp_stack *stack,
			     uint32_t side)
{
	struct tcp_tuple tuple = {
		.peer_address = run->address[1 - side],
		.local_address = run->address[side],
		.peer_port = run->conn[0].port[1 - side],
		.local_port = run->conn[0].port[side],
	};
	uint32_t pair[2] = {run->address[1 - side], run->address[side]};
	uint64_t total = run->conn[0].app[side].plan.total;
	uint32_t ahead = (uint32_t)(run->conn[0].start_ns / 4000 +
				    run_below(run, total + 2000));

	switch (run_below(run, 4)) {
	case 0: /* sequence numbers: a clock of 4 us, and a hash */
		ahead += (uint32_t)siphash64(stack->isn_key, &tuple,
					     sizeof(tuple));
		return (uint64_t)(uint32_t)-ahead * 4000;
	case 1: /* timestamps: milliseconds, and a hash */
		ahead = (uint32_t)run_below(run, 3000) +
			(uint32_t)siphash64(stack->isn_key, pair, sizeof(pair));
		return (uint64_t)(uint32_t)-ahead * NS_PER_MS;
	case 2: /* the stack's own milliseconds */
		return (((uint64_t)1 << 32) - run_below(run, 3000)) * NS_PER_MS;
	default:
		return run_below(run, (uint64_t)1 << 52);
	}
}

static void watch_start(struct run *run, uint32_t side,
			const struct tcp_config *config)
{
	struct tcp_watch *watch = &run->watch[side];

	watch->conn_count = run->conn_count;
	for (uint32_t i = 0; i < run->conn_count; i++) {
		watch->conn[i].port = run->conn[i].port[side];
		watch->conn[i].own_scale = watch->conn[i].peer_scale = 0xff;
	}
	watch->room_max = config->rx_flow_bytes;
	watch->rto_max_ms = config->rto_max_ms;
	/* And a timer that is late, and the wheel's tick. */
	watch->debt_max_ms = config->delayed_ack_ms + 50;
}

static struct tcp_stack *make_stack(struct ours *ours, uint32_t i)
{
	struct tcp_config config = ours->config;
	struct tcp_ops ops = {
		.emit = ours_emit,
		.release = ours_release,
		.unknown = i ? ours_unknown_1 : ours_unknown_0,
		.arg = ours,
	};
	struct tcp_stack *stack;

	/* One of an address answers ARP. */
	config.answers = i == 0;
	ASSERT(!arena_init(&ours->arena[i], tcp_bytes(&config)), "memory");
	ASSERT(!tcp_create(&config, &ops, &ours->arena[i], ours_time(ours, i),
			   &stack),
	       "a test's config is valid");
	return stack;
}

void ours_start(struct run *run, uint32_t side)
{
	struct ours *ours = calloc(1, sizeof(*ours));

	ASSERT(ours, "a test has its memory");
	run->end[side].calls = &ours_calls;
	run->end[side].own = ours;
	ours->end = &run->end[side];
	choose_config(run, side, &ours->config);
	ours->config.plant = run->wish.plant;
	ours->moves = run_below(run, 2);
	if (ours->moves) {
		ours->config.aux_max = RUN_CONNS;
		ours->config.tx_chunks = 64 * RUN_CONNS;
		ours->config.rx_chunks = 256 * RUN_CONNS;
	}
	ours->checked = !run_below(run, 4);
	ours->keeps_away = run_below(run, 2);
	if (!run->start_ns) {
		/* Its keys do not depend on the time. */
		ours->stack[0] = make_stack(ours, 0);
		run->start_ns = 1 + choose_start(run, ours->stack[0], side);
		run->now_ns = run->start_ns;
		arena_fini(&ours->arena[0]);
	}
	ours->clock_ns[1] = run_below(run, (uint64_t)1 << 52);
	ours->stack[0] = make_stack(ours, 0);
	ours->stack[1] = make_stack(ours, 1);
	watch_start(run, side, &ours->config);
}

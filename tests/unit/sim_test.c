/* sim_test.c - virtual time, windows, faults and crashes of the simulator. */
#include "dataplane/sim/sim.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#define STEPS_MAX 100000

/* Two machines with a dp each, and what came of their one connection. */
struct pair {
	struct sim_world *world;
	struct sim_machine *machine[2]; /* 0 connects, 1 listens */
	struct dp *dp[2];
	struct addr addr;
	dp_conn conn[2];
	uint64_t received[2];
	uint64_t sent[2];
	uint64_t when_sent_ns[2];
	uint64_t when_received_ns[2]; /* the first byte */
	uint64_t when_open_ns[2];
	int32_t closed[2]; /* 1: not yet */
	bool eof[2];
	bool keep_views;
	struct dp_view views[256];
	uint32_t view_count;
};

static void on_event(struct pair *p, uint32_t side,
		     const struct dp_event *event)
{
	uint64_t now_ns = sim_world_now(p->world);

	switch (event->kind) {
	case DP_ACCEPTED:
	case DP_CONNECTED:
		p->conn[side] = event->conn;
		p->when_open_ns[side] = now_ns;
		break;
	case DP_RECEIVED:
		if (!p->received[side])
			p->when_received_ns[side] = now_ns;
		p->received[side] += event->view.len;
		if (p->keep_views)
			p->views[p->view_count++] = event->view;
		else
			dp_recycle(p->dp[side], &event->view);
		break;
	case DP_SENT:
		p->sent[side] += (uint64_t)event->result;
		p->when_sent_ns[side] = now_ns;
		break;
	case DP_EOF:
		p->eof[side] = true;
		break;
	case DP_CLOSED:
		p->closed[side] = event->result;
		break;
	default:
		cr_assert_fail("no such event here");
	}
}

/* Polls who is ready, else lets time pass. False: nothing will happen. */
static bool step(struct pair *p)
{
	struct dp_event events[DP_EVENTS_MAX];
	bool worked = false;

	for (uint32_t side = 0; side < 2; side++) {
		if (!p->dp[side] || !sim_dp_ready(p->dp[side]))
			continue;
		uint32_t count =
			dp_poll(p->dp[side], events, DP_EVENTS_MAX, NS_NEVER);
		for (uint32_t i = 0; i < count; i++)
			on_event(p, side, &events[i]);
		worked = true;
	}
	return worked || sim_world_advance(p->world);
}

static void settle(struct pair *p)
{
	uint32_t steps = 0;

	while (step(p))
		cr_assert_lt(steps++, STEPS_MAX, "a world comes to rest");
}

static void settle_for(struct pair *p, uint64_t time_ns)
{
	uint64_t until_ns = sim_world_now(p->world) + time_ns;

	do {
		struct dp_event events[DP_EVENTS_MAX];
		for (uint32_t side = 0; side < 2; side++) {
			uint32_t count =
				dp_poll(p->dp[side], events, DP_EVENTS_MAX, 0);
			for (uint32_t i = 0; i < count; i++)
				on_event(p, side, &events[i]);
		}
	} while (sim_world_advance_until(p->world, until_ns));
}

static struct pair pair_make(uint64_t seed, const struct sim_path *path)
{
	struct pair p = {
		.world = sim_world_create(seed),
		.closed = {1, 1},
	};
	static const char *const names[] = {"client", "server"};

	for (uint32_t side = 0; side < 2; side++) {
		p.machine[side] = sim_machine_create(p.world, names[side]);
		cr_assert_eq(
			sim_dp_create(p.world, p.machine[side], &p.dp[side]),
			0);
	}
	if (path)
		sim_path_set(p.world, p.machine[0], p.machine[1], path);
	cr_assert_eq(addr_parse(&p.addr, "127.0.0.1:5900"), 0);
	cr_assert_eq(dp_listen(p.dp[1], &p.addr, 1, NULL), 0);
	return p;
}

static void pair_connect(struct pair *p)
{
	cr_assert_eq(dp_connect(p->dp[0], &p->addr, 2, &p->conn[0]), 0);
}

static void send_from(struct pair *p, uint32_t side, const uint8_t *data,
		      uint32_t len)
{
	struct span span = {data, len};

	cr_assert_eq(dp_send(p->dp[side], p->conn[side], &span, 1, 1), 0);
}

static const struct sim_path slow_path = {
	.delay_ns = 30 * NS_PER_MS,
	.window_bytes = 1000,
	.faults = true,
};

static const uint8_t zeros[100000];

Test(sim, a_delay_is_paid_once_each_way)
{
	struct pair p = pair_make(1, &slow_path);
	uint64_t start_ns = sim_world_now(p.world);

	pair_connect(&p);
	settle(&p);
	cr_assert_eq(p.when_open_ns[1] - start_ns, 30 * NS_PER_MS);
	cr_assert_eq(p.when_open_ns[0] - start_ns, 60 * NS_PER_MS);
	send_from(&p, 1, zeros, 10);
	start_ns = sim_world_now(p.world);
	settle(&p);
	cr_assert_eq(p.received[0], 10);
	cr_assert_eq(p.when_received_ns[0] - start_ns, 30 * NS_PER_MS);
	/* Room in the window is all that SENT asks for. */
	cr_assert_eq(p.when_sent_ns[1], start_ns);
	sim_world_destroy(p.world);
}

Test(sim, a_window_holds_the_sender_back)
{
	struct pair p = pair_make(1, &slow_path);
	uint64_t start_ns;

	pair_connect(&p);
	settle(&p);
	start_ns = sim_world_now(p.world);
	send_from(&p, 0, zeros, 5000);
	settle(&p);
	cr_assert_eq(p.received[1], 5000);
	cr_assert_eq(p.sent[0], 5000);
	/* Five windows: four have to wait for the one before to be read. */
	cr_assert_eq(p.when_sent_ns[0] - start_ns, 4 * 60 * NS_PER_MS);
	sim_world_destroy(p.world);
}

Test(sim, who_does_not_read_holds_the_sender_back)
{
	struct pair p = pair_make(1, &slow_path);

	pair_connect(&p);
	settle(&p);
	cr_assert_eq(dp_hold(p.dp[1], p.conn[1]), 0);
	send_from(&p, 0, zeros, 5000);
	settle(&p);
	cr_assert_eq(p.sent[0], 0);
	cr_assert_eq(p.received[1], 0);
	cr_assert_eq(dp_kill(p.dp[0], p.conn[0]), 0);
	settle(&p);
	cr_assert_eq(p.sent[0], 1000);
	cr_assert_eq(p.closed[0], 0);
	sim_world_destroy(p.world);
}

Test(sim, views_not_recycled_stop_the_stream)
{
	struct pair p = pair_make(1, NULL);

	p.keep_views = true;
	pair_connect(&p);
	settle(&p);
	for (uint32_t i = 0; i < 12; i++) {
		send_from(&p, 0, zeros, sizeof(zeros));
		settle(&p);
	}
	cr_assert_eq(sim_dp_views(p.dp[1]), 256);
	cr_assert_lt(p.received[1], 12 * sizeof(zeros));
	/* They were all that was missing. */
	p.keep_views = false;
	for (uint32_t i = 0; i < 256; i++)
		dp_recycle(p.dp[1], &p.views[i]);
	settle(&p);
	cr_assert_eq(p.received[1], 12 * sizeof(zeros));
	sim_world_destroy(p.world);
}

Test(sim, a_deadline_is_noted_and_met)
{
	struct pair p = pair_make(1, NULL);
	uint64_t due_ns = sim_world_now(p.world) + 5 * NS_PER_S;
	struct dp_event event;

	cr_assert(sim_dp_ready(p.dp[0]), "never polled");
	cr_assert_eq(dp_poll(p.dp[0], &event, 1, due_ns), 0);
	cr_assert_not(sim_dp_ready(p.dp[0]));
	cr_assert_eq(sim_world_next_ns(p.world), due_ns);
	cr_assert(sim_world_advance(p.world));
	cr_assert_eq(sim_world_now(p.world), due_ns);
	cr_assert(sim_dp_ready(p.dp[0]));
	/* A wait that has passed moves nothing: its shard has to poll. */
	cr_assert_not(sim_world_advance(p.world));
	cr_assert_eq(dp_poll(p.dp[0], &event, 1, NS_NEVER), 0);
	cr_assert_not(sim_dp_ready(p.dp[0]));
	dp_wake(p.dp[0]);
	cr_assert(sim_dp_ready(p.dp[0]));
	sim_world_destroy(p.world);
}

Test(sim, time_stops_where_it_is_told_to)
{
	struct pair p = pair_make(1, &slow_path);
	uint64_t start_ns = sim_world_now(p.world);

	pair_connect(&p);
	settle_for(&p, 10 * NS_PER_MS);
	cr_assert_eq(sim_world_now(p.world), start_ns + 10 * NS_PER_MS);
	cr_assert_eq(p.when_open_ns[1], 0);
	settle_for(&p, NS_PER_S);
	cr_assert_neq(p.when_open_ns[0], 0);
	sim_world_destroy(p.world);
}

Test(sim, a_cut_path_resets_both_ends)
{
	struct pair p = pair_make(1, &slow_path);

	pair_connect(&p);
	settle(&p);
	sim_path_cut(p.world, p.machine[0], p.machine[1]);
	settle(&p);
	cr_assert_eq(p.closed[0], -ECONNRESET);
	cr_assert_eq(p.closed[1], -ECONNRESET);
	cr_assert_eq(sim_dp_conns(p.dp[0]) + sim_dp_conns(p.dp[1]), 0);
	sim_world_destroy(p.world);
}

Test(sim, a_crash_is_silent_here_and_seen_there)
{
	struct pair p = pair_make(1, &slow_path);
	uint64_t start_ns;

	pair_connect(&p);
	settle(&p);
	/* Given before the crash, submitted by no poll: it never leaves. */
	send_from(&p, 1, zeros, 10);
	start_ns = sim_world_now(p.world);
	sim_machine_crash(p.machine[1]);
	cr_assert(sim_machine_crashed(p.machine[1]));
	cr_assert_not(sim_dp_ready(p.dp[1]));
	cr_assert_eq(dp_kill(p.dp[1], p.conn[1]), -ESTALE);
	settle(&p);
	cr_assert_eq(p.closed[1], 1, "nobody is left to be told");
	cr_assert_eq(p.received[0], 0);
	cr_assert(p.eof[0] || p.closed[0] == -ECONNRESET);
	cr_assert_eq(sim_world_now(p.world), start_ns + 30 * NS_PER_MS);
	/* Nobody listens any more, until the next life does. */
	p.closed[0] = 1;
	pair_connect(&p);
	settle(&p);
	cr_assert_eq(p.closed[0], -ECONNREFUSED);
	dp_destroy(p.dp[1]);
	p.machine[1] = sim_machine_create(p.world, "server");
	cr_assert_eq(sim_dp_create(p.world, p.machine[1], &p.dp[1]), 0);
	cr_assert_eq(dp_listen(p.dp[1], &p.addr, 1, NULL), 0);
	start_ns = sim_world_now(p.world);
	pair_connect(&p);
	settle(&p);
	cr_assert_eq(p.when_open_ns[0] - start_ns, 60 * NS_PER_MS,
		     "the next life has the path of the first");
	sim_world_destroy(p.world);
}

Test(sim, a_crash_takes_parcels_along)
{
	struct pair p = pair_make(1, NULL);
	struct dp_event event = {0};
	dp_conn conn;

	pair_connect(&p);
	settle(&p);
	cr_assert_eq(dp_detach(p.dp[1], p.conn[1]), 0);
	cr_assert_eq(dp_poll(p.dp[1], &event, 1, 0), 1);
	cr_assert_eq(event.kind, DP_DETACHED);
	sim_machine_crash(p.machine[1]);
	cr_assert_eq(dp_attach(p.dp[0], &event.parcel, 0, &conn), -ESTALE);
	settle(&p);
	cr_assert(p.eof[0] || p.closed[0] == -ECONNRESET);
	sim_world_destroy(p.world);
}

Test(sim, a_unix_path_and_loopback_are_of_a_group)
{
	struct pair p = pair_make(1, NULL);
	struct sim_machine *far = sim_machine_create(p.world, "far");
	struct dp *dp;
	struct dp_event event;
	struct addr addr;
	dp_conn conn;

	sim_machine_set_group(far, 7);
	cr_assert_eq(sim_dp_create(p.world, far, &dp), 0);
	cr_assert_eq(dp_connect(dp, &p.addr, 0, &conn), 0);
	while (dp_poll(dp, &event, 1, NS_NEVER) == 0)
		cr_assert(sim_world_advance(p.world));
	cr_assert_eq(event.kind, DP_CLOSED);
	cr_assert_eq(event.result, -ECONNREFUSED);
	/* Both may listen at one loopback address, not at one of the world. */
	cr_assert_eq(dp_listen(dp, &p.addr, 0, NULL), 0);
	cr_assert_eq(addr_parse(&addr, "10.0.0.1:80"), 0);
	cr_assert_eq(dp_listen(dp, &addr, 0, NULL), 0);
	cr_assert_eq(dp_listen(p.dp[0], &addr, 0, NULL), -EADDRINUSE);
	sim_world_destroy(p.world);
}

/* Sends both ways until faults stop it or all has come; ends both. */
static uint64_t run_traffic(uint64_t seed, const struct sim_faults *faults,
			    uint64_t counts[SIM_FAULT_COUNT])
{
	struct pair p = pair_make(seed, NULL);
	uint64_t trace;

	sim_set_faults(p.world, faults);
	pair_connect(&p);
	for (uint32_t i = 0;
	     i < STEPS_MAX && p.received[1] < 50000 && p.closed[0] == 1; i++) {
		if (p.conn[1] && p.closed[1] == 1 && p.when_open_ns[0]) {
			struct span span = {zeros, 1 + i % 3000};
			dp_send(p.dp[0], p.conn[0], &span, 1, i);
			dp_send(p.dp[1], p.conn[1], &span, 1, i);
		}
		if (!step(&p))
			break;
	}
	dp_kill(p.dp[0], p.conn[0]);
	settle(&p);
	if (p.conn[1])
		dp_kill(p.dp[1], p.conn[1]);
	settle(&p);
	cr_expect_eq(sim_dp_conns(p.dp[0]) + sim_dp_conns(p.dp[1]), 0,
		     "seed %llu leaves nothing", (unsigned long long)seed);
	cr_expect_neq(p.closed[0], 1);
	for (uint32_t i = 0; i < SIM_FAULT_COUNT; i++)
		counts[i] += sim_fault_count(p.world, i);
	trace = sim_world_trace(p.world);
	sim_world_destroy(p.world);
	return trace;
}

Test(sim, the_same_seed_is_the_same_run)
{
	struct sim_faults faults = sim_faults_all();
	uint64_t counts[SIM_FAULT_COUNT] = {0};
	uint64_t last = 0;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		uint64_t trace = run_traffic(seed, &faults, counts);
		cr_expect_eq(trace, run_traffic(seed, &faults, counts),
			     "seed %llu", (unsigned long long)seed);
		cr_expect_neq(trace, last);
		last = trace;
	}
}

Test(sim, every_fault_fires_and_is_counted)
{
	struct sim_faults faults = sim_faults_all();
	uint64_t counts[SIM_FAULT_COUNT] = {0};
	uint64_t none[SIM_FAULT_COUNT] = {0};

	/* A wait with a deadline, for timers to be late. */
	struct pair p = pair_make(1, NULL);
	sim_set_faults(p.world, &faults);
	for (uint32_t i = 0; i < 200; i++) {
		struct dp_event event;
		dp_poll(p.dp[0], &event, 1, sim_world_now(p.world) + 1000);
		sim_world_advance(p.world);
	}
	counts[SIM_LATE_TIMER] = sim_fault_count(p.world, SIM_LATE_TIMER);
	sim_world_destroy(p.world);
	faults.chance[SIM_REFUSE] = 1000;
	faults.chance[SIM_SLOW_READER] = 2000;
	faults.chance[SIM_STALL] = 200;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		run_traffic(seed, &faults, counts);
		run_traffic(seed, NULL, none);
	}
	for (uint32_t i = 0; i < SIM_FAULT_FRAMES; i++) {
		/* Two connections at least for a poll to give few of. */
		if (i != SIM_FEW_EVENTS)
			cr_expect_gt(counts[i], 0, "%s never fired",
				     sim_fault_name(i));
		cr_expect_eq(none[i], 0, "%s fired", sim_fault_name(i));
	}
}

Test(sim, few_events_leave_the_rest_for_later)
{
	struct sim_faults faults = {.chance = {[SIM_FEW_EVENTS] = 10000}};
	struct pair p = pair_make(1, NULL);
	struct dp_event events[8];
	uint32_t total = 0;

	sim_set_faults(p.world, &faults);
	for (uint32_t i = 0; i < 8; i++)
		pair_connect(&p);
	cr_assert(sim_world_advance(p.world));
	for (uint32_t polls = 0; total < 8; polls++) {
		uint32_t count = dp_poll(p.dp[1], events, 8, 0);
		cr_assert_leq(count, 2);
		cr_assert_lt(polls, 9);
		total += count;
	}
	cr_assert_gt(sim_fault_count(p.world, SIM_FEW_EVENTS), 3);
	sim_world_destroy(p.world);
}

Test(sim, a_changed_loan_is_caught, .signal = SIGABRT)
{
	struct pair p = pair_make(1, &slow_path);
	static uint8_t data[5000];

	pair_connect(&p);
	settle(&p);
	send_from(&p, 0, data, sizeof(data));
	data[4000] = 1;
	settle(&p);
}

Test(sim, a_second_recycle_is_caught, .signal = SIGABRT)
{
	struct pair p = pair_make(1, NULL);
	struct dp_event event = {0};

	pair_connect(&p);
	settle(&p);
	send_from(&p, 0, zeros, 10);
	while (event.kind != DP_RECEIVED) {
		dp_poll(p.dp[0], &event, 1, 0);
		sim_world_advance(p.world);
		dp_poll(p.dp[1], &event, 1, 0);
	}
	dp_recycle(p.dp[1], &event.view);
	dp_recycle(p.dp[1], &event.view);
}

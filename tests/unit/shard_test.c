/* shard_test.c - the loop gives each part what is its own, and waits only when
 * nothing is left to do. */
#include "tests/unit/rig.h"

#include <errno.h>

#define MAX 1024

/* A part that writes down all that it is given. */
struct probe {
	struct shard *shard;
	enum part_id id;
	dp_conn conn;
	uint32_t kinds[DP_DETACHED + 1];
	uint32_t bytes;
	struct ring_cell cells[MAX];
	uint32_t cell_count;
	uint32_t timers[MAX];
	uint64_t timer_ns[MAX];
	uint32_t timer_count;
	uint32_t flushes;
	uint32_t events_at_flush;
	uint32_t again; /* passes still asked for */
};

static void on_event(void *self, struct dp *dp, const struct dp_event *event)
{
	struct probe *probe = self;

	(void)dp;
	probe->kinds[event->kind]++;
	if (event->kind == DP_ACCEPTED) {
		probe->conn = event->conn;
		dp_set_cookie(dp, event->conn, cookie_make(probe->id, 7));
	} else {
		cr_expect_eq(cookie_own(event->cookie), 7);
	}
	if (event->kind == DP_RECEIVED)
		probe->bytes += event->view.len;
}

static void on_cell(void *self, const struct ring_cell *cell)
{
	struct probe *probe = self;

	cr_assert_lt(probe->cell_count, MAX);
	memcpy(&probe->cells[probe->cell_count++], cell, sizeof(*cell));
}

static void on_timer(void *self, uint32_t index)
{
	struct probe *probe = self;

	cr_assert_lt(probe->timer_count, MAX);
	probe->timers[probe->timer_count] = index;
	probe->timer_ns[probe->timer_count++] = probe->shard->now_ns;
}

static void on_flush(void *self)
{
	struct probe *probe = self;

	probe->flushes++;
	probe->events_at_flush = probe->kinds[DP_RECEIVED];
	if (probe->again) {
		probe->again--;
		shard_again(probe->shard);
	}
}

static int add(struct probe *probe, struct shard *shard, enum part_id id,
	       uint32_t timers)
{
	struct part part = {probe, on_event, on_cell, on_timer, on_flush, 0, 0};

	*probe = (struct probe){.shard = shard, .id = id};
	return shard_add_part(shard, id, &part, timers);
}

/* --- set-up ------------------------------------------------------------- */

Test(shard, init_refuses_an_arena_too_small)
{
	static const size_t sizes[] = {4096, 64 << 10, 1 << 20};
	struct rig rig;
	struct rig_process *process;

	rig_init(&rig, 1);
	process = rig_add(&rig, 1);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct shard_limits limits = rig_limits;
		struct shard shard;
		struct shard zero = {0};

		limits.arena_bytes = sizes[i];
		cr_expect_eq(shard_init(&shard, 0, &process->pool,
					process->host, process->dps[0],
					process->dps[0], &limits),
			     -ENOMEM, "%zu", sizes[i]);
		cr_expect_eq(memcmp(&shard, &zero, sizeof(shard)), 0);
	}
	rig_fini(&rig);
}

Test(shard, parts_share_the_timers_there_are)
{
	static struct probe a, b, c;
	struct rig rig;
	struct shard *shard;

	rig_init(&rig, 1);
	rig_add(&rig, 1);
	shard = rig_shard(&rig, 0, 0);
	cr_expect_eq(add(&a, shard, PART_SERVICE, rig_limits.timers - 10), 0);
	cr_expect_eq(add(&b, shard, PART_PEER, 11), -ENOSPC);
	cr_expect_eq(add(&b, shard, PART_PEER, UINT32_MAX), -ENOSPC);
	cr_expect_eq(add(&b, shard, PART_PEER, 10), 0);
	cr_expect_eq(add(&c, shard, PART_MOVE, 1), -ENOSPC);
	cr_expect_eq(add(&c, shard, PART_MOVE, 0), 0);
	rig_fini(&rig);
}

/* --- timers ------------------------------------------------------------- */

Test(shard, timers_go_to_their_part_in_time)
{
	static struct probe a, b;
	struct rig rig;
	struct shard *shard;
	uint64_t start_ns;

	rig_init(&rig, 2);
	rig_add(&rig, 1);
	shard = rig_shard(&rig, 0, 0);
	add(&a, shard, PART_SERVICE, 5);
	add(&b, shard, PART_PEER, 3);
	start_ns = shard->now_ns;
	shard_arm(shard, PART_SERVICE, 4, start_ns + 30 * NS_PER_MS);
	shard_arm(shard, PART_SERVICE, 0, start_ns + 10 * NS_PER_MS);
	shard_arm(shard, PART_PEER, 0, start_ns + 20 * NS_PER_MS);
	shard_arm(shard, PART_PEER, 2, start_ns + 500 * NS_PER_MS);
	shard_arm(shard, PART_PEER, 1, start_ns + 40 * NS_PER_MS);
	/* Put off, brought forward, and taken back in both ways. */
	shard_arm(shard, PART_SERVICE, 4, start_ns + 50 * NS_PER_MS);
	shard_arm(shard, PART_PEER, 2, start_ns + 5 * NS_PER_MS);
	shard_disarm(shard, PART_PEER, 1);
	shard_arm(shard, PART_SERVICE, 3, start_ns + 60 * NS_PER_MS);
	shard_arm(shard, PART_SERVICE, 3, NS_NEVER);
	rig_run(&rig, 2 * NS_PER_S);

	cr_assert_eq(a.timer_count, 2);
	cr_assert_eq(b.timer_count, 2);
	cr_expect_eq(a.timers[0], 0);
	cr_expect_eq(a.timers[1], 4);
	cr_expect_eq(b.timers[0], 2);
	cr_expect_eq(b.timers[1], 0);
	cr_expect_geq(a.timer_ns[0], start_ns + 10 * NS_PER_MS);
	cr_expect_leq(a.timer_ns[0], start_ns + 12 * NS_PER_MS);
	cr_expect_geq(a.timer_ns[1], start_ns + 50 * NS_PER_MS);
	cr_expect_leq(a.timer_ns[1], start_ns + 52 * NS_PER_MS);
	cr_expect_geq(b.timer_ns[0], start_ns + 5 * NS_PER_MS);
	cr_expect_leq(b.timer_ns[0], start_ns + 7 * NS_PER_MS);
	rig_fini(&rig);
}

/* More at one time than a pass handles: the next pass does not wait. */
Test(shard, many_timers_at_once_are_all_told)
{
	static struct probe a;
	struct rig rig;
	struct shard *shard;
	uint64_t start_ns;
	uint8_t seen[600] = {0};

	rig_init(&rig, 3);
	rig_add(&rig, 1);
	shard = rig_shard(&rig, 0, 0);
	add(&a, shard, PART_SERVICE, 600);
	start_ns = shard->now_ns;
	for (uint32_t i = 0; i < 600; i++)
		shard_arm(shard, PART_SERVICE, i, start_ns + 10 * NS_PER_MS);
	rig_run(&rig, 20 * NS_PER_MS);
	cr_assert_eq(a.timer_count, 600);
	for (uint32_t i = 0; i < 600; i++) {
		cr_expect_eq(seen[a.timers[i]]++, 0);
		cr_expect_leq(a.timer_ns[i], start_ns + 13 * NS_PER_MS);
	}
	rig_fini(&rig);
}

/* --- cells -------------------------------------------------------------- */

Test(shard, cells_go_to_their_part_in_order)
{
	static struct probe a, b, c;
	struct rig rig;
	struct rig_process *process;

	rig_init(&rig, 4);
	process = rig_add(&rig, 1);
	add(&a, &process->shards[1], PART_SERVICE, 0);
	add(&b, &process->shards[1], PART_MOVE, 0);
	add(&c, &process->shards[RIG_CONTROL], PART_CONTROL, 0);
	for (uint32_t i = 0; i < 40; i++) {
		uint16_t op =
			RING_OP(i % 2 ? (uint32_t)PART_MOVE : PART_SERVICE, i);

		cr_assert_eq(shard_tell(&process->shards[0], 1, op, i * 3, &i,
					sizeof(i)),
			     0);
	}
	cr_expect_eq(shard_tell(&process->shards[1], SHARD_CONTROL,
				RING_OP(PART_CONTROL, 9), 99, NULL, 0),
		     0);
	cr_expect_eq(shard_tell(&process->shards[1], 1,
				RING_OP(PART_SERVICE, 77), 5, "self", 5),
		     0);
	rig_run(&rig, NS_PER_MS);
	cr_assert_eq(a.cell_count, 21);
	cr_assert_eq(b.cell_count, 20);
	for (uint32_t i = 0; i < 20; i++) {
		uint32_t word;

		memcpy(&word, a.cells[i].payload, sizeof(word));
		cr_expect_eq(word, 2 * i);
		cr_expect_eq(a.cells[i].op, RING_OP(PART_SERVICE, 2 * i));
		cr_expect_eq(a.cells[i].tag, 6 * i);
		cr_expect_eq(a.cells[i].from, 0);
		memcpy(&word, b.cells[i].payload, sizeof(word));
		cr_expect_eq(word, 2 * i + 1);
	}
	cr_expect_eq(a.cells[20].from, 1);
	cr_expect_str_eq((const char *)a.cells[20].payload, "self");
	cr_assert_eq(c.cell_count, 1);
	cr_expect_eq(c.cells[0].from, 1);
	cr_expect_eq(c.cells[0].tag, 99);
	rig_fini(&rig);
}

Test(shard, full_ring_refuses_and_counts)
{
	static struct probe a;
	struct rig rig;
	struct rig_process *process;
	struct shard *from;
	uint16_t op = RING_OP(PART_SERVICE, 1);

	rig_init(&rig, 5);
	process = rig_add(&rig, 1);
	from = &process->shards[0];
	add(&a, &process->shards[1], PART_SERVICE, 0);
	for (uint32_t lap = 0; lap < 3; lap++) {
		for (uint32_t i = 0; i < rig_limits.ring_cells; i++)
			cr_assert_eq(shard_tell(from, 1, op, i, NULL, 0), 0);
		cr_expect_eq(shard_tell(from, 1, op, 0, NULL, 0), -ENOBUFS);
		cr_expect_eq(stats_get(&from->stats, STAT_ring_full), lap + 1);
		rig_run(&rig, NS_PER_MS);
		cr_expect_eq(a.cell_count, (lap + 1) * rig_limits.ring_cells);
	}
	cr_expect_eq(shard_tell(from, RIG_SHARDS, op, 0, NULL, 0), -ENOBUFS);
	cr_expect_eq(shard_tell(from, 200, op, 0, NULL, 0), -ENOBUFS);
	rig_fini(&rig);
}

Test(shard, more_cells_than_a_pass_takes_are_all_told)
{
	static struct probe a;
	struct rig rig;
	struct rig_process *process;

	rig_init(&rig, 6);
	rig.limits.ring_cells = 1024;
	process = rig_add(&rig, 1);
	add(&a, &process->shards[0], PART_SERVICE, 0);
	for (uint32_t i = 0; i < 1000; i++)
		cr_assert_eq(shard_tell(&process->shards[1], 0,
					RING_OP(PART_SERVICE, 1), i, NULL, 0),
			     0);
	while (shard_has_cells(&process->shards[0])) {
		uint32_t before = a.cell_count;

		/* Bounded, and it never sleeps on what is left. */
		shard_pass(&process->shards[0], true);
		cr_assert_gt(a.cell_count, before);
		cr_assert_leq(a.cell_count, before + 256);
	}
	cr_assert_eq(a.cell_count, 1000);
	for (uint32_t i = 0; i < 1000; i++)
		cr_expect_eq(a.cells[i].tag, i);
	rig_fini(&rig);
}

/* --- events ------------------------------------------------------------- */

Test(shard, events_go_to_their_part_and_views_go_back)
{
	static struct probe a, b, c;
	static const uint8_t bytes[5000];
	const struct span span = {bytes, sizeof(bytes)};
	struct addr addr[2];
	struct rig rig;
	struct rig_process *process;
	dp_conn conn[2];

	rig_init(&rig, 7);
	process = rig_add(&rig, 1);
	add(&a, &process->shards[0], PART_SERVICE, 0);
	add(&b, &process->shards[0], PART_PEER, 0);
	add(&c, &process->shards[1], PART_CONTROL, 0);
	addr_parse(&addr[0], "unix:/run/a");
	addr_parse(&addr[1], "unix:/run/b");
	dp_listen(process->dps[0], &addr[0], cookie_make(PART_SERVICE, 7),
		  NULL);
	dp_listen(process->dps[0], &addr[1], cookie_make(PART_PEER, 7), NULL);
	for (uint32_t i = 0; i < 2; i++)
		cr_assert_eq(dp_connect(process->dps[1], &addr[i],
					cookie_make(PART_CONTROL, 7), &conn[i]),
			     0);
	rig_run(&rig, NS_PER_MS);
	cr_assert_eq(dp_send(process->dps[1], conn[0], &span, 1, 0), 0);
	cr_assert_eq(dp_send(process->dps[1], conn[1], &span, 1, 0), 0);
	rig_run(&rig, NS_PER_MS);
	cr_expect_eq(a.kinds[DP_ACCEPTED], 1);
	cr_expect_eq(b.kinds[DP_ACCEPTED], 1);
	cr_expect_eq(c.kinds[DP_CONNECTED], 2);
	cr_expect_eq(c.kinds[DP_SENT], 2);
	cr_expect_eq(a.bytes, sizeof(bytes));
	cr_expect_eq(b.bytes, sizeof(bytes));
	cr_expect_eq(c.bytes, 0);
	cr_expect_eq(sim_dp_views(process->dps[0]), 0);
	/* Flush is the end of the pass: all of its events came before. */
	cr_expect_gt(a.flushes, 0);
	cr_expect_eq(a.events_at_flush, a.kinds[DP_RECEIVED]);
	dp_kill(process->dps[1], conn[0]);
	rig_run(&rig, NS_PER_MS);
	cr_expect_eq(a.kinds[DP_EOF] + a.kinds[DP_CLOSED] > 0, true);
	cr_expect_eq(b.kinds[DP_EOF] + b.kinds[DP_CLOSED], 0);
	cr_expect_eq(c.kinds[DP_CLOSED], 1);
	rig_fini(&rig);
}

/* --- waiting: a dp that writes down how it was polled ------------------- */

#define POLLS 64

struct watch {
	struct dp dp;
	struct dp_ops ops;
	uint64_t now_ns;
	uint64_t idle_ns;
	uint64_t deadlines[POLLS];
	uint32_t asleep[POLLS]; /* of the shard, during the poll */
	uint32_t polls;
	uint32_t wakes;
	uint32_t events; /* to be given by the next poll */
	struct shard *shard;
	struct shard *other; /* tells a cell during the poll, if not NULL */
};

static uint32_t watch_poll(struct dp *dp, struct dp_event *events, uint32_t max,
			   uint64_t deadline_ns)
{
	struct watch *watch = (struct watch *)(void *)dp;
	uint32_t count = min_u32(watch->events, max);

	cr_assert_lt(watch->polls, POLLS);
	watch->deadlines[watch->polls] = deadline_ns;
	watch->asleep[watch->polls++] = atomic_load(&watch->shard->asleep);
	if (watch->other)
		shard_tell(watch->other, watch->shard->index,
			   RING_OP(PART_SERVICE, 1), 0, NULL, 0);
	for (uint32_t i = 0; i < count; i++)
		events[i] = (struct dp_event){
			.kind = DP_CONNECTED,
			.cookie = cookie_make(PART_SERVICE, 7),
		};
	watch->events -= count;
	return count;
}

static uint64_t watch_now(struct dp *dp)
{
	return ((struct watch *)(void *)dp)->now_ns;
}

static void watch_wake(struct dp *dp)
{
	((struct watch *)(void *)dp)->wakes++;
}

static void watch_caps(struct dp *dp, struct dp_caps *caps)
{
	*caps = (struct dp_caps){
		.idle_ns = ((struct watch *)(void *)dp)->idle_ns,
	};
}

struct bench {
	struct rig rig;
	struct rig_process *process;
	struct shard shard __attribute__((aligned(64)));
	struct watch front;
	struct watch local;
	struct probe part;
};

static void watch_init(struct watch *watch, struct shard *shard)
{
	*watch = (struct watch){
		.ops =
			{
				.name = "watch",
				.poll = watch_poll,
				.now = watch_now,
				.wake = watch_wake,
				.caps = watch_caps,
			},
		.now_ns = NS_PER_S,
		.shard = shard,
	};
	watch->dp.ops = &watch->ops;
}

/* Shard 0 of a pool, with one dp or two; shard 1 is the rig's own. */
static void bench_init_idle(struct bench *bench, bool two, uint64_t spin_ns,
			    uint64_t idle_ns)
{
	struct shard_limits limits = rig_limits;

	memset(bench, 0, sizeof(*bench));
	limits.spin_ns = spin_ns;
	rig_init(&bench->rig, 8);
	bench->process = rig_add(&bench->rig, 1);
	watch_init(&bench->front, &bench->shard);
	watch_init(&bench->local, &bench->shard);
	bench->front.dp.tag = 1;
	bench->front.idle_ns = idle_ns;
	cr_assert_eq(shard_init(&bench->shard, 0, &bench->process->pool,
				bench->process->host,
				two ? &bench->front.dp : &bench->local.dp,
				&bench->local.dp, &limits),
		     0);
	bench->process->pool.shards[0] = &bench->shard;
	add(&bench->part, &bench->shard, PART_SERVICE, 4);
}

static void bench_init(struct bench *bench, bool two, uint64_t spin_ns)
{
	bench_init_idle(bench, two, spin_ns, 0);
}

static void bench_fini(struct bench *bench)
{
	shard_fini(&bench->shard);
	rig_fini(&bench->rig);
}

static uint64_t last_deadline(const struct watch *watch)
{
	return watch->deadlines[watch->polls - 1];
}

Test(shard, waits_no_longer_than_for_the_next_timer)
{
	static struct bench bench;
	uint64_t now_ns = NS_PER_S;

	bench_init(&bench, false, 0);
	shard_pass(&bench.shard, false);
	cr_expect_eq(last_deadline(&bench.local), 0);
	shard_pass(&bench.shard, true);
	cr_expect_gt(last_deadline(&bench.local), now_ns);
	cr_expect_leq(last_deadline(&bench.local), now_ns + 2 * NS_PER_S);
	shard_arm(&bench.shard, PART_SERVICE, 0, now_ns + 30 * NS_PER_MS);
	shard_pass(&bench.shard, true);
	cr_expect_gt(last_deadline(&bench.local), now_ns);
	cr_expect_leq(last_deadline(&bench.local), now_ns + 30 * NS_PER_MS);
	bench_fini(&bench);
}

Test(shard, does_not_wait_while_something_is_left)
{
	static struct bench bench;

	bench_init(&bench, false, 0);
	/* A cell, then again from a flush: twice no wait, then one. */
	shard_tell(&bench.process->shards[1], 0, RING_OP(PART_SERVICE, 1), 0,
		   NULL, 0);
	cr_expect(shard_has_cells(&bench.shard));
	bench.part.again = 1;
	cr_expect_eq(shard_pass(&bench.shard, true), 1);
	cr_expect_eq(last_deadline(&bench.local), 0);
	cr_expect_eq(bench.local.asleep[bench.local.polls - 1], 0);
	cr_expect(shard_has_cells(&bench.shard));
	cr_expect_gt(shard_pass(&bench.shard, true), 0);
	cr_expect_eq(last_deadline(&bench.local), 0);
	cr_expect_not(shard_has_cells(&bench.shard));
	cr_expect_eq(shard_pass(&bench.shard, true), 0);
	cr_expect_neq(last_deadline(&bench.local), 0);
	cr_expect_eq(stats_get(&bench.shard.stats, STAT_passes), 3);
	cr_expect_eq(stats_get(&bench.shard.stats, STAT_passes_idle), 1);
	bench_fini(&bench);
}

Test(shard, spins_for_a_while_after_work)
{
	static struct bench bench;

	bench_init(&bench, false, 50 * NS_PER_US);
	bench.local.events = 3;
	cr_expect_eq(shard_pass(&bench.shard, true), 3);
	cr_expect_eq(stats_get(&bench.shard.stats, STAT_events), 3);
	bench.local.now_ns += 49 * NS_PER_US;
	shard_pass(&bench.shard, true);
	cr_expect_eq(last_deadline(&bench.local), 0);
	bench.local.now_ns += NS_PER_US;
	shard_pass(&bench.shard, true);
	cr_expect_neq(last_deadline(&bench.local), 0);
	bench_fini(&bench);
}

Test(shard, is_woken_when_it_waits_and_only_then)
{
	static struct bench bench;
	struct shard *other;

	bench_init(&bench, false, 0);
	other = &bench.process->shards[1];
	shard_tell(other, 0, RING_OP(PART_SERVICE, 1), 0, NULL, 0);
	cr_expect_eq(bench.local.wakes, 0);
	shard_pass(&bench.shard, true);
	/* The message comes while the shard waits: it finds it in this pass. */
	bench.local.other = other;
	shard_pass(&bench.shard, true);
	cr_expect_eq(bench.local.asleep[1], 1);
	cr_expect_eq(bench.local.wakes, 1);
	cr_expect_eq(bench.part.cell_count, 2);
	/* The same in a poll that does not wait. */
	shard_pass(&bench.shard, false);
	cr_expect_eq(bench.local.asleep[2], 0);
	cr_expect_eq(bench.local.wakes, 1);
	cr_expect_eq(bench.part.cell_count, 3);
	bench.local.other = NULL;
	cr_expect_eq(atomic_load(&bench.shard.asleep), 0);
	shard_tell(other, 0, RING_OP(PART_SERVICE, 1), 0, NULL, 0);
	cr_expect_eq(bench.local.wakes, 1);
	bench_fini(&bench);
}

Test(shard, with_two_dps_only_the_last_may_wait)
{
	static struct bench bench;

	bench_init(&bench, true, 0);
	shard_pass(&bench.shard, true);
	cr_expect_eq(last_deadline(&bench.front), 0);
	cr_expect_neq(last_deadline(&bench.local), 0);
	/* The front has work: nobody waits. */
	bench.front.events = 1;
	cr_expect_eq(shard_pass(&bench.shard, true), 1);
	cr_expect_eq(last_deadline(&bench.front), 0);
	cr_expect_eq(last_deadline(&bench.local), 0);
	cr_expect_eq(bench.front.polls, 2);
	cr_expect_eq(bench.local.polls, 2);
	bench_fini(&bench);
}

/* A front that nobody can wait for is looked at again and again. */
Test(shard, rests_between_looks_at_a_front_that_cannot_wait)
{
	static struct bench bench;
	uint64_t now_ns = NS_PER_S;

	bench_init_idle(&bench, true, 0, 200 * NS_PER_US);
	bench.front.events = 1;
	shard_pass(&bench.shard, true);
	shard_pass(&bench.shard, true);
	cr_expect_gt(last_deadline(&bench.local), now_ns);
	cr_expect_leq(last_deadline(&bench.local), now_ns + 50 * NS_PER_US);
	/* The longer it is idle the longer it sleeps, up to a limit. */
	bench.local.now_ns += NS_PER_S;
	shard_pass(&bench.shard, true);
	cr_expect_eq(last_deadline(&bench.local),
		     bench.local.now_ns + 200 * NS_PER_US);
	cr_expect_eq(last_deadline(&bench.front), 0);
	bench_fini(&bench);
}

Test(shard, knows_the_dp_of_a_connection_and_of_a_parcel)
{
	static struct bench bench;
	struct dp_parcel local = {{UINT64_MAX, 0, 0, 7}};
	struct dp_parcel front = {{0, 0, 0, (uint64_t)1 << DP_TAG_SHIFT | 7}};

	bench_init(&bench, true, 0);
	cr_expect_eq(shard_dp(&bench.shard, 7), &bench.local.dp);
	cr_expect_eq(shard_dp(&bench.shard, (uint64_t)1 << DP_TAG_SHIFT | 7),
		     &bench.front.dp);
	cr_expect_eq(shard_parcel_dp(&bench.shard, &local), &bench.local.dp);
	cr_expect_eq(shard_parcel_dp(&bench.shard, &front), &bench.front.dp);
	bench_fini(&bench);
	/* With one dp there is nothing to tell apart. */
	bench_init(&bench, false, 0);
	cr_expect_eq(shard_dp(&bench.shard, UINT64_MAX), &bench.local.dp);
	bench_fini(&bench);
}

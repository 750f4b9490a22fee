/* tcp_plan.c - what a seed decides before a run begins. */
#include "tests/sim/tcp_run_internal.h"

static uint64_t choose_total(struct run *run)
{
	switch (run_below(run, 12)) {
	case 0:
		return 0;
	case 1:
	case 2:
		return 1;
	case 3:
	case 4:
	case 5:
		return 1 + run_below(run, 4000);
	case 6:
	case 7:
	case 8:
	case 9:
		return run_below(run, 64 * 1024);
	case 10:
		return run_below(run, 512 * 1024);
	default:
		return run_below(run, 2 * 1024 * 1024);
	}
}

static uint16_t maybe(struct run *run, uint32_t of, uint32_t chance_max)
{
	return run_below(run, of) ? 0 : (uint16_t)run_below(run, chance_max);
}

static void plan_side(struct run *run, struct run_app *app)
{
	struct run_plan *plan = &app->plan;
	static const uint32_t chunks[] = {1, 100, 1460, 4096, 16384};

	app->unhold_ns = NS_NEVER;
	plan->total = choose_total(run);
	plan->chunk_max = chunks[run_below(run, ARRAY_LEN(chunks))];
	/* Single bytes cost as much as segments. */
	if (plan->chunk_max == 1)
		plan->total = min_u64(plan->total, 3000);
	else if (plan->chunk_max == 100)
		plan->total = min_u64(plan->total, 60000);
	if (!run_below(run, 4))
		plan->think_ns = run_below(run, 60 * NS_PER_MS);
	if (plan->think_ns)
		plan->total = min_u64(plan->total, plan->chunk_max * 200);
	if (!run_below(run, 3))
		plan->keep_ns = run_below(run, 300 * NS_PER_MS);
	plan->hold_chance = maybe(run, 2, 2000);
	plan->hold_ns = 1 + run_below(run, 2 * NS_PER_S);
	plan->move_chance = maybe(run, 2, 300);
	plan->away_ns = run_below(run, 2) ? run_below(run, 100 * NS_PER_MS) : 0;
}

/* At least one finishes unasked. */
static void plan_finish(struct run *run, struct run_conn *conn)
{
	uint32_t one = (uint32_t)run_below(run, 2);
	struct run_plan *first = &conn->app[one].plan;
	struct run_plan *other = &conn->app[1 - one].plan;
	uint64_t what = run_below(run, 16);

	conn->clean = true;
	first->finish = FINISH_FIRST;
	other->finish = run_below(run, 3) ? FINISH_AFTER : FINISH_FIRST;
	if (what == 0 || what == 1) {
		first->finish = FINISH_CLOSE;
		other->finish = FINISH_AFTER;
		other->total = 0;
	} else if (what == 2) {
		first->finish = FINISH_RUDE;
		conn->clean = false;
	} else if (what == 3 || what == 4) {
		first->finish = FINISH_KILL;
		first->kill_at =
			run_below(run, first->total + other->total + 1);
		conn->clean = false;
	}
}

/* Bad, worse, and now and then a good one. */
static void plan_faults(struct run *run)
{
	struct sim_faults *faults = &run->faults;
	uint64_t level = run_below(run, 8);

	*faults = sim_faults_frames();
	faults->chance[SIM_LATE_TIMER] = 1000;
	faults->chance[SIM_FEW_EVENTS] = 1000;
	faults->chance[SIM_SPURIOUS_WAKE] = 200;
	faults->late_max_ns = 30 * NS_PER_MS;
	if (level == 0)
		*faults = (struct sim_faults){0};
	if (level == 6) {
		faults->chance[SIM_REORDER] = 2000;
		faults->chance[SIM_DUPLICATE] = 1000;
	}
	if (level == 7) {
		/* lwIP doubles its timeout without a limit: hours, soon. */
		uint64_t most = run->wish.peers ? 300 : 1000;

		faults->chance[SIM_LOSE] =
			(uint16_t)(500 + run_below(run, most));
		faults->chance[SIM_OUTAGE] = run->wish.peers ? 4 : 20;
		faults->chance[SIM_CORRUPT] = 300;
	}
}

void run_plan(struct run *run)
{
	static const uint32_t mtus[] = {576, 1500, 1500, 9000};

	run->conn_count = 1;
	if (!run_below(run, 3))
		run->conn_count = 2 + (uint32_t)run_below(run, RUN_CONNS - 1);
	run->mtu = mtus[run_below(run, ARRAY_LEN(mtus))];
	run->address[0] = 0x0a000001;
	run->address[1] = 0x0a000002;
	plan_faults(run);
	for (uint32_t i = 0; i < run->conn_count; i++) {
		struct run_conn *conn = &run->conn[i];

		conn->active = (uint32_t)run_below(run, 2);
		conn->port[conn->active] = (uint16_t)(RUN_LOCAL + i);
		conn->port[1 - conn->active] = (uint16_t)(RUN_PORT + i);
		conn->start_ns = run_below(run, 100 * NS_PER_MS);
		plan_side(run, &conn->app[0]);
		plan_side(run, &conn->app[1]);
		plan_finish(run, conn);
	}
}

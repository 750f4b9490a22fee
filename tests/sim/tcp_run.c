/* tcp_run.c - one seeded run: two TCPs, their owners, a cable between them. */
#include "tests/sim/tcp_run_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX    4000000
#define PROGRESS_NS  (900 * NS_PER_S)
#define EMPTY_NS     (4000 * NS_PER_S)
#define CABLE_FRAMES 1024
#define FRAME_BYTES  9100

static const char *const event_names[RUN_EVENT_COUNT] = {
	[RUN_PASSIVE] = "accepted by us",
	[RUN_ACTIVE] = "connected by us",
	[RUN_HOLD] = "held",
	[RUN_UNREAD] = "unread",
	[RUN_MOVE] = "moved to another stack",
	[RUN_MOVE_BUSY] = "moved with bytes in flight",
	[RUN_MOVE_AWAY] = "frames while in neither stack",
	[RUN_HALF_CLOSE] = "bytes after our FIN",
	[RUN_BOTH_CLOSE] = "both ends finish at once",
	[RUN_KILL] = "killed",
	[RUN_CLOSE_EARLY] = "closed before the peer had finished",
	[RUN_ONE_BYTE] = "streams of one byte",
	[RUN_PROBE] = "windows of zero probed",
	[RUN_WRAP] = "sequence numbers wrapped around",
	[RUN_WRAP_TIME] = "timestamps wrapped around",
	[RUN_FAST] = "fast recoveries",
	[RUN_TIMEOUT] = "timeouts",
	[RUN_REORDERED] = "segments out of order",
	[RUN_WAIT] = "in TIME-WAIT",
	[RUN_NO_ROOM] = "segments dropped for lack of room",
};

const char *run_event_name(enum run_event event)
{
	return event < RUN_EVENT_COUNT ? event_names[event] : "unknown";
}

void run_fail(struct run *run, const char *format, ...)
{
	va_list args;

	if (run->failure[0])
		return;
	va_start(args, format);
	vsnprintf(run->failure, sizeof(run->failure), format, args);
	va_end(args);
}

void run_say(struct run *run, const char *format, ...)
{
	va_list args;

	if (!run->wish.verbose)
		return;
	printf("%12.6f  ", (double)(run->now_ns - run->start_ns) / 1e9);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

uint64_t run_below(struct run *run, uint64_t limit)
{
	return sim_prng_below(&run->prng, limit);
}

bool run_rolls(struct run *run, uint16_t chance)
{
	return chance && run_below(run, 10000) < chance;
}

bool run_fault(struct run *run, enum sim_fault fault)
{
	if (!run_rolls(run, run->faults.chance[fault]))
		return false;
	run->fault_count[fault]++;
	return true;
}

void run_count(struct run *run, enum run_event event, uint64_t times)
{
	run->tally->events[event] += times;
}

static void say_frame(struct run *run, const char *how, uint32_t side,
		      const uint8_t *frame, uint32_t len)
{
	struct tcp_seen seen;

	if (!run->wish.verbose)
		return;
	if (tcp_see(frame, len, &seen) != LOOK_TCP) {
		run_say(run, "%s %u: %u bytes, no sound TCP", how, side, len);
		return;
	}
	run_say(run,
		"%s %u: %u>%u %s%s%s%s seq %u len %u ack %u win %u sacks %u "
		"%u-%u data %02x",
		how, side, seen.source_port, seen.target_port,
		seen.flags & SEGMENT_SYN ? "S" : "",
		seen.flags & SEGMENT_FIN ? "F" : "",
		seen.flags & SEGMENT_RST ? "R" : "",
		seen.flags & SEGMENT_ACK ? "." : "", seen.seq, seen.len,
		seen.ack, seen.window, seen.sack_count, seen.sack[0][0],
		seen.sack[0][1], seen.len ? frame[len - seen.len] : 0);
}

void run_emit(struct run_end *end, const uint8_t *frame, uint32_t len)
{
	struct run *run = end->run;
	uint64_t *trace = &run->tally->trace;

	say_frame(run, "out", end->side, frame, len);
	run->tally->frames++;
	for (uint32_t i = 0; i < len; i += 7)
		*trace = (*trace ^ frame[i]) * 0x100000001b3u;
	*trace ^= run->now_ns;
	watch_out(&run->watch[end->side], run->now_ns, frame, len);
	sim_cable_put(run->cable, end->side, run->now_ns, frame, len);
}

/* What is due by now comes out of the cable, up to what an end takes. */
static void deliver(struct run *run)
{
	struct sim_cable_frame frame;

	while (run->end[0].arrived_count < RUN_ARRIVED &&
	       run->end[1].arrived_count < RUN_ARRIVED &&
	       sim_cable_take(run->cable, run->now_ns, &frame)) {
		struct run_end *end = &run->end[frame.port];
		struct run_frame *to = &end->arrived[end->arrived_count++];

		say_frame(run, "in ", frame.port, frame.data, frame.len);
		to->len = frame.len;
		to->data = malloc(frame.len);
		ASSERT(to->data, "a test has its memory");
		memcpy(to->data, frame.data, frame.len);
	}
}

/* An owner's pass, as tcp.h has it. */
static void pass(struct run_end *end)
{
	struct run *run = end->run;
	const char *bad;

	end->more = false;
	end->calls->input(end);
	end->calls->advance(end);
	end->calls->tell(end);
	app_act(run, end->side);
	end->calls->flush(end);
	bad = end->calls->check(end);
	if (bad)
		run_fail(run, "side %u: %s", end->side, bad);
	if (run->watch[end->side].broken)
		run_fail(run, "side %u, port %u: %s", end->side,
			 run->watch[end->side].broken_port,
			 run->watch[end->side].broken);
}

/* When the end is to pass; a new deadline may be met late. */
static uint64_t due_of(struct run_end *end)
{
	struct run *run = end->run;
	uint64_t deadline_ns = end->calls->deadline(end);

	if (deadline_ns != end->noted_ns) {
		end->noted_ns = end->wake_ns = deadline_ns;
		if (deadline_ns != NS_NEVER && run_fault(run, SIM_LATE_TIMER))
			end->wake_ns += run_below(run, run->faults.late_max_ns);
	}
	if (end->more || end->arrived_count)
		return run->now_ns;
	return min_u64(end->wake_ns, app_deadline(run, end->side));
}

/* One moment. False: nothing will ever happen again. */
static bool step(struct run *run)
{
	uint64_t due_ns[2] = {due_of(&run->end[0]), due_of(&run->end[1])};
	uint64_t next_ns = min_u64(sim_cable_next_ns(run->cable),
				   min_u64(due_ns[0], due_ns[1]));

	if (next_ns == NS_NEVER)
		return false;
	run->now_ns = max_u64(run->now_ns, next_ns);
	deliver(run);
	for (uint32_t i = 0; i < 2; i++) {
		struct run_end *end = &run->end[i];

		if (end->arrived_count || due_ns[i] <= run->now_ns ||
		    run_fault(run, SIM_SPURIOUS_WAKE))
			pass(end);
	}
	return true;
}

static void carry_on(struct run *run)
{
	for (uint32_t steps = 0; !app_all_over(run); steps++) {
		if (run->failure[0])
			return;
		if (!step(run) || steps == STEPS_MAX ||
		    run->now_ns - run->progress_ns > PROGRESS_NS) {
			run_fail(run, "deadlock: nothing moves");
			return;
		}
	}
}

static void empty_out(struct run *run)
{
	uint64_t until_ns = run->now_ns + EMPTY_NS;
	const char *left[2] = {"", ""};

	while (!run->failure[0] && (left[0] || left[1])) {
		bool more = step(run);

		left[0] = run->end[0].calls->check_empty(&run->end[0]);
		left[1] = run->end[1].calls->check_empty(&run->end[1]);
		if (more && run->now_ns < until_ns)
			continue;
		for (uint32_t i = 0; i < 2; i++) {
			if (left[i])
				run_fail(run, "side %u is not empty: %s", i,
					 left[i]);
		}
	}
}

static void tally_conn(struct run *run, const struct run_conn *conn)
{
	const struct run_app *app = conn->app;

	run_count(run, RUN_ONE_BYTE,
		  (uint64_t)(app[0].sent == 1) + (app[1].sent == 1));
	run_count(run, RUN_BOTH_CLOSE,
		  conn->clean && !app[0].shut_after_eof &&
			  !app[1].shut_after_eof);
	for (uint32_t i = 0; i < 2; i++)
		run_count(run, RUN_CLOSE_EARLY,
			  app[i].plan.finish == FINISH_RUDE && !app[i].eof);
}

static void tally_watch(struct run *run, const struct watch_conn *conn)
{
	if (!conn->syn_in || !conn->syn_out)
		return;
	run_count(run, RUN_WRAP,
		  (uint64_t)(conn->snd_max < conn->iss) +
			  (conn->got < conn->irs));
	run_count(run, RUN_WRAP_TIME, conn->ts_wrapped);
	run_count(run, RUN_HALF_CLOSE, conn->bytes_after_fin != 0);
}

static void tally_run(struct run *run)
{
	for (int i = 0; i < SIM_FAULT_COUNT; i++)
		run->tally->faults[i] +=
			run->fault_count[i] +
			sim_cable_fault_count(run->cable, (enum sim_fault)i);
	for (uint32_t i = 0; i < run->conn_count; i++)
		tally_conn(run, &run->conn[i]);
	for (uint32_t side = 0; side < 2; side++) {
		run->end[side].calls->tally(&run->end[side]);
		for (uint32_t i = 0; i < run->watch[side].conn_count; i++)
			tally_watch(run, &run->watch[side].conn[i]);
	}
	run->tally->virtual_ns += run->now_ns - run->start_ns;
}

static bool start_ends(struct run *run)
{
	uint32_t foreign = (uint32_t)run_below(run, 2);

	for (uint32_t i = 0; i < 2; i++) {
		struct run_end *end = &run->end[i];

		end->run = run;
		end->side = i;
		end->noted_ns = end->wake_ns = NS_NEVER;
		end->one_by_one = run_below(run, 2);
		if (!run->wish.peers || i != foreign)
			ours_start(run, i);
	}
	if (run->wish.peers && !lwip_start(run, foreign))
		return false;
	for (uint32_t i = 0; i < run->conn_count; i++) {
		struct run_end *end = &run->end[1 - run->conn[i].active];
		int err = end->calls->listen(end, i);

		if (err)
			run_fail(run, "conn %u cannot listen: %d", i, err);
	}
	return true;
}

static void fini_ends(struct run *run)
{
	for (uint32_t i = 0; i < 2; i++) {
		struct run_end *end = &run->end[i];

		for (uint32_t f = 0; f < end->arrived_count; f++)
			free(end->arrived[f].data);
		if (end->calls)
			end->calls->fini(end);
	}
	sim_cable_destroy(run->cable);
}

bool run_seed(const struct run_wish *wish, struct run_tally *tally,
	      char failure[RUN_FAIL])
{
	struct run *run = calloc(1, sizeof(*run));
	struct sim_cable_config cable = {
		.seed = wish->seed,
		.frame_bytes = FRAME_BYTES,
		.delay_ns = 50 * NS_PER_US,
	};
	bool good;

	ASSERT(run, "a test has its memory");
	run->wish = *wish;
	run->tally = tally;
	tally->trace = 0;
	run->prng = sim_prng_make(wish->seed, 1);
	run_plan(run);
	cable.frame_max = run_below(run, 8) ? CABLE_FRAMES : 24;
	run->cable = sim_cable_create(&cable);
	sim_cable_set_faults(run->cable, &run->faults);
	if (start_ends(run)) {
		run->progress_ns = run->now_ns;
		carry_on(run);
		empty_out(run);
		if (!run->failure[0])
			app_check_end(run);
		tally_run(run);
	}
	good = !run->failure[0];
	memcpy(failure, run->failure, RUN_FAIL);
	fini_ends(run);
	free(run);
	return good;
}

/* tcp_app.c - the owners of a run's connections: they send, read and finish. */
#include "tests/sim/tcp_run_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define SENDS_PER_PASS 8
#define CHUNK_MOST     16384

/* What stands at a position of a stream: eight bytes to a number. */
static uint8_t byte_at(const struct run *run, uint32_t side, uint32_t conn,
		       uint64_t at)
{
	uint64_t key = run->wish.seed * 64 + side * 32 + conn;

	return (uint8_t)(sim_mix(key ^ (at / 8) << 20) >> at % 8 * 8);
}

static void fill(const struct run *run, uint32_t side, uint32_t conn,
		 uint64_t at, uint8_t *to, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		to[i] = byte_at(run, side, conn, at + i);
}

static void progress(struct run *run)
{
	run->progress_ns = run->now_ns;
}

static const struct run_end_calls *calls_of(const struct run *run,
					    uint32_t side)
{
	return run->end[side].calls;
}

/* Everything must arrive: nobody kills or is rude, and the peer is sane. */
static bool is_clean(const struct run *run, uint32_t conn)
{
	return run->conn[conn].clean &&
	       !watch_peer_lies(&run->watch[0], conn) &&
	       !watch_peer_lies(&run->watch[1], conn);
}

void app_opened(struct run *run, uint32_t side, uint32_t conn)
{
	struct run_app *app = run_app(run, side, conn);

	run_say(run, "side %u conn %u: open", side, conn);
	if (app->open)
		run_fail(run, "conn %u opens twice at side %u", conn, side);
	app->open = true;
	progress(run);
}

static void view_keep(struct run *run, struct run_app *app,
		      const struct run_view *view)
{
	struct run_view *kept = &app->views[app->view_count++];

	*kept = *view;
	kept->at_ns = run->now_ns + run_below(run, app->plan.keep_ns + 1);
}

static void view_give(struct run *run, uint32_t side, uint32_t conn,
		      const struct run_view *view)
{
	run_app(run, side, conn)->recycled += view->len;
	if (!view->moved)
		watch_recycled(&run->watch[side], conn, view->len);
	calls_of(run, side)->recycle(&run->end[side], conn, view);
}

void app_received(struct run *run, uint32_t side, uint32_t conn,
		  const struct run_view *view)
{
	struct run_app *app = run_app(run, side, conn);
	bool hold = run_rolls(run, app->plan.hold_chance);

	run_say(run, "side %u conn %u: told %u at %" PRIu64, side, conn,
		view->len, app->received);

	if (app->eof || app->closed)
		run_fail(run, "conn %u: bytes after the end at side %u", conn,
			 side);
	if (app->unhold_ns != NS_NEVER && calls_of(run, side)->hold)
		run_fail(run, "conn %u: bytes while held, side %u", conn, side);
	for (uint32_t i = 0; i < view->len; i++) {
		if (view->data[i] ==
		    byte_at(run, 1 - side, conn, app->received + i))
			continue;
		run_fail(run, "conn %u: byte %" PRIu64 " is wrong at side %u",
			 conn, app->received + i, side);
		break;
	}
	progress(run);
	if (hold) {
		app->unhold_ns =
			run->now_ns + 1 + run_below(run, app->plan.hold_ns);
		if (calls_of(run, side)->hold)
			calls_of(run, side)->hold(&run->end[side], conn, true);
		run_count(run, RUN_HOLD, 1);
		if (run_below(run, 2) && calls_of(run, side)->unread &&
		    calls_of(run, side)->unread(&run->end[side], conn, view)) {
			run_say(run, "side %u conn %u: unread", side, conn);
			run_count(run, RUN_UNREAD, 1);
			calls_of(run, side)->recycle(&run->end[side], conn,
						     view);
			return;
		}
	}
	app->received += view->len;
	run->tally->bytes += view->len;
	if (app->view_count == RUN_VIEWS || !app->plan.keep_ns)
		view_give(run, side, conn, view);
	else
		view_keep(run, app, view);
}

void app_writable(struct run *run, uint32_t side, uint32_t conn)
{
	run_app(run, side, conn)->blocked = false;
}

void app_eof(struct run *run, uint32_t side, uint32_t conn)
{
	struct run_app *app = run_app(run, side, conn);

	run_say(run, "side %u conn %u: EOF behind %" PRIu64, side, conn,
		app->received);
	if (app->eof)
		run_fail(run, "conn %u: a second EOF at side %u", conn, side);
	app->eof = true;
	progress(run);
}

void app_closed(struct run *run, uint32_t side, uint32_t conn, int result)
{
	struct run_app *app = run_app(run, side, conn);

	run_say(run, "side %u conn %u: closed, %d", side, conn, result);
	if (app->closed)
		run_fail(run, "conn %u is closed twice at side %u", conn, side);
	/* After both ends it is all the same how the last ACK was lost. */
	if (result && is_clean(run, conn) && !(app->eof && app->shut))
		run_fail(run, "conn %u fails with %d at side %u", conn, result,
			 side);
	app->closed = true;
	app->result = result;
	progress(run);
}

static void recycle_due(struct run *run, uint32_t side, uint32_t conn, bool all)
{
	struct run_app *app = run_app(run, side, conn);
	uint32_t kept = 0;
	uint32_t count = app->view_count;

	app->view_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (all || app->views[i].at_ns <= run->now_ns)
			view_give(run, side, conn, &app->views[i]);
		else
			app->views[kept++] = app->views[i];
	}
	app->view_count = kept;
}

static void send_some(struct run *run, uint32_t side, uint32_t conn)
{
	struct run_app *app = run_app(run, side, conn);
	uint8_t bytes[CHUNK_MOST];

	for (uint32_t i = 0; i < SENDS_PER_PASS; i++) {
		uint64_t left = app->plan.total - app->sent;
		uint32_t len =
			1 + (uint32_t)run_below(run, app->plan.chunk_max);
		uint32_t taken;

		len = (uint32_t)min_u64(len, left);
		if (!len || app->blocked || app->shut ||
		    app->send_ns > run->now_ns)
			return;
		fill(run, side, conn, app->sent, bytes, len);
		taken = calls_of(run, side)->send(&run->end[side], conn, bytes,
						  len);
		app->sent += taken;
		app->blocked = taken < len;
		if (app->plan.think_ns)
			app->send_ns = run->now_ns +
				       run_below(run, app->plan.think_ns);
	}
}

static void do_shutdown(struct run *run, uint32_t side, uint32_t conn)
{
	struct run_app *app = run_app(run, side, conn);

	run_say(run, "side %u conn %u: shutdown behind %" PRIu64, side, conn,
		app->sent);
	app->shut = true;
	app->shut_after_eof = app->eof;
	calls_of(run, side)->shutdown(&run->end[side], conn);
	progress(run);
}

static void do_close(struct run *run, uint32_t side, uint32_t conn)
{
	struct run_app *app = run_app(run, side, conn);

	run_say(run, "side %u conn %u: close", side, conn);
	recycle_due(run, side, conn, true);
	if (!app->shut)
		app->shut_after_eof = app->eof;
	app->shut = true;
	calls_of(run, side)->close(&run->end[side], conn);
}

/* Nobody is there any more, and lwIP has no timer for that. */
static bool hopeless(const struct run *run, uint32_t side, uint32_t conn)
{
	return !is_clean(run, conn) && !calls_of(run, side)->hold &&
	       run->conn[conn].app[1 - side].closed &&
	       run->now_ns - run->progress_ns > 300 * NS_PER_S;
}

static void finish(struct run *run, uint32_t side, uint32_t conn)
{
	struct run_app *app = run_app(run, side, conn);
	enum run_finish how = app->plan.finish;
	bool all = app->sent == app->plan.total;

	if ((how == FINISH_KILL &&
	     app->sent + app->received >= app->plan.kill_at) ||
	    hopeless(run, side, conn)) {
		run_say(run, "side %u conn %u: kill", side, conn);
		run_count(run, RUN_KILL, 1);
		recycle_due(run, side, conn, true);
		calls_of(run, side)->kill(&run->end[side], conn);
		return;
	}
	if (!all)
		return;
	if (how == FINISH_CLOSE || how == FINISH_RUDE) {
		if (app->unhold_ns == NS_NEVER)
			do_close(run, side, conn);
		return;
	}
	if (!app->shut && (how == FINISH_FIRST || app->eof))
		do_shutdown(run, side, conn);
	if (!app->shut || !app->eof)
		return;
	if (!app->close_ns)
		app->close_ns =
			run->now_ns + 1 + run_below(run, 200 * NS_PER_MS);
	if (run->now_ns >= app->close_ns)
		do_close(run, side, conn);
}

static void begin(struct run *run, uint32_t side, uint32_t conn)
{
	struct run_conn *one = &run->conn[conn];
	int err;

	if (one->started || one->active != side || run->now_ns < one->start_ns)
		return;
	one->started = true;
	err = calls_of(run, side)->connect(&run->end[side], conn);
	if (err)
		run_fail(run, "conn %u cannot be begun: %d", conn, err);
}

/* Whom nobody can hold is not read from meanwhile. */
static bool reads_no_more(const struct run *run, uint32_t side,
			  const struct run_app *app)
{
	return !calls_of(run, side)->hold && app->unhold_ns != NS_NEVER &&
	       app->unhold_ns > run->now_ns;
}

static void act(struct run *run, uint32_t side, uint32_t conn)
{
	const struct run_end_calls *calls = calls_of(run, side);
	struct run_app *app = run_app(run, side, conn);

	begin(run, side, conn);
	if (app->closed || !reads_no_more(run, side, app))
		recycle_due(run, side, conn, app->closed);
	if (!app->open || app->closed || app->away)
		return;
	if (app->unhold_ns <= run->now_ns) {
		app->unhold_ns = NS_NEVER;
		if (calls->hold)
			calls->hold(&run->end[side], conn, false);
	}
	if (calls->move && run_rolls(run, app->plan.move_chance) &&
	    calls->move(&run->end[side], conn) && app->away)
		return;
	send_some(run, side, conn);
	finish(run, side, conn);
}

void app_act(struct run *run, uint32_t side)
{
	for (uint32_t i = 0; i < run->conn_count; i++)
		act(run, side, i);
}

uint64_t app_deadline(const struct run *run, uint32_t side)
{
	uint64_t due_ns = NS_NEVER;

	for (uint32_t i = 0; i < run->conn_count; i++) {
		const struct run_conn *conn = &run->conn[i];
		const struct run_app *app = &conn->app[side];

		if (!conn->started && conn->active == side)
			due_ns = min_u64(due_ns, conn->start_ns);
		for (uint32_t v = 0; v < app->view_count; v++) {
			if (reads_no_more(run, side, app))
				break;
			due_ns = min_u64(due_ns, app->views[v].at_ns);
		}
		if (!app->open || app->closed || app->away)
			continue;
		due_ns = min_u64(due_ns, app->unhold_ns);
		if (!app->blocked && !app->shut && app->sent < app->plan.total)
			due_ns = min_u64(due_ns, app->send_ns);
		if (app->close_ns)
			due_ns = min_u64(due_ns, app->close_ns);
	}
	return due_ns;
}

bool app_all_over(const struct run *run)
{
	for (uint32_t i = 0; i < run->conn_count; i++) {
		const struct run_app *app = run->conn[i].app;

		/* The passive side may never have heard of a killed one. */
		if (!app[run->conn[i].active].closed)
			return false;
		if (app[1 - run->conn[i].active].open &&
		    !app[1 - run->conn[i].active].closed)
			return false;
	}
	return true;
}

static void check_stream(struct run *run, uint32_t conn, uint32_t side)
{
	const struct run_app *from = run_app(run, side, conn);
	const struct run_app *to = run_app(run, 1 - side, conn);

	if (to->received > from->sent)
		run_fail(run, "conn %u: more came than was sent", conn);
	if (!is_clean(run, conn))
		return;
	if (from->sent != from->plan.total || to->received != from->sent)
		run_fail(run,
			 "conn %u: of %" PRIu64 " bytes of side %u %" PRIu64
			 " were sent and %" PRIu64 " came",
			 conn, from->plan.total, side, from->sent,
			 to->received);
	if (!to->eof && to->plan.finish != FINISH_CLOSE)
		run_fail(run, "conn %u: no EOF at side %u", conn, 1 - side);
}

/*
 * TIME-WAIT belongs to who finished first: never to who finished after it had
 * heard of the other's end, always to the other one then.
 */
static void check_waits(struct run *run, uint32_t side)
{
	uint64_t least = 0;
	uint64_t most = 0;
	uint64_t ever = calls_of(run, side)->waits(&run->end[side]);

	for (uint32_t i = 0; i < run->conn_count; i++) {
		const struct run_app *own = run_app(run, side, i);
		const struct run_app *other = run_app(run, 1 - side, i);
		bool clean = is_clean(run, i);

		most += !own->shut_after_eof;
		least += clean && other->shut_after_eof;
	}
	if (ever != UINT64_MAX && (ever < least || ever > most))
		run_fail(run,
			 "side %u: %" PRIu64 " in TIME-WAIT, not %" PRIu64
			 "..%" PRIu64,
			 side, ever, least, most);
}

void app_check_end(struct run *run)
{
	uint64_t clean = 0;
	uint64_t waits = 0;
	bool known = true;

	for (uint32_t side = 0; side < 2; side++) {
		uint64_t ever = calls_of(run, side)->waits(&run->end[side]);

		known &= ever != UINT64_MAX;
		waits += ever;
		check_waits(run, side);
	}
	for (uint32_t i = 0; i < run->conn_count; i++) {
		check_stream(run, i, 0);
		check_stream(run, i, 1);
		clean += is_clean(run, i);
	}
	if (known && waits < clean)
		run_fail(run,
			 "%" PRIu64 " of %" PRIu64
			 " connections never were in TIME-WAIT",
			 clean - waits, clean);
}

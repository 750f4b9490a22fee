/* dp_bench.c - several dps polled by one thread, every promise checked. */
#include "tests/unit/dp_bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTENER_COOKIE ((uint64_t)1 << 60)
#define SPAN_STEP       ((uint64_t)0x9e3779b97f4a7c15)

_Noreturn void bench_fail(struct bench *b, const char *file, int line,
			  const char *what)
{
	fprintf(stderr, "%s:%d: case %s, seed %llu: does not hold: %s\n", file,
		line, b->name, (unsigned long long)b->seed, what);
	longjmp(b->fail, 1);
}

static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= (uint64_t)0xbf58476d1ce4e5b9;
	x ^= x >> 27;
	x *= (uint64_t)0x94d049bb133111eb;
	return x ^ x >> 31;
}

uint64_t bench_random(struct bench *b, uint64_t limit)
{
	b->random += SPAN_STEP;
	return limit ? mix(b->random) % limit : 0;
}

/* The byte at a position of the stream with that key. */
static uint8_t stream_byte(uint64_t key, uint64_t position)
{
	return (uint8_t)(mix(key + position / 8) >> position % 8 * 8);
}

static void stream_fill(uint64_t key, uint64_t position, uint8_t *to,
			uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		to[i] = stream_byte(key, position + i);
}

static bool stream_equal(uint64_t key, uint64_t position, const uint8_t *data,
			 uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		if (data[i] != stream_byte(key, position + i))
			return false;
	return true;
}

static uint64_t end_cookie(const struct bench *b, uint32_t end)
{
	return (uint64_t)b->ends[end].visit << 32 | end;
}

static uint32_t end_take(struct bench *b, uint32_t dp, enum end_state state)
{
	for (uint32_t i = 0; i < BENCH_ENDS; i++) {
		struct end *end = &b->ends[i];
		if (end->state != END_FREE)
			continue;
		*end = (struct end){
			.state = (uint8_t)state,
			.dp = dp,
			.peer = BENCH_NO_END,
			.key = mix(b->seed + i) ^ mix(++b->next_tag),
			.send_max = 1u << 16,
		};
		return i;
	}
	bench_fail(b, __FILE__, __LINE__, "the bench has ends enough");
}

void bench_forget(struct bench *b, uint32_t end)
{
	CHECK(b, b->ends[end].state == END_CLOSED);
	b->ends[end].state = END_FREE;
}

struct dp *bench_dp(struct bench *b, uint32_t index)
{
	if (!b->dps[index])
		CHECK(b, b->factory->make(b->factory->arg, index,
					  &b->dps[index]) == 0);
	return b->dps[index];
}

/* Makes the bytes unlike any stream, and gives them back. */
static void view_recycle(struct bench *b, const struct bench_view *kept)
{
	union {
		const uint8_t *lent;
		uint8_t *own;
	} data = {.lent = kept->view.data};

	CHECK(b, stream_equal(kept->key, kept->position, kept->view.data,
			      kept->view.len));
	memset(data.own, 0xdd, kept->view.len);
	dp_recycle(b->dps[kept->dp], &kept->view);
}

static void view_drop(struct bench *b, uint32_t at)
{
	struct bench_view kept = b->views[at];

	b->views[at] = b->views[--b->view_count];
	view_recycle(b, &kept);
}

void bench_recycle_all(struct bench *b)
{
	while (b->view_count)
		view_drop(b, b->view_count - 1);
}

void bench_destroy_dp(struct bench *b, uint32_t index)
{
	for (uint32_t i = b->view_count; i-- > 0;)
		if (b->views[i].dp == index)
			view_drop(b, i);
	dp_destroy(b->dps[index]);
	b->dps[index] = NULL;
	for (uint32_t i = 0; i < BENCH_ENDS; i++) {
		struct end *end = &b->ends[i];
		if (end->dp != index || end->state == END_DETACHED ||
		    end->state == END_FREE)
			continue;
		free(end->tx_data);
		end->tx_data = NULL;
		end->sending = false;
		end->state = END_CLOSED;
	}
}

static void on_received(struct bench *b, struct end *end,
			const struct dp_view *view)
{
	struct dp_caps caps;
	struct bench_view kept = {.dp = end->dp, .view = *view};

	CHECK(b, end->state == END_OPEN);
	CHECK(b, !end->held);
	CHECK(b, !end->killed);
	CHECK(b, !end->detaching);
	CHECK(b, !end->eof);
	dp_caps(b->dps[end->dp], &caps);
	CHECK(b, view->len > 0);
	CHECK(b, view->len <= caps.view_max_bytes);
	CHECK(b, end->peer != BENCH_NO_END);
	kept.key = b->ends[end->peer].key;
	kept.position = end->rx_bytes;
	CHECK(b, stream_equal(kept.key, kept.position, view->data, view->len));
	end->rx_bytes += view->len;
	if (b->view_count == min_u32(b->view_keep, BENCH_VIEWS) &&
	    b->view_count)
		view_drop(b, (uint32_t)bench_random(b, b->view_count));
	if (b->view_count < min_u32(b->view_keep, BENCH_VIEWS))
		b->views[b->view_count++] = kept;
	else
		view_recycle(b, &kept);
}

static void on_sent(struct bench *b, struct end *end,
		    const struct dp_event *event)
{
	CHECK(b, end->sending);
	CHECK(b, event->tag == end->tx_tag);
	CHECK(b, event->result >= 0);
	CHECK(b, (uint32_t)event->result <= end->tx_len);
	end->sending = false;
	end->tx_bytes += (uint32_t)event->result;
	/* Bytes that were not sent yet although told so will differ. */
	memset(end->tx_data, 0xaa, end->tx_len);
	free(end->tx_data);
	end->tx_data = NULL;
	/* A short one is followed by the end, which clears this. */
	if ((uint32_t)event->result < end->tx_len && !end->killed &&
	    !end->detaching)
		end->closed_result = 1;
	else
		end->closed_result = 0;
}

static void on_closed(struct bench *b, struct end *end,
		      const struct dp_event *event)
{
	CHECK(b, !end->sending);
	if (end->killed)
		CHECK(b, event->result == 0);
	else
		CHECK(b, event->result < 0);
	end->state = END_CLOSED;
	end->closed_result = event->result;
}

static void on_accepted(struct bench *b, uint32_t dp,
			const struct dp_event *event)
{
	uint32_t at = end_take(b, dp, END_OPEN);

	CHECK(b, event->cookie >= LISTENER_COOKIE);
	b->ends[at].conn = event->conn;
	CHECK(b,
	      dp_set_cookie(b->dps[dp], event->conn, end_cookie(b, at)) == 0);
	b->accepted = at;
}

static void on_event(struct bench *b, uint32_t dp, const struct dp_event *event)
{
	CHECK(b, dp_conn_tag(event->conn) == b->dps[dp]->tag);
	if (event->kind == DP_ACCEPTED) {
		on_accepted(b, dp, event);
		return;
	}
	uint32_t at = (uint32_t)event->cookie;
	CHECK(b, at < BENCH_ENDS);
	struct end *end = &b->ends[at];
	CHECK(b, event->cookie == end_cookie(b, at));
	CHECK(b, end->dp == dp);
	CHECK(b, end->conn == event->conn);
	CHECK(b, end->state == END_OPEN || end->state == END_CONNECTING);
	/* After a short send only what was on its way, and the end. */
	if (end->closed_result == 1)
		CHECK(b, event->kind == DP_CLOSED || event->kind == DP_EOF ||
				 event->kind == DP_RECEIVED);
	switch (event->kind) {
	case DP_CONNECTED:
		CHECK(b, end->state == END_CONNECTING);
		CHECK(b, !end->killed);
		end->state = END_OPEN;
		break;
	case DP_RECEIVED:
		on_received(b, end, &event->view);
		break;
	case DP_SENT:
		on_sent(b, end, event);
		break;
	case DP_EOF:
		CHECK(b, end->state == END_OPEN);
		CHECK(b, !end->eof);
		CHECK(b, !end->held);
		CHECK(b, !end->killed);
		CHECK(b, !end->detaching);
		end->eof = true;
		break;
	case DP_CLOSED:
		on_closed(b, end, event);
		break;
	case DP_DETACHED:
		CHECK(b, end->detaching);
		CHECK(b, !end->sending);
		CHECK(b, !end->killed);
		end->state = END_DETACHED;
		end->parcel = event->parcel;
		CHECK(b, dp_parcel_tag(&end->parcel) == b->dps[dp]->tag);
		break;
	default:
		bench_fail(b, __FILE__, __LINE__, "events are of known kinds");
	}
}

static void pump(struct bench *b)
{
	for (uint32_t i = 0; i < BENCH_ENDS; i++) {
		struct end *end = &b->ends[i];
		if (end->state != END_OPEN || end->sending || end->killed ||
		    end->detaching || end->shut ||
		    end->tx_bytes >= end->tx_goal || end->closed_result)
			continue;
		uint64_t len = 1 + bench_random(b, end->send_max);
		len = min_u64(len, end->tx_goal - end->tx_bytes);
		int error = bench_send(b, i, (uint32_t)len);
		CHECK(b, error == 0 || error == -EPIPE);
		if (error < 0)
			end->tx_goal = end->tx_bytes;
	}
}

uint32_t bench_poll(struct bench *b, uint32_t dp)
{
	struct dp_event events[DP_EVENTS_MAX];
	uint32_t max = 1 + (uint32_t)bench_random(b, b->events_max);
	uint32_t count = dp_poll(b->dps[dp], events, max, 0);

	CHECK(b, count <= max);
	for (uint32_t i = 0; i < count; i++)
		on_event(b, dp, &events[i]);
	return count;
}

void bench_step(struct bench *b)
{
	uint32_t total = 0;

	pump(b);
	for (uint32_t dp = 0; dp < BENCH_DPS; dp++) {
		if (b->dps[dp])
			total += bench_poll(b, dp);
	}
	if (total)
		return;
	/* Kept views may be all that somebody is waiting for. */
	bench_recycle_all(b);
	b->factory->step(b->factory->arg);
}

void bench_steps(struct bench *b, uint32_t count)
{
	while (count-- > 0)
		bench_step(b);
}

void bench_listen(struct bench *b, uint32_t dp, uint32_t n, struct addr *bound)
{
	struct addr addr;

	CHECK(b, b->factory->address(b->factory->arg, n, &addr) == 0);
	CHECK(b, dp_listen(bench_dp(b, dp), &addr, LISTENER_COOKIE + n,
			   bound) == 0);
}

uint32_t bench_connect(struct bench *b, uint32_t dp, const struct addr *addr)
{
	uint32_t at = end_take(b, dp, END_CONNECTING);
	struct end *end = &b->ends[at];
	int error = dp_connect(bench_dp(b, dp), addr, end_cookie(b, at),
			       &end->conn);

	if (error == 0)
		return at;
	CHECK(b, error == -ENOSPC);
	end->state = END_FREE;
	return BENCH_NO_END;
}

void bench_pair(struct bench *b, uint32_t dp, const struct addr *addr,
		uint32_t *connected, uint32_t *accepted)
{
	b->accepted = BENCH_NO_END;
	uint32_t at = bench_connect(b, dp, addr);
	CHECK(b, at != BENCH_NO_END);
	UNTIL(b, b->ends[at].state != END_CONNECTING &&
			 b->accepted != BENCH_NO_END);
	CHECK(b, b->ends[at].state == END_OPEN);
	b->ends[at].peer = b->accepted;
	b->ends[b->accepted].peer = at;
	*connected = at;
	*accepted = b->accepted;
}

int bench_send(struct bench *b, uint32_t at, uint32_t len)
{
	struct end *end = &b->ends[at];
	struct span spans[DP_SPANS_MAX];
	uint32_t count = 1 + (uint32_t)bench_random(b, DP_SPANS_MAX);
	uint8_t *data = malloc(len);
	uint32_t from = 0;

	CHECK(b, data);
	stream_fill(end->key, end->tx_bytes, data, len);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t part = (uint32_t)bench_random(b, len - from + 1);
		if (i + 1 == count)
			part = len - from;
		spans[i] = (struct span){.data = data + from, .len = part};
		from += part;
	}
	int error = dp_send(b->dps[end->dp], end->conn, spans, count,
			    b->next_tag + 1);
	if (error < 0) {
		free(data);
		return error;
	}
	CHECK(b, !end->sending);
	end->sending = true;
	end->tx_data = data;
	end->tx_len = len;
	end->tx_tag = ++b->next_tag;
	return 0;
}

int bench_unread(struct bench *b, uint32_t at, uint32_t len)
{
	struct end *end = &b->ends[at];
	uint8_t *data = malloc(len);

	CHECK(b, data);
	CHECK(b, len <= end->rx_bytes);
	stream_fill(b->ends[end->peer].key, end->rx_bytes - len, data, len);
	int error = dp_unread(b->dps[end->dp], end->conn, data, len);
	free(data);
	if (error < 0)
		return error;
	end->rx_bytes -= len;
	end->eof = false; /* comes again, behind these bytes */
	return 0;
}

int bench_hold(struct bench *b, uint32_t at)
{
	int error = dp_hold(b->dps[b->ends[at].dp], b->ends[at].conn);

	if (error == 0)
		b->ends[at].held = true;
	return error;
}

int bench_unhold(struct bench *b, uint32_t at)
{
	int error = dp_unhold(b->dps[b->ends[at].dp], b->ends[at].conn);

	if (error == 0)
		b->ends[at].held = false;
	return error;
}

int bench_detach(struct bench *b, uint32_t at)
{
	int error = dp_detach(b->dps[b->ends[at].dp], b->ends[at].conn);

	if (error == 0)
		b->ends[at].detaching = true;
	return error;
}

int bench_attach(struct bench *b, uint32_t at, uint32_t dp)
{
	struct end *end = &b->ends[at];

	end->visit++;
	int error = dp_attach(bench_dp(b, dp), &end->parcel, end_cookie(b, at),
			      &end->conn);
	if (error < 0)
		return error;
	end->dp = dp;
	end->state = END_OPEN;
	end->held = false;
	end->detaching = false;
	/* The new owner may be told of it again. */
	end->eof = false;
	return 0;
}

int bench_shutdown(struct bench *b, uint32_t at)
{
	int error = dp_shutdown(b->dps[b->ends[at].dp], b->ends[at].conn);

	if (error == 0)
		b->ends[at].shut = true;
	return error;
}

int bench_kill(struct bench *b, uint32_t at)
{
	int error = dp_kill(b->dps[b->ends[at].dp], b->ends[at].conn);

	if (error == 0)
		b->ends[at].killed = true;
	return error;
}

static bool all_closed(const struct bench *b)
{
	for (uint32_t i = 0; i < BENCH_ENDS; i++)
		if (b->ends[i].state != END_FREE &&
		    b->ends[i].state != END_CLOSED)
			return false;
	return true;
}

/* One whose connect was killed may still come in: it is killed as well. */
static bool close_late(struct bench *b)
{
	for (uint32_t i = 0; i < BENCH_ENDS; i++)
		if (b->ends[i].state == END_OPEN && !b->ends[i].killed)
			CHECK(b, bench_kill(b, i) == 0);
	return all_closed(b);
}

void bench_close_all(struct bench *b)
{
	for (uint32_t i = 0; i < BENCH_ENDS; i++) {
		struct end *end = &b->ends[i];
		if (end->state == END_OPEN || end->state == END_CONNECTING) {
			CHECK(b, bench_kill(b, i) == 0);
		} else if (end->state == END_DETACHED) {
			dp_discard(bench_dp(b, end->dp), &end->parcel);
			end->state = END_CLOSED;
		}
	}
	UNTIL(b, close_late(b));
	bench_recycle_all(b);
}

bool bench_received_all(const struct bench *b, uint32_t at)
{
	const struct end *end = &b->ends[at];
	const struct end *peer = &b->ends[end->peer];

	return end->rx_bytes == peer->tx_goal && !peer->sending;
}

/* control_bench.h - for tests: the control socket's part, its one client and
 * its shards played by the test. */
#pragma once

#include "core/control.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The control part, between a dp of one connection and two scripted shards.
 */
#define SENT_MAX (1 << 20)

struct bench {
	struct dp dp; /* first: the control shard's */
	struct host host;
	struct config config;
	struct pool pool;
	struct shard control_shard;
	struct shard shards[2];
	struct control control;
	uint64_t now_ns;
	uint32_t killed;
	bool hold_sent; /* nothing is taken */
	struct dp_event queue[8];
	uint32_t queued;
	char out[SENT_MAX];
	size_t out_len;
	size_t read_at;
};

static inline struct bench *bench_of(struct dp *dp)
{
	return (struct bench *)(void *)dp;
}

static inline int fake_listen(struct dp *dp, const struct addr *addr,
			      uint64_t cookie, struct addr *bound)
{
	(void)dp, (void)addr, (void)cookie, (void)bound;
	return 0;
}

static inline uint32_t fake_poll(struct dp *dp, struct dp_event *events,
				 uint32_t max, uint64_t deadline_ns)
{
	struct bench *bench = bench_of(dp);
	uint32_t count = min_u32(bench->queued, max);

	(void)deadline_ns;
	memcpy(events, bench->queue, count * sizeof(*events));
	bench->queued = 0;
	return count;
}

static inline void push(struct bench *bench, const struct dp_event *event)
{
	cr_assert_lt(bench->queued, ARRAY_LEN(bench->queue));
	bench->queue[bench->queued++] = *event;
}

static inline int fake_send(struct dp *dp, dp_conn conn,
			    const struct span *spans, uint32_t count,
			    uint64_t tag)
{
	struct bench *bench = bench_of(dp);
	struct dp_event event = {
		.kind = DP_SENT,
		.conn = conn,
		.cookie = cookie_make(PART_CONTROL, conn - 1),
		.tag = tag,
	};

	cr_assert_eq(count, 1);
	if (bench->hold_sent)
		return 0;
	cr_assert_lt(bench->out_len + spans[0].len, SENT_MAX);
	memcpy(bench->out + bench->out_len, spans[0].data, spans[0].len);
	bench->out_len += spans[0].len;
	event.result = (int32_t)spans[0].len;
	push(bench, &event);
	return 0;
}

static inline void fake_recycle(struct dp *dp, const struct dp_view *view)
{
	(void)dp, (void)view;
}

static inline int fake_set_cookie(struct dp *dp, dp_conn conn, uint64_t cookie)
{
	(void)dp, (void)conn, (void)cookie;
	return 0;
}

static inline int fake_kill(struct dp *dp, dp_conn conn)
{
	(void)conn;
	bench_of(dp)->killed++;
	return 0;
}

static inline uint64_t fake_now(struct dp *dp)
{
	return bench_of(dp)->now_ns;
}

static inline void fake_wake(struct dp *dp)
{
	(void)dp;
}

static inline void fake_counters(struct dp *dp, dp_counter_fn *each, void *arg)
{
	(void)dp;
	each(arg, "lan", "rx_frames", 3);
	each(arg, "lan", "tx_frames", 5);
	each(arg, "wan", "rx_frames", 0);
}

static const struct dp_ops fake_ops = {
	.name = "fake",
	.listen = fake_listen,
	.poll = fake_poll,
	.send = fake_send,
	.recycle = fake_recycle,
	.set_cookie = fake_set_cookie,
	.kill = fake_kill,
	.now = fake_now,
	.wake = fake_wake,
	.counters = fake_counters,
};

static inline void fake_entropy(struct host *host, void *bytes, size_t len)
{
	(void)host;
	memset(bytes, 7, len);
}

static inline uint64_t fake_wall(struct host *host)
{
	(void)host;
	return 1700000000 * NS_PER_S + 5000;
}

static inline void fake_log(struct host *host, int level, const char *line)
{
	(void)host, (void)level, (void)line;
}

static const struct host_ops fake_host_ops = {
	.entropy = fake_entropy,
	.wall_clock_ns = fake_wall,
	.log = fake_log,
};

static inline struct bench *open_bench(void)
{
	static const struct shard_limits limits = {
		.timers = 64,
		.ring_cells = 256,
		.chunks = 8,
		.arena_bytes = 1 << 20,
	};
	struct bench *bench = calloc(1, sizeof(*bench));
	struct addr listen = {.family = ADDR_UNIX, .path = "/x"};

	cr_assert_not_null(bench);
	bench->dp.ops = &fake_ops;
	bench->host.ops = &fake_host_ops;
	bench->now_ns = 1000 * NS_PER_S;
	cr_assert_eq(config_default(&bench->config, "/tmp"), 0);
	bench->config.pool.shards = 2;
	bench->config.pool.sessions = 64;
	bench->config.peer_count = 1;
	strcpy(bench->config.peers[0].name, "b");
	cr_assert_eq(pool_init(&bench->pool, &bench->config, &bench->host), 0);
	bench->pool.shard_count = 2;
	for (uint8_t i = 0; i < 2; i++) {
		cr_assert_eq(shard_init(&bench->shards[i], i, &bench->pool,
					&bench->host, &bench->dp, &bench->dp,
					&limits),
			     0);
		bench->pool.shards[i] = &bench->shards[i];
	}
	cr_assert_eq(shard_init(&bench->control_shard, SHARD_CONTROL,
				&bench->pool, &bench->host, NULL, &bench->dp,
				&limits),
		     0);
	bench->pool.control = &bench->control_shard;
	cr_assert_eq(
		control_init(&bench->control, &bench->control_shard, &listen),
		0);
	/* demo-1 lives on shard 1. */
	cr_assert_eq(idtable_add(&bench->pool.guests,
				 pool_guest_key(&bench->pool, "demo-1"),
				 handle_make(1, 1, 4)),
		     0);
	return bench;
}

static inline void close_bench(struct bench *bench)
{
	control_fini(&bench->control);
	shard_fini(&bench->control_shard);
	shard_fini(&bench->shards[0]);
	shard_fini(&bench->shards[1]);
	pool_fini(&bench->pool);
	free(bench);
}

static inline void pass(struct bench *bench)
{
	for (uint32_t i = 0; i < 8; i++)
		shard_pass(&bench->control_shard, false);
}

static inline void event(struct bench *bench, uint8_t kind, uint32_t slot,
			 const char *text)
{
	struct dp_event e = {
		.kind = kind,
		.conn = slot + 1,
		.cookie = cookie_make(PART_CONTROL, kind == DP_ACCEPTED
							    ? CONTROL_CONNS_MAX
							    : slot),
	};

	if (text)
		e.view = (struct dp_view){
			.data = (const uint8_t *)text,
			.len = (uint32_t)strlen(text),
		};
	push(bench, &e);
	pass(bench);
}

/* The next line that was sent; the caller drops it. */
static inline json_t *line(struct bench *bench)
{
	char *at = bench->out + bench->read_at;
	char *end = memchr(at, '\n', bench->out_len - bench->read_at);
	json_t *value;

	cr_assert_not_null(end, "a line was expected");
	value = json_loadb(at, (size_t)(end - at), 0, NULL);
	cr_assert_not_null(value);
	bench->read_at += (size_t)(end - at) + 1;
	return value;
}

static inline bool is_quiet(const struct bench *bench)
{
	return bench->read_at == bench->out_len;
}

static inline void expect_line(struct bench *bench, const char *text)
{
	json_t *got = line(bench);
	json_t *want = json_loads(text, JSON_DECODE_ANY, NULL);
	char *shown = json_dumps(got, JSON_COMPACT);

	cr_assert_not_null(want);
	cr_expect(json_equal(got, want), "%s instead of %s", shown, text);
	free(shown);
	json_decref(got);
	json_decref(want);
}

static const char *error_class(json_t *answer)
{
	json_t *error = json_object_get(answer, "error");

	return error ? json_string_value(json_object_get(error, "class"))
		     : "none";
}

static inline void expect_error(struct bench *bench, const char *request,
				const char *class)
{
	json_t *answer;

	event(bench, DP_RECEIVED, 0, request);
	answer = line(bench);
	cr_expect_str_eq(error_class(answer), class, "%s: %s", request,
			 error_class(answer));
	json_decref(answer);
}

static inline struct bench *greeted_bench(void)
{
	struct bench *bench = open_bench();

	event(bench, DP_ACCEPTED, 0, NULL);
	expect_line(bench, "{\"Flushmark\":{\"version\":\"0.1.0\","
			   "\"capabilities\":[]}}");
	return bench;
}

static inline struct ring_cell take_cell(struct bench *bench, uint8_t shard,
					 uint16_t op)
{
	struct ring_cell cell;

	cr_assert(ring_pop(&bench->shards[shard].inbox, &cell),
		  "shard %u was told nothing", shard);
	cr_assert_eq(cell.op, op);
	return cell;
}

static inline void tell(struct bench *bench, uint8_t shard, uint16_t op,
			uint64_t tag, const void *payload, uint32_t len)
{
	cr_assert_eq(shard_tell(&bench->shards[shard], SHARD_CONTROL, op, tag,
				payload, len),
		     0);
}

static inline struct op_row row_of(const char *guest, uint8_t shard)
{
	struct op_row row = {
		.session_id = 77,
		.shard = shard,
		.mode = MODE_SEAMLESS,
		.idle_ns = 5 * NS_PER_S,
	};

	snprintf(row.guest, sizeof(row.guest), "%s", guest);
	return row;
}

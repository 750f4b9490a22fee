/* service_test.c - a shard's records are found by their names, or not. */
#include "tests/unit/channel_bench.h"

#include <criterion/criterion.h>

Test(service, a_name_that_died_finds_nothing_and_is_counted)
{
	struct bench *b = bench_make(FRAME_MINI, 0);
	struct service *service = &b->service;
	handle session = b->session->self;
	handle guest = b->guest->self;

	cr_expect_eq(service_session(service, session), b->session);
	cr_expect_eq(service_guest(service, guest), b->guest);
	cr_expect_null(service_channel(service, HANDLE_NONE));
	cr_expect_null(moves_get(service->moves, HANDLE_NONE));
	cr_expect_eq(bench_stat(b, STAT_stale_handles), 0);
	session_close(b->session, "the test says so");
	bench_run(b, 100);
	cr_expect_null(service_session(service, session));
	cr_expect_eq(bench_stat(b, STAT_stale_handles), 1);
	cr_expect_null(service_channel(service, handle_make(0, 3, 0)));
	cr_expect_null(moves_get(service->moves, handle_make(0, 3, 0)));
	cr_expect_eq(bench_stat(b, STAT_stale_handles), 3);
	bench_free(b);
}

/* A key, lent at the time that it is now. */
static uint32_t lend(struct bench *b)
{
	const uint8_t *der;
	uint32_t id;

	bench_run(b, 0);
	cr_assert_eq(service_lend_key(&b->service, &id, &der), 0);
	return id;
}

/* No link comes any more, and nobody asks: the keys go all the same. */
Test(service, keys_are_wiped_on_a_quiet_shard)
{
	struct bench *b = bench_make(FRAME_MINI, 0);
	const struct host *host = b->rig.processes[0]->host;
	const uint64_t serve_ms = TICKET_KEY_SERVE_NS / NS_PER_MS;
	const uint64_t finish_ms = TICKET_KEY_FINISH_NS / NS_PER_MS;
	uint32_t id = lend(b);

	service_return_key(&b->service, id);
	bench_run(b, serve_ms - 100);
	cr_expect_eq(sim_host_keys_out(host), 1, "it serves");
	bench_run(b, 200);
	cr_expect_eq(sim_host_keys_out(host), 0, "it has served");

	id = lend(b);
	bench_run(b, serve_ms + 100);
	cr_expect_eq(sim_host_keys_out(host), 1, "a link may finish");
	service_return_key(&b->service, id);
	cr_expect_eq(sim_host_keys_out(host), 0, "it was the last one");

	lend(b);
	bench_run(b, serve_ms + finish_ms - 100);
	cr_expect_eq(sim_host_keys_out(host), 1);
	bench_run(b, 200);
	cr_expect_eq(sim_host_keys_out(host), 0, "a link that never ends");
	bench_free(b);
}

Test(service, a_link_without_a_key_is_counted)
{
	struct bench *b = bench_make(FRAME_MINI, 0);
	const uint8_t *der;
	uint32_t id;

	sim_host_set_keys(b->rig.processes[0]->host, 0);
	cr_expect_eq(service_lend_key(&b->service, &id, &der), -EAGAIN);
	cr_expect_eq(bench_stat(b, STAT_keys_starved), 1);
	bench_free(b);
}

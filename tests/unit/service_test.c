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

/* tcp_rtt_test.c - RFC 6298's estimator and RFC 5681's windows, by numbers. */
#include "dataplane/tcp/congestion.h"
#include "dataplane/tcp/rtt.h"
#include "tests/unit/seeded.h"

#include <criterion/criterion.h>

static struct tcp_config config;

static void setup(void)
{
	tcp_config_default(&config);
	config.rto_min_ms = 1;
}

TestSuite(tcp_rtt, .init = setup);

Test(tcp_rtt, waits_as_the_rfc_says)
{
	struct flow flow = {0};

	cr_assert_eq(rtt_timeout_ms(&flow, &config), 1000, "no sample");
	rtt_sample(&flow, 100000);
	cr_assert_eq(rtt_timeout_ms(&flow, &config), 300, "R + 4 * R / 2");
	/* RTTVAR 3/4 * 50 + 1/4 * 0 = 37.5, SRTT 100: 250. */
	rtt_sample(&flow, 100000);
	cr_assert_eq(rtt_timeout_ms(&flow, &config), 250);
	/* RTTVAR 3/4 * 37.5 + 1/4 * 80, SRTT 7/8 * 100 + 1/8 * 180 = 110. */
	rtt_sample(&flow, 180000);
	cr_assert_eq(rtt_timeout_ms(&flow, &config), 303);
}

Test(tcp_rtt, backs_off_within_limits)
{
	struct flow flow = {0};

	config.rto_max_ms = 60000;
	for (uint32_t backoff = 0; backoff <= TCP_TRIES_MAX; backoff++) {
		uint64_t want = min_u64((uint64_t)1000 << backoff, 60000);

		flow_set_tries(&flow, 3, backoff);
		cr_assert_eq(flow_retries(&flow), 3);
		cr_assert_eq(rtt_timeout_ms(&flow, &config), want);
	}
	flow_set_tries(&flow, 99, 99);
	cr_assert_eq(flow_retries(&flow), TCP_TRIES_MAX);
	cr_assert_eq(flow_backoff(&flow), TCP_TRIES_MAX);
	flow_set_tries(&flow, 0, 0);
	rtt_sample(&flow, 1);
	config.rto_min_ms = 200;
	cr_assert_eq(rtt_timeout_ms(&flow, &config), 200);
}

Test(tcp_rtt, bears_any_sample)
{
	struct seeded seeded = {4};
	struct flow flow = {0};

	for (uint32_t i = 0; i < 10000; i++) {
		rtt_sample(&flow, (uint32_t)(seeded_word(&seeded) >>
					     (32 + seeded_below(&seeded, 32))));
		cr_assert_gt(flow.srtt, 0);
		cr_assert_leq(flow.srtt >> 3, 30000000);
		cr_assert_leq(rtt_timeout_ms(&flow, &config),
			      config.rto_max_ms);
	}
}

Test(tcp_rtt, slow_start_then_a_segment_a_round)
{
	struct flow flow = {.mss = 1000};
	uint32_t before;

	congestion_start(&flow, 10, false);
	cr_assert_eq(flow.cwnd, 10000);
	congestion_acked(&flow, 2000, 10000);
	cr_assert_eq(flow.cwnd, 12000);
	congestion_acked(&flow, 9000, 12000);
	cr_assert_eq(flow.cwnd, 14000, "two segments at most");
	congestion_acked(&flow, 1000, 6000);
	cr_assert_eq(flow.cwnd, 14000, "the window was not in use");
	congestion_recover(&flow, 14000, 0);
	cr_assert_eq(flow.cwnd, 7000);
	before = flow.cwnd;
	for (uint32_t acked = 0; acked < before; acked += 1000)
		congestion_acked(&flow, 1000, flow.cwnd);
	cr_assert_geq(flow.cwnd, before + 900);
	cr_assert_leq(flow.cwnd, before + 1000);
}

Test(tcp_rtt, a_timeout_halves_once)
{
	struct flow flow = {.mss = 1000};

	congestion_start(&flow, 10, true);
	cr_assert_eq(flow.cwnd, 1000, "the SYN was lost");
	congestion_start(&flow, 10, false);
	congestion_timeout(&flow, 10000, true);
	cr_assert_eq(flow.cwnd, 1000);
	cr_assert_eq(flow.ssthresh, 5000);
	congestion_timeout(&flow, 1000, false);
	cr_assert_eq(flow.ssthresh, 5000);
	congestion_timeout(&flow, 1000, true);
	cr_assert_eq(flow.ssthresh, 2000, "two segments at least");
}

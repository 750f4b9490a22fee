/* dp_dpdk_test.c - the DPDK dataplane: the suite, and what is its own. */
#include "dataplane/dpdk/dpdk.h"
#include "tests/unit/dp_conformance.h"
#include "tests/unit/dp_dpdk_threads.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/*
 * Two ports that are the ends of a wire, in one process: a connection goes
 * from one port's address to the other's, and every dp has stacks on both. A
 * frame leaves by the queue of the dp that sends and arrives at the same dp,
 * so most have to be passed on to the one that has the flow.
 */
#define ADDRESS_A ((uint32_t)0x0a090001)
#define ADDRESS_B ((uint32_t)0x0a090002)

static struct dpdk_port_config port_config(const char *name, const char *wire,
					   uint32_t address)
{
	struct dpdk_port_config port = {
		.address = address,
		.prefix_len = 24,
		.mtu = 1500,
		.rx_descriptors = 256,
		.tx_descriptors = 256,
	};

	snprintf(port.name, sizeof(port.name), "%s", name);
	snprintf(port.driver, sizeof(port.driver), "ring:%s", wire);
	return port;
}

static struct dpdk_config small_config(uint32_t dps)
{
	struct dpdk_config config;

	dpdk_config_default(&config);
	config.ports[0] = port_config("a", "w", ADDRESS_A);
	config.ports[1] = port_config("b", "w", ADDRESS_B);
	config.port_count = 2;
	config.dp_count = dps;
	config.huge_pages = DPDK_HUGE_NO;
	config.conn_max = 64;
	config.view_max = 256;
	config.tx_chunks = 4096;
	config.rx_chunks = 4096;
	config.parcel_max = 64;
	return config;
}

static struct dpdk *start(const struct dpdk_config *config)
{
	char error[DPDK_ERROR_MAX] = "";
	struct dpdk *dpdk;

	cr_assert_eq(dpdk_create(config, &dpdk, error, sizeof(error)), 0, "%s",
		     error);
	return dpdk;
}

static int make(void *arg, uint32_t index, struct dp **dp)
{
	return dpdk_dp_create(arg, index, dp);
}

static void step(void *arg)
{
	struct timespec pause = {.tv_nsec = 100000};

	(void)arg;
	nanosleep(&pause, NULL);
}

static int address(void *arg, uint32_t n, struct addr *addr)
{
	(void)arg, (void)n;
	return addr_parse(addr, "10.9.0.1:0");
}

static void run_suite(const struct dpdk_config *config)
{
	struct dpdk *dpdk = start(config);
	struct dp_factory factory = {
		.make = make,
		.step = step,
		.address = address,
		.arg = dpdk,
		.blocks = true,
	};
	uint32_t failed = 0;

	for (uint32_t i = 0; i < dp_conformance_count(); i++) {
		if (!dp_conformance_run(&factory, i, 1 + i))
			failed++;
		else
			cr_expect_eq(dpdk_frames_out(dpdk), 0,
				     "%s leaves no frame behind",
				     dp_conformance_name(i));
	}
	cr_assert_eq(failed, 0);
	dpdk_destroy(dpdk);
}

Test(dp_dpdk, a_queue_for_each)
{
	struct dpdk_config config = small_config(4);

	run_suite(&config);
}

/* All but one send through another's queue, and get all from it. */
Test(dp_dpdk, one_queue_for_all)
{
	struct dpdk_config config = small_config(4);

	config.ports[0].queues = 1;
	config.ports[1].queues = 1;
	run_suite(&config);
}

Test(dp_dpdk, a_thread_for_each, .timeout = 120)
{
	struct dpdk_config config = small_config(4);
	struct dpdk *dpdk = start(&config);
	struct addr addr;

	cr_assert_eq(addr_parse(&addr, "10.9.0.1:0"), 0);
	cr_expect(dp_dpdk_threads_run(dpdk, &addr));
	cr_expect_eq(dpdk_frames_out(dpdk), 0);
	dpdk_destroy(dpdk);
}

/* A dp's memory is counted before it is taken: also for many connections. */
Test(dp_dpdk, has_room_for_what_was_asked)
{
	struct dpdk_config config = small_config(1);
	struct dp_caps caps;
	struct dpdk *dpdk;
	struct dp *dp;

	config.conn_max = 200000;
	dpdk = start(&config);
	cr_assert_eq(dpdk_dp_create(dpdk, 0, &dp), 0);
	dp_caps(dp, &caps);
	cr_expect_eq(caps.conn_max, 200000);
	cr_expect(caps.kernel_bypass);
	dp_destroy(dp);
	dpdk_destroy(dpdk);
}

static void count_frames(void *arg, const char *port, const char *name,
			 uint64_t value)
{
	uint64_t *frames = arg;

	if (strcmp(name, "rx_frames") == 0)
		frames[port[0] - 'a'] += value;
}

Test(dp_dpdk, tells_what_it_has_counted)
{
	struct dpdk_config config = small_config(1);
	struct dpdk *dpdk = start(&config);
	struct dp_event event;
	struct dp *dp;
	uint64_t frames[2] = {0};

	cr_assert_eq(dpdk_dp_create(dpdk, 0, &dp), 0);
	/* Each port's first word is who has its address. */
	dp_poll(dp, &event, 1, dp_now(dp) + 50 * NS_PER_MS);
	dp_counters(dp, count_frames, frames);
	cr_expect_eq(frames[0], 1);
	cr_expect_eq(frames[1], 1);
	dp_destroy(dp);
	dpdk_destroy(dpdk);
}

static const struct {
	const char *why;
	const char *driver;
	uint32_t ports;
	uint32_t mtu;
	const char *error;
} bad_configs[] = {
	{"no port", "ring:x", 0, 1500, "this is no DPDK configuration"},
	{"a small mtu", "ring:x", 1, 500, "this is no DPDK configuration"},
	{"no such driver", "ne2000:x", 1, 1500,
	 "ne2000:x: expected pci:ADDRESS, af_packet:INTERFACE, "
	 "af_xdp:INTERFACE or memif:ARGUMENTS"},
	{"no such interface", "af_packet:nosuchif", 1, 1500, "cannot make "},
};

Test(dp_dpdk, says_what_is_wrong)
{
	for (uint32_t i = 0; i < ARRAY_LEN(bad_configs); i++) {
		struct dpdk_config config = small_config(1);
		char error[DPDK_ERROR_MAX] = "";
		struct dpdk *dpdk;

		config.port_count = bad_configs[i].ports;
		config.ports[0].mtu = (uint16_t)bad_configs[i].mtu;
		snprintf(config.ports[0].driver, sizeof(config.ports[0].driver),
			 "%s", bad_configs[i].driver);
		cr_expect_lt(dpdk_create(&config, &dpdk, error, sizeof(error)),
			     0);
		cr_expect_eq(strncmp(error, bad_configs[i].error,
				     strlen(bad_configs[i].error)),
			     0, "%s: %s", bad_configs[i].why, error);
	}
}

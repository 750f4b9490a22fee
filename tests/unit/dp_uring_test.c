/* dp_uring_test.c - the io_uring dataplane: the suite, and what is its own. */
#include "dataplane/uring/uring.h"
#include "tests/unit/dp_conformance.h"
#include "tests/unit/uring_pair.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* One way to run the suite. */
struct variant {
	bool local;  /* unix sockets in directory */
	bool direct; /* all dps, or the odd ones if mixed */
	bool mixed;
	char directory[64];
};

static int variant_make(void *arg, uint32_t index, struct dp **dp)
{
	const struct variant *variant = arg;
	bool direct = variant->direct && (!variant->mixed || index % 2);
	struct uring_config config = small_config(direct);

	return uring_dp_create(&config, dp);
}

static void variant_step(void *arg)
{
	struct timespec pause = {.tv_nsec = 100000};

	(void)arg;
	nanosleep(&pause, NULL);
}

static int variant_address(void *arg, uint32_t n, struct addr *addr)
{
	const struct variant *variant = arg;
	char text[ADDR_TEXT_MAX];

	if (variant->local)
		snprintf(text, sizeof(text), "unix:%s/%u", variant->directory,
			 n);
	else
		snprintf(text, sizeof(text), "127.0.0.1:0");
	return addr_parse(addr, text);
}

static uint32_t open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	uint32_t count = 0;

	cr_assert(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static void run_variant(bool local, bool direct, bool mixed)
{
	struct variant variant = {
		.local = local,
		.direct = direct,
		.mixed = mixed,
	};
	struct dp_factory factory = {
		.make = variant_make,
		.step = variant_step,
		.address = variant_address,
		.arg = &variant,
		.blocks = true,
	};
	uint32_t failed = 0;

	strcpy(variant.directory, "/tmp/dp_uring_XXXXXX");
	cr_assert(mkdtemp(variant.directory));
	for (uint32_t i = 0; i < dp_conformance_count(); i++) {
		uint32_t before = open_descriptors();
		if (!dp_conformance_run(&factory, i, 1 + i))
			failed++;
		else
			cr_expect_eq(open_descriptors(), before,
				     "%s leaves no descriptor behind",
				     dp_conformance_name(i));
	}
	/* A dp unlinks its sockets, so the directory is empty. */
	if (!failed)
		cr_expect_eq(rmdir(variant.directory), 0);
	cr_assert_eq(failed, 0);
}

Test(dp_uring, tcp)
{
	run_variant(false, false, false);
}

Test(dp_uring, unix_sockets)
{
	run_variant(true, false, false);
}

Test(dp_uring, tcp_direct)
{
	run_variant(false, true, false);
}

Test(dp_uring, unix_sockets_direct)
{
	run_variant(true, true, false);
}

/* Parcels go from plain to direct descriptors and back. */
Test(dp_uring, tcp_mixed)
{
	run_variant(false, true, true);
}

/* The rest needs no bench: one dp or two, polled until an event comes. */

static int option_of(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	cr_assert_eq(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

/* A parcel's first word begins with the descriptor. */
static void check_options(struct dp *dp, dp_conn conn)
{
	struct dp_event event;

	cr_assert_eq(dp_detach(dp, conn), 0);
	cr_assert(poll_for(dp, DP_DETACHED, &event));
	int fd = (int)(uint32_t)event.parcel.word[0];
	cr_expect_eq(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	cr_expect_eq(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	cr_expect_eq(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 30);
	cr_expect_eq(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), 15);
	cr_expect_eq(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
	dp_discard(dp, &event.parcel);
}

Test(dp_uring, both_ends_have_the_options)
{
	for (uint32_t direct = 0; direct < 2; direct++) {
		struct dp *dp = make_dp(direct);
		struct addr addr = loopback();
		dp_conn connected, accepted;
		cr_assert_eq(dp_listen(dp, &addr, 0, &addr), 0);
		make_pair(dp, dp, &addr, &connected, &accepted);
		check_options(dp, connected);
		check_options(dp, accepted);
		dp_destroy(dp);
	}
}

Test(dp_uring, config_is_checked)
{
	struct uring_config good = small_config(false), bad;
	struct rlimit limit;
	struct dp *dp;

	bad = good;
	bad.conn_max = 0;
	cr_expect_eq(uring_dp_create(&bad, &dp), -EINVAL);
	bad = good;
	bad.buffer_count = 3;
	cr_expect_eq(uring_dp_create(&bad, &dp), -EINVAL);
	bad = good;
	bad.buffer_bytes = 0;
	cr_expect_eq(uring_dp_create(&bad, &dp), -EINVAL);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	bad = small_config(true);
	bad.conn_max = (uint32_t)min_u64(limit.rlim_cur, 1u << 20);
	cr_expect_lt(uring_dp_create(&bad, &dp), 0);
	uring_config_default(&good);
	cr_assert_eq(uring_dp_create(&good, &dp), 0);
	dp_destroy(dp);
}

static void unix_addr(struct addr *addr, const char *directory,
		      const char *name)
{
	char text[ADDR_TEXT_MAX];

	snprintf(text, sizeof(text), "unix:%s/%s", directory, name);
	cr_assert_eq(addr_parse(addr, text), 0);
}

Test(dp_uring, a_dead_socket_file_is_replaced_and_no_other)
{
	char directory[] = "/tmp/dp_uring_XXXXXX";
	struct addr addr;
	struct dp *first = make_dp(false), *second = make_dp(false);

	cr_assert(mkdtemp(directory));
	unix_addr(&addr, directory, "door");
	/* Left behind by a process that was killed. */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un_short {
		sa_family_t family;
		char path[ADDR_PATH_MAX];
	} name = {.family = AF_UNIX};
	memcpy(name.path, addr.path, sizeof(name.path));
	cr_assert_eq(bind(fd, (const void *)&name, sizeof(name)), 0);
	close(fd);
	cr_expect_eq(dp_listen(first, &addr, 0, NULL), 0);
	cr_expect_eq(dp_listen(second, &addr, 0, NULL), -EADDRINUSE);
	dp_destroy(first);
	cr_expect_neq(access(addr.path, F_OK), 0, "unlinked at the end");
	/* What is no socket is nobody's to remove. */
	FILE *file = fopen(addr.path, "w");
	cr_assert(file);
	fclose(file);
	cr_expect_eq(dp_listen(second, &addr, 0, NULL), -EADDRINUSE);
	cr_expect_eq(access(addr.path, F_OK), 0);
	dp_destroy(second);
	unlink(addr.path);
	rmdir(directory);
}

/* Two shards at one port: each gets some of many connections. */
Test(dp_uring, listeners_share_a_port)
{
	struct dp *dps[3] = {make_dp(false), make_dp(false), make_dp(false)};
	uint32_t counts[2] = {0};
	struct addr addr = loopback();
	struct dp_event event;
	dp_conn conn;

	cr_assert_eq(dp_listen(dps[0], &addr, 0, &addr), 0);
	cr_assert_eq(dp_listen(dps[1], &addr, 0, NULL), 0);
	for (uint32_t i = 0; i < 60; i++) {
		cr_assert_eq(dp_connect(dps[2], &addr, 1, &conn), 0);
		cr_assert(poll_for(dps[2], DP_CONNECTED, &event));
	}
	uint64_t deadline_ns = dp_now(dps[0]) + 5 * NS_PER_S;
	while (counts[0] + counts[1] < 60 && dp_now(dps[0]) < deadline_ns)
		for (uint32_t i = 0; i < 2; i++)
			if (dp_poll(dps[i], &event, 1,
				    dp_now(dps[i]) + NS_PER_MS) &&
			    event.kind == DP_ACCEPTED)
				counts[i]++;
	cr_expect_eq(counts[0] + counts[1], 60);
	cr_expect_gt(counts[0], 0);
	cr_expect_gt(counts[1], 0);
	for (uint32_t i = 0; i < 3; i++)
		dp_destroy(dps[i]);
}

/* All buffers are out: others wait and lose nothing. */
Test(dp_uring, a_dry_ring_goes_on_when_views_come_back)
{
	struct dp *dp = make_dp(false);
	struct addr addr = loopback();
	struct dp_view views[64];
	struct dp_event event;
	dp_conn from[4], to[4];
	static uint8_t bytes[100000];
	struct span span = {.data = bytes, .len = sizeof(bytes)};
	uint64_t got = 0;
	uint32_t count = 0;

	cr_assert_eq(dp_listen(dp, &addr, 0, &addr), 0);
	for (uint32_t i = 0; i < 4; i++)
		make_pair(dp, dp, &addr, &from[i], &to[i]);
	for (uint32_t i = 0; i < 4; i++)
		cr_assert_eq(dp_send(dp, from[i], &span, 1, 1), 0);
	uint64_t deadline_ns = dp_now(dp) + 300 * NS_PER_MS;
	while (dp_now(dp) < deadline_ns)
		if (dp_poll(dp, &event, 1, deadline_ns) &&
		    event.kind == DP_RECEIVED)
			views[count++] = event.view;
	cr_expect_eq(count, 32, "every buffer is out, got %u", count);
	deadline_ns = dp_now(dp) + 5 * NS_PER_S;
	while (got < 4 * sizeof(bytes) && dp_now(dp) < deadline_ns) {
		while (count > 0) {
			got += views[--count].len;
			dp_recycle(dp, &views[count]);
		}
		if (dp_poll(dp, &event, 1, deadline_ns) &&
		    event.kind == DP_RECEIVED)
			views[count++] = event.view;
	}
	cr_expect_eq(got, 4 * sizeof(bytes));
	struct uring_stats stats;
	uring_dp_stats(dp, &stats);
	cr_expect_gt(stats.starved, 0);
	dp_destroy(dp);
}

/* No descriptor is left: who comes then waits, and gets in later. */
Test(dp_uring, without_descriptors_connections_wait)
{
	struct dp *dp = make_dp(false);
	struct addr addr = loopback();
	struct dp_event event;
	struct rlimit limit, low;
	dp_conn conn;

	cr_assert_eq(dp_listen(dp, &addr, 0, &addr), 0);
	cr_assert_eq(dp_connect(dp, &addr, 1, &conn), 0);
	/* The kernel notes the limit when an accept is armed. */
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = 3;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
	cr_expect(poll_for(dp, DP_CONNECTED, &event));
	uint64_t pause_ns = dp_now(dp) + 50 * NS_PER_MS;
	cr_expect_eq(dp_poll(dp, &event, 1, pause_ns), 0);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_expect(poll_for(dp, DP_ACCEPTED, &event));
	dp_destroy(dp);
}

Test(dp_uring, a_direct_connection_costs_no_descriptor)
{
	struct dp *server = make_dp(true), *client = make_dp(true);
	struct addr addr = loopback();
	dp_conn from, to;

	cr_assert_eq(dp_listen(server, &addr, 0, &addr), 0);
	uint32_t before = open_descriptors();
	for (uint32_t i = 0; i < 30; i++)
		make_pair(client, server, &addr, &from, &to);
	cr_expect_eq(open_descriptors(), before);
	dp_destroy(server);
	dp_destroy(client);
}

/* An idle shard that spins must not enter the kernel. */
Test(dp_uring, an_idle_poll_is_no_system_call)
{
	struct dp *dp = make_dp(false);
	struct addr addr = loopback();
	struct uring_stats before, after;
	struct dp_event event;
	dp_conn from, to;

	cr_assert_eq(dp_listen(dp, &addr, 0, &addr), 0);
	make_pair(dp, dp, &addr, &from, &to);
	for (uint32_t i = 0; i < 10; i++)
		dp_poll(dp, &event, 1, 0);
	uring_dp_stats(dp, &before);
	for (uint32_t i = 0; i < 1000; i++)
		cr_assert_eq(dp_poll(dp, &event, 1, 0), 0);
	uring_dp_stats(dp, &after);
	cr_expect_eq(after.enters, before.enters);
	dp_destroy(dp);
}

static void *echo_thread(void *arg)
{
	struct dp *dp = arg;
	struct dp_event event;

	cr_assert(poll_for(dp, DP_ACCEPTED, &event));
	cr_assert(poll_for(dp, DP_RECEIVED, &event));
	struct span span = {.data = event.view.data, .len = event.view.len};
	struct dp_view view = event.view;
	cr_assert_eq(dp_send(dp, event.conn, &span, 1, 1), 0);
	cr_assert(poll_for(dp, DP_SENT, &event));
	dp_recycle(dp, &view);
	return NULL;
}

/* Made and listening in one thread, polled in another, ended in the first. */
Test(dp_uring, a_dp_may_be_made_by_another_thread)
{
	for (uint32_t direct = 0; direct < 2; direct++) {
		struct dp *server = make_dp(direct), *client = make_dp(direct);
		struct addr addr = loopback();
		struct span span = {.data = (const uint8_t *)"x", .len = 1};
		struct dp_event event;
		pthread_t thread;
		dp_conn conn;

		cr_assert_eq(dp_listen(server, &addr, 0, &addr), 0);
		cr_assert_eq(pthread_create(&thread, NULL, echo_thread, server),
			     0);
		cr_assert_eq(dp_connect(client, &addr, 1, &conn), 0);
		cr_assert(poll_for(client, DP_CONNECTED, &event));
		cr_assert_eq(dp_send(client, conn, &span, 1, 1), 0);
		cr_assert(poll_for(client, DP_RECEIVED, &event));
		cr_expect_eq(event.view.data[0], 'x');
		cr_assert_eq(pthread_join(thread, NULL), 0);
		dp_destroy(server);
		cr_expect(poll_for(client, DP_EOF, &event));
		dp_destroy(client);
	}
}

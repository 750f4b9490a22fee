/* dp_uring_test.c - the io_uring dataplane passes the conformance suite. */
#include "dataplane/uring/uring.h"
#include "tests/unit/dp_conformance.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* One way to run the suite. */
struct variant {
	bool local; /* unix sockets in directory */
	bool direct;
	char directory[64];
};

static struct uring_config small_config(bool direct)
{
	return (struct uring_config){
		.conn_max = 64,
		.buffer_count = 32,
		.buffer_bytes = 2048,
		.kept_max_bytes = 16u << 20,
		.direct_descriptors = direct,
	};
}

static int variant_make(void *arg, uint32_t index, struct dp **dp)
{
	const struct variant *variant = arg;
	struct uring_config config = small_config(variant->direct);

	(void)index;
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

static void run_variant(bool local, bool direct)
{
	struct variant variant = {.local = local, .direct = direct};
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
	run_variant(false, false);
}

Test(dp_uring, unix_sockets)
{
	run_variant(true, false);
}

Test(dp_uring, tcp_direct)
{
	run_variant(false, true);
}

Test(dp_uring, unix_sockets_direct)
{
	run_variant(true, true);
}

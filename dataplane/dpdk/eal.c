/* eal.c - DPDK's environment: its arguments made from our config, its threads.
 *
 * The environment is one per process and cannot be had twice. It gets no files,
 * no telemetry socket and no device that was not asked for, and neither our
 * signals nor our processors: what it changes in the calling thread is undone.
 */
#include "dataplane/dpdk/internal.h"

#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS_MAX 24
#define ARGUMENT_MAX  96
#define MIB           ((uint64_t)1 << 20)
#define HUGE_PAGE_MIB 2
#define HUGE_FREE     "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"

/* What DPDK takes for itself, beside our pools. */
#define OWN_MIB 64

struct arguments {
	char text[ARGUMENTS_MAX][ARGUMENT_MAX];
	char *list[ARGUMENTS_MAX + 1];
	int count;
};

static void argue(struct arguments *args, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void argue(struct arguments *args, const char *format, ...)
{
	char *text = args->text[args->count];
	va_list list;

	ASSERT(args->count < ARGUMENTS_MAX, "there is room for all of them");
	va_start(list, format);
	vsnprintf(text, ARGUMENT_MAX, format, list);
	va_end(list);
	args->list[args->count++] = text;
}

/* MiB of free huge pages; another process may take them before we do. */
static uint64_t huge_free_mib(void)
{
	FILE *file = fopen(HUGE_FREE, "re");
	unsigned long long pages = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%llu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * HUGE_PAGE_MIB;
}

static int first_processor(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 0;
	for (uint32_t i = 0; i < CPU_SETSIZE; i++) {
		if (CPU_ISSET(i, &set))
			return (int)i;
	}
	return 0;
}

static void argue_devices(struct arguments *args,
			  const struct dpdk_config *config)
{
	bool any = false;

	for (uint32_t i = 0; i < config->port_count; i++) {
		const char *pci = device_pci(&config->ports[i]);

		if (!pci)
			continue;
		argue(args, "--allow=%s", pci);
		any = true;
	}
	if (!any)
		argue(args, "--no-pci");
}

/* 0, or -ENOMEM when huge pages are insisted on. */
static int argue_memory(struct arguments *args,
			const struct dpdk_config *config, uint64_t need_bytes,
			char *error, size_t error_cap)
{
	uint64_t need_mib = need_bytes / MIB + OWN_MIB;
	uint64_t free_mib = huge_free_mib();

	if (config->memory_mib)
		need_mib = config->memory_mib;
	/* Neither way leaves files; the two words exclude each other. */
	if (config->huge_pages != DPDK_HUGE_NO && free_mib >= need_mib) {
		argue(args, "--in-memory");
		return 0;
	}
	if (config->huge_pages == DPDK_HUGE_YES) {
		snprintf(error, error_cap,
			 "DPDK needs %llu MiB of huge pages and %llu are free",
			 (unsigned long long)need_mib,
			 (unsigned long long)free_mib);
		return -ENOMEM;
	}
	argue(args, "--no-huge");
	argue(args, "--no-shconf");
	argue(args, "-m");
	argue(args, "%llu", (unsigned long long)need_mib);
	return 0;
}

static int eal_init(struct arguments *args, char *error, size_t error_cap)
{
	cpu_set_t set;
	bool restore = sched_getaffinity(0, sizeof(set), &set) == 0;
	int err = 0;

	if (rte_eal_init(args->count, args->list) < 0)
		err = -rte_errno;
	if (restore)
		sched_setaffinity(0, sizeof(set), &set);
	if (err == 0 || err == -EALREADY)
		return 0;
	snprintf(error, error_cap, "DPDK does not start: %s",
		 rte_strerror(-err));
	return err;
}

int eal_start(const struct dpdk_config *config, uint64_t need_bytes,
	      char *error, size_t error_cap)
{
	struct arguments *args = calloc(1, sizeof(*args));
	int err;

	if (!args) {
		snprintf(error, error_cap, "no memory for DPDK's arguments");
		return -ENOMEM;
	}
	argue(args, "flushmark");
	argue(args, "--no-telemetry");
	argue(args, "--iova-mode=va");
	argue(args, "--log-level=*:warning");
	argue(args, "--lcores=0@%d", first_processor());
	argue_devices(args, config);
	err = argue_memory(args, config, need_bytes, error, error_cap);
	if (!err)
		err = eal_init(args, error, error_cap);
	free(args);
	return err;
}

/* At the end of a thread that had entered. */
static void thread_leave(void *unused)
{
	(void)unused;
	rte_thread_unregister();
}

int eal_threads_init(struct dpdk *dpdk)
{
	int err = pthread_key_create(&dpdk->threads, thread_leave);

	dpdk->threads_made = err == 0;
	return -err;
}

void eal_threads_fini(struct dpdk *dpdk)
{
	if (dpdk->threads_made)
		pthread_key_delete(dpdk->threads);
	dpdk->threads_made = false;
}

void eal_thread_enter(struct dpdk *dpdk)
{
	if (rte_lcore_id() != LCORE_ID_ANY)
		return;
	/* Without a number of its own a thread works too, without caches. */
	if (rte_thread_register() == 0)
		pthread_setspecific(dpdk->threads, dpdk);
}

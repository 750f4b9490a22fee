/* host_linux.c - the real machine: its parts under one vtable. */
#include "core/daemon/internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STATE_BYTES 48

struct host_linux {
	struct host host;
	char stop_at[STATE_BYTES];
	_Atomic uint32_t stopped; /* a trap is sprung once */
	struct host_log log;
	struct host_regions regions;
	struct host_journal journal;
	struct host_keys keys;
};

static struct host_linux *linux_of(struct host *host)
{
	return CONTAINER_OF(host, struct host_linux, host);
}

static int region_create(struct host *host, size_t size_bytes,
			 struct host_region *region)
{
	return host_regions_create(&linux_of(host)->regions, size_bytes,
				   region);
}

static void region_drop(struct host *host, struct host_region *region)
{
	host_regions_drop(&linux_of(host)->regions, region);
}

static int region_give(struct host *host, const struct host_region *region,
		       struct host_region_ticket *ticket)
{
	return host_regions_give(&linux_of(host)->regions, region, ticket);
}

static int region_take(struct host *host,
		       const struct host_region_ticket *ticket,
		       struct host_region *region)
{
	return host_regions_take(&linux_of(host)->regions, ticket, region);
}

static int journal_add(struct host *host, const void *record, uint32_t len)
{
	return host_journal_append(&linux_of(host)->journal, record, len);
}

static int journal_read(struct host *host,
			void (*each)(void *arg, const void *record,
				     uint32_t len),
			void *arg)
{
	return host_journal_replay(&linux_of(host)->journal, each, arg);
}

static int key_take(struct host *host, struct host_key **key,
		    uint8_t der[HOST_KEY_DER_BYTES])
{
	return host_keys_take(&linux_of(host)->keys, key, der);
}

static void key_give(struct host *host, struct host_key *key)
{
	(void)host;
	host_keys_free(key);
}

static int key_open(struct host *host, struct host_key *key,
		    const uint8_t cipher[HOST_KEY_CIPHER_BYTES], uint8_t *plain,
		    uint32_t plain_max)
{
	(void)host;
	return host_keys_open(key, cipher, plain, plain_max);
}

static void entropy(struct host *host, void *bytes, size_t len)
{
	(void)host;
	host_random(bytes, len);
}

static uint64_t wall_clock_ns(struct host *host)
{
	struct timespec now;

	(void)host;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void put_line(struct host *host, int level, const char *text)
{
	host_log_put(&linux_of(host)->log, level, text);
}

#ifdef FLUSHMARK_TEST_BUILD
/*
 * A test sees the line, finds the process stopped, and kills it or not: so the
 * line is written before the stop, and all in front of it are.
 */
static void trap(struct host *host, const char *state)
{
	struct host_linux *self = linux_of(host);
	char line[STATE_BYTES + 32];

	if (self->stop_at[0] == '\0' || strcmp(self->stop_at, state) != 0 ||
	    atomic_exchange(&self->stopped, 1))
		return;
	snprintf(line, sizeof(line), "trap %s pid %d", state, (int)getpid());
	host_log_flush(&self->log);
	host_log_put(&self->log, LOG_ERROR, line);
	host_log_flush(&self->log);
	raise(SIGSTOP);
}
#endif

static const struct host_ops linux_ops = {
	.region_create = region_create,
	.region_drop = region_drop,
	.region_give = region_give,
	.region_take = region_take,
	.journal_add = journal_add,
	.journal_read = journal_read,
	.key_take = key_take,
	.key_give = key_give,
	.key_open = key_open,
	.entropy = entropy,
	.wall_clock_ns = wall_clock_ns,
#ifdef FLUSHMARK_TEST_BUILD
	.trap = trap,
#endif
	.log = put_line,
};

int host_linux_create(const struct host_linux_wish *wish, struct host **host)
{
	struct host_linux *self = calloc(1, sizeof(*self));
	int err;

	if (!self)
		return -ENOMEM;
	self->host.ops = &linux_ops;
	if (wish->stop_at)
		snprintf(self->stop_at, sizeof(self->stop_at), "%s",
			 wish->stop_at);
	err = host_log_start(&self->log, wish->log);
	if (err)
		goto fail_self;
	err = host_journal_open(&self->journal, wish->journal);
	if (err)
		goto fail_log;
	if (self->journal.torn)
		host_log(&self->host, LOG_WARNING,
			 "%s: its last record was not written whole, and is "
			 "cut off",
			 wish->journal);
	err = host_regions_start(&self->regions, wish->runtime_dir);
	if (!err)
		err = host_keys_start(&self->keys, wish->keys_first, wish->keys,
				      wish->key_threads);
	if (err) {
		host_linux_destroy(&self->host);
		return err;
	}
	*host = &self->host;
	return 0;
fail_log:
	host_log_stop(&self->log);
fail_self:
	free(self);
	return err;
}

void host_linux_destroy(struct host *host)
{
	struct host_linux *self = linux_of(host);

	host_keys_stop(&self->keys);
	host_regions_stop(&self->regions);
	host_journal_close(&self->journal);
	host_log_stop(&self->log);
	free(self);
}

int host_linux_journal_check(const char *path, uint64_t *offset)
{
	return host_journal_check(path, offset);
}

int host_linux_journal_clear(struct host *host)
{
	return host_journal_empty(&linux_of(host)->journal);
}

uint32_t host_linux_keys_ready(const struct host *host)
{
	const struct host_linux *self = CONTAINER_OF(
		(struct host *)(uintptr_t)host, struct host_linux, host);

	return atomic_load(&self->keys.ready);
}

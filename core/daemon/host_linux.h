/* host_linux.h - the real machine as core/host.h sees it. */
#pragma once

#include "core/host.h"

/*
 * One host per daemon. It owns a few threads of its own: one that writes the
 * log, one that hands regions to processes that show a ticket, and low-priority
 * ones that make RSA keys ahead of need.
 */
#define HOST_LINUX_KEYS_MAX 64

struct host_linux_wish {
	const char *runtime_dir; /* there already, private to us */
	const char *journal;     /* path of the journal, NULL: none is kept */
	const char *stop_at;     /* test builds: state to stop at, or "" */
	enum host_log_level log; /* the least important line to write */
	uint32_t keys_first;     /* that must be ready before anything starts */
	uint32_t keys; /* to keep ready, at most HOST_LINUX_KEYS_MAX */
	uint32_t key_threads;
};

/* Starts the threads, opens the journal. 0 or -errno, -EBADMSG when the
 * journal is damaged. Nothing of wish is kept
 * but copies. */
int host_linux_create(const struct host_linux_wish *wish, struct host **host);

/* Ends the threads, unmaps every region, closes and frees. The log is written
 * to its end, unless nobody reads it. */
void host_linux_destroy(struct host *host);

/* Reads a journal that is there, and changes nothing. 0, also when another
 * holds it; -EBADMSG: it is damaged, at offset; -errno. */
int host_linux_journal_check(const char *path, uint64_t *offset);

/* Empties the journal: the caller knows that nothing in it is outstanding. */
int host_linux_journal_clear(struct host *host);

/* Keys ready to be taken. Any thread. */
uint32_t host_linux_keys_ready(const struct host *host);

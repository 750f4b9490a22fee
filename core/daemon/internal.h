/* internal.h - the parts the real host is made of. */
#pragma once

#include "core/daemon/host_linux.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

/* --- host_region.c: memory files, and handing them over ------------------ */

#define HOST_REGIONS_MAX 256

struct host_region_record {
	uint32_t id; /* 0: free */
	int fd;
	uint8_t *base;
	size_t map_bytes; /* whole pages, huge ones where it has those */
	bool offered;     /* secret is good for one process */
	uint8_t secret[HOST_REGION_TICKET_BYTES];
};

struct host_regions {
	pthread_mutex_t lock; /* of records; control and the thread */
	struct host_region_record records[HOST_REGIONS_MAX];
	uint32_t last_id;
	int listen_fd;
	int stop_fd;
	bool started;
	pthread_t thread;
	char path[108];
};

int host_regions_start(struct host_regions *regions, const char *runtime_dir);
void host_regions_stop(struct host_regions *regions);
int host_regions_create(struct host_regions *regions, size_t size_bytes,
			struct host_region *region);
int host_regions_take(struct host_regions *regions,
		      const struct host_region_ticket *ticket,
		      struct host_region *region);
void host_regions_drop(struct host_regions *regions,
		       struct host_region *region);
int host_regions_give(struct host_regions *regions,
		      const struct host_region *region,
		      struct host_region_ticket *ticket);

/* host_region_pass.c: the two ends of passing a descriptor. */
int host_region_listen(const char *path);
void host_region_serve(struct host_regions *regions, int fd);
int host_region_fetch(const struct host_region_ticket *ticket);

/* --- host_journal.c ------------------------------------------------------ */

#define HOST_JOURNAL_RECORD_MAX ((uint32_t)504)

struct host_journal {
	int fd; /* -1: none is kept */
	_Atomic uint64_t next_slot;
	uint64_t old_slots; /* that earlier lives wrote */
	bool torn;          /* the last one's last record was cut off */
};

/* 0 or -errno; -EBADMSG: the file is damaged, and as it was. */
int host_journal_open(struct host_journal *journal, const char *path);
int host_journal_check(const char *path, uint64_t *offset);
void host_journal_close(struct host_journal *journal);
int host_journal_append(struct host_journal *journal, const void *record,
			uint32_t len);
int host_journal_replay(struct host_journal *journal,
			void (*each)(void *arg, const void *record,
				     uint32_t len),
			void *arg);
int host_journal_empty(struct host_journal *journal);

/* --- host_keys.c --------------------------------------------------------- */

#define HOST_KEY_THREADS_MAX 4

struct host_keys {
	_Atomic(struct host_key *) slots[HOST_LINUX_KEYS_MAX];
	_Atomic uint32_t ready;
	_Atomic uint32_t stopping;
	sem_t room; /* keys still to be made */
	bool started;
	uint32_t thread_count;
	pthread_t threads[HOST_KEY_THREADS_MAX];
};

int host_keys_start(struct host_keys *keys, uint32_t first, uint32_t count,
		    uint32_t threads);
void host_keys_stop(struct host_keys *keys);
int host_keys_take(struct host_keys *keys, struct host_key **key,
		   uint8_t der[HOST_KEY_DER_BYTES]);
void host_keys_free(struct host_key *key);
int host_keys_open(struct host_key *key,
		   const uint8_t cipher[HOST_KEY_CIPHER_BYTES], uint8_t *plain,
		   uint32_t plain_max);

/* --- host_log.c ---------------------------------------------------------- */

#define HOST_LOG_CELLS      ((uint32_t)1024) /* lines that wait to be written */
#define HOST_LOG_LINE_BYTES 628 /* host_log's 512, and what is put in front */

struct host_log_cell {
	_Atomic uint32_t lap; /* as in core/ring.c */
	uint32_t lost;        /* lines in front of this one that were dropped */
	uint16_t len;
	char text[HOST_LOG_LINE_BYTES];
};

struct host_log {
	struct host_log_cell *cells;
	_Atomic uint32_t tail;
	_Atomic uint32_t lost;   /* since the last line that found a cell */
	_Atomic uint32_t head;   /* the next to be written */
	_Atomic uint32_t asleep; /* the writer waits, or is about to */
	_Atomic uint32_t stopping;
	enum host_log_level level; /* the least important line to write */
	bool prefixed;             /* lines start with a syslog priority */
	sem_t wake;
	pthread_t thread;
};

/* Starts the writer: what is left from now on goes to standard error. */
int host_log_start(struct host_log *log, enum host_log_level level);

/* Leaves a line, or drops and counts it. Any thread; never waits. */
void host_log_put(struct host_log *log, int level, const char *text);

#ifdef FLUSHMARK_TEST_BUILD
/* Waits until all that was left before is written, two seconds at most. */
void host_log_flush(struct host_log *log);
#endif

/*
 * Writes what was left, as long as somebody takes it, and ends the writer.
 * Nobody logs any more.
 */
void host_log_stop(struct host_log *log);

/* --- host_random.c ------------------------------------------------------- */

/* Fills from the system's generator; a system without one ends the process. */
void host_random(void *bytes, size_t len);

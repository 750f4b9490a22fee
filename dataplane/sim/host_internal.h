/* host_internal.h - what the files of the simulated host share. */
#pragma once

#include "core/host.h"
#include "dataplane/sim/internal.h"

#define SIM_LOG_LINES      128
#define SIM_LOG_LINE_BYTES 256

/* Shared memory: the world's, freed when nobody holds it. */
struct sim_region {
	struct sim_region *next;
	uint8_t *base;
	size_t size_bytes;
	uint32_t id;
	uint32_t holders;
	uint32_t group;               /* of the machine that made it */
	const struct sim_host *giver; /* NULL: no ticket is good */
	uint8_t secret[HOST_REGION_TICKET_BYTES];
};

/* One host's hold on a region. */
struct sim_hold {
	struct sim_hold *next;
	struct sim_region *region;
};

struct sim_record {
	struct sim_record *next;
	uint64_t poll; /* the machine's count of polls when it was added */
	uint32_t life; /* of the machine that added it */
	uint32_t len;
	uint8_t bytes[];
};

/* The journal of all machines by one name. */
struct sim_journal {
	struct sim_journal *next;
	uint32_t name_id;
	struct sim_record *head;
};

struct sim_log_line {
	uint64_t when_ns; /* 0: not written yet */
	int level;
	char text[SIM_LOG_LINE_BYTES];
};

struct sim_host {
	struct host host;
	struct sim_host *next;
	struct sim_world *world;
	struct sim_machine *machine;
	struct sim_hold *holds;
	struct host_key *keys;
	void (*trap)(void *arg, const char *state);
	void *trap_arg;
	uint32_t keys_max;
	uint32_t keys_out;
	uint32_t keys_taken;
	uint32_t line_next;
	bool torn;
	uint64_t log_count[4]; /* by level */
	struct sim_log_line lines[SIM_LOG_LINES];
};

static inline struct sim_host *sim_host_of(struct host *host)
{
	return CONTAINER_OF(host, struct sim_host, host);
}

static inline const struct sim_host *sim_host_of_const(const struct host *host)
{
	return (const struct sim_host *)(const void *)host;
}

/* host_region.c */
int sim_region_create(struct host *host, size_t size_bytes,
		      struct host_region *region);
void sim_region_drop(struct host *host, struct host_region *region);
int sim_region_give(struct host *host, const struct host_region *region,
		    struct host_region_ticket *ticket);
int sim_region_take(struct host *host, const struct host_region_ticket *ticket,
		    struct host_region *region);
void sim_regions_let_go(struct sim_host *sim);
void sim_regions_fini(struct sim_world *world);

/* host_journal.c */
int sim_journal_add(struct host *host, const void *record, uint32_t len);
int sim_journal_read(struct host *host,
		     void (*each)(void *arg, const void *record, uint32_t len),
		     void *arg);
void sim_journal_tear(struct sim_host *sim);
void sim_journals_fini(struct sim_world *world);

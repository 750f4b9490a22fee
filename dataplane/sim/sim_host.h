/* sim_host.h - the world outside a simulated machine, as core/host.h has it. */
#pragma once

#include "core/host.h"
#include "dataplane/sim/sim.h"

#include <stdio.h>

/*
 * Belongs to one life of a process, as its machine does. The world keeps what
 * outlives it: a region for as long as another machine holds it, the journal
 * for the next machine by the same name. Keys are three fixed ones in turn.
 */

/* Makes a host on a machine, which must outlive it. The caller frees it. */
struct host *sim_host_create(struct sim_machine *machine);

/* Lets go of its regions. Also after the machine has crashed. */
void sim_host_destroy(struct host *host);

/*
 * Calls fn at every state the machine enters. It may note what it saw, no
 * more: the crash is for when the pass has returned.
 */
void sim_host_set_trap(struct host *host,
		       void (*fn)(void *arg, const char *state), void *arg);

/*
 * With torn set, a crash tears a record that was added in the pass of the
 * crash, of which nobody can have learned: it is not read again.
 */
void sim_host_set_torn(struct host *host, bool torn);

/* At most count keys are out at once, -EAGAIN beyond. 64 at first. */
void sim_host_set_keys(struct host *host, uint32_t count);

/* Keys taken and not given back. */
uint32_t sim_host_keys_out(const struct host *host);

/* Records in the journal that a reader would see. */
uint32_t sim_host_journal_count(const struct host *host);

/* Empties the journal: the caller knows that nothing is outstanding. */
void sim_host_journal_clear(struct host *host);

/* Regions this host holds: 0 when all were dropped. */
uint32_t sim_host_regions(const struct host *host);

/* Lines of exactly that level so far. */
uint64_t sim_host_log_count(const struct host *host, enum host_log_level level);

/* Prints the last lines of the log, each with the machine's name and time. */
void sim_host_log_print(const struct host *host, FILE *to);

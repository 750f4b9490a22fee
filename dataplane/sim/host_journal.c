/* host_journal.c - records that outlive the simulated process. */
#include "dataplane/sim/sim_host.h"
#include "dataplane/sim/host_internal.h"

#include <errno.h>
#include <stdlib.h>

#define RECORD_MAX_BYTES (64 * 1024)

static struct sim_journal *journal_of(const struct sim_host *sim)
{
	struct sim_journal *journal = sim->world->journals;

	while (journal && journal->name_id != sim->machine->name_id)
		journal = journal->next;
	if (journal)
		return journal;
	journal = sim_take(1, sizeof(*journal));
	journal->name_id = sim->machine->name_id;
	journal->next = sim->world->journals;
	sim->world->journals = journal;
	return journal;
}

static struct sim_record **journal_end(struct sim_journal *journal)
{
	struct sim_record **link = &journal->head;

	while (*link)
		link = &(*link)->next;
	return link;
}

int sim_journal_add(struct host *host, const void *record, uint32_t len)
{
	struct sim_host *sim = sim_host_of(host);
	struct sim_record *made;

	if (len == 0 || len > RECORD_MAX_BYTES)
		return -EINVAL;
	if (sim->machine->crashed)
		return -ESTALE;
	made = sim_take(1, sizeof(*made) + (size_t)len);
	made->poll = sim->machine->polls;
	made->life = sim->machine->id;
	made->len = len;
	memcpy(made->bytes, record, len);
	*journal_end(journal_of(sim)) = made;
	return 0;
}

int sim_journal_read(struct host *host,
		     void (*each)(void *arg, const void *record, uint32_t len),
		     void *arg)
{
	const struct sim_record *at = journal_of(sim_host_of(host))->head;

	for (; at; at = at->next)
		each(arg, at->bytes, at->len);
	return 0;
}

/*
 * Tears the last record if the machine has not polled since it was added: a
 * poll is what lets anything out, so only then can nobody rely on it.
 */
void sim_journal_tear(struct sim_host *sim)
{
	struct sim_record **link = &journal_of(sim)->head;

	while (*link && (*link)->next)
		link = &(*link)->next;
	if (!*link || (*link)->life != sim->machine->id ||
	    (*link)->poll != sim->machine->polls)
		return;
	free(*link);
	*link = NULL;
}

void sim_host_journal_clear(struct host *host)
{
	struct sim_journal *journal = journal_of(sim_host_of(host));

	while (journal->head) {
		struct sim_record *first = journal->head;

		journal->head = first->next;
		free(first);
	}
}

void sim_journals_fini(struct sim_world *world)
{
	while (world->journals) {
		struct sim_journal *journal = world->journals;

		world->journals = journal->next;
		while (journal->head) {
			struct sim_record *first = journal->head;

			journal->head = first->next;
			free(first);
		}
		free(journal);
	}
}

uint32_t sim_host_journal_count(const struct host *host)
{
	const struct sim_record *at = journal_of(sim_host_of_const(host))->head;
	uint32_t count = 0;

	for (; at; at = at->next)
		count++;
	return count;
}

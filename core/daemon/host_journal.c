/* host_journal.c - records that survive the process, appended to one file. */
#include "core/daemon/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

/*
 *   slot: u32 length, u32 XXH32 of the bytes, bytes       (host's byte order)
 *
 * A record is one write into a slot of its own. It is in the page cache when
 * the write returns, and so outlives this process; that is all that is asked,
 * because no guest outlives its machine. Waiting for the disk would stop the
 * shard that commits a move.
 *
 * Slots have one size, and a shard takes the next one by counting: no lock.
 * What fails, is torn, or was never written because the process died before
 * its turn, is one slot that holds no record; those behind it stay readable.
 * A slot is never used twice.
 */
struct journal_head {
	uint32_t len;
	uint32_t hash;
};

#define JOURNAL_HASH_SEED  0x464d4a4cu
#define JOURNAL_SLOT_BYTES 512

_Static_assert(sizeof(struct journal_head) + HOST_JOURNAL_RECORD_MAX ==
		       JOURNAL_SLOT_BYTES,
	       "the largest record fills its slot");

/* Reads a slot. The record's length, 0 when it holds none, -errno. */
static int64_t read_slot(int fd, uint64_t slot,
			 uint8_t bytes[HOST_JOURNAL_RECORD_MAX])
{
	uint8_t whole[JOURNAL_SLOT_BYTES];
	struct journal_head head;
	ssize_t got = pread(fd, whole, sizeof(whole),
			    (off_t)(slot * JOURNAL_SLOT_BYTES));

	if (got < 0)
		return -errno;
	if (got < (ssize_t)sizeof(head))
		return 0;
	memcpy(&head, whole, sizeof(head));
	if (head.len == 0 || head.len > (size_t)got - sizeof(head) ||
	    XXH32(whole + sizeof(head), head.len, JOURNAL_HASH_SEED) !=
		    head.hash)
		return 0;
	memcpy(bytes, whole + sizeof(head), head.len);
	return head.len;
}

int host_journal_open(struct host_journal *journal, const char *path)
{
	struct stat info;
	int err;

	*journal = (struct host_journal){.fd = -1};
	if (!path)
		return 0;
	journal->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (journal->fd < 0)
		return -errno;
	/* Two daemons with one journal would each take it for their own. */
	if (flock(journal->fd, LOCK_EX | LOCK_NB)) {
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
		goto fail;
	}
	if (fstat(journal->fd, &info)) {
		err = -errno;
		goto fail;
	}
	journal->old_slots = ((uint64_t)info.st_size + JOURNAL_SLOT_BYTES - 1) /
			     JOURNAL_SLOT_BYTES;
	atomic_store(&journal->next_slot, journal->old_slots);
	return 0;
fail:
	host_journal_close(journal);
	return err;
}

void host_journal_close(struct host_journal *journal)
{
	if (journal->fd >= 0)
		close(journal->fd);
	journal->fd = -1;
}

int host_journal_append(struct host_journal *journal, const void *record,
			uint32_t len)
{
	uint8_t bytes[JOURNAL_SLOT_BYTES];
	struct journal_head head = {.len = len};
	size_t whole = sizeof(head) + len;
	uint64_t slot;
	ssize_t put;

	if (journal->fd < 0)
		return -ENOTSUP;
	if (len == 0 || len > HOST_JOURNAL_RECORD_MAX)
		return -EINVAL;
	head.hash = XXH32(record, len, JOURNAL_HASH_SEED);
	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), record, len);
	slot = atomic_fetch_add(&journal->next_slot, 1);
	put = pwrite(journal->fd, bytes, whole,
		     (off_t)(slot * JOURNAL_SLOT_BYTES));
	if (put < 0)
		return -errno;
	return put == (ssize_t)whole ? 0 : -ENOSPC;
}

int host_journal_replay(struct host_journal *journal,
			void (*each)(void *arg, const void *record,
				     uint32_t len),
			void *arg)
{
	uint8_t bytes[HOST_JOURNAL_RECORD_MAX];

	if (journal->fd < 0)
		return 0;
	for (uint64_t slot = 0; slot < journal->old_slots; slot++) {
		int64_t len = read_slot(journal->fd, slot, bytes);

		if (len < 0)
			return (int)len;
		if (len)
			each(arg, bytes, (uint32_t)len);
	}
	return 0;
}

int host_journal_empty(struct host_journal *journal)
{
	if (journal->fd < 0)
		return 0;
	if (ftruncate(journal->fd, 0))
		return -errno;
	atomic_store(&journal->next_slot, 0);
	journal->old_slots = 0;
	return 0;
}

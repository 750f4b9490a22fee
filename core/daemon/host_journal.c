/* host_journal.c - records that survive the process, appended to one file. */
#include "core/daemon/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <xxhash.h>

/*
 *   record: u32 length, u32 XXH32 of the bytes, bytes     (host's byte order)
 *
 * A record is one write. It is in the page cache when the write returns, and
 * so outlives this process; that is all that is asked, because no guest
 * outlives its machine. Waiting for the disk would stop the shard that
 * commits a move. A torn record at the end is cut off at the next start.
 */
struct journal_head {
	uint32_t len;
	uint32_t hash;
};

#define JOURNAL_HASH_SEED 0x464d4a4cu

/* Reads the record at offset. Its length, 0 at the end or when torn, -errno. */
static int64_t read_record(int fd, uint64_t offset,
			   uint8_t bytes[HOST_JOURNAL_RECORD_MAX])
{
	struct journal_head head;
	ssize_t got = pread(fd, &head, sizeof(head), (off_t)offset);

	if (got < 0)
		return -errno;
	if (got != (ssize_t)sizeof(head) || head.len == 0 ||
	    head.len > HOST_JOURNAL_RECORD_MAX)
		return 0;
	got = pread(fd, bytes, head.len, (off_t)(offset + sizeof(head)));
	if (got < 0)
		return -errno;
	if (got != (ssize_t)head.len ||
	    XXH32(bytes, head.len, JOURNAL_HASH_SEED) != head.hash)
		return 0;
	return head.len;
}

/* Walks the records up to end. Returns where the last whole one ends. */
static int64_t walk(int fd, uint64_t end,
		    void (*each)(void *arg, const void *record, uint32_t len),
		    void *arg)
{
	uint8_t bytes[HOST_JOURNAL_RECORD_MAX];
	uint64_t offset = 0;

	while (offset < end) {
		int64_t len = read_record(fd, offset, bytes);

		if (len < 0)
			return len;
		if (len == 0)
			break;
		if (each)
			each(arg, bytes, (uint32_t)len);
		offset += sizeof(struct journal_head) + (uint64_t)len;
	}
	return (int64_t)offset;
}

int host_journal_open(struct host_journal *journal, const char *path)
{
	int64_t end;
	int err;

	*journal = (struct host_journal){.fd = -1};
	pthread_mutex_init(&journal->lock, NULL);
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
	end = walk(journal->fd, UINT64_MAX, NULL, NULL);
	if (end < 0) {
		err = (int)end;
		goto fail;
	}
	if (ftruncate(journal->fd, end)) {
		err = -errno;
		goto fail;
	}
	journal->end = (uint64_t)end;
	journal->old_end = (uint64_t)end;
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
	pthread_mutex_destroy(&journal->lock);
}

int host_journal_append(struct host_journal *journal, const void *record,
			uint32_t len)
{
	uint8_t bytes[sizeof(struct journal_head) + HOST_JOURNAL_RECORD_MAX];
	struct journal_head head = {
		.len = len,
		.hash = XXH32(record, len, JOURNAL_HASH_SEED),
	};
	size_t whole = sizeof(head) + len;
	ssize_t put;
	int err = 0;

	if (journal->fd < 0)
		return -ENOTSUP;
	if (len == 0 || len > HOST_JOURNAL_RECORD_MAX)
		return -EINVAL;
	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), record, len);
	pthread_mutex_lock(&journal->lock);
	/* At a known place: what a failed write left behind is overwritten. */
	put = pwrite(journal->fd, bytes, whole, (off_t)journal->end);
	if (put == (ssize_t)whole)
		journal->end += whole;
	else
		err = put < 0 ? -errno : -ENOSPC;
	pthread_mutex_unlock(&journal->lock);
	return err;
}

int host_journal_replay(struct host_journal *journal,
			void (*each)(void *arg, const void *record,
				     uint32_t len),
			void *arg)
{
	int64_t end;

	if (journal->fd < 0)
		return 0;
	end = walk(journal->fd, journal->old_end, each, arg);
	return end < 0 ? (int)end : 0;
}

int host_journal_empty(struct host_journal *journal)
{
	int err = 0;

	if (journal->fd < 0)
		return 0;
	pthread_mutex_lock(&journal->lock);
	if (ftruncate(journal->fd, 0)) {
		err = -errno;
	} else {
		journal->end = 0;
		journal->old_end = 0;
	}
	pthread_mutex_unlock(&journal->lock);
	return err;
}

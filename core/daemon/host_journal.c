/* host_journal.c - records that survive the process, appended to one file. */
#include "core/daemon/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

/*
 *   slot: u16 length, u16 its complement, u32 XXH32 of the bytes, bytes
 *                                                       (host's byte order)
 *
 * A record is one write into a slot of its own. It is in the page cache when
 * the write returns, and so outlives this process; that is all that is asked,
 * because no guest outlives its machine. Waiting for the disk would stop the
 * shard that commits a move.
 *
 * Slots have one size, and a shard takes the next one by counting: no lock.
 * What fails, or was never written because the process died before its turn,
 * is one slot of zeroes; those behind it stay readable. A slot is never used
 * twice.
 *
 * A death in the midst of a write leaves a file that ends within its record:
 * that record never counted, and is cut off. Nothing that we do leaves
 * anything else. It may have been a commit, and to go on without would give
 * its guest two lives or none: such a file is not opened, and not touched.
 */
struct journal_head {
	uint16_t len;
	uint16_t len_inverted;
	uint32_t hash;
};

#define JOURNAL_HASH_SEED  0x464d4a4cu
#define JOURNAL_SLOT_BYTES 512

_Static_assert(sizeof(struct journal_head) + HOST_JOURNAL_RECORD_MAX ==
		       JOURNAL_SLOT_BYTES,
	       "the largest record fills its slot");

/* A length that is one: of a record, and whole. */
static bool has_length(const struct journal_head *head)
{
	return head->len && head->len <= HOST_JOURNAL_RECORD_MAX &&
	       (head->len ^ head->len_inverted) == UINT16_MAX;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

/* True when the bytes are where a record's write stopped. */
static bool is_torn(const uint8_t *bytes, size_t len)
{
	struct journal_head head = {0};

	if (len < offsetof(struct journal_head, hash))
		return true;
	memcpy(&head, bytes, min_u64(len, sizeof(head)));
	return has_length(&head) && len < sizeof(head) + head.len;
}

/*
 * Reads a slot. The record's length, 0 when it holds none; -EPIPE when it is
 * torn at the end of the file, -EBADMSG when it is damaged; -errno.
 */
static int64_t read_slot(int fd, uint64_t slot,
			 uint8_t bytes[HOST_JOURNAL_RECORD_MAX])
{
	uint8_t whole[JOURNAL_SLOT_BYTES];
	struct journal_head head;
	ssize_t got = pread(fd, whole, sizeof(whole),
			    (off_t)(slot * JOURNAL_SLOT_BYTES));

	if (got < 0)
		return -errno;
	if (is_zero(whole, (size_t)got))
		return 0;
	if (is_torn(whole, (size_t)got))
		return -EPIPE;
	if (got < (ssize_t)sizeof(head))
		return -EBADMSG;
	memcpy(&head, whole, sizeof(head));
	if (!has_length(&head) || XXH32(whole + sizeof(head), head.len,
					JOURNAL_HASH_SEED) != head.hash)
		return -EBADMSG;
	memcpy(bytes, whole + sizeof(head), head.len);
	return head.len;
}

/* Reads all slots; *slot is the first that is not as it should be, or their
 * count. 0, or -errno as read_slot. */
static int check_slots(int fd, uint64_t *slot)
{
	uint8_t bytes[HOST_JOURNAL_RECORD_MAX];
	struct stat info;
	uint64_t count;

	*slot = 0;
	if (fstat(fd, &info))
		return -errno;
	count = ((uint64_t)info.st_size + JOURNAL_SLOT_BYTES - 1) /
		JOURNAL_SLOT_BYTES;
	for (; *slot < count; ++*slot) {
		int64_t len = read_slot(fd, *slot, bytes);

		if (len < 0)
			return (int)len;
	}
	return 0;
}

int host_journal_check(const char *path, uint64_t *offset)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t slot = 0;
	int err = 0;

	if (fd < 0)
		return -errno;
	/* Who holds it has found it good, and is writing. */
	if (!flock(fd, LOCK_SH | LOCK_NB))
		err = check_slots(fd, &slot);
	else if (errno != EWOULDBLOCK)
		err = -errno;
	close(fd);
	*offset = slot * JOURNAL_SLOT_BYTES;
	return err == -EPIPE ? 0 : err;
}

int host_journal_open(struct host_journal *journal, const char *path)
{
	uint64_t slots;
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
	err = check_slots(journal->fd, &slots);
	if (err == -EPIPE) {
		journal->torn = true;
		err = ftruncate(journal->fd,
				(off_t)(slots * JOURNAL_SLOT_BYTES))
			      ? -errno
			      : 0;
	}
	if (err)
		goto fail;
	journal->old_slots = slots;
	atomic_store(&journal->next_slot, slots);
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
	struct journal_head head = {
		.len = (uint16_t)len,
		.len_inverted = (uint16_t)~len,
	};
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
	if (put == (ssize_t)whole)
		return 0;
	/* The caller goes on without it: the next start must read past it. */
	memset(bytes, 0, sizeof(bytes));
	if (pwrite(journal->fd, bytes, (size_t)put,
		   (off_t)(slot * JOURNAL_SLOT_BYTES)) != put)
		return -EIO;
	return -ENOSPC;
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

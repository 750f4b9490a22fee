/* parcel.c - connections on their way from one dp to another. */
#include "dataplane/uring/internal.h"

#include <errno.h>
#include <unistd.h>

/*
 * A parcel holds a process descriptor, whatever the two dps use, and the chain
 * of bytes kept:
 *
 *   word 0: the descriptor, and flags from bit 32 on
 *   word 1: the first piece
 *   word 2: marks a parcel of ours
 */
#define PARCEL_MARK 0x676e697275ull
#define PARCEL_EOF  ((uint64_t)1 << 32)
#define PARCEL_SHUT ((uint64_t)1 << 33)

void parcel_pack(struct uring_dp *u, struct conn *conn,
		 struct dp_parcel *parcel)
{
	parcel->word[0] = (uint32_t)conn->fd;
	if (conn->eof)
		parcel->word[0] |= PARCEL_EOF;
	if (conn->shut_done)
		parcel->word[0] |= PARCEL_SHUT;
	parcel->word[1] = (uintptr_t)kept_export(u, &conn->kept);
	parcel->word[2] = PARCEL_MARK;
	parcel->word[3] = 0;
	conn->fd = -1;
}

/*
 * Cancels what is in the kernel (pump.c); when the last of it is back
 * the parcel is told.
 */
int uring_detach(struct dp *dp, dp_conn name)
{
	struct uring_dp *u = uring_of(dp);
	struct conn *conn = conn_find_owned(u, name);

	if (!conn)
		return -ESTALE;
	if (conn->state == CONN_CONNECTING)
		return -ENOTCONN;
	conn->detaching = true;
	conn_work(u, conn);
	return 0;
}

int uring_attach(struct dp *dp, const struct dp_parcel *parcel, uint64_t cookie,
		 dp_conn *name)
{
	struct uring_dp *u = uring_of(dp);
	int fd = (int)(uint32_t)parcel->word[0];

	ASSERT(parcel->word[2] == PARCEL_MARK, "a parcel of this backend");
	/* The slot comes first: on failure the parcel must stay whole. */
	struct conn *conn = conn_open(u, fd, cookie);
	if (!conn)
		return -ENOSPC;
	if (u->config.direct_descriptors) {
		int error = direct_register(u, &conn->fd);
		if (error < 0) {
			conn_free(u, conn);
			return error == -ENFILE ? -ENOSPC : error;
		}
	}
	kept_import(u, &conn->kept, (void *)(uintptr_t)parcel->word[1]);
	conn->eof = (parcel->word[0] & PARCEL_EOF) != 0;
	conn->shut_done = (parcel->word[0] & PARCEL_SHUT) != 0;
	conn->shut_wanted = conn->shut_done;
	conn_work(u, conn);
	*name = conn_name(u, conn);
	return 0;
}

void uring_discard(struct dp *dp, const struct dp_parcel *parcel)
{
	ASSERT(parcel->word[2] == PARCEL_MARK, "a parcel of this backend");
	kept_discard(uring_of(dp), (void *)(uintptr_t)parcel->word[1]);
	close((int)(uint32_t)parcel->word[0]);
}

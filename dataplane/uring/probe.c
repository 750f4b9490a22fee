/* probe.c - what this kernel's io_uring can do, found by trying. */
#include "dataplane/uring/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define TRIAL_ENTRIES 8
#define TRIAL_BUFFERS 2
#define TRIAL_BYTES   64
#define TRIAL_MAP     ((size_t)4096)

/*
 * From the best to the plainest. With DEFER_TASKRUN completions are made only
 * when we ask, and TASKRUN_FLAG says when asking is worth a system call.
 */
static const uint32_t setup_choices[] = {
	IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
		IORING_SETUP_SUBMIT_ALL,
	IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN |
		IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
	IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
	0,
};

static const uint8_t opcodes_needed[] = {
	IORING_OP_ACCEPT, IORING_OP_CONNECT, IORING_OP_RECV,
	IORING_OP_SEND,   IORING_OP_SENDMSG, IORING_OP_ASYNC_CANCEL,
	IORING_OP_CLOSE,  IORING_OP_READ,    IORING_OP_FILES_UPDATE,
};

static int opcodes_check(struct io_uring *ring, struct features *features)
{
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);

	if (!probe)
		return -EOPNOTSUPP;
	int error = 0;
	for (uint32_t i = 0; i < ARRAY_LEN(opcodes_needed); i++)
		if (!io_uring_opcode_supported(probe, opcodes_needed[i]))
			error = -EOPNOTSUPP;
	/* FIXED_FD_INSTALL is younger than all else that direct needs. */
	features->direct = probe->last_op >= URING_OP_FIXED_FD_INSTALL;
	free(probe);
	return error;
}

/* One byte through a multishot receive with a provided buffer. */
static int multishot_try(struct io_uring *ring, int fd)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	struct __kernel_timespec second = {.tv_sec = 1};

	if (!sqe)
		return -EOPNOTSUPP;
	io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	int error =
		io_uring_submit_and_wait_timeout(ring, &cqe, 1, &second, NULL);
	if (error < 0)
		return -EOPNOTSUPP;
	bool works = cqe->res == 1 && (cqe->flags & IORING_CQE_F_BUFFER) &&
		     (cqe->flags & IORING_CQE_F_MORE);
	io_uring_cqe_seen(ring, cqe);
	return works ? 0 : -EOPNOTSUPP;
}

static int receive_check(struct io_uring *ring, uint8_t *map)
{
	struct io_uring_buf_ring *buffers = (void *)map;
	struct io_uring_buf_reg reg = {
		.ring_addr = (uintptr_t)map,
		.ring_entries = TRIAL_BUFFERS,
	};
	int pair[2];

	if (io_uring_register_buf_ring(ring, &reg, 0) < 0)
		return -EOPNOTSUPP;
	io_uring_buf_ring_init(buffers);
	for (uint16_t i = 0; i < TRIAL_BUFFERS; i++)
		io_uring_buf_ring_add(buffers, map + 1024 + i * TRIAL_BYTES,
				      TRIAL_BYTES, i,
				      io_uring_buf_ring_mask(TRIAL_BUFFERS), i);
	io_uring_buf_ring_advance(buffers, TRIAL_BUFFERS);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	int error = 0;
	if (send(pair[1], "x", 1, MSG_NOSIGNAL) != 1)
		error = -errno;
	if (error == 0)
		error = multishot_try(ring, pair[0]);
	/* Ends the receive before its buffers go. */
	shutdown(pair[1], SHUT_RDWR);
	close(pair[0]);
	close(pair[1]);
	return error;
}

int features_probe(struct features *features)
{
	struct io_uring ring;
	int error = -EOPNOTSUPP;

	for (uint32_t i = 0; i < ARRAY_LEN(setup_choices); i++) {
		struct io_uring_params params = {.flags = setup_choices[i]};
		error = io_uring_queue_init_params(TRIAL_ENTRIES, &ring,
						   &params);
		features->setup_flags = setup_choices[i];
		if (error != -EINVAL)
			break;
	}
	if (error < 0)
		return error;
	uint32_t needed = IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE |
			  IORING_FEAT_EXT_ARG;
	error = (ring.features & needed) == needed ? 0 : -EOPNOTSUPP;
	if (error == 0)
		error = opcodes_check(&ring, features);
	uint8_t *map = mmap(NULL, TRIAL_MAP, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED) {
		io_uring_queue_exit(&ring);
		return -ENOMEM;
	}
	if (error == 0)
		error = receive_check(&ring, map);
	io_uring_queue_exit(&ring);
	munmap(map, TRIAL_MAP);
	return error;
}

/* ring.c - the ring: making it, submitting to it, waiting in it. */
#include "dataplane/uring/internal.h"

#include <errno.h>

#define SQ_ENTRIES_MIN 256
#define SQ_ENTRIES_MAX 4096
#define CQ_ENTRIES_MAX 65536

static uint32_t power_above(uint32_t n)
{
	uint32_t power = 1;

	while (power < n && power < (UINT32_MAX >> 1))
		power <<= 1;
	return power;
}

/*
 * The ring is made disabled: the kernel ties it to the thread that enables it
 * in its first poll, not to the one that made it.
 */
int ring_create(struct uring_dp *u)
{
	struct io_uring_params params = {0};
	uint32_t sq = power_above(u->config.conn_max);

	sq = min_u32(max_u32(sq, SQ_ENTRIES_MIN), SQ_ENTRIES_MAX);
	/* Two per connection and all the buffers; what is more waits in the
	 * kernel and ends multishots, which costs time and nothing else. */
	uint32_t cq = power_above(2 * u->config.conn_max +
				  u->config.buffer_count + 2 * sq);
	params.flags = u->features.setup_flags | IORING_SETUP_R_DISABLED |
		       IORING_SETUP_CQSIZE;
	params.cq_entries = min_u32(cq, CQ_ENTRIES_MAX);
	return io_uring_queue_init_params(sq, &u->ring, &params);
}

/* Ends every operation before the memory it works on goes away. */
void ring_destroy(struct uring_dp *u)
{
	struct io_uring_sync_cancel_reg reg = {
		.flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL,
		.timeout = {.tv_sec = 1},
	};

	/* Refused when the owning thread is another one. If that one has
	 * ended, the kernel has cancelled everything already. */
	if (u->enabled)
		io_uring_register_sync_cancel(&u->ring, &reg);
	io_uring_queue_exit(&u->ring);
}

void ring_enable(struct uring_dp *u)
{
	if (LIKELY(u->enabled))
		return;
	/* The library's own call is declared and not exported in 2.3. */
	int error = io_uring_register((unsigned)u->ring.ring_fd,
				      IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	ASSERT(error == 0, "a ring can be enabled once");
	/* Saves the look-up of the descriptor; the kernel has few places. */
	io_uring_register_ring_fd(&u->ring);
	u->enabled = true;
}

struct io_uring_sqe *ring_sqe(struct uring_dp *u)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

	if (!sqe)
		u->sq_full = true;
	return sqe;
}

void ring_set_data(struct io_uring_sqe *sqe, enum op_kind kind,
		   uint32_t generation, uint32_t index)
{
	io_uring_sqe_set_data64(
		sqe, (uint64_t)kind << 56 | (uint64_t)generation << 32 | index);
}

/* True when the kernel has completions to make or to hand over. */
static bool kernel_has_work(const struct uring_dp *u)
{
	if (!(u->features.setup_flags & IORING_SETUP_TASKRUN_FLAG))
		return true;
	uint32_t flags = __atomic_load_n(u->ring.sq.kflags, __ATOMIC_RELAXED);
	return flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

/* wait_ns 0: submits and collects; NS_NEVER: waits without an end. */
void ring_enter(struct uring_dp *u, uint64_t wait_ns)
{
	struct io_uring_cqe *cqe;
	int result;

	if (wait_ns == 0) {
		if (io_uring_sq_ready(&u->ring) == 0 && !kernel_has_work(u))
			return;
		result = io_uring_submit_and_get_events(&u->ring);
	} else {
		struct __kernel_timespec time = {
			.tv_sec = (int64_t)(wait_ns / NS_PER_S),
			.tv_nsec = (long long)(wait_ns % NS_PER_S),
		};
		result = io_uring_submit_and_wait_timeout(
			&u->ring, &cqe, 1, wait_ns == NS_NEVER ? NULL : &time,
			NULL);
	}
	u->stats.enters++;
	/* Short of memory, a signal, the time is over: all end in one more
	 * round. Another thread's ring would end in an endless one. */
	ASSERT(result != -EEXIST, "a dp is polled by one thread");
	ASSERT(result != -EBADF && result != -EBADFD,
	       "the ring is open and enabled");
}

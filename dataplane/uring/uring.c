/* uring.c - a dp on io_uring: making it, polling it, ending it. */
#include "dataplane/uring/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define CONN_LIMIT   ((uint32_t)1 << 20)
#define BUFFER_LIMIT ((uint32_t)1 << 15) /* the kernel's, of one ring */
#define REAP_BATCH   64

/* Pieces come back without a wake: who has none left looks this often. */
#define DRY_PAUSE_NS NS_PER_MS

void uring_config_default(struct uring_config *config)
{
	*config = (struct uring_config){
		.conn_max = 16384,
		.buffer_count = 256,
		.buffer_bytes = 4096,
		.kept_max_bytes = 64u << 20,
	};
}

static uint64_t uring_now(struct dp *dp)
{
	struct timespec time;

	(void)dp;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

static void uring_random(struct dp *dp, void *bytes, size_t len)
{
	uint8_t *at = bytes;

	(void)dp;
	while (len > 0) {
		ssize_t got = getrandom(at, len, 0);
		if (got < 0) {
			ASSERT(errno == EINTR, "the kernel has randomness");
			continue;
		}
		at += got;
		len -= (size_t)got;
	}
}

static void uring_caps(struct dp *dp, struct dp_caps *caps)
{
	const struct uring_dp *u = uring_of(dp);

	*caps = (struct dp_caps){
		.conn_max = u->config.conn_max,
		.view_max_bytes = u->config.buffer_bytes,
		.kernel_bypass = false,
	};
}

/*
 * Either the waiter sees woken before it sleeps, or the waker sees sleeping
 * and writes: both are sequentially consistent. Nobody writes to a busy dp.
 */
static void uring_wake(struct dp *dp)
{
	struct uring_dp *u = uring_of(dp);
	uint64_t one = 1;

	atomic_store(&u->woken, 1);
	if (!atomic_load(&u->sleeping))
		return;
	/* It can only fail when it is full of wakes, and then it is awake. */
	if (write(u->wake_fd, &one, sizeof(one)) < 0)
		return;
}

static void wake_pump(struct uring_dp *u)
{
	if (u->wake_armed)
		return;
	struct io_uring_sqe *sqe = ring_sqe(u);
	if (!sqe)
		return;
	io_uring_prep_read(sqe, u->wake_fd, &u->wake_value,
			   sizeof(u->wake_value), 0);
	ring_set_data(sqe, OP_WAKE, 0, 0);
	u->wake_armed = true;
}

static void complete_conn(struct uring_dp *u, enum op_kind kind,
			  struct conn *conn, int32_t res, uint32_t flags)
{
	switch (kind) {
	case OP_RECV:
		recv_complete(u, conn, res, flags);
		break;
	case OP_SEND:
		send_complete(u, conn, res);
		break;
	case OP_CONNECT:
		connect_complete(u, conn, res);
		break;
	case OP_CLOSE:
		conn_closed(u, conn);
		break;
	default:
		/* A cancel; those that hit say nothing, if that is known. */
		if (res < 0)
			conn_cancel_missed(u, conn, kind);
		break;
	}
}

/* Each completion tells at most one event, so a batch fits by its count. */
static void complete(struct uring_dp *u, const struct io_uring_cqe *cqe)
{
	enum op_kind kind = (enum op_kind)(cqe->user_data >> 56);

	if (kind == OP_NONE || kind == OP_CALL)
		return;
	if (kind == OP_WAKE) {
		u->wake_armed = false;
		return;
	}
	if (kind == OP_ACCEPT) {
		listen_complete(u, (uint32_t)cqe->user_data, cqe->res,
				cqe->flags);
		return;
	}
	struct conn *conn = conn_of_data(u, cqe->user_data);
	if (conn)
		complete_conn(u, kind, conn, cqe->res, cqe->flags);
}

static void reap(struct uring_dp *u)
{
	struct io_uring_cqe *cqes[REAP_BATCH];

	while (out_has_room(u)) {
		uint32_t room = u->out_max - u->out_count;
		uint32_t count = io_uring_peek_batch_cqe(
			&u->ring, cqes, min_u32(room, REAP_BATCH));
		if (count == 0)
			return;
		for (uint32_t i = 0; i < count; i++)
			complete(u, cqes[i]);
		io_uring_cq_advance(&u->ring, count);
	}
}

/* How long to wait in the ring: 0 when there is something to do. */
static uint64_t wait_ns(struct uring_dp *u, uint64_t deadline_ns)
{
	if (u->out_count || u->sq_full || deadline_ns == 0 ||
	    io_uring_cq_ready(&u->ring))
		return 0;
	deadline_ns = min_u64(deadline_ns, listen_retry_ns(u));
	bool dry = buffers_dry(u);
	if (deadline_ns == NS_NEVER && !dry)
		return NS_NEVER;
	uint64_t now_ns = uring_now(&u->dp);
	if (dry)
		deadline_ns = min_u64(deadline_ns, now_ns + DRY_PAUSE_NS);
	return deadline_ns > now_ns ? deadline_ns - now_ns : 0;
}

/* True when the wait was ended by a wake, or did not begin because of one. */
static bool wait_in_ring(struct uring_dp *u, uint64_t time_ns)
{
	if (time_ns == 0) {
		ring_enter(u, 0);
		return false;
	}
	atomic_store(&u->sleeping, 1);
	if (atomic_exchange(&u->woken, 0)) {
		atomic_store(&u->sleeping, 0);
		ring_enter(u, 0);
		return true;
	}
	ring_enter(u, time_ns);
	atomic_store(&u->sleeping, 0);
	return atomic_exchange(&u->woken, 0) != 0;
}

static uint32_t uring_poll(struct dp *dp, struct dp_event *events, uint32_t max,
			   uint64_t deadline_ns)
{
	struct uring_dp *u = uring_of(dp);

	ring_enable(u);
	u->out = events;
	u->out_max = max;
	u->out_count = 0;
	for (;;) {
		u->sq_full = false;
		wake_pump(u);
		listen_pump(u);
		buffers_fill(u);
		pump_all(u);
		bool woken = wait_in_ring(u, wait_ns(u, deadline_ns));
		reap(u);
		pump_all(u);
		if (u->out_count || woken || deadline_ns == 0)
			break;
		if (deadline_ns != NS_NEVER && uring_now(dp) >= deadline_ns)
			break;
	}
	return u->out_count;
}

static void conns_close(struct uring_dp *u)
{
	for (uint32_t i = 0; i < u->conns_fresh; i++) {
		struct conn *conn = &u->conns[i];
		if (conn->state == CONN_FREE)
			continue;
		kept_clear(u, &conn->kept);
		if (conn->fd < 0 ||
		    (u->config.direct_descriptors && conn->state != CONN_ENDED))
			continue; /* the table goes with the ring */
		/* The ring may let go of it later than we do. */
		shutdown(conn->fd, SHUT_RDWR);
		close(conn->fd);
	}
}

static void uring_destroy(struct dp *dp)
{
	struct uring_dp *u = uring_of(dp);

	listen_close_all(u);
	conns_close(u);
	ring_destroy(u);
	piece_take_back_all(u);
	buffers_fini(u);
	close(u->wake_fd);
	arena_fini(&u->arena);
	free(u);
}

void uring_dp_stats(const struct dp *dp, struct uring_stats *stats)
{
	const struct uring_dp *u = (const void *)dp;

	*stats = u->stats;
}

static const struct dp_ops uring_ops = {
	.name = "uring",
	.listen = uring_listen,
	.connect = uring_connect,
	.poll = uring_poll,
	.send = uring_send,
	.recycle = uring_recycle,
	.hold = uring_hold,
	.unhold = uring_unhold,
	.unread = uring_unread,
	.detach = uring_detach,
	.attach = uring_attach,
	.discard = uring_discard,
	.set_cookie = uring_set_cookie,
	.shutdown = uring_shutdown,
	.kill = uring_kill,
	.conn_info = uring_conn_info,
	.caps = uring_caps,
	.now = uring_now,
	.random = uring_random,
	.wake = uring_wake,
	.destroy = uring_destroy,
};

static bool config_valid(const struct uring_config *config)
{
	uint32_t count = config->buffer_count;

	return config->conn_max > 0 && config->conn_max <= CONN_LIMIT &&
	       count > 0 && count <= BUFFER_LIMIT &&
	       (count & (count - 1)) == 0 && config->buffer_bytes > 0 &&
	       config->buffer_bytes <= (1u << 20) &&
	       buffers_total(config) <= PIECES_LIMIT;
}

static int tables_init(struct uring_dp *u)
{
	size_t conns = u->config.conn_max * sizeof(struct conn);
	size_t sends = u->config.conn_max * sizeof(struct send);
	/* The ring of buffers, and what is noted of each piece. */
	size_t notes =
		u->config.buffer_count * sizeof(struct io_uring_buf) +
		buffers_total(&u->config) * (sizeof(uint16_t) + sizeof(bool));

	/* Address space; only what is used becomes memory. */
	int error = arena_init(&u->arena, conns + sends + notes + (1u << 16));
	if (error < 0)
		return error;
	u->conns = arena_take(&u->arena, conns, CACHE_LINE_BYTES);
	u->sends = arena_take(&u->arena, sends, CACHE_LINE_BYTES);
	return u->conns && u->sends ? 0 : -ENOMEM;
}

static int uring_init(struct uring_dp *u)
{
	int error = tables_init(u);

	if (error < 0)
		return error;
	u->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (u->wake_fd < 0) {
		error = -errno;
		goto fail_arena;
	}
	error = ring_create(u);
	if (error < 0)
		goto fail_wake;
	error = buffers_init(u);
	if (error == 0 && u->config.direct_descriptors)
		error = direct_init(u);
	if (error == 0)
		return 0;
	ring_destroy(u);
	buffers_fini(u);
fail_wake:
	close(u->wake_fd);
fail_arena:
	arena_fini(&u->arena);
	return error;
}

int uring_dp_create(const struct uring_config *config, struct dp **dp)
{
	struct uring_dp *u;

	if (!config_valid(config))
		return -EINVAL;
	u = aligned_alloc(CACHE_LINE_BYTES, sizeof(*u));
	if (!u)
		return -ENOMEM;
	memset(u, 0, sizeof(*u));
	u->dp.ops = &uring_ops;
	u->config = *config;
	int error = features_probe(&u->features);
	if (error == 0 && config->direct_descriptors && !u->features.direct)
		error = -EOPNOTSUPP;
	if (error == 0)
		error = uring_init(u);
	if (error < 0) {
		free(u);
		return error;
	}
	*dp = &u->dp;
	return 0;
}

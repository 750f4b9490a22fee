/* internal.h - what the files of the uring dataplane share. */
#pragma once

#include "core/arena.h"
#include "dataplane/uring/pool.h"
#include "dataplane/uring/uring.h"
#include "dataplane/uring/uring_compat.h"

#include <stdatomic.h>
#include <sys/socket.h>

/*
 * Two halves. A call (send, hold, kill, ...) only notes what is wanted in the
 * connection and puts it on the work list; poll walks that list and makes the
 * submissions that bring the kernel there (pump.c). So a hold and an unhold
 * in one pass cost nothing, and a full submission queue only means later.
 *
 * A connection's slot is freed when none of its operations is left in the
 * kernel: until then its end is not told, and nothing it points to is reused.
 */

#define LISTENERS_MAX   16
#define LISTEN_BACKLOG  4096
#define LISTEN_PAUSE_NS (100 * NS_PER_MS)    /* after "too many open files" */
#define GENERATION_MAX  ((uint32_t)0xffffff) /* the tag is above it */

/* What a completion belongs to: the top byte of its user data. */
enum op_kind {
	OP_NONE,
	OP_ACCEPT,
	OP_CONNECT,
	OP_RECV,
	OP_SEND,
	OP_CLOSE,
	OP_CANCEL_CONNECT,
	OP_CANCEL_RECV,
	OP_CANCEL_SEND,
	OP_WAKE,
	OP_CALL, /* somebody waits for it: direct.c */
};

enum op_state { OP_IDLE, OP_FLYING, OP_CANCELLING };

enum conn_state {
	CONN_FREE,
	CONN_CONNECTING,
	CONN_OPEN,
	CONN_CLOSING, /* the close is in the kernel */
	CONN_ENDED,   /* only the last event is missing */
};

/* Where a connect or a send in flight keeps its arguments. */
struct send {
	struct msghdr msg;
	union {
		struct iovec iov[DP_SPANS_MAX];
		struct sockaddr_storage address;
	};
	socklen_t address_len;
	uint32_t total;
	uint32_t sent;
	uint32_t next_free; /* index + 1 */
};

struct conn {
	uint64_t cookie;
	uint64_t tag; /* of the send in flight */
	struct kept kept;
	struct send *send; /* NULL: none */
	uint32_t generation;
	int32_t fd;      /* or the place in the direct table */
	int32_t error;   /* the -errno that ended it */
	uint32_t next;   /* free or work list, index + 1 */
	uint8_t state;   /* enum conn_state */
	uint8_t recv_op; /* enum op_state, and the next two */
	uint8_t send_op;
	uint8_t connect_op;
	bool working : 1; /* on the work list */
	bool starved : 1; /* found no buffer: armed when there is one */
	bool held : 1;
	bool eof : 1; /* the kernel said so */
	bool eof_told : 1;
	bool shut_wanted : 1;
	bool shut_done : 1;
	bool killed : 1;
	bool detaching : 1;
};

struct listener {
	uint64_t cookie;
	uint64_t retry_ns; /* not armed before this time */
	int fd;
	bool armed;
	char path[ADDR_PATH_MAX]; /* a unix socket's, unlinked at the end */
};

struct features {
	uint32_t setup_flags;
	bool direct; /* an installed descriptor can be had of a direct one */
};

struct uring_dp {
	struct dp dp;
	struct io_uring ring;
	struct uring_config config;
	struct features features;
	struct arena arena;
	struct uring_stats stats;

	struct conn *conns;
	struct send *sends;
	uint32_t conns_fresh; /* never used from here on */
	uint32_t conns_free;  /* index + 1 */
	uint32_t sends_fresh;
	uint32_t sends_free;
	uint32_t work_head; /* index + 1 */
	uint32_t work_tail;
	uint32_t work_count;

	struct buffers buffers;
	struct piece *lent; /* pieces of other dps, out as views */
	uint64_t kept_bytes;

	struct listener listeners[LISTENERS_MAX];
	uint32_t listener_count;

	struct dp_event *out; /* of the poll under way */
	uint32_t out_count;
	uint32_t out_max;
	bool sq_full;
	bool enabled;

	int wake_fd;
	bool wake_armed;
	uint64_t wake_value;
	_Atomic uint32_t woken __attribute__((aligned(CACHE_LINE_BYTES)));
	_Atomic uint32_t sleeping;
};

static inline struct uring_dp *uring_of(struct dp *dp)
{
	return CONTAINER_OF(dp, struct uring_dp, dp);
}

static inline uint32_t conn_index(const struct uring_dp *u,
				  const struct conn *conn)
{
	return (uint32_t)(conn - u->conns);
}

static inline dp_conn conn_name(const struct uring_dp *u,
				const struct conn *conn)
{
	return (uint64_t)conn->generation << 32 | conn_index(u, conn);
}

/* True while the owner has not asked for its end and it has not failed. */
static inline bool conn_lives(const struct conn *conn)
{
	return !conn->killed && !conn->detaching && conn->error == 0;
}

static inline bool out_has_room(const struct uring_dp *u)
{
	return u->out_count < u->out_max;
}

/* probe.c: finds what the kernel can do. 0 or -EOPNOTSUPP or -errno. */
int features_probe(struct features *features);

/* ring.c: the ring itself. */
int ring_create(struct uring_dp *u);
void ring_destroy(struct uring_dp *u);
void ring_enable(struct uring_dp *u);
struct io_uring_sqe *ring_sqe(struct uring_dp *u); /* NULL: full */
void ring_enter(struct uring_dp *u, uint64_t wait_ns);
void ring_set_data(struct io_uring_sqe *sqe, enum op_kind kind,
		   uint32_t generation, uint32_t index);

/* conn.c: slots and the work list. */
struct conn *conn_open(struct uring_dp *u, int fd, uint64_t cookie);
struct conn *conn_find(struct uring_dp *u, dp_conn name);
struct conn *conn_find_owned(struct uring_dp *u, dp_conn name);
struct conn *conn_of_data(struct uring_dp *u, uint64_t data);
void conn_free(struct uring_dp *u, struct conn *conn);
void conn_work(struct uring_dp *u, struct conn *conn);
void conn_fail(struct uring_dp *u, struct conn *conn, int error);
void conn_closed(struct uring_dp *u, struct conn *conn);
bool conn_cancel(struct uring_dp *u, struct conn *conn, enum op_kind kind);
void conn_cancel_missed(struct uring_dp *u, struct conn *conn,
			enum op_kind cancel);
void conn_target(struct uring_dp *u, const struct conn *conn,
		 struct io_uring_sqe *sqe);
struct dp_event *conn_event(struct uring_dp *u, const struct conn *conn,
			    enum dp_event_kind kind);

/* Completions, each telling at most one event: room for it is there. */
void recv_complete(struct uring_dp *u, struct conn *conn, int32_t res,
		   uint32_t flags);
void send_complete(struct uring_dp *u, struct conn *conn, int32_t res);
void connect_complete(struct uring_dp *u, struct conn *conn, int32_t res);
void listen_complete(struct uring_dp *u, uint32_t index, int32_t res,
		     uint32_t flags);

/* pump.c, above all that follows: the walk over the work list. */
void pump_all(struct uring_dp *u);

/* Its steps: false means there was no room, try again later. */
bool recv_pump(struct uring_dp *u, struct conn *conn);
bool recv_pump_kept(struct uring_dp *u, struct conn *conn);
bool send_pump(struct uring_dp *u, struct conn *conn);
bool send_pump_end(struct uring_dp *u, struct conn *conn);
bool connect_pump(struct uring_dp *u, struct conn *conn);
void parcel_pack(struct uring_dp *u, struct conn *conn,
		 struct dp_parcel *parcel);

struct send *send_take(struct uring_dp *u);
void send_give(struct uring_dp *u, struct send *send);

/* listen.c */
void listen_pump(struct uring_dp *u);
uint64_t listen_retry_ns(const struct uring_dp *u);
void listen_close_all(struct uring_dp *u);

/* socket.c: addresses and options, as the kernel wants them. */
int socket_address(const struct addr *addr, struct sockaddr_storage *to,
		   socklen_t *len);
void socket_address_read(const struct sockaddr_storage *from, socklen_t len,
			 struct addr *addr);
int socket_create(const struct addr *addr, int *fd);
int socket_names(int fd, struct dp_conn_info *info);

/* direct.c: descriptors in the ring's table. Each call is complete at once. */
int direct_init(struct uring_dp *u);
int direct_register(struct uring_dp *u, int *fd);
int direct_install(struct uring_dp *u, int32_t slot, int *fd);
void direct_drop(struct uring_dp *u, int32_t slot);

/* The dp_ops, by file. */
int uring_listen(struct dp *dp, const struct addr *addr, uint64_t cookie,
		 struct addr *bound);
int uring_connect(struct dp *dp, const struct addr *addr, uint64_t cookie,
		  dp_conn *conn);
int uring_send(struct dp *dp, dp_conn name, const struct span *spans,
	       uint32_t count, uint64_t tag);
void uring_recycle(struct dp *dp, const struct dp_view *view);
int uring_hold(struct dp *dp, dp_conn name);
int uring_unhold(struct dp *dp, dp_conn name);
int uring_unread(struct dp *dp, dp_conn name, const void *data, uint32_t len);
int uring_detach(struct dp *dp, dp_conn name);
int uring_attach(struct dp *dp, const struct dp_parcel *parcel, uint64_t cookie,
		 dp_conn *conn);
void uring_discard(struct dp *dp, const struct dp_parcel *parcel);
int uring_set_cookie(struct dp *dp, dp_conn name, uint64_t cookie);
int uring_shutdown(struct dp *dp, dp_conn name);
int uring_kill(struct dp *dp, dp_conn name);
int uring_conn_info(struct dp *dp, dp_conn name, struct dp_conn_info *info);

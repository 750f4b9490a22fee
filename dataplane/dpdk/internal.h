/* internal.h - what the files of the DPDK dataplane share. */
#pragma once

#include "core/slab.h"
#include "dataplane/dpdk/dpdk.h"
#include "dataplane/dpdk/steer.h"
#include "dataplane/tcp/counters.h"
#include "dataplane/tcp/export.h"
#include "dataplane/tcp/tcp.h"

#include <pthread.h>

struct rte_mbuf;
struct rte_mempool;
struct rte_ring;

#define INBOX_FRAMES  1024 /* passed on to a dp and not yet taken */
#define OUTBOX_FRAMES 1024 /* sent by dps that have no queue of their own */
#define HELD_FRAMES   256  /* of flows on their way */
#define LEFTOVER_MAX  1024 /* entries of ended flows that are kept */

/* Ports of our connects, from here on; each dp has a share of its own. */
#define CONNECT_PORT_MIN 49152

/*
 * A queue pair of the device, polled by one dp. While that one is not there
 * another does its work.
 */
struct queue {
	_Atomic uint32_t poller; /* index + 1; 0: nobody */
	struct rte_ring *outbox;
};

struct port {
	struct dpdk_port_config config;
	uint16_t id;          /* the ethdev's */
	uint16_t queue_count; /* at most one for each dp */
	uint8_t mac[6];
	uint8_t secret[16]; /* one for all stacks: they share sequence space */
	struct queue queues[DPDK_DPS_MAX];
	/* By dp: */
	struct rte_mempool *pools[DPDK_DPS_MAX];
	struct rte_ring *inboxes[DPDK_DPS_MAX];
	struct steer steer;
};

/* Images of connections on their way; a slot's number is what travels. */
struct parcels {
	uint8_t *base;
	uint32_t slot_bytes;
	uint32_t count;
	struct rte_ring *free;
};

struct dpdk {
	struct dpdk_config config;
	struct port ports[DPDK_PORTS_MAX];
	uint32_t ports_made;
	struct parcels parcels;
	pthread_key_t threads; /* set in those that DPDK knows of us */
	bool threads_made;
};

enum conn_state {
	CONN_CONNECTING,
	CONN_OPEN,
	CONN_ENDED, /* the flow is gone: what is left to tell is not told */
};

struct conn {
	uint64_t cookie;
	uint64_t tag;  /* of the send in flight */
	tcp_flow flow; /* 0 once ENDED */
	dp_conn name;
	uint64_t key;   /* of steer.h */
	uint64_t entry; /* there; 0: none */
	uint32_t total; /* bytes of the send in flight */
	uint32_t taken; /* of them, by TCP */
	uint32_t send;  /* what is left of its spans: index + 1 */
	uint32_t next;  /* work list, index + 1 */
	uint32_t poll;  /* the dp's number of it that told ACCEPTED */
	int32_t error;  /* the -errno that ended it */
	uint16_t local_port;
	uint8_t state; /* enum conn_state */
	uint8_t leg;
	bool working : 1; /* on the work list */
	bool fresh : 1;   /* told ACCEPTED, in that poll nothing more */
	bool held : 1;    /* by the owner; TCP holds a fresh one as well */
	bool sending : 1; /* SENT is not yet told */
	bool shut_wanted : 1;
	bool shut_done : 1;
	bool killed : 1;
	bool detaching : 1;
};

/* The spans of a send that TCP did not take whole. */
struct send {
	struct span spans[DP_SPANS_MAX];
	uint32_t first;
	uint32_t count;
	uint32_t next_free; /* index + 1 */
};

/* Whose a flow is: TCP's events name the flow, a slot of it one conn. */
struct flow_owner {
	tcp_flow flow;
	uint32_t conn; /* index + 1; 0: nobody's */
};

/* A frame kept for a flow that is on its way. */
struct held {
	struct rte_mbuf *frame;
	uint64_t key;
	uint64_t until_ns;
	uint16_t local_port;
};

/* X(name): what a dp counts of a port, beside TCP. */
#define LEG_COUNTERS(X)                                                 \
	X(rx_frames)                                                    \
	X(tx_frames)                                                    \
	X(tx_dropped)   /* the device's queue was full: TCP mends it */ \
	X(tx_no_buffer) /* as above */                                  \
	X(rx_chained)   /* dropped: longer than our buffers */          \
	X(passed_on)    /* to the dp that has the flow */               \
	X(pass_dropped) /* its inbox was full */                        \
	X(held)         /* of flows on their way */                     \
	X(held_dropped)                                                 \
	X(refused) /* accepted by TCP, without room here */

struct leg_counters {
#define LEG_FIELD(name) uint64_t name;
	LEG_COUNTERS(LEG_FIELD)
#undef LEG_FIELD
};

#define PUBLISHED_MAX 128 /* those, and TCP's */

/* A dp's part of a port. */
struct leg {
	struct dpdk_dp *dp;
	struct port *port;
	struct tcp_stack *stack;
	struct flow_owner *owners; /* by index of the flow */
	struct held held[HELD_FRAMES];
	uint32_t held_count;
	uint16_t queue; /* that it sends by */
	struct leg_counters counters;
	_Atomic uint64_t published[PUBLISHED_MAX];
};

/* An exception that outlives its conn: TCP may still be at it. */
struct leftover {
	uint64_t key;
	uint64_t entry;
	uint64_t until_ns;
	uint8_t leg;
};

struct dpdk_dp {
	struct dp dp;
	struct dpdk *dpdk;
	uint8_t index;
	bool entered; /* the polling thread is known to DPDK */
	struct arena arena;
	uint64_t now_ns;
	uint64_t entry_number;
	uint64_t publish_ns; /* the next time */

	struct leg legs[DPDK_PORTS_MAX];
	uint32_t leg_count;

	struct slab conns;
	struct send *sends;
	uint32_t sends_fresh; /* never used from here on */
	uint32_t sends_free;  /* index + 1 */
	uint32_t work_head;   /* index + 1 */
	uint32_t work_tail;
	uint32_t work_count;

	struct leftover *leftovers; /* a ring, the oldest first */
	uint32_t leftover_first;
	uint32_t leftover_count;

	uint32_t polls;
	struct dp_event *out; /* of the poll under way */
	uint32_t out_count;
	uint32_t out_max;

	_Atomic uint32_t woken __attribute__((aligned(CACHE_LINE_BYTES)));
};

static inline struct dpdk_dp *dpdk_of(struct dp *dp)
{
	return CONTAINER_OF(dp, struct dpdk_dp, dp);
}

/* A view's name: the leg above the stack's own number. */
#define VIEW_LEG_SHIFT 28

static inline uint32_t view_name(uint32_t leg, uint32_t buffer)
{
	return leg << VIEW_LEG_SHIFT | buffer;
}

static inline uint32_t view_leg(uint32_t name)
{
	return name >> VIEW_LEG_SHIFT;
}

static inline uint32_t view_buffer(uint32_t name)
{
	return name & (((uint32_t)1 << VIEW_LEG_SHIFT) - 1);
}

static inline bool out_has_room(const struct dpdk_dp *d)
{
	return d->out_count < d->out_max;
}

static inline struct leg *dpdk_conn_leg(struct dpdk_dp *d,
					const struct conn *conn)
{
	return &d->legs[conn->leg];
}

/* eal.c: 0 or -errno with one line in error. */
int eal_start(const struct dpdk_config *config, uint64_t need_bytes,
	      char *error, size_t error_cap);
int eal_threads_init(struct dpdk *dpdk);
void eal_threads_fini(struct dpdk *dpdk);
/* The calling thread gets caches of its own in the pools. */
void eal_thread_enter(struct dpdk *dpdk);

/* port.c */
int port_start(struct dpdk *dpdk, struct port *port,
	       const struct dpdk_port_config *config, char *error,
	       size_t error_cap);
void port_stop(struct dpdk *dpdk, struct port *port);
uint64_t port_need_bytes(const struct dpdk_config *config,
			 const struct dpdk_port_config *port);
/* Drops what waits in the device; returns frames that are in no pool. */
uint32_t port_frames_out(const struct dpdk *dpdk, struct port *port);
/* A dp comes or goes: who polls which queue. */
void port_join(struct port *port, uint8_t dp);
void port_leave(struct port *port, uint8_t dp);

/* device.c: the ethdev of a driver's name, made if need be. 0 or -errno. */
int device_open(const struct dpdk_port_config *config, uint32_t queues,
		uint32_t number, uint16_t *id, char *error, size_t error_cap);
void device_close(uint16_t id);
/* The PCI address that a driver's name has, or NULL. */
const char *device_pci(const struct dpdk_port_config *config);

/* parcel.c */
int parcels_init(struct parcels *parcels, const struct dpdk_config *config);
void parcels_fini(struct parcels *parcels);
uint8_t *parcel_slot(const struct parcels *parcels, uint32_t slot);
bool parcel_take(struct parcels *parcels, uint32_t *slot);
void parcel_give(struct parcels *parcels, uint32_t slot, size_t used_bytes);

/* frames.c: between devices, inboxes and stacks. */
void frames_emit(void *arg, const struct tcp_frame_out *frames, uint32_t count);
void frames_release(void *arg, uint64_t token);
enum tcp_unknown frames_unknown(void *arg, const struct tcp_tuple *tuple,
				const struct tcp_frame *frame);
/* Takes what arrived. Returns the number of frames. */
uint32_t frames_receive(struct leg *leg);
void frames_drop_all(struct leg *leg);

/* conn.c: slots, the work list, and what is told. */
struct conn *dpdk_conn_open(struct dpdk_dp *d, uint32_t leg, tcp_flow flow,
			    uint64_t cookie);
struct conn *dpdk_conn_find(struct dpdk_dp *d, dp_conn name);
struct conn *dpdk_conn_find_owned(struct dpdk_dp *d, dp_conn name);
void dpdk_conn_bind(struct dpdk_dp *d, struct conn *conn, tcp_flow flow);
void dpdk_conn_unbind(struct dpdk_dp *d, struct conn *conn);
int dpdk_conn_claim(struct dpdk_dp *d, struct conn *conn);
void dpdk_conn_drop(struct dpdk_dp *d, struct conn *conn);
void dpdk_conn_work(struct dpdk_dp *d, struct conn *conn);
void dpdk_conn_work_all(struct dpdk_dp *d);
void dpdk_conn_events(struct dpdk_dp *d, struct leg *leg);
struct dp_event *dpdk_conn_event(struct dpdk_dp *d, const struct conn *conn,
				 enum dp_event_kind kind);
void leftover_add(struct dpdk_dp *d, uint8_t leg, uint64_t key, uint64_t entry);
void leftover_expire(struct dpdk_dp *d, uint64_t now_ns);

/* counters.c */
void counters_publish(struct dpdk_dp *d);

/* send.c */
void dpdk_send_more(struct dpdk_dp *d, struct conn *conn);
void dpdk_send_forget(struct dpdk_dp *d, struct conn *conn);

/* move.c: false: not yet. */
bool dpdk_move_out(struct dpdk_dp *d, struct conn *conn);

/* The dp_ops, by file. */
int dpdk_listen(struct dp *dp, const struct addr *addr, uint64_t cookie,
		struct addr *bound);
int dpdk_connect(struct dp *dp, const struct addr *addr, uint64_t cookie,
		 dp_conn *conn);
int dpdk_send(struct dp *dp, dp_conn name, const struct span *spans,
	      uint32_t count, uint64_t tag);
void dpdk_recycle(struct dp *dp, const struct dp_view *view);
int dpdk_hold(struct dp *dp, dp_conn name);
int dpdk_unhold(struct dp *dp, dp_conn name);
int dpdk_unread(struct dp *dp, dp_conn name, const void *data, uint32_t len);
int dpdk_detach(struct dp *dp, dp_conn name);
int dpdk_attach(struct dp *dp, const struct dp_parcel *parcel, uint64_t cookie,
		dp_conn *conn);
void dpdk_discard(struct dp *dp, const struct dp_parcel *parcel);
int dpdk_set_cookie(struct dp *dp, dp_conn name, uint64_t cookie);
int dpdk_shutdown(struct dp *dp, dp_conn name);
int dpdk_kill(struct dp *dp, dp_conn name);
int dpdk_conn_info(struct dp *dp, dp_conn name, struct dp_conn_info *info);
void dpdk_counters(struct dp *dp, dp_counter_fn *each, void *arg);

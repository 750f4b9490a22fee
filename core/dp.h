/* dp.h - the dataplane: connections, time and randomness, for one shard. */
#pragma once

#include "core/addr.h"
#include "core/chunk.h"

/*
 * Every backend (dataplane/uring, sim, later dpdk) implements this vtable and
 * passes one conformance suite. All calls but dp_wake are made by the shard
 * that owns the dp.
 *
 * A connection's life:
 *
 *   listen -> ACCEPTED --\            /-> kill or error --> CLOSED (the end)
 *   connect -> CONNECTED -> RECEIVED* -> EOF -/
 *   attach --------------/            \-> detach --> DETACHED (the end here)
 *
 * Promises of a backend:
 *  - events of one connection come in the order they happened on the wire;
 *  - every connection that was accepted, attached or returned by connect ends
 *    with exactly one CLOSED or DETACHED, and nothing comes after it;
 *  - every accepted send is completed by exactly one SENT, before CLOSED or
 *    DETACHED even when killed: until then the bytes belong to the backend;
 *  - every view is valid until it is recycled, and must be recycled once;
 *  - calls on a connection that has ended return -ESTALE and do no harm.
 */
typedef uint64_t dp_conn; /* a tag, then the backend's; 0 is none */

enum dp_event_kind {
	DP_ACCEPTED,  /* conn; cookie is the listener's; result unused.
		       * The last event of conn in this poll */
	DP_CONNECTED, /* connect succeeded */
	DP_RECEIVED,  /* view holds at least one byte */
	DP_SENT,      /* result: bytes sent of the send named by tag */
	DP_EOF,       /* the peer will send nothing more; sending still works */
	DP_CLOSED,    /* result: 0 after kill, else the -errno that ended it */
	DP_DETACHED,  /* parcel holds the connection: give it to attach */
};

/* Received bytes, lent by the backend until dp_recycle. */
struct dp_view {
	const uint8_t *data;
	uint32_t len;
	uint32_t buffer; /* the backend's */
};

/*
 * A connection on its way to another dp of the same backend: it may cross
 * threads as plain data. Bytes held or unread travel in it.
 */
struct dp_parcel {
	uint64_t word[4]; /* the backend's, below the tag in the last one */
};

struct dp_event {
	uint8_t kind; /* enum dp_event_kind */
	int32_t result;
	uint64_t cookie;
	dp_conn conn;
	union {
		struct dp_view view;     /* RECEIVED */
		uint64_t tag;            /* SENT */
		struct dp_parcel parcel; /* DETACHED */
	};
};

#define DP_SPANS_MAX  32  /* spans of one send */
#define DP_EVENTS_MAX 256 /* events of one poll */

struct dp_caps {
	uint32_t conn_max;
	uint32_t view_max_bytes; /* no view is longer */
	bool kernel_bypass;
	/* It cannot wait for the network: it must be polled this often. 0: a
	 * poll with a deadline waits for events. */
	uint64_t idle_ns;
};

struct dp_conn_info {
	struct addr local;
	struct addr peer;
};

struct dp;

/* One of a backend's own counters: of which of its ports, its name, its sum. */
typedef void dp_counter_fn(void *arg, const char *port, const char *name,
			   uint64_t value);

struct dp_ops {
	const char *name;
	int (*listen)(struct dp *, const struct addr *, uint64_t cookie,
		      struct addr *bound);
	int (*connect)(struct dp *, const struct addr *, uint64_t cookie,
		       dp_conn *);
	uint32_t (*poll)(struct dp *, struct dp_event *, uint32_t max,
			 uint64_t deadline_ns);
	int (*send)(struct dp *, dp_conn, const struct span *, uint32_t count,
		    uint64_t tag);
	void (*recycle)(struct dp *, const struct dp_view *);
	int (*hold)(struct dp *, dp_conn);
	int (*unhold)(struct dp *, dp_conn);
	int (*unread)(struct dp *, dp_conn, const void *, uint32_t len);
	int (*detach)(struct dp *, dp_conn);
	int (*attach)(struct dp *, const struct dp_parcel *, uint64_t cookie,
		      dp_conn *);
	void (*discard)(struct dp *, const struct dp_parcel *);
	int (*set_cookie)(struct dp *, dp_conn, uint64_t cookie);
	int (*shutdown)(struct dp *, dp_conn);
	int (*kill)(struct dp *, dp_conn);
	int (*conn_info)(struct dp *, dp_conn, struct dp_conn_info *);
	void (*caps)(struct dp *, struct dp_caps *);
	uint64_t (*now)(struct dp *);
	void (*random)(struct dp *, void *, size_t len);
	void (*wake)(struct dp *);
	void (*counters)(struct dp *, dp_counter_fn *, void *arg); /* or NULL */
	void (*destroy)(struct dp *);
};

/*
 * The first member of every backend's own struct. A tag is the top byte of
 * the names of a dp's connections, and of the last word of its parcels: so an
 * owner of two dps knows whose either is.
 */
struct dp {
	const struct dp_ops *ops;
	uint8_t tag;
};

#define DP_TAG_SHIFT 56

static inline uint8_t dp_conn_tag(dp_conn conn)
{
	return (uint8_t)(conn >> DP_TAG_SHIFT);
}

static inline uint8_t dp_parcel_tag(const struct dp_parcel *parcel)
{
	return (uint8_t)(parcel->word[3] >> DP_TAG_SHIFT);
}

/*
 * Accepts connections at addr, each announced by ACCEPTED with cookie; the
 * owner gives it a cookie of its own with dp_set_cookie. *bound (may be NULL)
 * is the address in use, the port chosen when it was 0. Several dp of one
 * process may listen at one TCP address and share its connections.
 */
static inline int dp_listen(struct dp *dp, const struct addr *addr,
			    uint64_t cookie, struct addr *bound)
{
	return dp->ops->listen(dp, addr, cookie, bound);
}

/* Starts to connect: CONNECTED or CLOSED follows. 0, -ENOSPC or -errno. */
static inline int dp_connect(struct dp *dp, const struct addr *addr,
			     uint64_t cookie, dp_conn *conn)
{
	return dp->ops->connect(dp, addr, cookie, conn);
}

/*
 * Takes up to max events. Waits for the first until deadline_ns on dp_now's
 * clock; 0 does not wait. Also submits what was asked for since the last call.
 */
static inline uint32_t dp_poll(struct dp *dp, struct dp_event *events,
			       uint32_t max, uint64_t deadline_ns)
{
	return dp->ops->poll(dp, events, max, deadline_ns);
}

/*
 * Gives the bytes of count spans to be sent, in order, all of them: they must
 * stay until SENT with tag. One send at a time per connection: -EBUSY.
 */
static inline int dp_send(struct dp *dp, dp_conn conn, const struct span *spans,
			  uint32_t count, uint64_t tag)
{
	return dp->ops->send(dp, conn, spans, count, tag);
}

/* Gives a view back. */
static inline void dp_recycle(struct dp *dp, const struct dp_view *view)
{
	dp->ops->recycle(dp, view);
}

/*
 * Stops RECEIVED and EOF for a connection from the next poll on (what this one
 * has returned already can be unread); what arrives is left in the kernel or
 * kept, in order, for unhold or for the parcel.
 */
static inline int dp_hold(struct dp *dp, dp_conn conn)
{
	return dp->ops->hold(dp, conn);
}

/* Starts RECEIVED again, kept bytes first. */
static inline int dp_unhold(struct dp *dp, dp_conn conn)
{
	return dp->ops->unhold(dp, conn);
}

/*
 * Puts bytes back in front of everything not yet received (copied). Only on a
 * connection that is held; an EOF told before comes again behind them. Returns
 * 0, -EINVAL when not held, or -ENOBUFS.
 */
static inline int dp_unread(struct dp *dp, dp_conn conn, const void *data,
			    uint32_t len)
{
	return dp->ops->unread(dp, conn, data, len);
}

/*
 * Ends this dp's part in the connection. A send in flight is stopped: its
 * SENT tells the exact number of bytes that left. DETACHED with a parcel
 * follows, or CLOSED when the connection died first.
 */
static inline int dp_detach(struct dp *dp, dp_conn conn)
{
	return dp->ops->detach(dp, conn);
}

/*
 * Takes a parcel over; receiving starts, kept bytes first, and an EOF told
 * before comes again. 0 or -ENOSPC: the parcel is as good as before.
 */
static inline int dp_attach(struct dp *dp, const struct dp_parcel *parcel,
			    uint64_t cookie, dp_conn *conn)
{
	return dp->ops->attach(dp, parcel, cookie, conn);
}

/* Closes the connection in a parcel that nobody can take. */
static inline void dp_discard(struct dp *dp, const struct dp_parcel *parcel)
{
	dp->ops->discard(dp, parcel);
}

/* Changes the cookie that the connection's later events carry. */
static inline int dp_set_cookie(struct dp *dp, dp_conn conn, uint64_t cookie)
{
	return dp->ops->set_cookie(dp, conn, cookie);
}

/* Sends nothing more after the send in flight, if any: the peer sees EOF. */
static inline int dp_shutdown(struct dp *dp, dp_conn conn)
{
	return dp->ops->shutdown(dp, conn);
}

/*
 * Closes. Bytes already accepted by the network may still arrive; a send in
 * flight is cut. CLOSED with result 0 follows.
 */
static inline int dp_kill(struct dp *dp, dp_conn conn)
{
	return dp->ops->kill(dp, conn);
}

static inline int dp_conn_info(struct dp *dp, dp_conn conn,
			       struct dp_conn_info *info)
{
	return dp->ops->conn_info(dp, conn, info);
}

static inline void dp_caps(struct dp *dp, struct dp_caps *caps)
{
	dp->ops->caps(dp, caps);
}

/* Nanoseconds of a clock that never goes back, one for all dp of a host. */
static inline uint64_t dp_now(struct dp *dp)
{
	return dp->ops->now(dp);
}

/* Fills with random bytes: seeded in sim, from the system elsewhere. */
static inline void dp_random(struct dp *dp, void *bytes, size_t len)
{
	dp->ops->random(dp, bytes, len);
}

/* Ends a wait in dp_poll, this one or the next. Any thread. */
static inline void dp_wake(struct dp *dp)
{
	dp->ops->wake(dp);
}

/* Tells each of the backend's counters, as of a moment ago. Any thread. */
static inline void dp_counters(struct dp *dp, dp_counter_fn *each, void *arg)
{
	if (dp->ops->counters)
		dp->ops->counters(dp, each, arg);
}

/* Closes everything, without events, and frees the dp. */
static inline void dp_destroy(struct dp *dp)
{
	dp->ops->destroy(dp);
}

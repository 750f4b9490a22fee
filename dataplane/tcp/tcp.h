/* tcp.h - TCP over IPv4 as a state machine: frames and time in, frames out. */
#pragma once

#include "core/arena.h"
#include "dataplane/tcp/config.h"
#include "dataplane/tcp/frame.h"

/*
 * A stack is one shard's endpoint: its Ethernet and IPv4 address, its flows.
 * It knows no clock, no device and no randomness: time, frames and a secret
 * are given to it, and the same calls make the same frames. It allocates
 * nothing after tcp_create and is used by one thread. An owner's pass:
 *
 *   tcp_input(frames)    what arrived; at most TCP_BATCH frames at a time
 *   tcp_advance(now)     what time has brought
 *   tcp_events(...)      what became of it, and calls for the flows named
 *   tcp_flush()          sends, once for each flow touched since the last one
 *
 * so that an answer given in the pass carries the acknowledgement. Between
 * passes nothing happens until tcp_deadline.
 *
 * A flow belongs to the owner from ACCEPTED, tcp_connect or tcp_import until
 * exactly one CLOSED event or tcp_export; its name is stale from then on, and
 * calls with a stale name return -ESTALE and do no harm:
 *
 *   ACCEPTED | CONNECTED -> (RECEIVED | WRITABLE)* -> EOF -> WRITABLE*
 *                                   tcp_close, tcp_kill, an error -> CLOSED
 *
 * The callbacks of tcp_ops are made from inside these calls and must not call
 * the stack.
 */
typedef uint64_t tcp_flow; /* a handle of core/handle.h, shard 0; 0 is none */

#define TCP_BATCH      64 /* frames of one tcp_input */
#define TCP_FLOW_BYTES 128

enum tcp_event_kind {
	TCP_ACCEPTED,  /* cookie: the listener's */
	TCP_CONNECTED, /* tcp_connect succeeded */
	TCP_RECEIVED,  /* view holds at least one byte: recycle it once */
	TCP_WRITABLE,  /* tcp_send took less than all and has room again */
	TCP_EOF,       /* the peer will send nothing more */
	TCP_CLOSED,    /* result: 0 after close and kill, else -errno */
};

/* As dp_view has it. */
struct tcp_view {
	const uint8_t *data;
	uint32_t len;
	uint32_t buffer; /* the stack's */
};

struct tcp_event {
	uint8_t kind; /* enum tcp_event_kind */
	int32_t result;
	tcp_flow flow;
	uint64_t cookie;
	struct tcp_view view;
};

struct tcp_flow_info {
	struct tcp_tuple tuple;
	const char *state; /* as RFC 9293 writes it */
	uint32_t mss;
	uint32_t srtt_us;
	uint32_t cwnd;
	uint32_t send_window;
	uint32_t queued_bytes;   /* given to tcp_send, not acknowledged */
	uint32_t flight_bytes;   /* of them, sent */
	uint32_t received_bytes; /* kept here: held, or without a view yet */
};

struct tcp_stack;

/* What tcp_create takes from the arena, 0 for a config that is not valid. */
size_t tcp_bytes(const struct tcp_config *config);

/*
 * Makes a stack in the arena, which must outlive it; there is nothing to give
 * back but views (tcp_release_all). Returns 0, -EINVAL or -ENOMEM.
 */
int tcp_create(const struct tcp_config *config, const struct tcp_ops *ops,
	       struct arena *arena, uint64_t now_ns, struct tcp_stack **stack);

/* Releases all frames that are kept, for an owner that ends. Emits nothing. */
void tcp_release_all(struct tcp_stack *stack);

/*
 * Tells the network our MAC by a gratuitous ARP: at start, and when the
 * address has moved here.
 */
void tcp_announce(struct tcp_stack *stack);

/* Takes frames that have arrived by now_ns: count is at most TCP_BATCH. */
void tcp_input(struct tcp_stack *stack, uint64_t now_ns,
	       struct tcp_frame *frames, uint32_t count);

/* Runs what is due. now_ns holds for all calls until it is told again. */
void tcp_advance(struct tcp_stack *stack, uint64_t now_ns);

/* When tcp_advance has something to do next; NS_NEVER: only after a call. */
uint64_t tcp_deadline(const struct tcp_stack *stack);

/* Sends what the calls since the last flush have made ready. */
void tcp_flush(struct tcp_stack *stack);

/* Moves up to max events out, those of one flow in order. */
uint32_t tcp_events(struct tcp_stack *stack, struct tcp_event *events,
		    uint32_t max);

/*
 * Accepts on port; at most backlog flows are half open at a time, a SYN beyond
 * is dropped (the peer repeats it); one for which the flow table has no room
 * is refused by RST. Returns 0, -EADDRINUSE, -EINVAL or -ENOSPC.
 */
int tcp_listen(struct tcp_stack *stack, uint16_t port, uint32_t backlog,
	       uint64_t cookie);

/* Ends listening; half-open flows are reset. 0 or -ENOENT. */
int tcp_unlisten(struct tcp_stack *stack, uint16_t port);

/*
 * Starts to connect: CONNECTED or CLOSED follows. local_port 0: one is chosen
 * within the config's range. Returns 0, -EINVAL, -ENETUNREACH, -EADDRINUSE,
 * -EADDRNOTAVAIL or -ENOSPC.
 */
int tcp_connect(struct tcp_stack *stack, uint32_t address, uint16_t port,
		uint16_t local_port, tcp_flow *flow);

/*
 * Copies bytes of spans to be sent, as many as there is room for: the spans
 * are the owner's again at once. Returns the number of bytes (when it is less
 * than all, WRITABLE follows), -ENOTCONN before CONNECTED, -EPIPE after
 * shutdown or -ESTALE.
 */
ssize_t tcp_send(struct tcp_stack *stack, tcp_flow flow,
		 const struct span *spans, uint32_t count);

/* Gives a view back, of a flow that has ended too. Opens the window. */
void tcp_recycle(struct tcp_stack *stack, const struct tcp_view *view);

/*
 * Stops RECEIVED and EOF of a flow at once. What arrives is kept, copied, and
 * the window closes behind it. 0 or -ESTALE.
 */
int tcp_hold(struct tcp_stack *stack, tcp_flow flow);

/* Starts them again, kept bytes first. 0 or -ESTALE. */
int tcp_unhold(struct tcp_stack *stack, tcp_flow flow);

/*
 * Puts bytes back in front of everything not yet told (copied), on a flow that
 * is held; an EOF told before comes again behind them. Returns 0, -EINVAL
 * when not held, -ENOBUFS or -ESTALE.
 */
int tcp_unread(struct tcp_stack *stack, tcp_flow flow, const void *data,
	       uint32_t len);

/* FIN follows what is queued; receiving goes on. 0, -ENOTCONN or -ESTALE. */
int tcp_shutdown(struct tcp_stack *stack, tcp_flow flow);

/*
 * CLOSED follows at once; what is queued is still sent, then FIN, by nobody's
 * flow. Bytes that were received and not told are lost: RST says so.
 */
int tcp_close(struct tcp_stack *stack, tcp_flow flow);

/* CLOSED follows at once, the peer gets RST. 0 or -ESTALE. */
int tcp_kill(struct tcp_stack *stack, tcp_flow flow);

int tcp_flow_info(const struct tcp_stack *stack, tcp_flow flow,
		  struct tcp_flow_info *info);

/* An index below flow_max, the flow's alone while it lives. */
static inline uint32_t tcp_flow_index(tcp_flow flow)
{
	return (uint32_t)flow;
}

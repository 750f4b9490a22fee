/* flow.h - the record of one connection, and what it needs while in trouble. */
#pragma once

#include "dataplane/tcp/reorder.h"
#include "dataplane/tcp/scoreboard.h"
#include "dataplane/tcp/tcp.h"

/* LISTEN is not a flow, TIME-WAIT is one no more. */
enum flow_state {
	FLOW_FREE,
	FLOW_SYN_SENT,
	FLOW_SYN_RECEIVED,
	FLOW_ESTABLISHED,
	FLOW_FIN_WAIT_1,
	FLOW_FIN_WAIT_2,
	FLOW_CLOSE_WAIT,
	FLOW_CLOSING,
	FLOW_LAST_ACK,
	FLOW_DONE, /* both ends have finished; the owner has not closed it */
	FLOW_STATES,
};

/* flow.flags */
#define FLOW_OWNED      ((uint16_t)1 << 0) /* the owner knows its name */
#define FLOW_ACTIVE     ((uint16_t)1 << 1) /* by tcp_connect */
#define FLOW_TS         ((uint16_t)1 << 2) /* timestamps are agreed on */
#define FLOW_SACK       ((uint16_t)1 << 3) /* and SACK */
#define FLOW_HELD       ((uint16_t)1 << 4)
#define FLOW_FIN        ((uint16_t)1 << 5) /* ours follows what is queued */
#define FLOW_EOF        ((uint16_t)1 << 6) /* the peer's has come */
#define FLOW_EOF_TOLD   ((uint16_t)1 << 7)
#define FLOW_ACK_NOW    ((uint16_t)1 << 8)  /* at the next flush */
#define FLOW_ACK_LATER  ((uint16_t)1 << 9)  /* at ack_at */
#define FLOW_ACK_FULL   ((uint16_t)1 << 10) /* owed for a full segment */
#define FLOW_TIMING     ((uint16_t)1 << 11) /* rtt_seq is being timed */
#define FLOW_RESEND     ((uint16_t)1 << 12) /* from una, whatever cwnd says */
#define FLOW_WRITE_WAIT ((uint16_t)1 << 13) /* owes the owner a WRITABLE */
#define FLOW_WRITE_TOLD ((uint16_t)1 << 14) /* it is on its way to him */
#define FLOW_LISTED     ((uint16_t)1 << 15) /* in the stack's list to flush */

enum flow_recovery {
	RECOVERY_NONE,
	RECOVERY_FAST, /* until snd_una reaches recover */
	RECOVERY_LOSS, /* after a timeout, as long */
};

enum flow_timer {
	TIMER_NONE,
	TIMER_RESEND,    /* something is in flight */
	TIMER_PROBE,     /* nothing is, the window lets nothing out */
	TIMER_KEEPALIVE, /* neither */
	TIMER_FIN_WAIT,  /* of a flow that nobody owns */
};

/*
 * Two cache lines; exported as it is, so every field has a fixed width and
 * none is a pointer. Numbers of bytes are sequence numbers of RFC 9293. What
 * a flow that is not live holds here means nothing but generation and LISTED.
 *
 * The first byte of txq is snd_una's, once SYN is acknowledged. snd_rtx is
 * what is sent next: snd_nxt, or less while bytes are sent again.
 */
struct flow {
	uint32_t peer_address; /* host order */
	uint16_t peer_port;
	uint16_t local_port;
	uint32_t generation; /* of its handle; never 0 while live */
	uint8_t state;       /* enum flow_state */
	uint8_t recovery;    /* enum flow_recovery */
	uint16_t flags;      /* FLOW_* */

	uint32_t snd_una;
	uint32_t snd_nxt; /* the highest sent and one, FIN included */
	uint32_t snd_rtx; /* una..nxt; while FAST: RFC 6675's HighRxt + 1 */
	uint32_t snd_wnd; /* bytes, from snd_una on */
	uint32_t cwnd;    /* bytes */
	uint32_t ssthresh;

	uint32_t rcv_nxt;
	uint32_t rcv_adv;  /* the window's right edge, as far as ever told */
	uint32_t last_ack; /* rcv_nxt when an ACK was sent last */

	uint32_t ts_recent; /* RFC 7323 */
	uint32_t ts_offset; /* from our milliseconds to our TSval */
	uint16_t mss;       /* of what we send: payload, options deducted */
	uint16_t wnd_max;   /* the largest window field seen: unscaled */

	/* second cache line */
	struct chunkq txq;  /* from snd_una on */
	uint32_t aux;       /* auxiliary record + 1; 0: none */
	uint32_t pinned;    /* bytes in views that are out */
	uint32_t timer_at;  /* ms, of timer_kind */
	uint32_t last_rx;   /* ms: when a segment was acceptable */
	uint32_t srtt;      /* 1/8 us; 0: no sample yet */
	uint32_t rttvar;    /* 1/4 us */
	uint32_t rtt_seq;   /* while TIMING: acknowledged past it, a sample */
	uint32_t rtt_start; /* us */
	uint32_t snd_wl1;
	union {
		uint32_t recover;  /* RFC 6582; else not above una */
		uint32_t listener; /* SYN_RECEIVED: its index + 1, 0: none */
	};
	uint8_t timer_kind; /* enum flow_timer */
	uint8_t scales;     /* window shift of the peer, << 4 ours */
	uint8_t tries;      /* timeouts without an answer, << 4 back-off */
	uint8_t dupacks;
	uint16_t neighbour; /* a guess at the index in the cache */
	uint16_t ack_at;    /* low bits of ms */
};

_Static_assert(sizeof(struct flow) == TCP_FLOW_BYTES, "two cache lines");
_Static_assert(offsetof(struct flow, txq) == CACHE_LINE_BYTES,
	       "what each segment needs is in front");
_Static_assert(offsetof(struct flow, snd_una) == 16, "part of an image");
_Static_assert(offsetof(struct flow, rcv_nxt) == 40, "part of an image");
_Static_assert(offsetof(struct flow, recover) == 116, "part of an image");
_Static_assert(offsetof(struct flow, ack_at) == 126, "no hole, no tail");

/*
 * Taken when a flow recovers, holds or reorders and given back when all of it
 * is over. A flow that finds none left recovers without SACK and drops what
 * it cannot keep.
 */
struct flow_aux {
	uint32_t flow; /* index + 1; 0: free */
	uint32_t next_free;
	bool rescued; /* RFC 6675's rescue retransmission was made */
	struct tcp_rx_queue kept; /* in order, not told */
	struct tcp_reorder reorder;
	struct tcp_scoreboard sacked;
};

static inline uint32_t flow_scale_peer(const struct flow *flow)
{
	return flow->scales & 15;
}

static inline uint32_t flow_scale_own(const struct flow *flow)
{
	return flow->scales >> 4;
}

static inline uint32_t flow_retries(const struct flow *flow)
{
	return flow->tries & 15;
}

static inline uint32_t flow_backoff(const struct flow *flow)
{
	return flow->tries >> 4;
}

static inline void flow_set_tries(struct flow *flow, uint32_t retries,
				  uint32_t backoff)
{
	flow->tries = (uint8_t)(min_u32(retries, TCP_TRIES_MAX) |
				min_u32(backoff, TCP_TRIES_MAX) << 4);
}

static inline uint32_t flow_flight(const struct flow *flow)
{
	return flow->snd_nxt - flow->snd_una;
}

/* Sequence numbers from una on that there is something for: bytes and FIN. */
static inline uint32_t flow_queued(const struct flow *flow)
{
	return flow->txq.len_bytes + ((flow->flags & FLOW_FIN) != 0);
}

static inline uint32_t flow_unsent(const struct flow *flow)
{
	return flow_queued(flow) - flow_flight(flow);
}

/* What of the window that was told is left. */
static inline uint32_t flow_window(const struct flow *flow)
{
	return flow->rcv_adv - flow->rcv_nxt;
}

/* Both directions have been opened, and neither has been given up. */
static inline bool flow_synchronized(const struct flow *flow)
{
	return flow->state >= FLOW_ESTABLISHED && flow->state <= FLOW_LAST_ACK;
}

/* tcp_watch.h - watches what our TCP says on the cable, and how it behaves. */
#pragma once

#include "tests/sim/tcp_segment.h"

/*
 * It sees what is delivered to our end and what leaves it, and nothing else
 * unless it is told. The rules, by the names that a failure bears:
 *
 *   sound        every frame that we send has its lengths and sums right
 *   window       nothing beyond the window that we were ever offered, but one
 *                byte to probe with
 *   fin          nothing behind our FIN, and it stays where it is
 *   truth        no ACK for what has not come, and none that goes back
 *   edge         the window that we offer never shrinks
 *   room         and never exceeds the buffer: what was recycled and its size
 *   sack-truth   a SACK block names only what has come, above the ACK
 *   sack-news    what comes out of order and is kept is in the first block of
 *                the ACK that it causes, and as many blocks as fit are there
 *   sack-heard   what the peer has told to have is not sent again, unless a
 *                timeout made us forget it (RFC 2018, 8)
 *   patience     while nothing comes, each repetition waits about twice as
 *                long as the one before
 *   debt         what was taken in is acknowledged in time
 */
#define WATCH_CONNS  4
#define WATCH_RANGES 256
#define WATCH_TOLD   32

struct watch_range {
	uint32_t start;
	uint32_t end;
};

struct watch_conn {
	uint16_t port; /* ours */
	bool syn_out;
	bool syn_in;
	bool own_sack;
	bool peer_sack;
	bool reborn; /* what follows is another connection's */
	bool edge_known;
	bool acked_known;
	uint8_t own_scale; /* as told, 0xff: not */
	uint8_t peer_scale;
	uint32_t iss;
	uint32_t irs;
	uint32_t syn_window;
	uint32_t snd_max; /* the highest sent and one */
	uint32_t snd_una;
	uint32_t peer_edge;
	uint32_t got; /* up to here all has come */
	bool fin_in;
	bool fin_lies; /* and bytes behind it: rules rest */
	uint32_t fin_seq;
	struct watch_range range[WATCH_RANGES]; /* beyond, in order */
	uint32_t range_count;
	bool lost_count; /* there were more: rules on ranges rest */
	uint32_t acked;
	uint32_t edge;
	uint64_t recycled;
	struct watch_range told[WATCH_TOLD];
	uint32_t told_count;
	uint64_t told_timeouts;
	uint32_t again_count; /* repetitions of snd_una with nothing heard */
	uint64_t again_ns;
	uint64_t again_gap_ns;
	uint64_t debt_ns;         /* since when; 0: none */
	uint64_t bytes_after_fin; /* received */
	uint64_t fin_out_ns;
	uint32_t fin_out_seq;
	uint32_t ts_first; /* of our timestamps */
	bool ts_known;
	bool ts_wrapped;
};

struct tcp_watch {
	struct watch_conn conn[WATCH_CONNS];
	uint32_t conn_count;
	uint32_t room_max; /* the largest receive buffer of our stacks */
	uint32_t rto_max_ms;
	uint32_t debt_max_ms;
	uint64_t timeouts; /* our stacks', told before each frame */
	uint64_t frames;
	/* The frame that is being taken in, if it is one at a time. */
	struct tcp_seen now_in;
	struct watch_conn *now_conn; /* NULL: no TCP, or none of ours */
	struct tcp_seen answer;      /* the last of that connection */
	bool answered;
	const char *broken; /* the first rule, NULL: none */
	uint16_t broken_port;
};

void watch_in(struct tcp_watch *watch, uint64_t now_ns, const uint8_t *frame,
	      uint32_t len);
void watch_out(struct tcp_watch *watch, uint64_t now_ns, const uint8_t *frame,
	       uint32_t len);

/*
 * The frame given last, alone, was taken in (all of it, nothing refused); kept
 * says that it was out of order and is held with so many ranges.
 */
void watch_taken(struct tcp_watch *watch, bool kept, uint32_t ranges);

/*
 * Whether the peer has sent bytes behind its own FIN, or moved it: what came
 * of its stream is anybody's guess. lwIP leaves FIN on the front part when it
 * splits its last segment to fit a small window.
 */
static inline bool watch_peer_lies(const struct tcp_watch *watch, uint32_t conn)
{
	return watch->conn[conn].fin_lies;
}

/* The owner gave bytes back. */
void watch_recycled(struct tcp_watch *watch, uint32_t conn, uint32_t len);

/* The connection went on in another stack: some of it starts anew. */
void watch_moved(struct tcp_watch *watch, uint32_t conn);

/* What our record says was received, looked at now and then. */
void watch_debt(struct tcp_watch *watch, uint32_t conn, uint64_t now_ns,
		uint32_t rcv_nxt);

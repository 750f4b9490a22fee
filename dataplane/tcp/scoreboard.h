/* scoreboard.h - what a peer holds beyond the cumulative ACK (RFC 6675). */
#pragma once

#include "dataplane/tcp/sequence.h"

/*
 * Disjoint ranges in order, none touching another, all above snd_una. More
 * than fit are not noted: their bytes count as not received, which costs a
 * needless retransmission and nothing else.
 */
#define TCP_SACKED_MAX 24
#define TCP_DUP_THRESH 3

struct tcp_scoreboard {
	uint32_t count;
	struct tcp_range ranges[TCP_SACKED_MAX];
};

/* Notes that a range was received. Returns how many bytes of it are news. */
uint32_t tcp_sacked_add(struct tcp_scoreboard *board, struct tcp_range range);

/* Forgets what lies below una. */
void tcp_sacked_trim(struct tcp_scoreboard *board, uint32_t una);

/* Bytes noted below seq. */
uint32_t tcp_sacked_below(const struct tcp_scoreboard *board, uint32_t seq);

/* RFC 6675's IsLost: enough has arrived above seq, which has not. */
bool tcp_sacked_lost(const struct tcp_scoreboard *board, uint32_t seq,
		     uint32_t mss);

/* RFC 6675's pipe: what may be in the network; rexmit is HighRxt + 1. */
uint32_t tcp_sacked_pipe(const struct tcp_scoreboard *board, uint32_t una,
			 uint32_t nxt, uint32_t rexmit, uint32_t mss);

/*
 * The first bytes at or above seq, and below the highest received, that were
 * not received. False when there are none.
 */
bool tcp_sacked_hole(const struct tcp_scoreboard *board, uint32_t seq,
		     struct tcp_range *hole);

bool tcp_sacked_check(const struct tcp_scoreboard *board, uint32_t una,
		      uint32_t nxt);

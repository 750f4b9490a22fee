/* tcp_stage.h - a TCP stack with its owner and its peers, played by a tape. */
#pragma once

#include "dataplane/tcp/counters.h"
#include "dataplane/tcp/export.h"
#include "dataplane/tcp/segment.h"

#define STAGE_CONNS     4
#define STAGE_FLOWS     8
#define STAGE_VIEWS     8
#define STAGE_IMAGE_MAX 65536
#define STAGE_FRAME_MAX 4096
#define STAGE_ADDRESS   ((uint32_t)0x0a090001) /* 10.9.0.1/24 */
#define STAGE_PEER      ((uint32_t)0x0a090002)
#define STAGE_GATEWAY   ((uint32_t)0x0a090009)
#define STAGE_PORT      5900 /* listens */

/* What the tape says; 0 for ever where it ends. */
struct stage_tape {
	const uint8_t *at;
	size_t left;
};

uint8_t tape_u8(struct stage_tape *tape);
uint16_t tape_u16(struct stage_tape *tape);

/* Within 32 KiB of 0, to be added to a sequence number. */
uint32_t tape_near(struct stage_tape *tape);

/* One connection as its peer sees it, from our frames. */
struct stage_conn {
	uint32_t address;
	uint16_t peer_port;
	uint16_t our_port;
	uint32_t our_isn;
	uint32_t our_next; /* behind the newest we sent */
	uint32_t acked;    /* what we acknowledged last */
	uint32_t ts;       /* our last TSval */
};

/*
 * A flow that the owner knows. A byte of a stream is the low bits of its
 * offset (ours) or its sequence number (the peer's): so both ends see what is
 * lost, comes twice or is another's.
 */
struct stage_flow {
	tcp_flow name;
	uint32_t sent;
	uint8_t next; /* the byte that is to be received */
	bool any;     /* next is known */
	bool opened;  /* ACCEPTED, CONNECTED or imported */
	bool held;
	bool eof;
};

struct stage {
	struct arena arena;
	struct tcp_stack *stack;
	struct tcp_config config;
	uint64_t now_ns;
	uint32_t kept; /* frames */
	enum tcp_unknown unknown;
	bool slow;      /* the owner takes no events */
	bool scrambled; /* streams are not what they should be any more */
	struct stage_conn conns[STAGE_CONNS];
	struct stage_flow flows[STAGE_FLOWS];
	struct tcp_view views[STAGE_VIEWS];
	uint32_t view_count;
	struct tcp_frame batch[TCP_BATCH];
	uint32_t batch_count;
	uint64_t taken[TCP_BATCH]; /* tokens of the batch */
	uint32_t taken_count;
};

/*
 * A stack with a listener, a flow that is established (conn 0) and one that
 * connects (conn 1). limits chooses how small its pools are.
 */
void stage_start(struct stage *stage, uint8_t limits);

/* Closes everything and lets time pass: nothing may be left over. */
void stage_end(struct stage *stage);

/* Copies a frame, to be put in with the batch. */
void stage_frame(struct stage *stage, const uint8_t *bytes, uint32_t len,
		 uint16_t flags);
void stage_batch(struct stage *stage);

/* A segment of a peer, options as they are and payload as it has to be. */
struct stage_segment {
	uint32_t conn;
	uint8_t flags;
	bool bad_sum;
	bool unsummed; /* the device is said to have verified it */
	uint32_t seq;
	uint32_t ack;
	uint16_t window;
	uint8_t option_len; /* whole words, at most 40 */
	uint8_t options[TCP_OPTIONS_MAX];
	uint32_t len;
};

void stage_tcp(struct stage *stage, const struct stage_segment *segment);

/*
 * Behind an Ethernet header: IPv4 with len bytes of protocol, right sums for
 * TCP and ICMP. Both are in bytes, from its start on.
 */
void stage_ipv4(struct stage *stage, uint32_t conn, uint8_t protocol,
		uint8_t bytes[STAGE_FRAME_MAX], uint32_t len);

/* An ARP frame of whoever has that last byte of an address. */
void stage_arp(struct stage *stage, uint8_t operation, uint8_t last,
	       bool broadcast);

/* Takes events, flushes, looks for damage. */
void stage_settle(struct stage *stage);

/* Time passes, timer by timer as far as steps go, then at once. */
void stage_wait(struct stage *stage, uint64_t ns, uint32_t steps);

/* The owner knows this flow from now on. */
struct stage_flow *stage_own(struct stage *stage, tcp_flow name);

/* tcp_send of so many bytes, in one or two spans. */
void stage_send(struct stage *stage, struct stage_flow *flow, uint32_t len);

/* Gives all but the newest views back. */
void stage_recycle(struct stage *stage, uint32_t keep);

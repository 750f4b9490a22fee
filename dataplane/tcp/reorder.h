/* reorder.h - bytes that arrived before those in front of them. */
#pragma once

#include "dataplane/tcp/rxpool.h"
#include "dataplane/tcp/sequence.h"

/*
 * A byte beyond rcv_nxt is copied to its place at once: the sequence space is
 * cut into chunks from base on, and a map says which chunk of the pool stands
 * for which part. Segments that overlap need no care, and bytes become
 * deliverable by handing their chunks over.
 *
 * Ranges are disjoint, none touches another, the one that grew last stands
 * first: that is the order in which SACK reports them (RFC 2018, section 4).
 */
#define TCP_REORDER_RANGES 16

struct tcp_reorder {
	uint32_t base; /* sequence number where the part of slot 0 starts */
	uint32_t slot_mask;
	uint32_t *map; /* slot_mask + 1 chunks, each + 1; 0: none */
	uint32_t chunk_count;
	uint32_t count;
	struct tcp_range ranges[TCP_REORDER_RANGES];
};

/* Slots that a window of so many bytes needs: a power of two. */
uint32_t tcp_reorder_slots(uint32_t window_bytes);

/*
 * Keeps bytes from seq on, which is beyond rcv_nxt and within the window that
 * the map is for. Returns how many it took: fewer than len, or 0, when there
 * is no chunk, more than chunk_max of them, or no range for it.
 */
uint32_t tcp_reorder_add(struct tcp_reorder *reorder, struct tcp_rx_pool *pool,
			 uint32_t rcv_nxt, uint32_t seq, const uint8_t *data,
			 uint32_t len, uint32_t chunk_max);

/*
 * Drops what lies below rcv_nxt and moves what follows it without a gap
 * behind q. Returns the number of bytes moved.
 */
uint32_t tcp_reorder_take(struct tcp_reorder *reorder, struct tcp_rx_pool *pool,
			  uint32_t rcv_nxt, struct tcp_rx_queue *q);

/* Copies a range to where there is room for it. */
void tcp_reorder_copy(const struct tcp_reorder *reorder,
		      const struct tcp_rx_pool *pool, struct tcp_range range,
		      uint8_t *to);

void tcp_reorder_clear(struct tcp_reorder *reorder, struct tcp_rx_pool *pool);

bool tcp_reorder_check(const struct tcp_reorder *reorder,
		       const struct tcp_rx_pool *pool, uint32_t rcv_nxt);

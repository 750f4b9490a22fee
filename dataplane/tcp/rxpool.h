/* rxpool.h - received bytes that are kept: chunks that may be lent. */
#pragma once

#include "core/chunk.h"

/*
 * A chunk has one reference for being in a queue or a reorder map, and one
 * for each view of it that is out: the last one to let go frees it.
 */
#define TCP_RX_NONE UINT32_MAX

struct tcp_rx_chunk {
	uint16_t start; /* while it is queued: the bytes not yet taken */
	uint16_t end;
	uint32_t refs; /* 0: free */
};

struct tcp_rx_pool {
	uint8_t *bytes; /* capacity * CHUNK_BYTES */
	struct tcp_rx_chunk *chunks;
	uint32_t *next; /* links of chain.h: of the free list, of queues */
	uint32_t capacity;
	uint32_t used;
	uint32_t free_head;
};

/* Kept bytes in order. Zeroed: empty, without a chunk. */
struct tcp_rx_queue {
	uint32_t head; /* chunk + 1 */
	uint32_t tail;
	uint32_t len_bytes;
};

/* A piece of a queue, taken out with a reference to its chunk. */
struct tcp_rx_piece {
	const uint8_t *data;
	uint32_t len;
	uint32_t chunk;
};

size_t tcp_rx_pool_bytes(uint32_t capacity);
int tcp_rx_pool_init(struct tcp_rx_pool *pool, struct arena *arena,
		     uint32_t capacity);

/* Takes a chunk with one reference; TCP_RX_NONE when all are taken. */
uint32_t tcp_rx_take(struct tcp_rx_pool *pool);

/* Lets go of one reference. */
void tcp_rx_drop(struct tcp_rx_pool *pool, uint32_t chunk);

static inline uint8_t *tcp_rx_data(const struct tcp_rx_pool *pool,
				   uint32_t chunk)
{
	return pool->bytes + (size_t)CHUNK_BYTES * chunk;
}

/* Puts a copy of all bytes behind, or in front, or nothing: -ENOBUFS. */
int tcp_rx_append(struct tcp_rx_pool *pool, struct tcp_rx_queue *q,
		  const void *data, uint32_t len);
int tcp_rx_prepend(struct tcp_rx_pool *pool, struct tcp_rx_queue *q,
		   const void *data, uint32_t len);

/* Puts bytes start..end of a chunk behind; its reference is the queue's. */
void tcp_rx_push(struct tcp_rx_pool *pool, struct tcp_rx_queue *q,
		 uint32_t chunk, uint32_t start, uint32_t end);

/* Takes the first piece, whose reference is the caller's. False: empty. */
bool tcp_rx_pop(struct tcp_rx_pool *pool, struct tcp_rx_queue *q,
		struct tcp_rx_piece *piece);

/* Copies all of it to where there is room for len_bytes. */
void tcp_rx_copy(const struct tcp_rx_pool *pool, const struct tcp_rx_queue *q,
		 uint8_t *to);

void tcp_rx_clear(struct tcp_rx_pool *pool, struct tcp_rx_queue *q);

bool tcp_rx_check(const struct tcp_rx_pool *pool, const struct tcp_rx_queue *q);

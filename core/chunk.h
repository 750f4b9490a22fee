/* chunk.h - byte queues made of fixed chunks, from one bounded pool. */
#pragma once

#include "core/arena.h"

/*
 * A queue holds no chunk while it is empty: an idle connection costs nothing.
 * Bytes of a queue that are lent to a send stay where they are while more
 * bytes are appended behind them.
 */
#define CHUNK_BYTES ((uint32_t)4096)

struct chunk_pool {
	uint8_t *bytes; /* capacity * CHUNK_BYTES */
	uint32_t *next; /* links of chain.h */
	uint32_t capacity;
	uint32_t used;
	uint32_t free_head;
};

struct chunkq {
	uint32_t head; /* chunk index + 1, 0 when empty */
	uint32_t tail;
	uint16_t head_off; /* first byte in the head chunk */
	uint16_t tail_end; /* end of the bytes in the tail chunk */
	uint32_t len_bytes;
};

struct span {
	const uint8_t *data;
	uint32_t len;
};

/* Takes capacity chunks from the arena. Returns 0 or -ENOMEM. */
int chunk_pool_init(struct chunk_pool *pool, struct arena *arena,
		    uint32_t capacity);

/* Appends a copy of all bytes or nothing. Returns 0 or -ENOBUFS. */
int chunkq_append(struct chunk_pool *pool, struct chunkq *q, const void *data,
		  uint32_t len);

/*
 * Lends up to max spans that cover the queue from byte offset skip on, until
 * those bytes are consumed. Returns the number of spans, *len_bytes their sum.
 */
uint32_t chunkq_spans(const struct chunk_pool *pool, const struct chunkq *q,
		      uint32_t skip, struct span *spans, uint32_t max,
		      uint32_t *len_bytes);

/* Copies up to len bytes from byte offset skip on; returns how many. */
uint32_t chunkq_copy(const struct chunk_pool *pool, const struct chunkq *q,
		     uint32_t skip, void *to, uint32_t len);

/* Drops the first len bytes; len must not exceed the queue's length. */
void chunkq_consume(struct chunk_pool *pool, struct chunkq *q, uint32_t len);

/* Drops everything. */
void chunkq_clear(struct chunk_pool *pool, struct chunkq *q);

/*
 * Moves all of from behind the bytes of to, without copying where it can.
 * Nothing of from may be lent. Returns 0, or -ENOBUFS past 4 GiB.
 */
int chunkq_splice(struct chunk_pool *pool, struct chunkq *to,
		  struct chunkq *from);

/* Validates the chain and the counts. Returns false when they disagree. */
bool chunkq_check(const struct chunk_pool *pool, const struct chunkq *q);

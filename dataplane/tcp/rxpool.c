/* rxpool.c - received bytes that are kept: chunks that may be lent. */
#include "dataplane/tcp/rxpool.h"
#include "core/chain.h"

#include <errno.h>
#include <string.h>

size_t tcp_rx_pool_bytes(uint32_t capacity)
{
	return ((size_t)CHUNK_BYTES + sizeof(struct tcp_rx_chunk) +
		sizeof(uint32_t)) *
		       capacity +
	       3 * CACHE_LINE_BYTES;
}

int tcp_rx_pool_init(struct tcp_rx_pool *pool, struct arena *arena,
		     uint32_t capacity)
{
	ASSERT(capacity < CHAIN_END - 1, "an index and one fit 32 bits");
	*pool = (struct tcp_rx_pool){
		.bytes = arena_take(arena, (size_t)CHUNK_BYTES * capacity,
				    CACHE_LINE_BYTES),
		.chunks = arena_take(
			arena, sizeof(struct tcp_rx_chunk) * (size_t)capacity,
			CACHE_LINE_BYTES),
		.next = arena_take(arena, sizeof(uint32_t) * (size_t)capacity,
				   CACHE_LINE_BYTES),
		.capacity = capacity,
	};
	return pool->bytes && pool->chunks && pool->next ? 0 : -ENOMEM;
}

uint32_t tcp_rx_take(struct tcp_rx_pool *pool)
{
	uint32_t chunk = pool->free_head;

	if (pool->used == pool->capacity)
		return TCP_RX_NONE;
	pool->free_head = chain_next(pool->next, chunk);
	pool->chunks[chunk] = (struct tcp_rx_chunk){.refs = 1};
	pool->used++;
	return chunk;
}

void tcp_rx_drop(struct tcp_rx_pool *pool, uint32_t chunk)
{
	ASSERT(chunk < pool->capacity && pool->chunks[chunk].refs,
	       "a reference is let go of once");
	if (--pool->chunks[chunk].refs)
		return;
	chain_link(pool->next, chunk, pool->free_head);
	pool->free_head = chunk;
	pool->used--;
}

void tcp_rx_push(struct tcp_rx_pool *pool, struct tcp_rx_queue *q,
		 uint32_t chunk, uint32_t start, uint32_t end)
{
	pool->chunks[chunk].start = (uint16_t)start;
	pool->chunks[chunk].end = (uint16_t)end;
	chain_link(pool->next, chunk, CHAIN_END);
	if (q->tail)
		chain_link(pool->next, q->tail - 1, chunk);
	else
		q->head = chunk + 1;
	q->tail = chunk + 1;
	q->len_bytes += end - start;
}

/* Copies what still fits into the last chunk; returns how much that was. */
static uint32_t tail_fill(struct tcp_rx_pool *pool, struct tcp_rx_queue *q,
			  const uint8_t *data, uint32_t len)
{
	struct tcp_rx_chunk *tail = &pool->chunks[q->tail - 1];
	uint32_t count = min_u32(len, CHUNK_BYTES - tail->end);

	memcpy(tcp_rx_data(pool, q->tail - 1) + tail->end, data, count);
	tail->end = (uint16_t)(tail->end + count);
	q->len_bytes += count;
	return count;
}

int tcp_rx_append(struct tcp_rx_pool *pool, struct tcp_rx_queue *q,
		  const void *data, uint32_t len)
{
	uint32_t room = (pool->capacity - pool->used) * CHUNK_BYTES;
	const uint8_t *from = data;

	if (q->tail)
		room += CHUNK_BYTES - pool->chunks[q->tail - 1].end;
	if (len > room)
		return -ENOBUFS;
	if (q->tail) {
		uint32_t count = tail_fill(pool, q, from, len);

		from += count;
		len -= count;
	}
	while (len) {
		uint32_t part = min_u32(len, CHUNK_BYTES);
		uint32_t chunk = tcp_rx_take(pool);

		memcpy(tcp_rx_data(pool, chunk), from, part);
		tcp_rx_push(pool, q, chunk, 0, part);
		from += part;
		len -= part;
	}
	return 0;
}

int tcp_rx_prepend(struct tcp_rx_pool *pool, struct tcp_rx_queue *q,
		   const void *data, uint32_t len)
{
	struct tcp_rx_queue front = {0};

	if (!len)
		return 0;
	if (tcp_rx_append(pool, &front, data, len))
		return -ENOBUFS;
	if (q->head) {
		chain_link(pool->next, front.tail - 1, q->head - 1);
		front.tail = q->tail;
		front.len_bytes += q->len_bytes;
	}
	*q = front;
	return 0;
}

bool tcp_rx_pop(struct tcp_rx_pool *pool, struct tcp_rx_queue *q,
		struct tcp_rx_piece *piece)
{
	uint32_t chunk = q->head - 1;

	if (!q->head)
		return false;
	*piece = (struct tcp_rx_piece){
		.data = tcp_rx_data(pool, chunk) + pool->chunks[chunk].start,
		.len = (uint32_t)(pool->chunks[chunk].end -
				  pool->chunks[chunk].start),
		.chunk = chunk,
	};
	q->len_bytes -= piece->len;
	q->head = chain_next(pool->next, chunk) + 1;
	if (chunk == q->tail - 1)
		*q = (struct tcp_rx_queue){0};
	return true;
}

void tcp_rx_copy(const struct tcp_rx_pool *pool, const struct tcp_rx_queue *q,
		 uint8_t *to)
{
	uint32_t chunk = q->head - 1;
	uint32_t left = q->len_bytes;

	while (left) {
		const struct tcp_rx_chunk *meta = &pool->chunks[chunk];
		uint32_t len = (uint32_t)(meta->end - meta->start);

		memcpy(to, tcp_rx_data(pool, chunk) + meta->start, len);
		to += len;
		left -= len;
		chunk = chain_next(pool->next, chunk);
	}
}

void tcp_rx_clear(struct tcp_rx_pool *pool, struct tcp_rx_queue *q)
{
	struct tcp_rx_piece piece;

	while (tcp_rx_pop(pool, q, &piece))
		tcp_rx_drop(pool, piece.chunk);
}

bool tcp_rx_check(const struct tcp_rx_pool *pool, const struct tcp_rx_queue *q)
{
	uint32_t chunk = q->head - 1;
	uint32_t left = q->len_bytes;
	uint32_t count = 0;

	if (!q->head || !q->tail || !left)
		return !q->head && !q->tail && !left;
	for (;; chunk = chain_next(pool->next, chunk)) {
		const struct tcp_rx_chunk *meta = &pool->chunks[chunk];
		uint32_t len = (uint32_t)(meta->end - meta->start);

		if (chunk >= pool->capacity || ++count > pool->used ||
		    !meta->refs || meta->start >= meta->end ||
		    meta->end > CHUNK_BYTES || len > left)
			return false;
		left -= len;
		if (chunk == q->tail - 1)
			return left == 0;
	}
}

/* chunk.c - byte queues made of fixed chunks, from one bounded pool.
 *
 * Every chunk of a queue but the first and the last is full to its last byte:
 * so two offsets in the queue say where all its bytes are, and a chunk needs
 * no header of its own.
 */
#include "core/chunk.h"
#include "core/chain.h"

#include <errno.h>
#include <string.h>

int chunk_pool_init(struct chunk_pool *pool, struct arena *arena,
		    uint32_t capacity)
{
	ASSERT(capacity < CHAIN_END - 1, "an index and one fit 32 bits");
	*pool = (struct chunk_pool){
		.bytes = arena_take(arena, (size_t)CHUNK_BYTES * capacity,
				    CACHE_LINE_BYTES),
		.next = arena_take(arena, sizeof(uint32_t) * (size_t)capacity,
				   sizeof(uint32_t)),
		.capacity = capacity,
	};
	return pool->bytes && pool->next ? 0 : -ENOMEM;
}

static uint32_t pool_take(struct chunk_pool *pool)
{
	uint32_t index = pool->free_head;

	DEBUG_ASSERT(index < pool->capacity, "the caller saw a free chunk");
	pool->free_head = chain_next(pool->next, index);
	pool->used++;
	return index;
}

static void pool_give(struct chunk_pool *pool, uint32_t index)
{
	chain_link(pool->next, index, pool->free_head);
	pool->free_head = index;
	pool->used--;
}

static uint8_t *chunk_data(const struct chunk_pool *pool, uint32_t index)
{
	return pool->bytes + (size_t)CHUNK_BYTES * index;
}

/* Makes chunk index the last of q, holding end bytes from offset 0. */
static void queue_link(struct chunk_pool *pool, struct chunkq *q,
		       uint32_t index, uint32_t end)
{
	chain_link(pool->next, index, CHAIN_END);
	if (q->tail) {
		chain_link(pool->next, q->tail - 1, index);
	} else {
		q->head = index + 1;
		q->head_off = 0;
	}
	q->tail = index + 1;
	q->tail_end = (uint16_t)end;
	q->len_bytes += end;
}

/* Copies what still fits into the last chunk; returns how much that was. */
static uint32_t queue_fill(struct chunk_pool *pool, struct chunkq *q,
			   const uint8_t *data, uint32_t len)
{
	uint32_t count;

	if (!q->tail)
		return 0;
	count = min_u32(len, CHUNK_BYTES - q->tail_end);
	memcpy(chunk_data(pool, q->tail - 1) + q->tail_end, data, count);
	q->tail_end = (uint16_t)(q->tail_end + count);
	q->len_bytes += count;
	return count;
}

int chunkq_append(struct chunk_pool *pool, struct chunkq *q, const void *data,
		  uint32_t len)
{
	uint32_t room = q->tail ? CHUNK_BYTES - q->tail_end : 0;
	const uint8_t *from = data;
	uint32_t count;

	if (!len)
		return 0;
	if (len > UINT32_MAX - q->len_bytes)
		return -ENOBUFS;
	if (len > room &&
	    (len - room - 1) / CHUNK_BYTES + 1 > pool->capacity - pool->used)
		return -ENOBUFS;
	count = queue_fill(pool, q, from, len);
	while (count < len) {
		uint32_t part = min_u32(len - count, CHUNK_BYTES);
		uint32_t index = pool_take(pool);

		memcpy(chunk_data(pool, index), from + count, part);
		queue_link(pool, q, index, part);
		count += part;
	}
	return 0;
}

uint32_t chunkq_spans(const struct chunk_pool *pool, const struct chunkq *q,
		      uint32_t skip, struct span *spans, uint32_t max,
		      uint32_t *len_bytes)
{
	uint32_t index = q->head - 1;
	uint32_t off = q->head_off;
	uint32_t left = q->len_bytes;
	uint32_t count = 0;

	*len_bytes = 0;
	while (left && count < max) {
		uint32_t len = min_u32(left, CHUNK_BYTES - off);

		if (skip < len) {
			spans[count++] = (struct span){
				.data = chunk_data(pool, index) + off + skip,
				.len = len - skip,
			};
			*len_bytes += len - skip;
			skip = 0;
		} else {
			skip -= len;
		}
		left -= len;
		off = 0;
		index = chain_next(pool->next, index);
	}
	return count;
}

uint32_t chunkq_copy(const struct chunk_pool *pool, const struct chunkq *q,
		     uint32_t skip, void *to, uint32_t len)
{
	uint32_t index = q->head - 1;
	uint32_t off = q->head_off;
	uint32_t left = q->len_bytes;
	uint8_t *out = to;
	uint32_t count = 0;

	while (left && count < len) {
		uint32_t here = min_u32(left, CHUNK_BYTES - off);

		if (skip < here) {
			uint32_t part = min_u32(here - skip, len - count);

			memcpy(out + count,
			       chunk_data(pool, index) + off + skip, part);
			count += part;
			skip = 0;
		} else {
			skip -= here;
		}
		left -= here;
		off = 0;
		index = chain_next(pool->next, index);
	}
	return count;
}

void chunkq_consume(struct chunk_pool *pool, struct chunkq *q, uint32_t len)
{
	ASSERT(len <= q->len_bytes, "only what is queued can be consumed");
	q->len_bytes -= len;
	while (len) {
		uint32_t index = q->head - 1;
		uint32_t end = q->head == q->tail ? q->tail_end : CHUNK_BYTES;
		uint32_t part = min_u32(len, end - q->head_off);

		q->head_off = (uint16_t)(q->head_off + part);
		len -= part;
		if (q->head_off < end)
			break;
		q->head = chain_next(pool->next, index) + 1;
		q->head_off = 0;
		pool_give(pool, index);
	}
	if (!q->len_bytes)
		*q = (struct chunkq){0};
}

void chunkq_clear(struct chunk_pool *pool, struct chunkq *q)
{
	chunkq_consume(pool, q, q->len_bytes);
}

/*
 * Only a chunk that meets a full one can be linked as it is. Of any other the
 * first bytes fill the chunk before it and the rest moves to its front: each
 * byte is copied at most once, and no free chunk is needed at any moment.
 */
int chunkq_splice(struct chunk_pool *pool, struct chunkq *to,
		  struct chunkq *from)
{
	ASSERT(to != from, "a queue is not put behind itself");
	if (from->len_bytes > UINT32_MAX - to->len_bytes)
		return -ENOBUFS;
	if (!to->len_bytes) {
		*to = *from;
		*from = (struct chunkq){0};
		return 0;
	}
	while (from->len_bytes) {
		uint32_t index = from->head - 1;
		uint32_t len =
			min_u32(from->len_bytes, CHUNK_BYTES - from->head_off);
		uint8_t *bytes = chunk_data(pool, index);
		uint32_t moved =
			queue_fill(pool, to, bytes + from->head_off, len);

		from->head = chain_next(pool->next, index) + 1;
		from->len_bytes -= len;
		if (moved == len) {
			pool_give(pool, index);
		} else {
			if (from->head_off + moved)
				memmove(bytes, bytes + from->head_off + moved,
					len - moved);
			queue_link(pool, to, index, len - moved);
		}
		from->head_off = 0;
	}
	*from = (struct chunkq){0};
	return 0;
}

bool chunkq_check(const struct chunk_pool *pool, const struct chunkq *q)
{
	uint32_t index = q->head - 1;
	uint64_t capacity_bytes = 0;
	uint32_t count = 1;

	if (pool->used > pool->capacity)
		return false;
	if (!q->len_bytes)
		return !q->head && !q->tail && !q->head_off && !q->tail_end;
	if (!q->head || !q->tail || q->head_off >= CHUNK_BYTES ||
	    !q->tail_end || q->tail_end > CHUNK_BYTES)
		return false;
	while (index != q->tail - 1) {
		if (index >= pool->capacity || ++count > pool->used)
			return false;
		index = chain_next(pool->next, index);
	}
	if (index >= pool->capacity ||
	    chain_next(pool->next, index) != CHAIN_END)
		return false;
	capacity_bytes = (uint64_t)(count - 1) * CHUNK_BYTES + q->tail_end;
	return capacity_bytes == (uint64_t)q->head_off + q->len_bytes;
}

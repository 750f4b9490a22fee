/* reorder.c - bytes that arrived before those in front of them. */
#include "dataplane/tcp/reorder.h"

#include <string.h>

/* A part of the sequence space that lies in one chunk. */
struct piece {
	uint32_t slot;
	uint32_t off;
	uint32_t len;
};

uint32_t tcp_reorder_slots(uint32_t window_bytes)
{
	uint32_t slots = 2;

	/* A window not aligned to chunks touches one more than it fills. */
	while (slots < window_bytes / CHUNK_BYTES + 2)
		slots *= 2;
	return slots;
}

static struct piece piece_at(const struct tcp_reorder *reorder, uint32_t seq,
			     uint32_t len)
{
	uint32_t distance = seq - reorder->base;
	uint32_t off = distance % CHUNK_BYTES;

	return (struct piece){
		.slot = distance / CHUNK_BYTES & reorder->slot_mask,
		.off = off,
		.len = min_u32(len, CHUNK_BYTES - off),
	};
}

/*
 * Where a range ends up: merged with those it meets, in front. Returns false
 * when there are too many.
 */
static bool range_note(struct tcp_reorder *reorder, struct tcp_range range)
{
	struct tcp_range *ranges = reorder->ranges;
	uint32_t kept = 0;
	struct tcp_range others[TCP_REORDER_RANGES];

	for (uint32_t i = 0; i < reorder->count; i++) {
		if (seq_after(ranges[i].start, range.end) ||
		    seq_before(ranges[i].end, range.start)) {
			others[kept++] = ranges[i];
		} else {
			range.start = seq_min(range.start, ranges[i].start);
			range.end = seq_max(range.end, ranges[i].end);
		}
	}
	if (kept == TCP_REORDER_RANGES)
		return false;
	ranges[0] = range;
	memcpy(ranges + 1, others, kept * sizeof(others[0]));
	reorder->count = kept + 1;
	return true;
}

/* The chunk for a slot, taken if need be; TCP_RX_NONE: there is none. */
static uint32_t slot_chunk(struct tcp_reorder *reorder,
			   struct tcp_rx_pool *pool, uint32_t slot,
			   uint32_t chunk_max)
{
	uint32_t chunk;

	if (reorder->map[slot])
		return reorder->map[slot] - 1;
	if (reorder->chunk_count >= chunk_max)
		return TCP_RX_NONE;
	chunk = tcp_rx_take(pool);
	if (chunk != TCP_RX_NONE) {
		reorder->map[slot] = chunk + 1;
		reorder->chunk_count++;
	}
	return chunk;
}

static void slot_free(struct tcp_reorder *reorder, struct tcp_rx_pool *pool,
		      uint32_t slot)
{
	if (!reorder->map[slot])
		return;
	tcp_rx_drop(pool, reorder->map[slot] - 1);
	reorder->map[slot] = 0;
	reorder->chunk_count--;
}

/* Whether a range has bytes in the chunk-sized part around seq. */
static bool part_needed(const struct tcp_reorder *reorder, uint32_t seq)
{
	uint32_t start = seq - (seq - reorder->base) % CHUNK_BYTES;

	for (uint32_t i = 0; i < reorder->count; i++) {
		if (seq_before(reorder->ranges[i].start, start + CHUNK_BYTES) &&
		    seq_after(reorder->ranges[i].end, start))
			return true;
	}
	return false;
}

uint32_t tcp_reorder_add(struct tcp_reorder *reorder, struct tcp_rx_pool *pool,
			 uint32_t rcv_nxt, uint32_t seq, const uint8_t *data,
			 uint32_t len, uint32_t chunk_max)
{
	uint32_t done = 0;

	if (!reorder->count)
		reorder->base = rcv_nxt;
	while (done < len) {
		struct piece piece = piece_at(reorder, seq + done, len - done);
		uint32_t chunk =
			slot_chunk(reorder, pool, piece.slot, chunk_max);

		if (chunk == TCP_RX_NONE)
			break;
		memcpy(tcp_rx_data(pool, chunk) + piece.off, data + done,
		       piece.len);
		done += piece.len;
	}
	if (done && !range_note(reorder, (struct tcp_range){seq, seq + done})) {
		for (uint32_t at = 0; at < done;) {
			struct piece piece =
				piece_at(reorder, seq + at, done - at);

			if (!part_needed(reorder, seq + at))
				slot_free(reorder, pool, piece.slot);
			at += piece.len;
		}
		done = 0;
	}
	return done;
}

/* Takes the range out that starts at or below rcv_nxt. False: none does. */
static bool range_take(struct tcp_reorder *reorder, uint32_t rcv_nxt,
		       struct tcp_range *range)
{
	for (uint32_t i = 0; i < reorder->count; i++) {
		if (seq_after(reorder->ranges[i].start, rcv_nxt))
			continue;
		*range = reorder->ranges[i];
		reorder->count--;
		memmove(&reorder->ranges[i], &reorder->ranges[i + 1],
			(reorder->count - i) * sizeof(*range));
		return true;
	}
	return false;
}

/* Forgets what the ranges have in the part of the space around seq. */
static void part_renege(struct tcp_reorder *reorder, uint32_t seq)
{
	uint32_t start = seq - (seq - reorder->base) % CHUNK_BYTES;
	uint32_t end = start + CHUNK_BYTES;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < reorder->count; i++) {
		struct tcp_range range = reorder->ranges[i];

		if (seq_before(range.start, end) && seq_after(range.end, start))
			range.start = seq_min(end, range.end);
		if (range.start != range.end)
			reorder->ranges[kept++] = range;
	}
	reorder->count = kept;
}

/*
 * Moves one piece, of which the first skip bytes are not wanted, behind q. A
 * chunk that holds bytes of another range, too, stays and is copied from;
 * without a chunk for the copy it goes and the other range's part is reneged
 * on, as RFC 2018 allows: bytes in order must never fail to be delivered.
 */
static void piece_move(struct tcp_reorder *reorder, struct tcp_rx_pool *pool,
		       uint32_t seq, struct piece piece, uint32_t skip,
		       struct tcp_rx_queue *q)
{
	uint32_t chunk = reorder->map[piece.slot] - 1;

	if (part_needed(reorder, seq)) {
		if (skip == piece.len ||
		    !tcp_rx_append(pool, q,
				   tcp_rx_data(pool, chunk) + piece.off + skip,
				   piece.len - skip))
			return;
		part_renege(reorder, seq);
	}
	reorder->map[piece.slot] = 0;
	reorder->chunk_count--;
	if (skip == piece.len)
		tcp_rx_drop(pool, chunk);
	else
		tcp_rx_push(pool, q, chunk, piece.off + skip,
			    piece.off + piece.len);
}

uint32_t tcp_reorder_take(struct tcp_reorder *reorder, struct tcp_rx_pool *pool,
			  uint32_t rcv_nxt, struct tcp_rx_queue *q)
{
	uint32_t moved = 0;
	struct tcp_range range;

	while (range_take(reorder, rcv_nxt, &range)) {
		uint32_t seq = range.start;

		while (seq != range.end) {
			struct piece piece =
				piece_at(reorder, seq, range.end - seq);
			uint32_t skip = 0;

			if (seq_before(seq, rcv_nxt))
				skip = min_u32(piece.len, rcv_nxt - seq);
			piece_move(reorder, pool, seq, piece, skip, q);
			moved += piece.len - skip;
			seq += piece.len;
		}
		rcv_nxt = seq_max(rcv_nxt, range.end);
	}
	return moved;
}

void tcp_reorder_copy(const struct tcp_reorder *reorder,
		      const struct tcp_rx_pool *pool, struct tcp_range range,
		      uint8_t *to)
{
	while (range.start != range.end) {
		struct piece piece =
			piece_at(reorder, range.start, range.end - range.start);

		memcpy(to,
		       tcp_rx_data(pool, reorder->map[piece.slot] - 1) +
			       piece.off,
		       piece.len);
		to += piece.len;
		range.start += piece.len;
	}
}

void tcp_reorder_clear(struct tcp_reorder *reorder, struct tcp_rx_pool *pool)
{
	for (uint32_t i = 0; reorder->chunk_count; i++)
		slot_free(reorder, pool, i);
	reorder->count = 0;
}

bool tcp_reorder_check(const struct tcp_reorder *reorder,
		       const struct tcp_rx_pool *pool, uint32_t rcv_nxt)
{
	uint32_t chunks = 0;

	if (reorder->count > TCP_REORDER_RANGES)
		return false;
	for (uint32_t i = 0; i <= reorder->slot_mask; i++) {
		uint32_t chunk = reorder->map[i];

		chunks += chunk != 0;
		if (chunk && (chunk > pool->capacity ||
			      pool->chunks[chunk - 1].refs != 1))
			return false;
	}
	for (uint32_t i = 0; i < reorder->count; i++) {
		struct tcp_range range = reorder->ranges[i];

		if (!seq_after(range.start, rcv_nxt) ||
		    !seq_after(range.end, range.start))
			return false;
		for (uint32_t j = 0; j < i; j++) {
			if (!seq_after(range.start, reorder->ranges[j].end) &&
			    !seq_after(reorder->ranges[j].start, range.end))
				return false;
		}
		while (range.start != range.end) {
			struct piece piece = piece_at(reorder, range.start,
						      range.end - range.start);

			if (!reorder->map[piece.slot])
				return false;
			range.start += piece.len;
		}
	}
	return chunks == reorder->chunk_count && (chunks || !reorder->count);
}

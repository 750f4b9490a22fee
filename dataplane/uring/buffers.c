/* buffers.c - the receive buffers: few in the kernel, the warmest first. */
#include "dataplane/uring/internal.h"

#include <errno.h>

/*
 * The kernel takes buffers in the order in which they were given. With all of
 * them given, each receive would land in the coldest. So it gets a window of
 * few, taken from a stack, and the window grows when it runs dry.
 */
#define WINDOW_REVIEW_FILLS 256
#define PAGE_BYTES          4096

int buffers_init(struct uring_dp *u)
{
	struct buffers *buffers = &u->buffers;
	uint32_t count = u->config.buffer_count;

	buffers->count = count;
	buffers->bytes = u->config.buffer_bytes;
	buffers->window = min_u32(BUFFER_WINDOW_MIN, count);
	buffers->ring = arena_take(
		&u->arena, count * sizeof(struct io_uring_buf), PAGE_BYTES);
	buffers->memory = arena_take(&u->arena, (size_t)count * buffers->bytes,
				     PAGE_BYTES);
	buffers->free = arena_take(&u->arena, count * sizeof(uint16_t),
				   sizeof(uint16_t));
	buffers->lent = arena_take(&u->arena, count * sizeof(bool), 1);
	if (!buffers->ring || !buffers->memory || !buffers->free ||
	    !buffers->lent)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		buffers->free[i] = (uint16_t)(count - 1 - i);
	buffers->free_count = count;
	struct io_uring_buf_reg reg = {
		.ring_addr = (uintptr_t)buffers->ring,
		.ring_entries = count,
	};
	io_uring_buf_ring_init(buffers->ring);
	return io_uring_register_buf_ring(&u->ring, &reg, 0);
}

/* Narrows the window again when it was never much used for a while. */
static void window_review(struct buffers *buffers)
{
	uint32_t used = buffers->window > buffers->ring_count
				? buffers->window - buffers->ring_count
				: 0;

	buffers->used_peak = max_u32(buffers->used_peak, used);
	if (++buffers->fills < WINDOW_REVIEW_FILLS)
		return;
	if (buffers->used_peak < buffers->window / 4 &&
	    buffers->window > BUFFER_WINDOW_MIN)
		buffers->window /= 2;
	buffers->fills = 0;
	buffers->used_peak = 0;
}

void buffers_fill(struct uring_dp *u)
{
	struct buffers *buffers = &u->buffers;
	int mask = io_uring_buf_ring_mask(buffers->count);
	int added = 0;

	window_review(buffers);
	while (buffers->ring_count < buffers->window && buffers->free_count) {
		uint16_t id = buffers->free[--buffers->free_count];
		io_uring_buf_ring_add(buffers->ring,
				      buffers->memory +
					      (size_t)id * buffers->bytes,
				      buffers->bytes, id, mask, added++);
		buffers->ring_count++;
	}
	if (added)
		io_uring_buf_ring_advance(buffers->ring, added);
	buffers->credit = buffers->free_count + buffers->ring_count;
}

uint8_t *buffers_take(struct uring_dp *u, uint32_t buffer)
{
	ASSERT(buffer < u->buffers.count, "the kernel names our buffers");
	u->buffers.ring_count--;
	u->buffers.lent[buffer] = true;
	return u->buffers.memory + (size_t)buffer * u->buffers.bytes;
}

void buffers_give(struct uring_dp *u, uint32_t buffer)
{
	struct buffers *buffers = &u->buffers;

	ASSERT(buffer < buffers->count, "a view names its own buffer");
	ASSERT(buffers->lent[buffer], "a view is recycled once");
	buffers->lent[buffer] = false;
	buffers->free[buffers->free_count++] = (uint16_t)buffer;
}

/*
 * For a connection that found none. With a thousand of them and one buffer
 * back, arming all would fail all but one.
 */
bool buffers_claim(struct uring_dp *u)
{
	if (u->buffers.credit == 0)
		return false;
	u->buffers.credit--;
	return true;
}

void buffers_widen(struct uring_dp *u)
{
	u->stats.starved++;
	u->buffers.window = min_u32(u->buffers.window * 2, u->buffers.count);
}

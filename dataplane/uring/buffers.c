/* buffers.c - the pool of pieces: few in the kernel, the warmest first. */
#include "dataplane/uring/internal.h"

#include <errno.h>

/*
 * The kernel takes buffers in the order in which they were given. With all of
 * them given, each receive would land in the coldest. So it gets a window of
 * few, taken from a stack, and the window grows when it runs dry.
 */
#define WINDOW_REVIEW_FILLS 256
#define PAGE_BYTES          4096

/* Pieces of a pool: for receiving, and for what unread may hold. */
uint64_t buffers_total(const struct uring_config *config)
{
	uint64_t bytes = config->buffer_bytes;

	return config->buffer_count +
	       (config->kept_max_bytes + bytes - 1) / bytes;
}

static int pool_init(struct uring_dp *u)
{
	struct buffers *buffers = &u->buffers;
	size_t lines =
		(buffers->bytes + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES;

	buffers->stride = sizeof(struct piece) + lines * CACHE_LINE_BYTES;
	size_t all_bytes = buffers->total * buffers->stride;
	int error = piece_home_create(all_bytes, &buffers->home);
	if (error < 0)
		return error;
	buffers->memory =
		arena_take(&buffers->home->arena, all_bytes, CACHE_LINE_BYTES);
	ASSERT(buffers->memory, "a pool was reserved for all its pieces");
	return 0;
}

int buffers_init(struct uring_dp *u)
{
	struct buffers *buffers = &u->buffers;
	uint32_t count = u->config.buffer_count;
	uint32_t total = (uint32_t)buffers_total(&u->config);

	buffers->count = count;
	buffers->total = total;
	buffers->bytes = u->config.buffer_bytes;
	buffers->window = min_u32(BUFFER_WINDOW_MIN, count);
	buffers->ring = arena_take(
		&u->arena, count * sizeof(struct io_uring_buf), PAGE_BYTES);
	buffers->free = arena_take(&u->arena, total * sizeof(uint16_t),
				   sizeof(uint16_t));
	buffers->lent = arena_take(&u->arena, total * sizeof(bool), 1);
	if (!buffers->ring || !buffers->free || !buffers->lent)
		return -ENOMEM;
	int error = pool_init(u);
	if (error < 0)
		return error;
	for (uint32_t i = 0; i < total; i++)
		buffers->free[i] = (uint16_t)(total - 1 - i);
	buffers->free_count = total;
	struct io_uring_buf_reg reg = {
		.ring_addr = (uintptr_t)buffers->ring,
		.ring_entries = count,
	};
	io_uring_buf_ring_init(buffers->ring);
	return io_uring_register_buf_ring(&u->ring, &reg, 0);
}

/* Pieces that are away keep their memory. */
void buffers_fini(struct uring_dp *u)
{
	if (u->buffers.home)
		piece_home_leave(u->buffers.home);
	u->buffers = (struct buffers){0};
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

/* How many more the kernel may have. */
static uint32_t ring_room(const struct buffers *buffers)
{
	uint32_t out = buffers->ring_count + buffers->lent_count;
	uint32_t room = buffers->count > out ? buffers->count - out : 0;

	return min_u32(room, buffers->free_count);
}

void buffers_fill(struct uring_dp *u)
{
	struct buffers *buffers = &u->buffers;
	int mask = io_uring_buf_ring_mask(buffers->count);
	uint32_t added = 0;

	piece_reap(u);
	window_review(buffers);
	uint32_t room = ring_room(buffers);
	while (buffers->ring_count < buffers->window && added < room) {
		uint16_t id = buffers->free[--buffers->free_count];
		io_uring_buf_ring_add(buffers->ring, buffers_piece(u, id)->data,
				      buffers->bytes, id, mask, (int)added++);
		buffers->ring_count++;
	}
	if (added)
		io_uring_buf_ring_advance(buffers->ring, (int)added);
	buffers->credit = buffers->ring_count + room - added;
}

/* True when only other dps can give back what receiving needs. */
bool buffers_dry(const struct uring_dp *u)
{
	const struct buffers *buffers = &u->buffers;

	return UNLIKELY(buffers->ring_count == 0 && buffers->free_count == 0) &&
	       atomic_load_explicit(&buffers->home->holders,
				    memory_order_relaxed) > 1;
}

struct piece *buffers_piece(const struct uring_dp *u, uint32_t buffer)
{
	return (void *)(u->buffers.memory + buffer * u->buffers.stride);
}

/* Pieces that unread may take: what is kept must not be more than its part. */
uint32_t buffers_spare(const struct uring_dp *u)
{
	const struct buffers *buffers = &u->buffers;
	uint32_t kept = buffers->total - buffers->free_count -
			buffers->ring_count - buffers->lent_count;
	uint32_t part = buffers->total - buffers->count;

	return min_u32(part > kept ? part - kept : 0, buffers->free_count);
}

uint32_t buffers_take_spare(struct uring_dp *u)
{
	ASSERT(u->buffers.free_count > 0, "what is spare is counted first");
	return u->buffers.free[--u->buffers.free_count];
}

/* The kernel has filled it. */
void buffers_take(struct uring_dp *u, uint32_t buffer)
{
	ASSERT(buffer < u->buffers.total, "the kernel names our buffers");
	u->buffers.ring_count--;
}

/* Nobody needs it: neither a view nor the kernel has it. */
void buffers_put(struct uring_dp *u, uint32_t buffer)
{
	struct buffers *buffers = &u->buffers;

	DEBUG_ASSERT(buffers->free_count < buffers->total,
		     "a piece is put back once");
	buffers->free[buffers->free_count++] = (uint16_t)buffer;
}

/* Out as a view, until buffers_give. */
void buffers_lend(struct uring_dp *u, uint32_t buffer)
{
	u->buffers.lent[buffer] = true;
	u->buffers.lent_count++;
}

void buffers_give(struct uring_dp *u, uint32_t buffer)
{
	struct buffers *buffers = &u->buffers;

	ASSERT(buffer < buffers->total, "a view names its own buffer");
	ASSERT(buffers->lent[buffer], "a view is recycled once");
	buffers->lent[buffer] = false;
	buffers->lent_count--;
	buffers_put(u, buffer);
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

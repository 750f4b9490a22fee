/* pool.h - the pieces of a dp: received into, lent, kept, and passed on. */
#pragma once

#include "core/arena.h"
#include "dataplane/uring/uring.h"
#include "dataplane/uring/uring_compat.h"

#include <stdatomic.h>

struct uring_dp;

#define BUFFER_WINDOW_MIN 16
#define PIECES_LIMIT      ((uint32_t)1 << 16) /* numbers the kernel knows */

/* A view with this buffer number is a piece of another dp's pool. */
#define BUFFER_FOREIGN UINT32_MAX

/*
 * What bytes are received into, and stay in while a connection is held or
 * travels. The head is written when bytes are kept; what is received and told
 * at once needs none.
 */
struct piece {
	struct piece *next;      /* of a chain, or of those on their way back */
	struct piece **link;     /* what points here, while lent by another */
	struct piece_home *home; /* the pool it goes back to */
	uint32_t len;
	uint32_t id; /* its number there */
	uint8_t data[] __attribute__((aligned(CACHE_LINE_BYTES)));
};

_Static_assert(offsetof(struct piece, data) == CACHE_LINE_BYTES &&
		       sizeof(struct piece) == CACHE_LINE_BYTES,
	       "a head is one cache line in front of its bytes");

/*
 * The part of a pool that other dps touch. It holds all its pieces, and stays
 * until the last of those that are away has come back: a dp may end earlier.
 */
struct piece_home {
	struct arena arena; /* this struct and the pieces lie in it */
	/* The dp, and each piece that is in a parcel or with another dp. */
	_Atomic uint32_t holders __attribute__((aligned(CACHE_LINE_BYTES)));
	_Atomic(struct piece *) returned; /* a stack, reaped as a whole */
};

struct kept {
	struct piece *head;
	struct piece *tail;
};

/*
 * The pool of a dp: all of its pieces, made at start. Each is in one place:
 * free, in the ring (with the kernel), lent (out as a view), or kept (here or
 * away). In the ring and lent are never more than count by receiving; unread
 * takes only while fewer than total - count are kept. So what unread may hold
 * takes nothing from receiving.
 *
 * What completes after a hold is in a piece of the ring already and stays
 * there: it needs no other one, so it cannot be lost. Nothing bounds it but the
 * number of connections held at once. Past total - count it is taken from
 * receiving, and others wait as for views that are not recycled, until held
 * connections go on or end.
 */
struct buffers {
	struct io_uring_buf_ring *ring;
	struct piece_home *home;
	uint8_t *memory; /* the pieces, stride apart */
	size_t stride;
	uint16_t *free; /* a stack: the last one back is the first one used */
	bool *lent;     /* out as a view: found when recycled twice */
	uint32_t free_count;
	uint32_t ring_count; /* given to the kernel and not yet back */
	uint32_t lent_count;
	uint32_t credit; /* starved connections that may be armed now */
	uint32_t window; /* how many the kernel should have */
	uint32_t used_peak;
	uint32_t fills;
	uint32_t count; /* for receiving: in the ring and lent */
	uint32_t total; /* and for bytes kept */
	uint32_t bytes; /* of each */
};

/* buffers.c: the pool, and those of its pieces that the kernel has. */
uint64_t buffers_total(const struct uring_config *config);
int buffers_init(struct uring_dp *u);
void buffers_fini(struct uring_dp *u);
void buffers_fill(struct uring_dp *u);
bool buffers_dry(const struct uring_dp *u);
uint32_t buffers_spare(const struct uring_dp *u);
uint32_t buffers_take_spare(struct uring_dp *u);
void buffers_take(struct uring_dp *u, uint32_t buffer);
void buffers_put(struct uring_dp *u, uint32_t buffer);
void buffers_lend(struct uring_dp *u, uint32_t buffer);
void buffers_give(struct uring_dp *u, uint32_t buffer);
struct piece *buffers_piece(const struct uring_dp *u, uint32_t buffer);
bool buffers_claim(struct uring_dp *u);
void buffers_widen(struct uring_dp *u);

/* piece_home.c: for buffers.c and piece.c. */
int piece_home_create(size_t bytes, struct piece_home **home);
void piece_home_leave(struct piece_home *home);

/* piece.c: pieces between dps. */
void piece_reap(struct uring_dp *u);
void piece_depart(const struct uring_dp *u, const struct piece *piece);
void piece_arrive(const struct uring_dp *u, const struct piece *piece);
void piece_drop(struct uring_dp *u, struct piece *piece);
uint32_t piece_lend(struct uring_dp *u, struct piece *piece);
void piece_take_back(const struct dp_view *view);
void piece_take_back_all(struct uring_dp *u);

/* kept.c: bytes held back. Appending takes the piece, prepending copies. */
void kept_append(struct uring_dp *u, struct kept *kept, uint32_t buffer,
		 uint32_t len);
int kept_prepend(struct uring_dp *u, struct kept *kept, const uint8_t *data,
		 uint32_t len);
struct piece *kept_take(struct uring_dp *u, struct kept *kept);
void kept_clear(struct uring_dp *u, struct kept *kept);
struct piece *kept_export(struct uring_dp *u, struct kept *kept);
void kept_import(struct uring_dp *u, struct kept *kept, struct piece *head);
void kept_discard(struct uring_dp *u, struct piece *head);

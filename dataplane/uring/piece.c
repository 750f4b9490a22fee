/* piece.c - pieces between dps: they travel in parcels and go back home. */
#include "dataplane/uring/internal.h"

/*
 * A piece belongs to the pool that it was taken from, and comes back to it from
 * wherever a parcel took it: whoever has read it pushes it on a stack that the
 * owner takes as a whole. Nobody pops one alone, so there is no ABA.
 */

static bool piece_is_own(const struct uring_dp *u, const struct piece *piece)
{
	return piece->home == u->buffers.home;
}

static void piece_return(struct piece *piece)
{
	struct piece_home *home = piece->home;
	struct piece *top =
		atomic_load_explicit(&home->returned, memory_order_relaxed);

	do {
		piece->next = top;
	} while (!atomic_compare_exchange_weak_explicit(
		&home->returned, &top, piece, memory_order_release,
		memory_order_relaxed));
	piece_home_leave(home);
}

/* Takes in what has come back. */
void piece_reap(struct uring_dp *u)
{
	struct piece_home *home = u->buffers.home;

	if (LIKELY(!atomic_load_explicit(&home->returned,
					 memory_order_relaxed)))
		return;
	const struct piece *piece = atomic_exchange_explicit(
		&home->returned, NULL, memory_order_acquire);
	while (piece) {
		const struct piece *next = piece->next;
		buffers_put(u, piece->id);
		piece = next;
	}
}

/* Into a parcel. */
void piece_depart(const struct uring_dp *u, const struct piece *piece)
{
	if (piece_is_own(u, piece))
		atomic_fetch_add_explicit(&piece->home->holders, 1,
					  memory_order_relaxed);
}

/* Out of a parcel. A piece of ours is away no more. */
void piece_arrive(const struct uring_dp *u, const struct piece *piece)
{
	if (piece_is_own(u, piece))
		piece_home_leave(piece->home);
}

void piece_drop(struct uring_dp *u, struct piece *piece)
{
	if (piece_is_own(u, piece))
		buffers_put(u, piece->id);
	else
		piece_return(piece);
}

/* Lends it as a view with the buffer number that is returned. */
uint32_t piece_lend(struct uring_dp *u, struct piece *piece)
{
	if (piece_is_own(u, piece)) {
		buffers_lend(u, piece->id);
		return piece->id;
	}
	piece->next = u->lent;
	piece->link = &u->lent;
	if (u->lent)
		u->lent->link = &piece->next;
	u->lent = piece;
	return BUFFER_FOREIGN;
}

/* A view of another dp's piece is recycled. */
void piece_take_back(const struct dp_view *view)
{
	union {
		const uint8_t *view;
		uint8_t *own;
	} data = {.view = view->data};
	struct piece *piece = (void *)(data.own - offsetof(struct piece, data));

	ASSERT(piece->link && *piece->link == piece,
	       "a view is recycled once, as it was lent");
	*piece->link = piece->next;
	if (piece->next)
		piece->next->link = piece->link;
	piece->link = NULL;
	piece_return(piece);
}

/* The dp ends: what is out as a view goes home, too. */
void piece_take_back_all(struct uring_dp *u)
{
	while (u->lent) {
		struct piece *piece = u->lent;
		u->lent = piece->next;
		piece_return(piece);
	}
}

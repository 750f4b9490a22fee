/* piece_home.c - the memory of a pool, kept until its last piece is back. */
#include "dataplane/uring/internal.h"

/*
 * A pool is held by its dp and by each piece that is away (piece_depart). Who
 * brings the last of them back after the dp has ended unmaps it.
 */

int piece_home_create(size_t bytes, struct piece_home **home)
{
	struct arena arena;
	int error = arena_init(&arena, sizeof(**home) + bytes);

	if (error < 0)
		return error;
	*home = arena_take(&arena, sizeof(**home), CACHE_LINE_BYTES);
	(*home)->arena = arena;
	atomic_init(&(*home)->holders, 1);
	return 0;
}

void piece_home_leave(struct piece_home *home)
{
	/* What the others did to their pieces comes before the end. */
	if (atomic_fetch_sub_explicit(&home->holders, 1, memory_order_acq_rel) >
	    1)
		return;
	struct arena arena = home->arena;
	arena_fini(&arena);
}

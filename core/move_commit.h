/* move_commit.h - the source behind the point of no return. */
#pragma once

#include "core/ops.h"

struct move;

/*
 * Edge: STREAMED -> COMMITTED. The commit is written, then COMMIT is sent and
 * the client let go. -errno: nothing is written, the way back is open.
 */
int move_commit(struct move *move);

/* COMMITTED and SWITCHED have come. */
void move_commit_heard(struct move *move);
void move_commit_switched(struct move *move);

/* Edge: COMMITTED -> RELEASED, and the end of the record. */
void move_commit_release(struct move *move, enum move_result result);

/* An operator decided that the peer has the guest: the end of a doubt. */
void move_commit_give_away(struct move *move);

/* Repeats COMMIT until it is answered; gives up only a client that is lost. */
void move_commit_timer(struct move *move);

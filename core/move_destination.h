/* move_destination.h - the destination's half of a move. */
#pragma once

#include "core/ops.h"

struct move;
struct moves;
struct peer_offer;

/* --- the service tells ------------------------------------------------ */

/* The client's links are all there. */
void move_linked(struct move *move);

/* The client has switched, all of it. */
void move_switched(struct move *move);

/* It cannot come here, or (after COMMIT) the client has gone. */
void move_abort(struct move *move, const char *reason);

/* --- the engine tells ------------------------------------------------- */

void move_destination_offer(struct moves *moves, uint32_t link, uint64_t id,
			    uint64_t epoch, const struct peer_offer *offer);

/* A frame of this move, from the other side. */
void move_destination_frame(struct move *move, uint16_t type,
			    const void *payload);
void move_destination_timer(struct move *move);
void move_destination_link_lost(struct move *move);

/* An operator's word in place of the source's, on a move in doubt. */
void move_destination_decide(struct move *move, bool committed);

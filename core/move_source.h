/* move_source.h - the source's half of a move. */
#pragma once

#include "core/ops.h"

struct move;
struct moves;
struct ring_cell;

/* --- the service tells ------------------------------------------------ */

/* The client is linked at the destination; mode is what it agreed. */
void move_ready(struct move *move, enum move_mode mode);

/* It cannot go on, for this reason; undone at once. */
void move_fail(struct move *move, const char *reason);

/* The client has gone. */
void move_client_gone(struct move *move);

/* All images are given. */
void move_sealed(struct move *move);

/* What we added to a channel's pause, for the report: mark read to
 * MIGRATE_DATA sent. */
void move_note_pause(struct move *move, uint64_t added_ns);

/* --- the engine tells ------------------------------------------------- */

/* OP_MOVE_START, and the operator's word on a move of that guest. */
void move_source_start(struct moves *moves, const struct ring_cell *cell);
enum move_heard move_source_cancel(struct moves *moves, const char *guest);

/* A frame of this move, from the other side. */
void move_source_frame(struct move *move, uint16_t type, const void *payload);
void move_source_timer(struct move *move);
void move_source_link_up(struct move *move);
void move_source_link_lost(struct move *move);

/* The destination was told that this move did not commit: so be it. */
void move_source_disown(struct move *move);

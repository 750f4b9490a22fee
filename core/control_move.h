/* control_move.h - moves of single guests, and taking back. */
#pragma once

#include "core/control_state.h"

void control_move(struct control *control, struct control_call *call);
void control_cancel(struct control *control, struct control_call *call);

/* A shard tells of a move, be it of a command, of the drain or of nobody. */
void control_move_event(struct control *control, const struct ring_cell *cell);

/* control_list.h - asks the shards for their guests, piece by piece. */
#pragma once

#include "core/control_state.h"

/* Starts to list one shard, or all of them by SHARD_CONTROL. The caller sets
 * row and end. NULL: too many are being made. */
struct control_list *control_list_start(struct control *control, uint8_t only);

/* What the shards answer, and when they do not. */
void control_list_row(struct control *control, const struct ring_cell *cell);
void control_list_end(struct control *control, const struct ring_cell *cell);
void control_list_timer(struct control *control, uint32_t index);

/* control_doubt.h - the moves in doubt, for those who can decide them. */
#pragma once

#include "core/control_state.h"

/* OP_MOVE_DOUBT: a shard tells of one. */
void control_doubt_told(struct control *control, const struct ring_cell *cell);

/* The one of that guest, or NULL. */
const struct control_doubt *control_doubt_of(struct control *control,
					     const char *guest);

/* One, and all of them, as JSON. NULL without memory. */
json_t *control_doubt(const struct control *control,
		      const struct control_doubt *doubt);
json_t *control_doubts(struct control *control);

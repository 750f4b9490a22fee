/* control_ask.h - an order about a guest's move, put to shard after shard. */
#pragma once

#include "core/control_state.h"

/* Starts an order: op, order, order_bytes and end of *what. Takes the call's
 * caller, who is answered at once when there is no room for it. */
void control_ask_start(struct control *control, struct control_call *call,
		       const struct control_ask *what);

/* What a shard answered. */
void control_ask_heard(struct control *control, const struct ring_cell *cell);

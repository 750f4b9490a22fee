/* control_drain.h - carries out what the drain's scheduler decides. */
#pragma once

#include "core/control_state.h"

void control_drain(struct control *control, struct control_call *call);
void control_query_drain(struct control *control, struct control_call *call);

/* What became of an item of the drain under way. */
void control_drain_event(struct control *control, uint32_t item,
			 const struct op_move_event *event);

/* What became of a move that another order asked for. */
void control_drain_other(struct control *control,
			 const struct op_move_event *event);

/* What is known of a peer has changed: it may be where the drain goes. */
void control_drain_peer(struct control *control, uint32_t peer);

/* Takes the drain back; only while there is one. */
void control_drain_cancel(struct control *control);

/* Timers: gives the orders that are due; tells how far it is. */
void control_drain_pump(struct control *control);
void control_drain_tell(struct control *control);

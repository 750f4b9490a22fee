/* control_resolve.h - an operator's word on a move in doubt. */
#pragma once

#include "core/control_state.h"

void control_resolve(struct control *control, struct control_call *call);

/* move_decide.h - an operator says how a move in doubt has ended. */
#pragma once

#include "core/ops.h"

struct moves;

/* Ends the doubt, or says why it cannot be ended so. Fills the answer. */
void move_decide(struct moves *moves, const struct op_move_decide *order,
		 struct op_move_heard *answer);

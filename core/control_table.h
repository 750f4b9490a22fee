/* control_table.h - the commands of the control socket. */
#pragma once

#include "core/control_state.h"

struct control_command {
	const char *name;
	const char *help;
	const struct control_argument *arguments; /* NULL: it takes none */
	void (*run)(struct control *control, struct control_call *call);
};

/* All of them; ends with one without a name. */
extern const struct control_command control_commands[];

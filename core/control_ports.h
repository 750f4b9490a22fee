/* control_ports.h - what the ports of a kernel bypass have counted. */
#pragma once

#include "core/control_state.h"

/* An object by port, each an object of counters, summed over the shards. */
json_t *control_ports(const struct control *control);

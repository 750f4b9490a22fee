/* control.h - the control socket: what operators and tools say to a daemon. */
#pragma once

#include "core/control_state.h"

/*
 * A part of the control shard. Lines of JSON on a unix socket:
 *
 *   daemon: {"Flushmark": {"version": "0.1.0", "capabilities": []}}
 *   client: {"execute": "move", "arguments": {...}, "id": 1}
 *   daemon: {"return": {...}, "id": 1}
 *           {"error": {"class": "NotFound", "desc": "..."}, "id": 1}
 *           {"event": "MOVE_STATE", "data": {...}, "timestamp": {...}}
 *
 * Events go to connections that executed "subscribe". Answers come in the
 * order their work ends, so clients that ask several things name them by id.
 */

/* Adds PART_CONTROL to the control shard and listens. 0 or -errno. */
int control_init(struct control *control, struct shard *shard,
		 const struct addr *listen);

/* Frees what it allocated; the connections end with the dp. */
void control_fini(struct control *control);

/* True once an operator asked the daemon to stop. Control thread. */
bool control_wants_stop(const struct control *control);

/* control_query.h - commands that only look. */
#pragma once

#include "core/control_state.h"

void control_query_version(struct control *control, struct control_call *call);
void control_query_status(struct control *control, struct control_call *call);
void control_query_stats(struct control *control, struct control_call *call);
void control_query_peers(struct control *control, struct control_call *call);
void control_query_sessions(struct control *control, struct control_call *call);
void control_explain(struct control *control, struct control_call *call);
void control_vv(struct control *control, struct control_call *call);

/* control_answer.h - what the control socket says: answers, errors, events. */
#pragma once

#include "core/control_state.h"

/* Queues a line for one connection; value is taken over. A client that does
 * not read is closed. */
void control_put_line(struct control *control, struct control_conn *conn,
		      json_t *value);

/* Sends what is queued, and closes when that was all to say. */
void control_send_more(struct control *control, struct control_conn *conn);
void control_end_conn(struct control *control, struct control_conn *conn);

/* Answers; value (NULL: an empty object) is taken over, the caller cleared. */
void control_return(struct control *control, struct control_caller *caller,
		    json_t *value);
void control_error(struct control *control, struct control_caller *caller,
		   const char *class, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Tells all who subscribed; data is taken over. */
void control_event(struct control *control, const char *name, json_t *data);

/* Moves the right to answer to another place. */
void control_take_caller(struct control_caller *to,
			 struct control_caller *from);

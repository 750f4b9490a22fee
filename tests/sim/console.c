/* console.c - an operator's connection to a simulated daemon's control. */
#include "tests/sim/world.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void console_init(struct console *console, struct world *world, uint32_t daemon)
{
	struct world_daemon *of = &world->daemons[daemon];
	struct sim_path path = sim_path_default();
	char name[8];
	int err;

	snprintf(name, sizeof(name), "op-%c", 'a' + daemon);
	console->world = world;
	console->daemon = daemon;
	console->started = console->refused = console->ended = 0;
	console->drains = console->answers = 0;
	console->up = console->dead = console->sending = false;
	console->tx_len = console->rx_len = 0;
	console->machine = sim_machine_create(world->sim, name);
	sim_machine_set_group(console->machine,
			      world->wish.one_host ? 1 : daemon + 1);
	/* The operator must be told in time, whatever else goes wrong. */
	path.faults = false;
	sim_path_set(world->sim, console->machine, of->machine, &path);
	err = sim_dp_create(world->sim, console->machine, &console->dp);
	if (!err)
		err = dp_connect(console->dp, &of->config.control, 1,
				 &console->conn);
	ASSERT(!err, "an operator can always dial");
	console_say(console, "{\"execute\": \"subscribe\"}");
}

void console_say(struct console *console, const char *format, ...)
{
	uint32_t room = CONSOLE_TX_BYTES - console->tx_len;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(console->tx + console->tx_len, room, format, args);
	va_end(args);
	ASSERT(len > 0 && (uint32_t)len + 1 < room, "an operator types slowly");
	console->tx_len += (uint32_t)len;
	console->tx[console->tx_len++] = '\n';
	if (console->dp)
		dp_wake(console->dp);
}

void console_move(struct console *console, const char *guest, const char *peer,
		  const char *mode, bool force)
{
	world_say(console->world, "%c: move %s to %s, %s%s",
		  'a' + console->daemon, guest, peer, mode ? mode : "any",
		  force ? ", force" : "");
	console_say(console,
		    "{\"execute\": \"move\", \"arguments\": {\"guest\": "
		    "\"%s\", \"peer\": \"%s\", \"mode\": \"%s\", \"force\": "
		    "%s}, \"id\": \"move\"}",
		    guest, peer, mode ? mode : "any", force ? "true" : "false");
}

const struct console_end *console_last(const struct console *console)
{
	return console->ended
		       ? &console->ends[(console->ended - 1) % CONSOLE_ENDS]
		       : NULL;
}

static const char *text_of(const json_t *data, const char *key)
{
	const char *text = json_string_value(json_object_get(data, key));

	return text ? text : "";
}

static enum world_end end_of(const struct console_end *end)
{
	if (!strcmp(end->result, "failed"))
		return END_FAILED;
	if (!strcmp(end->result, "cancelled"))
		return END_CANCELLED;
	if (!strcmp(end->result, "closed"))
		return END_CLOSED;
	if (!strcmp(end->mode, "seamless"))
		return END_SEAMLESS;
	return strcmp(end->mode, "switch-host") ? END_SEMI_SEAMLESS
						: END_SWITCH_HOST;
}

static void move_ended(struct console *console, const json_t *data)
{
	struct console_end *end = &console->ends[console->ended % CONSOLE_ENDS];

	/* Those of a drain nobody asked for one by one. */
	console->ended += json_object_get(data, "job") != NULL;

	snprintf(end->guest, sizeof(end->guest), "%s", text_of(data, "guest"));
	snprintf(end->reason, sizeof(end->reason), "%s",
		 text_of(data, "reason"));
	snprintf(end->result, sizeof(end->result), "%s",
		 text_of(data, "result"));
	snprintf(end->mode, sizeof(end->mode), "%s", text_of(data, "mode"));
	end->pause_ms =
		json_number_value(json_object_get(data, "protocol_pause_ms"));
	if (!strcmp(end->result, "moved") &&
	    !json_integer_value(json_object_get(data, "session")))
		world_fail(console->world, "%s moved without a session",
			   end->guest);
	if (!strcmp(end->result, "moved") &&
	    (end->pause_ms > 0) != !strcmp(end->mode, "seamless"))
		world_fail(console->world, "%s, %s, paused for %f ms",
			   end->guest, end->mode, end->pause_ms);
	console->world->ends[end_of(end)]++;
	world_say(console->world, "%c: %s: %s, %s: %s", 'a' + console->daemon,
		  end->guest, end->result, end->mode, end->reason);
}

static uint32_t count_of(const json_t *data, const char *key)
{
	return (uint32_t)json_integer_value(json_object_get(data, key));
}

static void drain_ended(struct console *console, const json_t *data)
{
	console->drains++;
	snprintf(console->drain_state, sizeof(console->drain_state), "%s",
		 text_of(data, "state"));
	snprintf(console->drain_stalled, sizeof(console->drain_stalled), "%s",
		 text_of(data, "stalled"));
	console->drain_moved = count_of(data, "moved");
	console->drain_failed = count_of(data, "failed");
	console->drain_remained = count_of(data, "remained");
	console->drain_in_doubt = count_of(data, "in_doubt");
	world_say(console->world,
		  "%c: drain %s: %u moved, %u failed, "
		  "%u remained, %u in doubt",
		  'a' + console->daemon, console->drain_state,
		  console->drain_moved, console->drain_failed,
		  console->drain_remained, console->drain_in_doubt);
}

static void got_line(struct console *console, const char *line)
{
	json_error_t error;
	json_t *whole = json_loads(line, 0, &error);
	const json_t *data = json_object_get(whole, "data");
	const json_t *refused = json_object_get(whole, "error");

	if (!whole)
		world_fail(console->world, "control says no JSON: %s", line);
	if (!strcmp(text_of(whole, "event"), "MOVE_STATE") &&
	    json_is_true(json_object_get(data, "done")))
		move_ended(console, data);
	else if (!strcmp(text_of(data, "state"), "in-doubt") &&
		 json_object_get(data, "job"))
		console->ended++; /* who waits is told that, and no more */
	else if (refused)
		world_say(console->world, "%c: %s", 'a' + console->daemon,
			  text_of(refused, "desc"));
	if (!strcmp(text_of(whole, "event"), "DRAIN_DONE"))
		drain_ended(console, data);
	if (!strcmp(text_of(whole, "id"), "ask")) {
		console->answers++;
		console->doubts = (uint32_t)json_array_size(json_object_get(
			json_object_get(whole, "return"), "in_doubt"));
		snprintf(console->answer, sizeof(console->answer), "%s",
			 text_of(refused, "desc"));
	}
	if (!strcmp(text_of(whole, "id"), "move")) {
		console->started += !refused;
		console->refused += refused != NULL;
	}
	json_decref(whole);
}

static void received(struct console *console, const struct dp_view *view)
{
	uint32_t room = CONSOLE_RX_BYTES - 1 - console->rx_len;
	char *start = console->rx;
	char *end;

	ASSERT(view->len <= room, "a line of control is short");
	memcpy(console->rx + console->rx_len, view->data, view->len);
	console->rx_len += view->len;
	console->rx[console->rx_len] = '\0';
	while ((end = strchr(start, '\n'))) {
		*end = '\0';
		got_line(console, start);
		start = end + 1;
	}
	console->rx_len -= (uint32_t)(start - console->rx);
	memmove(console->rx, start, console->rx_len);
}

uint32_t console_pass(struct console *console)
{
	struct dp_event events[16];
	uint32_t count = dp_poll(console->dp, events, 16, NS_NEVER);

	for (uint32_t i = 0; i < count; i++) {
		switch (events[i].kind) {
		case DP_CONNECTED:
			console->up = true;
			break;
		case DP_RECEIVED:
			received(console, &events[i].view);
			dp_recycle(console->dp, &events[i].view);
			break;
		case DP_SENT:
			console->sending = false;
			break;
		case DP_EOF:
			dp_kill(console->dp, console->conn);
			break;
		case DP_CLOSED:
			console->up = false;
			console->dead = true;
			break;
		default:
			break;
		}
	}
	if (console->up && !console->sending && console->tx_len) {
		struct span span = {(const uint8_t *)console->flight,
				    console->tx_len};

		memcpy(console->flight, console->tx, console->tx_len);
		console->tx_len = 0;
		console->sending =
			!dp_send(console->dp, console->conn, &span, 1, 0);
		/* The send is asked for; the next poll submits it. */
		dp_wake(console->dp);
	}
	return count;
}

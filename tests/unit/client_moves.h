/* client_moves.h - the steps that tests of a client's migrations share. */
#pragma once

#include "tests/unit/client_script.h"

static inline struct client_options options(void)
{
	struct client_options made;

	client_options_default(&made);
	strcpy(made.password, "secret");
	return made;
}

static inline void begin(struct script *s, const struct client_options *made)
{
	script_init(s, made);
	script_start(s);
}

/* With the default options, and linked at a destination, seamless. */
static inline void begin_linked(struct script *s)
{
	struct client_options made = options();

	begin(s, &made);
	script_link(s, true, true);
}

static inline void send_text(struct script *s, const char *text)
{
	cr_assert_eq(client_port_send(&s->client, SPICE_CHANNEL_PORT, 0, text,
				      (uint32_t)strlen(text)),
		     0);
}

/* Freezes a channel and lets it swap: its new leg. */
static inline uint32_t move_channel(struct script *s, uint8_t type)
{
	uint32_t leg = script_leg(s, type);
	uint32_t next = script_next(s, type);

	script_migrate(s, leg, 3);
	script_expect(s, leg, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL);
	script_expect_nothing(s, next);
	script_data(s, leg, "token");
	script_expect(s, next, SPICE_MSGC_MIGRATE_DATA, "token");
	script_expect_nothing(s, leg);
	return next;
}

static inline void move_all(struct script *s)
{
	for (uint32_t i = 0; i < SCRIPT_TYPES; i++)
		move_channel(s, script_types[i]);
	move_channel(s, SPICE_CHANNEL_MAIN);
	script_ping(s, script_leg(s, SPICE_CHANNEL_MAIN), 1);
	script_flush(s);
	script_expect(s, script_leg(s, SPICE_CHANNEL_MAIN), SPICE_MSGC_PONG,
		      NULL);
	script_confirm(s);
}

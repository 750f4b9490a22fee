/* hostile_steps.c - how an attacker gets to where it can do harm. */
#include "tests/sim/hostile.h"

#include <spice/enums.h>
#include <spice/protocol.h>

#include <stdarg.h>
#include <stdio.h>

void hostile_fail(struct attacker *attacker, const char *format, ...)
{
	char text[200];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	world_fail(attacker->world, "%s", text);
}

uint32_t hostile_main(struct attacker *attacker, uint32_t daemon)
{
	const struct attacker_wish wish = {
		.daemon = daemon,
		.type = SPICE_CHANNEL_MAIN,
	};
	uint32_t result = attacker_link(attacker, 0, &wish);
	const uint8_t *init;
	uint32_t len;

	if (result) {
		hostile_fail(attacker, "a good main link got %u", result);
		return 0;
	}
	init = attacker_hear(attacker, 0, SPICE_MSG_MAIN_INIT, &len);
	if (!init || len < 4) {
		hostile_fail(attacker, "no MAIN_INIT came");
		return 0;
	}
	return wire_link_read_word(init);
}

bool hostile_hears(struct attacker *attacker, uint32_t leg, uint16_t type)
{
	uint32_t len;

	if (attacker_hear(attacker, leg, type, &len))
		return true;
	hostile_fail(attacker, "message %u does not come", type);
	return false;
}

void hostile_go_along(struct attacker *attacker, enum hostile_step step)
{
	const uint8_t version[] = {1, 0, 0, 0};
	struct attacker_wish wish = {
		.daemon = 1,
		.type = SPICE_CHANNEL_MAIN,
		.connection_id = hostile_main(attacker, 0),
	};

	/* A client that might still link is not moved. */
	attacker_run(attacker, 1500 * NS_PER_MS);
	console_move(&attacker->world->daemons[0].console, "vm1", "b",
		     "seamless", false);
	if (!hostile_hears(attacker, 0,
			   SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS) ||
	    step == AT_BEGIN)
		return;
	if (attacker_link(attacker, 1, &wish)) {
		hostile_fail(attacker, "the destination refuses a good link");
		return;
	}
	if (step == AT_PARKED)
		return;
	attacker_say(attacker, 1, SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS,
		     version, sizeof(version));
	if (!hostile_hears(attacker, 1,
			   SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_ACK) ||
	    step == AT_AGREED)
		return;
	attacker_say(attacker, 0, SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS,
		     NULL, 0);
	if (!hostile_hears(attacker, 0, SPICE_MSG_MIGRATE) || step == AT_FROZEN)
		return;
	attacker_say(attacker, 0, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL, 0);
	hostile_hears(attacker, 0, SPICE_MSG_MIGRATE_DATA);
}

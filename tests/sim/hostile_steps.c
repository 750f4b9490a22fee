/* hostile_steps.c - how an attacker gets to where it can do harm. */
#include "channels/migrate/images.h"
#include "channels/wire/frame.h"
#include "tests/sim/hostile.h"

#include <spice/enums.h>
#include <spice/protocol.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

/* The channel beside main, if there is to be one. */
static void link_also(struct attacker *attacker, uint32_t leg,
		      const struct attacker_wish *of_main)
{
	struct attacker_wish wish = *of_main;

	wish.type = attacker->also;
	if (attacker->also && attacker_link(attacker, leg, &wish))
		hostile_fail(attacker, "a good link beside main is refused");
}

static void freeze(struct attacker *attacker)
{
	attacker_say(attacker, 0, SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS,
		     NULL, 0);
	hostile_hears(attacker, 0, SPICE_MSG_MIGRATE);
	if (attacker->also)
		hostile_hears(attacker, 2, SPICE_MSG_MIGRATE);
}

static void mark(struct attacker *attacker)
{
	attacker_say(attacker, 0, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL, 0);
	if (attacker->also)
		attacker_say(attacker, 2, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL,
			     0);
	hostile_hears(attacker, 0, SPICE_MSG_MIGRATE_DATA);
}

void hostile_go_along(struct attacker *attacker, enum hostile_step step)
{
	const uint8_t version[] = {1, 0, 0, 0};
	struct attacker_wish wish = {
		.type = SPICE_CHANNEL_MAIN,
		.connection_id = hostile_main(attacker, 0),
	};

	link_also(attacker, 2, &wish);
	/* A client that might still link is not moved. */
	attacker_run(attacker, 1500 * NS_PER_MS);
	console_move(&attacker->world->daemons[0].console, "vm1", "b",
		     "seamless", false);
	if (!hostile_hears(attacker, 0,
			   SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS) ||
	    step == AT_BEGIN)
		return;
	wish.daemon = 1;
	if (attacker_link(attacker, 1, &wish)) {
		hostile_fail(attacker, "the destination refuses a good link");
		return;
	}
	link_also(attacker, 3, &wish);
	if (step == AT_PARKED)
		return;
	attacker_say(attacker, 1, SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS,
		     version, sizeof(version));
	hostile_hears(attacker, 1, SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_ACK);
	if (step >= AT_FROZEN)
		freeze(attacker);
	if (step >= AT_MARKED)
		mark(attacker);
}

void hostile_offer(struct attacker *attacker, const char *guest, uint64_t move,
		   uint32_t session_id)
{
	uint8_t list[8];
	uint8_t image[1024];
	const struct image_offer_channel main_channel = {
		.type = SPICE_CHANNEL_MAIN,
		.linked = 1,
	};
	struct image_offer about = {
		.session_id = session_id,
		.header_mode = FRAME_MINI,
		.driver = "demo",
		.ticket_hash = {(uint8_t)move, 2, 3},
		.channels = {list, 0},
	};
	struct peer_offer frame = {.mode = MODE_SEAMLESS};
	int64_t len = field_encode(&image_offer_channel_fields, &main_channel,
				   list, sizeof(list));

	about.channels.len = (uint32_t)len;
	len = image_encode(&image_offer_fields, IMAGE_OFFER, IMAGE_PORTABLE,
			   &about, image, sizeof(image));
	ASSERT(len > 0, "the test's offer can be encoded");
	frame.image = (struct span){image, (uint32_t)len};
	strncpy((char *)frame.guest, guest, sizeof(frame.guest) - 1);
	attacker_frame(attacker, 0, PEER_OFFER, move, 2, &frame);
}

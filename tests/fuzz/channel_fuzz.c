/* channel_fuzz.c - a client's bytes, on each channel, at each step of a move.
 *
 * input: u8 channel, u8 step, u8 bytes at once, the bytes
 */
#include "tests/fuzz/fuzz.h"
#include "tests/sim/hostile.h"

#include <spice/enums.h>
#include <spice/protocol.h>

#include <stdlib.h>
#include <string.h>

enum where { UP, UP_FULL_HEADER, MOVES, WHERE_END = MOVES + AT_MARKED + 1 };

static const uint8_t types[] = {
	SPICE_CHANNEL_MAIN,   SPICE_CHANNEL_DISPLAY, SPICE_CHANNEL_INPUTS,
	SPICE_CHANNEL_CURSOR, SPICE_CHANNEL_PORT,    SPICE_CHANNEL_USBREDIR,
};

/* Links a live session's channel. Returns the leg to speak on. */
static uint32_t come_up(struct attacker *attacker, uint8_t type, bool full)
{
	struct attacker_wish wish = {.type = SPICE_CHANNEL_MAIN};

	if (full) {
		attacker->caps = 1 << SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION;
		FUZZ_ASSERT(!attacker_link(attacker, 0, &wish),
			    "a good link is taken");
		return 0;
	}
	wish.connection_id = hostile_main(attacker, 0);
	wish.type = type;
	if (type == SPICE_CHANNEL_MAIN)
		return 0;
	FUZZ_ASSERT(!attacker_link(attacker, 1, &wish), "a good link is taken");
	return 1;
}

/* Goes to the step. Returns the leg that the bytes belong on there. */
static uint32_t come_along(struct attacker *attacker, uint8_t type,
			   enum hostile_step step)
{
	bool main_only = type == SPICE_CHANNEL_MAIN;
	bool at_source = step == AT_BEGIN || step == AT_FROZEN;

	attacker->also = main_only ? 0 : type;
	hostile_go_along(attacker, step);
	if (at_source)
		return main_only ? 0 : 2;
	return main_only ? 1 : 3;
}

static void speak(struct attacker *attacker, uint32_t leg, const uint8_t *bytes,
		  uint32_t len, uint32_t at_once)
{
	while (len && !attacker->legs[leg].closed) {
		uint32_t part = min_u32(len, at_once);

		attacker_send(attacker, leg, bytes, part);
		if (part < len)
			attacker_run(attacker, NS_PER_MS);
		bytes += part;
		len -= part;
	}
	attacker_run(attacker, 20 * NS_PER_MS);
}

static void marks(struct attacker *attacker)
{
	attacker_say(attacker, 0, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL, 0);
	if (attacker->also)
		attacker_say(attacker, 2, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL,
			     0);
	attacker_run(attacker, 100 * NS_PER_MS);
}

static void run(struct attacker *attacker, const uint8_t *data, uint32_t size)
{
	uint8_t type = types[data[0] % ARRAY_LEN(types)];
	uint32_t where = data[1] % WHERE_END;
	uint32_t leg = where >= MOVES
			       ? come_along(attacker, type, where - MOVES)
			       : come_up(attacker, type, where != UP);

	FUZZ_ASSERT(!attacker->world->failed, "the way there is good");
	speak(attacker, leg, data + 3, size - 3,
	      max_u32(data[2] ? data[2] : 4096, size / 64));
	/* What was kept goes along, and is delivered there. */
	if (where == MOVES + AT_FROZEN)
		marks(attacker);
	for (uint32_t i = 0; i < ATTACKER_LEGS; i++)
		attacker_hang_up(attacker, i);
	attacker_run(attacker, 6 * NS_PER_S);
	world_check_empty(attacker->world);
	if (world_moves(attacker->world))
		world_fail(attacker->world, "a move does not end");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world_wish wish = {
		.seed = 1,
		.daemons = 2,
		.shards = 1,
		.guests = 2,
	};
	struct world *world;
	struct attacker *attacker;

	if (size < 3 || size > 65536)
		return 0;
	world = calloc(1, sizeof(*world));
	attacker = calloc(1, sizeof(*attacker));
	FUZZ_ASSERT(world && attacker, "a test has memory");
	world_init(world, &wish);
	attacker_init(attacker, world);
	run(attacker, data, (uint32_t)size);
	if (world->failed)
		world_print_logs(world);
	FUZZ_ASSERT(!world->failed, world->failure);
	attacker_fini(attacker);
	world_fini(world);
	free(attacker);
	free(world);
	return 0;
}

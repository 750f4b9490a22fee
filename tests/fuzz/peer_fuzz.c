/* peer_fuzz.c - a peer's frames: a stranger's, a source's, a destination's.
 *
 * input: u8 role, then bytes as they are, or a tape
 */
#include "tests/fuzz/fuzz.h"
#include "tests/sim/hostile.h"

#include <spice/enums.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum role {
	STRANGER,    /* raw bytes, no greeting before them */
	PROVEN,      /* raw bytes behind a good proof */
	SOURCE,      /* a tape: frames behind a good offer */
	DESTINATION, /* a tape: frames behind an offer of a's */
	ROLES,
};

#define OTHER "10.9.9.9:5800" /* where b would be, were it not us */

/* What a tape may ask for beside the frame types. */
enum {
	SAY_CONNECTED = PEER_TYPE_END,
	SAY_ERROR,
	SAY_MARK,
	SAY_NOTHING,
	ASK_FREEZE,
	ASK_CANCEL,
	SAY_END,
};

static void set_peer(struct world *world, uint32_t daemon,
		     struct config *config)
{
	struct config_peer *peer = &config->peers[0];

	(void)world, (void)daemon;
	snprintf(peer->name, sizeof(peer->name), "b");
	FUZZ_ASSERT(!addr_parse(&peer->address, OTHER), "a good address");
	config->peer_count = 1;
}

static void say(struct attacker *attacker, uint8_t what)
{
	switch (what) {
	case SAY_CONNECTED:
		attacker_say(attacker, 1,
			     SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS, NULL,
			     0);
		break;
	case SAY_ERROR:
		attacker_say(attacker, 1, SPICE_MSGC_MAIN_MIGRATE_CONNECT_ERROR,
			     NULL, 0);
		break;
	case SAY_MARK:
		attacker_say(attacker, 1, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL,
			     0);
		break;
	case ASK_CANCEL:
		world_cancel(attacker->world, 0, "vm1");
		break;
	default:
		break;
	}
	attacker_run(attacker, 5 * NS_PER_MS);
}

/* A frame of random fields, or of bytes from the tape. Bytes of it used. */
static uint32_t frame(struct attacker *attacker, uint8_t type, uint8_t how,
		      const struct peer_header *move, const uint8_t *tape,
		      uint32_t len)
{
	const struct field_table *table = peer_table(type);
	uint64_t id = how & 1 ? move->move + (how >> 4) : move->move;
	uint64_t epoch = how & 2 ? move->epoch + 1 : move->epoch;
	uint8_t scratch[4096];
	uint64_t payload[64]; /* aligned for every table's struct */
	uint8_t bytes[PEER_HEADER_BYTES];
	struct peer_header header = {.type = type, .move = id, .epoch = epoch};

	if (!(how & 4)) {
		size_t used = 0;

		if (table)
			used = field_random(table, payload, tape, len, scratch,
					    sizeof(scratch));
		attacker_frame(attacker, 0, type, id, epoch, payload);
		return (uint32_t)used;
	}
	header.len = len ? min_u32(tape[0], len - 1) : 0;
	peer_header_encode(&header, bytes);
	attacker_send(attacker, 0, bytes, sizeof(bytes));
	if (header.len)
		attacker_send(attacker, 0, tape + 1, header.len);
	return min_u32(len, header.len + 1);
}

static void play(struct attacker *attacker, const struct peer_header *move,
		 const uint8_t *tape, uint32_t len)
{
	for (uint32_t steps = 0; len >= 2 && steps < 64; steps++) {
		uint8_t what = (uint8_t)(1 + tape[0] % (SAY_END - 1));
		uint8_t how = tape[1];
		uint32_t used = 0;

		tape += 2;
		len -= 2;
		if (what < PEER_TYPE_END)
			used = frame(attacker, what, how, move, tape, len);
		else
			say(attacker, what);
		if (how & 8)
			attacker_run(attacker, NS_PER_MS);
		tape += used;
		len -= used;
	}
}

static void be_source(struct attacker *attacker, const uint8_t *tape,
		      uint32_t len)
{
	const struct peer_header move = {.move = HOSTILE_MOVE, .epoch = 2};
	struct peer_answer answer;

	FUZZ_ASSERT(attacker_greet(attacker, 0, 0, true), "a good proof");
	hostile_offer(attacker, "new1", HOSTILE_MOVE, 0x12345);
	FUZZ_ASSERT(attacker_hear_frame(attacker, 0, PEER_ANSWER, &answer),
		    "a good offer is answered");
	play(attacker, &move, tape, len);
}

/* The client, on leg 1, plays along as the tape says. */
static void be_destination(struct attacker *attacker, const uint8_t *tape,
			   uint32_t len)
{
	struct attacker_wish wish = {.type = SPICE_CHANNEL_MAIN};
	struct peer_header move;
	struct peer_offer offer;

	attacker_listen(attacker, 0, OTHER);
	FUZZ_ASSERT(!attacker_link(attacker, 1, &wish), "a good link is taken");
	attacker_run(attacker, 1500 * NS_PER_MS);
	console_move(&attacker->world->daemons[0].console, "vm1", "b",
		     "seamless", false);
	FUZZ_ASSERT(
		attacker_be_greeted(attacker, 0) &&
			attacker_hear_frame(attacker, 0, PEER_OFFER, &offer),
		"an offer comes");
	move = attacker->heard;
	play(attacker, &move, tape, len);
}

static void run(struct attacker *attacker, enum role role, const uint8_t *data,
		uint32_t size)
{
	switch (role) {
	case SOURCE:
		be_source(attacker, data, size);
		break;
	case DESTINATION:
		be_destination(attacker, data, size);
		break;
	case PROVEN:
		FUZZ_ASSERT(attacker_greet(attacker, 0, 0, true), "proven");
		attacker_send(attacker, 0, data, size);
		break;
	default:
		attacker_dial(attacker, 0, "10.0.0.1:5800");
		attacker_send(attacker, 0, data, size);
		break;
	}
	attacker_run(attacker, 20 * NS_PER_MS);
	FUZZ_ASSERT(!attacker->world->failed, "the world holds");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world_wish wish = {
		.seed = 1,
		.daemons = 1,
		.shards = 1,
		.guests = 2,
		.configure = set_peer,
	};
	struct world *world;
	struct attacker *attacker;

	if (size < 1 || size > 65536)
		return 0;
	world = calloc(1, sizeof(*world));
	attacker = calloc(1, sizeof(*attacker));
	FUZZ_ASSERT(world && attacker, "a test has memory");
	world_init(world, &wish);
	attacker_init(attacker, world);
	run(attacker, data[0] % ROLES, data + 1, (uint32_t)size - 1);
	attacker_fini(attacker);
	world_fini(world);
	free(attacker);
	free(world);
	return 0;
}

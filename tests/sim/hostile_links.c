/* hostile_links.c - bad link stages: every error code, floods, replays. */
#include "tests/sim/hostile.h"

#include <spice/enums.h>
#include <spice/protocol.h>

#include <string.h>

#define DOOR      "10.0.0.1:5900"
#define HALF_OPEN 2000

static const char silent[] = DOOR;

/* Header and, if size allows, nothing else: a reply with an error, or EOF. */
static void run_raw(struct attacker *attacker, const struct hostile_case *by)
{
	const struct attacker_leg *leg = &attacker->legs[0];
	uint32_t error = ATTACKER_NO_ANSWER;

	if (!attacker_dial(attacker, 0, DOOR)) {
		hostile_fail(attacker, "the door is shut");
		return;
	}
	attacker_send(attacker, 0, by->bytes, by->len);
	if (attacker_wait(attacker, 0,
			  WIRE_LINK_HEADER_BYTES + WIRE_LINK_REPLY_BYTES))
		error = wire_link_read_word(leg->rx + WIRE_LINK_HEADER_BYTES);
	if (error != by->want)
		hostile_fail(attacker, "the reply says %u", error);
	hostile_must_close(attacker, 0);
	hostile_must_count(attacker, STAT_link_errors, 1);
}

/* A link that is well formed, and refused by its result. */
static void run_refused(struct attacker *attacker,
			const struct hostile_case *by)
{
	struct attacker_wish wish = {.type = by->type};
	uint32_t session = hostile_main(attacker, 0);
	uint32_t result;

	if (!session)
		return;
	wish.connection_id = by->state ? session ^ by->state : 0;
	if (by->state == 1)
		wish.connection_id = session;
	if (by->type == SPICE_CHANNEL_PORT)
		wish.id = 99;
	if (!by->state)
		wish.password = "wrong";
	result = attacker_link(attacker, 1, &wish);
	if (result != by->want)
		hostile_fail(attacker, "the result is %u", result);
	hostile_must_close(attacker, 1);
	hostile_must_log(attacker, 0, by);
	/* The session that it named is not disturbed. */
	if (attacker->legs[0].closed)
		hostile_fail(attacker, "the named session was closed");
}

static void run_replay(struct attacker *attacker, const struct hostile_case *by)
{
	uint8_t cipher[WIRE_LINK_CIPHER_BYTES];
	const struct attacker_wish wish = {
		.type = SPICE_CHANNEL_MAIN,
		.cipher = cipher,
	};
	uint32_t result;

	if (!hostile_main(attacker, 0))
		return;
	memcpy(cipher, attacker->cipher, sizeof(cipher));
	result = attacker_link(attacker, 1, &wish);
	if (result != by->want)
		hostile_fail(attacker, "a replayed ticket got %u", result);
	hostile_must_close(attacker, 1);
	hostile_must_count(attacker, STAT_tickets_replayed, 1);
	hostile_must_log(attacker, 0, by);
	if (attacker->legs[0].closed)
		hostile_fail(attacker, "it took the session over");
}

/* Ciphertexts that are no OAEP block of anything. */
static void run_noise(struct attacker *attacker, const struct hostile_case *by)
{
	uint8_t cipher[WIRE_LINK_CIPHER_BYTES];
	const struct attacker_wish wish = {
		.type = SPICE_CHANNEL_MAIN,
		.cipher = cipher,
	};

	for (uint32_t i = 0; i < 20; i++) {
		uint32_t result;

		memset(cipher, (int)(13 * i), sizeof(cipher));
		result = attacker_link(attacker, 0, &wish);
		if (result != by->want)
			hostile_fail(attacker, "noise got %u", result);
		hostile_must_close(attacker, 0);
	}
	hostile_must_count(attacker, STAT_tickets_wrong, 20);
}

/* A client that does not wait for the result has broken the stage. */
static void run_eager(struct attacker *attacker, const struct hostile_case *by)
{
	uint8_t mess[WIRE_LINK_OUT_MAX];
	uint8_t bytes[4 + WIRE_LINK_CIPHER_BYTES + 6] = {1};
	struct wire_caps caps = {1, {attacker->caps}};
	uint32_t len = wire_link_write_mess(mess, 0, SPICE_CHANNEL_MAIN, 0,
					    &caps, &caps);

	(void)by;
	attacker_dial(attacker, 0, DOOR);
	attacker_send(attacker, 0, mess, len);
	attacker_send(attacker, 0, bytes, sizeof(bytes));
	hostile_must_close(attacker, 0);
}

/* A mechanism that was not offered: a whole error reply, as before it. */
static void run_mechanism(struct attacker *attacker,
			  const struct hostile_case *by)
{
	const struct attacker_leg *leg = &attacker->legs[0];
	uint8_t mess[WIRE_LINK_OUT_MAX];
	struct wire_caps caps = {1, {attacker->caps}};
	uint32_t len = wire_link_write_mess(mess, 0, SPICE_CHANNEL_MAIN, 0,
					    &caps, &caps);
	uint32_t reply = WIRE_LINK_HEADER_BYTES + WIRE_LINK_REPLY_BYTES;

	attacker_dial(attacker, 0, DOOR);
	attacker_send(attacker, 0, mess, len);
	attacker_wait(attacker, 0, reply);
	attacker_run(attacker, 10 * NS_PER_MS);
	attacker_forget(attacker, 0);
	attacker_send(attacker, 0, by->bytes, by->len);
	if (!attacker_wait(attacker, 0, reply) ||
	    wire_link_read_word(leg->rx + WIRE_LINK_HEADER_BYTES) != by->want)
		hostile_fail(attacker, "another mechanism was let pass");
	hostile_must_close(attacker, 0);
}

static void run_slow(struct attacker *attacker, const struct hostile_case *by)
{
	(void)by;
	attacker_dial(attacker, 0, DOOR);
	attacker_send(attacker, 0, "RED", 3);
	attacker_run(attacker, 9 * NS_PER_S);
	if (attacker->legs[0].closed)
		hostile_fail(attacker, "a slow link was not given its time");
	if (!attacker_wait_closed(attacker, 0, 2 * NS_PER_S))
		hostile_fail(attacker, "a link that ends never stays");
	hostile_must_count(attacker, STAT_link_errors, 1);
}

static void run_half_open(struct attacker *attacker,
			  const struct hostile_case *by)
{
	struct user *user = &attacker->world->users[0];
	uint64_t echoed = user->port.echoed;

	(void)by;
	for (uint32_t i = 0; i < HALF_OPEN; i++)
		attacker_dial_idle(attacker, silent);
	attacker_run(attacker, 5 * NS_PER_S);
	if (!attacker->idle_up || attacker->idle_up == attacker->idle_closed)
		hostile_fail(attacker, "the test does not hold links open");
	if (user->port.echoed == echoed || user->losses)
		hostile_fail(attacker, "the good session stands still");
	attacker_run(attacker, 8 * NS_PER_S);
	if (attacker->idle_closed < attacker->idle_up)
		hostile_fail(attacker, "%u half-open links are left",
			     attacker->idle_up - attacker->idle_closed);
	/* And there is room again. */
	hostile_main(attacker, 0);
}

#define REDQ       'R', 'E', 'D', 'Q'
#define VERSION(n) n, 0, 0, 0, 2, 0, 0, 0
#define WORD(n)    (uint8_t)(n), (uint8_t)((n) >> 8), 0, 0
#define MESS(common, offset) \
	0, 0, 0, 0, 1, 0, WORD(common), WORD(0), WORD(offset)

const struct hostile_case hostile_links[] = {
	{.name = "link-magic",
	 .run = run_raw,
	 .want = SPICE_LINK_ERR_INVALID_MAGIC,
	 BYTES('G', 'E', 'T', ' ')},
	{.name = "link-version-3",
	 .run = run_raw,
	 .want = SPICE_LINK_ERR_VERSION_MISMATCH,
	 BYTES(REDQ, VERSION(3), WORD(18))},
	{.name = "link-version-0",
	 .run = run_raw,
	 .want = ATTACKER_NO_ANSWER,
	 BYTES(REDQ, VERSION(0), WORD(18))},
	{.name = "link-too-short",
	 .run = run_raw,
	 .want = SPICE_LINK_ERR_INVALID_DATA,
	 BYTES(REDQ, VERSION(2), WORD(17))},
	{.name = "link-too-long",
	 .run = run_raw,
	 .want = SPICE_LINK_ERR_INVALID_DATA,
	 BYTES(REDQ, VERSION(2), WORD(4097))},
	{.name = "link-caps-outside",
	 .run = run_raw,
	 .want = SPICE_LINK_ERR_INVALID_DATA,
	 BYTES(REDQ, VERSION(2), WORD(18), MESS(1, 18))},
	{.name = "link-caps-before",
	 .run = run_raw,
	 .want = SPICE_LINK_ERR_INVALID_DATA,
	 BYTES(REDQ, VERSION(2), WORD(22), MESS(1, 4), 1, 0, 0, 0)},
	{.name = "link-caps-many",
	 .run = run_raw,
	 .want = SPICE_LINK_ERR_INVALID_DATA,
	 BYTES(REDQ, VERSION(2), WORD(18), MESS(1025, 18))},
	{.name = "link-wrong-ticket",
	 .run = run_refused,
	 .type = SPICE_CHANNEL_MAIN,
	 .want = SPICE_LINK_ERR_PERMISSION_DENIED,
	 .log = "wrong ticket"},
	{.name = "link-second-main",
	 .run = run_refused,
	 .type = SPICE_CHANNEL_MAIN,
	 .state = 1,
	 .want = SPICE_LINK_ERR_BAD_CONNECTION_ID},
	{.name = "link-unknown-id",
	 .run = run_refused,
	 .type = SPICE_CHANNEL_INPUTS,
	 .state = 2,
	 .want = SPICE_LINK_ERR_BAD_CONNECTION_ID,
	 .log = "no such session"},
	{.name = "link-unknown-main-id",
	 .run = run_refused,
	 .type = SPICE_CHANNEL_MAIN,
	 .state = 2,
	 .want = SPICE_LINK_ERR_BAD_CONNECTION_ID,
	 .log = "no such session"},
	{.name = "link-unknown-channel",
	 .run = run_refused,
	 .type = SPICE_CHANNEL_PORT,
	 .state = 1,
	 .want = SPICE_LINK_ERR_CHANNEL_NOT_AVAILABLE},
	{.name = "link-unserved-channel",
	 .run = run_refused,
	 .type = SPICE_CHANNEL_PLAYBACK,
	 .state = 1,
	 .want = SPICE_LINK_ERR_CHANNEL_NOT_AVAILABLE},
	{.name = "link-replayed-ticket",
	 .run = run_replay,
	 .want = SPICE_LINK_ERR_PERMISSION_DENIED,
	 .log = "its ticket was seen before"},
	{.name = "link-noise-for-a-ticket",
	 .run = run_noise,
	 .want = SPICE_LINK_ERR_PERMISSION_DENIED},
	{.name = "link-mechanism-sasl",
	 .run = run_mechanism,
	 .want = SPICE_LINK_ERR_INVALID_DATA,
	 BYTES(2, 0, 0, 0)},
	{.name = "link-mechanism-unknown",
	 .run = run_mechanism,
	 .want = SPICE_LINK_ERR_INVALID_DATA,
	 BYTES(255, 255, 255, 255)},
	{.name = "link-speaks-early", .run = run_eager},
	{.name = "link-slow", .run = run_slow},
	{.name = "link-half-open-2000", .run = run_half_open},
};
const uint32_t hostile_link_count = ARRAY_LEN(hostile_links);

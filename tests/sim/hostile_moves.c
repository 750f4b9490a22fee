/* hostile_moves.c - a client that breaks the steps of a move. */
#include "tests/sim/hostile.h"

#include <spice/enums.h>
#include <spice/protocol.h>

#include <string.h>

/* The bytes on a leg at a step: that session is closed, at both ends. */
static void run_at(struct attacker *attacker, const struct hostile_case *by)
{
	uint32_t leg = by->type;

	hostile_go_along(attacker, (enum hostile_step)by->state);
	attacker_send(attacker, leg, by->bytes, by->len);
	hostile_must_close(attacker, leg);
	hostile_must_log(attacker, leg, by);
	if (!attacker_wait_closed(attacker, 0, 20 * NS_PER_S))
		hostile_fail(attacker, "its other end is still open");
}

/* As above, but the source keeps the session: only the move ends. */
static void run_parked(struct attacker *attacker, const struct hostile_case *by)
{
	hostile_go_along(attacker, (enum hostile_step)by->state);
	attacker_send(attacker, 1, by->bytes, by->len);
	hostile_must_close(attacker, 1);
	hostile_must_log(attacker, 1, by);
	if (attacker->legs[0].closed)
		hostile_fail(attacker, "its session at the source was closed");
	/* The client has not answered yet: it does, and gets CANCEL. */
	attacker_say(attacker, 0, SPICE_MSGC_MAIN_MIGRATE_CONNECT_ERROR, NULL,
		     0);
	attacker_run(attacker, 100 * NS_PER_MS);
	if (attacker->legs[0].closed || world_moves(attacker->world))
		hostile_fail(attacker, "the move lives on");
}

/* Claims to be linked and is not: the move fails, the session stays. */
static void run_liar(struct attacker *attacker, const struct hostile_case *by)
{
	hostile_go_along(attacker, (enum hostile_step)by->state);
	attacker_send(attacker, 0, by->bytes, by->len);
	attacker_run(attacker, 15 * NS_PER_S);
	if (attacker->legs[0].closed)
		hostile_fail(attacker, "its session at the source was closed");
	if (world_moves(attacker->world))
		hostile_fail(attacker, "the move lives on");
}

/* Never answers BEGIN, never marks, never switches: bounded all the same. */
static void run_silent(struct attacker *attacker, const struct hostile_case *by)
{
	hostile_go_along(attacker, (enum hostile_step)by->state);
	attacker_run(attacker, 15 * NS_PER_S);
	if (by->state == AT_FROZEN &&
	    !hostile_hears(attacker, 0, SPICE_MSG_MAIN_MIGRATE_CANCEL))
		return;
	if (by->state == AT_MARKED)
		hostile_must_close(attacker, 1);
	if (by->state != AT_BEGIN && world_moves(attacker->world))
		hostile_fail(attacker, "the move lives on");
}

/*
 * More input on its way than an image takes: the move is given up at once, and
 * not when the mark behind all of it has not come for a while.
 */
static void run_overflow(struct attacker *attacker,
			 const struct hostile_case *by)
{
	static const uint8_t bytes[64 * 1024];

	attacker->also = by->type;
	hostile_go_along(attacker, AT_FROZEN);
	for (uint32_t i = 0; i < by->want; i++)
		attacker_say(attacker, 2, SPICE_MSGC_SPICEVMC_DATA, bytes,
			     sizeof(bytes));
	attacker_run(attacker, 500 * NS_PER_MS);
	if (world_moves(attacker->world))
		hostile_fail(attacker, "the move waits for a mark");
	attacker_say(attacker, 0, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL, 0);
	attacker_say(attacker, 2, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL, 0);
	hostile_hears(attacker, 0, SPICE_MSG_MAIN_MIGRATE_CANCEL);
	attacker_run(attacker, 500 * NS_PER_MS);
	if (attacker->legs[0].closed || attacker->legs[2].closed)
		hostile_fail(attacker, "the session was closed");
}

/*
 * Semi-seamless: when main has switched a client may do without a channel. It
 * is not waited for, and one that says nothing at all is given up in the end.
 */
static void run_semi(struct attacker *attacker, const struct hostile_case *by)
{
	const uint8_t version[] = {2, 0, 0, 0};

	attacker->also = by->type;
	hostile_go_along(attacker, AT_PARKED);
	attacker_say(attacker, 1, SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS,
		     version, sizeof(version));
	hostile_hears(attacker, 1, SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_NACK);
	attacker_say(attacker, 0, SPICE_MSGC_MAIN_MIGRATE_CONNECTED, NULL, 0);
	hostile_hears(attacker, 0, SPICE_MSG_MAIN_MIGRATE_END);
	attacker_say(attacker, 1, SPICE_MSGC_MAIN_MIGRATE_END, NULL, 0);
	hostile_hears(attacker, 1, SPICE_MSG_MAIN_INIT);
	hostile_hears(attacker, 3, SPICE_MSG_PING);
	attacker_run(attacker, 500 * NS_PER_MS);
	if (!world_moves(attacker->world))
		hostile_fail(attacker, "a channel was not waited for");
	if (by->state) {
		attacker_hang_up(attacker, 3);
		attacker_run(attacker, 500 * NS_PER_MS);
	} else {
		attacker_run(attacker, 15 * NS_PER_S);
	}
	if (world_moves(attacker->world))
		hostile_fail(attacker, "the move lives on");
	if (attacker->legs[1].closed != !by->state)
		hostile_fail(attacker, "its session at the destination is %s",
			     by->state ? "closed" : "still there");
}

/* After a move that failed the client may dial the destination again, or come
 * there from an older list: the id means nothing there any more. */
static void run_stray(struct attacker *attacker, const struct hostile_case *by)
{
	struct attacker_wish wish = {.daemon = 1, .type = by->type};
	const uint8_t *init;
	uint32_t len;
	uint32_t result;

	hostile_go_along(attacker, AT_PARKED);
	attacker_say(attacker, 0, SPICE_MSGC_MAIN_MIGRATE_CONNECT_ERROR, NULL,
		     0);
	hostile_must_close(attacker, 1);
	init = attacker_hear(attacker, 0, SPICE_MSG_MAIN_INIT, &len);
	wish.connection_id = init ? wire_link_read_word(init) : 0;
	result = attacker_link(attacker, 2, &wish);
	if (result != by->want)
		hostile_fail(attacker, "a stray link got %u", result);
	hostile_must_close(attacker, 2);
	if (attacker->legs[0].closed)
		hostile_fail(attacker, "its session at the source was closed");
}

/* A stranger with the ticket cannot join a session that stands frozen. */
static void run_join_frozen(struct attacker *attacker,
			    const struct hostile_case *by)
{
	struct attacker_wish wish = {.type = SPICE_CHANNEL_INPUTS};
	const uint8_t *init;
	uint32_t len;
	uint32_t result;

	hostile_go_along(attacker, AT_FROZEN);
	init = attacker_hear(attacker, 0, SPICE_MSG_MAIN_INIT, &len);
	wish.connection_id = init ? wire_link_read_word(init) : 0;
	result = attacker_link(attacker, 2, &wish);
	if (result != by->want)
		hostile_fail(attacker, "a link while frozen got %u", result);
	hostile_must_close(attacker, 2);
}

#define EMPTY(type)   BYTES(MINI(SPICE_MSGC_##type, 0))
#define AT(step, leg) .run = run_at, .state = step, .type = leg

const struct hostile_case hostile_moves[] = {
	{.name = "begin-then-flush-mark",
	 AT(AT_BEGIN, 0),
	 .log = "broke the protocol",
	 EMPTY(MIGRATE_FLUSH_MARK)},
	{.name = "begin-then-migrate-end",
	 AT(AT_BEGIN, 0),
	 .log = "broke the protocol",
	 EMPTY(MAIN_MIGRATE_END)},
	{.name = "parked-agent-data",
	 .run = run_parked,
	 .state = AT_PARKED,
	 .log = "broke the protocol",
	 BYTES(MINI(SPICE_MSGC_MAIN_AGENT_DATA, 1), 1)},
	{.name = "parked-migrate-end",
	 .run = run_parked,
	 .state = AT_PARKED,
	 .log = "broke the protocol",
	 EMPTY(MAIN_MIGRATE_END)},
	{.name = "parked-flush-mark",
	 .run = run_parked,
	 .state = AT_PARKED,
	 .log = "broke the protocol",
	 EMPTY(MIGRATE_FLUSH_MARK)},
	{.name = "parked-token",
	 .run = run_parked,
	 .state = AT_PARKED,
	 .log = "broke the protocol",
	 BYTES(MINI(SPICE_MSGC_MIGRATE_DATA, 4), 1, 2, 3, 4)},
	{.name = "claims-to-be-linked",
	 .run = run_liar,
	 .state = AT_BEGIN,
	 EMPTY(MAIN_MIGRATE_CONNECTED_SEAMLESS)},
	{.name = "claims-seamless-unagreed",
	 .run = run_liar,
	 .state = AT_PARKED,
	 EMPTY(MAIN_MIGRATE_CONNECTED_SEAMLESS)},
	{.name = "connected-twice",
	 AT(AT_AGREED, 0),
	 .log = "broke the protocol",
	 BYTES(MINI(SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS, 0),
	       MINI(SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS, 0),
	       MINI(SPICE_MSGC_MIGRATE_FLUSH_MARK, 0),
	       MINI(SPICE_MSGC_MIGRATE_FLUSH_MARK, 0))},
	{.name = "frozen-two-marks",
	 AT(AT_FROZEN, 0),
	 .log = "broke the protocol",
	 BYTES(MINI(SPICE_MSGC_MIGRATE_FLUSH_MARK, 0),
	       MINI(SPICE_MSGC_MIGRATE_FLUSH_MARK, 0))},
	{.name = "frozen-data-behind-the-mark",
	 AT(AT_FROZEN, 0),
	 .log = "broke the protocol",
	 BYTES(MINI(SPICE_MSGC_MIGRATE_FLUSH_MARK, 0),
	       MINI(SPICE_MSGC_MAIN_AGENT_DATA, 1), 1)},
	{.name = "frozen-unknown-type",
	 AT(AT_FROZEN, 0),
	 .log = "broke the protocol",
	 BYTES(MINI(999, 0))},
	{.name = "frozen-migrate-data",
	 AT(AT_FROZEN, 0),
	 .log = "broke the protocol",
	 BYTES(MINI(SPICE_MSGC_MIGRATE_DATA, 1), 1)},
	{.name = "frozen-bad-input-kept",
	 AT(AT_FROZEN, 0),
	 BYTES(MINI(SPICE_MSGC_MAIN_MOUSE_MODE_REQUEST, 2), 9, 9,
	       MINI(SPICE_MSGC_MIGRATE_FLUSH_MARK, 0))},
	{.name = "awaited-wrong-token",
	 AT(AT_MARKED, 1),
	 .log = "broke the protocol",
	 BYTES(MINI(SPICE_MSGC_MIGRATE_DATA, 4), 1, 2, 3, 4)},
	{.name = "awaited-forged-token",
	 AT(AT_MARKED, 1),
	 .log = "broke the protocol",
	 BYTES(MINI(SPICE_MSGC_MIGRATE_DATA, 36), 'F', 'M', 'T', 'K', 0, 0, 0,
	       0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	       0, 0, 0, 0, 0, 0, 0)},
	{.name = "awaited-no-token",
	 AT(AT_MARKED, 1),
	 .log = "broke the protocol",
	 BYTES(MINI(SPICE_MSGC_MAIN_AGENT_DATA, 1), 1)},
	{.name = "awaited-token-long",
	 AT(AT_MARKED, 1),
	 .log = "broke the protocol",
	 BYTES(MINI(SPICE_MSGC_MIGRATE_DATA, 4097))},
	{.name = "silent-behind-begin", .run = run_silent, .state = AT_BEGIN},
	{.name = "silent-when-frozen", .run = run_silent, .state = AT_FROZEN},
	{.name = "silent-without-token", .run = run_silent, .state = AT_MARKED},
	{.name = "frozen-more-than-fits",
	 .run = run_overflow,
	 .type = SPICE_CHANNEL_PORT,
	 .want = 12},
	{.name = "semi-does-without-a-channel",
	 .run = run_semi,
	 .type = SPICE_CHANNEL_PORT,
	 .state = 1},
	{.name = "semi-silent-on-a-channel",
	 .run = run_semi,
	 .type = SPICE_CHANNEL_PORT},
	{.name = "stray-main-behind-a-failed-move",
	 .run = run_stray,
	 .type = SPICE_CHANNEL_MAIN,
	 .want = SPICE_LINK_ERR_BAD_CONNECTION_ID},
	{.name = "stray-inputs-behind-a-failed-move",
	 .run = run_stray,
	 .type = SPICE_CHANNEL_INPUTS,
	 .want = SPICE_LINK_ERR_BAD_CONNECTION_ID},
	{.name = "joins-a-frozen-session",
	 .run = run_join_frozen,
	 .want = SPICE_LINK_ERR_BAD_CONNECTION_ID},
};
const uint32_t hostile_move_count = ARRAY_LEN(hostile_moves);

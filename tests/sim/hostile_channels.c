/* hostile_channels.c - bad messages on every channel of a live session. */
#include "channels/wire/directory.h"
#include "tests/sim/hostile.h"

#include <spice/enums.h>
#include <spice/protocol.h>

#include <stdio.h>
#include <string.h>

/* Links main, and the channel if it is another: on leg 0 and 1. */
static uint32_t link_channel(struct attacker *attacker, uint8_t type)
{
	struct attacker_wish wish = {.type = type};
	uint32_t result;

	wish.connection_id = hostile_main(attacker, 0);
	if (type == SPICE_CHANNEL_MAIN || attacker->world->failed)
		return 0;
	result = attacker_link(attacker, 1, &wish);
	if (result)
		hostile_fail(attacker, "the channel's link got %u", result);
	return 1;
}

static void must_break(struct attacker *attacker, uint8_t type,
		       const struct hostile_case *by)
{
	char log[80];

	hostile_must_close(attacker, 0);
	if (type != SPICE_CHANNEL_MAIN)
		hostile_must_close(attacker, 1);
	hostile_must_count(attacker, STAT_protocol_errors, 1);
	snprintf(log, sizeof(log), "the client broke the protocol on %s 0",
		 wire_channel_name(type));
	if (!attacker_logged(attacker, 0, log))
		hostile_fail(attacker, "%s: the log does not say: %s", by->name,
			     log);
}

/* The bytes on the channel: the session is closed, all of it. */
static void run_bytes(struct attacker *attacker, const struct hostile_case *by)
{
	uint32_t leg = link_channel(attacker, by->type);

	attacker_send(attacker, leg, by->bytes, by->len);
	must_break(attacker, by->type, by);
}

/* The bytes on each channel type in turn. */
static void run_everywhere(struct attacker *attacker,
			   const struct hostile_case *by)
{
	static const uint8_t types[] = {
		SPICE_CHANNEL_MAIN,   SPICE_CHANNEL_DISPLAY,
		SPICE_CHANNEL_INPUTS, SPICE_CHANNEL_CURSOR,
		SPICE_CHANNEL_PORT,   SPICE_CHANNEL_USBREDIR,
	};

	for (uint32_t i = 0; i < ARRAY_LEN(types); i++) {
		char log[80];
		uint32_t leg = link_channel(attacker, types[i]);

		attacker_send(attacker, leg, by->bytes, by->len);
		hostile_must_close(attacker, 0);
		hostile_must_close(attacker, leg);
		hostile_must_count(attacker, STAT_protocol_errors, i + 1);
		snprintf(log, sizeof(log),
			 "the client broke the protocol on %s 0",
			 wire_channel_name(types[i]));
		if (!attacker_logged(attacker, 0, log))
			hostile_fail(attacker, "the log does not say: %s", log);
	}
}

/* A body that never ends, then a hang-up: no error, just gone. */
static void run_truncated(struct attacker *attacker,
			  const struct hostile_case *by)
{
	uint32_t leg = link_channel(attacker, by->type);

	attacker_send(attacker, leg, by->bytes, by->len);
	attacker_run(attacker, 50 * NS_PER_MS);
	attacker_hang_up(attacker, leg);
	attacker_run(attacker, 50 * NS_PER_MS);
	hostile_must_count(attacker, STAT_protocol_errors, 0);
	if (leg && attacker->legs[0].closed)
		hostile_fail(attacker, "main went with another channel");
}

/* Asks and never reads: closed before it holds much. */
static void run_deaf(struct attacker *attacker, const struct hostile_case *by)
{
	uint32_t leg = link_channel(attacker, by->type);

	dp_hold(attacker->dp, attacker->legs[leg].conn);
	attacker->legs[leg].deaf = true;
	for (uint32_t i = 0; i < 200000; i++)
		attacker_send(attacker, leg, by->bytes, by->len);
	attacker_run(attacker, NS_PER_S);
	if (!attacker_logged(attacker, 0, by->log))
		hostile_fail(attacker, "a deaf client was let be");
}

/* Much, but nothing wrong: the session lives on and holds nothing. */
static void run_flood(struct attacker *attacker, const struct hostile_case *by)
{
	uint32_t leg = link_channel(attacker, by->type);

	for (uint32_t i = 0; i < by->want; i++)
		attacker_send(attacker, leg, by->bytes, by->len);
	attacker_run(attacker, NS_PER_S);
	hostile_must_count(attacker, STAT_protocol_errors, 0);
	if (attacker->legs[leg].closed)
		hostile_fail(attacker, "a lively session was closed");
}

/* Sub-messages, which only a server may send, in a full header. */
static void run_sub_list(struct attacker *attacker,
			 const struct hostile_case *by)
{
	struct attacker_wish wish = {.type = SPICE_CHANNEL_MAIN};
	const uint8_t bytes[] = {1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 4,
				 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};

	attacker->caps = 1 << SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION;
	if (attacker_link(attacker, 0, &wish))
		hostile_fail(attacker, "a link with full headers was refused");
	attacker_send(attacker, 0, bytes, sizeof(bytes));
	must_break(attacker, SPICE_CHANNEL_MAIN, by);
}

/* Every length that a header can lie about, one bit at a time. */
static void run_lengths(struct attacker *attacker,
			const struct hostile_case *by)
{
	for (uint32_t bit = 13; bit < 32; bit++) {
		uint32_t leg = link_channel(attacker, by->type);
		const uint8_t bytes[] = {
			MINI(SPICE_MSGC_INPUTS_KEY_DOWN, (uint32_t)1 << bit)};

		attacker_send(attacker, leg, bytes, sizeof(bytes));
		hostile_must_close(attacker, 0);
	}
	hostile_must_count(attacker, STAT_protocol_errors, 32 - 13);
}

#define ON(type_)   .run = run_bytes, .type = SPICE_CHANNEL_##type_
#define EMPTY(type) BYTES(MINI(SPICE_MSGC_##type, 0))

const struct hostile_case hostile_channels[] = {
	{.name = "every-unknown-type",
	 .run = run_everywhere,
	 BYTES(MINI(999, 0))},
	{.name = "every-type-0", .run = run_everywhere, BYTES(MINI(0, 0))},
	{.name = "every-oversize",
	 .run = run_everywhere,
	 BYTES(MINI(SPICE_MSGC_PONG, 0xffffffff))},
	{.name = "every-flush-mark-unasked",
	 .run = run_everywhere,
	 EMPTY(MIGRATE_FLUSH_MARK)},
	{.name = "every-migrate-data-unasked",
	 .run = run_everywhere,
	 BYTES(MINI(SPICE_MSGC_MIGRATE_DATA, 4), 1, 2, 3, 4)},
	{.name = "every-migrate-data-empty",
	 .run = run_everywhere,
	 BYTES(MINI(SPICE_MSGC_MIGRATE_DATA, 0))},
	{.name = "every-ack-with-a-body",
	 .run = run_everywhere,
	 BYTES(MINI(SPICE_MSGC_ACK, 1), 0)},
	{.name = "every-ack-sync-short",
	 .run = run_everywhere,
	 BYTES(MINI(SPICE_MSGC_ACK_SYNC, 3), 0, 0, 0)},
	{.name = "main-do-seamless-live",
	 ON(MAIN),
	 BYTES(MINI(SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS, 4), 1, 0, 0, 0)},
	{.name = "main-migrate-end-unasked", ON(MAIN), EMPTY(MAIN_MIGRATE_END)},
	{.name = "main-connected-unasked",
	 ON(MAIN),
	 EMPTY(MAIN_MIGRATE_CONNECTED)},
	{.name = "main-connected-seamless-unasked",
	 ON(MAIN),
	 EMPTY(MAIN_MIGRATE_CONNECTED_SEAMLESS)},
	{.name = "main-connect-error-unasked",
	 ON(MAIN),
	 EMPTY(MAIN_MIGRATE_CONNECT_ERROR)},
	{.name = "main-mouse-mode-both",
	 ON(MAIN),
	 BYTES(MINI(SPICE_MSGC_MAIN_MOUSE_MODE_REQUEST, 2), 3, 0)},
	{.name = "main-agent-token-short",
	 ON(MAIN),
	 BYTES(MINI(SPICE_MSGC_MAIN_AGENT_TOKEN, 2), 1, 0)},
	{.name = "main-agent-data-long",
	 ON(MAIN),
	 BYTES(MINI(SPICE_MSGC_MAIN_AGENT_DATA, 2049))},
	{.name = "main-sub-list", .run = run_sub_list},
	{.name = "main-agent-flood",
	 .run = run_flood,
	 .type = SPICE_CHANNEL_MAIN,
	 .want = 5000,
	 BYTES(MINI(SPICE_MSGC_MAIN_AGENT_DATA, 1), 7)},
	{.name = "main-deaf",
	 .run = run_deaf,
	 .type = SPICE_CHANNEL_MAIN,
	 .log = "does not read what is sent",
	 BYTES(MINI(SPICE_MSGC_MAIN_MOUSE_MODE_REQUEST, 2), 1, 0)},
	{.name = "main-truncated",
	 .run = run_truncated,
	 .type = SPICE_CHANNEL_MAIN,
	 BYTES(MINI(SPICE_MSGC_MAIN_AGENT_DATA, 2000), 1, 2, 3)},
	{.name = "display-second-init",
	 ON(DISPLAY),
	 BYTES(MINI(SPICE_MSGC_DISPLAY_INIT, 14), 1, 0, 0, 1, 0, 0, 0, 0, 0, 1,
	       0, 1, 0, 0, MINI(SPICE_MSGC_DISPLAY_INIT, 14), 1, 0, 0, 1, 0, 0,
	       0, 0, 0, 1, 0, 1, 0, 0)},
	{.name = "display-init-short",
	 ON(DISPLAY),
	 BYTES(MINI(SPICE_MSGC_DISPLAY_INIT, 13), 1, 0, 0, 1, 0, 0, 0, 0, 0, 1,
	       0, 1, 0)},
	{.name = "display-truncated",
	 .run = run_truncated,
	 .type = SPICE_CHANNEL_DISPLAY,
	 BYTES(MINI(SPICE_MSGC_DISPLAY_INIT, 14), 1)},
	{.name = "display-acks-unasked",
	 .run = run_flood,
	 .type = SPICE_CHANNEL_DISPLAY,
	 .want = 5000,
	 BYTES(MINI(SPICE_MSGC_ACK, 0))},
	{.name = "inputs-key-short",
	 ON(INPUTS),
	 BYTES(MINI(SPICE_MSGC_INPUTS_KEY_DOWN, 3), 1, 0, 0)},
	{.name = "inputs-scancodes-long",
	 ON(INPUTS),
	 BYTES(MINI(SPICE_MSGC_INPUTS_KEY_SCANCODE, 257))},
	{.name = "inputs-lengths",
	 .run = run_lengths,
	 .type = SPICE_CHANNEL_INPUTS},
	{.name = "inputs-deaf",
	 .run = run_deaf,
	 .type = SPICE_CHANNEL_INPUTS,
	 .log = "does not read what is sent",
	 BYTES(MINI(SPICE_MSGC_INPUTS_KEY_DOWN, 4), 0x3a, 0, 0, 0)},
	{.name = "inputs-truncated",
	 .run = run_truncated,
	 .type = SPICE_CHANNEL_INPUTS,
	 BYTES(MINI(SPICE_MSGC_INPUTS_KEY_DOWN, 4), 1)},
	{.name = "port-empty-data",
	 ON(PORT),
	 BYTES(MINI(SPICE_MSGC_SPICEVMC_DATA, 0))},
	{.name = "port-compressed",
	 ON(PORT),
	 BYTES(MINI(SPICE_MSGC_SPICEVMC_COMPRESSED_DATA, 8), 1, 2, 0, 0, 0, 3,
	       4, 5)},
	{.name = "port-data-oversize",
	 ON(PORT),
	 BYTES(MINI(SPICE_MSGC_SPICEVMC_DATA, 0x2000000))},
	{.name = "port-event-long",
	 ON(PORT),
	 BYTES(MINI(SPICE_MSGC_PORT_EVENT, 2), 1, 1)},
	{.name = "port-truncated",
	 .run = run_truncated,
	 .type = SPICE_CHANNEL_PORT,
	 BYTES(MINI(SPICE_MSGC_SPICEVMC_DATA, 100), 1, 2, 3)},
	{.name = "usbredir-empty-data",
	 ON(USBREDIR),
	 BYTES(MINI(SPICE_MSGC_SPICEVMC_DATA, 0))},
	{.name = "usbredir-compressed",
	 ON(USBREDIR),
	 BYTES(MINI(SPICE_MSGC_SPICEVMC_COMPRESSED_DATA, 5), 1, 2, 0, 0, 0)},
	{.name = "cursor-anything", ON(CURSOR), BYTES(MINI(101, 0))},
};
const uint32_t hostile_channel_count = ARRAY_LEN(hostile_channels);

/* client_undo_test.c - migrations that fail or are taken back, at the client.
 */
#include "tests/unit/client_moves.h"

static void refuse(struct script *s, uint32_t leg)
{
	uint8_t out[WIRE_LINK_OUT_MAX];
	uint32_t len = wire_link_write_reply(
		out, SPICE_LINK_ERR_CHANNEL_NOT_AVAILABLE, NULL, NULL, NULL);

	script_put_bytes(s, leg, out, len);
}

static void check_failed(struct script *s, uint32_t crashes)
{
	uint32_t main = script_leg(s, SPICE_CHANNEL_MAIN);

	script_expect(s, main, SPICE_MSGC_MAIN_MIGRATE_CONNECT_ERROR, NULL);
	cr_assert_eq(script_count(s, CLIENT_LINK_FAILED), 1);
	cr_assert_eq(s->client.crashes, crashes);
	script_confirm(s);
	for (uint32_t i = 0; i < CLIENT_LEGS_MAX; i++)
		cr_assert(!s->ends[i].used ||
			  strcmp(s->ends[i].host, "s1") == 0);
	script_ping(s, main, 1);
	script_pump(s);
	script_expect(s, main, SPICE_MSGC_PONG, NULL);
	/* A later attempt succeeds. */
	script_link(s, true, true);
	script_content(s);
	script_fini(s);
}

Test(client_undo, says_when_it_cannot_link)
{
	static struct script s;
	struct client_options made = options();
	uint32_t next;

	begin(&s, &made);
	next = script_begin(&s, true);
	refuse(&s, next);
	check_failed(&s, 0);

	begin(&s, &made);
	next = script_begin(&s, true);
	client_closed(&s.client, next, -ECONNREFUSED, 0);
	s.ends[next].used = false;
	check_failed(&s, 0);

	begin(&s, &made);
	next = script_begin(&s, true);
	script_answer(&s, next, 0);
	next = script_next(&s, SPICE_CHANNEL_PORT);
	script_meet(&s, next);
	refuse(&s, next); /* the others are not answered: a real one dies */
	check_failed(&s, 1);
}

Test(client_undo, refuses_a_second_begin)
{
	static struct script s;
	struct msg_main_migrate_begin begun = {
		.port = 1, .host = {(const uint8_t *)"s3", 2}};
	uint32_t main;

	begin_linked(&s);
	main = script_leg(&s, SPICE_CHANNEL_MAIN);
	script_say(&s, main, SPICE_MSG_MAIN_MIGRATE_BEGIN, &begun);
	script_expect(&s, main, SPICE_MSGC_MAIN_MIGRATE_CONNECT_ERROR, NULL);
	move_channel(&s, SPICE_CHANNEL_PORT);
	script_content(&s);
	script_fini(&s);
}

/* A NOTIFY instead of MIGRATE_DATA: the channel goes on where it was. */
Test(client_undo, thaws)
{
	static struct script s;
	uint32_t port;

	begin_linked(&s);
	port = script_leg(&s, SPICE_CHANNEL_PORT);
	for (uint32_t round = 0; round < 3; round++) {
		script_migrate(&s, port, 3);
		script_expect(&s, port, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL);
		send_text(&s, "kept");
		script_expect_nothing(&s, port);
		script_notify(&s, port);
		script_expect(&s, port, SPICE_MSGC_SPICEVMC_DATA, "kept");
	}
	cr_assert_eq(script_count(&s, CLIENT_THAWED), 3);
	script_content(&s);
	move_channel(&s, SPICE_CHANNEL_PORT);
	script_migrate(&s, script_leg(&s, SPICE_CHANNEL_INPUTS), 3);
	script_ping(&s, script_leg(&s, SPICE_CHANNEL_INPUTS), 1);
	script_pump(&s);
	cr_assert_eq(s.client.violations.frozen, 1);
	script_fini(&s);
}

Test(client_undo, can_be_cancelled_before_it_is_frozen)
{
	static struct script s;
	uint32_t main;
	uint32_t next;

	begin_linked(&s);
	main = script_leg(&s, SPICE_CHANNEL_MAIN);
	next = script_next(&s, SPICE_CHANNEL_MAIN);
	script_say(&s, main, SPICE_MSG_MAIN_MIGRATE_CANCEL, NULL);
	cr_assert_eq(script_count(&s, CLIENT_CANCELLED), 1);
	script_confirm(&s);
	/* The next main is let go only when its server writes or closes. */
	cr_assert(s.ends[next].used);
	cr_assert_str_eq(s.client.here.host, "s2", "the address stays");
	client_eof(&s.client, next, 0);
	script_confirm(&s);
	cr_assert(!s.ends[next].used);
	script_say(&s, main, SPICE_MSG_MAIN_MIGRATE_CANCEL, NULL);
	script_link(&s, true, true);
	move_all(&s);
	script_content(&s);
	script_fini(&s);
}

Test(client_undo, can_be_cancelled_when_frozen)
{
	static struct script s;
	uint32_t main;

	begin_linked(&s);
	main = script_leg(&s, SPICE_CHANNEL_MAIN);
	for (uint32_t i = 0; i < SCRIPT_TYPES; i++)
		script_migrate(&s, script_leg(&s, script_types[i]), 3);
	script_migrate(&s, main, 3);
	/* A CANCEL to a frozen main is what thaws it, and nothing else. */
	script_say(&s, main, SPICE_MSG_MAIN_MIGRATE_CANCEL, NULL);
	cr_assert_eq(script_count(&s, CLIENT_CANCELLED), 0);
	cr_assert_eq(s.client.violations.frozen, 1);
	script_say(&s, main, SPICE_MSG_MAIN_MIGRATE_CANCEL, NULL);
	cr_assert_eq(script_count(&s, CLIENT_CANCELLED), 1);
	script_expect(&s, main, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL);
	for (uint32_t i = 0; i < SCRIPT_TYPES; i++) {
		uint32_t leg = script_leg(&s, script_types[i]);

		script_expect(&s, leg, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL);
		if (i > 0) {
			script_notify(&s, leg);
			continue;
		}
		/* MIGRATE_DATA on one still frozen bounces. */
		script_data(&s, leg, "back");
		script_expect(&s, leg, SPICE_MSGC_MIGRATE_DATA, "back");
	}
	script_confirm(&s);
	script_link(&s, true, true);
	move_all(&s);
	script_fini(&s);
}

/* Swapped channels come back, deaf until the new server closes theirs. */
Test(client_undo, comes_back_deaf)
{
	static struct script s;
	uint32_t port;
	uint32_t there;

	begin_linked(&s);
	port = script_leg(&s, SPICE_CHANNEL_PORT);
	there = move_channel(&s, SPICE_CHANNEL_PORT);
	script_say(&s, script_leg(&s, SPICE_CHANNEL_MAIN),
		   SPICE_MSG_MAIN_MIGRATE_CANCEL, NULL);
	cr_assert_eq(script_leg(&s, SPICE_CHANNEL_PORT), port);
	script_ping(&s, port, 1);
	script_flush(&s);
	script_expect_nothing(&s, port);
	client_eof(&s.client, there, 0);
	script_flush(&s);
	script_expect(&s, port, SPICE_MSGC_PONG, NULL);
	cr_assert(s.ends[there].closed);
	script_confirm(&s);
	script_content(&s);
	script_fini(&s);
}

/* Main has swapped, too: CANCEL comes from the destination. */
Test(client_undo, comes_back_with_main)
{
	static struct script s;
	uint32_t main;
	uint32_t there;

	begin_linked(&s);
	main = script_leg(&s, SPICE_CHANNEL_MAIN);
	there = move_channel(&s, SPICE_CHANNEL_MAIN);
	script_say(&s, there, SPICE_MSG_MAIN_MIGRATE_CANCEL, NULL);
	cr_assert_eq(script_leg(&s, SPICE_CHANNEL_MAIN), main);
	cr_assert(s.ends[there].closed);
	script_ping(&s, main, 1);
	script_flush(&s);
	script_expect(&s, main, SPICE_MSGC_PONG, NULL);
	script_confirm(&s);
	script_link(&s, true, true);
	move_all(&s);
	script_content(&s);
	script_fini(&s);
}

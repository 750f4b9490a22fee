/* client_move_test.c - a client's migrations between two scripted servers. */
#include "tests/unit/client_moves.h"

Test(client_move, is_seamless)
{
	static struct script s;
	struct client_options made = options();

	for (uint32_t variant = 0; variant < 4; variant++) {
		uint32_t old[CLIENT_CHANNELS_MAX];
		uint32_t main;

		made.full_header = variant & 1;
		made.quirks = !(variant & 2);
		begin(&s, &made);
		script_link(&s, true, true);
		for (uint32_t i = 0; i < SCRIPT_TYPES; i++) {
			old[i] = script_leg(&s, script_types[i]);
			s.ends[script_next(&s, script_types[i])].serial = 0;
			move_channel(&s, script_types[i]);
			cr_assert(!s.ends[old[i]].closed);
		}
		main = script_leg(&s, SPICE_CHANNEL_MAIN);
		move_channel(&s, SPICE_CHANNEL_MAIN);
		for (uint32_t i = 0; i < SCRIPT_TYPES; i++)
			cr_assert(s.ends[old[i]].closed);
		/* Main's old socket waits for the new main to speak. */
		cr_assert_eq(s.ends[main].closed, !made.quirks);
		script_ping(&s, script_leg(&s, SPICE_CHANNEL_MAIN), 1);
		script_flush(&s);
		cr_assert(s.ends[main].closed);
		cr_assert_eq(script_count(&s, CLIENT_MIGRATED), 1);
		cr_assert_eq(script_count(&s, CLIENT_SWAPPED), 4);
		cr_assert_str_eq(s.client.here.host, "s2");
		script_confirm(&s);
		script_content(&s);
		script_fini(&s);
	}
}

Test(client_move, forgets_no_flag)
{
	static struct script s;

	for (uint32_t flags = 0; flags < 4; flags++) {
		uint32_t leg;
		uint32_t next;

		begin_linked(&s);
		leg = script_leg(&s, SPICE_CHANNEL_PORT);
		next = script_next(&s, SPICE_CHANNEL_PORT);
		script_migrate(&s, leg, flags);
		send_text(&s, "later");
		if (flags & 1)
			script_expect(&s, leg, SPICE_MSGC_MIGRATE_FLUSH_MARK,
				      NULL);
		script_expect_nothing(&s, leg);
		cr_assert_eq(s.ends[next].held, (flags & 2) != 0);
		if (flags & 2) {
			script_data(&s, leg, "token");
			script_expect(&s, next, SPICE_MSGC_MIGRATE_DATA,
				      "token");
		}
		script_flush(&s);
		script_expect(&s, next, SPICE_MSGC_SPICEVMC_DATA, "later");
		cr_assert_eq(script_count(&s, CLIENT_SWAPPED), 1);
		script_content(&s);
		script_fini(&s);
	}
}

/* Token first, then the replies to early bytes, then the queue in order. */
Test(client_move, keeps_the_order_at_the_destination)
{
	static struct script s;
	struct msg_base_set_ack set = {1, 1};
	uint32_t leg;
	uint32_t next;

	begin_linked(&s);
	leg = script_leg(&s, SPICE_CHANNEL_PORT);
	next = script_next(&s, SPICE_CHANNEL_PORT);
	script_put(&s, next, SPICE_MSG_SET_ACK, &set);
	script_ping(&s, next, 5);
	script_put_raw(&s, next, SPICE_MSG_SPICEVMC_DATA, "early", 5);
	script_pump(&s);
	cr_assert_eq(s.data_len, 0, "nothing is read before the swap");
	script_migrate(&s, leg, 3);
	send_text(&s, "one");
	send_text(&s, "two");
	s.now_ns = 77;
	script_data(&s, leg, "t");
	script_flush(&s);
	cr_assert_eq(memcmp(s.data, "early", 5), 0);
	script_expect(&s, next, SPICE_MSGC_MIGRATE_DATA, "t");
	script_expect(&s, next, SPICE_MSGC_ACK_SYNC, NULL);
	script_expect(&s, next, SPICE_MSGC_ACK, NULL);
	script_expect(&s, next, SPICE_MSGC_PONG, NULL);
	script_expect(&s, next, SPICE_MSGC_ACK, NULL);
	script_expect(&s, next, SPICE_MSGC_SPICEVMC_DATA, "one");
	script_expect(&s, next, SPICE_MSGC_SPICEVMC_DATA, "two");
	script_expect(&s, leg, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL);
	script_expect_nothing(&s, leg);
	cr_assert_eq(
		client_find(&s.client, SPICE_CHANNEL_PORT, 0)->pause.token_ns,
		77);
	script_content(&s);
	script_fini(&s);
}

/* Without anything early the queue still goes, at the second pass's end. */
Test(client_move, sends_the_queue_without_early_bytes)
{
	static struct script s;
	uint32_t next;

	begin_linked(&s);
	next = script_next(&s, SPICE_CHANNEL_PORT);
	script_migrate(&s, script_leg(&s, SPICE_CHANNEL_PORT), 3);
	send_text(&s, "queued");
	script_data(&s, script_leg(&s, SPICE_CHANNEL_PORT), "t");
	script_expect(&s, next, SPICE_MSGC_MIGRATE_DATA, "t");
	script_expect_nothing(&s, next);
	cr_assert(client_flush(&s.client, 0));
	script_expect_nothing(&s, next);
	cr_assert(!client_flush(&s.client, 0));
	script_expect(&s, next, SPICE_MSGC_SPICEVMC_DATA, "queued");
	script_fini(&s);
}

Test(client_move, takes_tokens_of_any_size)
{
	static struct script s;
	static uint8_t token[70000];
	static const uint32_t sizes[] = {1, 4095, 4096, 4097, 65536};

	for (uint32_t i = 0; i < sizeof(token); i++)
		token[i] = (uint8_t)(i * 7 >> 3);
	for (uint32_t i = 0; i < ARRAY_LEN(sizes); i++) {
		uint32_t leg;
		uint32_t next;
		struct end *end;
		struct span body;

		begin_linked(&s);
		leg = script_leg(&s, SPICE_CHANNEL_PORT);
		next = script_next(&s, SPICE_CHANNEL_PORT);
		script_migrate(&s, leg, 3);
		script_put_raw(&s, leg, SPICE_MSG_MIGRATE_DATA, token,
			       sizes[i]);
		end = &s.ends[leg];
		for (uint32_t at = 0; at < end->in_len; at += 1000)
			client_received(&s.client, leg, end->in + at,
					min_u32(1000, end->in_len - at), 0);
		end->in_len = 0;
		cr_assert_eq(script_take(&s, next, &body),
			     SPICE_MSGC_MIGRATE_DATA);
		cr_assert_eq(body.len, sizes[i]);
		cr_assert_eq(memcmp(body.data, token, sizes[i]), 0);
		script_content(&s);
		script_fini(&s);
	}
}

static void check_semi(struct script *s)
{
	uint32_t main = script_leg(s, SPICE_CHANNEL_MAIN);
	uint32_t next = script_next(s, SPICE_CHANNEL_MAIN);
	uint32_t old[SCRIPT_TYPES];

	for (uint32_t i = 0; i < SCRIPT_TYPES; i++)
		old[i] = script_leg(s, script_types[i]);
	script_say(s, main, SPICE_MSG_MAIN_MIGRATE_END, NULL);
	script_expect(s, next, SPICE_MSGC_MAIN_MIGRATE_END, NULL);
	cr_assert(!s->ends[main].closed);
	cr_assert_eq(script_leg(s, SPICE_CHANNEL_MAIN), next);
	script_ping(s, next, 1);
	script_pump(s);
	script_expect(s, next, SPICE_MSGC_PONG, NULL);
	script_init_message(s, next);
	script_expect_nothing(s, next); /* no ATTACH_CHANNELS */
	cr_assert(s->ends[main].closed);
	cr_assert_eq(script_count(s, CLIENT_MIGRATED), 1);
	/* Serials begin again with the new connection. */
	if (script_mode(s) == FRAME_FULL)
		cr_assert_eq(s->ends[next].in_serial, 2);
	for (uint32_t i = 0; i < SCRIPT_TYPES; i++) {
		uint32_t leg = script_leg(s, script_types[i]);
		uint16_t hello[] = {SPICE_MSGC_DISPLAY_INIT,
				    SPICE_MSGC_INPUTS_KEY_MODIFIERS, 0};

		cr_assert_neq(leg, old[i]);
		if (hello[i])
			script_expect(s, leg, hello[i], NULL);
		if (hello[i] && script_mode(s) == FRAME_FULL)
			cr_assert_eq(s->ends[leg].in_serial, 1);
		script_ping(s, leg, 3);
		script_pump(s);
		/* The reader still waits on the old socket. */
		script_expect_nothing(s, leg);
		cr_assert(!s->ends[old[i]].closed);
		client_eof(&s->client, old[i], 0);
		script_flush(s);
		script_expect(s, leg, SPICE_MSGC_PONG, NULL);
		cr_assert(s->ends[old[i]].closed);
	}
}

static void check_surface_again(struct script *s)
{
	struct msg_display_surface_create surface = {
		0, 64, 32, SPICE_SURFACE_FMT_32_xRGB, 1};

	script_say(s, script_leg(s, SPICE_CHANNEL_DISPLAY),
		   SPICE_MSG_DISPLAY_SURFACE_CREATE, &surface);
	script_content(s);
	script_say(s, script_leg(s, SPICE_CHANNEL_DISPLAY),
		   SPICE_MSG_DISPLAY_SURFACE_CREATE, &surface);
	cr_assert_eq(s->client.violations.surface, 1);
}

Test(client_move, is_semi_seamless)
{
	static struct script s;
	struct client_options made = options();

	for (uint32_t variant = 0; variant < 4; variant++) {
		bool seamless = variant == 1 || variant == 2;

		made.full_header = variant == 3;
		begin(&s, &made);
		if (variant == 2)
			s.main_caps = 7; /* no DO_SEAMLESS is sent */
		script_link(&s, seamless, false);
		check_semi(&s);
		check_surface_again(&s);
		script_fini(&s);
	}
}

/* To send is the other way to wake; what was queued before END is lost. */
Test(client_move, wakes_by_sending_after_semi)
{
	static struct script s;
	struct client_options made = options();
	uint32_t leg;
	uint32_t old;

	begin(&s, &made);
	script_link(&s, false, false);
	old = script_leg(&s, SPICE_CHANNEL_PORT);
	s.room = 0;
	send_text(&s, "lost");
	s.room = WIRE_BYTES;
	script_say(&s, script_leg(&s, SPICE_CHANNEL_MAIN),
		   SPICE_MSG_MAIN_MIGRATE_END, NULL);
	cr_assert_eq(client_find(&s.client, SPICE_CHANNEL_PORT, 0)
			     ->counts.dropped_bytes,
		     4 + 6 + 4);
	script_init_message(&s, script_leg(&s, SPICE_CHANNEL_MAIN));
	leg = script_leg(&s, SPICE_CHANNEL_PORT);
	script_put_raw(&s, leg, SPICE_MSG_SPICEVMC_DATA, "new", 3);
	script_pump(&s);
	cr_assert_eq(s.data_len, 0);
	send_text(&s, "awake");
	script_pump(&s);
	cr_assert_eq(s.data_len, 3);
	cr_assert(s.ends[old].closed);
	script_expect(&s, leg, SPICE_MSGC_SPICEVMC_DATA, "awake");
	script_content(&s);
	script_fini(&s);
}

Test(client_move, is_plain_without_quirks)
{
	static struct script s;
	struct client_options made = options();
	uint32_t old;

	made.quirks = false;
	begin(&s, &made);
	script_link(&s, false, false);
	old = script_leg(&s, SPICE_CHANNEL_PORT);
	script_say(&s, script_leg(&s, SPICE_CHANNEL_MAIN),
		   SPICE_MSG_MAIN_MIGRATE_END, NULL);
	script_init_message(&s, script_leg(&s, SPICE_CHANNEL_MAIN));
	cr_assert(s.ends[old].closed);
	script_put_raw(&s, script_leg(&s, SPICE_CHANNEL_PORT),
		       SPICE_MSG_SPICEVMC_DATA, "new", 3);
	script_pump(&s);
	cr_assert_eq(s.data_len, 3);
	script_fini(&s);
}

/* While main waits for the links it is neither read nor written. */
Test(client_move, freezes_main_while_it_links)
{
	static struct script s;
	struct client_options made = options();
	uint32_t main;
	uint32_t port;
	uint32_t next;

	begin(&s, &made);
	main = script_leg(&s, SPICE_CHANNEL_MAIN);
	port = script_leg(&s, SPICE_CHANNEL_PORT);
	next = script_begin(&s, true);
	script_ping(&s, main, 4);
	client_mouse_mode(&s.client, 2);
	script_ping(&s, port, 4);
	script_pump(&s);
	script_expect_nothing(&s, main);
	script_expect(&s, port, SPICE_MSGC_PONG, NULL);
	script_answer(&s, next, 0);
	script_expect(&s, next, SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS, NULL);
	script_link_others(&s);
	script_expect_nothing(&s, main);
	script_say(&s, next, SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_ACK, NULL);
	script_expect(&s, main, SPICE_MSGC_MAIN_MOUSE_MODE_REQUEST, NULL);
	script_expect(&s, main, SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS,
		      NULL);
	script_pump(&s);
	script_expect(&s, main, SPICE_MSGC_PONG, NULL);
	script_content(&s);
	script_fini(&s);
}

/* Bytes of one burst: those behind BEGIN wait, as in a socket. */
Test(client_move, reads_nothing_behind_begin)
{
	static struct script s;
	struct client_options made = options();
	struct msg_main_migrate_begin to = {.port = 1,
					    .host = {(const uint8_t *)"s2", 2}};
	uint32_t main;

	begin(&s, &made);
	main = script_leg(&s, SPICE_CHANNEL_MAIN);
	script_put(&s, main, SPICE_MSG_MAIN_MIGRATE_BEGIN, &to);
	script_ping(&s, main, 1);
	script_pump(&s);
	script_expect_nothing(&s, main);
	client_closed(&s.client, script_next(&s, SPICE_CHANNEL_MAIN),
		      -ECONNREFUSED, 0);
	script_pump(&s);
	script_expect(&s, main, SPICE_MSGC_MAIN_MIGRATE_CONNECT_ERROR, NULL);
	script_expect(&s, main, SPICE_MSGC_PONG, NULL);
	script_fini(&s);
}

Test(client_move, loses_what_rides_with_the_answer)
{
	static struct script s;
	struct client_options made = options();
	uint32_t next;

	begin(&s, &made);
	next = script_begin(&s, true);
	script_answer(&s, next, 0);
	script_link_others(&s);
	script_put(&s, next, SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_ACK, NULL);
	script_ping(&s, next, 1);
	script_pump(&s);
	cr_assert_eq(s.client.violations.early_main, 1);
	cr_assert_eq(script_count(&s, CLIENT_LINKED), 1);
	script_expect(&s, next, SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS, NULL);
	script_expect_nothing(&s, next);
	script_fini(&s);
}

Test(client_move, switches_hosts)
{
	static struct script s;
	struct client_options made = options();
	struct msg_main_migrate_begin to = {.port = 5902,
					    .host = {(const uint8_t *)"s3", 2}};
	uint32_t main;

	begin(&s, &made);
	script_say(&s, script_leg(&s, SPICE_CHANNEL_MAIN),
		   SPICE_MSG_MAIN_MIGRATE_SWITCH_HOST, &to);
	main = script_leg(&s, SPICE_CHANNEL_MAIN);
	script_confirm(&s);
	cr_assert_str_eq(s.ends[main].host, "s3");
	cr_assert_eq(s.ends[main].port, 5902);
	script_meet(&s, main);
	cr_assert_eq(s.ends[main].connection_id, 0);
	script_answer(&s, main, 0);
	script_init_message(&s, main);
	script_expect(&s, main, SPICE_MSGC_MAIN_ATTACH_CHANNELS, NULL);
	script_list(&s, main);
	for (uint32_t i = 0; i < SCRIPT_TYPES; i++) {
		uint32_t leg = script_leg(&s, script_types[i]);

		script_meet(&s, leg);
		script_answer(&s, leg, 0);
		script_open(&s, script_types[i]);
	}
	cr_assert_eq(script_count(&s, CLIENT_UP), 2);
	cr_assert_eq(script_count(&s, CLIENT_MIGRATED), 1);
	script_content(&s);
	script_fini(&s);
}

/* A dead destination shows only at the swap. */
Test(client_move, learns_late_of_a_dead_link)
{
	static struct script s;
	uint32_t next;

	begin_linked(&s);
	next = script_next(&s, SPICE_CHANNEL_PORT);
	client_closed(&s.client, next, -ECONNRESET, 0);
	s.ends[next].used = false;
	cr_assert_eq(script_count(&s, CLIENT_CHANNEL_LOST), 0);
	script_migrate(&s, script_leg(&s, SPICE_CHANNEL_PORT), 3);
	script_data(&s, script_leg(&s, SPICE_CHANNEL_PORT), "t");
	cr_assert_eq(script_count(&s, CLIENT_CHANNEL_LOST), 1);
	script_fini(&s);
}

/* The client waits for ever: only the first event of main is observed. */
Test(client_move, waits_for_an_answer_of_the_dead)
{
	static struct script s;
	struct client_options made = options();
	uint32_t next;

	begin(&s, &made);
	next = script_begin(&s, true);
	script_answer(&s, next, 0);
	script_link_others(&s);
	client_eof(&s.client, next, 0);
	script_flush(&s);
	cr_assert_eq(s.client.move.state, CLIENT_MOVE_LINKING);
	script_expect_nothing(&s, script_leg(&s, SPICE_CHANNEL_MAIN));
	script_fini(&s);
}

/* A channel that was listed but never linked: the swap never ends. */
Test(client_move, never_ends_with_a_channel_not_linked)
{
	static struct script s;
	struct client_options made = options();
	struct msg_main_migrate_begin begun = {
		.port = 1, .host = {(const uint8_t *)"s3", 2}};
	uint32_t main;

	made.skip_types = 1u << SPICE_CHANNEL_PORT;
	script_init(&s, &made);
	cr_assert_eq(client_start(&s.client, "s1", 5900, 0), 0);
	script_meet(&s, 0);
	script_answer(&s, 0, 0);
	script_init_message(&s, 0);
	script_expect(&s, 0, SPICE_MSGC_MAIN_ATTACH_CHANNELS, NULL);
	script_list(&s, 0);
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t leg = script_leg(&s, script_types[i]);

		script_meet(&s, leg);
		script_answer(&s, leg, 0);
		script_open(&s, script_types[i]);
	}
	cr_assert_eq(script_leg(&s, SPICE_CHANNEL_PORT), CLIENT_NONE);
	cr_assert_eq(script_count(&s, CLIENT_UP), 1);
	script_link(&s, true, true); /* it is linked at the destination */
	move_channel(&s, SPICE_CHANNEL_DISPLAY);
	move_channel(&s, SPICE_CHANNEL_INPUTS);
	main = move_channel(&s, SPICE_CHANNEL_MAIN);
	script_flush(&s);
	cr_assert_eq(script_count(&s, CLIENT_MIGRATED), 0);
	script_say(&s, main, SPICE_MSG_MAIN_MIGRATE_BEGIN, &begun);
	script_expect(&s, main, SPICE_MSGC_MAIN_MIGRATE_CONNECT_ERROR, NULL);
	script_fini(&s);
}

Test(client_move, counts_bytes_after_the_end)
{
	static struct script s;
	uint32_t port;

	begin_linked(&s);
	port = script_leg(&s, SPICE_CHANNEL_PORT);
	move_channel(&s, SPICE_CHANNEL_PORT);
	script_content(&s);
	script_ping(&s, port, 1);
	script_pump(&s);
	cr_assert_eq(s.client.violations.after_end, 1);
	script_fini(&s);
}

Test(client_move, goes_to_and_fro)
{
	static struct script s;
	struct client_options made = options();

	begin(&s, &made);
	for (uint32_t round = 0; round < 20; round++) {
		s.event_count = 0;
		script_link(&s, true, true);
		move_all(&s);
		cr_assert_eq(script_count(&s, CLIENT_MIGRATED), 1);
		send_text(&s, "again");
		script_expect(&s, script_leg(&s, SPICE_CHANNEL_PORT),
			      SPICE_MSGC_SPICEVMC_DATA, "again");
	}
	cr_assert_eq(s.client.migrations, 20);
	script_content(&s);
	script_fini(&s);
}

Test(client_move, records_times)
{
	static struct script s;
	struct client_pause pause;
	uint32_t leg;
	uint32_t next;

	begin_linked(&s);
	leg = script_leg(&s, SPICE_CHANNEL_PORT);
	next = script_next(&s, SPICE_CHANNEL_PORT);
	s.now_ns = 10;
	script_migrate(&s, leg, 3);
	s.now_ns = 20;
	script_data(&s, leg, "t");
	s.now_ns = 30;
	script_ping(&s, next, 1);
	script_flush(&s);
	s.now_ns = 40;
	script_ping(&s, next, 2);
	script_flush(&s);
	pause = client_find(&s.client, SPICE_CHANNEL_PORT, 0)->pause;
	cr_assert_eq(pause.migrate_ns, 10);
	cr_assert_eq(pause.mark_ns, 10);
	cr_assert_eq(pause.data_ns, 20);
	cr_assert_eq(pause.token_ns, 20);
	cr_assert_eq(pause.first_ns, 30);
	script_fini(&s);
}

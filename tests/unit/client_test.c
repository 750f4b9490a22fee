/* client_test.c - a client's session against a scripted server. */
#include "tests/unit/client_script.h"

static struct client_options options(void)
{
	struct client_options made;

	client_options_default(&made);
	strcpy(made.password, "secret");
	return made;
}

Test(client, starts_a_session)
{
	static struct script s;
	struct client_options made = options();

	for (uint32_t variant = 0; variant < 6; variant++) {
		made.full_header = variant & 1;
		made.no_auth_selection = variant & 2;
		script_init(&s, &made);
		s.server_full = variant & 4;
		script_start(&s);
		cr_assert_eq(script_count(&s, CLIENT_UP), 1);
		cr_assert_eq(script_count(&s, CLIENT_CHANNEL_UP), 4);
		script_content(&s);
		script_fini(&s);
	}
}

/* A reader of bytes may get them one by one. */
Test(client, reads_bytes_one_by_one)
{
	static struct script s;
	struct client_options made = options();
	uint32_t port;

	script_init(&s, &made);
	script_start(&s);
	port = script_leg(&s, SPICE_CHANNEL_PORT);
	script_put_raw(&s, port, SPICE_MSG_SPICEVMC_DATA, "hello", 5);
	script_ping(&s, port, 9);
	for (uint32_t i = 0; i < s.ends[port].in_len; i++)
		cr_assert_eq(client_received(&s.client, port,
					     s.ends[port].in + i, 1, 0),
			     1);
	s.ends[port].in_len = 0;
	cr_assert_eq(s.data_len, 5);
	cr_assert_eq(memcmp(s.data, "hello", 5), 0);
	script_expect(&s, port, SPICE_MSGC_PONG, NULL);
	script_fini(&s);
}

Test(client, tells_of_a_refused_link)
{
	static struct script s;
	struct client_options made = options();
	uint8_t out[WIRE_LINK_OUT_MAX];
	uint32_t len;

	script_init(&s, &made);
	cr_assert_eq(client_start(&s.client, "s1", 5900, 0), 0);
	script_meet(&s, 0);
	len = wire_link_write_reply(out, SPICE_LINK_ERR_BAD_CONNECTION_ID, NULL,
				    NULL, NULL);
	script_put_bytes(&s, 0, out, len);
	cr_assert_eq(script_count(&s, CLIENT_REFUSED), 1);
	cr_assert_eq(s.events[0].value, SPICE_LINK_ERR_BAD_CONNECTION_ID);
	cr_assert_eq(script_count(&s, CLIENT_CLOSED), 1);
	cr_assert(!client_is_idle(&s.client));
	script_confirm(&s);
	cr_assert(client_is_idle(&s.client));
	script_fini(&s);
}

Test(client, tells_of_a_wrong_ticket)
{
	static struct script s;
	struct client_options made = options();

	script_init(&s, &made);
	cr_assert_eq(client_start(&s.client, "s1", 5900, 0), 0);
	script_meet(&s, 0);
	script_answer(&s, 0, SPICE_LINK_ERR_PERMISSION_DENIED);
	cr_assert_eq(script_count(&s, CLIENT_REFUSED), 1);
	cr_assert_eq(script_count(&s, CLIENT_CLOSED), 1);
	script_fini(&s);
}

/* With every message acknowledged as the window asks, MIGRATE_DATA too. */
Test(client, keeps_ack_windows)
{
	static struct script s;
	struct client_options made = options();

	for (uint32_t window = 1; window <= 3; window++) {
		struct msg_base_set_ack set = {window + 10, window};
		uint32_t port;
		uint32_t next;
		uint32_t acks = 0;
		struct span body;

		script_init(&s, &made);
		script_start(&s);
		script_link(&s, true, true);
		port = script_leg(&s, SPICE_CHANNEL_PORT);
		next = script_next(&s, SPICE_CHANNEL_PORT);
		script_say(&s, port, SPICE_MSG_SET_ACK, &set);
		cr_assert_eq(script_take(&s, port, &body), SPICE_MSGC_ACK_SYNC);
		cr_assert_eq(wire_link_read_word(body.data), window + 10);
		for (uint32_t i = 0; i < 5; i++)
			script_put_raw(&s, port, SPICE_MSG_SPICEVMC_DATA, "x",
				       1);
		script_migrate(&s, port, 3);    /* the sixth */
		script_data(&s, port, "token"); /* the seventh */
		for (uint16_t type; (type = script_take(&s, port, &body));)
			acks += type == SPICE_MSGC_ACK;
		cr_assert_eq(acks, 7 / window);
		script_expect(&s, next, SPICE_MSGC_MIGRATE_DATA, "token");
		/* The count goes on at the destination. */
		for (uint32_t i = 0; i < window; i++)
			script_put_raw(&s, next, SPICE_MSG_SPICEVMC_DATA, "y",
				       1);
		script_flush(&s);
		script_expect(&s, next, SPICE_MSGC_ACK, NULL);
		script_content(&s);
		script_fini(&s);
	}
}

Test(client, counts_acks_behind_the_mark)
{
	static struct script s;
	struct client_options made = options();
	struct msg_base_set_ack set = {1, 2};
	uint32_t port;

	script_init(&s, &made);
	script_start(&s);
	script_link(&s, true, true);
	port = script_leg(&s, SPICE_CHANNEL_PORT);
	script_say(&s, port, SPICE_MSG_SET_ACK, &set);
	script_migrate(&s, port, 3);
	script_data(&s, port, "token");
	script_expect(&s, port, SPICE_MSGC_ACK_SYNC, NULL);
	script_expect(&s, port, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL);
	script_expect(&s, port, SPICE_MSGC_ACK, NULL);
	script_fini(&s);
}

/* Without a reader on the other side messages wait, then go in order. */
Test(client, queues_what_does_not_fit)
{
	static struct script s;
	struct client_options made = options();
	uint32_t port;
	uint32_t count = 0;
	char text[64];
	int error;

	made.queue_max_bytes = 4096;
	script_init(&s, &made);
	script_start(&s);
	port = script_leg(&s, SPICE_CHANNEL_PORT);
	s.room = 0;
	memset(text, 'a', sizeof(text));
	while ((error = client_port_send(&s.client, SPICE_CHANNEL_PORT, 0, text,
					 sizeof(text))) == 0) {
		text[0]++;
		count++;
	}
	cr_assert_eq(error, -EAGAIN);
	cr_assert_eq(count, 4096 / (4 + 6 + 64));
	cr_assert_eq(
		client_port_send(&s.client, SPICE_CHANNEL_PORT, 0, text, 0),
		-EINVAL);
	cr_assert_eq(
		client_port_send(&s.client, SPICE_CHANNEL_PORT, 3, text, 1),
		-ENOTCONN);
	script_expect_nothing(&s, port);
	s.room = WIRE_BYTES;
	client_writable(&s.client, port, 0);
	cr_assert_eq(script_count(&s, CLIENT_WRITABLE), 1);
	for (uint32_t i = 0; i < count; i++) {
		struct span body;

		cr_assert_eq(script_take(&s, port, &body),
			     SPICE_MSGC_SPICEVMC_DATA);
		cr_assert_eq(body.data[0], (uint8_t)('a' + i));
	}
	script_expect_nothing(&s, port);
	script_fini(&s);
}

Test(client, stops_at_eight_motions)
{
	static struct script s;
	struct client_options made = options();
	uint32_t inputs;
	struct span body;

	script_init(&s, &made);
	script_start(&s);
	inputs = script_leg(&s, SPICE_CHANNEL_INPUTS);
	for (uint32_t i = 0; i < 11; i++)
		cr_assert_eq(client_mouse_motion(&s.client, 1, -1, 0), 0);
	for (uint32_t i = 0; i < 8; i++)
		script_expect(&s, inputs, SPICE_MSGC_INPUTS_MOUSE_MOTION, NULL);
	script_expect_nothing(&s, inputs);
	script_say(&s, inputs, SPICE_MSG_INPUTS_MOUSE_MOTION_ACK, NULL);
	cr_assert_eq(script_take(&s, inputs, &body),
		     SPICE_MSGC_INPUTS_MOUSE_MOTION);
	cr_assert_eq(body.data[0], 3, "the three that waited are one");
	cr_assert_eq(s.client.motion.unacked, 5);
	script_content(&s);
	script_say(&s, inputs, SPICE_MSG_INPUTS_MOUSE_MOTION_ACK, NULL);
	script_say(&s, inputs, SPICE_MSG_INPUTS_MOUSE_MOTION_ACK, NULL);
	cr_assert_eq(s.client.violations.motion_acks, 1);
	script_fini(&s);
}

static void draw(struct script *s, uint32_t left, uint32_t top, uint32_t width,
		 uint32_t height, uint8_t first)
{
	uint32_t leg = script_leg(s, SPICE_CHANNEL_DISPLAY);
	struct msg_display_draw_copy copy;
	uint8_t rows[4096];

	for (uint32_t i = 0; i < width * height * 4; i++)
		rows[i] = (uint8_t)(first + i);
	msg_display_draw_copy_prepare(&copy, 0, left, top, width, height, rows);
	script_put(s, leg, SPICE_MSG_DISPLAY_DRAW_COPY, &copy);
}

static const uint8_t *pixel(const struct script *s, uint32_t x, uint32_t y)
{
	const uint32_t *at =
		s->client.pixels + (size_t)y * s->client.pixels_width + x;

	return (const uint8_t *)at;
}

Test(client, paints_however_the_bytes_come)
{
	static struct script s;
	struct client_options made = options();

	made.framebuffer = true;
	for (uint32_t cut = 1; cut < 250; cut++) {
		uint32_t leg;
		struct end *end;

		script_init(&s, &made);
		script_start(&s);
		leg = script_leg(&s, SPICE_CHANNEL_DISPLAY);
		end = &s.ends[leg];
		draw(&s, 3, 2, 5, 7, 0);
		for (uint32_t at = 0; at < end->in_len; at += cut)
			client_received(&s.client, leg, end->in + at,
					min_u32(cut, end->in_len - at), 0);
		end->in_len = 0;
		for (uint32_t i = 0; i < 5 * 7; i++)
			cr_assert_eq(pixel(&s, 3 + i % 5, 2 + i / 5)[0],
				     (uint8_t)(4 * i));
		cr_assert_eq(pixel(&s, 2, 2)[0], 0);
		cr_assert_eq(pixel(&s, 8, 2)[1], 0);
		cr_assert_eq(script_count(&s, CLIENT_DRAW), 1);
		script_content(&s);
		script_fini(&s);
	}
}

Test(client, copies_rows_that_overlap)
{
	static struct script s;
	struct client_options made = options();
	struct msg_display_copy_bits copy = {.top = 1,
					     .bottom = 8,
					     .right = 5,
					     .source_x = 0,
					     .source_y = 0};

	made.framebuffer = true;
	script_init(&s, &made);
	script_start(&s);
	draw(&s, 0, 0, 5, 7, 0);
	script_say(&s, script_leg(&s, SPICE_CHANNEL_DISPLAY),
		   SPICE_MSG_DISPLAY_COPY_BITS, &copy);
	for (uint32_t i = 0; i < 5 * 7; i++)
		cr_assert_eq(pixel(&s, i % 5, 1 + i / 5)[0], (uint8_t)(4 * i));
	script_content(&s);
	script_fini(&s);
}

Test(client, counts_what_a_server_may_not_do)
{
	static struct script s;
	struct client_options made = options();
	struct client_violations *bad = &s.client.violations;
	struct msg_display_surface_create surface = {
		0, 64, 32, SPICE_SURFACE_FMT_32_xRGB, 1};
	struct msg_port_init port = {{(const uint8_t *)"org.test", 8}, 1};
	struct msg_main_agent_token tokens = {1};
	uint32_t display;

	made.framebuffer = true;
	script_init(&s, &made);
	script_start(&s);
	display = script_leg(&s, SPICE_CHANNEL_DISPLAY);
	draw(&s, 60, 30, 5, 2, 0); /* one column outside */
	script_pump(&s);
	cr_assert_eq(bad->draw, 1);
	cr_assert_str_eq(bad->first,
			 "display 0: a draw outside of its surface");
	script_say(&s, display, SPICE_MSG_DISPLAY_SURFACE_CREATE, &surface);
	cr_assert_eq(bad->surface, 1);
	surface.surface_id = 9;
	script_say(&s, display, SPICE_MSG_DISPLAY_SURFACE_DESTROY,
		   &(struct msg_display_surface_destroy){9});
	cr_assert_eq(bad->surface, 2);
	script_say(&s, script_leg(&s, SPICE_CHANNEL_PORT), SPICE_MSG_PORT_INIT,
		   &port);
	cr_assert_eq(bad->init_again, 1);
	script_put_raw(&s, script_leg(&s, SPICE_CHANNEL_PORT),
		       SPICE_MSG_SPICEVMC_DATA, NULL, 0);
	script_pump(&s);
	cr_assert_eq(bad->empty, 1);
	script_say(&s, script_leg(&s, SPICE_CHANNEL_MAIN),
		   SPICE_MSG_MAIN_AGENT_TOKEN, &tokens);
	cr_assert_eq(bad->tokens, 1);
	script_put_raw(&s, display, 199, "what", 4);
	script_pump(&s);
	cr_assert_eq(bad->malformed, 1);
	cr_assert_eq(script_count(&s, CLIENT_CHANNEL_LOST), 0);
	script_fini(&s);
}

Test(client, finds_a_jump_of_serials)
{
	static struct script s;
	struct client_options made = options();
	uint32_t port;

	made.full_header = true;
	script_init(&s, &made);
	script_start(&s);
	port = script_leg(&s, SPICE_CHANNEL_PORT);
	script_ping(&s, port, 1);
	script_pump(&s);
	script_content(&s);
	s.ends[port].serial++;
	script_ping(&s, port, 2);
	script_pump(&s);
	cr_assert_eq(s.client.violations.serial, 1);
	script_fini(&s);
}

Test(client, spends_agent_tokens)
{
	static struct script s;
	struct client_options made = options();
	struct msg_main_agent_connected_tokens tokens = {2};
	struct msg_main_agent_token more = {1};
	uint32_t main;

	script_init(&s, &made);
	script_start(&s);
	main = script_leg(&s, SPICE_CHANNEL_MAIN);
	cr_assert_eq(client_agent_send(&s.client, "a", 1), -ENOTCONN);
	script_say(&s, main, SPICE_MSG_MAIN_AGENT_CONNECTED_TOKENS, &tokens);
	script_expect(&s, main, SPICE_MSGC_MAIN_AGENT_START, NULL);
	cr_assert_eq(client_agent_send(&s.client, "a", 1), 0);
	cr_assert_eq(client_agent_send(&s.client, "b", 1), 0);
	cr_assert_eq(client_agent_send(&s.client, "c", 1), -EAGAIN);
	script_say(&s, main, SPICE_MSG_MAIN_AGENT_TOKEN, &more);
	cr_assert_eq(script_count(&s, CLIENT_WRITABLE), 1);
	cr_assert_eq(client_agent_send(&s.client, "c", 1), 0);
	script_expect(&s, main, SPICE_MSGC_MAIN_AGENT_DATA, "a");
	script_expect(&s, main, SPICE_MSGC_MAIN_AGENT_DATA, "b");
	script_expect(&s, main, SPICE_MSGC_MAIN_AGENT_DATA, "c");
	script_content(&s);
	script_fini(&s);
}

Test(client, loses_a_channel_and_ends_with_main)
{
	static struct script s;
	struct client_options made = options();

	script_init(&s, &made);
	script_start(&s);
	client_eof(&s.client, script_leg(&s, SPICE_CHANNEL_PORT), 0);
	cr_assert_eq(script_count(&s, CLIENT_CHANNEL_LOST), 1);
	cr_assert_eq(client_port_send(&s.client, SPICE_CHANNEL_PORT, 0, "x", 1),
		     -ENOTCONN);
	client_closed(&s.client, script_leg(&s, SPICE_CHANNEL_MAIN),
		      -ECONNRESET, 0);
	cr_assert_eq(script_count(&s, CLIENT_CLOSED), 1);
	script_confirm(&s);
	cr_assert(client_is_idle(&s.client));
	script_fini(&s);
}

Test(client, survives_what_is_no_message)
{
	static struct script s;
	struct client_options made = options();
	uint8_t tape[64];
	uint32_t state = 1;

	for (uint32_t round = 0; round < 300; round++) {
		script_init(&s, &made);
		script_start(&s);
		for (uint32_t i = 0; i < 40; i++) {
			uint8_t type = script_types[round % SCRIPT_TYPES];
			uint32_t leg = script_leg(
				&s, round % 4 == 3 ? SPICE_CHANNEL_MAIN : type);

			for (uint32_t k = 0; k < sizeof(tape); k++) {
				state = state * 1664525u + 1013904223u;
				tape[k] = (uint8_t)(state >> 24);
			}
			if (leg == CLIENT_NONE || s.ends[leg].closed)
				break;
			/* Bodies of any kind under types that exist. */
			script_put_raw(&s, leg,
				       (uint16_t)(tape[0] % 2
							  ? 1 + tape[1] % 9
							  : 100 + tape[1] % 20),
				       tape + 2, tape[2] % 60);
			script_flush(&s);
			script_confirm(&s);
		}
		script_fini(&s);
	}
}

/* channels_test.c - what each message of a client does to its guest, and that
 * a malformed one ends its session. */
#include "channels/channel_out.h"
#include "tests/unit/channel_bench.h"

static const uint8_t all_types[][2] = {
	{SPICE_CHANNEL_MAIN, 0},   {SPICE_CHANNEL_DISPLAY, 0},
	{SPICE_CHANNEL_INPUTS, 0}, {SPICE_CHANNEL_CURSOR, 0},
	{SPICE_CHANNEL_PORT, 0},   {SPICE_CHANNEL_USBREDIR, 0},
};

/* A session with that channel linked, and its leg. */
static struct bench *with(uint8_t type, uint8_t id, struct bench_leg **leg)
{
	struct bench *b = bench_make(FRAME_MINI, UINT32_MAX);

	*leg = type == SPICE_CHANNEL_MAIN ? &b->legs[0]
					  : bench_link(b, type, id);
	return b;
}

/* --- every channel ------------------------------------------------------ */

Test(channels, unknown_types_end_the_session)
{
	static const uint16_t types[] = {0, 7, 100, 120, 203, 400, UINT16_MAX};

	for (size_t c = 0; c < ARRAY_LEN(all_types); c++) {
		for (size_t i = 0; i < ARRAY_LEN(types); i++) {
			struct bench_leg *leg;
			struct bench *b = with(all_types[c][0], 0, &leg);

			bench_raw(b, leg, types[i], NULL, 0);
			cr_expect(bench_broke(b), "channel %u type %u",
				  leg->type, types[i]);
			bench_free(b);
		}
	}
}

/* Fields of integers only: a body of that table has one length. */
static bool is_fixed(const struct field_table *table)
{
	for (uint32_t i = 0; i < table->count; i++) {
		if (table->fields[i].kind > FIELD_I64)
			return false;
	}
	return true;
}

static void expect_broken_by(uint8_t channel,
			     const struct wire_message *message, uint32_t len)
{
	static const uint8_t ones[8192] = {1, 0, 0, 0, 1};
	struct bench_leg *leg;
	struct bench *b = with(channel, 0, &leg);

	cr_assert_leq(len, sizeof(ones));
	bench_raw(b, leg, message->type, ones, len);
	cr_expect(bench_broke(b), "channel %u %s: %u bytes", channel,
		  message->name, len);
	bench_free(b);
}

/* A byte more than the longest, a byte less than the shortest, and none. */
Test(channels, bodies_of_the_wrong_size_end_the_session)
{
	for (size_t c = 0; c < ARRAY_LEN(all_types); c++) {
		uint8_t channel = all_types[c][0];
		const struct wire_message *message =
			wire_next(channel, true, 0);

		for (; message;
		     message = wire_next(channel, true, message->type)) {
			if (!message->streamed)
				expect_broken_by(channel, message,
						 message->max_bytes + 1);
			if (message->table)
				expect_broken_by(channel, message, 0);
			if (message->table && is_fixed(message->table))
				expect_broken_by(channel, message,
						 message->max_bytes - 1);
		}
	}
}

/* A session that breaks the rules leaves its neighbours' memory as it was. */
Test(channels, a_closed_session_leaves_nothing_behind)
{
	struct bench_leg *leg;
	struct bench *b = with(SPICE_CHANNEL_INPUTS, 0, &leg);

	bench_link(b, SPICE_CHANNEL_PORT, 0);
	cr_expect_eq(b->service.channels.used, 3);
	bench_raw(b, leg, 999, NULL, 0);
	cr_expect(bench_broke(b));
	cr_expect(leg->closed);
	cr_expect_eq(b->service.channels.used, 0);
	cr_expect_eq(b->service.sessions.used, 0);
	cr_expect_eq(b->shard->chunks.used, 0);
	cr_expect_eq(b->guest->session, HANDLE_NONE);
	cr_expect_eq(sim_dp_views(b->rig.processes[0]->dps[0]), 0);
	bench_free(b);
}

Test(channels, a_channel_that_is_closed_is_told_to_the_guest)
{
	struct bench_leg *leg;
	struct bench *b = with(SPICE_CHANNEL_PORT, 0, &leg);

	cr_expect_eq(b->ups, 1);
	dp_kill(b->rig.processes[1]->dps[0], leg->conn);
	bench_run(b, 5);
	cr_expect(bench_lives(b));
	cr_expect_eq(b->downs, 1);
	dp_kill(b->rig.processes[1]->dps[0], b->legs[0].conn);
	bench_run(b, 5);
	cr_expect_not(bench_lives(b));
	cr_expect_eq(b->detached, 1);
	cr_expect_eq(bench_stat(b, STAT_protocol_errors), 0);
	bench_free(b);
}

Test(channels, full_headers_count_their_serials)
{
	struct bench *b = bench_make(FRAME_FULL, UINT32_MAX);
	struct frame_parser parser;
	const uint8_t *data = b->legs[0].got;
	uint32_t len = b->legs[0].got_len;
	struct frame frame;
	uint64_t serial = 0;

	frame_init(&parser, FRAME_FULL, false);
	while (frame_next(&parser, &data, &len, any_length, NULL, &frame) ==
	       FRAME_MESSAGE)
		cr_expect_eq(frame.serial, ++serial);
	cr_expect_geq(serial, 3);
	bench_free(b);
}

/* --- inputs ------------------------------------------------------------- */

Test(channels, keys_come_to_the_guest)
{
	static const struct msgc_inputs_key_down code = {.code = 0x48e0};
	struct bench_leg *leg;
	struct bench *b = with(SPICE_CHANNEL_INPUTS, 0, &leg);

	cr_expect_eq(bench_count(b, leg, SPICE_MSG_INPUTS_INIT), 1);
	bench_say(b, leg, SPICE_MSGC_INPUTS_KEY_DOWN, &code);
	bench_say(b, leg, SPICE_MSGC_INPUTS_KEY_UP, &code);
	cr_assert_eq(b->key_count, 2);
	cr_expect_eq(b->keys[0].code, 0x48e0);
	cr_expect(b->keys[0].down);
	cr_expect_eq(b->keys[1].code, 0x48e0);
	cr_expect_not(b->keys[1].down);
	cr_expect_eq(b->guest->last_input_ns > 0, true);
	cr_expect(bench_lives(b));
	bench_free(b);
}

/* Scancodes as the keyboard sends them, those with 0xe0 two bytes long. */
Test(channels, scancodes_are_told_apart)
{
	static const uint8_t codes[] = {0x1e, 0x9e, 0xe0, 0x48,
					0xe0, 0xc8, 0x01, 0xe0};
	static const struct bench_key want[] = {
		{0x1e, true}, {0x1e, false}, {0x48e0, true}, {0x48e0, false},
		{0x01, true}, {0x60, false}, /* a prefix without its code */
	};
	struct bench_leg *leg;
	struct bench *b = with(SPICE_CHANNEL_INPUTS, 0, &leg);

	bench_raw(b, leg, SPICE_MSGC_INPUTS_KEY_SCANCODE, codes, sizeof(codes));
	cr_assert_eq(b->key_count, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		cr_expect_eq(b->keys[i].code, want[i].code, "%zu: %x", i,
			     b->keys[i].code);
		cr_expect_eq(b->keys[i].down, want[i].down, "%zu", i);
	}
	bench_free(b);
}

Test(channels, the_mouse_comes_to_the_guest)
{
	static const struct msgc_inputs_mouse_motion move = {
		.dx = -5, .dy = 7, .buttons = 3};
	static const struct msgc_inputs_mouse_position place = {
		.x = 100, .y = UINT32_MAX, .buttons = 1};
	static const struct msgc_inputs_mouse_press press = {.button = 3,
							     .buttons = 4};
	static const struct msgc_inputs_mouse_release release = {.button = 3,
								 .buttons = 0};
	struct bench_leg *leg;
	struct bench *b = with(SPICE_CHANNEL_INPUTS, 0, &leg);

	bench_say(b, leg, SPICE_MSGC_INPUTS_MOUSE_MOTION, &move);
	bench_say(b, leg, SPICE_MSGC_INPUTS_MOUSE_POSITION, &place);
	bench_say(b, leg, SPICE_MSGC_INPUTS_MOUSE_PRESS, &press);
	bench_say(b, leg, SPICE_MSGC_INPUTS_MOUSE_RELEASE, &release);
	cr_assert_eq(b->mouse_count, 4);
	cr_expect_eq(b->mice[0].kind, MOUSE_MOVE);
	cr_expect_eq(b->mice[0].x, -5);
	cr_expect_eq(b->mice[0].y, 7);
	cr_expect_eq(b->mice[0].buttons, 3);
	cr_expect_eq(b->mice[1].kind, MOUSE_PLACE);
	cr_expect_eq(b->mice[1].x, 100);
	cr_expect_eq(b->mice[1].y, INT32_MAX);
	cr_expect_eq(b->mice[2].kind, MOUSE_BUTTON);
	cr_expect_eq(b->mice[2].button, 3);
	cr_expect(b->mice[2].pressed);
	cr_expect_eq(b->mice[3].kind, MOUSE_BUTTON);
	cr_expect_not(b->mice[3].pressed);
	cr_expect(bench_lives(b));
	bench_free(b);
}

/* A client stops at eight: every fourth, moved or placed, is answered. */
Test(channels, every_fourth_motion_is_acknowledged)
{
	static const struct msgc_inputs_mouse_motion move = {.dx = 1};
	static const struct msgc_inputs_mouse_position place = {.x = 1};
	static const struct msgc_inputs_mouse_press press = {.button = 1};
	struct bench_leg *leg;
	struct bench *b = with(SPICE_CHANNEL_INPUTS, 0, &leg);

	for (uint32_t i = 1; i <= 20; i++) {
		if (i % 3)
			bench_say(b, leg, SPICE_MSGC_INPUTS_MOUSE_MOTION,
				  &move);
		else
			bench_say(b, leg, SPICE_MSGC_INPUTS_MOUSE_POSITION,
				  &place);
		bench_say(b, leg, SPICE_MSGC_INPUTS_MOUSE_PRESS, &press);
		cr_expect_eq(
			bench_count(b, leg, SPICE_MSG_INPUTS_MOUSE_MOTION_ACK),
			i / 4);
	}
	bench_free(b);
}

Test(channels, the_lights_of_the_keyboard_go_both_ways)
{
	static const struct msgc_inputs_key_modifiers told = {.modifiers = 5};
	struct msg_inputs_key_modifiers heard;
	struct bench_leg *leg;
	struct bench *b = with(SPICE_CHANNEL_INPUTS, 0, &leg);
	struct channel *channel =
		session_channel(b->session, SPICE_CHANNEL_INPUTS, 0);

	bench_say(b, leg, SPICE_MSGC_INPUTS_KEY_MODIFIERS, &told);
	cr_expect_eq(channel_cold(channel)->inputs.modifiers, 5);
	guest_modifiers(b->guest, 2);
	bench_run(b, 5);
	cr_assert(
		bench_heard(b, leg, SPICE_MSG_INPUTS_KEY_MODIFIERS, 0, &heard));
	cr_expect_eq(heard.modifiers, 2);
	cr_expect_eq(channel_cold(channel)->inputs.modifiers, 2);
	bench_free(b);
}

/* --- main --------------------------------------------------------------- */

Test(channels, main_opens_with_init_name_and_ping)
{
	static const uint16_t want[] = {SPICE_MSG_MAIN_INIT,
					SPICE_MSG_MAIN_NAME, SPICE_MSG_PING};
	struct bench *b = bench_make(FRAME_MINI, UINT32_MAX);
	struct msg_main_init init;
	struct msg_main_name name;
	uint16_t types[8];

	cr_assert_eq(bench_types(b, &b->legs[0], types, 8), ARRAY_LEN(want));
	cr_expect_arr_eq(types, want, sizeof(want));
	cr_assert(bench_heard(b, &b->legs[0], SPICE_MSG_MAIN_INIT, 0, &init));
	cr_expect_eq(init.session_id, b->session->id);
	cr_expect_eq(init.display_channels_hint, 1);
	cr_expect_eq(init.supported_mouse_modes, 3);
	cr_expect_eq(init.current_mouse_mode, SPICE_MOUSE_MODE_SERVER);
	cr_expect_eq(init.agent_connected, 0);
	cr_expect_eq(init.agent_tokens, AGENT_TOKENS);
	cr_assert(bench_heard(b, &b->legs[0], SPICE_MSG_MAIN_NAME, 0, &name));
	cr_expect_eq(name.name.len, strlen(b->guest->name));
	bench_free(b);
	/* A client that does not know NAME is not told one. */
	b = bench_make(FRAME_MINI, 0);
	cr_expect_eq(bench_count(b, &b->legs[0], SPICE_MSG_MAIN_NAME), 0);
	bench_free(b);
}

Test(channels, the_channels_are_listed_once)
{
	struct bench *b = bench_make(FRAME_MINI, UINT32_MAX);
	struct msg_main_channels_list list;

	cr_expect_not(b->session->listed);
	for (uint32_t i = 0; i < 3; i++)
		bench_say(b, &b->legs[0], SPICE_MSGC_MAIN_ATTACH_CHANNELS,
			  NULL);
	cr_expect(b->session->listed);
	cr_expect_eq(bench_count(b, &b->legs[0], SPICE_MSG_MAIN_CHANNELS_LIST),
		     1);
	cr_assert(bench_heard(b, &b->legs[0], SPICE_MSG_MAIN_CHANNELS_LIST, 0,
			      &list));
	cr_expect_eq(list.channels.len, 2 * (b->session->channel_count - 1));
	bench_free(b);
}

Test(channels, the_mouse_mode_is_what_the_client_asks_for)
{
	static const struct {
		uint16_t mode;
		bool good;
	} cases[] = {
		{SPICE_MOUSE_MODE_SERVER, true},
		{SPICE_MOUSE_MODE_CLIENT, true},
		{0, false},
		{3, false},
		{0x101, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bench *b = bench_make(FRAME_MINI, UINT32_MAX);
		struct msgc_main_mouse_mode_request ask = {
			.mode = cases[i].mode};
		struct msg_main_mouse_mode mode;

		bench_say(b, &b->legs[0], SPICE_MSGC_MAIN_MOUSE_MODE_REQUEST,
			  &ask);
		cr_expect_eq(bench_lives(b), cases[i].good);
		if (cases[i].good) {
			cr_assert(bench_heard(b, &b->legs[0],
					      SPICE_MSG_MAIN_MOUSE_MODE, 0,
					      &mode));
			cr_expect_eq(mode.current, cases[i].mode);
			cr_expect_eq(b->session->mouse_mode, cases[i].mode);
		} else {
			cr_expect(bench_broke(b));
		}
		bench_free(b);
	}
}

/* Nobody listens to an agent's data, and a client must not stall for it. */
Test(channels, agent_tokens_are_counted_both_ways)
{
	static const struct msgc_main_agent_start start = {.tokens = 7};
	static const struct msgc_main_agent_token token = {.tokens =
								   UINT32_MAX};
	static const struct msgc_main_agent_data data = {
		{(const uint8_t *)"clipboard", 9}};
	struct bench *b = bench_make(FRAME_MINI, UINT32_MAX);
	struct msg_main_agent_token back;

	bench_say(b, &b->legs[0], SPICE_MSGC_MAIN_AGENT_START, &start);
	cr_expect_eq(b->session->agent_tokens, 7);
	bench_say(b, &b->legs[0], SPICE_MSGC_MAIN_AGENT_TOKEN, &token);
	cr_expect_eq(b->session->agent_tokens, UINT32_MAX);
	bench_say(b, &b->legs[0], SPICE_MSGC_MAIN_AGENT_START, &start);
	cr_expect_eq(b->session->agent_tokens, 7);
	for (uint32_t i = 1; i <= 50; i++) {
		bench_say(b, &b->legs[0], SPICE_MSGC_MAIN_AGENT_DATA, &data);
		cr_expect_eq(
			bench_count(b, &b->legs[0], SPICE_MSG_MAIN_AGENT_TOKEN),
			i / 5);
	}
	cr_assert(bench_heard(b, &b->legs[0], SPICE_MSG_MAIN_AGENT_TOKEN, 0,
			      &back));
	cr_expect_eq(back.tokens, 5);
	cr_expect(bench_lives(b));
	bench_free(b);
}

/* Steps of a move, said while nothing moves. */
Test(channels, steps_of_a_move_out_of_turn)
{
	static const uint16_t types[] = {
		SPICE_MSGC_MAIN_MIGRATE_CONNECTED,
		SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS,
		SPICE_MSGC_MAIN_MIGRATE_CONNECT_ERROR,
		SPICE_MSGC_MAIN_MIGRATE_END,
		SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS,
		SPICE_MSGC_MIGRATE_FLUSH_MARK,
		SPICE_MSGC_MIGRATE_DATA,
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		static const union {
			struct msgc_main_do_seamless ask;
			struct msgc_base_migrate_data data;
		} payload[2] = {
			{.ask = {.version = 1}},
			{.data = {{(const uint8_t *)"token", 5}}},
		};
		struct bench *b = bench_make(FRAME_MINI, UINT32_MAX);

		bench_say(b, &b->legs[0], types[i],
			  &payload[types[i] == SPICE_MSGC_MIGRATE_DATA]);
		cr_expect(bench_broke(b), "type %u", types[i]);
		bench_free(b);
	}
}

Test(channels, what_asks_for_nothing_does_nothing)
{
	static const struct msgc_main_client_info info = {.cache_bytes = 1};
	static const struct msgc_base_pong pong = {.id = 77};
	static const struct msg_base_disconnecting bye = {.reason = 0};
	struct bench *b = bench_make(FRAME_MINI, UINT32_MAX);

	bench_say(b, &b->legs[0], SPICE_MSGC_MAIN_CLIENT_INFO, &info);
	bench_say(b, &b->legs[0], SPICE_MSGC_PONG, &pong);
	bench_say(b, &b->legs[0], SPICE_MSGC_ACK, NULL);
	bench_say(b, &b->legs[0], SPICE_MSGC_DISCONNECTING, &bye);
	cr_expect(bench_lives(b));
	cr_expect_eq(bench_stat(b, STAT_messages_in), 4);
	bench_free(b);
}

/* Every ten seconds a PING; who does not answer is closed in time. */
Test(channels, a_silent_client_is_closed)
{
	struct bench *b = bench_make(FRAME_MINI, UINT32_MAX);

	bench_run(b, 9000);
	cr_expect_eq(bench_count(b, &b->legs[0], SPICE_MSG_PING), 1);
	bench_run(b, 5000);
	cr_expect_eq(bench_count(b, &b->legs[0], SPICE_MSG_PING), 2);
	bench_run(b, 20000);
	cr_expect(bench_lives(b));
	bench_run(b, 10000);
	cr_expect_not(bench_lives(b));
	cr_expect_eq(bench_stat(b, STAT_protocol_errors), 0);
	bench_free(b);
}

/* --- display ------------------------------------------------------------ */

static const struct msgc_display_init display_init = {
	.pixmap_cache_id = 1,
	.pixmap_cache_pixels = -5,
	.glz_dictionary_id = 2,
	.glz_window_pixels = 6,
};

Test(channels, display_starts_when_the_client_says_init)
{
	static const uint16_t want[] = {
		SPICE_MSG_SET_ACK,
		SPICE_MSG_DISPLAY_INVAL_ALL_PALETTES,
		SPICE_MSG_DISPLAY_SURFACE_CREATE,
		SPICE_MSG_DISPLAY_MONITORS_CONFIG,
		SPICE_MSG_DISPLAY_MARK,
	};
	struct msg_display_surface_create create;
	struct bench_leg *leg;
	struct bench *b = with(SPICE_CHANNEL_DISPLAY, 0, &leg);
	const struct channel_cold *cold;
	uint16_t types[16];

	cr_expect_eq(leg->got_len, 0);
	cr_expect_eq(b->ups, 0);
	bench_say(b, leg, SPICE_MSGC_DISPLAY_INIT, &display_init);
	cr_assert_eq(bench_types(b, leg, types, 16), ARRAY_LEN(want));
	cr_expect_arr_eq(types, want, sizeof(want));
	cr_expect_eq(b->ups, 1);
	cr_assert(bench_heard(b, leg, SPICE_MSG_DISPLAY_SURFACE_CREATE, 0,
			      &create));
	cr_expect_eq(create.width, b->ops.screen(b->guest).width);
	cr_expect_eq(create.height, b->ops.screen(b->guest).height);
	cr_expect_eq(create.format, SPICE_SURFACE_FMT_32_xRGB);
	cr_expect_eq(create.flags, SPICE_SURFACE_FLAGS_PRIMARY);
	cold = channel_cold(
		session_channel(b->session, SPICE_CHANNEL_DISPLAY, 0));
	cr_expect_eq(cold->display.pixmap_cache_id, 1);
	cr_expect_eq(cold->display.pixmap_cache_pixels, -5);
	cr_expect_eq(cold->display.glz_dictionary_id, 2);
	cr_expect_eq(cold->display.glz_window_pixels, 6);
	/* A second time is once too often. */
	bench_say(b, leg, SPICE_MSGC_DISPLAY_INIT, &display_init);
	cr_expect(bench_broke(b));
	bench_free(b);
}

Test(channels, monitors_are_told_to_who_knows_them)
{
	struct bench *b = bench_make(FRAME_MINI, 0);
	struct bench_leg *leg = bench_link(b, SPICE_CHANNEL_DISPLAY, 0);

	bench_say(b, leg, SPICE_MSGC_DISPLAY_INIT, &display_init);
	cr_expect_eq(bench_count(b, leg, SPICE_MSG_DISPLAY_MONITORS_CONFIG), 0);
	cr_expect_eq(bench_count(b, leg, SPICE_MSG_DISPLAY_MARK), 1);
	bench_free(b);
}

Test(channels, a_drawing_is_one_raw_image)
{
	static const struct guest_rect rect = {10, 20, 14, 28};
	struct msg_display_draw_copy draw;
	struct bench_leg *leg;
	struct bench *b = with(SPICE_CHANNEL_DISPLAY, 0, &leg);
	uint8_t rows[4 * 8 * 4];

	/* Before INIT nobody looks. */
	cr_expect_eq(guest_draw(b->guest, &rect), 0);
	bench_say(b, leg, SPICE_MSGC_DISPLAY_INIT, &display_init);
	cr_expect_eq(bench_count(b, leg, SPICE_MSG_DISPLAY_DRAW_COPY), 0);
	cr_expect_eq(guest_draw(b->guest, &rect), 0);
	bench_run(b, 5);
	cr_assert(bench_heard(b, leg, SPICE_MSG_DISPLAY_DRAW_COPY, 0, &draw));
	cr_expect(msg_display_draw_copy_is_plain(&draw));
	cr_expect_eq(draw.left, 20);
	cr_expect_eq(draw.top, 10);
	cr_expect_eq(draw.right, 28);
	cr_expect_eq(draw.bottom, 14);
	cr_assert_eq(draw.rows.len, sizeof(rows));
	b->ops.paint(b->guest, &rect, rows, 8 * 4);
	cr_expect_arr_eq(draw.rows.data, rows, sizeof(rows));
	bench_free(b);
}

Test(channels, compression_and_reports_change_nothing_else)
{
	static const struct msgc_display_preferred_compression lz = {
		.compression = SPICE_IMAGE_COMPRESSION_LZ};
	static const struct msgc_display_stream_report report = {.stream_id =
									 1};
	static const struct msgc_display_preferred_video_codec codec = {
		{(const uint8_t *)"\1\2", 2}};
	struct bench_leg *leg;
	struct bench *b = with(SPICE_CHANNEL_DISPLAY, 0, &leg);
	uint32_t got;

	bench_say(b, leg, SPICE_MSGC_DISPLAY_INIT, &display_init);
	got = leg->got_len;
	bench_say(b, leg, SPICE_MSGC_DISPLAY_PREFERRED_COMPRESSION, &lz);
	bench_say(b, leg, SPICE_MSGC_DISPLAY_STREAM_REPORT, &report);
	bench_say(b, leg, SPICE_MSGC_DISPLAY_GL_DRAW_DONE, NULL);
	bench_say(b, leg, SPICE_MSGC_DISPLAY_PREFERRED_VIDEO_CODEC_TYPE,
		  &codec);
	cr_expect(bench_lives(b));
	cr_expect_eq(leg->got_len, got);
	cr_expect_eq(channel_cold(session_channel(b->session,
						  SPICE_CHANNEL_DISPLAY, 0))
			     ->display.compression,
		     SPICE_IMAGE_COMPRESSION_LZ);
	bench_free(b);
}

/* The window: twice its size may be out, and an ACK opens it by one. */
Test(channels, an_ack_window_holds_the_guest_back)
{
	static const struct guest_rect rect = {0, 0, 2, 2};
	struct bench *b = bench_make(FRAME_MINI, UINT32_MAX);
	struct msgc_base_ack_sync sync = {.generation = 1};
	struct bench_leg *leg;
	struct msg_base_set_ack set;
	uint32_t drawn = 0;

	b->rig.processes[0]->config.test.ack_window = 3;
	leg = bench_link(b, SPICE_CHANNEL_DISPLAY, 0);
	bench_say(b, leg, SPICE_MSGC_DISPLAY_INIT, &display_init);
	cr_assert(bench_heard(b, leg, SPICE_MSG_SET_ACK, 0, &set));
	cr_expect_eq(set.generation, 1);
	cr_expect_eq(set.window, 3);
	/* Four messages are out: create, palettes, monitors, mark. */
	while (drawn < 20 && !guest_draw(b->guest, &rect))
		drawn++;
	cr_expect_eq(drawn, 3);
	/* Of another generation, an ACK counts for nothing. */
	sync.generation = 2;
	bench_say(b, leg, SPICE_MSGC_ACK_SYNC, &sync);
	bench_say(b, leg, SPICE_MSGC_ACK, NULL);
	cr_expect_eq(b->writables, 0);
	sync.generation = 1;
	bench_say(b, leg, SPICE_MSGC_ACK_SYNC, &sync);
	bench_say(b, leg, SPICE_MSGC_ACK, NULL);
	cr_expect_eq(b->writables, 1);
	for (drawn = 0; drawn < 20 && !guest_draw(b->guest, &rect);)
		drawn++;
	cr_expect_eq(drawn, 3);
	bench_free(b);
}

/* --- port and usbredir -------------------------------------------------- */

Test(channels, ports_open_with_their_names)
{
	static const char *const names[] = {DEMO_ECHO_NAME, DEMO_PULSE_NAME};

	for (uint8_t id = 0; id < 2; id++) {
		struct msg_port_init init;
		struct bench_leg *leg;
		struct bench *b = with(SPICE_CHANNEL_PORT, id, &leg);

		cr_assert(bench_heard(b, leg, SPICE_MSG_PORT_INIT, 0, &init));
		cr_expect_eq(init.opened, 1);
		cr_assert_eq(init.name.len, strlen(names[id]));
		cr_expect_arr_eq(init.name.data, names[id], init.name.len);
		bench_free(b);
	}
}

static const uint8_t streams[][2] = {
	{SPICE_CHANNEL_PORT, 0},
	{SPICE_CHANNEL_PORT, 1},
	{SPICE_CHANNEL_USBREDIR, 0},
};

static void fill(uint8_t *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 7 + (i >> 8));
}

Test(channels, bytes_come_to_the_guest)
{
	static uint8_t bytes[60000];

	fill(bytes, sizeof(bytes));
	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		struct bench_leg *leg;
		struct bench *b = with(streams[i][0], streams[i][1], &leg);

		/* Small and large: the large one comes in pieces. */
		bench_raw(b, leg, SPICE_MSGC_SPICEVMC_DATA, bytes, 1);
		bench_raw(b, leg, SPICE_MSGC_SPICEVMC_DATA, bytes + 1,
			  sizeof(bytes) - 1);
		bench_run(b, 20);
		cr_assert_eq(b->bytes_len, sizeof(bytes));
		cr_expect_arr_eq(b->bytes, bytes, sizeof(bytes));
		cr_expect_eq(b->bytes_type, streams[i][0]);
		cr_expect_eq(b->bytes_id, streams[i][1]);
		cr_expect(bench_lives(b));
		bench_free(b);
	}
}

/* A guest that takes no more stops the client, and loses nothing. */
Test(channels, a_full_guest_stops_the_channel)
{
	static uint8_t bytes[60000];
	struct bench_leg *leg;
	struct bench *b = with(SPICE_CHANNEL_PORT, 0, &leg);

	fill(bytes, sizeof(bytes));
	b->bytes_take = 100;
	for (uint32_t i = 0; i < 4; i++)
		bench_raw(b, leg, SPICE_MSGC_SPICEVMC_DATA, bytes + i * 15000,
			  15000);
	cr_expect_eq(b->bytes_len, 100);
	cr_expect_lt(b->shard->chunks.used, 64);
	for (uint32_t room = 150; b->bytes_len < sizeof(bytes); room += 7777) {
		b->bytes_take = min_u32(room, sizeof(bytes));
		guest_input_ready(b->guest, SPICE_CHANNEL_PORT, 0);
		bench_run(b, 20);
		cr_assert_eq(b->bytes_len, b->bytes_take);
	}
	cr_expect_arr_eq(b->bytes, bytes, sizeof(bytes));
	cr_expect(bench_lives(b));
	cr_expect_eq(b->shard->chunks.used, 0);
	bench_free(b);
}

Test(channels, bytes_come_to_the_client)
{
	static uint8_t bytes[150000];

	fill(bytes, sizeof(bytes));
	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		struct bench_leg *leg;
		struct bench *b = with(streams[i][0], streams[i][1], &leg);
		struct msg_vmc_data data;
		uint32_t at = 0;

		cr_expect_eq(guest_send(b->guest, streams[i][0], streams[i][1],
					bytes, sizeof(bytes)),
			     sizeof(bytes));
		bench_run(b, 100);
		for (uint32_t n = 0;
		     bench_heard(b, leg, SPICE_MSG_SPICEVMC_DATA, n, &data);
		     n++) {
			cr_assert_leq(at + data.data.len, sizeof(bytes));
			cr_expect_arr_eq(data.data.data, bytes + at,
					 data.data.len);
			at += data.data.len;
		}
		cr_expect_eq(at, sizeof(bytes));
		bench_free(b);
	}
}

/* Without that channel nobody takes anything. */
Test(channels, bytes_for_nobody_are_not_taken)
{
	struct bench *b = bench_make(FRAME_MINI, UINT32_MAX);

	cr_expect_eq(guest_send(b->guest, SPICE_CHANNEL_PORT, 0,
				(const uint8_t *)"x", 1),
		     0);
	guest_modifiers(b->guest, 1);
	guest_input_ready(b->guest, SPICE_CHANNEL_PORT, 0);
	cr_expect(bench_lives(b));
	bench_free(b);
}

/* Above the mark the guest is told to wait, and told when there is room. */
Test(channels, a_slow_client_holds_the_guest_back)
{
	static uint8_t bytes[4 << 20];
	struct bench_leg *leg;
	struct bench *b = with(SPICE_CHANNEL_PORT, 0, &leg);
	uint32_t taken;

	taken = guest_send(b->guest, SPICE_CHANNEL_PORT, 0, bytes,
			   sizeof(bytes));
	cr_expect_lt(taken, 2 * CHANNEL_TX_HIGH_BYTES);
	cr_expect_gt(taken, CHANNEL_TX_LOW_BYTES);
	cr_expect_eq(guest_send(b->guest, SPICE_CHANNEL_PORT, 0, bytes, 1), 0);
	cr_expect_eq(b->writables, 0);
	bench_run(b, 200);
	cr_expect_geq(b->writables, 1);
	cr_expect_eq(guest_send(b->guest, SPICE_CHANNEL_PORT, 0, bytes, 1), 1);
	cr_expect(bench_lives(b));
	bench_free(b);
}

Test(channels, a_port_event_is_heard_and_compressed_data_is_not)
{
	static const struct msgc_port_event event = {.event = 2};
	static const struct msg_vmc_compressed_data packed = {
		.type = 1,
		.uncompressed_bytes = 3,
		.data = {(const uint8_t *)"abc", 3},
	};

	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		struct bench_leg *leg;
		struct bench *b = with(streams[i][0], streams[i][1], &leg);

		if (leg->type == SPICE_CHANNEL_PORT) {
			bench_say(b, leg, SPICE_MSGC_PORT_EVENT, &event);
			cr_expect(bench_lives(b));
		}
		bench_say(b, leg, SPICE_MSGC_SPICEVMC_COMPRESSED_DATA, &packed);
		cr_expect(bench_broke(b));
		bench_free(b);
	}
}

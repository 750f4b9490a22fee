/* channel_states_test.c - what a channel does with its client's bytes in each
 * state of a move: keeps them, leaves them, wants a token, drops them. */
#include "channels/channel_hold.h"
#include "channels/channel_kept.h"
#include "channels/channel_out.h"
#include "channels/migrate/migrate.h"
#include "channels/migrate/token.h"
#include "tests/unit/channel_bench.h"

#define STREAM_BYTES 90000

static uint8_t stream[STREAM_BYTES];

static void fill(void)
{
	for (uint32_t i = 0; i < sizeof(stream); i++)
		stream[i] = (uint8_t)(i * 7 + (i >> 8));
}

static void no_release(struct service *service, struct move *move)
{
	(void)service, (void)move;
}

static const struct service_ops inert = {
	.undo = no_release,
	.release = no_release,
	.revoke = no_release,
};

static struct channel *channel_of(struct bench *b, const struct bench_leg *leg)
{
	return session_channel(b->session, leg->type, leg->id);
}

/* Puts the session into a move whose other end is nobody. */
static struct move *enter(struct bench *b, enum move_role role)
{
	struct move *move = move_take(&b->moves, role, 77);

	cr_assert(move);
	b->moves.service_ops = &inert;
	move->state = role == MOVE_SOURCE ? MOVE_FREEZING : MOVE_COMMITTED;
	move->mode = MODE_SEAMLESS;
	move->epoch = 5;
	move->reported = true; /* nobody asked for it */
	memset(move->key, 'k', sizeof(move->key));
	b->session->move = move->self;
	b->session->flags = 3;
	/* One more than will come: the move does not end. */
	b->session->tokens_due = 99;
	return move;
}

static struct bench *with(uint8_t type, struct bench_leg **leg)
{
	struct bench *b = bench_make(FRAME_MINI, UINT32_MAX);

	fill();
	*leg = bench_link(b, type, 0);
	return b;
}

static void key(struct bench *b, struct bench_leg *leg, uint32_t code)
{
	struct msgc_inputs_key_down message = {.code = code};

	bench_say(b, leg, SPICE_MSGC_INPUTS_KEY_DOWN, &message);
}

static void say_stream(struct bench *b, struct bench_leg *leg, uint32_t from,
		       uint32_t to)
{
	bench_raw(b, leg, SPICE_MSGC_SPICEVMC_DATA, stream + from, to - from);
	bench_run(b, 20);
}

/* --- FROZEN ------------------------------------------------------------- */

Test(channel_states, frozen_keeps_input_and_gives_it_later)
{
	struct bench_leg *leg;
	struct bench *b = with(SPICE_CHANNEL_INPUTS, &leg);
	struct channel *channel = channel_of(b, leg);

	key(b, leg, 1);
	enter(b, MOVE_SOURCE);
	channel->state = CHANNEL_FROZEN;
	for (uint32_t code = 2; code <= 40; code++)
		key(b, leg, code);
	cr_expect_eq(b->key_count, 1);
	cr_expect_gt(channel_cold(channel)->pending.len_bytes, 0);
	channel->state = CHANNEL_UP;
	cr_expect_eq(channel_replay(channel), 0);
	key(b, leg, 41);
	cr_assert_eq(b->key_count, 41);
	for (uint32_t i = 0; i < 41; i++)
		cr_expect_eq(b->keys[i].code, i + 1);
	cr_expect_eq(channel_cold(channel)->pending.len_bytes, 0);
	b->session->move = HANDLE_NONE;
	bench_free(b);
}

/* The gate: what the guest or an answer would say is dropped, not queued. */
Test(channel_states, frozen_sends_nothing)
{
	struct bench_leg *leg;
	struct bench *b = with(SPICE_CHANNEL_INPUTS, &leg);
	struct channel *channel = channel_of(b, leg);
	static const uint8_t states[] = {CHANNEL_FROZEN, CHANNEL_SEALED,
					 CHANNEL_DRAINING, CHANNEL_PARKED};

	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		uint32_t got = leg->got_len;
		uint64_t serial = channel->out_serial;

		channel->state = states[i];
		guest_modifiers(b->guest, 7);
		channel_ping(channel);
		cr_expect_not(channel_has_room(channel));
		bench_run(b, 5);
		cr_expect_eq(leg->got_len, got);
		cr_expect_eq(channel->out_serial, serial);
	}
	channel->state = CHANNEL_UP;
	bench_free(b);
}

Test(channel_states, frozen_in_the_middle_of_a_message)
{
	for (uint32_t cut = 1; cut < 30000; cut += 2999) {
		struct bench_leg *leg;
		struct bench *b = with(SPICE_CHANNEL_PORT, &leg);
		struct channel *channel = channel_of(b, leg);
		uint8_t head[FRAME_FULL_BYTES];
		uint32_t len = frame_emit_header(
			head, FRAME_MINI, 1, SPICE_MSGC_SPICEVMC_DATA, 30000);
		struct span first[2] = {{head, len}, {stream, cut}};
		struct span rest = {stream + cut, 30000 - cut};
		struct dp *dp = b->rig.processes[1]->dps[0];

		cr_assert_eq(dp_send(dp, leg->conn, first, 2, 0), 0);
		bench_run(b, 20);
		cr_assert_eq(b->bytes_len, cut);
		channel->state = CHANNEL_FROZEN;
		cr_assert_eq(dp_send(dp, leg->conn, &rest, 1, 0), 0);
		bench_run(b, 20);
		say_stream(b, leg, 30000, 50000);
		cr_assert_eq(b->bytes_len, cut);
		channel->state = CHANNEL_UP;
		cr_expect_eq(channel_replay(channel), 0);
		bench_run(b, 20);
		cr_assert_eq(b->bytes_len, 50000);
		cr_expect_arr_eq(b->bytes, stream, 50000);
		bench_free(b);
	}
}

/* Memory is bounded: above the mark the rest waits in the network. */
Test(channel_states, frozen_keeps_no_more_than_its_share)
{
	struct bench_leg *leg;
	struct bench *b = with(SPICE_CHANNEL_PORT, &leg);
	struct channel *channel = channel_of(b, leg);
	struct dp *dp = b->rig.processes[1]->dps[0];
	static uint8_t bytes[1 << 20];
	struct span span = {bytes, sizeof(bytes)};
	uint32_t len = 0;

	channel->state = CHANNEL_FROZEN;
	while (len + 8192 + FRAME_MINI_BYTES <= sizeof(bytes)) {
		len += frame_emit_header(bytes + len, FRAME_MINI, 1,
					 SPICE_MSGC_SPICEVMC_DATA, 8192);
		memcpy(bytes + len, stream, 8192);
		len += 8192;
	}
	span.len = len;
	cr_assert_eq(dp_send(dp, leg->conn, &span, 1, 0), 0);
	bench_run(b, 200);
	cr_expect(channel->bits & CHANNEL_HELD);
	cr_expect_gt(channel_cold(channel)->pending.len_bytes,
		     CHANNEL_PENDING_HIGH_BYTES);
	cr_expect_lt(channel_cold(channel)->pending.len_bytes,
		     CHANNEL_PENDING_HIGH_BYTES + 128 * 1024);
	cr_expect(bench_lives(b));
	channel->state = CHANNEL_UP;
	cr_expect_eq(channel_replay(channel), 0);
	bench_run(b, 200);
	/* All of it: as many as the guest's memory in this test takes. */
	cr_expect_eq(b->bytes_len, sizeof(b->bytes));
	for (uint32_t at = 0; at < sizeof(b->bytes); at += 8192)
		cr_expect_arr_eq(b->bytes + at, stream, 8192);
	cr_expect(bench_lives(b));
	bench_free(b);
}

/* --- SEALED ------------------------------------------------------------- */

Test(channel_states, behind_the_mark_there_is_nothing)
{
	for (uint8_t flags = 0; flags < 4; flags++) {
		struct bench_leg *leg;
		struct bench *b = with(SPICE_CHANNEL_INPUTS, &leg);
		struct channel *channel = channel_of(b, leg);

		enter(b, MOVE_SOURCE)->state = MOVE_SEALED;
		b->session->flags = flags;
		channel->state = CHANNEL_SEALED;
		key(b, leg, 1);
		cr_expect_eq(b->key_count, 0);
		/* Without marks the client does not know yet: it is kept. */
		if (flags & SPICE_MIGRATE_NEED_FLUSH) {
			cr_expect(bench_broke(b), "flags %u", flags);
		} else {
			cr_expect(bench_lives(b), "flags %u", flags);
			cr_expect_gt(channel_cold(channel)->pending.len_bytes,
				     0);
		}
		bench_free(b);
	}
}

/* --- PARKED ------------------------------------------------------------- */

Test(channel_states, parked_is_not_read)
{
	struct bench_leg *leg;
	struct bench *b = with(SPICE_CHANNEL_INPUTS, &leg);
	struct channel *channel = channel_of(b, leg);

	channel->state = CHANNEL_PARKED;
	for (uint32_t code = 1; code <= 30; code++)
		key(b, leg, code);
	cr_expect_eq(b->key_count, 0);
	cr_expect_eq(channel->messages_in, 0);
	cr_expect_eq(channel_cold(channel)->pending.len_bytes, 0);
	channel->state = CHANNEL_UP;
	channel_unhold(channel);
	bench_run(b, 20);
	cr_assert_eq(b->key_count, 30);
	for (uint32_t i = 0; i < 30; i++)
		cr_expect_eq(b->keys[i].code, i + 1);
	bench_free(b);
}

Test(channel_states, parked_main_is_asked_for_little)
{
	struct bench *b = bench_make(FRAME_MINI, UINT32_MAX);

	session_main(b->session)->state = CHANNEL_PARKED;
	bench_say(b, &b->legs[0], SPICE_MSGC_MAIN_ATTACH_CHANNELS, NULL);
	cr_expect(bench_lives(b));
	cr_expect_not(b->session->listed);
	bench_say(b, &b->legs[0], SPICE_MSGC_MAIN_MIGRATE_END, NULL);
	cr_expect(bench_broke(b));
	bench_free(b);
}

/* --- AWAITED ------------------------------------------------------------ */

static void token_of(struct bench *b, const struct move *move,
		     const struct bench_leg *leg, uint8_t *bytes)
{
	migrate_token_make(move, b->session->id, leg->type, leg->id, bytes);
}

Test(channel_states, a_token_switches_the_channel)
{
	uint8_t token[MIGRATE_TOKEN_BYTES];
	struct bench_leg *leg;
	struct bench *b = with(SPICE_CHANNEL_INPUTS, &leg);
	struct channel *channel = channel_of(b, leg);
	struct move *move = enter(b, MOVE_DESTINATION);

	channel->state = CHANNEL_AWAITED;
	channel_cold(channel)->token_due = true;
	token_of(b, move, leg, token);
	bench_raw(b, leg, SPICE_MSGC_MIGRATE_DATA, token, sizeof(token));
	cr_expect_eq(channel->state, CHANNEL_UP);
	cr_expect_eq(b->session->tokens_due, 98);
	cr_expect_eq(bench_stat(b, STAT_tokens), 1);
	key(b, leg, 9);
	cr_expect_eq(b->key_count, 1);
	/* Once is enough. */
	bench_raw(b, leg, SPICE_MSGC_MIGRATE_DATA, token, sizeof(token));
	cr_expect(bench_broke(b));
	bench_free(b);
}

Test(channel_states, another_token_ends_the_session)
{
	for (uint32_t i = 0; i < 6; i++) {
		uint8_t token[MIGRATE_TOKEN_BYTES + 1] = {0};
		uint32_t len = MIGRATE_TOKEN_BYTES;
		struct bench_leg *leg;
		struct bench *b = with(SPICE_CHANNEL_INPUTS, &leg);
		struct channel *channel = channel_of(b, leg);
		struct move *move = enter(b, MOVE_DESTINATION);

		channel->state = CHANNEL_AWAITED;
		channel_cold(channel)->token_due = true;
		if (i == 0)
			token_of(b, move, &b->legs[0], token);
		else
			token_of(b, move, leg, token);
		if (i == 1)
			token[35] ^= 1;
		if (i == 2)
			len--;
		if (i == 3)
			len++;
		if (i == 4)
			move->epoch++;
		if (i == 5)
			move->key[3] ^= 1;
		bench_raw(b, leg, SPICE_MSGC_MIGRATE_DATA, token, len);
		cr_expect(bench_broke(b), "case %u", i);
		cr_expect_eq(bench_stat(b, STAT_tokens_bad), 1, "case %u", i);
		cr_expect_eq(bench_stat(b, STAT_tokens), 0);
		bench_free(b);
	}
}

Test(channel_states, before_its_token_nothing_is_heard)
{
	static const uint16_t types[] = {
		SPICE_MSGC_INPUTS_KEY_DOWN,
		SPICE_MSGC_ACK_SYNC,
		SPICE_MSGC_INPUTS_KEY_MODIFIERS,
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		static const uint8_t body[4] = {1};
		struct bench_leg *leg;
		struct bench *b = with(SPICE_CHANNEL_INPUTS, &leg);
		struct channel *channel = channel_of(b, leg);

		enter(b, MOVE_DESTINATION);
		channel->state = CHANNEL_AWAITED;
		channel_cold(channel)->token_due = true;
		bench_raw(b, leg, types[i], body,
			  types[i] == SPICE_MSGC_INPUTS_KEY_MODIFIERS ? 2 : 4);
		cr_expect(bench_broke(b), "type %u", types[i]);
		cr_expect_eq(b->key_count, 0);
		bench_free(b);
	}
}

/* With flags that ask for no data any message says that it has switched. */
Test(channel_states, without_a_token_any_message_switches)
{
	struct bench_leg *leg;
	struct bench *b = with(SPICE_CHANNEL_INPUTS, &leg);
	struct channel *channel = channel_of(b, leg);

	enter(b, MOVE_DESTINATION);
	channel->state = CHANNEL_AWAITED;
	key(b, leg, 3);
	cr_expect_eq(channel->state, CHANNEL_UP);
	cr_expect_eq(b->session->tokens_due, 98);
	cr_assert_eq(b->key_count, 1);
	cr_expect_eq(b->keys[0].code, 3);
	key(b, leg, 4);
	cr_expect_eq(b->session->tokens_due, 98);
	cr_expect_eq(b->key_count, 2);
	bench_free(b);
}

/* --- DRAINING ----------------------------------------------------------- */

Test(channel_states, draining_drops_what_still_comes)
{
	struct bench_leg *leg;
	struct bench *b = with(SPICE_CHANNEL_INPUTS, &leg);
	struct channel *channel = channel_of(b, leg);

	channel->state = CHANNEL_DRAINING;
	key(b, leg, 1);
	bench_say(b, leg, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL);
	bench_say(b, leg, SPICE_MSGC_ACK, NULL);
	cr_expect_eq(b->key_count, 0);
	cr_expect_eq(channel_cold(channel)->pending.len_bytes, 0);
	cr_expect(bench_lives(b));
	bench_free(b);
}

/* --- marks of freezes that were undone ---------------------------------- */

Test(channel_states, a_late_mark_is_eaten_once)
{
	struct bench_leg *leg;
	struct bench *b = with(SPICE_CHANNEL_INPUTS, &leg);

	channel_cold(channel_of(b, leg))->marks_owed = 2;
	for (uint32_t i = 0; i < 2; i++) {
		bench_say(b, leg, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL);
		cr_expect(bench_lives(b));
		key(b, leg, i);
	}
	cr_expect_eq(b->key_count, 2);
	bench_say(b, leg, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL);
	cr_expect(bench_broke(b));
	bench_free(b);
}

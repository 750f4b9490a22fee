/* move_destination_test.c - the destination's edges, each from each state; and
 * that its guest runs on the source's word only, once. */
#include "tests/unit/move_net.h"

#define ID    ((uint64_t)1 << 54 | 5) /* of node 1, shard 0 */
#define EPOCH 9

enum at { OFFERED, READY, STREAMED, DOUBT, COMMITTED, ATS };

static const char *const at_names[] = {
	"offered", "ready", "streamed", "in doubt", "committed",
};

static void offer_as(struct move_net *m, uint64_t id, const char *guest)
{
	struct peer_offer offer = {
		.mode = MODE_SEAMLESS,
		.image = {(const uint8_t *)"offer", 5},
	};

	memcpy(offer.guest, guest, strnlen(guest, NAME_BYTES));
	say(m, PEER_OFFER, id, EPOCH, &offer);
}

static void offer(struct move_net *m)
{
	offer_as(m, ID, "guest1");
}

static void image(struct move_net *m)
{
	struct peer_image image = {{(const uint8_t *)"image", 5}};

	say(m, PEER_IMAGE, ID, EPOCH, &image);
}

static void end(struct move_net *m, uint32_t images)
{
	struct peer_end end = {.images = images, .mode = MODE_SEAMLESS};

	say(m, PEER_END, ID, EPOCH, &end);
}

/* An engine that two nodes are connected to, and nothing moves yet. */
static struct move_net *connected(bool local)
{
	struct move_net *m = move_net_make(1, local);

	want(scripted(m), 1);
	run_ms(m, 100);
	cr_assert_eq(scripted(m)->ups, 1);
	return m;
}

static struct move_net *moving(enum at at)
{
	struct move_net *m = connected(false);

	offer(m);
	if (at == OFFERED)
		return m;
	move_linked(move_of(m));
	run_ms(m, 1);
	if (at == READY)
		return m;
	image(m);
	image(m);
	end(m, 2);
	if (at == COMMITTED)
		say(m, PEER_COMMIT, ID, EPOCH, NULL);
	if (at == DOUBT)
		cut(m);
	return m;
}

static const char *const trail_to[] = {"G", "G", "GIIE", "GIIE", "GIIEX"};

static void expect_trail(struct move_net *m, enum at at, const char *more)
{
	char want[TRAIL_MAX];

	snprintf(want, sizeof(want), "%s%s", trail_to[at], more);
	cr_expect_str_eq(m->service.trail, want, "%s: %s", at_names[at],
			 m->service.trail);
}

static void expect_gone(struct move_net *m, enum at at, const char *more)
{
	expect_trail(m, at, more);
	cr_expect_eq(m->service.moves.slab.used, 0, "%s", at_names[at]);
}

/* --- the way that everybody wants --------------------------------------- */

Test(move_destination, goes_through_its_states)
{
	static const uint8_t states[] = {
		MOVE_OFFERED,  MOVE_READY,     MOVE_STREAMED,
		MOVE_IN_DOUBT, MOVE_COMMITTED,
	};

	for (int at = OFFERED; at < ATS; at++) {
		struct move_net *m = moving((enum at)at);

		cr_assert(move_of(m));
		cr_expect_eq(move_of(m)->state, states[at], "%s", at_names[at]);
		cr_expect_eq(move_of(m)->epoch, EPOCH);
		cr_expect_eq(move_of(m)->peer, 1);
		cr_expect_str_eq(move_of(m)->guest_name, "guest1");
		expect_trail(m, (enum at)at, "");
		cr_expect_eq(heard(m, PEER_ANSWER), 1);
		cr_expect_eq(heard(m, PEER_LINKED), at >= READY);
		cr_expect_eq(heard(m, PEER_STREAMED), at >= STREAMED);
		cr_expect_eq(heard(m, PEER_COMMITTED), at == COMMITTED);
		move_net_free(m);
	}
}

Test(move_destination, ends_when_the_client_has_switched)
{
	struct move_net *m = moving(COMMITTED);

	move_switched(move_of(m));
	run_ms(m, 1);
	expect_gone(m, COMMITTED, "R");
	cr_expect_not(m->service.aborted);
	cr_expect_eq(heard(m, PEER_SWITCHED), 1);
	/* The source lost that with the link: it is told again. */
	say(m, PEER_COMMIT, ID, EPOCH, NULL);
	cr_expect_eq(heard(m, PEER_SWITCHED), 2);
	cr_expect_eq(heard(m, PEER_REFUSE), 0);
	expect_gone(m, COMMITTED, "R");
	move_net_free(m);
}

Test(move_destination, keys_of_two_moves_differ)
{
	struct move_net *m = connected(false);
	uint8_t key[SIPHASH_KEY_BYTES];

	offer_as(m, ID, "guest1");
	memcpy(key, move_of(m)->key, sizeof(key));
	offer_as(m, ID + 1, "guest2");
	cr_expect_neq(memcmp(key, move_of(m)->key, sizeof(key)), 0);
	move_net_free(m);
}

/* --- COMMIT ------------------------------------------------------------- */

Test(move_destination, commit_runs_the_guest_once)
{
	struct move_net *m = moving(STREAMED);

	for (uint32_t i = 0; i < 5; i++)
		say(m, PEER_COMMIT, ID, EPOCH, NULL);
	cr_expect_eq(heard(m, PEER_COMMITTED), 5);
	expect_trail(m, STREAMED, "X");
	move_net_free(m);
}

Test(move_destination, commit_before_streamed_runs_nothing)
{
	for (int at = OFFERED; at <= READY; at++) {
		struct move_net *m = moving((enum at)at);

		say(m, PEER_COMMIT, ID, EPOCH, NULL);
		expect_trail(m, (enum at)at, "");
		cr_expect_eq(heard(m, PEER_COMMITTED), 0);
		move_net_free(m);
	}
}

Test(move_destination, commit_of_what_is_not_known_is_refused)
{
	struct move_net *m = connected(false);

	say(m, PEER_COMMIT, ID, EPOCH, NULL);
	cr_expect_eq(heard(m, PEER_REFUSE), 1);
	cr_expect_str_eq((const char *)scripted(m)->last.refuse.reason,
			 "no such move here");
	say(m, PEER_COMMIT, 0, EPOCH, NULL);
	cr_expect_eq(heard(m, PEER_REFUSE), 2);
	move_net_free(m);
}

/* --- refusals ----------------------------------------------------------- */

Test(move_destination, refuses_offers)
{
	static const struct {
		uint64_t id;
		const char *guest;
		int grant_err;
		const char *reason;
		const char *trail;
	} cases[] = {
		{ID, "guest1", -ENOSPC, "no room for it", "G"},
		{0, "guest1", 0, "this move is known already", ""},
		{ID, "", 0, "this is no name for a guest", ""},
		{ID, "a b", 0, "this is no name for a guest", ""},
		{ID, "a\nb", 0, "this is no name for a guest", ""},
		{ID, "\xc3\xa4", 0, "this is no name for a guest", ""},
		{ID, "0123456789abcdef0123456789abcdef", 0,
		 "this is no name for a guest", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct move_net *m = connected(false);

		m->service.grant_err = cases[i].grant_err;
		offer_as(m, cases[i].id, cases[i].guest);
		cr_expect_eq(heard(m, PEER_REFUSE), 1, "case %zu", i);
		cr_expect_eq(heard(m, PEER_ANSWER), 0, "case %zu", i);
		cr_expect_str_eq((const char *)scripted(m)->last.refuse.reason,
				 cases[i].reason, "case %zu", i);
		cr_expect_str_eq(m->service.trail, cases[i].trail);
		cr_expect_eq(m->service.moves.slab.used, 0);
		move_net_free(m);
	}
}

Test(move_destination, refuses_an_id_twice_and_too_many)
{
	struct move_net *m = connected(false);
	char name[NAME_BYTES];

	offer(m);
	offer(m);
	cr_expect_eq(heard(m, PEER_REFUSE), 1);
	cr_expect_eq(m->service.moves.slab.used, 1);
	for (uint32_t i = 1; i < MOVES_MAX + 1; i++) {
		snprintf(name, sizeof(name), "guest%u", i + 1);
		offer_as(m, ID + i, name);
	}
	cr_expect_eq(m->service.moves.slab.used, MOVES_MAX);
	cr_expect_eq(heard(m, PEER_REFUSE), 2);
	cr_expect_str_eq((const char *)scripted(m)->last.refuse.reason,
			 "too many moves at once");
	move_net_free(m);
}

Test(move_destination, bad_images_end_it)
{
	static const struct {
		int import_err;
		int end_err;
		uint32_t told; /* images, in END; two have come */
		const char *reason;
		const char *trail;
	} cases[] = {
		{-EBADMSG, 0, 2, "a bad image", "GIV"},
		{0, -ENOENT, 2, "something is missing", "GIIEV"},
		{0, 0, 3, "2 images came of 3", "GIIV"},
		{0, 0, 1, "2 images came of 1", "GIIV"},
		{0, 0, 0, "2 images came of 0", "GIIV"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct move_net *m = moving(READY);

		m->service.import_err = cases[i].import_err;
		m->service.end_err = cases[i].end_err;
		image(m);
		image(m);
		end(m, cases[i].told);
		cr_expect_str_eq(m->service.trail, cases[i].trail, "case %zu",
				 i);
		cr_expect_eq(heard(m, PEER_REFUSE), 1, "case %zu", i);
		cr_expect_eq(heard(m, PEER_STREAMED), 0, "case %zu", i);
		cr_expect_str_eq((const char *)scripted(m)->last.refuse.reason,
				 cases[i].reason);
		cr_expect_eq(m->service.moves.slab.used, 0);
		cr_expect_eq(stats_get(&m->service.moves.shard->stats,
				       STAT_images_bad),
			     1);
		move_net_free(m);
	}
}

Test(move_destination, slots_that_hold_no_image_end_it)
{
	for (uint32_t i = 0; i < 4; i++) {
		struct move_net *m = connected(i > 0);
		struct peer_link *link =
			link_of(scripted(m), scripted(m)->link);
		struct peer_image_slot slot = {.slot = i == 1 ? 1000 : 0};
		uint8_t *room;

		run_ms(m, 100);
		offer(m);
		if (i >= 2) {
			uint64_t owner = i == 2 ? ID + 1 : ID;

			cr_assert_eq(region_fill(&link->out, owner, &slot.slot,
						 &room),
				     0);
			memcpy(room, "image", 5);
			region_seal(&link->out, slot.slot, 5);
		}
		say(m, PEER_IMAGE_SLOT, ID, EPOCH, &slot);
		/* No region; no such slot; another move's; and a good one. */
		cr_expect_str_eq(m->service.trail, i == 3 ? "GI" : "GV",
				 "case %u: %s", i, m->service.trail);
		cr_expect_eq(heard(m, PEER_REFUSE), i != 3, "case %u", i);
		move_net_free(m);
	}
}

/* --- what can happen in each state -------------------------------------- */

Test(move_destination, cancelled_by_the_source)
{
	static const struct peer_refuse cancel = {.reason = "cancelled"};

	for (int at = OFFERED; at < ATS; at++) {
		struct move_net *m = moving((enum at)at);

		run_ms(m, 400); /* in doubt: the link is back */
		say(m, PEER_CANCEL, ID, EPOCH, &cancel);
		if (at == COMMITTED)
			expect_trail(m, (enum at)at, "");
		else
			expect_gone(m, (enum at)at, "V");
		move_net_free(m);
	}
}

/* An operator's cancel belongs to the source. */
Test(move_destination, cannot_be_cancelled_here)
{
	for (int at = OFFERED; at < ATS; at++) {
		struct move_net *m = moving((enum at)at);
		struct shard *control =
			rig_shard(&m->net->rig, m->here, RIG_CONTROL);
		struct op_move_cancel cancel = {.guest = "guest1"};

		cr_assert_eq(shard_tell(control, 0, OP_MOVE_CANCEL, 7, &cancel,
					sizeof(cancel)),
			     0);
		run_ms(m, 1);
		cr_expect_eq(here_of(m)->heard_count, 1);
		cr_expect_eq(here_of(m)->heard.heard,
			     at == COMMITTED ? HEARD_TOO_LATE
					     : HEARD_NOT_SOURCE);
		expect_trail(m, (enum at)at, "");
		move_net_free(m);
	}
}

Test(move_destination, lost_its_link)
{
	for (int at = OFFERED; at < ATS; at++) {
		struct move_net *m = moving((enum at)at);

		if (at != DOUBT)
			cut(m);
		if (at < STREAMED) {
			expect_gone(m, (enum at)at, "V");
		} else {
			cr_assert(move_of(m), "%s", at_names[at]);
			cr_expect_eq(move_of(m)->state,
				     at == COMMITTED ? MOVE_COMMITTED
						     : MOVE_IN_DOUBT);
			expect_trail(m, (enum at)at, "");
		}
		move_net_free(m);
	}
}

/* In doubt it asks until it is told, and does what it is told. */
Test(move_destination, in_doubt_it_asks_and_obeys)
{
	for (uint8_t word = 0; word < 2; word++) {
		struct peer_verdict verdict = {.committed = word};
		struct move_net *m = moving(DOUBT);

		run_ms(m, 60000);
		cr_expect_gt(heard(m, PEER_RESOLVE), 50);
		cr_expect_eq(move_of(m)->state, MOVE_IN_DOUBT);
		expect_trail(m, DOUBT, "");
		cr_expect_str_eq(here_of(m)->doubt.guest, "guest1");
		cr_expect_eq(here_of(m)->doubt.node, 1);
		cr_expect_not(here_of(m)->doubt.over);
		say(m, PEER_VERDICT, ID, EPOCH, &verdict);
		cr_expect(here_of(m)->doubt.over);
		if (word) {
			expect_trail(m, DOUBT, "X");
			cr_expect_eq(move_of(m)->state, MOVE_COMMITTED);
			cr_expect_eq(heard(m, PEER_COMMITTED), 1);
			/* The other word comes too late. */
			verdict.committed = 0;
			say(m, PEER_VERDICT, ID, EPOCH, &verdict);
			expect_trail(m, DOUBT, "X");
		} else {
			expect_gone(m, DOUBT, "V");
		}
		move_net_free(m);
	}
}

static enum move_heard decide(struct move_net *m, bool committed, bool dry_run)
{
	struct shard *control = rig_shard(&m->net->rig, m->here, RIG_CONTROL);
	struct op_move_decide decide = {
		.guest = "guest1",
		.committed = committed,
		.dry_run = dry_run,
	};
	uint32_t answers = here_of(m)->heard_count;

	cr_assert_eq(shard_tell(control, 0, OP_MOVE_DECIDE, 7, &decide,
				sizeof(decide)),
		     0);
	run_ms(m, 1);
	cr_assert_eq(here_of(m)->heard_count, answers + 1);
	return here_of(m)->heard.heard;
}

/* An operator's word is as good as the source's, when that cannot be had. */
Test(move_destination, in_doubt_it_obeys_an_operator)
{
	for (int committed = 0; committed < 2; committed++) {
		struct move_net *m = moving(STREAMED);
		struct rig_process *source = m->net->nodes[0].process;

		sim_machine_crash(source->machine);
		source->dead = true;
		run_ms(m, 100);
		cr_assert_eq(move_of(m)->state, MOVE_IN_DOUBT);
		cr_expect_eq(decide(m, committed, true), HEARD_DONE);
		cr_expect_eq(here_of(m)->heard.is_source, 0);
		cr_expect_eq(here_of(m)->heard.node, 1);
		expect_trail(m, DOUBT, "");
		cr_expect_eq(decide(m, committed, false), HEARD_DONE);
		if (committed)
			expect_trail(m, DOUBT, "X");
		else
			expect_gone(m, DOUBT, "V");
		cr_expect_eq(decide(m, !committed, false),
			     committed ? HEARD_NO_DOUBT : HEARD_NO_MOVE);
		move_net_free(m);
	}
}

Test(move_destination, an_operator_decides_no_other_state)
{
	for (int at = OFFERED; at < ATS; at++) {
		struct move_net *m = moving((enum at)at);
		bool doubt = at == DOUBT;

		/* The source is back: it will say. */
		if (doubt)
			run_ms(m, 400);
		for (int committed = 0; committed < 2; committed++)
			cr_expect_eq(decide(m, committed, false),
				     doubt ? HEARD_PEER_IS_UP : HEARD_NO_DOUBT);
		expect_trail(m, (enum at)at, "");
		move_net_free(m);
	}
}

Test(move_destination, in_doubt_a_commit_is_as_good)
{
	struct move_net *m = moving(DOUBT);

	run_ms(m, 400);
	say(m, PEER_COMMIT, ID, EPOCH, NULL);
	expect_trail(m, DOUBT, "X");
	cr_expect_eq(heard(m, PEER_COMMITTED), 1);
	move_net_free(m);
}

Test(move_destination, a_verdict_out_of_turn_is_ignored)
{
	static const struct peer_verdict yes = {.committed = 1};

	for (int at = OFFERED; at <= READY; at++) {
		struct move_net *m = moving((enum at)at);

		say(m, PEER_VERDICT, ID, EPOCH, &yes);
		expect_trail(m, (enum at)at, "");
		cr_expect_eq(m->service.moves.slab.used, 1);
		move_net_free(m);
	}
}

Test(move_destination, its_client_has_gone)
{
	for (int at = OFFERED; at < ATS; at++) {
		struct move_net *m = moving((enum at)at);

		run_ms(m, 400);
		move_abort(move_of(m), "the client left");
		run_ms(m, 1);
		if (at < STREAMED) {
			expect_gone(m, (enum at)at, "V");
			cr_expect_eq(heard(m, PEER_REFUSE), 1);
		} else if (at < COMMITTED) {
			/* The guest may be ours: only the source knows. */
			expect_trail(m, (enum at)at, "");
			cr_expect_eq(m->service.moves.slab.used, 1);
			say(m, PEER_COMMIT, ID, EPOCH, NULL);
			expect_trail(m, (enum at)at, "X");
		} else {
			expect_gone(m, (enum at)at, "R");
			cr_expect(m->service.aborted);
			cr_expect_eq(heard(m, PEER_GONE), 1);
		}
		move_net_free(m);
	}
}

Test(move_destination, a_client_that_does_not_switch_in_time)
{
	struct move_net *m = moving(COMMITTED);
	uint32_t drain_ms = here_of(m)->process->config.move.drain_ms;

	run_ms(m, drain_ms - 200);
	expect_trail(m, COMMITTED, "");
	run_ms(m, 300);
	expect_gone(m, COMMITTED, "R");
	cr_expect(m->service.aborted);
	cr_expect_eq(heard(m, PEER_GONE), 1);
	/* The guest is here all the same, whatever the source has missed. */
	say(m, PEER_COMMIT, ID, EPOCH, NULL);
	cr_expect_eq(heard(m, PEER_REFUSE), 0);
	cr_expect_eq(heard(m, PEER_COMMITTED), 2);
	cr_expect_eq(heard(m, PEER_GONE), 2);
	move_net_free(m);
}

Test(move_destination, waits_for_the_source_in_every_other_state)
{
	for (int at = OFFERED; at < COMMITTED; at++) {
		struct move_net *m = moving((enum at)at);

		run_ms(m, 600000);
		expect_trail(m, (enum at)at, "");
		cr_expect_eq(m->service.moves.slab.used, 1);
		move_net_free(m);
	}
}

Test(move_destination, seamless_is_refused_from_a_nack_on)
{
	for (int at = OFFERED; at <= READY; at++) {
		struct move_net *m = moving((enum at)at);

		say(m, PEER_NACK, ID, EPOCH, NULL);
		expect_trail(m, (enum at)at, "N");
		cr_expect_eq(m->service.moves.slab.used, 1);
		move_net_free(m);
	}
}

/* Images behind the last: the link goes, the guest may be ours all the same. */
Test(move_destination, images_behind_the_last_cost_the_link)
{
	struct move_net *m = moving(STREAMED);

	image(m);
	run_ms(m, 5);
	cr_expect_eq(scripted(m)->losts, 1);
	cr_assert(move_of(m));
	cr_expect_eq(move_of(m)->state, MOVE_IN_DOUBT);
	expect_trail(m, STREAMED, "");
	move_net_free(m);
}

Test(move_destination, a_second_end_is_ignored)
{
	struct move_net *m = moving(STREAMED);

	end(m, 2);
	end(m, 7);
	expect_trail(m, STREAMED, "");
	cr_expect_eq(heard(m, PEER_STREAMED), 1);
	move_net_free(m);
}

Test(move_destination, linked_is_told_once)
{
	struct move_net *m = moving(READY);

	move_linked(move_of(m));
	run_ms(m, 1);
	cr_expect_eq(heard(m, PEER_LINKED), 1);
	move_net_free(m);
}

/* --- frames that are not the source's ----------------------------------- */

Test(move_destination, another_epoch_or_node_has_no_say)
{
	for (int at = OFFERED; at < ATS; at++) {
		static const struct peer_refuse why = {.reason = "cancelled"};
		static const uint16_t types[] = {PEER_CANCEL, PEER_COMMIT,
						 PEER_NACK};
		struct move_net *m = moving((enum at)at);
		struct user *third = user_of(m->net, 2, 0);

		run_ms(m, 400);
		want(third, 1);
		run_ms(m, 100);
		cr_assert_geq(third->ups, 1);
		for (size_t i = 0; i < ARRAY_LEN(types); i++) {
			say(m, types[i], ID, EPOCH - 1, &why);
			say(m, types[i], ID, EPOCH + 1, &why);
			cr_assert_eq(peers_send(&third->peers, third->link,
						types[i], ID, EPOCH, &why),
				     0);
			shard_again(third->peers.shard);
			run_ms(m, 10);
		}
		expect_trail(m, (enum at)at, "");
		cr_expect_eq(m->service.moves.slab.used, 1);
		cr_expect_eq(stats_get(&m->service.moves.shard->stats,
				       STAT_stale_epochs),
			     2 * ARRAY_LEN(types));
		move_net_free(m);
	}
}

/* A frame that only a source gets. */
Test(move_destination, frames_for_the_other_role_are_ignored)
{
	static const uint16_t types[] = {
		PEER_ANSWER,   PEER_LINKED, PEER_STREAMED, PEER_COMMITTED,
		PEER_SWITCHED, PEER_GONE,   PEER_REFUSE};

	for (int at = OFFERED; at < ATS; at++) {
		struct move_net *m = moving((enum at)at);

		run_ms(m, 400);
		for (size_t i = 0; i < ARRAY_LEN(types); i++) {
			union {
				struct peer_answer answer;
				uint8_t room[512];
			} payload = {0};

			if (types[i] == PEER_ANSWER)
				payload.answer.host =
					(struct span){(const uint8_t *)"x", 1};
			say(m, types[i], ID, EPOCH, &payload);
		}
		expect_trail(m, (enum at)at, "");
		cr_expect_eq(m->service.moves.slab.used, 1);
		move_net_free(m);
	}
}

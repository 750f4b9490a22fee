/* move_source_test.c - the source's edges, each from each state: a refusal, a
 * cancel, a lost link, time that runs out. */
#include "tests/unit/move_net.h"

#define TAG 42

/* Where a move stands when something happens to it. */
enum at { OFFERED, BEGUN, HALF, FREEZING, SEALED, COMMITTED, ANSWERED, ATS };

static const char *const at_names[] = {
	"offered", "begun",     "half ready", "freezing",
	"sealed",  "committed", "answered",
};

static struct peer_answer an_answer(void)
{
	return (struct peer_answer){
		.key = {'k'},
		.port = 5900,
		.host = {(const uint8_t *)"127.0.0.1", 9},
	};
}

static void order(struct move_net *m, uint16_t op, const void *payload,
		  uint32_t len)
{
	struct shard *control = rig_shard(&m->net->rig, m->here, RIG_CONTROL);

	cr_assert_eq(shard_tell(control, 0, op, TAG, payload, len), 0);
	run_ms(m, 1);
}

static void start(struct move_net *m, const char *guest, const char *peer,
		  uint8_t mode)
{
	struct op_move_start start = {.mode = mode};

	snprintf(start.guest, sizeof(start.guest), "%s", guest);
	snprintf(start.peer, sizeof(start.peer), "%s", peer);
	order(m, OP_MOVE_START, &start, sizeof(start));
}

/* Asks for the end of its move; what the engine answered. */
static enum move_heard cancel_of(struct move_net *m, const char *guest)
{
	struct op_move_cancel cancel = {0};
	const struct node *node = here_of(m);
	uint32_t answers = node->heard_count;

	snprintf(cancel.guest, sizeof(cancel.guest), "%s", guest);
	order(m, OP_MOVE_CANCEL, &cancel, sizeof(cancel));
	cr_assert_eq(node->heard_count, answers + 1);
	cr_expect_eq(node->heard_tag, TAG);
	return node->heard.heard;
}

static enum move_heard cancel(struct move_net *m)
{
	return cancel_of(m, "guest1");
}

static enum move_heard decide(struct move_net *m, bool committed, bool dry_run)
{
	struct op_move_decide decide = {
		.guest = "guest1",
		.committed = committed,
		.dry_run = dry_run,
	};
	const struct node *node = here_of(m);
	uint32_t answers = node->heard_count;

	order(m, OP_MOVE_DECIDE, &decide, sizeof(decide));
	cr_assert_eq(node->heard_count, answers + 1);
	return node->heard.heard;
}

static void reply(struct move_net *m, uint16_t type, const void *payload)
{
	struct move *move = move_of(m);

	cr_assert(move);
	say(m, type, move->id, move->epoch, payload);
}

/* A new move, brought to where something is to happen. */
static struct move_net *moving(enum at at, uint8_t mode, bool local)
{
	struct move_net *m = move_net_make(0, local);
	struct peer_answer answer = an_answer();

	m->service.seal = at == FREEZING ? 0 : 2;
	start(m, "guest1", "n2", mode);
	run_ms(m, 100);
	cr_assert_eq(heard(m, PEER_OFFER), 1);
	if (at == OFFERED)
		return m;
	reply(m, PEER_ANSWER, &answer);
	if (at == BEGUN)
		return m;
	move_ready(move_of(m), mode == MODE_ANY ? MODE_SEAMLESS : mode);
	/* The client says so, the destination does not yet. */
	if (at == HALF)
		return m;
	reply(m, PEER_LINKED, NULL);
	if (at <= SEALED)
		return m;
	reply(m, PEER_STREAMED, NULL);
	if (at == ANSWERED)
		reply(m, PEER_COMMITTED, NULL);
	return m;
}

/* The move has ended, once, like this. */
static void expect_end(struct move_net *m, enum at at, uint8_t result,
		       const char *trail)
{
	const struct op_move_event *event = last_event(m);

	cr_expect_str_eq(m->service.trail, trail, "%s: %s", at_names[at],
			 m->service.trail);
	cr_expect_eq(event->done, 1, "%s", at_names[at]);
	cr_expect_eq(event->result, result, "%s: %u", at_names[at],
		     event->result);
	cr_expect_eq(dones(m), 1, "%s", at_names[at]);
	cr_expect_eq(m->service.moves.slab.used, 0, "%s", at_names[at]);
	cr_expect_str_eq(event->guest, "guest1");
}

static uint64_t stat(struct move_net *m, enum stat_id id)
{
	return stats_get(&m->service.moves.shard->stats, id);
}

/* --- the way that everybody wants --------------------------------------- */

Test(move_source, goes_through_its_states)
{
	static const uint8_t states[] = {
		MOVE_OFFERED,  MOVE_READY,     MOVE_FREEZING, MOVE_SEALED,
		MOVE_STREAMED, MOVE_COMMITTED, MOVE_RELEASED, MOVE_RELEASED,
	};
	struct move_net *m = moving(ANSWERED, MODE_ANY, false);
	struct node *node = here_of(m);
	struct host *host = node->process->host;

	cr_expect_eq(sim_host_journal_count(host), 2);
	cr_expect_eq(heard(m, PEER_IMAGE), 2);
	cr_expect_eq(heard(m, PEER_END), 1);
	cr_expect_eq(heard(m, PEER_COMMIT), 1);
	move_note_pause(move_of(m), 1000);
	move_note_pause(move_of(m), 600);
	run_ms(m, 700);
	reply(m, PEER_SWITCHED, NULL);
	expect_end(m, ANSWERED, MOVE_OK, "OBFHR");
	cr_assert_eq(node->event_count, ARRAY_LEN(states));
	for (uint32_t i = 0; i < node->event_count; i++) {
		cr_expect_eq(node->events[i].state, states[i], "event %u", i);
		cr_expect_eq(node->event_tags[i], TAG);
		cr_expect_eq(node->events[i].epoch, 3);
		cr_expect_eq(node->events[i].session_id, 77);
	}
	cr_expect_eq(last_event(m)->mode, MODE_SEAMLESS);
	cr_expect_eq(last_event(m)->added_ns, 1000);
	cr_expect_geq(last_event(m)->protocol_pause_ns, 700 * NS_PER_MS);
	cr_expect_lt(last_event(m)->protocol_pause_ns, 800 * NS_PER_MS);
	cr_expect_eq(stat(m, STAT_moves_started), 1);
	cr_expect_eq(stat(m, STAT_moves_seamless), 1);
	cr_expect_eq(stat(m, STAT_images_sealed), 2);
	/* Once answered, COMMIT is not said again. */
	cr_expect_eq(heard(m, PEER_COMMIT), 1);
	move_net_free(m);
}

/* Client and destination tell in either order, and one is not enough. */
Test(move_source, is_ready_when_both_say_so)
{
	for (uint32_t first = 0; first < 2; first++) {
		struct move_net *m = moving(BEGUN, MODE_ANY, false);

		for (uint32_t i = 0; i < 2; i++) {
			cr_expect_eq(move_of(m)->state, MOVE_OFFERED);
			if (i == first)
				move_ready(move_of(m), MODE_SEAMLESS);
			else
				reply(m, PEER_LINKED, NULL);
		}
		cr_expect_eq(move_of(m)->state, MOVE_SEALED);
		move_net_free(m);
	}
}

/* Who comes afresh must find the guest running: told only when it is. */
Test(move_source, switch_host_lets_the_client_go_last)
{
	struct move_net *m = move_net_make(0, false);
	struct peer_answer answer = an_answer();

	start(m, "guest1", "n2", MODE_SWITCH_HOST);
	run_ms(m, 100);
	reply(m, PEER_ANSWER, &answer);
	move_ready(move_of(m), MODE_SWITCH_HOST);
	/* Nobody has linked there, and that is no reason to wait. */
	cr_expect_eq(move_of(m)->state, MOVE_SEALED);
	run_ms(m, 1);
	reply(m, PEER_STREAMED, NULL);
	cr_expect_str_eq(m->service.trail, "OBF");
	reply(m, PEER_COMMITTED, NULL);
	cr_expect_str_eq(m->service.trail, "OBFH");
	reply(m, PEER_SWITCHED, NULL);
	expect_end(m, ANSWERED, MOVE_OK, "OBFHR");
	cr_expect_eq(stat(m, STAT_moves_switch_host), 1);
	cr_expect_eq(last_event(m)->protocol_pause_ns, 0, "no MIGRATE");
	move_net_free(m);
}

Test(move_source, images_go_through_the_region_of_one_host)
{
	struct move_net *m = moving(SEALED, MODE_ANY, true);
	const struct region *region =
		&m->service.moves.peers->links[move_of(m)->link].out;
	const struct region_slot *slots = (const void *)(region->base + 64);

	cr_expect_eq(heard(m, PEER_IMAGE), 0);
	cr_expect_eq(heard(m, PEER_IMAGE_SLOT), 2);
	cr_expect_eq(atomic_load(&slots[0].state), REGION_SEALED);
	cr_expect_eq(atomic_load(&slots[1].state), REGION_SEALED);
	/* Undone, the slots are ours again. */
	cancel(m);
	expect_end(m, SEALED, MOVE_CANCELLED, "OBFU");
	cr_expect_eq(atomic_load(&slots[0].state), REGION_FREE);
	cr_expect_eq(atomic_load(&slots[1].state), REGION_FREE);
	move_net_free(m);
}

/* --- what can happen in each state -------------------------------------- */

/* How a move ends when it is stopped before the point of no return. */
static void expect_undone(struct move_net *m, enum at at, uint8_t result)
{
	static const char *const trails[] = {
		"OU", "OBU", "OBU", "OBFU", "OBFU",
	};

	if (at == BEGUN) {
		/* Nothing may be said to a client that connects: operators
		 * hear of the end, the guest stays taken until it answers. */
		cr_expect_str_eq(m->service.trail, "OB");
		cr_expect_eq(last_event(m)->done, 1);
		cr_expect_eq(last_event(m)->result, result);
		cr_assert_eq(m->service.moves.slab.used, 1);
		run_ms(m, 120000);
		cr_expect_eq(m->service.moves.slab.used, 1);
		move_ready(move_of(m), MODE_SEAMLESS);
		run_ms(m, 1);
	}
	expect_end(m, at, result, trails[at]);
	cr_expect_eq(sim_host_journal_count(here_of(m)->process->host), 0);
	cr_expect_eq(stat(m, result == MOVE_CANCELLED ? STAT_moves_cancelled
						      : STAT_moves_failed),
		     1, "%s", at_names[at]);
}

Test(move_source, refused_by_the_destination)
{
	static const struct peer_refuse refuse = {.reason = "I will not"};

	for (int at = OFFERED; at <= SEALED; at++) {
		struct move_net *m = moving((enum at)at, MODE_ANY, false);

		reply(m, PEER_REFUSE, &refuse);
		cr_expect_str_eq(last_event(m)->reason, "I will not");
		expect_undone(m, (enum at)at, MOVE_FAILED);
		cr_expect_eq(heard(m, PEER_NACK), at == BEGUN);
		cr_expect_eq(heard(m, PEER_CANCEL), 1);
		move_net_free(m);
	}
	for (int at = COMMITTED; at <= ANSWERED; at++) {
		struct move_net *m = moving((enum at)at, MODE_ANY, false);

		reply(m, PEER_REFUSE, &refuse);
		expect_end(m, (enum at)at, MOVE_CLOSED, "OBFHR");
		cr_expect_eq(heard(m, PEER_CANCEL), 0);
		move_net_free(m);
	}
}

Test(move_source, cancelled_by_the_operator)
{
	for (int at = OFFERED; at <= SEALED; at++) {
		struct move_net *m = moving((enum at)at, MODE_ANY, false);

		cr_expect_eq(cancel_of(m, "guest2"), HEARD_NO_MOVE);
		cr_expect_eq(cancel(m), HEARD_DONE);
		cr_expect_str_eq(last_event(m)->reason,
				 "cancelled by the operator");
		/* Once more is once. */
		cr_expect_eq(cancel(m),
			     at == BEGUN ? HEARD_DONE : HEARD_NO_MOVE);
		expect_undone(m, (enum at)at, MOVE_CANCELLED);
		cr_expect_eq(heard(m, PEER_NACK), at == BEGUN);
		cr_expect_eq(heard(m, PEER_CANCEL), 1);
		move_net_free(m);
	}
	for (int at = COMMITTED; at <= ANSWERED; at++) {
		struct move_net *m = moving((enum at)at, MODE_ANY, false);

		cr_expect_eq(cancel(m), HEARD_TOO_LATE);
		cr_expect_str_eq(m->service.trail, "OBFH");
		cr_expect_eq(dones(m), 0);
		reply(m, PEER_SWITCHED, NULL);
		expect_end(m, (enum at)at, MOVE_OK, "OBFHR");
		move_net_free(m);
	}
}

Test(move_source, lost_its_link)
{
	for (int at = OFFERED; at <= SEALED; at++) {
		struct move_net *m = moving((enum at)at, MODE_ANY, at & 1);

		cut(m);
		expect_undone(m, (enum at)at, MOVE_FAILED);
		move_net_free(m);
	}
	for (int at = COMMITTED; at <= ANSWERED; at++) {
		struct move_net *m = moving((enum at)at, MODE_ANY, at & 1);

		cut(m);
		cr_expect_str_eq(m->service.trail, "OBFH");
		cr_expect_eq(dones(m), 0);
		/* Told again on the next link, whatever was answered: the
		 * end may have been lost with the last one. */
		run_ms(m, 400);
		cr_expect_eq(heard(m, PEER_COMMIT), 2);
		reply(m, PEER_COMMITTED, NULL);
		reply(m, PEER_SWITCHED, NULL);
		expect_end(m, (enum at)at, MOVE_OK, "OBFHR");
		move_net_free(m);
	}
}

Test(move_source, its_client_has_gone)
{
	static const char *const trails[] = {
		"OU", "OBU", "OBU", "OBFU", "OBFU",
	};

	for (int at = OFFERED; at <= SEALED; at++) {
		struct move_net *m = moving((enum at)at, MODE_ANY, false);

		move_client_gone(move_of(m));
		run_ms(m, 1);
		expect_end(m, (enum at)at, MOVE_CLOSED, trails[at]);
		cr_expect_eq(heard(m, PEER_CANCEL), 1);
		move_net_free(m);
	}
	for (int at = COMMITTED; at <= ANSWERED; at++) {
		struct move_net *m = moving((enum at)at, MODE_ANY, false);

		move_client_gone(move_of(m));
		run_ms(m, 1);
		cr_expect_eq(dones(m), 0);
		cr_expect_str_eq(m->service.trail, "OBFH");
		move_net_free(m);
	}
}

Test(move_source, its_service_gives_up)
{
	for (int at = BEGUN; at <= SEALED; at++) {
		struct move_net *m = moving((enum at)at, MODE_ANY, false);

		move_fail(move_of(m), "out of luck");
		run_ms(m, 1);
		cr_expect_str_eq(last_event(m)->reason, "out of luck");
		expect_end(m, (enum at)at, MOVE_FAILED,
			   at < FREEZING ? "OBU" : "OBFU");
		move_net_free(m);
	}
}

Test(move_source, the_destination_says_that_it_is_gone)
{
	static const struct peer_refuse gone = {.reason = "it left"};

	for (int at = OFFERED; at <= SEALED; at++) {
		struct move_net *m = moving((enum at)at, MODE_ANY, false);

		reply(m, PEER_GONE, &gone);
		expect_undone(m, (enum at)at, MOVE_FAILED);
		move_net_free(m);
	}
	{
		/* It still waits for our word: it has it, and then ends. */
		struct move_net *m = moving(COMMITTED, MODE_ANY, false);

		reply(m, PEER_GONE, &gone);
		cr_expect_eq(dones(m), 0);
		reply(m, PEER_COMMITTED, NULL);
		reply(m, PEER_GONE, &gone);
		expect_end(m, COMMITTED, MOVE_CLOSED, "OBFHR");
		cr_expect_str_eq(last_event(m)->reason, "it left");
		move_net_free(m);
	}
}

/* --- time --------------------------------------------------------------- */

Test(move_source, time_runs_out_in_each_state)
{
	static const struct {
		enum at at;
		uint32_t ms;
	} cases[] = {
		{OFFERED, 5000},  {BEGUN, 10000}, {HALF, 10000},
		{FREEZING, 5000}, {SEALED, 5000},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct move_net *m = moving(cases[i].at, MODE_ANY, false);
		const struct config_move *config =
			&here_of(m)->process->config.move;
		uint32_t ms = cases[i].ms;

		if (cases[i].at == BEGUN || cases[i].at == HALF)
			ms = config->connect_ms;
		if (cases[i].at == FREEZING)
			ms = config->freeze_ms;
		run_ms(m, ms - 200);
		cr_expect_eq(dones(m), 0, "%s", at_names[cases[i].at]);
		run_ms(m, 300);
		cr_expect_eq(dones(m), 1, "%s", at_names[cases[i].at]);
		/* The peer's silence, or the client's. */
		cr_expect_eq(last_event(m)->silent,
			     cases[i].at == OFFERED || cases[i].at == SEALED);
		expect_undone(m, cases[i].at, MOVE_FAILED);
		move_net_free(m);
	}
}

/* No verdict undoes a commit, and none makes one. */
Test(move_source, can_be_given_away_in_doubt_only)
{
	for (int at = OFFERED; at < ATS; at++) {
		struct move_net *m = moving((enum at)at, MODE_ANY, false);
		struct op_move_resolve ask;

		cr_expect_eq(decide(m, true, false), HEARD_NO_DOUBT);
		cr_expect_eq(decide(m, false, false), HEARD_NO_DOUBT);
		cr_expect_eq(dones(m), 0);
		if (at != COMMITTED) {
			move_net_free(m);
			continue;
		}
		run_ms(m, 3600);
		cr_assert_eq(last_event(m)->state, MOVE_IN_DOUBT);
		cr_expect_eq(decide(m, true, false), HEARD_PEER_IS_UP);
		sim_machine_crash(m->net->nodes[1].process->machine);
		m->net->nodes[1].process->dead = true;
		run_ms(m, 100);
		cr_expect_eq(decide(m, false, false), HEARD_WAS_OURS);
		cr_expect_eq(decide(m, true, true), HEARD_DONE);
		cr_expect_str_eq(here_of(m)->heard.peer, "n2");
		cr_expect_eq(here_of(m)->heard.is_source, 1);
		cr_expect_eq(m->service.moves.slab.used, 1);
		ask = (struct op_move_resolve){.id = move_of(m)->id};
		cr_expect_eq(decide(m, true, false), HEARD_DONE);
		expect_end(m, COMMITTED, MOVE_CLOSED, "OBFHR");
		cr_expect_eq(sim_host_journal_count(here_of(m)->process->host),
			     2);
		cr_expect_eq(decide(m, true, false), HEARD_NO_MOVE);
		/* Should it ask after all, it hears yes. */
		cr_expect_eq(m->service.moves.settled[0], ask.id);
		move_net_free(m);
	}
}

Test(move_source, repeats_its_commit_and_says_that_it_is_in_doubt)
{
	struct move_net *m = moving(COMMITTED, MODE_ANY, false);

	run_ms(m, 2600);
	cr_expect_geq(heard(m, PEER_COMMIT), 5);
	cr_expect_leq(heard(m, PEER_COMMIT), 7);
	cr_expect_eq(last_event(m)->state, MOVE_COMMITTED);
	run_ms(m, 1000);
	cr_expect_eq(last_event(m)->state, MOVE_IN_DOUBT);
	cr_expect_eq(dones(m), 0);
	/* For as long as it takes, and said to operators once. */
	run_ms(m, 600000);
	cr_expect_eq(dones(m), 0);
	cr_expect_eq(m->service.moves.slab.used, 1);
	cr_expect_str_eq(m->service.trail, "OBFH");
	reply(m, PEER_COMMITTED, NULL);
	cr_expect_eq(last_event(m)->state, MOVE_COMMITTED);
	cr_expect_str_eq(here_of(m)->doubt.peer, "n2");
	cr_expect(here_of(m)->doubt.over);
	reply(m, PEER_SWITCHED, NULL);
	expect_end(m, COMMITTED, MOVE_OK, "OBFHR");
	move_net_free(m);
}

Test(move_source, waits_for_the_switch_twice_the_drain_time)
{
	struct move_net *m = moving(ANSWERED, MODE_ANY, false);
	uint32_t drain_ms = here_of(m)->process->config.move.drain_ms;

	run_ms(m, 2 * drain_ms - 200);
	cr_expect_eq(dones(m), 0);
	run_ms(m, 1500);
	expect_end(m, ANSWERED, MOVE_CLOSED, "OBFHR");
	move_net_free(m);
}

/* --- orders and frames that do not fit ---------------------------------- */

Test(move_source, refuses_what_it_cannot_start)
{
	static const struct {
		const char *guest;
		const char *peer;
		int64_t offer_err;
		const char *reason;
		const char *trail;
	} cases[] = {
		{"guest1", "nobody", 0,
		 "no peer of that name in the configuration", ""},
		{"gast", "n2", 0, "no guest of that name here", ""},
		{"guest1", "n2", -EPERM, "the service says no", "O"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct move_net *m = move_net_make(0, false);

		m->service.offer_err = cases[i].offer_err;
		start(m, cases[i].guest, cases[i].peer, MODE_ANY);
		run_ms(m, 100);
		cr_expect_eq(dones(m), 1, "case %zu", i);
		cr_expect_eq(last_event(m)->result, MOVE_FAILED);
		cr_expect_str_eq(last_event(m)->reason, cases[i].reason);
		cr_expect_str_eq(m->service.trail, cases[i].trail);
		cr_expect_eq(here_of(m)->event_tags[0], TAG);
		cr_expect_eq(heard(m, PEER_OFFER), 0);
		cr_expect_eq(m->service.moves.slab.used, 0);
		move_net_free(m);
	}
}

Test(move_source, the_largest_offer_goes_out)
{
	struct move_net *m = move_net_make(0, false);

	m->service.offer_full = true;
	start(m, "guest1", "n2", MODE_ANY);
	run_ms(m, 100);
	cr_expect_eq(heard(m, PEER_OFFER), 1);
	cr_expect_eq(dones(m), 0);
	move_net_free(m);
}

Test(move_source, starts_no_guest_twice_and_not_too_many)
{
	struct move_net *m = moving(HALF, MODE_ANY, false);
	char name[NAME_BYTES];

	start(m, "guest1", "n2", MODE_ANY);
	cr_expect_eq(dones(m), 1);
	cr_expect_eq(last_event(m)->result, MOVE_FAILED);
	cr_expect_eq(m->service.moves.slab.used, 1);
	for (uint32_t i = 2; i <= MOVES_MAX; i++) {
		snprintf(name, sizeof(name), "guest%u", i);
		start(m, name, "n2", MODE_ANY);
	}
	cr_expect_eq(dones(m), 1);
	cr_expect_eq(m->service.moves.slab.used, MOVES_MAX);
	start(m, "guest99", "n2", MODE_ANY);
	cr_expect_eq(dones(m), 2);
	cr_expect_str_eq(last_event(m)->reason,
			 "too many moves at once on its shard");
	move_net_free(m);
}

Test(move_source, a_peer_that_cannot_be_reached)
{
	struct move_net *m = move_net_make(0, false);

	sim_machine_crash(m->net->nodes[1].process->machine);
	m->net->nodes[1].process->dead = true;
	start(m, "guest1", "n2", MODE_ANY);
	run_ms(m, 6000);
	expect_end(m, OFFERED, MOVE_FAILED, "");
	cr_expect_str_eq(last_event(m)->reason,
			 "the peer cannot be reached: it cannot be connected: "
			 "Connection refused");
	move_net_free(m);
}

static int no_journal(struct host *host, const void *record, uint32_t len)
{
	(void)host, (void)record, (void)len;
	return -ENOSPC;
}

Test(move_source, a_journal_that_cannot_be_written)
{
	struct move_net *m = moving(SEALED, MODE_ANY, false);
	struct host *host = here_of(m)->process->host;
	const struct host_ops *was = host->ops;
	struct host_ops ops = *was;

	ops.journal_add = no_journal;
	host->ops = &ops;
	reply(m, PEER_STREAMED, NULL);
	expect_end(m, SEALED, MOVE_FAILED, "OBFU");
	cr_expect_eq(heard(m, PEER_COMMIT), 0);
	cr_expect_eq(heard(m, PEER_CANCEL), 1);
	host->ops = was;
	move_net_free(m);
}

/* Frames in a state that has no use for them change nothing. */
Test(move_source, frames_out_of_turn_are_ignored)
{
	static const struct {
		enum at at;
		uint16_t type;
	} cases[] = {
		{OFFERED, PEER_STREAMED},   {OFFERED, PEER_COMMITTED},
		{OFFERED, PEER_SWITCHED},   {BEGUN, PEER_ANSWER},
		{BEGUN, PEER_STREAMED},     {HALF, PEER_STREAMED},
		{HALF, PEER_ANSWER},        {FREEZING, PEER_STREAMED},
		{FREEZING, PEER_SWITCHED},  {SEALED, PEER_COMMITTED},
		{SEALED, PEER_SWITCHED},    {SEALED, PEER_LINKED},
		{COMMITTED, PEER_STREAMED}, {COMMITTED, PEER_ANSWER},
		{ANSWERED, PEER_COMMITTED}, {ANSWERED, PEER_STREAMED},
		{ANSWERED, PEER_LINKED},    {SEALED, PEER_COMMIT},
		{SEALED, PEER_NACK},        {COMMITTED, PEER_CANCEL},
		{COMMITTED, PEER_VERDICT},  {SEALED, PEER_VERDICT},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct move_net *m = moving(cases[i].at, MODE_ANY, false);
		struct peer_answer answer = an_answer();
		union {
			struct peer_answer answer;
			uint8_t room[512];
		} payload = {0};
		uint8_t state = move_of(m)->state;
		char trail[TRAIL_MAX];

		memcpy(trail, m->service.trail, sizeof(trail));
		if (cases[i].type == PEER_ANSWER)
			payload.answer = answer;
		reply(m, cases[i].type, &payload);
		cr_assert(move_of(m), "case %zu", i);
		cr_expect_eq(move_of(m)->state, state, "case %zu", i);
		cr_expect_str_eq(m->service.trail, trail, "case %zu", i);
		cr_expect_eq(dones(m), 0, "case %zu", i);
		move_net_free(m);
	}
}

Test(move_source, frames_of_another_epoch_or_node_are_ignored)
{
	static const struct peer_refuse refuse = {.reason = "I will not"};
	struct move_net *m = moving(SEALED, MODE_ANY, false);
	uint64_t id = move_of(m)->id;
	struct user *third = user_of(m->net, 2, 0);

	say(m, PEER_REFUSE, id, 2, &refuse);
	say(m, PEER_REFUSE, id, 4, &refuse);
	cr_expect_eq(stat(m, STAT_stale_epochs), 2);
	say(m, PEER_REFUSE, id + 1, 3, &refuse);
	/* A third node knows the id, and it is not its move. */
	want(third, 0);
	run_ms(m, 100);
	cr_assert_eq(third->ups, 1);
	cr_assert_eq(peers_send(&third->peers, third->link, PEER_REFUSE, id, 3,
				&refuse),
		     0);
	shard_again(third->peers.shard);
	run_ms(m, 10);
	cr_expect_eq(dones(m), 0);
	cr_expect_eq(move_of(m)->state, MOVE_SEALED);
	move_net_free(m);
}

Test(move_source, an_answer_that_names_no_host_ends_it)
{
	struct move_net *m = moving(OFFERED, MODE_ANY, false);
	struct peer_answer answer = an_answer();

	answer.host = (struct span){(const uint8_t *)"127\0.0.1", 8};
	reply(m, PEER_ANSWER, &answer);
	expect_end(m, OFFERED, MOVE_FAILED, "OU");
	move_net_free(m);
}

/* --- what became of it -------------------------------------------------- */

Test(move_source, tells_what_became_of_a_move)
{
	for (int at = OFFERED; at < ATS; at++) {
		struct move_net *m = moving((enum at)at, MODE_ANY, false);
		uint64_t id = move_of(m)->id;

		say(m, PEER_RESOLVE, id, 3, NULL);
		run_ms(m, 1);
		cr_assert_eq(heard(m, PEER_VERDICT), 1, "%s", at_names[at]);
		if (at >= COMMITTED) {
			cr_expect_eq(scripted(m)->last.verdict.committed, 1);
			cr_expect_eq(dones(m), 0);
		} else {
			/* Told no, the peer forgets: it may never be. */
			expect_undone(m, (enum at)at, MOVE_FAILED);
		}
		say(m, PEER_RESOLVE, id + 77, 3, NULL);
		run_ms(m, 1);
		cr_expect_eq(heard(m, PEER_VERDICT), 2);
		cr_expect_eq(scripted(m)->last.verdict.committed, 0);
		move_net_free(m);
	}
}

/* The engine of the process's next life: it knows what the journal says. */
static void live_again(struct move_net *m)
{
	struct user *user = user_of(m->net, 0, 0);
	struct shard *shard = rig_shard(&m->net->rig, 0, 0);

	if (move_of(m))
		shard_disarm(shard, PART_MOVE, handle_index(m->service.move));
	moves_fini(&m->service.moves);
	m->service = (struct service){0};
	shard->parts[PART_MOVE] = (struct part){0};
	cr_assert_eq(moves_init(&m->service.moves, shard, &user->peers,
				&fake_ops, &m->service, MOVES_MAX),
		     0);
	cr_assert_eq(moves_recover(&m->service.moves), 0);
	if (m->service.moves.slab.used)
		m->service.move = slab_handle_at(&m->service.moves.slab, 0);
}

/* What the life before committed and nobody answered is said by this one. */
Test(move_source, what_an_earlier_life_committed_is_said_again)
{
	struct move_net *m = moving(COMMITTED, MODE_ANY, false);
	uint64_t id = move_of(m)->id;

	cut(m);
	live_again(m);
	cr_assert_eq(m->service.moves.slab.used, 1);
	cr_expect_eq(move_of(m)->id, id);
	cr_expect_eq(move_of(m)->epoch, 3);
	run_ms(m, 1000);
	cr_expect_geq(heard(m, PEER_COMMIT), 2);
	reply(m, PEER_COMMITTED, NULL);
	cr_expect_eq(m->service.moves.slab.used, 0);
	/* There is no guest here to speak of, and nobody who asked. */
	cr_expect_str_eq(m->service.trail, "");
	cr_expect_eq(dones(m), 0);
	live_again(m);
	cr_expect_eq(m->service.moves.slab.used, 0);
	move_net_free(m);
}

/* It is in doubt after the time that any commit has, not at once. */
Test(move_source, what_is_said_again_is_in_doubt_in_time)
{
	struct move_net *m = moving(COMMITTED, MODE_ANY, false);

	run_ms(m, 5000); /* the clock did not begin with this life */
	cut(m);
	live_again(m);
	run_ms(m, 2000);
	cr_expect_not(move_of(m)->in_doubt);
	run_ms(m, 2000);
	cr_expect(move_of(m)->in_doubt);
	cr_expect(here_of(m)->doubt.since_ns && !here_of(m)->doubt.over);
	reply(m, PEER_COMMITTED, NULL);
	cr_expect_eq(m->service.moves.slab.used, 0);
	move_net_free(m);
}

Test(move_source, what_was_answered_or_undone_is_not_said_again)
{
	for (int at = OFFERED; at < ATS; at++) {
		struct move_net *m = moving((enum at)at, MODE_ANY, false);

		live_again(m);
		cr_expect_eq(m->service.moves.slab.used, at == COMMITTED, "%s",
			     at_names[at]);
		move_net_free(m);
	}
}

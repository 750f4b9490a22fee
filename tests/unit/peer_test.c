/* peer_test.c - links between processes: greeting, settling, regions, and
 * frames in order. */
#include "tests/unit/peer_net.h"

/* --- the greeting ------------------------------------------------------- */

Test(peer, greets_and_settles_on_the_same_shard)
{
	struct net *net = net_make(1, 2, false);
	uint32_t link[RIG_SHARDS];

	for (uint32_t s = 0; s < RIG_SHARDS; s++)
		link[s] = want(user_of(net, 0, s), 1);
	rig_run(&net->rig, NS_PER_S);
	for (uint32_t s = 0; s < RIG_SHARDS; s++) {
		struct user *a = user_of(net, 0, s), *b = user_of(net, 1, s);
		bool up;
		uint32_t again;

		cr_assert_eq(a->ups, 1);
		cr_assert_eq(b->ups, 1);
		cr_expect_eq(link_of(a, link[s])->node, 2);
		cr_expect_eq(link_of(a, link[s])->shards, RIG_SHARDS);
		cr_expect_eq(link_of(a, link[s])->boot,
			     net->nodes[1].process->pool.boot);
		cr_expect_eq(link_of(b, b->link)->node, 1);
		cr_expect_eq(link_of(b, b->link)->boot,
			     net->nodes[0].process->pool.boot);
		cr_expect_not(link_of(b, b->link)->connector);
		/* Asked for again, it is the same link, and up. */
		cr_assert_eq(peers_want(&a->peers, 1, &again, &up), 0);
		cr_expect_eq(again, link[s]);
		cr_expect(up);
	}
	cr_expect_eq(links_in(user_of(net, 1, RIG_CONTROL)), 0);
	cr_expect_eq(net->nodes[0].notes_up, RIG_SHARDS);
	cr_expect_eq(net->nodes[1].notes_up, 0);
	net_free(net);
}

/* Refused for as long as the secrets differ, up soon after they agree. */
Test(peer, another_secret_is_refused)
{
	struct net *net = net_make(2, 2, false);

	net->nodes[0].process->pool.secret[3] ^= 1;
	want(user_of(net, 0, 0), 1);
	rig_run(&net->rig, 3 * NS_PER_S);
	cr_expect_eq(user_of(net, 0, 0)->ups, 0);
	cr_expect_eq(user_of(net, 1, 0)->ups, 0);
	cr_expect_gt(dropped(user_of(net, 0, 0)), 1);
	cr_expect_lt(dropped(user_of(net, 0, 0)), 12);
	cr_expect_eq(user_of(net, 1, RIG_CONTROL)->ups, 0);
	cr_expect_gt(net->nodes[0].notes_failed, 1);
	cr_expect_eq(net->nodes[0].notes_down, 0);
	cr_expect_str_eq(net->nodes[0].why, "does not know our secret");
	net->nodes[0].process->pool.secret[3] ^= 1;
	rig_run(&net->rig, 6 * NS_PER_S);
	cr_expect_eq(user_of(net, 0, 0)->ups, 1);
	cr_expect_eq(user_of(net, 1, 0)->ups, 1);
	net_free(net);
}

Test(peer, our_own_node_number_is_refused)
{
	struct net *net = net_make(3, 1, false);

	net_add(net, 1, false);
	want(user_of(net, 0, 0), 1);
	want(user_of(net, 0, 1), 0);
	rig_run(&net->rig, 3 * NS_PER_S);
	cr_expect_eq(user_of(net, 0, 0)->ups, 0);
	cr_expect_eq(user_of(net, 0, 1)->ups, 0);
	cr_expect_eq(user_of(net, 1, 0)->ups, 0);
	cr_expect_gt(dropped(user_of(net, 1, RIG_CONTROL)), 0);
	/* The one who connects is told, by the other one's hello. */
	cr_expect_str_eq(net->nodes[0].why, "has our own node number");
	net_free(net);
}

Test(peer, not_up_means_not_connected)
{
	struct net *net = net_make(4, 1, false);
	struct user *user = user_of(net, 0, 0);
	uint32_t link = want(user, 1); /* nobody listens there */

	cr_expect_eq(peers_send(&user->peers, link, PEER_COMMIT, 1, 1, NULL),
		     -ENOTCONN);
	cr_expect_eq(
		peers_send(&user->peers, link + 1, PEER_COMMIT, 1, 1, NULL),
		-ENOTCONN);
	cr_expect_eq(peers_send(&user->peers, PEER_LINK_NONE, PEER_COMMIT, 1, 1,
				NULL),
		     -ENOTCONN);
	rig_run(&net->rig, 10 * NS_PER_S);
	/* It is tried again, ever more rarely. */
	cr_expect_gt(user->losts, 4);
	cr_expect_lt(user->losts, 12);
	cr_expect_eq(net->nodes[0].notes_failed, user->losts);
	cr_expect_str_eq(net->nodes[0].why,
			 "cannot be connected: Connection refused");
	net_free(net);
}

/* --- losing links ------------------------------------------------------- */

Test(peer, a_lost_link_is_told_and_made_again)
{
	struct net *net = net_make(5, 2, false);
	struct user *a = user_of(net, 0, 1), *b = user_of(net, 1, 1);

	want(a, 1);
	rig_run(&net->rig, NS_PER_S);
	cr_assert_eq(a->ups, 1);
	for (uint32_t i = 1; i <= 5; i++) {
		sim_path_cut(net->rig.world, net->nodes[0].process->machine,
			     net->nodes[1].process->machine);
		rig_run(&net->rig, 50 * NS_PER_MS);
		cr_expect_eq(a->losts, i);
		cr_expect_eq(b->losts, i);
		cr_expect_eq(links_in(b), 0);
		rig_run(&net->rig, 200 * NS_PER_MS);
		cr_expect_eq(a->ups, i + 1);
		cr_expect_eq(b->ups, i + 1);
	}
	cr_expect_eq(net->nodes[0].notes_up, 6);
	cr_expect_eq(net->nodes[0].notes_down, 5);
	cr_expect_eq(net->nodes[0].notes_failed, 0);
	cr_expect_str_eq(net->nodes[0].why,
			 "broke the connection: Connection reset by peer");
	cr_expect_eq(dropped(a) + dropped(b), 0);
	net_free(net);
}

Test(peer, a_crashed_peer_is_found_again_in_its_next_life)
{
	struct net *net = net_make(6, 2, true);
	struct user *a = user_of(net, 0, 0);
	uint32_t link = want(a, 1);
	uint64_t boot;

	rig_run(&net->rig, NS_PER_S);
	cr_assert_eq(a->ups, 1);
	boot = link_of(a, link)->boot;
	rig_crash(&net->rig, 1);
	rig_run(&net->rig, 2 * NS_PER_S);
	cr_expect_geq(a->losts, 1);
	cr_expect_eq(a->ups, 1);
	cr_expect_eq(sim_host_regions(net->nodes[0].process->host), 0);
	/* The next life listens at its old address: node 2's, in slot 1. */
	net->rig.processes[2] = net->rig.processes[1];
	net->rig.count = 1;
	{
		struct net *whole = net;
		struct node old = net->nodes[1];

		net_add(whole, 2, true);
		rig_run(&whole->rig, 10 * NS_PER_S);
		cr_expect_eq(a->ups, 2);
		cr_expect_neq(link_of(a, link)->boot, boot);
		cr_expect_eq(link_of(a, link)->boot,
			     net->nodes[1].process->pool.boot);
		for (uint32_t s = 0; s <= RIG_CONTROL; s++)
			shard_fini(&old.process->shards[s]);
		pool_fini(&old.process->pool);
		sim_host_destroy(old.process->host);
		free(old.process);
	}
	net_free(net);
}

/* Cut at any moment of the greeting and the region's making. */
Test(peer, cut_at_any_time_it_comes_back_and_leaks_no_region)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct net *net = net_make(seed, 2, true);
		struct user *a = user_of(net, 0, 0), *b = user_of(net, 1, 0);
		struct sim_faults faults = sim_faults_gentle();
		struct seeded seeded = {seed};

		sim_set_faults(net->rig.world, &faults);
		want(a, 1);
		for (uint32_t i = 0; i < 10; i++) {
			rig_run(&net->rig,
				seeded_below(&seeded, 5) *
						seeded_below(&seeded, 100000) +
					1);
			sim_path_cut(net->rig.world,
				     net->nodes[0].process->machine,
				     net->nodes[1].process->machine);
		}
		sim_set_faults(net->rig.world, NULL);
		rig_run(&net->rig, 12 * NS_PER_S);
		cr_assert_eq(links_in(a), 1, "seed %lu", seed);
		cr_assert_eq(links_in(b), 1, "seed %lu", seed);
		cr_assert_eq(link_of(a, a->link)->region_ready, true,
			     "seed %lu", seed);
		/* Its own, and each other's. */
		cr_assert_eq(sim_host_regions(net->nodes[0].process->host), 1,
			     "seed %lu", seed);
		cr_assert_eq(sim_host_regions(net->nodes[1].process->host), 1,
			     "seed %lu", seed);
		cr_assert_eq(a->ups - a->losts <= 1, true);
		net_free(net);
	}
}

/* --- regions ------------------------------------------------------------ */

Test(peer, a_region_is_made_and_taken_on_one_host)
{
	struct net *net = net_make(7, 2, true);
	struct user *a = user_of(net, 0, 1), *b = user_of(net, 1, 1);
	uint32_t link = want(a, 1);
	struct peer_link *out, *in;
	uint8_t bytes[64];
	uint8_t *room;
	uint32_t slot;

	rig_run(&net->rig, NS_PER_S);
	out = link_of(a, link);
	in = link_of(b, b->link);
	cr_assert(out->region_ready);
	cr_assert_eq(out->out.slot_count, 64);
	cr_assert_eq(in->in.slot_count, 64);
	cr_assert_eq(in->in.slot_bytes, 65536);
	cr_assert_eq(region_fill(&out->out, 77, &slot, &room), 0);
	memcpy(room, "passed on", 9);
	region_seal(&out->out, slot, 9);
	cr_expect_eq(region_claim(&in->in, slot, 77, bytes, sizeof(bytes)), 9);
	cr_expect_arr_eq(bytes, "passed on", 9);
	sim_path_cut(net->rig.world, net->nodes[0].process->machine,
		     net->nodes[1].process->machine);
	rig_run(&net->rig, 50 * NS_PER_MS);
	cr_expect_not(out->region_ready);
	cr_expect_eq(sim_host_regions(net->nodes[0].process->host), 0);
	cr_expect_eq(sim_host_regions(net->nodes[1].process->host), 0);
	net_free(net);
}

Test(peer, between_hosts_there_is_none)
{
	struct net *net = net_make(8, 2, false);
	struct user *a = user_of(net, 0, 0);
	uint32_t link = want(a, 1);

	rig_run(&net->rig, NS_PER_S);
	cr_expect_eq(a->ups, 1);
	cr_expect_not(link_of(a, link)->region_ready);
	cr_expect_eq(sim_host_regions(net->nodes[0].process->host), 0);
	net_free(net);
}

static int refuse_create(struct host *host, size_t size_bytes,
			 struct host_region *region)
{
	(void)host, (void)size_bytes, (void)region;
	return -ENOMEM;
}

static int refuse_give(struct host *host, const struct host_region *region,
		       struct host_region_ticket *ticket)
{
	(void)host, (void)region, (void)ticket;
	return -EMFILE;
}

static int refuse_take(struct host *host,
		       const struct host_region_ticket *ticket,
		       struct host_region *region)
{
	(void)host, (void)ticket, (void)region;
	return -EACCES;
}

/* What cannot be shared is sent: the link is up all the same. */
Test(peer, a_region_that_is_refused_leaves_the_stream)
{
	for (uint32_t i = 0; i < 3; i++) {
		struct net *net = net_make(9, 2, true);
		struct user *a = user_of(net, 0, 0), *b = user_of(net, 1, 0);
		struct host *hosts[2] = {net->nodes[0].process->host,
					 net->nodes[1].process->host};
		const struct host_ops *was[2] = {hosts[0]->ops, hosts[1]->ops};
		struct host_ops ops[2] = {*hosts[0]->ops, *hosts[1]->ops};
		struct peer_image image = {{(const uint8_t *)"image", 5}};
		uint32_t link;

		if (i == 0)
			ops[0].region_create = refuse_create;
		else if (i == 1)
			ops[0].region_give = refuse_give;
		else
			ops[1].region_take = refuse_take;
		hosts[0]->ops = &ops[0];
		hosts[1]->ops = &ops[1];
		link = want(a, 1);
		rig_run(&net->rig, NS_PER_S);
		cr_expect_eq(a->ups, 1);
		cr_expect_eq(a->losts, 0);
		cr_expect_not(link_of(a, link)->region_ready);
		cr_expect_eq(
			peers_send(&a->peers, link, PEER_IMAGE, 1, 2, &image),
			0);
		rig_run(&net->rig, NS_PER_S);
		cr_expect_eq(b->count, 1);
		cr_expect_eq(b->sums[0], payload_sum(PEER_IMAGE, &image));
		/* A taker that cannot leaves the giver's own; it is dropped
		 * with the link. */
		cr_expect_eq(sim_host_regions(hosts[0]), i == 2, "case %u", i);
		cr_expect_eq(sim_host_regions(hosts[1]), 0, "case %u", i);
		sim_path_cut(net->rig.world, net->nodes[0].process->machine,
			     net->nodes[1].process->machine);
		rig_run(&net->rig, 50 * NS_PER_MS);
		cr_expect_eq(sim_host_regions(hosts[0]), 0, "case %u", i);
		hosts[0]->ops = was[0];
		hosts[1]->ops = was[1];
		net_free(net);
	}
}

/* --- frames ------------------------------------------------------------- */

struct expected {
	struct peer_header headers[LOG_MAX];
	uint64_t sums[LOG_MAX];
	uint32_t count;
};

/* Sends one drawn frame, an image every other time. 0 or -ENOBUFS. */
static int send_drawn(struct user *user, struct expected *expected,
		      struct seeded *seeded)
{
	static const uint16_t types[] = {PEER_OFFER,  PEER_ANSWER,
					 PEER_REFUSE, PEER_COMMIT,
					 PEER_LINKED, PEER_SWITCHED};
	static uint8_t bytes[PEER_FRAME_BYTES_MAX];
	uint16_t type = PEER_IMAGE;
	union {
		struct peer_image image;
		struct peer_offer offer;
		struct peer_answer answer;
		uint8_t room[512];
	} payload = {0};
	uint64_t move = seeded_word(seeded);
	uint64_t epoch = seeded_word(seeded);
	const struct field_table *table;
	uint8_t tape[1024], scratch[2048];
	int err;

	if (seeded_below(seeded, 2)) {
		static const uint32_t most[] = {1, 100, 5000,
						PEER_FRAME_BYTES_MAX};
		uint32_t len =
			1 + seeded_below(seeded, most[seeded_below(seeded, 4)]);

		for (uint32_t i = 0; i < len; i += 7)
			bytes[i] = (uint8_t)seeded_word(seeded);
		payload.image.bytes = (struct span){bytes, len};
	} else {
		type = types[seeded_below(seeded, ARRAY_LEN(types))];
		table = peer_table(type);
		for (size_t i = 0; i < sizeof(tape); i++)
			tape[i] = (uint8_t)seeded_word(seeded);
		if (table)
			field_random(table, &payload, tape, sizeof(tape),
				     scratch, sizeof(scratch));
	}
	err = peers_send(&user->peers, user->link, type, move, epoch, &payload);
	if (err)
		return err;
	cr_assert_lt(expected->count, LOG_MAX);
	expected->headers[expected->count] = (struct peer_header){
		.type = type,
		.move = move,
		.epoch = epoch,
	};
	expected->sums[expected->count++] = payload_sum(type, &payload);
	return 0;
}

static void expect_all(const struct user *user, const struct expected *expected)
{
	cr_assert_eq(user->count, expected->count);
	for (uint32_t i = 0; i < user->count; i++) {
		cr_assert_eq(user->headers[i].type, expected->headers[i].type);
		cr_assert_eq(user->headers[i].move, expected->headers[i].move);
		cr_assert_eq(user->headers[i].epoch,
			     expected->headers[i].epoch);
		cr_assert_eq(user->sums[i], expected->sums[i], "frame %u", i);
	}
}

Test(peer, frames_arrive_whole_and_in_order)
{
	struct expected *there = calloc(1, sizeof(*there));
	struct expected *back = calloc(1, sizeof(*back));

	cr_assert(there && back);
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct net *net = net_make(seed, 2, false);
		struct user *a = user_of(net, 0, 0), *b = user_of(net, 1, 0);
		struct sim_faults faults = sim_faults_gentle();
		struct seeded seeded = {seed};

		faults.chance[SIM_SPLIT] = 5000;
		there->count = 0;
		back->count = 0;
		sim_set_faults(net->rig.world, &faults);
		want(a, 1);
		rig_run(&net->rig, 4 * NS_PER_S);
		cr_assert_eq(a->ups, 1);
		cr_assert_eq(b->ups, 1);
		for (uint32_t i = 0; i < 60; i++) {
			send_drawn(a, there, &seeded);
			send_drawn(b, back, &seeded);
			if (seeded_below(&seeded, 4) == 0)
				rig_run(&net->rig,
					seeded_below(&seeded, 3000000));
		}
		rig_run(&net->rig, 60 * NS_PER_S);
		expect_all(b, there);
		expect_all(a, back);
		cr_expect_eq(a->losts + b->losts, 0);
		net_free(net);
	}
	free(there);
	free(back);
}

/* Above its limit a link refuses, whole frames only, and goes on afterwards. */
static void fill_up(uint32_t chunks)
{
	struct expected *there = calloc(1, sizeof(*there));
	struct net *net = calloc(1, sizeof(*net));
	struct seeded seeded = {chunks};
	struct user *a, *b;
	uint32_t used_at_rest;

	cr_assert(there && net);
	rig_init(&net->rig, 10);
	net->rig.limits.chunks = chunks;
	net_add(net, 1, false);
	net_add(net, 2, false);
	a = user_of(net, 0, 0);
	b = user_of(net, 1, 0);
	want(a, 1);
	rig_run(&net->rig, NS_PER_S);
	used_at_rest = a->peers.shard->chunks.used;
	for (uint32_t round = 0; round < 2; round++) {
		const struct peer_link *link = link_of(a, a->link);
		uint32_t refused = 0;

		for (uint32_t i = 0; i < 1000; i++) {
			uint32_t len = link->tx.len_bytes;
			int err = send_drawn(a, there, &seeded);

			if (!err)
				continue;
			cr_assert_eq(err, -ENOBUFS);
			cr_assert_eq(link->tx.len_bytes, len);
			refused++;
		}
		cr_expect_gt(refused, 0);
		cr_expect_leq(link->tx.len_bytes,
			      (4u << 20) + PEER_HEADER_BYTES);
		rig_run(&net->rig, 20 * NS_PER_S);
		expect_all(b, there);
		cr_expect_eq(link->tx.len_bytes, 0);
		cr_expect_eq(a->peers.shard->chunks.used, used_at_rest);
	}
	net_free(net);
	free(there);
}

Test(peer, above_the_limit_of_a_link_frames_are_refused)
{
	fill_up(4096);
}

Test(peer, without_chunks_frames_are_refused)
{
	fill_up(48);
}

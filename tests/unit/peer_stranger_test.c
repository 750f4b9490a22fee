/* peer_stranger_test.c - what a peer by another maker could do: bytes behind
 * the proof, frames that are none, places taken. */
#include "tests/unit/peer_net.h"

#define RAW_BYTES (1 << 20)

/* A connection whose other end the test writes by hand. */
struct raw {
	struct net *net;
	struct dp *dp;
	dp_conn conn;
	bool connected;
	bool closed;
	uint32_t accepts;
	uint8_t *got;
	uint32_t got_len;
	uint8_t nonce[16];
	uint8_t out[RAW_BYTES]; /* lent to the send */
	uint32_t out_len;
};

static void raw_event(void *self, struct dp *dp, const struct dp_event *event)
{
	struct raw *raw = self;

	switch (event->kind) {
	case DP_ACCEPTED:
		raw->accepts++;
		raw->conn = event->conn;
		dp_set_cookie(dp, event->conn, cookie_make(PART_SERVICE, 0));
		break;
	case DP_CONNECTED:
		raw->connected = true;
		break;
	case DP_RECEIVED:
		cr_assert_lt(raw->got_len + event->view.len, RAW_BYTES);
		memcpy(raw->got + raw->got_len, event->view.data,
		       event->view.len);
		raw->got_len += event->view.len;
		break;
	case DP_EOF:
		dp_kill(dp, event->conn);
		break;
	case DP_CLOSED:
		raw->closed = true;
		break;
	default:
		break;
	}
}

/* Node 3's shard 0 plays it; node 2 is what it talks to. */
static struct raw *raw_make(struct net *net)
{
	struct raw *raw = calloc(1, sizeof(*raw));
	struct part part = {.self = raw, .event = raw_event};

	cr_assert(raw);
	raw->got = malloc(RAW_BYTES);
	cr_assert(raw->got);
	raw->net = net;
	raw->dp = net->nodes[2].process->dps[0];
	cr_assert_eq(shard_add_part(&net->nodes[2].process->shards[0],
				    PART_SERVICE, &part, 0),
		     0);
	return raw;
}

static void raw_free(struct raw *raw)
{
	free(raw->got);
	free(raw);
}

static void raw_connect(struct raw *raw)
{
	const struct config *config = &raw->net->nodes[2].process->config;

	raw->connected = raw->closed = false;
	raw->got_len = 0;
	cr_assert_eq(dp_connect(raw->dp, &config->peers[1].address,
				cookie_make(PART_SERVICE, 0), &raw->conn),
		     0);
	for (uint32_t i = 0; i < 1000 && !raw->connected; i++)
		rig_run(&raw->net->rig, NS_PER_MS);
	cr_assert(raw->connected);
}

static void raw_add(struct raw *raw, const void *bytes, uint32_t len)
{
	cr_assert_leq(raw->out_len + len, RAW_BYTES);
	memcpy(raw->out + raw->out_len, bytes, len);
	raw->out_len += len;
}

static void raw_frame(struct raw *raw, uint16_t type, const void *payload)
{
	const struct field_table *table = peer_table(type);
	static uint8_t bytes[PEER_FRAME_BYTES_MAX];
	uint8_t head[PEER_HEADER_BYTES];
	int64_t len =
		table ? field_encode(table, payload, bytes, sizeof(bytes)) : 0;
	struct peer_header header = {
		.len = (uint32_t)len,
		.type = type,
		.move = 5,
		.epoch = 6,
	};

	cr_assert_geq(len, 0);
	peer_header_encode(&header, head);
	raw_add(raw, head, sizeof(head));
	raw_add(raw, bytes, (uint32_t)len);
}

/* Sends all that was added, at once, and lets it be read. */
static void raw_send(struct raw *raw)
{
	struct span span = {raw->out, raw->out_len};

	cr_assert_eq(dp_send(raw->dp, raw->conn, &span, 1, 0), 0);
	rig_run(&raw->net->rig, 50 * NS_PER_MS);
	raw->out_len = 0;
}

static void raw_hello(struct raw *raw, uint8_t shard)
{
	struct peer_hello hello = {
		.version = PEER_VERSION,
		.node = 99,
		.shard = shard,
		.shards = 2,
		.boot = 1234,
		.nonce = {1, 2, 3, 4},
	};

	memcpy(raw->nonce, hello.nonce, sizeof(raw->nonce));
	raw_frame(raw, PEER_HELLO, &hello);
}

/* The proof that follows from the acceptor's HELLO, which must have come. */
static void raw_proof(struct raw *raw)
{
	const struct pool *pool = &raw->net->nodes[2].process->pool;
	struct peer_proof proof;
	struct peer_hello hello;
	uint8_t text[38] = {'P', 1, 99};
	size_t extra;

	cr_assert_geq(raw->got_len, PEER_HEADER_BYTES);
	cr_assert_eq(field_decode(peer_table(PEER_HELLO), &hello,
				  raw->got + PEER_HEADER_BYTES,
				  raw->got_len - PEER_HEADER_BYTES, &extra),
		     0);
	text[4] = (uint8_t)hello.node;
	memcpy(text + 6, raw->nonce, 16);
	memcpy(text + 22, hello.nonce, 16);
	siphash128(pool->secret, text, sizeof(text), proof.mac);
	raw_frame(raw, PEER_PROOF, &proof);
}

/* Up at node 2's shard 1. */
static void raw_up(struct raw *raw)
{
	struct user *b = user_of(raw->net, 1, 1);
	uint32_t ups = b->ups;

	raw_connect(raw);
	raw_hello(raw, 1);
	raw_send(raw);
	raw_proof(raw);
	raw_send(raw);
	cr_assert_eq(b->ups, ups + 1);
}

Test(peer_stranger, settles_with_the_bytes_behind_the_proof)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct net *net = net_make(seed, 3, false);
		struct user *b = user_of(net, 1, 1);
		struct raw *raw = raw_make(net);
		struct sim_faults faults = sim_faults_gentle();
		const uint32_t greeting = 2 * PEER_HEADER_BYTES + 32 + 16;
		static uint8_t big[60000];

		if (seed > 1)
			sim_set_faults(net->rig.world, &faults);
		raw_connect(raw);
		raw_hello(raw, 3); /* modulo the shards there are */
		raw_send(raw);
		for (uint32_t i = 0; i < 1000 && raw->got_len < greeting; i++)
			rig_run(&net->rig, NS_PER_MS);
		raw_proof(raw);
		for (uint32_t i = 0; i < 20; i++) {
			struct peer_end end = {.images = i};

			raw_frame(raw, PEER_END, &end);
		}
		raw_frame(raw, PEER_IMAGE,
			  &(struct peer_image){{big, sizeof(big)}});
		raw_frame(raw, PEER_COMMIT, NULL);
		raw_send(raw);
		rig_run(&net->rig, 8 * NS_PER_S);
		cr_assert_eq(b->ups, 1, "seed %lu", seed);
		cr_assert_eq(b->count, 22, "seed %lu", seed);
		for (uint32_t i = 0; i < 20; i++) {
			struct peer_end end = {.images = i};

			cr_assert_eq(b->sums[i], payload_sum(PEER_END, &end));
		}
		cr_expect_eq(b->headers[20].type, PEER_IMAGE);
		cr_expect_eq(b->headers[21].type, PEER_COMMIT);
		cr_expect_eq(b->headers[21].move, 5);
		cr_expect_eq(b->headers[21].epoch, 6);
		cr_expect_not(raw->closed);
		net_free(net);
		raw_free(raw);
	}
}

static void bad_version(struct raw *raw)
{
	struct peer_hello hello = {.version = PEER_VERSION + 1, .node = 99};

	raw_frame(raw, PEER_HELLO, &hello);
}

static void bad_node(struct raw *raw)
{
	struct peer_hello hello = {.version = PEER_VERSION, .node = 2};

	raw_frame(raw, PEER_HELLO, &hello);
}

static void second_hello(struct raw *raw)
{
	raw_hello(raw, 1);
	raw_hello(raw, 1);
}

static void proof_first(struct raw *raw)
{
	raw_frame(raw, PEER_PROOF, &(struct peer_proof){0});
}

static void wrong_proof(struct raw *raw)
{
	raw_hello(raw, 1);
	raw_frame(raw, PEER_PROOF, &(struct peer_proof){0});
}

static void commit_first(struct raw *raw)
{
	raw_frame(raw, PEER_COMMIT, NULL);
}

static void unproved(struct raw *raw)
{
	raw_hello(raw, 1);
	raw_frame(raw, PEER_COMMIT, NULL);
}

static void junk(struct raw *raw)
{
	raw_add(raw, "GET / HTTP/1.1\r\nHost: example\r\n\r\n", 34);
}

/* What is read of a stranger, once it is known to be one, is nothing. */
Test(peer_stranger, strangers_are_dropped)
{
	static void (*const cases[])(struct raw *) = {
		bad_version, bad_node,     second_hello, proof_first,
		wrong_proof, commit_first, unproved,     junk,
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct net *net = net_make(11, 3, false);
		struct raw *raw = raw_make(net);
		struct user *a = user_of(net, 0, 1);

		want(a, 1);
		rig_run(&net->rig, NS_PER_S);
		raw_connect(raw);
		cases[i](raw);
		raw_send(raw);
		cr_expect(raw->closed, "case %zu", i);
		/* Whom we refuse by his hello hears ours. */
		if (i < 2)
			cr_expect_eq(raw->got_len, PEER_HEADER_BYTES + 32,
				     "case %zu: %u", i, raw->got_len);
		cr_expect_eq(dropped(user_of(net, 1, RIG_CONTROL)), 1,
			     "case %zu", i);
		cr_expect_eq(user_of(net, 1, 1)->ups, 1);
		cr_expect_eq(user_of(net, 1, 1)->count, 0);
		cr_expect_eq(links_in(user_of(net, 1, RIG_CONTROL)), 0);
		cr_expect_eq(a->losts, 0);
		net_free(net);
		raw_free(raw);
	}
}

static void unknown_type(struct raw *raw)
{
	uint8_t head[PEER_HEADER_BYTES] = {0, 0, 0, 0, PEER_TYPE_END};

	raw_add(raw, head, sizeof(head));
}

static void too_long(struct raw *raw)
{
	uint8_t head[PEER_HEADER_BYTES] = {1, 0x80, 1, 0, PEER_IMAGE};

	raw_add(raw, head, sizeof(head));
}

static void payload_too_many(struct raw *raw)
{
	uint8_t head[PEER_HEADER_BYTES + 1] = {1, 0, 0, 0, PEER_COMMIT};

	raw_add(raw, head, sizeof(head));
}

static void payload_too_short(struct raw *raw)
{
	uint8_t head[PEER_HEADER_BYTES + 3] = {3, 0, 0, 0, PEER_END};

	raw_add(raw, head, sizeof(head));
}

static void payload_over_limit(struct raw *raw)
{
	uint8_t head[PEER_HEADER_BYTES + 1] = {1, 0, 0, 0, PEER_VERDICT};

	head[PEER_HEADER_BYTES] = 200;
	raw_add(raw, head, sizeof(head));
}

static void greets_again(struct raw *raw)
{
	raw_hello(raw, 1);
}

static void region_twice(struct raw *raw)
{
	struct host *host = raw->net->nodes[2].process->host;

	for (uint32_t i = 0; i < 2; i++) {
		struct host_region memory;
		struct host_region_ticket ticket;
		struct peer_region region = {0};
		struct region formatted;

		cr_assert_eq(
			host_region_create(host, region_size(4, 4096), &memory),
			0);
		region_format(&formatted, memory.base, memory.size_bytes, 4,
			      4096);
		cr_assert_eq(host_region_give(host, &memory, &ticket), 0);
		memcpy(region.path, ticket.path, sizeof(region.path));
		memcpy(region.secret, ticket.secret, sizeof(region.secret));
		raw_frame(raw, PEER_REGION, &region);
	}
}

static void region_malformed(struct raw *raw)
{
	struct host *host = raw->net->nodes[2].process->host;
	struct host_region memory;
	struct host_region_ticket ticket;
	struct peer_region region = {0};

	cr_assert_eq(host_region_create(host, 65536, &memory), 0);
	cr_assert_eq(host_region_give(host, &memory, &ticket), 0);
	memcpy(region.path, ticket.path, sizeof(region.path));
	memcpy(region.secret, ticket.secret, sizeof(region.secret));
	raw_frame(raw, PEER_REGION, &region);
}

/* A peer that knows the secret and errs: its link ends, no other. */
Test(peer_stranger, a_broken_frame_ends_its_link_and_no_other)
{
	static void (*const cases[])(struct raw *) = {
		unknown_type,      too_long,           payload_too_many,
		payload_too_short, payload_over_limit, greets_again,
		region_twice,      region_malformed,
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct net *net = net_make(12, 3, false);
		struct raw *raw = raw_make(net);
		struct user *a = user_of(net, 0, 1), *b = user_of(net, 1, 1);

		want(a, 1);
		rig_run(&net->rig, NS_PER_S);
		raw_up(raw);
		raw_frame(raw, PEER_COMMIT, NULL);
		cases[i](raw);
		/* What stands behind it is not acted on any more. */
		if (i != ARRAY_LEN(cases) - 1)
			raw_frame(raw, PEER_COMMIT, NULL);
		raw_send(raw);
		cr_expect(raw->closed, "case %zu", i);
		cr_expect_eq(b->count, 1, "case %zu", i);
		cr_expect_eq(b->losts, 1, "case %zu", i);
		cr_expect_eq(dropped(b), 1, "case %zu", i);
		cr_expect_eq(links_in(b), 1);
		cr_expect_eq(a->losts, 0);
		cr_expect_eq(sim_host_regions(net->nodes[1].process->host), 0,
			     "case %zu", i);
		net_free(net);
		raw_free(raw);
	}
}

Test(peer_stranger, one_that_never_greets_is_dropped_in_time)
{
	struct net *net = net_make(13, 3, false);
	struct raw *raw = raw_make(net);

	raw_connect(raw);
	raw_hello(raw, 1);
	raw_send(raw);
	rig_run(&net->rig, 4 * NS_PER_S);
	cr_expect_not(raw->closed);
	rig_run(&net->rig, 2 * NS_PER_S);
	cr_expect(raw->closed);
	cr_expect_eq(links_in(user_of(net, 1, RIG_CONTROL)), 0);
	net_free(net);
	raw_free(raw);
}

/* The stranger listens, and node 1's shard 0 takes him for a peer. */
static void raw_listen(struct raw *raw)
{
	struct addr addr;

	addr_parse(&addr, "127.0.0.1:7009");
	raw->net->nodes[0].process->config.peers[0].address = addr;
	cr_assert_eq(
		dp_listen(raw->dp, &addr, cookie_make(PART_SERVICE, 0), NULL),
		0);
	want(user_of(raw->net, 0, 0), 0);
	rig_run(&raw->net->rig, 10 * NS_PER_MS);
	cr_assert_eq(raw->accepts, 1);
}

/* Those who connect find out, and tell, what is wrong at the other end. */
Test(peer_stranger, what_is_wrong_with_a_listener_is_told)
{
	static const struct {
		void (*say)(struct raw *);
		const char *why;
	} cases[] = {
		{bad_version, "speaks another version"},
		{wrong_proof, "does not know our secret"},
		{junk, "malformed header"},
		{commit_first, "frame before the greeting"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct net *net = net_make(16, 3, false);
		struct raw *raw = raw_make(net);

		raw_listen(raw);
		cases[i].say(raw);
		raw_send(raw);
		cr_expect_eq(net->nodes[0].notes_failed, 1);
		cr_expect_str_eq(net->nodes[0].why, cases[i].why, "case %zu",
				 i);
		net_free(net);
		raw_free(raw);
	}
}

Test(peer_stranger, a_listener_that_hangs_up_is_told)
{
	struct net *net = net_make(17, 3, false);
	struct raw *raw = raw_make(net);

	raw_listen(raw);
	dp_shutdown(raw->dp, raw->conn);
	rig_run(&net->rig, 50 * NS_PER_MS);
	cr_expect_str_eq(net->nodes[0].why,
			 "hung up on our greeting: its log says why");
	net_free(net);
	raw_free(raw);
}

/* A listener that says nothing: left in time, and tried again. */
Test(peer_stranger, one_that_never_answers_is_left_in_time)
{
	struct net *net = net_make(14, 3, false);
	struct raw *raw = raw_make(net);
	struct user *a = user_of(net, 0, 0);

	raw_listen(raw);
	rig_run(&net->rig, 4 * NS_PER_S);
	cr_expect_eq(raw->accepts, 1);
	cr_expect_eq(a->losts, 0);
	rig_run(&net->rig, 2 * NS_PER_S);
	cr_expect_eq(a->losts, 1);
	cr_expect_eq(raw->accepts, 2);
	cr_expect_str_eq(net->nodes[0].why, "does not answer");
	net_free(net);
	raw_free(raw);
}

/* Strangers take all places at the door; they go, and a peer gets in. */
Test(peer_stranger, a_full_table_refuses_and_recovers)
{
	struct net *net = net_make(15, 3, false);
	struct raw *raw = raw_make(net);
	struct user *a = user_of(net, 0, 0);
	struct user *door = user_of(net, 1, RIG_CONTROL);

	for (uint32_t i = 0; i < PEER_LINKS_MAX; i++)
		raw_connect(raw);
	cr_expect_eq(links_in(door), PEER_LINKS_MAX);
	cr_expect_not(raw->closed);
	raw_connect(raw);
	rig_run(&net->rig, 10 * NS_PER_MS);
	cr_expect(raw->closed);
	want(a, 1);
	rig_run(&net->rig, 3 * NS_PER_S);
	cr_expect_eq(a->ups, 0);
	rig_run(&net->rig, 6 * NS_PER_S);
	cr_expect_eq(a->ups, 1);
	cr_expect_eq(links_in(door), 0);
	net_free(net);
	raw_free(raw);
}

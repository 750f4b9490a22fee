/* ticket_keys_test.c - keys of a shard: their life, and replayed tickets. */
#include "channels/ticket_keys.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

/*
 * A host whose keys are numbers and whose ciphertext is: the key's number, a
 * length, a salt, the plaintext. Anything else does not open.
 */
#define FAKE_KEYS_MAX 64

struct host_key {
	uint8_t number;
	bool taken;
};

struct fake {
	struct host host;
	struct host_key keys[FAKE_KEYS_MAX];
	uint32_t taken;
	uint32_t given;
	bool empty;
};

static int fake_key_take(struct host *host, struct host_key **key,
			 uint8_t der[HOST_KEY_DER_BYTES])
{
	struct fake *fake = (struct fake *)host;

	if (fake->empty || fake->taken == FAKE_KEYS_MAX)
		return -EAGAIN;
	*key = &fake->keys[fake->taken];
	(*key)->number = (uint8_t)++fake->taken;
	(*key)->taken = true;
	memset(der, (*key)->number, HOST_KEY_DER_BYTES);
	return 0;
}

static void fake_key_give(struct host *host, struct host_key *key)
{
	struct fake *fake = (struct fake *)host;

	cr_assert(key->taken, "a key is given once");
	key->taken = false;
	fake->given++;
}

static int fake_key_open(struct host *host, struct host_key *key,
			 const uint8_t cipher[HOST_KEY_CIPHER_BYTES],
			 uint8_t *plain, uint32_t plain_max)
{
	(void)host;
	cr_assert(key->taken, "only a key that is taken opens");
	if (cipher[0] != key->number || cipher[1] > plain_max)
		return -EBADMSG;
	memcpy(plain, cipher + 8, cipher[1]);
	return cipher[1];
}

static void fake_entropy(struct host *host, void *bytes, size_t len)
{
	(void)host;
	memset(bytes, 0x3c, len);
}

static const struct host_ops fake_ops = {
	.key_take = fake_key_take,
	.key_give = fake_key_give,
	.key_open = fake_key_open,
	.entropy = fake_entropy,
};

static void seal(uint8_t cipher[HOST_KEY_CIPHER_BYTES], const uint8_t *der,
		 uint32_t salt, const char *plain, size_t len)
{
	memset(cipher, 0, HOST_KEY_CIPHER_BYTES);
	cipher[0] = der[0];
	cipher[1] = (uint8_t)len;
	memcpy(cipher + 4, &salt, 4);
	memcpy(cipher + 8, plain, len);
}

static const uint8_t secret[SIPHASH_KEY_BYTES] = "the-peers-secret";

struct bench {
	struct fake fake;
	struct arena arena;
	struct ticket_keys keys;
	uint8_t want[TICKET_HASH_BYTES];
	uint64_t now_ns;
};

static void bench_init(struct bench *bench)
{
	memset(bench, 0, sizeof(*bench));
	bench->fake.host.ops = &fake_ops;
	bench->now_ns = 5 * NS_PER_S;
	cr_assert_eq(arena_init(&bench->arena, 1 << 20), 0);
	cr_assert_eq(ticket_keys_init(&bench->keys, &bench->fake.host,
				      &bench->arena, secret),
		     0);
	ticket_hash(secret, "sesame", 6, bench->want);
}

static void bench_fini(struct bench *bench)
{
	ticket_keys_fini(&bench->keys);
	cr_assert_eq(bench->fake.given, bench->fake.taken, "no key is kept");
	arena_fini(&bench->arena);
}

/* As a shard does: opens, compares and, when it is the one, spends. */
static bool is_accepted(struct bench *bench, uint32_t id,
			const uint8_t cipher[HOST_KEY_CIPHER_BYTES])
{
	uint8_t hash[TICKET_HASH_BYTES];

	ticket_keys_open(&bench->keys, id, cipher, hash);
	return equal_constant_time(hash, bench->want, sizeof(hash)) &&
	       ticket_keys_spend(&bench->keys, id, cipher);
}

/* One link whose ticket is of len bytes; true when it was the right one. */
static bool try_ticket(struct bench *bench, uint32_t salt, const char *plain,
		       size_t len)
{
	uint8_t cipher[HOST_KEY_CIPHER_BYTES];
	const uint8_t *der;
	uint32_t id;
	bool good;

	cr_assert_eq(ticket_keys_lend(&bench->keys, bench->now_ns, &id, &der),
		     0);
	seal(cipher, der, salt, plain, len);
	good = is_accepted(bench, id, cipher);
	ticket_keys_return(&bench->keys, id);
	return good;
}

Test(ticket_keys, only_the_right_text_with_its_nul_is_accepted)
{
	static const struct {
		const char *plain;
		size_t len;
		bool good;
	} rows[] = {
		{"sesame", 7, true},
		{"sesame\0junk", 12, true}, /* compared up to the NUL */
		{"sesame", 6, false},       /* its NUL is missing */
		{"sesamf", 7, false},
		{"sesam", 6, false},
		{"sesamee", 8, false},
		{"", 1, false},
		{"", 0, false},
		{"Sesame", 7, false},
	};
	struct bench bench;

	bench_init(&bench);
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++)
		cr_assert_eq(try_ticket(&bench, i, rows[i].plain, rows[i].len),
			     rows[i].good, "row %u", i);
	bench_fini(&bench);
}

Test(ticket_keys, an_empty_ticket_is_a_text_like_any_other)
{
	struct bench bench;

	bench_init(&bench);
	ticket_hash(secret, "", 0, bench.want);
	cr_assert(try_ticket(&bench, 1, "", 1));
	cr_assert_not(try_ticket(&bench, 2, "", 0), "nor does no text pass");
	cr_assert_not(try_ticket(&bench, 3, "x", 2));
	bench_fini(&bench);
}

Test(ticket_keys, what_does_not_open_hashes_to_nothing_known)
{
	static const uint8_t no_plain[HOST_KEY_CIPHER_BYTES];
	struct bench bench;
	uint8_t cipher[HOST_KEY_CIPHER_BYTES] = {0};
	uint8_t hash[TICKET_HASH_BYTES];
	uint8_t empty[TICKET_HASH_BYTES];
	const uint8_t *der;
	uint32_t id;

	bench_init(&bench);
	ticket_hash(secret, no_plain, sizeof(no_plain), empty);
	cr_assert_eq(ticket_keys_lend(&bench.keys, bench.now_ns, &id, &der), 0);
	ticket_keys_open(&bench.keys, id, cipher, hash);
	cr_assert_neq(memcmp(hash, empty, sizeof(hash)), 0);
	ticket_keys_open(&bench.keys, id + 1, cipher, hash);
	cr_assert_neq(memcmp(hash, empty, sizeof(hash)), 0, "no such key");
	cr_assert_not(ticket_keys_spend(&bench.keys, id + 1, cipher));
	ticket_keys_return(&bench.keys, id);
	bench_fini(&bench);
}

Test(ticket_keys, a_replayed_ciphertext_is_a_wrong_ticket)
{
	struct bench bench;

	bench_init(&bench);
	cr_assert(try_ticket(&bench, 1, "sesame", 7));
	cr_assert_not(try_ticket(&bench, 1, "sesame", 7));
	cr_assert_eq(bench.keys.repeated, 1);
	cr_assert(try_ticket(&bench, 2, "sesame", 7), "sealed anew it is good");
	cr_assert_not(try_ticket(&bench, 2, "sesame", 7));
	cr_assert_not(try_ticket(&bench, 3, "wrong", 6));
	cr_assert_not(try_ticket(&bench, 3, "wrong", 6));
	cr_assert_eq(bench.keys.repeated, 2, "only accepted ones are kept");
	bench_fini(&bench);
}

Test(ticket_keys, a_key_remembers_every_ticket_it_can_accept)
{
	struct bench bench;

	bench_init(&bench);
	for (uint32_t i = 0; i < TICKET_KEY_LINKS_MAX / 2; i++)
		cr_assert(try_ticket(&bench, i, "sesame", 7));
	for (uint32_t i = 0; i < TICKET_KEY_LINKS_MAX / 2; i++)
		cr_assert_not(try_ticket(&bench, i, "sesame", 7), "%u", i);
	cr_assert_eq(bench.fake.taken, 1);
	cr_assert(try_ticket(&bench, 1, "sesame", 7), "another key's text");
	cr_assert_eq(bench.fake.taken, 2);
	bench_fini(&bench);
}

Test(ticket_keys, a_key_serves_for_a_bounded_time)
{
	struct bench bench;

	bench_init(&bench);
	try_ticket(&bench, 1, "sesame", 7);
	bench.now_ns += TICKET_KEY_SERVE_NS - 1;
	try_ticket(&bench, 2, "sesame", 7);
	cr_assert_eq(bench.fake.taken, 1);
	bench.now_ns += 1;
	try_ticket(&bench, 3, "sesame", 7);
	cr_assert_eq(bench.fake.taken, 2);
	cr_assert_eq(bench.fake.given, 1, "nothing was open under the first");
	bench_fini(&bench);
}

Test(ticket_keys, a_link_may_finish_under_the_key_it_began_with)
{
	struct bench bench;
	uint8_t cipher[HOST_KEY_CIPHER_BYTES];
	const uint8_t *der;
	uint32_t id;

	bench_init(&bench);
	cr_assert_eq(ticket_keys_lend(&bench.keys, bench.now_ns, &id, &der), 0);
	seal(cipher, der, 1, "sesame", 7);
	bench.now_ns += TICKET_KEY_SERVE_NS;
	try_ticket(&bench, 2, "sesame", 7);
	cr_assert_eq(bench.fake.taken, 2);
	cr_assert(is_accepted(&bench, id, cipher));
	cr_assert_not(is_accepted(&bench, id, cipher));
	ticket_keys_return(&bench.keys, id);
	ticket_keys_expire(&bench.keys, bench.now_ns);
	cr_assert_eq(bench.fake.given, 1, "then it goes");
	cr_assert_not(is_accepted(&bench, id, cipher));
	ticket_keys_return(&bench.keys, id); /* of a key that is gone */
	bench_fini(&bench);
}

Test(ticket_keys, a_link_that_never_ends_does_not_keep_its_key)
{
	struct bench bench;
	const uint8_t *der;
	uint64_t next_ns;
	uint32_t id;

	bench_init(&bench);
	cr_assert_eq(ticket_keys_expire(&bench.keys, bench.now_ns), NS_NEVER);
	cr_assert_eq(ticket_keys_lend(&bench.keys, bench.now_ns, &id, &der), 0);
	next_ns = ticket_keys_expire(&bench.keys, bench.now_ns);
	cr_assert_eq(next_ns, bench.now_ns + TICKET_KEY_SERVE_NS);
	next_ns = ticket_keys_expire(&bench.keys, next_ns);
	cr_assert_eq(bench.fake.given, 0);
	cr_assert_eq(next_ns,
		     bench.now_ns + TICKET_KEY_SERVE_NS + TICKET_KEY_FINISH_NS);
	cr_assert_eq(ticket_keys_expire(&bench.keys, next_ns), NS_NEVER);
	cr_assert_eq(bench.fake.given, 1);
	bench_fini(&bench);
}

Test(ticket_keys, unfinished_links_hold_a_bounded_number_of_keys)
{
	struct bench bench;
	const uint8_t *der;
	uint32_t first = 0;
	uint32_t id;

	bench_init(&bench);
	for (uint32_t i = 0; i < 6 * TICKET_KEY_LINKS_MAX; i++) {
		cr_assert_eq(
			ticket_keys_lend(&bench.keys, bench.now_ns, &id, &der),
			0);
		if (i == 0)
			first = id;
	}
	cr_assert_eq(bench.fake.taken, 6);
	cr_assert_eq(bench.fake.given, 6 - TICKET_KEYS_MAX);
	cr_assert_neq(first, id);
	ticket_keys_return(&bench.keys, first); /* its key is gone: no harm */
	ticket_keys_return(&bench.keys, id);
	bench_fini(&bench);
}

Test(ticket_keys, an_empty_pool_refuses_until_it_is_filled)
{
	struct bench bench;
	const uint8_t *der;
	uint32_t id;

	bench_init(&bench);
	bench.fake.empty = true;
	cr_assert_eq(ticket_keys_lend(&bench.keys, bench.now_ns, &id, &der),
		     -EAGAIN);
	bench.fake.empty = false;
	cr_assert(try_ticket(&bench, 1, "sesame", 7));
	bench.fake.empty = true;
	cr_assert(try_ticket(&bench, 2, "sesame", 7), "the one it has serves");
	bench.now_ns += TICKET_KEY_SERVE_NS;
	cr_assert_eq(ticket_keys_lend(&bench.keys, bench.now_ns, &id, &der),
		     -EAGAIN, "but not for longer than it may");
	bench_fini(&bench);
}

Test(ticket_keys, hashes_depend_on_the_secret)
{
	static const uint8_t other[SIPHASH_KEY_BYTES] = "another-secret!!";
	uint8_t a[TICKET_HASH_BYTES];
	uint8_t b[TICKET_HASH_BYTES];

	ticket_hash(secret, "sesame", 6, a);
	ticket_hash(secret, "sesame", 7, b);
	cr_assert_eq(memcmp(a, b, sizeof(a)), 0, "with or without the NUL");
	ticket_hash(other, "sesame", 6, b);
	cr_assert_neq(memcmp(a, b, sizeof(a)), 0);
}

Test(ticket_keys, init_tells_of_an_arena_too_small)
{
	struct ticket_keys keys;
	struct fake fake = {.host.ops = &fake_ops};
	struct arena arena;

	cr_assert_eq(arena_init(&arena, 65536), 0);
	cr_assert_eq(ticket_keys_init(&keys, &fake.host, &arena, secret),
		     -ENOMEM);
	arena_fini(&arena);
}

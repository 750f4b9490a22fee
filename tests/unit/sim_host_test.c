/* sim_host_test.c - regions, journal, keys and log of a simulated machine. */
#include "dataplane/sim/sim_host.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

struct journal_text {
	char text[64];
};

static void add_record(void *arg, const void *record, uint32_t len)
{
	struct journal_text *all = arg;

	strncat(all->text, record, len);
}

static void expect_journal(struct host *host, const char *text)
{
	struct journal_text all = {0};

	cr_assert_eq(host_journal_read(host, add_record, &all), 0);
	cr_assert_str_eq(all.text, text);
}

static void poll_once(struct dp *dp)
{
	struct dp_event event;

	dp_poll(dp, &event, 1, 0);
}

Test(sim_host, a_journal_outlives_its_machine)
{
	struct sim_world *world = sim_world_create(1);
	struct sim_machine *machine = sim_machine_create(world, "a");
	struct host *host = sim_host_create(machine);
	struct host *other = sim_host_create(sim_machine_create(world, "b"));
	struct dp *dp;

	cr_assert_eq(sim_dp_create(world, machine, &dp), 0);
	sim_host_set_torn(host, true);
	cr_assert_eq(host_journal_add(host, "1", 1), 0);
	cr_assert_eq(host_journal_add(host, "2", 1), 0);
	poll_once(dp);
	cr_assert_eq(host_journal_add(host, "3", 1), 0);
	sim_machine_crash(machine);
	cr_assert_eq(host_journal_add(host, "4", 1), -ESTALE);
	sim_host_destroy(host);
	/* 3 was torn: nothing that happened after it has left the machine. */
	machine = sim_machine_create(world, "a");
	host = sim_host_create(machine);
	expect_journal(host, "12");
	cr_assert_eq(host_journal_add(host, "5", 1), 0);
	sim_machine_crash(machine);
	sim_host_destroy(host);
	/* Not asked for: whole. */
	host = sim_host_create(sim_machine_create(world, "a"));
	sim_host_set_torn(host, true);
	expect_journal(host, "125");
	expect_journal(other, "");
	sim_host_journal_clear(host);
	cr_assert_eq(sim_host_journal_count(host), 0);
	sim_host_destroy(host);
	sim_host_destroy(other);
	sim_world_destroy(world);
}

Test(sim_host, a_region_lives_while_somebody_holds_it)
{
	struct sim_world *world = sim_world_create(1);
	struct sim_machine *machine = sim_machine_create(world, "a");
	struct sim_machine *elsewhere = sim_machine_create(world, "c");
	struct host *a = sim_host_create(machine);
	struct host *b = sim_host_create(sim_machine_create(world, "b"));
	struct host *c;
	struct host_region made, taken, none;
	struct host_region_ticket ticket, second;

	sim_machine_set_group(elsewhere, 1);
	c = sim_host_create(elsewhere);
	cr_assert_eq(host_region_create(a, 0, &made), -EINVAL);
	cr_assert_eq(host_region_create(a, 10000, &made), 0);
	cr_assert_eq(made.base[9999], 0);
	cr_assert(made.owned);
	cr_assert_eq(host_region_give(a, &made, &ticket), 0);
	cr_assert_eq(host_region_take(c, &ticket, &none), -ENOENT,
		     "another computer");
	cr_assert_eq(host_region_take(b, &ticket, &taken), 0);
	cr_assert_eq(host_region_take(b, &ticket, &none), -ENOENT, "once");
	cr_assert_not(taken.owned);
	made.base[5] = 42;
	cr_assert_eq(host_region_give(a, &made, &second), 0);
	sim_machine_crash(machine);
	cr_assert_eq(taken.base[5], 42);
	cr_assert_eq(host_region_take(b, &second, &none), -ENOENT,
		     "nobody is there to give it");
	cr_assert_eq(sim_host_regions(a), 0);
	cr_assert_eq(sim_host_regions(b), 1);
	host_region_drop(a, &made);
	host_region_drop(b, &taken);
	cr_assert_eq(sim_host_regions(b), 0);
	sim_host_destroy(a);
	sim_host_destroy(b);
	sim_host_destroy(c);
	sim_world_destroy(world);
}

static void encrypt(const uint8_t der[HOST_KEY_DER_BYTES], const char *plain,
		    uint8_t cipher[HOST_KEY_CIPHER_BYTES])
{
	size_t len = HOST_KEY_CIPHER_BYTES;
	EVP_PKEY *pkey = d2i_PUBKEY(NULL, &der, HOST_KEY_DER_BYTES);
	EVP_PKEY_CTX *ctx;

	cr_assert(pkey);
	ctx = EVP_PKEY_CTX_new(pkey, NULL);
	cr_assert_gt(EVP_PKEY_encrypt_init(ctx), 0);
	cr_assert_gt(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING),
		     0);
	cr_assert_gt(EVP_PKEY_encrypt(ctx, cipher, &len, (const uint8_t *)plain,
				      strlen(plain) + 1),
		     0);
	cr_assert_eq(len, HOST_KEY_CIPHER_BYTES);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
}

Test(sim_host, keys_open_what_their_public_half_closed)
{
	struct sim_world *world = sim_world_create(1);
	struct host *host = sim_host_create(sim_machine_create(world, "a"));
	struct host_key *keys[4], *more;
	uint8_t der[4][HOST_KEY_DER_BYTES];
	uint8_t cipher[HOST_KEY_CIPHER_BYTES];
	uint8_t plain[64];

	sim_host_set_keys(host, 4);
	for (uint32_t i = 0; i < 4; i++)
		cr_assert_eq(host_key_take(host, &keys[i], der[i]), 0);
	cr_assert_eq(host_key_take(host, &more, der[3]), -EAGAIN);
	cr_assert_neq(memcmp(der[0], der[1], HOST_KEY_DER_BYTES), 0);
	encrypt(der[1], "secret", cipher);
	cr_assert_eq(host_key_open(host, keys[1], cipher, plain, 64), 7);
	cr_assert_str_eq((const char *)plain, "secret");
	cr_assert_eq(host_key_open(host, keys[1], cipher, plain, 6), -EBADMSG);
	cr_assert_eq(host_key_open(host, keys[0], cipher, plain, 64), -EBADMSG);
	cipher[3] ^= 1;
	cr_assert_eq(host_key_open(host, keys[1], cipher, plain, 64), -EBADMSG);
	host_key_give(host, keys[2]);
	cr_assert_eq(sim_host_keys_out(host), 3);
	/* The rest as a crash leaves it. */
	sim_host_destroy(host);
	sim_world_destroy(world);
}

static void count_trap(void *arg, const char *state)
{
	cr_assert_str_eq(state, "frozen");
	++*(uint32_t *)arg;
}

Test(sim_host, traps_log_clock_and_entropy)
{
	struct sim_world *world = sim_world_create(1);
	struct host *host = sim_host_create(sim_machine_create(world, "a"));
	char text[20000] = "";
	FILE *file = fmemopen(text, sizeof(text) - 1, "w");
	uint64_t word[2] = {0};
	uint32_t traps = 0;

	host_trap(host, "frozen");
	sim_host_set_trap(host, count_trap, &traps);
	host_trap(host, "frozen");
	cr_assert_eq(traps, 1);
	for (uint32_t i = 0; i < 200; i++)
		host_log(host, LOG_INFO, "line %u", i);
	host_log(host, LOG_WARNING, "%s", "careful");
	cr_assert_eq(sim_host_log_count(host, LOG_INFO), 200);
	cr_assert_eq(sim_host_log_count(host, LOG_WARNING), 1);
	cr_assert_eq(sim_host_log_count(host, LOG_ERROR), 0);
	sim_host_log_print(host, file);
	fclose(file);
	cr_assert(strstr(text, "a warning: careful"));
	cr_assert(strstr(text, "a info: line 199"));
	cr_assert_not(strstr(text, "line 2\n"));
	host_entropy(host, word, sizeof(word));
	cr_assert_neq(word[0], word[1]);
	cr_assert_gt(host_wall_clock_ns(host), sim_world_now(world));
	sim_host_destroy(host);
	sim_world_destroy(world);
}

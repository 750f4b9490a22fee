/* sim_host.c - keys, entropy, clock, traps and the log of a simulated host. */
#include "dataplane/sim/sim_host.h"
#include "dataplane/sim/host_internal.h"
#include "dataplane/sim/sim_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define KEYS_OUT_MAX 64
#define LOG_LEVELS   4

/* Virtual time 0 on a calendar: 1 January 2026. */
#define WALL_START_NS (1767225600 * NS_PER_S)

struct host_key {
	struct host_key *next;
	EVP_PKEY *pkey;
};

static EVP_PKEY *key_load(uint32_t index)
{
	const struct sim_key_der *der = &sim_key_ders[index % SIM_KEYS];
	const uint8_t *at = der->bytes;
	EVP_PKEY *pkey =
		d2i_PrivateKey(EVP_PKEY_RSA, NULL, &at, (long)der->len);

	ASSERT(pkey, "the simulator's own keys are good");
	return pkey;
}

static int key_take(struct host *host, struct host_key **key,
		    uint8_t der[HOST_KEY_DER_BYTES])
{
	struct sim_host *sim = sim_host_of(host);

	if (sim->keys_out >= sim->keys_max)
		return -EAGAIN;
	*key = sim_take(1, sizeof(**key));
	(*key)->pkey = key_load(sim->keys_taken++);
	(*key)->next = sim->keys;
	sim->keys = *key;
	sim->keys_out++;
	ASSERT(i2d_PUBKEY((*key)->pkey, NULL) == HOST_KEY_DER_BYTES,
	       "a public key has the size the wire has room for");
	i2d_PUBKEY((*key)->pkey, &der);
	return 0;
}

static void key_give(struct host *host, struct host_key *key)
{
	struct sim_host *sim = sim_host_of(host);
	struct host_key **link = &sim->keys;

	while (*link && *link != key)
		link = &(*link)->next;
	ASSERT(*link, "a key is given back once, to the host it came from");
	*link = key->next;
	sim->keys_out--;
	EVP_PKEY_free(key->pkey);
	free(key);
}

static int key_open(struct host *host, struct host_key *key,
		    const uint8_t cipher[HOST_KEY_CIPHER_BYTES], uint8_t *plain,
		    uint32_t plain_max)
{
	uint8_t out[HOST_KEY_CIPHER_BYTES];
	size_t len = sizeof(out);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->pkey, NULL);
	int result = -EBADMSG;

	(void)host;
	ASSERT(ctx, "the simulator has the memory it needs");
	if (EVP_PKEY_decrypt_init(ctx) > 0 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
	    EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha1()) > 0 &&
	    EVP_PKEY_decrypt(ctx, out, &len, cipher, HOST_KEY_CIPHER_BYTES) >
		    0 &&
	    len <= plain_max) {
		memcpy(plain, out, len);
		result = (int)len;
	}
	EVP_PKEY_CTX_free(ctx);
	return result;
}

static void entropy(struct host *host, void *bytes, size_t len)
{
	sim_prng_fill(&sim_host_of(host)->world->hosts, bytes, len);
}

static uint64_t wall_clock_ns(struct host *host)
{
	return WALL_START_NS + sim_host_of(host)->world->now_ns;
}

static void trap(struct host *host, const char *state)
{
	struct sim_host *sim = sim_host_of(host);

	if (sim->trap)
		sim->trap(sim->trap_arg, state);
}

static void write_log(struct host *host, int level, const char *text)
{
	struct sim_host *sim = sim_host_of(host);
	struct sim_log_line *line = &sim->lines[sim->line_next];

	sim->line_next = (sim->line_next + 1) % SIM_LOG_LINES;
	line->when_ns = sim->world->now_ns;
	line->level = level;
	snprintf(line->text, sizeof(line->text), "%s", text);
	if (level >= 0 && level < LOG_LEVELS)
		sim->log_count[level]++;
}

static const struct host_ops sim_host_ops = {
	.region_create = sim_region_create,
	.region_drop = sim_region_drop,
	.region_give = sim_region_give,
	.region_take = sim_region_take,
	.journal_add = sim_journal_add,
	.journal_read = sim_journal_read,
	.key_take = key_take,
	.key_give = key_give,
	.key_open = key_open,
	.entropy = entropy,
	.wall_clock_ns = wall_clock_ns,
	.trap = trap,
	.log = write_log,
};

struct host *sim_host_create(struct sim_machine *machine)
{
	struct sim_host *sim = sim_take(1, sizeof(*sim));

	sim->host.ops = &sim_host_ops;
	sim->world = machine->world;
	sim->machine = machine;
	sim->keys_max = KEYS_OUT_MAX;
	sim->next = machine->world->host_list;
	machine->world->host_list = sim;
	return &sim->host;
}

void sim_host_destroy(struct host *host)
{
	struct sim_host *sim = sim_host_of(host);
	struct sim_host **link = &sim->world->host_list;

	sim_regions_let_go(sim);
	/* A machine that crashed has given nothing back. */
	while (sim->keys)
		key_give(host, sim->keys);
	while (*link != sim)
		link = &(*link)->next;
	*link = sim->next;
	free(sim);
}

void sim_host_crash(struct sim_machine *machine)
{
	struct sim_host *sim = machine->world->host_list;

	for (; sim; sim = sim->next) {
		if (sim->machine != machine)
			continue;
		sim_regions_let_go(sim);
		if (sim->torn)
			sim_journal_tear(sim);
	}
}

void sim_host_world_fini(struct sim_world *world)
{
	ASSERT(!world->host_list, "hosts are destroyed before their world");
	sim_regions_fini(world);
	sim_journals_fini(world);
}

void sim_host_set_trap(struct host *host,
		       void (*fn)(void *arg, const char *state), void *arg)
{
	struct sim_host *sim = sim_host_of(host);

	sim->trap = fn;
	sim->trap_arg = arg;
}

void sim_host_set_torn(struct host *host, bool torn)
{
	sim_host_of(host)->torn = torn;
}

void sim_host_set_keys(struct host *host, uint32_t count)
{
	sim_host_of(host)->keys_max = count;
}

uint32_t sim_host_keys_out(const struct host *host)
{
	return sim_host_of_const(host)->keys_out;
}

uint64_t sim_host_log_count(const struct host *host, enum host_log_level level)
{
	return level < LOG_LEVELS ? sim_host_of_const(host)->log_count[level]
				  : 0;
}

void sim_host_log_print(const struct host *host, FILE *to)
{
	static const char *const names[] = {"error", "warning", "info",
					    "debug"};
	const struct sim_host *sim = sim_host_of_const(host);

	for (uint32_t i = 0; i < SIM_LOG_LINES; i++) {
		const struct sim_log_line *line =
			&sim->lines[(sim->line_next + i) % SIM_LOG_LINES];

		if (line->when_ns == 0)
			continue;
		fprintf(to, "%10.6f %s %s: %s\n",
			(double)line->when_ns / (double)NS_PER_S,
			sim->machine->name,
			line->level >= 0 && line->level < LOG_LEVELS
				? names[line->level]
				: "?",
			line->text);
	}
}

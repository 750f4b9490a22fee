/* ticket_keys.h - a shard's keys for link tickets, and what they opened. */
#pragma once

#include "core/arena.h"
#include "core/host.h"
#include "core/tickets.h"

/*
 * A key serves a bounded number of links for a bounded time. While it lives we
 * remember every ciphertext it accepted and take a repeat for a wrong ticket:
 * what a key per link gives for free. Links begun under a key may finish under
 * it for a while after the next one has taken over.
 *
 * The one error path: what is no ticket (not decryptable, without its NUL, a
 * repeat, under a key that is gone) gets a hash that nobody has, and fails in
 * the caller's comparison like a wrong password.
 */
#define TICKET_KEY_LINKS_MAX 4096
#define TICKET_KEY_SERVE_NS  (60 * NS_PER_S)
#define TICKET_KEY_FINISH_NS (60 * NS_PER_S) /* after serving */
#define TICKET_KEYS_MAX      4               /* one serves, the others finish */
#define TICKET_SEEN_SLOTS    8192            /* at most half full */

struct ticket_key {
	struct host_key *key; /* NULL: the slot is free */
	uint32_t id;
	uint32_t lent; /* links so far */
	uint32_t open; /* links that have not been returned */
	uint64_t serve_until_ns;
	uint64_t *seen; /* TICKET_SEEN_SLOTS hashes, 0 is free */
	uint8_t der[HOST_KEY_DER_BYTES];
};

struct ticket_keys {
	struct host *host;
	uint8_t secret[SIPHASH_KEY_BYTES];   /* of ticket hashes */
	uint8_t seen_key[SIPHASH_KEY_BYTES]; /* our own */
	uint32_t last_id;
	struct ticket_key slots[TICKET_KEYS_MAX];
	uint64_t repeated; /* ciphertexts seen before, for statistics */
};

/*
 * Takes memory from the arena, no key yet. secret is the one under which
 * ticket hashes are kept, copied. Returns 0 or -ENOMEM.
 */
int ticket_keys_init(struct ticket_keys *keys, struct host *host,
		     struct arena *arena,
		     const uint8_t secret[SIPHASH_KEY_BYTES]);

/* Gives all keys back and wipes everything. */
void ticket_keys_fini(struct ticket_keys *keys);

/*
 * Begins a link: *id names the key, *der its public half, lent until the id
 * is returned. Returns 0 or -EAGAIN: the host has no key at this moment.
 */
int ticket_keys_lend(struct ticket_keys *keys, uint64_t now_ns, uint32_t *id,
		     const uint8_t **der);

/* Ends a link, whatever came of it; once for each that was lent. */
void ticket_keys_return(struct ticket_keys *keys, uint32_t id);

/* The hash of the ticket in cipher: one that nobody has when it is none. */
void ticket_keys_open(struct ticket_keys *keys, uint32_t id,
		      const uint8_t cipher[HOST_KEY_CIPHER_BYTES],
		      uint8_t hash[TICKET_HASH_BYTES]);

/* Remembers an accepted ciphertext. False when it is a repeat after all. */
bool ticket_keys_spend(struct ticket_keys *keys, uint32_t id,
		       const uint8_t cipher[HOST_KEY_CIPHER_BYTES]);

/* Gives back what has served. Returns when to call again, or NS_NEVER. */
uint64_t ticket_keys_expire(struct ticket_keys *keys, uint64_t now_ns);

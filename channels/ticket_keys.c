/* ticket_keys.c - a shard's keys for link tickets, and what they opened. */
#include "channels/ticket_keys.h"

#include <errno.h>
#include <string.h>

_Static_assert(TICKET_KEY_LINKS_MAX * 2 <= TICKET_SEEN_SLOTS,
	       "a probe ends at a free slot");

int ticket_keys_init(struct ticket_keys *keys, struct host *host,
		     struct arena *arena,
		     const uint8_t secret[SIPHASH_KEY_BYTES])
{
	memset(keys, 0, sizeof(*keys));
	keys->host = host;
	for (uint32_t i = 0; i < TICKET_KEYS_MAX; i++) {
		uint64_t *seen =
			arena_take(arena, TICKET_SEEN_SLOTS * sizeof(uint64_t),
				   CACHE_LINE_BYTES);

		if (!seen)
			return -ENOMEM;
		keys->slots[i].seen = seen;
	}
	memcpy(keys->secret, secret, sizeof(keys->secret));
	host_entropy(host, keys->seen_key, sizeof(keys->seen_key));
	return 0;
}

static void slot_clear(struct ticket_keys *keys, struct ticket_key *slot)
{
	uint64_t *seen = slot->seen;

	if (!slot->key)
		return;
	host_key_give(keys->host, slot->key);
	memset(seen, 0, TICKET_SEEN_SLOTS * sizeof(*seen));
	*slot = (struct ticket_key){.seen = seen};
}

void ticket_keys_fini(struct ticket_keys *keys)
{
	for (uint32_t i = 0; i < TICKET_KEYS_MAX; i++)
		slot_clear(keys, &keys->slots[i]);
	explicit_bzero(keys, sizeof(*keys));
}

static struct ticket_key *slot_find(struct ticket_keys *keys, uint32_t id)
{
	for (uint32_t i = 0; i < TICKET_KEYS_MAX; i++) {
		if (keys->slots[i].key && keys->slots[i].id == id)
			return &keys->slots[i];
	}
	return NULL;
}

static bool slot_serves(const struct ticket_key *slot, uint64_t now_ns)
{
	return slot->lent < TICKET_KEY_LINKS_MAX &&
	       now_ns < slot->serve_until_ns;
}

/*
 * Where the next key goes: a free slot, or that of the oldest key, whose links
 * in progress then fail. It takes three keys' worth of unfinished links to get
 * there; without the bound they would hold memory for a minute.
 */
static struct ticket_key *slot_for_next(struct ticket_keys *keys)
{
	struct ticket_key *oldest = &keys->slots[0];

	for (uint32_t i = 0; i < TICKET_KEYS_MAX; i++) {
		struct ticket_key *slot = &keys->slots[i];

		if (!slot->key)
			return slot;
		if ((int32_t)(slot->id - oldest->id) < 0)
			oldest = slot;
	}
	return oldest;
}

static int take_key(struct ticket_keys *keys, uint64_t now_ns)
{
	struct ticket_key *slot;
	struct host_key *key;
	uint8_t der[HOST_KEY_DER_BYTES];
	int error = host_key_take(keys->host, &key, der);

	if (error < 0)
		return error;
	slot = slot_for_next(keys);
	slot_clear(keys, slot);
	if (++keys->last_id == 0) /* 0 is nobody's */
		keys->last_id = 1;
	slot->key = key;
	slot->id = keys->last_id;
	slot->serve_until_ns = now_ns + TICKET_KEY_SERVE_NS;
	memcpy(slot->der, der, sizeof(der));
	return 0;
}

int ticket_keys_lend(struct ticket_keys *keys, uint64_t now_ns, uint32_t *id,
		     const uint8_t **der)
{
	struct ticket_key *slot = slot_find(keys, keys->last_id);

	if (!slot || !slot_serves(slot, now_ns)) {
		ticket_keys_expire(keys, now_ns);
		if (take_key(keys, now_ns) < 0)
			return -EAGAIN;
		slot = slot_find(keys, keys->last_id);
	}
	slot->lent++;
	slot->open++;
	*id = slot->id;
	*der = slot->der;
	return 0;
}

void ticket_keys_return(struct ticket_keys *keys, uint32_t id)
{
	struct ticket_key *slot = slot_find(keys, id);

	if (!slot)
		return;
	ASSERT(slot->open > 0, "a link returns its key once");
	slot->open--;
}

/* The place of a ciphertext among the seen: its own or the free one. */
static uint64_t *seen_place(const struct ticket_keys *keys,
			    const struct ticket_key *slot,
			    const uint8_t *cipher, uint64_t *hash)
{

	*hash = siphash64(keys->seen_key, cipher, HOST_KEY_CIPHER_BYTES);
	if (*hash == 0)
		*hash = 1;
	for (uint64_t i = 0; i < TICKET_SEEN_SLOTS; i++) {
		uint64_t *place = &slot->seen[(*hash + i) % TICKET_SEEN_SLOTS];

		if (*place == 0 || *place == *hash)
			return place;
	}
	ASSERT(false, "no more is accepted than links were lent");
	return NULL;
}

static bool is_repeat(struct ticket_keys *keys, const struct ticket_key *slot,
		      const uint8_t *cipher)
{
	uint64_t hash;
	bool repeat = *seen_place(keys, slot, cipher, &hash) == hash;

	keys->repeated += repeat;
	return repeat;
}

void ticket_keys_open(struct ticket_keys *keys, uint32_t id,
		      const uint8_t cipher[HOST_KEY_CIPHER_BYTES],
		      uint8_t hash[TICKET_HASH_BYTES])
{
	struct ticket_key *slot = slot_find(keys, id);
	uint8_t plain[HOST_KEY_CIPHER_BYTES] = {0};
	uint8_t nobody[TICKET_HASH_BYTES];
	int len = -EBADMSG;
	bool good = false;

	if (slot) {
		len = host_key_open(keys->host, slot->key, cipher, plain,
				    sizeof(plain));
		good = !is_repeat(keys, slot, cipher);
	}
	if (len <= 0 || len > (int)sizeof(plain)) {
		memset(plain, 0, sizeof(plain));
		len = sizeof(plain);
		good = false;
	}
	if (!memchr(plain, 0, (size_t)len))
		good = false;
	ticket_hash(keys->secret, plain, (size_t)len, hash);
	siphash128(keys->seen_key, cipher, HOST_KEY_CIPHER_BYTES, nobody);
	for (uint32_t i = 0; i < TICKET_HASH_BYTES; i++) {
		uint8_t mask = (uint8_t)-good;

		hash[i] = (hash[i] & mask) | (nobody[i] & (uint8_t)~mask);
	}
	explicit_bzero(plain, sizeof(plain));
}

bool ticket_keys_spend(struct ticket_keys *keys, uint32_t id,
		       const uint8_t cipher[HOST_KEY_CIPHER_BYTES])
{
	struct ticket_key *slot = slot_find(keys, id);
	uint64_t hash;
	uint64_t *place;

	if (!slot)
		return false;
	place = seen_place(keys, slot, cipher, &hash);
	if (*place == hash)
		return false;
	*place = hash;
	return true;
}

/* When a key has to go: at once when nothing is in progress under it. */
static uint64_t slot_end_ns(const struct ticket_key *slot, bool serves)
{
	if (serves)
		return slot->serve_until_ns;
	if (slot->open == 0)
		return 0;
	return slot->serve_until_ns + TICKET_KEY_FINISH_NS;
}

uint64_t ticket_keys_expire(struct ticket_keys *keys, uint64_t now_ns)
{
	uint64_t next_ns = NS_NEVER;

	for (uint32_t i = 0; i < TICKET_KEYS_MAX; i++) {
		struct ticket_key *slot = &keys->slots[i];
		bool serves =
			slot->id == keys->last_id && slot_serves(slot, now_ns);
		uint64_t end_ns = slot_end_ns(slot, serves);

		if (!slot->key)
			continue;
		if (now_ns >= end_ns)
			slot_clear(keys, slot);
		else
			next_ns = min_u64(next_ns, end_ns);
	}
	return next_ns;
}

/* steer.c - which dp of a port has a flow, whatever queue a frame came by. */
#include "dataplane/dpdk/steer.h"

#include <errno.h>
#include <string.h>

/* An entry: the dp plus one, a flag, and a number above them. */
#define ENTRY_DP_MASK    ((uint64_t)0x7f)
#define ENTRY_TRANSIT    ((uint64_t)1 << 7)
#define ENTRY_NUMBER     8
#define ENTRY_NUMBER_MAX (((uint64_t)1 << 48) - 1)

int steer_init(struct steer *steer, const uint8_t secret[SIPHASH_KEY_BYTES],
	       uint32_t dp_count, uint32_t flow_max)
{
	ASSERT(dp_count > 0 && dp_count <= STEER_DPS_MAX,
	       "the config says how many dps there are");
	memset(steer, 0, sizeof(*steer));
	memcpy(steer->secret, secret, sizeof(steer->secret));
	for (uint32_t i = 0; i < STEER_BUCKETS; i++)
		steer->map[i] = (uint8_t)(i % dp_count);
	return idtable_init(&steer->exceptions, flow_max);
}

void steer_fini(struct steer *steer)
{
	idtable_fini(&steer->exceptions);
	memset(steer, 0, sizeof(*steer));
}

static uint64_t bit_of(uint8_t dp)
{
	return (uint64_t)1 << dp;
}

void steer_join(struct steer *steer, uint8_t dp)
{
	atomic_fetch_or(&steer->present, bit_of(dp));
}

void steer_leave(struct steer *steer, uint8_t dp)
{
	for (uint32_t i = 0; i < STEER_LISTENERS_MAX; i++)
		atomic_fetch_and(&steer->listeners[i].dps, ~bit_of(dp));
	atomic_fetch_and(&steer->present, ~bit_of(dp));
}

static uint64_t listening(const struct steer *steer, uint16_t port)
{
	for (uint32_t i = 0; i < STEER_LISTENERS_MAX; i++) {
		const struct steer_listener *listener = &steer->listeners[i];

		if (atomic_load(&listener->port) == port)
			return atomic_load(&listener->dps);
	}
	return 0;
}

int steer_listen(struct steer *steer, uint16_t port, uint8_t dp)
{
	for (uint32_t i = 0; i < STEER_LISTENERS_MAX; i++) {
		struct steer_listener *listener = &steer->listeners[i];
		uint32_t found = 0;

		if (!atomic_compare_exchange_strong(&listener->port, &found,
						    port) &&
		    found != port)
			continue;
		atomic_fetch_or(&listener->dps, bit_of(dp));
		return 0;
	}
	return -ENOSPC;
}

bool steer_listens(const struct steer *steer, uint16_t port)
{
	return listening(steer, port) != 0;
}

uint64_t steer_key(const struct steer *steer, const struct tcp_tuple *tuple)
{
	uint32_t words[3] = {
		tuple->peer_address,
		tuple->local_address,
		(uint32_t)tuple->peer_port << 16 | tuple->local_port,
	};
	uint64_t key = siphash64(steer->secret, words, sizeof(words));

	/* The two that the table does not take. */
	return key == 0 || key == UINT64_MAX ? 1 : key;
}

static uint8_t home_of(const struct steer *steer, uint64_t key)
{
	return steer->map[key >> 56];
}

/* One of the dps with a bit in mask, the same for the same key. */
static uint8_t pick(uint64_t mask, uint64_t key)
{
	uint32_t skip = (uint32_t)key % (uint32_t)__builtin_popcountll(mask);

	while (skip-- > 0)
		mask &= mask - 1;
	return (uint8_t)__builtin_ctzll(mask);
}

struct steer_place steer_find(const struct steer *steer, uint64_t key,
			      uint16_t local_port)
{
	uint64_t present = atomic_load(&steer->present);
	uint64_t entry = idtable_get(&steer->exceptions, key);
	struct steer_place place = {.dp = home_of(steer, key)};
	uint64_t mask;

	if (entry) {
		uint8_t dp = (uint8_t)((entry & ENTRY_DP_MASK) - 1);

		if (present & bit_of(dp))
			return (struct steer_place){
				.dp = dp,
				.exception = true,
				.transit = (entry & ENTRY_TRANSIT) != 0,
				.entry = entry,
			};
	}
	mask = listening(steer, local_port) & present;
	if (!mask)
		mask = present;
	if (mask && !(mask & bit_of(place.dp)))
		place.dp = pick(mask, key);
	return place;
}

static int put(struct steer *steer, uint64_t key, uint64_t entry)
{
	/* A drop by another dp may come between, but not for ever: an entry
	 * is dropped once. */
	for (;;) {
		int err = idtable_set(&steer->exceptions, key, entry);

		if (err != -ENOENT)
			return err;
		err = idtable_add(&steer->exceptions, key, entry);
		if (err != -EEXIST)
			return err;
	}
}

static uint64_t entry_make(uint8_t dp, uint64_t number)
{
	return (number & ENTRY_NUMBER_MAX) << ENTRY_NUMBER | (dp + 1u);
}

int steer_claim(struct steer *steer, uint64_t key, uint16_t local_port,
		uint8_t dp, uint64_t number, uint64_t *entry)
{
	if (home_of(steer, key) == dp &&
	    listening(steer, local_port) & bit_of(dp)) {
		uint64_t old = idtable_get(&steer->exceptions, key);

		*entry = 0;
		if (old)
			idtable_drop(&steer->exceptions, key, old);
		return 0;
	}
	*entry = entry_make(dp, number);
	return put(steer, key, *entry);
}

int steer_part(struct steer *steer, uint64_t key, uint8_t dp, uint64_t number,
	       uint64_t *entry)
{
	*entry = entry_make(dp, number) | ENTRY_TRANSIT;
	return put(steer, key, *entry);
}

void steer_release(struct steer *steer, uint64_t key, uint64_t entry)
{
	if (entry)
		idtable_drop(&steer->exceptions, key, entry);
}

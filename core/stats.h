/* stats.h - counters of a shard, written by it, read by the control thread. */
#pragma once

#include "core/base.h"

#include <stdatomic.h>

/* X(name, help): names are for ever, they are in the control protocol. */
#define STATS(X)                                                             \
	X(links_accepted, "client links that were accepted")                 \
	X(links_refused, "client links refused with an error code")          \
	X(link_errors, "client links that broke off or were malformed")      \
	X(keys_starved, "client links refused because no key was ready")     \
	X(tickets_wrong, "links with a wrong or expired ticket")             \
	X(tickets_replayed, "links whose ticket ciphertext was seen before") \
	X(messages_in, "messages read from clients")                         \
	X(messages_out, "messages queued for clients")                       \
	X(bytes_in, "bytes read from clients")                               \
	X(bytes_out, "bytes queued for clients")                             \
	X(protocol_errors, "sessions closed for a malformed message")        \
	X(stale_handles, "look-ups by a handle that had died")               \
	X(stale_epochs, "orders dropped because of an older epoch")          \
	X(ring_full, "messages to a shard refused by a full ring")           \
	X(chunks_short, "bytes refused because no chunk was free")           \
	X(moves_started, "moves that were started")                          \
	X(moves_seamless, "moves completed in seamless mode")                \
	X(moves_semi_seamless, "moves completed in semi-seamless mode")      \
	X(moves_switch_host, "moves completed by switch-host")               \
	X(moves_failed, "moves that failed, the session stayed or closed")   \
	X(moves_cancelled, "moves that an operator cancelled")               \
	X(flush_marks, "flush marks received")                               \
	X(tokens, "tokens received: channels that have switched")            \
	X(tokens_bad, "tokens that named no image or failed their check")    \
	X(images_sealed, "images written and published")                     \
	X(images_bad, "images that failed their validation")                 \
	X(passes, "passes of the loop")                                      \
	X(passes_idle, "passes that found nothing to do")                    \
	X(events, "dataplane events handled")                                \
	X(peers_dropped, "peer connections ended for what the peer did")

enum stat_id {
#define STATS_ID(name, help) STAT_##name,
	STATS(STATS_ID)
#undef STATS_ID
		STAT_COUNT
};

struct stats {
	_Atomic uint64_t value[STAT_COUNT];
};

/* Adds the counters of one shard to a sum. Whoever owns the sum. */
void stats_sum(struct stats *to, const struct stats *from);

/* One counter. Any thread. */
uint64_t stats_get(const struct stats *stats, enum stat_id id);

/* The counter's name and what it counts; NULL when there is no such id. */
const char *stats_name(enum stat_id id);
const char *stats_help(enum stat_id id);

/*
 * Counts n more of id. Only the owning shard writes, so a load and a store
 * do: others read whole words, and no locked instruction is paid for.
 */
static inline void stats_add(struct stats *stats, enum stat_id id, uint64_t n)
{
	_Atomic uint64_t *value = &stats->value[id];

	atomic_store_explicit(
		value, atomic_load_explicit(value, memory_order_relaxed) + n,
		memory_order_relaxed);
}

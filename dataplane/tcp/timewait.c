/* timewait.c - connections that are over, and remembered for two lifetimes. */
#include "dataplane/tcp/timewait.h"

#include <errno.h>
#include <string.h>

int tcp_time_waits_init(struct tcp_time_waits *waits, struct arena *arena,
			uint32_t capacity)
{
	*waits = (struct tcp_time_waits){
		.capacity = capacity,
		.records = arena_take(
			arena, sizeof(struct tcp_time_wait) * (size_t)capacity,
			CACHE_LINE_BYTES),
	};
	return waits->records ? 0 : -ENOMEM;
}

struct tcp_time_wait *tcp_time_wait_first(const struct tcp_time_waits *waits)
{
	return waits->first ? &waits->records[waits->first - 1] : NULL;
}

static uint32_t name_of(const struct tcp_time_waits *waits,
			const struct tcp_time_wait *wait)
{
	return (uint32_t)(wait - waits->records) + 1;
}

static void list_last(struct tcp_time_waits *waits, struct tcp_time_wait *wait)
{
	wait->next = 0;
	wait->prev = waits->last;
	if (waits->last)
		waits->records[waits->last - 1].next = name_of(waits, wait);
	else
		waits->first = name_of(waits, wait);
	waits->last = name_of(waits, wait);
}

static void list_remove(struct tcp_time_waits *waits,
			struct tcp_time_wait *wait)
{
	if (wait->prev)
		waits->records[wait->prev - 1].next = wait->next;
	else
		waits->first = wait->next;
	if (wait->next)
		waits->records[wait->next - 1].prev = wait->prev;
	else
		waits->last = wait->prev;
}

struct tcp_time_wait *tcp_time_wait_take(struct tcp_time_waits *waits)
{
	struct tcp_time_wait *wait;

	ASSERT(waits->used < waits->capacity, "the caller made room");
	if (waits->free) {
		wait = &waits->records[waits->free - 1];
		waits->free = wait->next;
	} else {
		wait = &waits->records[waits->fresh++];
	}
	*wait = (struct tcp_time_wait){.taken = true};
	waits->used++;
	list_last(waits, wait);
	return wait;
}

void tcp_time_wait_restart(struct tcp_time_waits *waits,
			   struct tcp_time_wait *wait)
{
	list_remove(waits, wait);
	list_last(waits, wait);
}

void tcp_time_wait_give(struct tcp_time_waits *waits,
			struct tcp_time_wait *wait)
{
	list_remove(waits, wait);
	*wait = (struct tcp_time_wait){.next = waits->free};
	waits->free = name_of(waits, wait);
	waits->used--;
}

bool tcp_time_waits_check(const struct tcp_time_waits *waits)
{
	uint32_t prev = 0;
	uint32_t count = 0;

	for (uint32_t i = waits->first; i; i = waits->records[i - 1].next) {
		const struct tcp_time_wait *wait = &waits->records[i - 1];

		if (i > waits->fresh || ++count > waits->used || !wait->taken ||
		    wait->prev != prev)
			return false;
		if (prev &&
		    seq_before(wait->until, waits->records[prev - 1].until))
			return false;
		prev = i;
	}
	return prev == waits->last && count == waits->used &&
	       waits->fresh <= waits->capacity;
}

/* memory.c - memory or an abort: a simulator has no other answer. */
#include "dataplane/sim/internal.h"

#include <stdlib.h>

void *sim_take(size_t count, size_t size_bytes)
{
	void *memory = calloc(count ? count : 1, size_bytes);

	ASSERT(memory, "the simulator has the memory it needs");
	return memory;
}

void *sim_list_add(struct sim_list *list, size_t size_bytes)
{
	if (list->count == list->room) {
		list->room = list->room ? list->room * 2 : 16;
		list->items = realloc(list->items, list->room * size_bytes);
		ASSERT(list->items, "the simulator has the memory it needs");
	}
	memset((uint8_t *)list->items + list->count * size_bytes, 0,
	       size_bytes);
	return (uint8_t *)list->items + list->count++ * size_bytes;
}

void sim_list_fini(struct sim_list *list)
{
	free(list->items);
	*list = (struct sim_list){0};
}

/* FNV-1a, eight bytes at a time: cheap, and only ever compared with itself. */
uint64_t sim_hash(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	while (len > 0) {
		size_t take = len < sizeof(uint64_t) ? len : sizeof(uint64_t);
		uint64_t word = 0;

		memcpy(&word, bytes, take);
		hash = (hash ^ word) * 0x100000001b3u;
		hash ^= hash >> 29;
		bytes += take;
		len -= take;
	}
	return hash;
}

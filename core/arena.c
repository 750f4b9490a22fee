/* arena.c - memory of a shard, reserved once at start, handed out by a bump. */
#include "core/arena.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

int arena_init(struct arena *arena, size_t size_bytes)
{
	/*
	 * Nothing is touched or committed here: the kernel gives zeroed pages
	 * on first use, so an arena that is sized for the worst case costs
	 * what is used of it.
	 */
	void *base = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED)
		return -ENOMEM;
	/*
	 * Debian gives huge pages to everybody: the first byte of each part
	 * would then cost 2 MiB to clear and to keep, in an arena that is
	 * mostly empty. A kernel without them refuses this, which is as good.
	 */
	madvise(base, size_bytes, MADV_NOHUGEPAGE);
	*arena = (struct arena){
		.base = base,
		.size_bytes = size_bytes,
	};
	return 0;
}

void arena_fini(struct arena *arena)
{
	if (arena->base)
		munmap(arena->base, arena->size_bytes);
	memset(arena, 0, sizeof(*arena));
}

void *arena_take(struct arena *arena, size_t size_bytes, size_t align)
{
	size_t start;

	ASSERT(align && !(align & (align - 1)), "alignment: a power of two");
	/* The base is aligned to a page, so offsets carry the alignment. */
	ASSERT(align <= 4096, "an arena is aligned to a page, not more");
	start = (arena->used_bytes + align - 1) & ~(align - 1);
	if (start > arena->size_bytes || size_bytes > arena->size_bytes - start)
		return NULL;
	arena->used_bytes = start + size_bytes;
	return arena->base + start;
}

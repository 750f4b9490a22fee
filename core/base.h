/* base.h - the few helpers every file may use. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define CACHE_LINE_BYTES 64

#define NS_PER_US ((uint64_t)1000)
#define NS_PER_MS ((uint64_t)1000000)
#define NS_PER_S  ((uint64_t)1000000000)

/* Deadline that never comes. */
#define NS_NEVER UINT64_MAX

/*
 * Prints where and why, then aborts. For what our own code got wrong; input
 * from the network, config, shared memory or a peer is validated instead.
 */
_Noreturn void assert_failed(const char *file, int line, const char *why);

#define ASSERT(cond, why)                                       \
	do {                                                    \
		if (UNLIKELY(!(cond)))                          \
			assert_failed(__FILE__, __LINE__, why); \
	} while (0)

/* As ASSERT, on hot paths: compiled in for debug builds only. */
#ifdef NDEBUG
#define DEBUG_ASSERT(cond, why) ((void)sizeof(cond))
#else
#define DEBUG_ASSERT(cond, why) ASSERT(cond, why)
#endif

static inline uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

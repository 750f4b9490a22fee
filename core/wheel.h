/* wheel.h - a hierarchical timer wheel of 32-bit timer indices. */
#pragma once

#include "core/arena.h"

/*
 * Timers are small integers that their owner numbers: the wheel keeps one
 * record for each, says which index fired, and knows nothing else. Re-arming
 * to a later time is lazy: the timer moves when its old slot comes up.
 */
#define WHEEL_TICK_NS (NS_PER_MS)
#define WHEEL_LEVELS  4
#define WHEEL_SLOTS   256

struct wheel_timer {
	uint64_t deadline_ns; /* while it is armed */
	uint32_t next;        /* index + 1 in its slot's list, 0 ends it */
	uint32_t prev;
	uint32_t slot; /* where it is listed, + 1; 0: not armed */
	uint32_t reserved;
};

struct wheel {
	struct wheel_timer *timers;
	uint32_t capacity;
	uint32_t armed;
	uint64_t tick; /* the first tick not yet handled */
	uint32_t slots[WHEEL_LEVELS][WHEEL_SLOTS]; /* first timer + 1 */
	uint64_t occupied[WHEEL_LEVELS][WHEEL_SLOTS / 64];
};

/* Takes room for capacity timers. now_ns starts the wheel. 0 or -ENOMEM. */
int wheel_init(struct wheel *wheel, struct arena *arena, uint32_t capacity,
	       uint64_t now_ns);

/*
 * Arms or re-arms timer index; it fires at the first tick >= deadline_ns that
 * wheel_advance has not handled yet. NS_NEVER disarms.
 */
void wheel_arm(struct wheel *wheel, uint32_t index, uint64_t deadline_ns);

/* Disarms; a timer not armed is left as it is. */
void wheel_disarm(struct wheel *wheel, uint32_t index);

/*
 * Takes up to max indices that are due at now_ns, disarmed. Returns how many:
 * when it is max, call again.
 */
uint32_t wheel_advance(struct wheel *wheel, uint64_t now_ns, uint32_t *due,
		       uint32_t max);

/*
 * When wheel_advance has something to do next, not later than the tick at
 * which a timer fires; NS_NEVER when nothing is armed.
 */
uint64_t wheel_next(const struct wheel *wheel);

/* Validates lists and counts. */
bool wheel_check(const struct wheel *wheel);

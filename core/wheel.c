/* wheel.c - a hierarchical timer wheel of 32-bit timer indices.
 *
 * A timer's level is the highest byte in which its tick differs from the
 * current one, its slot the value of that byte. So all of a level's slots lie
 * ahead of the current one, and whatever a lower level holds is due before
 * anything of a higher level. Slot 0 of the top level, which this rule leaves
 * empty, holds what is further away than the levels reach. The slots of a tick
 * are opened when the wheel enters it.
 */
#include "core/wheel.h"

#include <errno.h>
#include <string.h>

#define SLOT_BITS 8
#define SLOT_MASK ((uint32_t)WHEEL_SLOTS - 1)
#define TICK_NONE UINT64_MAX

static uint64_t deadline_tick(uint64_t deadline_ns)
{
	return deadline_ns / WHEEL_TICK_NS + (deadline_ns % WHEEL_TICK_NS != 0);
}

static uint32_t slot_at(uint64_t tick, uint32_t level)
{
	return (uint32_t)(tick >> (level * SLOT_BITS)) & SLOT_MASK;
}

static void list_insert(struct wheel *wheel, uint32_t index, uint32_t level,
			uint32_t slot)
{
	struct wheel_timer *timer = &wheel->timers[index];
	uint32_t first = wheel->slots[level][slot];

	timer->prev = 0;
	timer->next = first;
	timer->slot = level * WHEEL_SLOTS + slot + 1;
	if (first)
		wheel->timers[first - 1].prev = index + 1;
	wheel->slots[level][slot] = index + 1;
	wheel->occupied[level][slot / 64] |= (uint64_t)1 << slot % 64;
}

static void list_remove(struct wheel *wheel, uint32_t index)
{
	struct wheel_timer *timer = &wheel->timers[index];
	uint32_t level = (timer->slot - 1) / WHEEL_SLOTS;
	uint32_t slot = (timer->slot - 1) % WHEEL_SLOTS;

	if (timer->next)
		wheel->timers[timer->next - 1].prev = timer->prev;
	if (timer->prev)
		wheel->timers[timer->prev - 1].next = timer->next;
	else
		wheel->slots[level][slot] = timer->next;
	if (!wheel->slots[level][slot])
		wheel->occupied[level][slot / 64] &=
			~((uint64_t)1 << slot % 64);
	timer->slot = 0;
}

/* Lists a timer by its deadline as seen from the current tick. */
static void timer_place(struct wheel *wheel, uint32_t index)
{
	uint64_t tick = max_u64(deadline_tick(wheel->timers[index].deadline_ns),
				wheel->tick);
	uint64_t differ = tick ^ wheel->tick;
	uint32_t level = 0;

	if (differ >> (WHEEL_LEVELS * SLOT_BITS)) {
		list_insert(wheel, index, WHEEL_LEVELS - 1, 0);
		return;
	}
	while (differ >> ((level + 1) * SLOT_BITS))
		level++;
	list_insert(wheel, index, level, slot_at(tick, level));
}

/* Places anew all timers of a slot that the wheel has come to. */
static void slot_open(struct wheel *wheel, uint32_t level, uint32_t slot)
{
	uint32_t index = wheel->slots[level][slot];

	/* Unlisted as a whole first: some may come back to this very slot. */
	wheel->slots[level][slot] = 0;
	wheel->occupied[level][slot / 64] &= ~((uint64_t)1 << slot % 64);
	while (index) {
		uint32_t next = wheel->timers[index - 1].next;

		timer_place(wheel, index - 1);
		index = next;
	}
}

static void tick_enter(struct wheel *wheel, uint64_t tick)
{
	uint32_t level = 0;

	wheel->tick = tick;
	/* From the top down: what a slot held may go into the one below. */
	while (level < WHEEL_LEVELS - 1 && !slot_at(tick, level))
		level++;
	for (; level > 0; level--)
		slot_open(wheel, level, slot_at(tick, level));
}

/* The first occupied slot of a level at or behind start; WHEEL_SLOTS: none. */
static uint32_t slot_find(const struct wheel *wheel, uint32_t level,
			  uint32_t start)
{
	uint64_t word;

	if (start >= WHEEL_SLOTS)
		return WHEEL_SLOTS;
	word = wheel->occupied[level][start / 64] & ~(uint64_t)0 << start % 64;
	for (uint32_t i = start / 64;;) {
		if (word)
			return i * 64 + (uint32_t)__builtin_ctzll(word);
		if (++i == WHEEL_SLOTS / 64)
			return WHEEL_SLOTS;
		word = wheel->occupied[level][i];
	}
}

/* The next tick behind the current one with a slot to open or to empty. */
static uint64_t tick_following(const struct wheel *wheel)
{
	uint64_t reach = (uint64_t)1 << (WHEEL_LEVELS * SLOT_BITS);

	for (uint32_t level = 0; level < WHEEL_LEVELS; level++) {
		uint32_t shift = level * SLOT_BITS;
		uint32_t slot = slot_find(wheel, level,
					  slot_at(wheel->tick, level) + 1);

		if (slot < WHEEL_SLOTS)
			return (((wheel->tick >> shift) &
				 ~(uint64_t)SLOT_MASK) |
				slot)
			       << shift;
	}
	if (wheel->slots[WHEEL_LEVELS - 1][0])
		return (wheel->tick & ~(reach - 1)) + reach;
	return TICK_NONE;
}

int wheel_init(struct wheel *wheel, struct arena *arena, uint32_t capacity,
	       uint64_t now_ns)
{
	ASSERT(capacity < UINT32_MAX, "an index and one fit 32 bits");
	memset(wheel, 0, sizeof(*wheel));
	wheel->timers =
		arena_take(arena, sizeof(struct wheel_timer) * (size_t)capacity,
			   _Alignof(struct wheel_timer));
	wheel->capacity = capacity;
	wheel->tick = now_ns / WHEEL_TICK_NS;
	return wheel->timers ? 0 : -ENOMEM;
}

void wheel_arm(struct wheel *wheel, uint32_t index, uint64_t deadline_ns)
{
	struct wheel_timer *timer = &wheel->timers[index];
	bool later;

	ASSERT(index < wheel->capacity, "timers are numbered below capacity");
	if (deadline_ns == NS_NEVER) {
		wheel_disarm(wheel, index);
		return;
	}
	later = timer->slot && deadline_ns >= timer->deadline_ns;
	timer->deadline_ns = deadline_ns;
	/* It is listed at a time before this one and will be looked at then. */
	if (later)
		return;
	if (timer->slot)
		list_remove(wheel, index);
	else
		wheel->armed++;
	timer_place(wheel, index);
}

void wheel_disarm(struct wheel *wheel, uint32_t index)
{
	ASSERT(index < wheel->capacity, "timers are numbered below capacity");
	if (!wheel->timers[index].slot)
		return;
	list_remove(wheel, index);
	wheel->armed--;
}

/* Empties the slot of the current tick into due, as far as max allows. */
static uint32_t tick_take(struct wheel *wheel, uint32_t *due, uint32_t max)
{
	uint32_t slot = slot_at(wheel->tick, 0);
	uint32_t count = 0;

	while (wheel->slots[0][slot] && count < max) {
		uint32_t index = wheel->slots[0][slot] - 1;

		list_remove(wheel, index);
		if (deadline_tick(wheel->timers[index].deadline_ns) >
		    wheel->tick) {
			timer_place(wheel, index);
			continue;
		}
		wheel->armed--;
		due[count++] = index;
	}
	return count;
}

uint32_t wheel_advance(struct wheel *wheel, uint64_t now_ns, uint32_t *due,
		       uint32_t max)
{
	uint64_t target = now_ns / WHEEL_TICK_NS;
	uint32_t count = 0;

	while (wheel->tick <= target) {
		count += tick_take(wheel, due + count, max - count);
		if (wheel->slots[0][slot_at(wheel->tick, 0)])
			break;
		tick_enter(wheel, min_u64(tick_following(wheel), target + 1));
	}
	return count;
}

uint64_t wheel_next(const struct wheel *wheel)
{
	uint64_t tick = wheel->tick;

	if (!wheel->slots[0][slot_at(tick, 0)])
		tick = tick_following(wheel);
	/* The last tick before the end of time is as good as never. */
	if (tick > NS_NEVER / WHEEL_TICK_NS)
		return NS_NEVER;
	return tick * WHEEL_TICK_NS;
}

/* Validates one slot's list; returns its length, UINT32_MAX when broken. */
static uint32_t slot_check(const struct wheel *wheel, uint32_t level,
			   uint32_t slot)
{
	uint32_t prev = 0;
	uint32_t count = 0;

	for (uint32_t i = wheel->slots[level][slot]; i;) {
		const struct wheel_timer *timer = &wheel->timers[i - 1];

		if (i > wheel->capacity || ++count > wheel->armed ||
		    timer->prev != prev ||
		    timer->slot != level * WHEEL_SLOTS + slot + 1)
			return UINT32_MAX;
		prev = i;
		i = timer->next;
	}
	if ((count != 0) !=
	    (wheel->occupied[level][slot / 64] >> slot % 64 & 1))
		return UINT32_MAX;
	return count;
}

bool wheel_check(const struct wheel *wheel)
{
	uint32_t listed = 0;
	uint32_t armed = 0;

	for (uint32_t level = 0; level < WHEEL_LEVELS; level++) {
		for (uint32_t slot = 0; slot < WHEEL_SLOTS; slot++) {
			uint32_t count = slot_check(wheel, level, slot);
			bool behind =
				slot < slot_at(wheel->tick, level) ||
				(level && slot == slot_at(wheel->tick, level));
			bool beyond = level == WHEEL_LEVELS - 1 && !slot;

			if (count == UINT32_MAX || (count && behind && !beyond))
				return false;
			listed += count;
		}
	}
	for (uint32_t i = 0; i < wheel->capacity; i++)
		armed += wheel->timers[i].slot != 0;
	return listed == wheel->armed && armed == wheel->armed;
}

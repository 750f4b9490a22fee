/* ops.c - names of states, modes and results, the same everywhere. */
#include "core/ops.h"

#include <errno.h>
#include <string.h>

static const char *name_of(const char *const *names, uint32_t count,
			   uint32_t value)
{
	return value < count ? names[value] : "unknown";
}

const char *move_state_name(enum move_state state)
{
	static const char *const names[] = {
		[MOVE_LIVE] = "live",           [MOVE_OFFERED] = "offered",
		[MOVE_READY] = "ready",         [MOVE_FREEZING] = "freezing",
		[MOVE_SEALED] = "sealed",       [MOVE_STREAMED] = "streamed",
		[MOVE_COMMITTED] = "committed", [MOVE_RELEASED] = "released",
		[MOVE_IN_DOUBT] = "in-doubt",
	};

	return name_of(names, ARRAY_LEN(names), state);
}

const char *move_mode_name(enum move_mode mode)
{
	static const char *const names[] = {
		[MODE_ANY] = "any",
		[MODE_SEAMLESS] = "seamless",
		[MODE_SEMI_SEAMLESS] = "semi-seamless",
		[MODE_SWITCH_HOST] = "switch-host",
		[MODE_NONE] = "none",
	};

	return name_of(names, ARRAY_LEN(names), mode);
}

int move_mode_find(const char *name)
{
	if (!name)
		return MODE_ANY;
	for (int mode = MODE_ANY; mode < MODE_NONE; mode++) {
		if (!strcmp(name, move_mode_name((enum move_mode)mode)))
			return mode;
	}
	return -EINVAL;
}

const char *move_result_name(enum move_result result)
{
	static const char *const names[] = {
		[MOVE_OK] = "moved",
		[MOVE_FAILED] = "failed",
		[MOVE_CANCELLED] = "cancelled",
		[MOVE_CLOSED] = "closed",
	};

	return name_of(names, ARRAY_LEN(names), result);
}

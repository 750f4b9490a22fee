/* plant.c - the names of the faults that can be planted. */
#include "core/plant.h"

static const char *const names[PLANT_COUNT] = {
#define PLANTS_NAME(name, what) [PLANT_##name] = #name,
	PLANTS(PLANTS_NAME)
#undef PLANTS_NAME
};

const char *plant_name(enum plant plant)
{
	return plant < PLANT_COUNT ? names[plant] : NULL;
}

/* A configuration may write '-', as it does in other names. */
static bool is_named(const char *text, const char *name)
{
	for (; *text && *name; text++, name++) {
		if ((*text == '-' ? '_' : *text) != *name)
			return false;
	}
	return !*text && !*name;
}

bool plant_spoils(enum plant plant)
{
	return plant == PLANT_drop || plant == PLANT_dup ||
	       plant == PLANT_reorder || plant == PLANT_cross;
}

enum plant plant_find(const char *name)
{
	for (int i = PLANT_none + 1; i < PLANT_COUNT; i++) {
		if (is_named(name, names[i]))
			return (enum plant)i;
	}
	return PLANT_none;
}

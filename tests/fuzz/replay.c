/* replay.c - runs a fuzz target over its corpus where there is no libFuzzer:
 * each file as it is, cut, and spoilt in ways that a fixed seed decides.
 *
 *   replay_NAME DIRECTORY...
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_BYTES_MAX ((size_t)1 << 20)
#define SPOILT_COUNT    200 /* copies of each file */

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* In a block of its own length, so that ASan sees a read beyond. */
static void run(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	ASSERT(copy != NULL, "there is memory");
	memcpy(copy, bytes, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static void run_spoilt(uint8_t *bytes, size_t len, uint64_t *seed)
{
	uint8_t *copy = malloc(len);

	ASSERT(copy != NULL, "there is memory");
	for (unsigned i = 0; i < SPOILT_COUNT; i++) {
		unsigned spots = 1 + (unsigned)next_random(seed) % 4;
		size_t cut = len;

		memcpy(copy, bytes, len);
		for (unsigned j = 0; j < spots; j++) {
			uint64_t how = next_random(seed);
			size_t at = next_random(seed) % len;

			if (how % 4 == 0)
				copy[at] ^= (uint8_t)(1u << (how / 4 % 8));
			else if (how % 4 == 1)
				copy[at] = how & 16 ? 0xff : 0;
			else if (how % 4 == 2)
				copy[at] = (uint8_t)(how >> 8);
			else
				copy[at] = copy[next_random(seed) % len];
		}
		if (next_random(seed) % 4 == 0)
			cut = next_random(seed) % len;
		run(copy, cut);
	}
	free(copy);
}

static int run_file(const char *path, uint8_t *room, uint64_t *seed)
{
	FILE *file = fopen(path, "rb");
	size_t len;

	if (file == NULL) {
		perror(path);
		return -1;
	}
	len = fread(room, 1, INPUT_BYTES_MAX, file);
	fclose(file);
	run(room, len);
	if (len > 0)
		run_spoilt(room, len, seed);
	return 0;
}

/* Returns the number of files, or -1. */
static int run_directory(const char *path, uint8_t *room, uint64_t *seed)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);
	int files = 0;

	if (count < 0) {
		perror(path);
		return -1;
	}
	for (int i = 0; i < count; i++) {
		char name[4096];

		if (files >= 0 && entries[i]->d_name[0] != '.') {
			snprintf(name, sizeof(name), "%s/%s", path,
				 entries[i]->d_name);
			files = run_file(name, room, seed) < 0 ? -1 : files + 1;
		}
		free(entries[i]);
	}
	free(entries);
	return files;
}

int main(int argc, char **argv)
{
	uint8_t *room = malloc(INPUT_BYTES_MAX);
	uint64_t seed = 1;
	int total = 0;

	if (room == NULL)
		return 1;
	for (int i = 1; i < argc; i++) {
		int files = run_directory(argv[i], room, &seed);

		if (files < 0)
			return 1;
		total += files;
	}
	free(room);
	printf("%d files, %d spoilt copies of each\n", total, SPOILT_COUNT);
	return total > 0 ? 0 : 1; /* nothing run is nothing shown */
}

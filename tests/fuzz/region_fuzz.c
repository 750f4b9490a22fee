/* region_fuzz.c - a region whose every byte another process chose. */
#include "core/region.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_BYTES 65536
#define CLAIMS_MAX     64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t to[4096];
	struct region region;
	uint8_t *base;

	if (size == 0 || size > SIZE_MAX_BYTES)
		return 0;
	base = aligned_alloc(CACHE_LINE_BYTES,
			     (size + CACHE_LINE_BYTES - 1) &
				     ~(size_t)(CACHE_LINE_BYTES - 1));
	FUZZ_ASSERT(base != NULL, "there is memory");
	memcpy(base, data, size);
	if (region_open(&region, base, size) == 0) {
		FUZZ_ASSERT(region_size(region.slot_count, region.slot_bytes) <=
				    size,
			    "all slots lie inside");
		for (uint32_t i = 0; i < CLAIMS_MAX; i++) {
			int64_t len = region_claim(&region, i, data[size - 1],
						   to, sizeof(to));

			FUZZ_ASSERT(len <= (int64_t)sizeof(to) &&
					    len <= (int64_t)region.slot_bytes,
				    "no image is longer than its slot");
		}
	}
	free(base);
	return 0;
}

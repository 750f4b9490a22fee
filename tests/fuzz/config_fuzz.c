/* config_fuzz.c - configuration texts: refused with one line, or sound. */
#include "core/config.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[CONFIG_ERROR_MAX] = "";
	struct config config;
	int err;

	if (size > 65536)
		return 0;
	err = config_parse_text(&config, "f", (const char *)data, size,
				"/run/x", error, sizeof(error));
	if (err < 0) {
		FUZZ_ASSERT(err == -EINVAL, "only its content is refused");
		FUZZ_ASSERT(strncmp(error, "f:", 2) == 0, "the file is named");
		FUZZ_ASSERT(strlen(error) < sizeof(error) - 1,
			    "the error is not cut");
		return 0;
	}
	FUZZ_ASSERT(config_check(&config, error, sizeof(error)) == 0,
		    "what was read passes the check");
	FUZZ_ASSERT(config.door_count >= 1, "there is a door");
	FUZZ_ASSERT(config.pool.shards >= 1, "there is a shard");
	FUZZ_ASSERT(config.name[0] != 0, "the daemon has a name");
	for (uint32_t i = 0; i < config.door_count; i++)
		FUZZ_ASSERT(addr_is_local(&config.doors[i].listen),
			    "doors are local");
	return 0;
}

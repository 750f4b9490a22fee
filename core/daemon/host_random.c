/* host_random.c - bytes that nobody can foretell, from the system. */
#include "core/daemon/internal.h"

#include <errno.h>
#include <sys/random.h>

void host_random(void *bytes, size_t len)
{
	uint8_t *at = bytes;

	while (len) {
		ssize_t got = getrandom(at, len, 0);

		if (got < 0 && errno == EINTR)
			continue;
		ASSERT(got > 0, "the system's random generator answers");
		at += got;
		len -= (size_t)got;
	}
}

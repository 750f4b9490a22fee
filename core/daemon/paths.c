/* paths.c - where sockets are when nobody says where. */
#include "core/daemon/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int daemon_runtime_dir(char *path, size_t cap)
{
	const char *own = getenv("XDG_RUNTIME_DIR");
	int len;

	if (geteuid() == 0)
		len = snprintf(path, cap, CONFIG_RUNTIME_DIR);
	else if (own && own[0] == '/')
		len = snprintf(path, cap, "%s/flushmark", own);
	else
		len = snprintf(path, cap, "/tmp/flushmark-%u",
			       (unsigned)geteuid());
	return len < 0 || (size_t)len >= cap ? -ENAMETOOLONG : 0;
}

/* config_file.c - a configuration from a file. */
#include "core/daemon/config_file.h"
#include "core/config_schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads at most cap bytes. Returns the length or -errno. */
static int64_t read_file(const char *path, char *to, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got = 1;

	if (fd < 0)
		return -errno;
	while (len < cap && got > 0) {
		got = read(fd, to + len, cap - len);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got > 0)
			len += (size_t)got;
	}
	if (got < 0)
		got = -errno;
	close(fd);
	return got < 0 ? got : (int64_t)len;
}

int config_file_load(struct config *config, const char *path,
		     const char *runtime_dir_default, char *error,
		     size_t error_cap)
{
	char *text = malloc(CONFIG_FILE_BYTES_MAX + 1);
	int64_t len;
	int err;

	if (text == NULL) {
		config_refuse(error, error_cap, "%.160s: no memory to read it",
			      path);
		return -ENOMEM;
	}
	len = read_file(path, text, CONFIG_FILE_BYTES_MAX + 1);
	if (len < 0) {
		err = (int)len;
		config_refuse(error, error_cap, "%.160s: %s", path,
			      strerror(-err));
	} else if ((size_t)len > CONFIG_FILE_BYTES_MAX) {
		err = config_refuse(error, error_cap,
				    "%.160s: expected at most %zu bytes", path,
				    CONFIG_FILE_BYTES_MAX);
	} else {
		err = config_parse_text(config, path, text, (size_t)len,
					runtime_dir_default, error, error_cap);
	}
	free(text);
	return err;
}

/* config_load.c - a configuration from a file or a text. */
#include "core/config.h"
#include "core/config_schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A section that lacks what it is there for. */
static int check_complete(const struct config *config, const char *file,
			  char *error, size_t error_cap)
{
	for (uint32_t i = 0; i < config->door_count; i++) {
		const struct config_door *door = &config->doors[i];

		if (door->listen.family == ADDR_NONE)
			return config_refuse(
				error, error_cap,
				"%.160s:%u: [door %s]: expected a key "
				"'listen'",
				file, door->line, door->name);
	}
	for (uint32_t i = 0; i < config->peer_count; i++) {
		const struct config_peer *peer = &config->peers[i];

		if (peer->address.family == ADDR_NONE)
			return config_refuse(
				error, error_cap,
				"%.160s:%u: [peer %s]: expected a key "
				"'address'",
				file, peer->line, peer->name);
	}
	return 0;
}

int config_parse_text(struct config *config, const char *file, const char *text,
		      size_t len, const char *runtime_dir_default, char *error,
		      size_t error_cap)
{
	char why[CONFIG_ERROR_MAX];
	int err;

	config_set_defaults(config);
	err = config_read_text(config, file, text, len, error, error_cap);
	if (err < 0)
		return err;
	err = check_complete(config, file, error, error_cap);
	if (err < 0)
		return err;
	if (config_fill_rest(config, runtime_dir_default) < 0)
		return config_refuse(
			error, error_cap,
			"%.160s: expected a runtime-dir of at most %d bytes",
			file, CONFIG_RUNTIME_DIR_LEN_MAX);
	err = config_check(config, why, sizeof(why));
	if (err < 0)
		config_refuse(error, error_cap, "%.160s: %s", file, why);
	return err;
}

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

int config_load(struct config *config, const char *path,
		const char *runtime_dir_default, char *error, size_t error_cap)
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

/* secret.c - the secret that the Flushmarks of a cluster share. */
#include "core/daemon/daemon.h"
#include "core/daemon/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_DIGITS (2 * SIPHASH_KEY_BYTES)

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* 32 hex digits, and perhaps a line's end. */
static int parse(const char *text, size_t len, uint8_t *secret)
{
	while (len > SECRET_DIGITS &&
	       (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	if (len != SECRET_DIGITS)
		return -EINVAL;
	for (size_t i = 0; i < SIPHASH_KEY_BYTES; i++) {
		int high = digit_of(text[2 * i]);
		int low = digit_of(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		secret[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

/* Whoever can read it can take every guest of the cluster. */
static int check_mode(int fd)
{
	struct stat info;

	if (fstat(fd, &info))
		return -errno;
	if (!S_ISREG(info.st_mode))
		return -EINVAL;
	return info.st_mode & (S_IWGRP | S_IRWXO) ? -EPERM : 0;
}

static int read_secret(const char *path, uint8_t *secret)
{
	char text[SECRET_DIGITS + 8];
	/* A pipe that nobody fills must not keep us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t len;
	int err;

	if (fd < 0)
		return -errno;
	err = check_mode(fd);
	if (!err) {
		len = read(fd, text, sizeof(text));
		err = len < 0 ? -errno : parse(text, (size_t)len, secret);
	}
	close(fd);
	explicit_bzero(text, sizeof(text));
	return err;
}

static int make_secret(const char *path, uint8_t *secret)
{
	char text[SECRET_DIGITS + 2];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int err = 0;

	if (fd < 0)
		return -errno;
	host_random(secret, SIPHASH_KEY_BYTES);
	for (size_t i = 0; i < SIPHASH_KEY_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", secret[i]);
	text[SECRET_DIGITS] = '\n';
	if (write(fd, text, SECRET_DIGITS + 1) != SECRET_DIGITS + 1)
		err = -EIO;
	close(fd);
	explicit_bzero(text, sizeof(text));
	return err;
}

static void say_why(const struct config *config, int err, char *error,
		    size_t cap)
{
	const char *path = config->secret_file;

	if (err == -EINVAL)
		snprintf(error, cap,
			 "secret-file %s: expected a file of %d hex digits",
			 path, SECRET_DIGITS);
	else if (err == -EPERM)
		snprintf(error, cap,
			 "secret-file %s: expected a file that others cannot "
			 "read or write; chmod 600 or 640 it",
			 path);
	else if (err)
		snprintf(error, cap,
			 "secret-file %s: %s; a file of %d hex digits, the "
			 "same at all peers, is expected there",
			 path, strerror(-err), SECRET_DIGITS);
}

int daemon_secret(const struct config *config,
		  uint8_t secret[SIPHASH_KEY_BYTES], char *error, size_t cap)
{
	int err = read_secret(config->secret_file, secret);

	if (err == -ENOENT && !config->secret_given)
		err = make_secret(config->secret_file, secret);
	say_why(config, err, error, cap);
	return err;
}

int daemon_secret_check(const struct config *config, char *error, size_t cap)
{
	uint8_t secret[SIPHASH_KEY_BYTES];
	int err = read_secret(config->secret_file, secret);

	explicit_bzero(secret, sizeof(secret));
	if (err == -ENOENT && !config->secret_given)
		err = 0;
	say_why(config, err, error, cap);
	return err;
}

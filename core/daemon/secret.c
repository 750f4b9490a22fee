/* secret.c - the secret that the Flushmarks of a cluster share. */
#include "core/daemon/daemon.h"
#include "core/daemon/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
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

static int read_secret(const char *path, uint8_t *secret)
{
	char text[SECRET_DIGITS + 8];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;
	int err;

	if (fd < 0)
		return -errno;
	len = read(fd, text, sizeof(text));
	err = len < 0 ? -errno : parse(text, (size_t)len, secret);
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

int daemon_secret(const struct config *config,
		  uint8_t secret[SIPHASH_KEY_BYTES], char *error, size_t cap)
{
	int err = read_secret(config->secret_file, secret);

	if (err == -ENOENT && !config->secret_given)
		err = make_secret(config->secret_file, secret);
	if (err == -EINVAL)
		snprintf(error, cap, "secret-file %s: expected %d hex digits",
			 config->secret_file, SECRET_DIGITS);
	else if (err)
		snprintf(error, cap,
			 "secret-file %s: %s; a file of %d hex digits, the "
			 "same at all peers, is expected there",
			 config->secret_file, strerror(-err), SECRET_DIGITS);
	return err;
}

/* host_linux_test.c - the real host: regions, journal, keys. */
#include "core/daemon/host_linux.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define REGION_BYTES ((size_t)300000)

struct place {
	char dir[64];
	char journal[96];
};

static void make_place(struct place *place)
{
	snprintf(place->dir, sizeof(place->dir), "/tmp/flushmark-host-XXXXXX");
	cr_assert_not_null(mkdtemp(place->dir));
	snprintf(place->journal, sizeof(place->journal), "%s/journal",
		 place->dir);
}

static void drop_place(const struct place *place)
{
	unlink(place->journal);
	cr_expect_eq(rmdir(place->dir), 0, "the host left something behind");
}

static struct host *open_host(const struct place *place, uint32_t keys)
{
	struct host_linux_wish wish = {
		.runtime_dir = place->dir,
		.journal = place->journal,
		.log = LOG_ERROR,
		.keys = keys,
		.key_threads = keys ? 1 : 0,
	};
	struct host *host = NULL;

	cr_assert_eq(host_linux_create(&wish, &host), 0);
	return host;
}

/* The child's side: takes with the ticket, checks and answers by its code. */
static int child_takes(const struct host_region_ticket *ticket)
{
	struct place place;
	struct host *host;
	struct host_region region = {0};
	struct host_region again = {0};
	int err;

	make_place(&place);
	host = open_host(&place, 0);
	err = host_region_take(host, ticket, &region);
	if (err || region.size_bytes < REGION_BYTES || region.owned)
		return 1;
	if (region.base[REGION_BYTES - 1] != 0x5a)
		return 2;
	region.base[7] = 0x77;
	/* A ticket is good once. */
	if (host_region_take(host, ticket, &again) == 0)
		return 3;
	host_region_drop(host, &region);
	host_linux_destroy(host);
	drop_place(&place);
	return 0;
}

Test(host_region, passes_to_another_process, .timeout = 30)
{
	struct place place;
	struct host *host;
	struct host_region region = {0};
	struct host_region_ticket ticket;
	int status;
	pid_t child;

	make_place(&place);
	host = open_host(&place, 0);
	cr_assert_eq(host_region_create(host, REGION_BYTES, &region), 0);
	cr_expect(region.owned);
	for (size_t i = 0; i < REGION_BYTES; i++)
		cr_assert_eq(region.base[i], 0);
	region.base[REGION_BYTES - 1] = 0x5a;
	cr_assert_eq(host_region_give(host, &region, &ticket), 0);
	child = fork();
	if (child == 0)
		_exit(child_takes(&ticket));
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect(WIFEXITED(status));
	cr_expect_eq(WEXITSTATUS(status), 0);
	cr_expect_eq(region.base[7], 0x77, "both see the same memory");
	host_region_drop(host, &region);
	cr_expect_null(region.base);
	host_linux_destroy(host);
	drop_place(&place);
}

Test(host_region, refuses_wrong_tickets, .timeout = 30)
{
	struct place place;
	struct host *host;
	struct host_region region = {0};
	struct host_region taken = {0};
	struct host_region_ticket ticket, wrong;

	make_place(&place);
	host = open_host(&place, 0);
	cr_assert_eq(host_region_create(host, 4096, &region), 0);
	cr_assert_eq(host_region_give(host, &region, &ticket), 0);
	wrong = ticket;
	memset(wrong.secret, 0, sizeof(wrong.secret));
	cr_expect_lt(host_region_take(host, &wrong, &taken), 0);
	wrong = ticket;
	wrong.secret[31] ^= 1;
	cr_expect_lt(host_region_take(host, &wrong, &taken), 0);
	wrong = ticket;
	memset(wrong.path, 'x', sizeof(wrong.path));
	cr_expect_eq(host_region_take(host, &wrong, &taken), -EINVAL);
	wrong = ticket;
	snprintf(wrong.path, sizeof(wrong.path), "%s/nobody", place.dir);
	cr_expect_eq(host_region_take(host, &wrong, &taken), -ENOENT);
	cr_expect_eq(host_region_take(host, &ticket, &taken), 0);
	host_region_drop(host, &taken);
	/* Taken regions cannot be given on. */
	cr_assert_eq(host_region_give(host, &region, &ticket), 0);
	cr_assert_eq(host_region_take(host, &ticket, &taken), 0);
	cr_expect_eq(host_region_give(host, &taken, &wrong), -ENOENT);
	host_linux_destroy(host); /* drops what is left */
	drop_place(&place);
}

/* One that hands out files which could be cut off under the reader. */
static void serve_unsealed(int listener)
{
	int fd = accept(listener, NULL, NULL);
	int file = memfd_create("unsealed", MFD_ALLOW_SEALING);
	char secret[HOST_REGION_TICKET_BYTES];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec bytes = {.iov_base = secret, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	if (ftruncate(file, 4096) || read(fd, secret, sizeof(secret)) < 1)
		_exit(1);
	CMSG_FIRSTHDR(&message)->cmsg_level = SOL_SOCKET;
	CMSG_FIRSTHDR(&message)->cmsg_type = SCM_RIGHTS;
	CMSG_FIRSTHDR(&message)->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &file, sizeof(file));
	_exit(sendmsg(fd, &message, 0) == 1 ? 0 : 1);
}

Test(host_region, refuses_files_that_can_shrink, .timeout = 30)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct host_region_ticket ticket = {0};
	struct host_region taken = {0};
	struct place place;
	struct host *host;
	int status;
	int listener;
	pid_t child;

	make_place(&place);
	host = open_host(&place, 0);
	snprintf(ticket.path, sizeof(ticket.path), "%s/evil", place.dir);
	memcpy(address.sun_path, ticket.path, sizeof(address.sun_path));
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(
		bind(listener, (struct sockaddr *)&address, sizeof(address)),
		0);
	cr_assert_eq(listen(listener, 1), 0);
	child = fork();
	if (child == 0)
		serve_unsealed(listener);
	cr_expect_eq(host_region_take(host, &ticket, &taken), -EBADMSG);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect_eq(status, 0);
	unlink(ticket.path);
	/* It listens, and nobody accepts: that takes a second, no more. */
	close(listener);
	host_linux_destroy(host);
	drop_place(&place);
}

struct seen {
	uint32_t count;
	char text[8][16];
};

static void note(void *arg, const void *record, uint32_t len)
{
	struct seen *seen = arg;

	cr_assert_lt(seen->count, 8);
	cr_assert_lt(len, 16);
	memcpy(seen->text[seen->count], record, len);
	seen->text[seen->count++][len] = '\0';
}

static void add(struct host *host, const char *text)
{
	cr_assert_eq(host_journal_add(host, text, (uint32_t)strlen(text)), 0);
}

Test(host_journal, survives_and_forgets_the_torn)
{
	static const uint32_t cuts[] = {1, 4, 7, 8, 9, 12};
	struct place place;
	struct host *host;

	make_place(&place);
	for (uint32_t i = 0; i < ARRAY_LEN(cuts); i++) {
		struct seen seen = {0};
		struct stat info;

		host = open_host(&place, 0);
		cr_assert_eq(host_linux_journal_clear(host), 0);
		add(host, "one");
		add(host, "second");
		add(host, "torn!");
		cr_assert_eq(host_journal_read(host, note, &seen), 0);
		cr_expect_eq(seen.count, 0, "this life's records are not told");
		host_linux_destroy(host);

		cr_assert_eq(stat(place.journal, &info), 0);
		cr_assert_eq(truncate(place.journal, info.st_size - cuts[i]),
			     0);
		host = open_host(&place, 0);
		cr_assert_eq(host_journal_read(host, note, &seen), 0);
		cr_expect_eq(seen.count, 2, "cut of %u", cuts[i]);
		cr_expect_str_eq(seen.text[0], "one");
		cr_expect_str_eq(seen.text[1], "second");
		add(host, "after");
		host_linux_destroy(host);

		seen.count = 0;
		host = open_host(&place, 0);
		cr_assert_eq(host_journal_read(host, note, &seen), 0);
		cr_expect_eq(seen.count, 3);
		cr_expect_str_eq(seen.text[2], "after");
		host_linux_destroy(host);
	}
	drop_place(&place);
}

#define SLOT 512

static void write_at(const struct place *place, const char *bytes, size_t len,
		     off_t offset)
{
	int fd = open(place->journal, O_WRONLY);

	cr_assert_eq(pwrite(fd, bytes, len, offset), (ssize_t)len);
	close(fd);
}

static size_t read_whole(const struct place *place, char *bytes, size_t cap)
{
	int fd = open(place->journal, O_RDONLY);
	ssize_t len = read(fd, bytes, cap);

	cr_assert_geq(len, 0);
	close(fd);
	return (size_t)len;
}

/* Two records and a hole between them. */
static void make_journal(const struct place *place)
{
	char zeroes[SLOT] = {0};
	struct host *host;

	unlink(place->journal);
	host = open_host(place, 0);
	add(host, "one");
	add(host, "hole");
	add(host, "two");
	host_linux_destroy(host);
	write_at(place, zeroes, sizeof(zeroes), SLOT);
}

/* What no death of ours leaves behind is refused, and left as it is. */
Test(host_journal, refuses_what_is_damaged)
{
	static const struct {
		off_t at;
		const char *bytes;
		size_t len;
		uint64_t damaged; /* the slot's offset */
	} cases[] = {
		{8, "X", 1, 0},
		{5, "X", 1, 0},
		{0, "garbage of another kind", 23, 0},
		{SLOT + 100, "X", 1, SLOT},
		{2 * SLOT + 8 + 2, "X", 1, 2 * SLOT},
		{2 * SLOT, "\x7f", 1, 2 * SLOT}, /* as if it were longer */
		{3 * SLOT, "more of something", 17, 3 * SLOT},
	};
	struct place place;
	struct seen seen = {0};
	struct host *host;

	make_place(&place);
	make_journal(&place);
	host = open_host(&place, 0);
	cr_assert_eq(host_journal_read(host, note, &seen), 0);
	cr_expect_eq(seen.count, 2, "a hole is no damage");
	host_linux_destroy(host);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct host_linux_wish wish = {
			.runtime_dir = place.dir,
			.journal = place.journal,
		};
		char before[4 * SLOT], after[4 * SLOT];
		uint64_t offset = 1;
		size_t len;

		make_journal(&place);
		write_at(&place, cases[i].bytes, cases[i].len, cases[i].at);
		len = read_whole(&place, before, sizeof(before));
		cr_expect_eq(host_linux_journal_check(place.journal, &offset),
			     -EBADMSG, "case %zu", i);
		cr_expect_eq(offset, cases[i].damaged, "case %zu", i);
		cr_expect_eq(host_linux_create(&wish, &host), -EBADMSG);
		cr_expect_eq(read_whole(&place, after, sizeof(after)), len);
		cr_expect_eq(memcmp(before, after, len), 0, "it was touched");
	}
	drop_place(&place);
}

/* A check changes nothing, whoever holds the journal. */
Test(host_journal, is_checked_as_it_is)
{
	struct place place;
	struct stat info;
	uint64_t offset;
	struct host *host;

	make_place(&place);
	cr_expect_eq(host_linux_journal_check(place.journal, &offset), -ENOENT);
	make_journal(&place);
	cr_assert_eq(truncate(place.journal, 2 * SLOT + 9), 0);
	cr_expect_eq(host_linux_journal_check(place.journal, &offset), 0);
	cr_assert_eq(stat(place.journal, &info), 0);
	cr_expect_eq(info.st_size, 2 * SLOT + 9);
	host = open_host(&place, 0);
	write_at(&place, "X", 1, 8);
	cr_expect_eq(host_linux_journal_check(place.journal, &offset), 0,
		     "its daemon knows");
	host_linux_destroy(host);
	drop_place(&place);
}

Test(host_journal, refuses_records_of_no_size)
{
	uint8_t large[8192] = {0};
	struct place place;
	struct host *host;

	make_place(&place);
	host = open_host(&place, 0);
	cr_expect_eq(host_journal_add(host, large, sizeof(large)), -EINVAL);
	cr_expect_eq(host_journal_add(host, large, 0), -EINVAL);
	host_linux_destroy(host);
	drop_place(&place);
}

static uint32_t seal(const uint8_t der[HOST_KEY_DER_BYTES], const char *text,
		     uint8_t cipher[HOST_KEY_CIPHER_BYTES])
{
	const uint8_t *at = der;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, HOST_KEY_DER_BYTES);
	EVP_PKEY_CTX *context;
	size_t len = HOST_KEY_CIPHER_BYTES;

	cr_assert_not_null(key);
	context = EVP_PKEY_CTX_new(key, NULL);
	cr_assert_eq(EVP_PKEY_encrypt_init(context), 1);
	cr_assert_eq(
		EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING),
		1);
	cr_assert_eq(EVP_PKEY_encrypt(context, cipher, &len,
				      (const uint8_t *)text, strlen(text) + 1),
		     1);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
	return (uint32_t)len;
}

static struct host_key *take_key(struct host *host,
				 uint8_t der[HOST_KEY_DER_BYTES])
{
	struct host_key *key = NULL;
	int err = -EAGAIN;

	/* Ten seconds for what takes ten milliseconds. */
	for (uint32_t i = 0; i < 10000 && err == -EAGAIN; i++) {
		err = host_key_take(host, &key, der);
		if (err)
			usleep(1000);
	}
	cr_assert_eq(err, 0);
	return key;
}

Test(host_keys, open_what_their_public_half_sealed, .timeout = 60)
{
	uint8_t der[HOST_KEY_DER_BYTES], other_der[HOST_KEY_DER_BYTES];
	uint8_t cipher[HOST_KEY_CIPHER_BYTES];
	uint8_t plain[HOST_KEY_CIPHER_BYTES];
	struct host_key *key, *other;
	struct place place;
	struct host *host;

	make_place(&place);
	host = open_host(&place, 2);
	key = take_key(host, der);
	other = take_key(host, other_der);
	cr_expect_neq(memcmp(der, other_der, sizeof(der)), 0);
	cr_assert_eq(seal(der, "a ticket", cipher), HOST_KEY_CIPHER_BYTES);
	for (uint32_t i = 0; i < 3; i++) {
		cr_expect_eq(
			host_key_open(host, key, cipher, plain, sizeof(plain)),
			9);
		cr_expect_str_eq((char *)plain, "a ticket");
	}
	cr_expect_eq(host_key_open(host, key, cipher, plain, 8), -EBADMSG);
	cr_expect_eq(host_key_open(host, other, cipher, plain, sizeof(plain)),
		     -EBADMSG);
	cipher[60] ^= 1;
	cr_expect_eq(host_key_open(host, key, cipher, plain, sizeof(plain)),
		     -EBADMSG);
	host_key_give(host, key);
	host_key_give(host, other);
	host_linux_destroy(host);
	drop_place(&place);
}

Test(host_keys, an_empty_pool_says_so)
{
	uint8_t der[HOST_KEY_DER_BYTES];
	struct host_key *key;
	struct place place;
	struct host *host;

	make_place(&place);
	host = open_host(&place, 0);
	cr_expect_eq(host_key_take(host, &key, der), -EAGAIN);
	cr_expect_eq(host_linux_keys_ready(host), 0);
	host_linux_destroy(host);
	drop_place(&place);
}

/* A daemon that says it is ready refuses no client for want of a key. */
Test(host_keys, the_first_are_there_at_once)
{
	struct place place;
	struct host_linux_wish wish = {
		.runtime_dir = place.dir,
		.journal = place.journal,
		.log = LOG_ERROR,
		.keys_first = 2,
		.keys = 2,
	};
	uint8_t der[HOST_KEY_DER_BYTES];
	struct host_key *key[2];
	struct host *host;

	make_place(&place);
	cr_assert_eq(host_linux_create(&wish, &host), 0);
	cr_expect_eq(host_linux_keys_ready(host), 2);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(host_key_take(host, &key[i], der), 0);
		host_key_give(host, key[i]);
	}
	host_linux_destroy(host);
	drop_place(&place);
}

/* host_keys.c - RSA keys for link tickets, made ahead of need. */
#include "core/daemon/internal.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * What the protocol fixes: 1024 bits, e = 65537, whose public half is 162
 * bytes of DER, and OAEP with SHA-1 for the ticket.
 *
 * A shard takes a key by exchanging a slot with NULL and posting the
 * semaphore: it never waits for whoever makes them.
 */
#define KEY_BITS 1024
#define KEY_NICE 10

struct host_key {
	EVP_PKEY *pair;
	EVP_PKEY_CTX *opener;
	uint8_t der[HOST_KEY_DER_BYTES];
};

void host_keys_free(struct host_key *key)
{
	if (!key)
		return;
	EVP_PKEY_CTX_free(key->opener);
	EVP_PKEY_free(key->pair); /* wipes the private numbers */
	OPENSSL_cleanse(key, sizeof(*key));
	free(key);
}

static int write_der(struct host_key *key)
{
	uint8_t *bytes = NULL;
	int len = i2d_PUBKEY(key->pair, &bytes);
	bool good = len == HOST_KEY_DER_BYTES;

	if (good)
		memcpy(key->der, bytes, sizeof(key->der));
	OPENSSL_free(bytes);
	return good ? 0 : -EIO;
}

static struct host_key *make_key(void)
{
	struct host_key *key = calloc(1, sizeof(*key));

	if (!key)
		return NULL;
	key->pair = EVP_RSA_gen(KEY_BITS); /* e is 65537 */
	if (!key->pair || write_der(key))
		goto fail;
	key->opener = EVP_PKEY_CTX_new(key->pair, NULL);
	if (!key->opener || EVP_PKEY_decrypt_init(key->opener) <= 0 ||
	    EVP_PKEY_CTX_set_rsa_padding(key->opener, RSA_PKCS1_OAEP_PADDING) <=
		    0 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md(key->opener, EVP_sha1()) <= 0)
		goto fail;
	return key;
fail:
	ERR_clear_error();
	host_keys_free(key);
	return NULL;
}

static void put_key(struct host_keys *keys, struct host_key *key)
{
	for (uint32_t i = 0; i < HOST_LINUX_KEYS_MAX; i++) {
		struct host_key *none = NULL;

		if (atomic_compare_exchange_strong(&keys->slots[i], &none,
						   key)) {
			atomic_fetch_add(&keys->ready, 1);
			return;
		}
	}
	host_keys_free(key);
}

static void *make_keys(void *arg)
{
	struct host_keys *keys = arg;

	/* On Linux this is the calling thread's own priority. */
	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), KEY_NICE);
	for (;;) {
		struct host_key *key;

		while (sem_wait(&keys->room) && errno == EINTR)
			;
		if (atomic_load(&keys->stopping))
			break;
		key = make_key();
		if (key) {
			put_key(keys, key);
		} else {
			/* Out of memory or entropy: later, not never. */
			sem_post(&keys->room);
			usleep(100000);
		}
	}
	OPENSSL_thread_stop();
	return NULL;
}

int host_keys_start(struct host_keys *keys, uint32_t first, uint32_t count,
		    uint32_t threads)
{
	int err = 0;

	if (count > HOST_LINUX_KEYS_MAX || threads > HOST_KEY_THREADS_MAX ||
	    first > count)
		return -EINVAL;
	if (sem_init(&keys->room, 0, count - first))
		return -errno;
	keys->started = true;
	/* Threads of low priority would let the first clients wait for them,
	 * and a link that finds no key is refused. */
	for (uint32_t i = 0; i < first; i++) {
		struct host_key *key = make_key();

		if (!key)
			return -ENOMEM;
		put_key(keys, key);
	}
	for (uint32_t i = 0; i < threads && !err; i++) {
		err = pthread_create(&keys->threads[i], NULL, make_keys, keys);
		if (!err)
			keys->thread_count++;
	}
	return -err;
}

void host_keys_stop(struct host_keys *keys)
{
	if (!keys->started)
		return;
	atomic_store(&keys->stopping, 1);
	for (uint32_t i = 0; i < keys->thread_count; i++)
		sem_post(&keys->room);
	for (uint32_t i = 0; i < keys->thread_count; i++)
		pthread_join(keys->threads[i], NULL);
	for (uint32_t i = 0; i < HOST_LINUX_KEYS_MAX; i++)
		host_keys_free(atomic_exchange(&keys->slots[i], NULL));
	sem_destroy(&keys->room);
}

int host_keys_take(struct host_keys *keys, struct host_key **key,
		   uint8_t der[HOST_KEY_DER_BYTES])
{
	for (uint32_t i = 0; i < HOST_LINUX_KEYS_MAX; i++) {
		struct host_key *taken;

		if (!atomic_load_explicit(&keys->slots[i],
					  memory_order_relaxed))
			continue;
		taken = atomic_exchange(&keys->slots[i], NULL);
		if (!taken)
			continue;
		atomic_fetch_sub(&keys->ready, 1);
		sem_post(&keys->room);
		memcpy(der, taken->der, HOST_KEY_DER_BYTES);
		*key = taken;
		return 0;
	}
	return -EAGAIN;
}

int host_keys_open(struct host_key *key,
		   const uint8_t cipher[HOST_KEY_CIPHER_BYTES], uint8_t *plain,
		   uint32_t plain_max)
{
	uint8_t room[HOST_KEY_CIPHER_BYTES];
	size_t len = sizeof(room);
	int result;

	if (EVP_PKEY_decrypt(key->opener, room, &len, cipher,
			     HOST_KEY_CIPHER_BYTES) <= 0 ||
	    len > plain_max) {
		ERR_clear_error();
		result = -EBADMSG;
	} else {
		memcpy(plain, room, len);
		result = (int)len;
	}
	OPENSSL_cleanse(room, sizeof(room));
	return result;
}

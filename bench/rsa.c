/* rsa.c - what a ticket's private operation costs on this machine, bare. */
#include "bench/rsa.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <stddef.h>
#include <time.h>

#define CIPHER_BYTES 128
#define BATCH        32

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static EVP_PKEY_CTX *start(EVP_PKEY *key, int (*init)(EVP_PKEY_CTX *))
{
	EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;

	if (ctx &&
	    (init(ctx) <= 0 ||
	     EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) <= 0)) {
		EVP_PKEY_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

/* One context for all: nothing is paid but the operation. */
static double rate_of(EVP_PKEY_CTX *opener, const uint8_t *cipher, uint32_t ms)
{
	uint8_t plain[CIPHER_BYTES];
	double begin = cpu_seconds(), now = begin;
	uint64_t done = 0;

	while (now - begin < ms * 1e-3) {
		for (uint32_t i = 0; i < BATCH; i++) {
			size_t len = sizeof(plain);

			if (EVP_PKEY_decrypt(opener, plain, &len, cipher,
					     CIPHER_BYTES) <= 0)
				return 0;
		}
		done += BATCH;
		now = cpu_seconds();
	}
	return (double)done / (now - begin);
}

double rsa_private_rate(uint32_t ms)
{
	static const uint8_t text[27] = "abcdefghijklmnopqrstuvwxyz";
	uint8_t cipher[CIPHER_BYTES];
	size_t len = sizeof(cipher);
	EVP_PKEY *key = EVP_RSA_gen(8 * CIPHER_BYTES);
	EVP_PKEY_CTX *sealer = start(key, EVP_PKEY_encrypt_init);
	EVP_PKEY_CTX *opener = start(key, EVP_PKEY_decrypt_init);
	double rate = 0;

	if (sealer && opener &&
	    EVP_PKEY_encrypt(sealer, cipher, &len, text, sizeof(text)) > 0) {
		rate_of(opener, cipher, ms / 10);
		rate = rate_of(opener, cipher, ms);
	}
	EVP_PKEY_CTX_free(sealer);
	EVP_PKEY_CTX_free(opener);
	EVP_PKEY_free(key);
	return rate;
}

/* ticket.c - a ticket's ciphertext: RSA-OAEP under the key of a link reply. */
#include "channels/client/ticket.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <errno.h>
#include <string.h>

/*
 * The padding (EME-OAEP with SHA-1, MGF1-SHA1 and an empty label) is made
 * here, not by OpenSSL: it would draw its randomness where no seed reaches.
 */
#define HASH_BYTES  20
#define BLOCK_BYTES (WIRE_LINK_CIPHER_BYTES - 1 - HASH_BYTES)
#define TEXT_MAX    (BLOCK_BYTES - HASH_BYTES - 1)

_Static_assert(CLIENT_TICKET_SEED_BYTES == HASH_BYTES, "the seed is a hash");

void client_ticket_fini(struct client_ticket *ticket)
{
	EVP_PKEY_free(ticket->key);
	*ticket = (struct client_ticket){0};
}

static int ticket_take_key(struct client_ticket *ticket, const uint8_t *der)
{
	const uint8_t *at = der;
	EVP_PKEY *key;

	if (ticket->key && memcmp(ticket->der, der, WIRE_LINK_KEY_BYTES) == 0)
		return 0;
	key = d2i_PUBKEY(NULL, &at, WIRE_LINK_KEY_BYTES);
	if (!key)
		return -EBADMSG;
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA ||
	    EVP_PKEY_get_size(key) != WIRE_LINK_CIPHER_BYTES) {
		EVP_PKEY_free(key);
		return -EBADMSG;
	}
	client_ticket_fini(ticket);
	ticket->key = key;
	memcpy(ticket->der, der, WIRE_LINK_KEY_BYTES);
	return 0;
}

static bool hash(const void *bytes, size_t len, uint8_t out[HASH_BYTES])
{
	return EVP_Digest(bytes, len, out, NULL, EVP_sha1(), NULL) == 1;
}

/* Xors MGF1(from) over the bytes at to. */
static bool mask(uint8_t *to, size_t len, const uint8_t *from, size_t from_len)
{
	uint8_t input[BLOCK_BYTES + 4];
	uint8_t out[HASH_BYTES];

	memcpy(input, from, from_len);
	for (size_t at = 0; at < len; at += HASH_BYTES) {
		size_t part = len - at < HASH_BYTES ? len - at : HASH_BYTES;

		/* The counter is big-endian and stays below 256. */
		memset(input + from_len, 0, 3);
		input[from_len + 3] = (uint8_t)(at / HASH_BYTES);
		if (!hash(input, from_len + 4, out))
			return false;
		for (size_t i = 0; i < part; i++)
			to[at + i] ^= out[i];
	}
	return true;
}

static int pad(const char *password, const uint8_t *seed,
	       uint8_t out[WIRE_LINK_CIPHER_BYTES])
{
	size_t len = strlen(password) + 1;
	uint8_t *masked_seed = out + 1;
	uint8_t *block = masked_seed + HASH_BYTES;

	if (len > TEXT_MAX)
		return -EINVAL;
	memset(out, 0, WIRE_LINK_CIPHER_BYTES);
	memcpy(masked_seed, seed, HASH_BYTES);
	if (!hash("", 0, block))
		return -ENOMEM;
	block[BLOCK_BYTES - len - 1] = 1;
	memcpy(block + BLOCK_BYTES - len, password, len);
	if (!mask(block, BLOCK_BYTES, masked_seed, HASH_BYTES) ||
	    !mask(masked_seed, HASH_BYTES, block, BLOCK_BYTES))
		return -ENOMEM;
	return 0;
}

static int encrypt(EVP_PKEY *key, const uint8_t *block, uint8_t *cipher)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t len = WIRE_LINK_CIPHER_BYTES;
	int error = -ENOMEM;

	if (!ctx)
		return -ENOMEM;
	if (EVP_PKEY_encrypt_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1)
		error = EVP_PKEY_encrypt(ctx, cipher, &len, block,
					 WIRE_LINK_CIPHER_BYTES) == 1
				? 0
				: -EBADMSG;
	EVP_PKEY_CTX_free(ctx);
	return error;
}

int client_ticket_seal(struct client_ticket *ticket,
		       const uint8_t der[WIRE_LINK_KEY_BYTES],
		       const char *password,
		       const uint8_t seed[CLIENT_TICKET_SEED_BYTES],
		       uint8_t cipher[WIRE_LINK_CIPHER_BYTES])
{
	uint8_t block[WIRE_LINK_CIPHER_BYTES];
	int error = ticket_take_key(ticket, der);

	if (error < 0)
		return error;
	error = pad(password, seed, block);
	if (error == 0)
		error = encrypt(ticket->key, block, cipher);
	explicit_bzero(block, sizeof(block));
	return error;
}

/* client_ticket_test.c - a client's ticket, opened by OpenSSL's own OAEP. */
#include "channels/client/ticket.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

static size_t decrypt(EVP_PKEY *key, const uint8_t *cipher, uint8_t *plain)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t len = WIRE_LINK_CIPHER_BYTES;

	cr_assert_eq(EVP_PKEY_decrypt_init(ctx), 1);
	cr_assert_eq(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING),
		     1);
	cr_assert_eq(EVP_PKEY_decrypt(ctx, plain, &len, cipher,
				      WIRE_LINK_CIPHER_BYTES),
		     1);
	EVP_PKEY_CTX_free(ctx);
	return len;
}

Test(client_ticket, is_what_openssl_opens)
{
	static const char *const passwords[] = {
		"", "secret",
		"012345678901234567890123456789012345678901234567890123456789"};
	EVP_PKEY *key = EVP_RSA_gen(1024);
	struct client_ticket ticket = {0};
	uint8_t seed[CLIENT_TICKET_SEED_BYTES] = {7};
	uint8_t der[256];
	uint8_t *at = der;
	uint8_t plain[WIRE_LINK_CIPHER_BYTES];
	uint8_t cipher[WIRE_LINK_CIPHER_BYTES];
	uint8_t again[WIRE_LINK_CIPHER_BYTES];

	cr_assert_eq(i2d_PUBKEY(key, &at), WIRE_LINK_KEY_BYTES);
	for (uint32_t i = 0; i < 3; i++) {
		size_t len = strlen(passwords[i]) + 1;

		cr_assert_eq(client_ticket_seal(&ticket, der, passwords[i],
						seed, cipher),
			     0);
		cr_assert_eq(decrypt(key, cipher, plain), len);
		cr_assert_eq(memcmp(plain, passwords[i], len), 0);
		cr_assert_eq(client_ticket_seal(&ticket, der, passwords[i],
						seed, again),
			     0);
		cr_assert_eq(memcmp(cipher, again, sizeof(again)), 0,
			     "one seed, one ciphertext");
		seed[0]++;
		client_ticket_seal(&ticket, der, passwords[i], seed, again);
		cr_assert_neq(memcmp(cipher, again, sizeof(again)), 0);
	}
	client_ticket_fini(&ticket);
	EVP_PKEY_free(key);
}

Test(client_ticket, refuses_what_is_no_key)
{
	struct client_ticket ticket = {0};
	uint8_t seed[CLIENT_TICKET_SEED_BYTES] = {0};
	uint8_t der[WIRE_LINK_KEY_BYTES] = {0x30, 0x81, 0x9f};
	uint8_t cipher[WIRE_LINK_CIPHER_BYTES];

	cr_assert_eq(client_ticket_seal(&ticket, der, "x", seed, cipher),
		     -EBADMSG);
	client_ticket_fini(&ticket);
}

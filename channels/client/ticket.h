/* ticket.h - a ticket's ciphertext: RSA-OAEP under the key of a link reply. */
#pragma once

#include "channels/wire/link.h"

#define CLIENT_TICKET_SEED_BYTES 20

/* The key last used, kept because a server serves many links under one. */
struct client_ticket {
	void *key; /* EVP_PKEY */
	uint8_t der[WIRE_LINK_KEY_BYTES];
};

void client_ticket_fini(struct client_ticket *ticket);

/*
 * Encrypts the password with its NUL. seed is fresh randomness of the caller,
 * so that a simulated client repeats itself. Returns 0, -EINVAL (password too
 * long), -EBADMSG (not an RSA key of 1024 bits) or -ENOMEM.
 */
int client_ticket_seal(struct client_ticket *ticket,
		       const uint8_t der[WIRE_LINK_KEY_BYTES],
		       const char *password,
		       const uint8_t seed[CLIENT_TICKET_SEED_BYTES],
		       uint8_t cipher[WIRE_LINK_CIPHER_BYTES]);

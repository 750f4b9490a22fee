/* tickets.h - what clients must know to reach a guest, and how it is kept. */
#pragma once

#include "core/siphash.h"

/*
 * A ticket follows from the cluster's secret and the guest's name, so every
 * daemon that shares the secret knows it, wherever the guest lives. The
 * tables hold only a hash of it, by which a link finds its guest.
 */
#define TICKET_CHARS      26 /* base32 of 128 bits */
#define TICKET_HASH_BYTES 16

/* Writes the ticket of the guest called name, NUL-terminated. Any thread. */
void ticket_text(const uint8_t secret[SIPHASH_KEY_BYTES], const char *name,
		 char text[TICKET_CHARS + 1]);

/* The hash of a ticket: its text up to the first NUL, or len. Any thread. */
void ticket_hash(const uint8_t secret[SIPHASH_KEY_BYTES], const void *text,
		 size_t len, uint8_t out[TICKET_HASH_BYTES]);

/* The key of a ticket's hash in pool.tickets, never 0. */
uint64_t ticket_key(const uint8_t hash[TICKET_HASH_BYTES]);

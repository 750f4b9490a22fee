/* token.h - the seal of what a client carries from source to destination. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct move;

#define MIGRATE_TOKEN_BYTES 36

/*
 * What travels in MIGRATE_DATA: a name of an image that the destination holds,
 * sealed under the move's key. It says nothing that a client could use.
 */
struct migrate_token {
	uint32_t magic;
	uint32_t session_id;
	uint64_t epoch;
	uint16_t version;
	uint8_t type;
	uint8_t id;
	uint8_t mac[16];
};

void migrate_token_make(const struct move *move, uint32_t session_id,
			uint8_t type, uint8_t id,
			uint8_t bytes[MIGRATE_TOKEN_BYTES]);

/* True when the bytes are the token of that channel in this move. */
bool migrate_token_check(const struct move *move, uint32_t session_id,
			 uint8_t type, uint8_t id, const uint8_t *bytes,
			 uint32_t len);

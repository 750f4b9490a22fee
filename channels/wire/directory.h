/* directory.h - what is known of each message type: name, table, limit. */
#pragma once

#include "channels/wire/messages.h"

/*
 * Every message of a client that is not streamed fits the bytes below, so that
 * a reader which must keep one whole needs one chunk for it.
 */
#define WIRE_CLIENT_BODY_MAX CHUNK_BYTES

struct wire_message {
	uint16_t type;
	bool streamed;      /* the body may be delivered in pieces */
	uint32_t max_bytes; /* of the body */
	const char *name;
	const struct field_table *table; /* NULL: the body is empty */
};

/*
 * The message of a type on a channel, from the client or from the server, or
 * NULL when we do not speak it. Lent for ever. Any thread.
 */
const struct wire_message *wire_find(uint8_t channel_type, bool from_client,
				     uint16_t type);

/* The protocol's name of a channel type, "unknown" when it has none. */
const char *wire_channel_name(uint8_t channel_type);

/*
 * Walks all messages of one direction of a channel type: the next one with a
 * type above the given one, or NULL. For tests, fuzzers and documentation.
 */
const struct wire_message *wire_next(uint8_t channel_type, bool from_client,
				     uint16_t type);

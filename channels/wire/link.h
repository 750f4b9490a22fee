/* link.h - the structures of the link stage, before any message is framed. */
#pragma once

#include "core/field.h"

/*
 * Pure functions over bytes. A check answers 0 (SPICE_LINK_ERR_OK) or the link
 * error to send; WIRE_LINK_HANG_UP means that nothing may be sent at all.
 */
#define WIRE_LINK_MAGIC        0x51444552u /* "REDQ" */
#define WIRE_LINK_HEADER_BYTES 16
#define WIRE_LINK_MESS_BYTES   18
#define WIRE_LINK_REPLY_BYTES  178
#define WIRE_LINK_SIZE_MAX     4096 /* of what follows a header, as libspice */
#define WIRE_LINK_KEY_BYTES    162
#define WIRE_LINK_CIPHER_BYTES 128
#define WIRE_LINK_CAPS_MAX     1024 /* words a peer may announce, each kind */
#define WIRE_LINK_HANG_UP      UINT32_MAX

/* Words kept of what a peer announces: bits above 255 mean nothing to us. */
#define WIRE_CAPS_WORDS 8

struct wire_caps {
	uint32_t count;
	uint32_t words[WIRE_CAPS_WORDS];
};

struct wire_link_header {
	uint32_t magic;
	uint32_t major_version;
	uint32_t minor_version;
	uint32_t size_bytes;
};
extern const struct field_table wire_link_header_fields;

/* Without the capabilities, which stand at caps_offset. */
struct wire_link_mess {
	uint32_t connection_id;
	uint8_t channel_type;
	uint8_t channel_id;
	uint32_t num_common_caps;
	uint32_t num_channel_caps;
	uint32_t caps_offset;
};
extern const struct field_table wire_link_mess_fields;

struct wire_link_reply {
	uint32_t error;
	uint8_t key[WIRE_LINK_KEY_BYTES];
	uint32_t num_common_caps;
	uint32_t num_channel_caps;
	uint32_t caps_offset;
};
extern const struct field_table wire_link_reply_fields;

/* True when capability number bit is set; words that are absent are zero. */
bool caps_test(const uint32_t *words, uint32_t count, uint32_t bit);

/* Sets capability number bit, which must be below 32 * WIRE_CAPS_WORDS. */
void caps_set(struct wire_caps *caps, uint32_t bit);

/* The magic alone, once 4 bytes are there: what else can be wrong waits. */
uint32_t wire_link_check_magic(const uint8_t bytes[4]);

/*
 * Reads a client's or a server's header: magic, version, then the size, which
 * is at least min_bytes. The minor version is not looked at.
 */
uint32_t wire_link_read_header(struct wire_link_header *header,
			       const uint8_t bytes[WIRE_LINK_HEADER_BYTES],
			       uint32_t min_bytes);

/* Server: reads the size_bytes that follow the header. 0 or an error. */
uint32_t wire_link_read_mess(struct wire_link_mess *mess,
			     struct wire_caps *common,
			     struct wire_caps *channel, const uint8_t *bytes,
			     uint32_t size_bytes);

/* Client: as above; the reply's own error is in *reply and not answered. */
uint32_t wire_link_read_reply(struct wire_link_reply *reply,
			      struct wire_caps *common,
			      struct wire_caps *channel, const uint8_t *bytes,
			      uint32_t size_bytes);

/* Largest of what the two functions below write. */
#define WIRE_LINK_OUT_MAX \
	(WIRE_LINK_HEADER_BYTES + WIRE_LINK_REPLY_BYTES + 8 * WIRE_CAPS_WORDS)

/* Client: header, message and capabilities. Returns the bytes written. */
uint32_t wire_link_write_mess(uint8_t out[WIRE_LINK_OUT_MAX],
			      uint32_t connection_id, uint8_t channel_type,
			      uint8_t channel_id,
			      const struct wire_caps *common,
			      const struct wire_caps *channel);

/*
 * Server: header, reply and capabilities. key is WIRE_LINK_KEY_BYTES long and
 * NULL in an error reply, which announces nothing. Returns the bytes written.
 */
uint32_t wire_link_write_reply(uint8_t out[WIRE_LINK_OUT_MAX], uint32_t error,
			       const uint8_t *key,
			       const struct wire_caps *common,
			       const struct wire_caps *channel);

/* The bare words: the mechanism (client) and the link result (server). */
void wire_link_write_word(uint8_t out[4], uint32_t word);
uint32_t wire_link_read_word(const uint8_t bytes[4]);

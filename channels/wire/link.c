/* link.c - the structures of the link stage, before any message is framed. */
#include "channels/wire/link.h"

#include <spice/enums.h>
#include <spice/protocol.h>

#include <string.h>

#define TABLE(id) FIELD_TABLE(#id, struct id, id##_list)

static const struct field wire_link_header_list[] = {
	FIELD(struct wire_link_header, magic, FIELD_U32, 0),
	FIELD(struct wire_link_header, major_version, FIELD_U32, 0),
	FIELD(struct wire_link_header, minor_version, FIELD_U32, 0),
	FIELD(struct wire_link_header, size_bytes, FIELD_U32, 0),
};
const struct field_table wire_link_header_fields = TABLE(wire_link_header);

static const struct field wire_link_mess_list[] = {
	FIELD(struct wire_link_mess, connection_id, FIELD_U32, 0),
	FIELD(struct wire_link_mess, channel_type, FIELD_U8, 0),
	FIELD(struct wire_link_mess, channel_id, FIELD_U8, 0),
	FIELD(struct wire_link_mess, num_common_caps, FIELD_U32,
	      WIRE_LINK_CAPS_MAX),
	FIELD(struct wire_link_mess, num_channel_caps, FIELD_U32,
	      WIRE_LINK_CAPS_MAX),
	FIELD(struct wire_link_mess, caps_offset, FIELD_U32, 0),
};
const struct field_table wire_link_mess_fields = TABLE(wire_link_mess);

static const struct field wire_link_reply_list[] = {
	FIELD(struct wire_link_reply, error, FIELD_U32, 0),
	FIELD(struct wire_link_reply, key, FIELD_BYTES, WIRE_LINK_KEY_BYTES),
	FIELD(struct wire_link_reply, num_common_caps, FIELD_U32,
	      WIRE_LINK_CAPS_MAX),
	FIELD(struct wire_link_reply, num_channel_caps, FIELD_U32,
	      WIRE_LINK_CAPS_MAX),
	FIELD(struct wire_link_reply, caps_offset, FIELD_U32, 0),
};
const struct field_table wire_link_reply_fields = TABLE(wire_link_reply);

/* A bare word of the link stage. */
struct word {
	uint32_t value;
};
static const struct field word_list[] = {
	FIELD(struct word, value, FIELD_U32, 0),
};
static const struct field_table word_fields = TABLE(word);

bool caps_test(const uint32_t *words, uint32_t count, uint32_t bit)
{
	return bit / 32 < count && (words[bit / 32] >> (bit % 32) & 1);
}

void caps_set(struct wire_caps *caps, uint32_t bit)
{
	uint32_t word = bit / 32;

	ASSERT(word < WIRE_CAPS_WORDS, "no capability of ours is above 255");
	if (caps->count <= word)
		caps->count = word + 1;
	caps->words[word] |= (uint32_t)1 << (bit % 32);
}

void wire_link_write_word(uint8_t out[4], uint32_t word)
{
	struct word value = {word};

	field_encode(&word_fields, &value, out, 4);
}

uint32_t wire_link_read_word(const uint8_t bytes[4])
{
	struct word word;

	return field_decode(&word_fields, &word, bytes, 4, NULL) ? 0
								 : word.value;
}

uint32_t wire_link_check_magic(const uint8_t bytes[4])
{
	if (wire_link_read_word(bytes) != WIRE_LINK_MAGIC)
		return SPICE_LINK_ERR_INVALID_MAGIC;
	return SPICE_LINK_ERR_OK;
}

uint32_t wire_link_read_header(struct wire_link_header *header,
			       const uint8_t bytes[WIRE_LINK_HEADER_BYTES],
			       uint32_t min_bytes)
{
	if (field_decode(&wire_link_header_fields, header, bytes,
			 WIRE_LINK_HEADER_BYTES, NULL) < 0)
		return SPICE_LINK_ERR_INVALID_DATA;
	if (header->magic != WIRE_LINK_MAGIC)
		return SPICE_LINK_ERR_INVALID_MAGIC;
	if (header->major_version == 0)
		return WIRE_LINK_HANG_UP;
	if (header->major_version != SPICE_VERSION_MAJOR)
		return SPICE_LINK_ERR_VERSION_MISMATCH;
	if (header->size_bytes < min_bytes ||
	    header->size_bytes > WIRE_LINK_SIZE_MAX)
		return SPICE_LINK_ERR_INVALID_DATA;
	return SPICE_LINK_ERR_OK;
}

/* What a message says about its capabilities, and where it ends. */
struct caps_place {
	uint32_t num_common;
	uint32_t num_channel;
	uint32_t offset;
	uint32_t fixed_bytes; /* the capabilities may not lie before these */
};

static void read_caps(struct wire_caps *caps, const uint8_t *bytes,
		      uint32_t count)
{
	*caps = (struct wire_caps){.count = min_u32(count, WIRE_CAPS_WORDS)};
	for (uint32_t i = 0; i < caps->count; i++)
		caps->words[i] = wire_link_read_word(bytes + 4 * i);
}

static uint32_t read_both_caps(const struct caps_place *place,
			       struct wire_caps *common,
			       struct wire_caps *channel, const uint8_t *bytes,
			       uint32_t size_bytes)
{
	uint32_t words = place->num_common + place->num_channel;

	*common = (struct wire_caps){0};
	*channel = (struct wire_caps){0};
	if (words == 0)
		return SPICE_LINK_ERR_OK;
	if (place->offset < place->fixed_bytes || place->offset > size_bytes)
		return SPICE_LINK_ERR_INVALID_DATA;
	if (words > (size_bytes - place->offset) / 4)
		return SPICE_LINK_ERR_INVALID_DATA;
	bytes += place->offset;
	read_caps(common, bytes, place->num_common);
	read_caps(channel, bytes + (size_t)4 * place->num_common,
		  place->num_channel);
	return SPICE_LINK_ERR_OK;
}

uint32_t wire_link_read_mess(struct wire_link_mess *mess,
			     struct wire_caps *common,
			     struct wire_caps *channel, const uint8_t *bytes,
			     uint32_t size_bytes)
{
	size_t extra;

	if (field_decode(&wire_link_mess_fields, mess, bytes, size_bytes,
			 &extra) < 0)
		return SPICE_LINK_ERR_INVALID_DATA;
	return read_both_caps(&(struct caps_place){mess->num_common_caps,
						   mess->num_channel_caps,
						   mess->caps_offset,
						   WIRE_LINK_MESS_BYTES},
			      common, channel, bytes, size_bytes);
}

uint32_t wire_link_read_reply(struct wire_link_reply *reply,
			      struct wire_caps *common,
			      struct wire_caps *channel, const uint8_t *bytes,
			      uint32_t size_bytes)
{
	size_t extra;

	if (field_decode(&wire_link_reply_fields, reply, bytes, size_bytes,
			 &extra) < 0)
		return SPICE_LINK_ERR_INVALID_DATA;
	return read_both_caps(&(struct caps_place){reply->num_common_caps,
						   reply->num_channel_caps,
						   reply->caps_offset,
						   WIRE_LINK_REPLY_BYTES},
			      common, channel, bytes, size_bytes);
}

static uint32_t write_caps(uint8_t *out, const struct wire_caps *caps)
{
	for (uint32_t i = 0; i < caps->count; i++)
		wire_link_write_word(out + 4 * i, caps->words[i]);
	return 4 * caps->count;
}

/* Both directions have the same shape: header, fixed part, words. */
static uint32_t write_link(uint8_t *out, const struct field_table *table,
			   const void *from, const struct wire_caps *common,
			   const struct wire_caps *channel)
{
	uint32_t at = WIRE_LINK_HEADER_BYTES;
	struct wire_link_header header = {
		.magic = WIRE_LINK_MAGIC,
		.major_version = SPICE_VERSION_MAJOR,
		.minor_version = SPICE_VERSION_MINOR,
	};
	int64_t len =
		field_encode(table, from, out + at, WIRE_LINK_REPLY_BYTES);

	ASSERT(len > 0, "a link message of ours keeps its limits");
	at += (uint32_t)len;
	at += write_caps(out + at, common);
	at += write_caps(out + at, channel);
	header.size_bytes = at - WIRE_LINK_HEADER_BYTES;
	field_encode(&wire_link_header_fields, &header, out,
		     WIRE_LINK_HEADER_BYTES);
	return at;
}

uint32_t wire_link_write_mess(uint8_t out[WIRE_LINK_OUT_MAX],
			      uint32_t connection_id, uint8_t channel_type,
			      uint8_t channel_id,
			      const struct wire_caps *common,
			      const struct wire_caps *channel)
{
	struct wire_link_mess mess = {
		.connection_id = connection_id,
		.channel_type = channel_type,
		.channel_id = channel_id,
		.num_common_caps = common->count,
		.num_channel_caps = channel->count,
		.caps_offset = WIRE_LINK_MESS_BYTES,
	};

	return write_link(out, &wire_link_mess_fields, &mess, common, channel);
}

uint32_t wire_link_write_reply(uint8_t out[WIRE_LINK_OUT_MAX], uint32_t error,
			       const uint8_t *key,
			       const struct wire_caps *common,
			       const struct wire_caps *channel)
{
	static const struct wire_caps none;
	struct wire_link_reply reply = {.error = error};

	if (!key)
		return write_link(out, &wire_link_reply_fields, &reply, &none,
				  &none);
	memcpy(reply.key, key, WIRE_LINK_KEY_BYTES);
	reply.num_common_caps = common->count;
	reply.num_channel_caps = channel->count;
	reply.caps_offset = WIRE_LINK_REPLY_BYTES;
	return write_link(out, &wire_link_reply_fields, &reply, common,
			  channel);
}

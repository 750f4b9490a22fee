/* image.c - states as bytes: packed for one build, tagged for all others.
 *
 * Native: u64 hash of the table, then the packed encoding of the struct.
 * Portable: for each field u16 tag, u32 length, the packed encoding of that one
 * field. Elements of lists are packed in both, so the table of an element is
 * frozen once released: a new property of elements is a new list, with a tag of
 * its own, whose elements go by the same index.
 */
#include "core/image.h"
#include "core/field_form.h"

#include <errno.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define IMAGE_MAGIC      0x4d494d46u /* "FMIM" */
#define TABLE_HASH_BYTES 8
#define TLV_HEADER_BYTES 6

/* Offsets in the header. */
enum {
	AT_ENCODING = 4,
	AT_KIND = 5,
	AT_VERSION = 6,
	AT_LEN = 8,
	AT_HASH = 12,
};

_Static_assert(AT_HASH + 8 == IMAGE_HEADER_BYTES, "the hash ends the header");

/* All that decides the packed encoding, and the names, as a build's mark. */
static uint64_t hash_fields(const struct field_table *table, uint64_t seed)
{
	for (unsigned i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];
		uint8_t facts[12];

		field_set_le(facts, field->tag, 2);
		facts[2] = field->kind;
		facts[3] = field->flags;
		field_set_le(facts + 4, field->limit, 8);
		seed = XXH3_64bits_withSeed(facts, sizeof(facts), seed);
		seed = XXH3_64bits_withSeed(field->name, strlen(field->name),
					    seed);
	}
	return seed;
}

static uint64_t hash_table(const struct field_table *table)
{
	uint64_t hash = hash_fields(table, table->version);

	for (unsigned i = 0; i < table->count; i++) {
		const struct field_table *elem = table->fields[i].elem;

		if (elem)
			hash = hash_fields(elem, hash);
	}
	return hash;
}

static int64_t encode_native(const struct field_table *table, const void *from,
			     uint8_t *to, size_t cap)
{
	int64_t len;

	if (cap < TABLE_HASH_BYTES)
		return -ENOBUFS;
	field_set_le(to, hash_table(table), TABLE_HASH_BYTES);
	len = field_encode(table, from, to + TABLE_HASH_BYTES,
			   cap - TABLE_HASH_BYTES);
	return len < 0 ? len : len + TABLE_HASH_BYTES;
}

static int decode_native(const struct field_table *table, void *to,
			 const uint8_t *bytes, size_t len)
{
	if (len < TABLE_HASH_BYTES)
		return -EBADMSG;
	if (field_get_le(bytes, TABLE_HASH_BYTES) != hash_table(table))
		return -EPROTONOSUPPORT;
	return field_decode(table, to, bytes + TABLE_HASH_BYTES,
			    len - TABLE_HASH_BYTES, NULL);
}

static int64_t encode_portable(const struct field_table *table,
			       const void *from, uint8_t *to, size_t cap)
{
	size_t used = 0;

	for (unsigned i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];
		int64_t len;

		ASSERT(field->tag != 0, "fields of an image have tags");
		if ((field->flags & FIELD_OPTIONAL) &&
		    field_is_zero(field, from))
			continue;
		if (cap - used < TLV_HEADER_BYTES)
			return -ENOBUFS;
		len = field_encode_one(field, from,
				       to + used + TLV_HEADER_BYTES,
				       cap - used - TLV_HEADER_BYTES);
		if (len < 0)
			return len;
		field_set_le(to + used, field->tag, 2);
		field_set_le(to + used + 2, (uint64_t)len, 4);
		used += TLV_HEADER_BYTES + (size_t)len;
	}
	return (int64_t)used;
}

/* The index of the field with this tag, or the count when none has it. */
static unsigned find_tag(const struct field_table *table, uint64_t tag,
			 unsigned guess)
{
	if (guess < table->count && table->fields[guess].tag == tag)
		return guess;
	for (unsigned i = 0; i < table->count; i++) {
		if (table->fields[i].tag == tag)
			return i;
	}
	return table->count;
}

static int check_present(const struct field_table *table, const bool *seen)
{
	for (unsigned i = 0; i < table->count; i++) {
		if (!seen[i] && !(table->fields[i].flags & FIELD_OPTIONAL))
			return -EBADMSG;
	}
	return 0;
}

static int decode_portable(const struct field_table *table, void *to,
			   const uint8_t *bytes, size_t len)
{
	bool seen[FIELD_COUNT_MAX] = {false};
	unsigned guess = 0;
	size_t at = 0;

	ASSERT(table->count <= FIELD_COUNT_MAX, "tables are bounded");
	memset(to, 0, table->struct_bytes);
	while (at < len) {
		uint64_t value_len;
		unsigned i;

		if (len - at < TLV_HEADER_BYTES)
			return -EBADMSG;
		i = find_tag(table, field_get_le(bytes + at, 2), guess);
		value_len = field_get_le(bytes + at + 2, 4);
		at += TLV_HEADER_BYTES;
		if (value_len > len - at)
			return -EBADMSG;
		if (i < table->count) {
			if (seen[i] ||
			    field_decode_one(&table->fields[i], to, bytes + at,
					     value_len) < 0)
				return -EBADMSG;
			seen[i] = true;
			guess = i + 1;
		}
		at += value_len;
	}
	return check_present(table, seen);
}

int64_t image_encode(const struct field_table *table, enum image_kind kind,
		     enum image_encoding encoding, const void *from,
		     uint8_t *to, size_t cap)
{
	uint8_t *body = to + IMAGE_HEADER_BYTES;
	int64_t len;

	if (cap > IMAGE_BYTES_MAX)
		cap = IMAGE_BYTES_MAX;
	if (cap < IMAGE_HEADER_BYTES)
		return -ENOBUFS;
	if (encoding == IMAGE_NATIVE)
		len = encode_native(table, from, body,
				    cap - IMAGE_HEADER_BYTES);
	else
		len = encode_portable(table, from, body,
				      cap - IMAGE_HEADER_BYTES);
	if (len < 0)
		return len;
	field_set_le(to, IMAGE_MAGIC, 4);
	to[AT_ENCODING] = (uint8_t)encoding;
	to[AT_KIND] = (uint8_t)kind;
	field_set_le(to + AT_VERSION, table->version, 2);
	field_set_le(to + AT_LEN, (uint64_t)len, 4);
	field_set_le(to + AT_HASH, XXH3_64bits(body, (size_t)len), 8);
	return IMAGE_HEADER_BYTES + len;
}

int image_peek_kind(const uint8_t *bytes, size_t len)
{
	if (len < IMAGE_HEADER_BYTES || len > IMAGE_BYTES_MAX)
		return -EBADMSG;
	if (field_get_le(bytes, 4) != IMAGE_MAGIC)
		return -EBADMSG;
	if (bytes[AT_ENCODING] != IMAGE_NATIVE &&
	    bytes[AT_ENCODING] != IMAGE_PORTABLE)
		return -EBADMSG;
	if (bytes[AT_KIND] < IMAGE_GUEST || bytes[AT_KIND] > IMAGE_KIND_MAX)
		return -EBADMSG;
	if (field_get_le(bytes + AT_LEN, 4) != len - IMAGE_HEADER_BYTES)
		return -EBADMSG;
	return bytes[AT_KIND];
}

int image_decode(const struct field_table *table, enum image_kind kind,
		 void *to, const uint8_t *bytes, size_t len)
{
	const uint8_t *body;

	if (image_peek_kind(bytes, len) != (int)kind)
		return -EBADMSG;
	body = bytes + IMAGE_HEADER_BYTES;
	len -= IMAGE_HEADER_BYTES;
	if (XXH3_64bits(body, len) != field_get_le(bytes + AT_HASH, 8))
		return -EBADMSG;
	if (bytes[AT_ENCODING] == IMAGE_NATIVE)
		return decode_native(table, to, body, len);
	return decode_portable(table, to, body, len);
}

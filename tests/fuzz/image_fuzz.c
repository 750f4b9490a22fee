/* image_fuzz.c - images of a sample table in both encodings.
 *
 * Byte 0 chooses the table and what the rest is: an image, a body that gets a
 * right header (a fuzzer does not guess hashes), or a tape.
 */
#include "core/image.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/sample.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <string.h>

#define TABLE_HASH_BYTES 8

enum mode { MODE_RAW, MODE_PORTABLE, MODE_NATIVE, MODE_TAPE };

static void put_le(uint8_t *to, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

static size_t finish(uint8_t *image, enum image_encoding encoding, size_t len)
{
	put_le(image, 0x4d494d46, 4);
	image[4] = (uint8_t)encoding;
	image[5] = IMAGE_SESSION;
	put_le(image + 6, 1, 2);
	put_le(image + 8, len, 4);
	put_le(image + 12, XXH3_64bits(image + IMAGE_HEADER_BYTES, len), 8);
	return IMAGE_HEADER_BYTES + len;
}

/* The first bytes of a native body, which name the build's table. */
static void put_table_hash(const struct field_table *table, uint8_t *to)
{
	uint8_t image[SAMPLE_WIRE_BYTES];
	uint8_t scratch[64];
	union sample_any any;

	field_random(table, &any, NULL, 0, scratch, sizeof(scratch));
	FUZZ_ASSERT(image_encode(table, IMAGE_SESSION, IMAGE_NATIVE, &any,
				 image, sizeof(image)) > 0,
		    "an empty tape draws a valid struct");
	memcpy(to, image + IMAGE_HEADER_BYTES, TABLE_HASH_BYTES);
}

static void come_and_go(const struct field_table *table,
			const union sample_any *any,
			enum image_encoding encoding)
{
	uint8_t first[SAMPLE_WIRE_BYTES];
	uint8_t second[SAMPLE_WIRE_BYTES];
	union sample_any again;
	int64_t len = image_encode(table, IMAGE_SESSION, encoding, any, first,
				   sizeof(first));

	FUZZ_ASSERT(len > 0, "what was decoded or drawn can be encoded");
	FUZZ_ASSERT(image_peek_kind(first, (size_t)len) == IMAGE_SESSION,
		    "the kind is told");
	FUZZ_ASSERT(image_decode(table, IMAGE_SESSION, &again, first,
				 (size_t)len) == 0,
		    "what was encoded can be decoded");
	FUZZ_ASSERT(image_encode(table, IMAGE_SESSION, encoding, &again, second,
				 sizeof(second)) == len,
		    "to the same length");
	FUZZ_ASSERT(memcmp(first, second, (size_t)len) == 0,
		    "and to the same bytes");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Items have no tags: they stand in lists only. */
	static const unsigned table_count = ARRAY_LEN(sample_tables) - 1;
	uint8_t image[SAMPLE_WIRE_BYTES + 64];
	uint8_t scratch[SAMPLE_SCRATCH_BYTES];
	const struct field_table *table;
	union sample_any any;
	uint8_t *body = image + IMAGE_HEADER_BYTES;

	if (size < 1 || size > SAMPLE_WIRE_BYTES)
		return 0;
	table = sample_tables[(data[0] >> 2) % table_count];
	switch ((enum mode)(data[0] & 3)) {
	case MODE_RAW:
		if (image_decode(table, IMAGE_SESSION, &any, data + 1,
				 size - 1) < 0)
			return 0;
		break;
	case MODE_PORTABLE:
		memcpy(body, data + 1, size - 1);
		size = finish(image, IMAGE_PORTABLE, size - 1);
		if (image_decode(table, IMAGE_SESSION, &any, image, size) < 0)
			return 0;
		break;
	case MODE_NATIVE:
		put_table_hash(table, body);
		memcpy(body + TABLE_HASH_BYTES, data + 1, size - 1);
		size = finish(image, IMAGE_NATIVE, TABLE_HASH_BYTES + size - 1);
		if (image_decode(table, IMAGE_SESSION, &any, image, size) < 0)
			return 0;
		break;
	case MODE_TAPE:
		field_random(table, &any, data + 1, size - 1, scratch,
			     sizeof(scratch));
		break;
	}
	come_and_go(table, &any, IMAGE_NATIVE);
	come_and_go(table, &any, IMAGE_PORTABLE);
	return 0;
}

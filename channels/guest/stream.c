/* stream.c - writing position-coded bytes. */
#include "channels/guest/stream_record.h"

#include <string.h>

#define VALUE_MAX (((uint64_t)1 << 48) - 1)

static uint64_t mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93u;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93u;
	x ^= x >> 32;
	return x;
}

static uint32_t record_check(const struct stream_record *r)
{
	uint64_t head =
		(uint64_t)r->tag << 40 | (uint64_t)r->field << 32 | r->key;

	return (uint32_t)mix(mix(head) ^ r->value);
}

static void record_write(uint8_t *b, const struct stream_record *r)
{
	uint32_t check = record_check(r);
	int i;

	b[0] = r->tag;
	b[1] = r->field;
	for (i = 0; i < 4; i++)
		b[2 + i] = (uint8_t)(r->key >> (8 * i));
	for (i = 0; i < 6; i++)
		b[6 + i] = (uint8_t)(r->value >> (8 * i));
	for (i = 0; i < 4; i++)
		b[12 + i] = (uint8_t)(check >> (8 * i));
}

bool stream_record_read(const uint8_t *b, struct stream_record *r)
{
	uint32_t check = 0;
	int i;

	if (b[0] != TAG_DATA && b[0] != TAG_CLOSE && b[0] != TAG_REPORT)
		return false;
	*r = (struct stream_record){.tag = b[0], .field = b[1]};
	for (i = 0; i < 4; i++)
		r->key |= (uint32_t)b[2 + i] << (8 * i);
	for (i = 0; i < 6; i++)
		r->value |= (uint64_t)b[6 + i] << (8 * i);
	for (i = 0; i < 4; i++)
		check |= (uint32_t)b[12 + i] << (8 * i);
	if (check != record_check(r) || r->key == 0)
		return false;
	if (r->tag == TAG_REPORT)
		return r->field < STREAM_FIELDS;
	return r->field == 0;
}

void stream_data_write(uint8_t *b, uint32_t key, uint64_t position)
{
	struct stream_record r = {.tag = TAG_DATA, .key = key};

	r.value = position / STREAM_RECORD_BYTES & VALUE_MAX;
	record_write(b, &r);
}

uint8_t stream_data_byte(uint32_t key, uint64_t position)
{
	uint8_t b[STREAM_RECORD_BYTES];

	stream_data_write(b, key, position);
	return b[position % STREAM_RECORD_BYTES];
}

uint32_t stream_key(const char *guest_name, uint32_t stream)
{
	uint64_t hash = mix(0x666c7573u + stream);
	uint32_t key;

	for (; *guest_name != 0; guest_name++)
		hash = mix(hash ^ (uint8_t)*guest_name);
	key = (uint32_t)(hash >> 16);
	return key != 0 ? key : 1;
}

void stream_fill(uint32_t key, uint64_t position, uint8_t *bytes, size_t len)
{
	uint8_t b[STREAM_RECORD_BYTES];

	while (len > 0) {
		size_t skip = position % STREAM_RECORD_BYTES;
		size_t n = STREAM_RECORD_BYTES - skip;

		if (n > len)
			n = len;
		stream_data_write(b, key, position);
		memcpy(bytes, b + skip, n);
		bytes += n;
		position += n;
		len -= n;
	}
}

void stream_write_close(uint8_t *bytes, uint32_t key, uint64_t sent_bytes)
{
	struct stream_record r = {.tag = TAG_CLOSE, .key = key};

	r.value = sent_bytes & VALUE_MAX;
	record_write(bytes, &r);
}

void stream_write_report(uint8_t *bytes, uint32_t key,
			 const struct stream_counts *counts)
{
	uint8_t i;

	for (i = 0; i < STREAM_FIELDS; i++) {
		struct stream_record r = {
			.tag = TAG_REPORT, .field = i, .key = key};

		r.value = min_u64(counts->field[i], VALUE_MAX);
		record_write(bytes + i * STREAM_RECORD_BYTES, &r);
	}
}

uint64_t stream_faults(const struct stream_counts *counts)
{
	return counts->field[STREAM_LOST] + counts->field[STREAM_DUPLICATED] +
	       counts->field[STREAM_REORDERED] + counts->field[STREAM_CROSSED] +
	       counts->field[STREAM_CORRUPT];
}

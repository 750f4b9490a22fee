/* field_fuzz.c - the codec of field tables: hostile bytes, and drawn structs
 * that must survive the wire.
 *
 * Byte 0 chooses the table and whether the rest is an encoding or a tape.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/sample.h"

#include <errno.h>
#include <string.h>

/* Looks at all that a user of a decoded struct may look at. */
static void look(const struct field_table *table, const union sample_any *any)
{
	char text[400];

	field_print(table, any, text, sizeof(text));
	FUZZ_ASSERT(strlen(text) < sizeof(text), "text is terminated");
	for (unsigned i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];
		union sample_any element;
		uint32_t count;

		if (field->elem == NULL)
			continue;
		count = field_list_count(field, any);
		FUZZ_ASSERT(count <= field->limit, "lists keep their limit");
		for (uint32_t n = 0; n < count; n++)
			FUZZ_ASSERT(field_list_get(field, any, n, &element) ==
					    0,
				    "counted elements are there");
		FUZZ_ASSERT(field_list_get(field, any, count, &element) ==
				    -ERANGE,
			    "and no other");
	}
}

/* What was decoded encodes to bytes that decode to the same. */
static void come_and_go(const struct field_table *table,
			const union sample_any *any)
{
	static const size_t cap = SAMPLE_WIRE_BYTES;
	uint8_t first[SAMPLE_WIRE_BYTES];
	uint8_t second[SAMPLE_WIRE_BYTES];
	union sample_any again;
	int64_t len = field_encode(table, any, first, cap);

	FUZZ_ASSERT(len >= 0, "what was decoded or drawn can be encoded");
	FUZZ_ASSERT(field_encoded_len(table, any) == len, "lengths agree");
	FUZZ_ASSERT(field_decode(table, &again, first, (size_t)len, NULL) == 0,
		    "what was encoded can be decoded");
	FUZZ_ASSERT(field_encode(table, &again, second, cap) == len,
		    "to the same length");
	FUZZ_ASSERT(memcmp(first, second, (size_t)len) == 0,
		    "and to the same bytes");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t scratch[SAMPLE_SCRATCH_BYTES];
	const struct field_table *table;
	union sample_any any;
	size_t extra;
	bool is_tape;

	if (size < 1 || size > SAMPLE_WIRE_BYTES)
		return 0;
	table = sample_tables[data[0] % ARRAY_LEN(sample_tables)];
	is_tape = data[0] & 0x80;
	data++;
	size--;
	if (is_tape) {
		field_random(table, &any, data, size, scratch, sizeof(scratch));
	} else {
		if (field_decode(table, &any, data, size, &extra) < 0)
			return 0;
		FUZZ_ASSERT(extra <= size, "no more extra than there was");
		FUZZ_ASSERT((field_decode(table, &any, data, size, NULL) ==
			     0) == (extra == 0),
			    "extra bytes are refused unless asked for");
		if (extra > 0)
			return 0;
	}
	look(table, &any);
	come_and_go(table, &any);
	return 0;
}

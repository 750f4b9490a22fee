/* messages_fuzz.c - any bytes as the body of any message of any channel. */
#include "channels/wire/directory.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

union any_message {
	uint64_t align;
	uint8_t bytes[512];
};

static void read_lists(const struct field_table *table, const void *message)
{
	union any_message elem;

	for (uint32_t i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];
		uint32_t count = 0;

		if (field->elem)
			count = field_list_count(field, message);
		for (uint32_t j = 0; j < count && j < 64; j++)
			FUZZ_ASSERT(field_list_get(field, message, j, &elem) ==
					    0,
				    "a decoded list was validated");
	}
}

/* What was decoded encodes, and from then on nothing changes any more. */
static void check_round_trip(const struct field_table *table,
			     const union any_message *message)
{
	union any_message back;
	int64_t len = field_encoded_len(table, message);
	uint8_t *bytes;
	uint8_t *again;

	FUZZ_ASSERT(len >= 0, "what was read can be written");
	bytes = malloc((size_t)len + 1);
	again = malloc((size_t)len + 1);
	FUZZ_ASSERT(field_encode(table, message, bytes, (size_t)len) == len,
		    "the length was told before");
	FUZZ_ASSERT(field_decode(table, &back, bytes, (size_t)len, NULL) == 0,
		    "what was written can be read");
	FUZZ_ASSERT(field_encode(table, &back, again, (size_t)len) == len,
		    "and is as long");
	FUZZ_ASSERT(memcmp(bytes, again, (size_t)len) == 0, "and the same");
	free(again);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct wire_message *message;
	union any_message any;
	char text[200];

	if (size < 4)
		return 0;
	message = wire_find(data[0], data[1] & 1,
			    (uint16_t)(data[2] | data[3] << 8));
	if (!message || !message->table)
		return 0;
	FUZZ_ASSERT(message->table->struct_bytes <= sizeof(any),
		    "fits the union");
	if (field_decode(message->table, &any, data + 4, size - 4, NULL) < 0)
		return 0;
	read_lists(message->table, &any);
	field_print(message->table, &any, text, sizeof(text));
	if (message->table == &msg_display_draw_copy_fields)
		(void)msg_display_draw_copy_is_plain((void *)&any);
	check_round_trip(message->table, &any);
	return 0;
}

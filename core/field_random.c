/* field_random.c - structs within a table's limits, drawn from a byte tape.
 *
 * The tape decides everything, so a fuzzer that edits it explores the values,
 * and a seed repeats them. An exhausted tape reads as zeros.
 */
#include "core/field_form.h"

#include <string.h>

#define ELEMENTS_MAX 8 /* drawn for one list */

struct tape {
	const uint8_t *bytes;
	size_t len;
	size_t at;
};

/* Room for what the spans point at. */
struct scratch {
	uint8_t *bytes;
	size_t len;
	size_t used;
};

static uint64_t draw(struct tape *tape, unsigned width)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < width && tape->at < tape->len; i++)
		value |= (uint64_t)tape->bytes[tape->at++] << (8 * i);
	return value;
}

/* Uniform enough: 0 to max, each end more often than chance would have it. */
static uint64_t draw_up_to(struct tape *tape, uint64_t max, unsigned width)
{
	switch (draw(tape, 1) & 7) {
	case 0:
		return 0;
	case 1:
		return max;
	case 2:
		return draw(tape, 1) % ((max < 255 ? max : 255) + 1);
	default:
		if (max == UINT64_MAX)
			return draw(tape, width);
		return draw(tape, width) % (max + 1);
	}
}

static uint64_t draw_int(const struct field *field, struct tape *tape)
{
	struct field_form form = field_form_of(field);
	uint64_t all_ones = UINT64_MAX >> (64 - 8 * form.width);
	uint64_t max = all_ones;
	bool negative = false;
	uint64_t value;

	if (form.shape == FIELD_SHAPE_INT) {
		negative = draw(tape, 1) & 1;
		max >>= 1;
	}
	if (field->limit != 0 && field->limit < max)
		max = field->limit;
	value = draw_up_to(tape, max, form.width);
	return negative ? 0 - value : value;
}

static void draw_bytes(struct tape *tape, uint8_t *to, size_t len, bool nul)
{
	for (size_t i = 0; i < len; i++) {
		to[i] = (uint8_t)draw(tape, 1);
		if (nul && to[i] == 0)
			to[i] = 'a';
	}
}

static void draw_span(const struct field *field, void *to, struct tape *tape,
		      struct scratch *scratch)
{
	uint64_t max = scratch->len - scratch->used;
	struct span span = {scratch->bytes + scratch->used, 0};

	/* A span may use a quarter, so that those behind it find room. */
	max = min_u64(field->limit, max > 4 ? max / 4 : max);
	span.len = (uint32_t)draw_up_to(tape, max, 2);
	if ((field->flags & FIELD_NONEMPTY) && span.len == 0 && max > 0)
		span.len = 1;
	draw_bytes(tape, scratch->bytes + scratch->used, span.len,
		   field->flags & FIELD_NUL);
	scratch->used += span.len;
	if (span.len == 0)
		span.data = NULL;
	field_store_span(field, to, span);
}

static void draw_plain(const struct field *field, void *to, struct tape *tape,
		       struct scratch *scratch)
{
	switch ((enum field_shape)field_form_of(field).shape) {
	case FIELD_SHAPE_UINT:
	case FIELD_SHAPE_INT:
		field_store(field, to, draw_int(field, tape));
		break;
	case FIELD_SHAPE_BYTES:
		draw_bytes(tape, (uint8_t *)to + field->offset, field->limit,
			   false);
		break;
	case FIELD_SHAPE_BLOB:
	case FIELD_SHAPE_PTRBLOB:
		draw_span(field, to, tape, scratch);
		break;
	case FIELD_SHAPE_LIST:
		break;
	}
}

static void draw_list(const struct field *field, void *to, struct tape *tape,
		      struct scratch *scratch)
{
	uint64_t element[FIELD_ELEM_BYTES_MAX / sizeof(uint64_t)];
	uint8_t blobs[FIELD_ELEM_BYTES_MAX];
	struct span span = {scratch->bytes + scratch->used, 0};
	uint64_t count;

	count = draw_up_to(tape, min_u64(field->limit, ELEMENTS_MAX), 1);
	if ((field->flags & FIELD_NONEMPTY) && count == 0)
		count = 1;
	for (uint64_t i = 0; i < count; i++) {
		struct scratch inner = {blobs, sizeof(blobs), 0};
		int64_t len;

		memset(element, 0, sizeof(element));
		for (unsigned j = 0; j < field->elem->count; j++)
			draw_plain(&field->elem->fields[j], element, tape,
				   &inner);
		len = field_encode(field->elem, element,
				   scratch->bytes + scratch->used,
				   scratch->len - scratch->used);
		if (len < 0)
			break;
		scratch->used += (size_t)len;
		span.len += (uint32_t)len;
	}
	if (span.len == 0)
		span.data = NULL;
	field_store_span(field, to, span);
}

size_t field_random(const struct field_table *table, void *to,
		    const uint8_t *tape, size_t tape_len, uint8_t *scratch,
		    size_t scratch_len)
{
	struct tape t = {tape, tape_len, 0};
	struct scratch s = {scratch, scratch_len, 0};

	memset(to, 0, table->struct_bytes);
	for (unsigned i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];

		if (field_form_of(field).shape == FIELD_SHAPE_LIST)
			draw_list(field, to, &t, &s);
		else
			draw_plain(field, to, &t, &s);
	}
	return t.at;
}

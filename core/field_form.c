/* field_form.c - what field kinds are made of, members, limits, table rules. */
#include "core/field_form.h"

#include <string.h>

static const struct field_form field_forms[FIELD_KIND_COUNT] = {
	[FIELD_U8] = {FIELD_SHAPE_UINT, 1},
	[FIELD_U16] = {FIELD_SHAPE_UINT, 2},
	[FIELD_U32] = {FIELD_SHAPE_UINT, 4},
	[FIELD_U64] = {FIELD_SHAPE_UINT, 8},
	[FIELD_I16] = {FIELD_SHAPE_INT, 2},
	[FIELD_I32] = {FIELD_SHAPE_INT, 4},
	[FIELD_I64] = {FIELD_SHAPE_INT, 8},
	[FIELD_BYTES] = {FIELD_SHAPE_BYTES, 0},
	[FIELD_TAIL] = {FIELD_SHAPE_BLOB, 0},
	[FIELD_BLOB8] = {FIELD_SHAPE_BLOB, 1},
	[FIELD_BLOB16] = {FIELD_SHAPE_BLOB, 2},
	[FIELD_BLOB32] = {FIELD_SHAPE_BLOB, 4},
	[FIELD_PTRBLOB] = {FIELD_SHAPE_PTRBLOB, 4},
	[FIELD_LIST8] = {FIELD_SHAPE_LIST, 1},
	[FIELD_LIST16] = {FIELD_SHAPE_LIST, 2},
	[FIELD_LIST32] = {FIELD_SHAPE_LIST, 4},
	[FIELD_LIST_TAIL] = {FIELD_SHAPE_LIST, 0},
};

uint64_t field_get_le(const uint8_t *bytes, unsigned width)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

void field_set_le(uint8_t *bytes, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
}

struct field_form field_form_of(const struct field *field)
{
	ASSERT(field->kind < FIELD_KIND_COUNT, "a table names a known kind");
	return field_forms[field->kind];
}

/* The host is little-endian or not: members are read as what they are. */
uint64_t field_load(const struct field *field, const void *owner)
{
	const uint8_t *member = (const uint8_t *)owner + field->offset;
	struct field_form form = field_form_of(field);
	bool is_signed = form.shape == FIELD_SHAPE_INT;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	switch (form.width) {
	case 1:
		return *member;
	case 2:
		memcpy(&u16, member, sizeof(u16));
		return is_signed ? (uint64_t)(int64_t)(int16_t)u16 : u16;
	case 4:
		memcpy(&u32, member, sizeof(u32));
		return is_signed ? (uint64_t)(int64_t)(int32_t)u32 : u32;
	default:
		memcpy(&u64, member, sizeof(u64));
		return u64;
	}
}

void field_store(const struct field *field, void *owner, uint64_t value)
{
	uint8_t *member = (uint8_t *)owner + field->offset;
	uint16_t u16 = (uint16_t)value;
	uint32_t u32 = (uint32_t)value;

	switch (field_form_of(field).width) {
	case 1:
		*member = (uint8_t)value;
		break;
	case 2:
		memcpy(member, &u16, sizeof(u16));
		break;
	case 4:
		memcpy(member, &u32, sizeof(u32));
		break;
	default:
		memcpy(member, &value, sizeof(value));
		break;
	}
}

struct span field_load_span(const struct field *field, const void *owner)
{
	struct span span;

	memcpy(&span, (const uint8_t *)owner + field->offset, sizeof(span));
	return span;
}

void field_store_span(const struct field *field, void *owner, struct span span)
{
	memcpy((uint8_t *)owner + field->offset, &span, sizeof(span));
}

bool field_value_fits(const struct field *field, uint64_t value)
{
	if (field->limit == 0)
		return true;
	if (field_form_of(field).shape == FIELD_SHAPE_INT && (int64_t)value < 0)
		return 0 - value <= field->limit;
	return value <= field->limit;
}

/* What holds for a span's bytes in both directions, the final NUL aside. */
bool field_span_fits(const struct field *field, struct span span)
{
	if (span.len > field->limit)
		return false;
	if ((field->flags & FIELD_NONEMPTY) && span.len == 0)
		return false;
	if (span.len == 0)
		return true;
	if (span.data == NULL)
		return false;
	return !(field->flags & FIELD_NUL) ||
	       memchr(span.data, 0, span.len) == NULL;
}

bool field_is_zero(const struct field *field, const void *from)
{
	const uint8_t *member = (const uint8_t *)from + field->offset;
	uint8_t any = 0;

	switch ((enum field_shape)field_form_of(field).shape) {
	case FIELD_SHAPE_UINT:
	case FIELD_SHAPE_INT:
		return field_load(field, from) == 0;
	case FIELD_SHAPE_BYTES:
		for (uint64_t i = 0; i < field->limit; i++)
			any |= member[i];
		return any == 0;
	case FIELD_SHAPE_BLOB:
	case FIELD_SHAPE_PTRBLOB:
	case FIELD_SHAPE_LIST:
		break;
	}
	return field_load_span(field, from).len == 0;
}

/* Table rules: the codec relies on them and does not look again. */

static uint64_t prefix_max(const struct field *field)
{
	unsigned width = field_form_of(field).width;

	return width == 0 || width == 4 ? UINT32_MAX
					: ((uint64_t)1 << (8 * width)) - 1;
}

static bool check_field(const struct field_table *table,
			const struct field *field)
{
	struct field_form form;
	uint64_t member_bytes;
	uint64_t nul = field->flags & FIELD_NUL ? 1 : 0;

	if (field->name == NULL || field->kind >= FIELD_KIND_COUNT)
		return false;
	form = field_form_of(field);
	member_bytes = sizeof(struct span);
	if (form.shape <= FIELD_SHAPE_INT)
		member_bytes = form.width;
	else if (form.shape == FIELD_SHAPE_BYTES)
		member_bytes = field->limit;
	if (member_bytes > table->struct_bytes ||
	    field->offset > table->struct_bytes - member_bytes)
		return false;
	if ((form.shape == FIELD_SHAPE_LIST) != (field->elem != NULL))
		return false;
	if (nul && (form.shape < FIELD_SHAPE_BLOB || field->elem))
		return false;
	if (nul && form.width == 0)
		return false;
	if (form.shape < FIELD_SHAPE_BYTES)
		return true;
	return field->limit > 0 && field->limit <= prefix_max(field) - nul;
}

static bool check_tags(const struct field_table *table)
{
	for (unsigned i = 0; i < table->count; i++) {
		for (unsigned j = 0; j < i; j++) {
			if (table->fields[i].tag != 0 &&
			    table->fields[i].tag == table->fields[j].tag)
				return false;
		}
	}
	return true;
}

static bool check_element(const struct field_table *elem)
{
	if (elem->struct_bytes > FIELD_ELEM_BYTES_MAX || elem->count == 0 ||
	    elem->count > FIELD_COUNT_MAX)
		return false;
	for (unsigned i = 0; i < elem->count; i++) {
		struct field_form form;

		if (!check_field(elem, &elem->fields[i]))
			return false;
		form = field_form_of(&elem->fields[i]);
		if (form.shape == FIELD_SHAPE_PTRBLOB ||
		    form.shape == FIELD_SHAPE_LIST)
			return false;
		if (form.shape == FIELD_SHAPE_BLOB && form.width == 0)
			return false;
	}
	return true;
}

bool field_table_check(const struct field_table *table)
{
	unsigned ptr_count = 0;
	unsigned tail_count = 0;

	if (table->count > FIELD_COUNT_MAX || !check_tags(table))
		return false;
	for (unsigned i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];
		struct field_form form;

		if (tail_count > 0 || !check_field(table, field))
			return false;
		if (field->elem && !check_element(field->elem))
			return false;
		form = field_form_of(field);
		ptr_count += form.shape == FIELD_SHAPE_PTRBLOB;
		tail_count +=
			form.width == 0 && form.shape != FIELD_SHAPE_BYTES;
	}
	return ptr_count <= FIELD_PTR_MAX && (ptr_count == 0 || !tail_count);
}

/* field_form.h - for the files of the codec: kinds, members and limits. */
#pragma once

#include "core/field.h"

/* What a field kind is made of. */
enum field_shape {
	FIELD_SHAPE_UINT,
	FIELD_SHAPE_INT,
	FIELD_SHAPE_BYTES,
	FIELD_SHAPE_BLOB, /* prefix of width bytes; 0: up to the end */
	FIELD_SHAPE_PTRBLOB,
	FIELD_SHAPE_LIST, /* prefix of width bytes; 0: up to the end */
};

struct field_form {
	uint8_t shape; /* enum field_shape */
	uint8_t width; /* bytes of the integer or of the prefix */
};

#define FIELD_KIND_COUNT (FIELD_LIST_TAIL + 1)

struct field_form field_form_of(const struct field *field);

/* Integers of width bytes, little-endian on the wire. */
uint64_t field_get_le(const uint8_t *bytes, unsigned width);
void field_set_le(uint8_t *bytes, uint64_t value, unsigned width);

/* A member of owner; a signed integer comes sign-extended. */
uint64_t field_load(const struct field *field, const void *owner);
void field_store(const struct field *field, void *owner, uint64_t value);
struct span field_load_span(const struct field *field, const void *owner);
void field_store_span(const struct field *field, void *owner, struct span span);

/* Whether a value, or a span without its final NUL, keeps the limits. */
bool field_value_fits(const struct field *field, uint64_t value);
bool field_span_fits(const struct field *field, struct span span);

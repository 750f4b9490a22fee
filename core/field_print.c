/* field_print.c - a struct as a person reads it in a log or a trace. */
#include "core/field_form.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define SPAN_BYTES_MAX 64 /* of a span that are shown */
#define ELEMENTS_MAX   16 /* of a list that are shown */

struct text {
	char *to;
	size_t cap;
	size_t used;
};

static void say(struct text *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What does not fit is cut, and the text stays terminated. */
static void say(struct text *t, const char *format, ...)
{
	va_list args;
	int len;

	if (t->used + 1 >= t->cap)
		return;
	va_start(args, format);
	len = vsnprintf(t->to + t->used, t->cap - t->used, format, args);
	va_end(args);
	if (len > 0)
		t->used += (size_t)len;
}

static bool is_text(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] < 0x20 || bytes[i] > 0x7e || bytes[i] == '"')
			return false;
	}
	return true;
}

static void say_bytes(struct text *t, const uint8_t *bytes, uint64_t len)
{
	size_t shown = len < SPAN_BYTES_MAX ? (size_t)len : SPAN_BYTES_MAX;

	if (len > 0 && is_text(bytes, shown)) {
		say(t, "\"%.*s\"", (int)shown, (const char *)bytes);
	} else {
		for (size_t i = 0; i < shown; i++)
			say(t, "%02x", bytes[i]);
	}
	if (shown < len || len == 0)
		say(t, "(%" PRIu64 " bytes)", len);
}

static void say_plain(struct text *t, const struct field *field,
		      const void *from)
{
	struct span span;

	switch ((enum field_shape)field_form_of(field).shape) {
	case FIELD_SHAPE_UINT:
		say(t, "%" PRIu64, field_load(field, from));
		break;
	case FIELD_SHAPE_INT:
		say(t, "%" PRId64, (int64_t)field_load(field, from));
		break;
	case FIELD_SHAPE_BYTES:
		say_bytes(t, (const uint8_t *)from + field->offset,
			  field->limit);
		break;
	case FIELD_SHAPE_BLOB:
	case FIELD_SHAPE_PTRBLOB:
	case FIELD_SHAPE_LIST:
		span = field_load_span(field, from);
		say_bytes(t, span.data, span.len);
		break;
	}
}

static void say_element(struct text *t, const struct field_table *table,
			const void *from)
{
	for (unsigned i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];

		say(t, "%s%s=", i ? " " : "", field->name);
		if (field->flags & FIELD_SECRET)
			say(t, "***");
		else
			say_plain(t, field, from);
	}
}

static void say_list(struct text *t, const struct field *field,
		     const void *from)
{
	uint64_t element[FIELD_ELEM_BYTES_MAX / sizeof(uint64_t)];
	uint32_t count = field_list_count(field, from);

	say(t, "%" PRIu32 "[", count);
	for (uint32_t i = 0; i < count && i < ELEMENTS_MAX; i++) {
		if (field_list_get(field, from, i, element) < 0)
			break;
		say(t, "{");
		say_element(t, field->elem, element);
		say(t, "}");
	}
	say(t, count > ELEMENTS_MAX ? "...]" : "]");
}

void field_print(const struct field_table *table, const void *from, char *text,
		 size_t cap)
{
	struct text t = {text, cap, 0};

	if (cap == 0)
		return;
	text[0] = 0;
	for (unsigned i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];

		say(&t, "%s%s=", i ? " " : "", field->name);
		if (field->flags & FIELD_SECRET)
			say(&t, "***");
		else if (field_form_of(field).shape == FIELD_SHAPE_LIST)
			say_list(&t, field, from);
		else
			say_plain(&t, field, from);
	}
}

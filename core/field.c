/* field.c - the codec of field tables: the one reader of outside bytes.
 *
 * Every read goes through take(), which knows the end. Lists go one level
 * deep: decode_plain() handles every kind but lists, and is what a list's
 * elements are made of.
 */
#include "core/field_form.h"

#include <errno.h>
#include <string.h>

/* A bounded walk over bytes that somebody else wrote. */
struct reader {
	const uint8_t *bytes;
	size_t len;
	size_t at;
};

/* Counts on when the room is used up, so that one pass gives the length too. */
struct writer {
	uint8_t *to;
	size_t cap;
	size_t used;
	size_t ptr_at[FIELD_PTR_MAX]; /* offsets to fill in later */
	unsigned ptr_count;
};

/* Reading. */

/* No bytes at all may come as NULL, which nothing can be added to. */
static struct reader reader_of(const uint8_t *bytes, size_t len)
{
	static const uint8_t nothing[1];

	return (struct reader){bytes ? bytes : nothing, len, 0};
}

static const uint8_t *take(struct reader *r, size_t len)
{
	const uint8_t *bytes = r->bytes + r->at;

	if (len > r->len - r->at)
		return NULL;
	r->at += len;
	return bytes;
}

static bool take_le(struct reader *r, unsigned width, uint64_t *value)
{
	const uint8_t *bytes = take(r, width);

	if (bytes == NULL)
		return false;
	*value = field_get_le(bytes, width);
	return true;
}

/* Takes the NUL off a string and checks what is left; to may be NULL. */
static bool accept_span(const struct field *field, void *to,
			const uint8_t *bytes, size_t len)
{
	struct span span = {bytes, (uint32_t)len};

	if ((field->flags & FIELD_NUL) && len > 0) {
		if (bytes[len - 1] != 0)
			return false;
		span.len--;
	}
	if (len == 0)
		span.data = NULL;
	if (!field_span_fits(field, span))
		return false;
	if (to)
		field_store_span(field, to, span);
	return true;
}

static bool read_int(const struct field *field, void *to, struct reader *r)
{
	struct field_form form = field_form_of(field);
	unsigned unused_bits = 64 - 8u * form.width;
	uint64_t value;

	if (!take_le(r, form.width, &value))
		return false;
	if (form.shape == FIELD_SHAPE_INT)
		value = (uint64_t)((int64_t)(value << unused_bits) >>
				   unused_bits);
	if (!field_value_fits(field, value))
		return false;
	if (to)
		field_store(field, to, value);
	return true;
}

static bool read_bytes(const struct field *field, void *to, struct reader *r)
{
	const uint8_t *bytes = take(r, field->limit);

	if (bytes == NULL)
		return false;
	if (to)
		memcpy((uint8_t *)to + field->offset, bytes, field->limit);
	return true;
}

static bool read_blob(const struct field *field, void *to, struct reader *r)
{
	unsigned width = field_form_of(field).width;
	uint64_t len = r->len - r->at;
	const uint8_t *bytes;

	if (width > 0 && !take_le(r, width, &len))
		return false;
	bytes = take(r, len);
	return bytes && accept_span(field, to, bytes, len);
}

/* Bounds are checked here, the place behind the fixed part in end_of_ptrs. */
static bool read_ptrblob(const struct field *field, void *to, struct reader *r)
{
	uint64_t len;
	uint64_t offset;

	if (!take_le(r, 4, &len) || !take_le(r, 4, &offset))
		return false;
	if ((len == 0) != (offset == 0))
		return false;
	if (offset > r->len || len > r->len - offset)
		return false;
	return accept_span(field, to, r->bytes + offset, len);
}

/* Reads a field that is no list. With to NULL it is only checked. */
static bool read_plain(const struct field *field, void *to, struct reader *r)
{
	switch ((enum field_shape)field_form_of(field).shape) {
	case FIELD_SHAPE_UINT:
	case FIELD_SHAPE_INT:
		return read_int(field, to, r);
	case FIELD_SHAPE_BYTES:
		return read_bytes(field, to, r);
	case FIELD_SHAPE_BLOB:
		return read_blob(field, to, r);
	case FIELD_SHAPE_PTRBLOB:
		return read_ptrblob(field, to, r);
	case FIELD_SHAPE_LIST:
		break;
	}
	return false;
}

static bool read_element(const struct field_table *table, void *to,
			 struct reader *r)
{
	for (unsigned i = 0; i < table->count; i++) {
		if (!read_plain(&table->fields[i], to, r))
			return false;
	}
	return true;
}

static bool read_list(const struct field *field, void *to, struct reader *r)
{
	unsigned width = field_form_of(field).width;
	uint64_t count = UINT64_MAX; /* up to the end */
	uint64_t seen = 0;
	struct span span;
	size_t start;

	if (width > 0 && !take_le(r, width, &count))
		return false;
	start = r->at;
	while (width > 0 ? seen < count : r->at < r->len) {
		if (seen == field->limit || !read_element(field->elem, NULL, r))
			return false;
		seen++;
	}
	if ((field->flags & FIELD_NONEMPTY) && seen == 0)
		return false;
	span.len = (uint32_t)(r->at - start);
	span.data = span.len > 0 ? r->bytes + start : NULL;
	if (to)
		field_store_span(field, to, span);
	return true;
}

static bool read_field(const struct field *field, void *to, struct reader *r)
{
	if (field_form_of(field).shape == FIELD_SHAPE_LIST)
		return read_list(field, to, r);
	return read_plain(field, to, r);
}

/*
 * Moves the reader behind the bytes the PTRBLOBs name, which must not lie
 * within the fields themselves. A string's NUL lies behind its span.
 */
static bool end_of_ptrs(const struct field *fields, unsigned count,
			const void *to, struct reader *r)
{
	size_t fixed_len = r->at;

	for (unsigned i = 0; i < count; i++) {
		const struct field *field = &fields[i];
		struct span span;
		size_t offset;
		size_t end;

		if (field_form_of(field).shape != FIELD_SHAPE_PTRBLOB)
			continue;
		span = field_load_span(field, to);
		if (span.data == NULL)
			continue;
		offset = (size_t)(span.data - r->bytes);
		end = offset + span.len + !!(field->flags & FIELD_NUL);
		if (offset < fixed_len)
			return false;
		if (end > r->at)
			r->at = end;
	}
	return true;
}

static int decode(const struct field *fields, unsigned count, void *to,
		  const uint8_t *bytes, size_t len, size_t *extra)
{
	struct reader r = reader_of(bytes, len);

	if (len > UINT32_MAX)
		return -EBADMSG;
	for (unsigned i = 0; i < count; i++) {
		if (!read_field(&fields[i], to, &r))
			return -EBADMSG;
	}
	if (!end_of_ptrs(fields, count, to, &r))
		return -EBADMSG;
	if (extra)
		*extra = len - r.at;
	else if (r.at < len)
		return -EBADMSG;
	return 0;
}

int field_decode(const struct field_table *table, void *to,
		 const uint8_t *bytes, size_t len, size_t *extra)
{
	memset(to, 0, table->struct_bytes);
	return decode(table->fields, table->count, to, bytes, len, extra);
}

int field_decode_one(const struct field *field, void *to, const uint8_t *bytes,
		     size_t len)
{
	return decode(field, 1, to, bytes, len, NULL);
}

/* Writing. */

static void put(struct writer *w, const void *bytes, size_t len)
{
	if (w->to && len > 0 && w->used <= w->cap && len <= w->cap - w->used)
		memcpy(w->to + w->used, bytes, len);
	w->used += len;
}

static void put_le(struct writer *w, uint64_t value, unsigned width)
{
	uint8_t bytes[8];

	field_set_le(bytes, value, width);
	put(w, bytes, width);
}

/* Counts the elements of a list that is to be written, or lent to a caller. */
static bool list_count(const struct field *field, struct span span,
		       uint32_t *count)
{
	struct reader r = reader_of(span.data, span.len);

	for (*count = 0; r.at < r.len; (*count)++) {
		if (!read_element(field->elem, NULL, &r))
			return false;
	}
	return true;
}

static bool write_span(const struct field *field, struct span span,
		       struct writer *w)
{
	bool nul = field->flags & FIELD_NUL;
	struct field_form form = field_form_of(field);
	uint64_t len = span.len + (uint64_t)nul;

	if (!field_span_fits(field, span))
		return false;
	if (form.width > 0)
		put_le(w, len, form.width);
	put(w, span.data, span.len);
	if (nul)
		put(w, "", 1);
	return true;
}

static bool write_ptrblob(const struct field *field, struct span span,
			  struct writer *w)
{
	if (!field_span_fits(field, span))
		return false;
	put_le(w, span.len ? span.len + !!(field->flags & FIELD_NUL) : 0, 4);
	ASSERT(w->ptr_count < FIELD_PTR_MAX, "a table has few PTRBLOBs");
	w->ptr_at[w->ptr_count++] = w->used;
	put_le(w, 0, 4);
	return true;
}

static bool write_list(const struct field *field, struct span span,
		       struct writer *w)
{
	struct field_form form = field_form_of(field);
	uint32_t count;

	if (span.len > 0 && span.data == NULL)
		return false;
	if (!list_count(field, span, &count) || count > field->limit)
		return false;
	if ((field->flags & FIELD_NONEMPTY) && count == 0)
		return false;
	if (form.width > 0)
		put_le(w, count, form.width);
	put(w, span.data, span.len);
	return true;
}

static bool write_field(const struct field *field, const void *from,
			struct writer *w)
{
	struct field_form form = field_form_of(field);
	uint64_t value;

	switch ((enum field_shape)form.shape) {
	case FIELD_SHAPE_UINT:
	case FIELD_SHAPE_INT:
		value = field_load(field, from);
		put_le(w, value, form.width);
		return field_value_fits(field, value);
	case FIELD_SHAPE_BYTES:
		put(w, (const uint8_t *)from + field->offset, field->limit);
		return true;
	case FIELD_SHAPE_BLOB:
		return write_span(field, field_load_span(field, from), w);
	case FIELD_SHAPE_PTRBLOB:
		return write_ptrblob(field, field_load_span(field, from), w);
	case FIELD_SHAPE_LIST:
		return write_list(field, field_load_span(field, from), w);
	}
	return false;
}

/* Appends what the PTRBLOBs point at and writes the offsets. */
static void write_ptrs(const struct field *fields, unsigned count,
		       const void *from, struct writer *w)
{
	unsigned ptr = 0;

	for (unsigned i = 0; i < count; i++) {
		struct span span;

		if (field_form_of(&fields[i]).shape != FIELD_SHAPE_PTRBLOB)
			continue;
		span = field_load_span(&fields[i], from);
		if (span.len > 0 && w->to && w->used <= w->cap)
			field_set_le(w->to + w->ptr_at[ptr], w->used, 4);
		ptr++;
		put(w, span.data, span.len);
		if (span.len > 0 && (fields[i].flags & FIELD_NUL))
			put(w, "", 1);
	}
}

static int64_t encode(const struct field *fields, unsigned count,
		      const void *from, uint8_t *to, size_t cap)
{
	struct writer w = {.to = to, .cap = cap};

	for (unsigned i = 0; i < count; i++) {
		if (!write_field(&fields[i], from, &w))
			return -EINVAL;
	}
	write_ptrs(fields, count, from, &w);
	if (w.used > UINT32_MAX)
		return -EINVAL;
	return w.used > cap ? -ENOBUFS : (int64_t)w.used;
}

int64_t field_encode(const struct field_table *table, const void *from,
		     uint8_t *to, size_t cap)
{
	return encode(table->fields, table->count, from, to, cap);
}

int64_t field_encode_one(const struct field *field, const void *from,
			 uint8_t *to, size_t cap)
{
	return encode(field, 1, from, to, cap);
}

int64_t field_encoded_len(const struct field_table *table, const void *from)
{
	return encode(table->fields, table->count, from, NULL, SIZE_MAX);
}

/* Lists. */

uint32_t field_list_count(const struct field *field, const void *owner)
{
	struct span span = field_load_span(field, owner);
	uint32_t count;

	return list_count(field, span, &count) ? count : 0;
}

/* The length of every element, or 0 when it differs from one to the next. */
static size_t element_len(const struct field_table *elem)
{
	size_t len = 0;

	for (unsigned i = 0; i < elem->count; i++) {
		const struct field *field = &elem->fields[i];
		struct field_form form = field_form_of(field);

		if (form.shape == FIELD_SHAPE_BYTES)
			len += field->limit;
		else if (form.shape < FIELD_SHAPE_BYTES)
			len += form.width;
		else
			return 0;
	}
	return len;
}

int field_list_get(const struct field *field, const void *owner, uint32_t index,
		   void *to)
{
	struct span span = field_load_span(field, owner);
	struct reader r = reader_of(span.data, span.len);
	size_t len = element_len(field->elem);

	if (len > 0)
		r.at = min_u64((uint64_t)index * len, r.len);
	for (uint32_t i = 0; len == 0 && i < index && r.at < r.len; i++) {
		if (!read_element(field->elem, NULL, &r))
			return -ERANGE;
	}
	if (r.at >= r.len)
		return -ERANGE;
	memset(to, 0, field->elem->struct_bytes);
	return read_element(field->elem, to, &r) ? 0 : -ERANGE;
}

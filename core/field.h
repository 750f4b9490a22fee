/* field.h - tables that describe a struct's bytes: one source for codec, print,
 * random generation and fuzz seeds. */
#pragma once

#include "core/chunk.h" /* struct span */

/*
 * A message or image is a C struct plus a table of its fields, in the order of
 * the encoding. All integers are little-endian and unpadded. Nothing else in
 * the project reads or writes raw wire bytes.
 *
 * kind        member type     packed encoding (messages)
 * U8..U64     uint8_t..       the integer
 * I16..I64    int16_t..       the integer
 * BYTES       uint8_t[limit]  limit bytes
 * TAIL        struct span     everything up to the end
 * BLOB8/16/32 struct span     u8/u16/u32 length, then the bytes
 * PTRBLOB     struct span     u32 length, u32 offset from the payload's start
 *                             (both 0: none); the bytes are written behind the
 *                             other fields, in order, and accepted anywhere
 *                             behind them.
 * LIST8/16/32 struct span     u8/u16/u32 count, then that many elements of the
 *                             table elem; the span covers their encoding, which
 *                             was validated; field_list_get decodes one.
 * LIST_TAIL   struct span     elements up to the end
 *
 * With FIELD_NUL the length on the wire counts a final NUL that is not in the
 * span, and no other byte is NUL. Elements of lists hold no list, TAIL or
 * PTRBLOB. A TAIL or LIST_TAIL is the last field, and not beside a PTRBLOB.
 */
enum field_kind {
	FIELD_U8,
	FIELD_U16,
	FIELD_U32,
	FIELD_U64,
	FIELD_I16,
	FIELD_I32,
	FIELD_I64,
	FIELD_BYTES,
	FIELD_TAIL,
	FIELD_BLOB8,
	FIELD_BLOB16,
	FIELD_BLOB32,
	FIELD_PTRBLOB,
	FIELD_LIST8,
	FIELD_LIST16,
	FIELD_LIST32,
	FIELD_LIST_TAIL,
};

enum field_flags {
	FIELD_NUL = 1,      /* PTRBLOB, BLOB*: a string, see above */
	FIELD_NONEMPTY = 2, /* spans: at least one byte or element */
	FIELD_OPTIONAL = 4, /* portable images: absent means zero */
	FIELD_SECRET = 8,   /* not printed */
};

struct field_table;

struct field {
	const char *name;
	uint32_t offset; /* in the struct */
	uint16_t tag;    /* portable images: never reused; 0 in messages */
	uint8_t kind;    /* enum field_kind */
	uint8_t flags;   /* enum field_flags */
	uint64_t limit;  /* integers: largest value or, with a sign, largest
			  * magnitude (0: any); spans: largest length in
			  * bytes; lists: largest count */
	const struct field_table *elem; /* LIST* only */
};

struct field_table {
	const char *name;
	const struct field *fields;
	uint16_t count;
	uint16_t version; /* images: raised with every new field */
	uint32_t struct_bytes;
};

#define FIELD_COUNT_MAX      128 /* fields of one table */
#define FIELD_PTR_MAX        4   /* PTRBLOBs of one table */
#define FIELD_ELEM_BYTES_MAX 512 /* struct of a list's element */

/* FIELD(struct x, member, FIELD_U32, limit [, .flags = , .tag = , .elem = ]) */
#define FIELD(type, member, kind_, limit_, ...)                    \
	{                                                          \
		.name = #member, .offset = offsetof(type, member), \
		.kind = kind_, .limit = limit_, ##__VA_ARGS__      \
	}
#define FIELD_TABLE(name_, type, array)                                    \
	{                                                                  \
		.name = name_, .fields = array, .count = ARRAY_LEN(array), \
		.version = 1, .struct_bytes = sizeof(type)                 \
	}

/* True when a table keeps the rules above. For tests: no call checks it. */
bool field_table_check(const struct field_table *table);

/*
 * Encodes the struct at from. Returns the bytes written, -ENOBUFS when cap is
 * too small, or -EINVAL when a value breaks the table's limits.
 */
int64_t field_encode(const struct field_table *table, const void *from,
		     uint8_t *to, size_t cap);

/* The length that field_encode would write, or -EINVAL. */
int64_t field_encoded_len(const struct field_table *table, const void *from);

/*
 * Zeroes the struct at to and decodes len bytes into it; spans point into
 * bytes. Bytes behind the last field are an error unless extra is not NULL,
 * which then gets their count. Returns 0 or -EBADMSG, never reads outside.
 */
int field_decode(const struct field_table *table, void *to,
		 const uint8_t *bytes, size_t len, size_t *extra);

/* As above for one field alone: no other member is touched. For images. */
int64_t field_encode_one(const struct field *field, const void *from,
			 uint8_t *to, size_t cap);
int field_decode_one(const struct field *field, void *to, const uint8_t *bytes,
		     size_t len);

/* True when a member is 0, all zero bytes, or an empty span. */
bool field_is_zero(const struct field *field, const void *from);

/* Element number index of a LIST field of owner. 0 or -ERANGE. */
int field_list_get(const struct field *field, const void *owner, uint32_t index,
		   void *to);

/* Elements of a LIST field of owner; 0 when its span is not a valid one. */
uint32_t field_list_count(const struct field *field, const void *owner);

/* Writes name=value pairs for a person, NUL-terminated, cut at cap. */
void field_print(const struct field_table *table, const void *from, char *text,
		 size_t cap);

/*
 * Fills a struct with values within its limits, from a tape of bytes (a fuzz
 * input or seeded randomness); spans point into scratch, which should hold a
 * few times what FIELD_NONEMPTY asks for. Returns tape used.
 */
size_t field_random(const struct field_table *table, void *to,
		    const uint8_t *tape, size_t tape_len, uint8_t *scratch,
		    size_t scratch_len);

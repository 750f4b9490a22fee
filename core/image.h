/* image.h - the state of a channel, session or guest as bytes, in two ways. */
#pragma once

#include "core/field.h"

/*
 * Both encodings come from the field table of the state's struct. Native is
 * the packed form behind a hash of the table: for core pools of one build.
 * Portable is tag-length-value, little-endian, versioned: other hosts, other
 * releases. A reader skips tags it does not know and zeroes absent optional
 * fields. Golden files of every released version stay in tests/.
 *
 *   image: u32 magic "FMIM", u8 encoding, u8 kind, u16 table version,
 *          u32 body length, u64 XXH3-64 of the body, body
 *   TLV:   u16 tag, u32 length, bytes
 */
enum image_encoding { IMAGE_NATIVE = 1, IMAGE_PORTABLE = 2 };

enum image_kind {
	IMAGE_GUEST = 1,
	IMAGE_SESSION = 2,
	IMAGE_CHANNEL = 3,
	IMAGE_OFFER = 4,
	IMAGE_INPUT = 5, /* input kept for a channel, behind its image */
};

#define IMAGE_KIND_MAX     IMAGE_INPUT
#define IMAGE_HEADER_BYTES 20
#define IMAGE_BYTES_MAX    ((uint32_t)1 << 20)

/* Bytes written, or -ENOBUFS / -EINVAL. */
int64_t image_encode(const struct field_table *table, enum image_kind kind,
		     enum image_encoding encoding, const void *from,
		     uint8_t *to, size_t cap);

/* Reads either encoding; spans point into bytes. 0, -EBADMSG, or
 * -EPROTONOSUPPORT for a native image of another build. */
int image_decode(const struct field_table *table, enum image_kind kind,
		 void *to, const uint8_t *bytes, size_t len);

/* The kind of an image, or -EBADMSG when the header is not one. */
int image_peek_kind(const uint8_t *bytes, size_t len);

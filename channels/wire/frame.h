/* frame.h - cuts a byte stream into messages, with either header. */
#pragma once

#include "core/chunk.h" /* struct span */

/*
 * The parser keeps only what a header split over reads needs, so that it fits
 * a channel's hot record. Bodies are never copied: what a caller gets points
 * into the bytes it gave.
 *
 *   mini header   u16 type, u32 size
 *   full header   u64 serial, u16 type, u32 size, u32 sub_list
 *
 * After an error the stream is lost: -EPROTO ever after.
 */
#define FRAME_MINI_BYTES 6
#define FRAME_FULL_BYTES 18

enum frame_mode {
	FRAME_MINI = 1,
	FRAME_FULL = 2,
};

struct frame_parser {
	uint8_t header[FRAME_FULL_BYTES];
	uint8_t have;            /* bytes of the header so far */
	uint8_t mode : 2;        /* enum frame_mode */
	uint8_t from_client : 1; /* sub-messages are refused */
	uint8_t broken : 1;
	uint32_t left; /* bytes of the body still to come */
};

_Static_assert(sizeof(struct frame_parser) == 24, "part of a hot record");

/* A message or a piece of one. */
struct frame {
	uint64_t serial;     /* 0 with mini headers */
	const uint8_t *data; /* lies within the bytes given */
	uint32_t len;
	uint32_t offset;   /* of the piece in the body */
	uint32_t total;    /* bytes of the whole body */
	uint32_t sub_list; /* 0: none; else inside the body */
	uint16_t type;
};

/*
 * Largest body of a message type, or a negative errno for a type that ends the
 * connection. Asked once per message, before any byte of the body is taken.
 */
typedef int64_t frame_limit(const void *arg, uint16_t type);

enum frame_step {
	FRAME_MORE = 0, /* all bytes are taken: give more */
	FRAME_MESSAGE,  /* a whole message */
	FRAME_PIECE,    /* part of one: at offset, the last when it ends it */
};

/* Starts at a message boundary. */
void frame_init(struct frame_parser *parser, enum frame_mode mode,
		bool from_client);

/*
 * Takes bytes from the front of *data, *len up to the end of one message or
 * piece. Returns enum frame_step, -EMSGSIZE (over the limit), -EPROTO (a
 * sub_list that may not be) or what limit returned. Call until FRAME_MORE.
 */
int frame_next(struct frame_parser *parser, const uint8_t **data, uint32_t *len,
	       frame_limit *limit, const void *arg, struct frame *frame);

/* True between messages: nothing of the next one was taken. */
static inline bool frame_at_boundary(const struct frame_parser *parser)
{
	return parser->have == 0 && parser->left == 0;
}

static inline bool frame_is_last(const struct frame *frame)
{
	return frame->offset + frame->len == frame->total;
}

static inline uint32_t frame_header_bytes(enum frame_mode mode)
{
	return mode == FRAME_MINI ? FRAME_MINI_BYTES : FRAME_FULL_BYTES;
}

/* Writes a header without sub-messages; returns its length. */
uint32_t frame_emit_header(uint8_t header[FRAME_FULL_BYTES],
			   enum frame_mode mode, uint64_t serial, uint16_t type,
			   uint32_t size);

/* Number of sub-messages of a whole body with a sub_list. -EPROTO. */
int frame_sub_count(const uint8_t *body, uint32_t len, uint32_t sub_list);

/* Sub-message number index; its data lies in body. 0, -ERANGE or -EPROTO. */
int frame_sub_message(const uint8_t *body, uint32_t len, uint32_t sub_list,
		      uint32_t index, uint16_t *type, struct span *data);

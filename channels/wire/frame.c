/* frame.c - cuts a byte stream into messages, with either header.
 *
 * The invariant: left counts body bytes of the message whose header stands
 * complete in header[]; while have is less than the header's length, left is 0.
 */
#include "channels/wire/frame.h"

#include <errno.h>
#include <string.h>

/*
 * Headers are read by hand and not by a field table: it is done for every
 * message, and there are only these two.
 */
static uint16_t load_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t load_u32(const uint8_t *p)
{
	return load_u16(p) | (uint32_t)load_u16(p + 2) << 16;
}

static uint64_t load_u64(const uint8_t *p)
{
	return load_u32(p) | (uint64_t)load_u32(p + 4) << 32;
}

static void store(uint8_t *p, uint64_t value, uint32_t width)
{
	for (uint32_t i = 0; i < width; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

struct header {
	uint64_t serial;
	uint32_t size;
	uint32_t sub_list;
	uint16_t type;
};

static struct header read_header(enum frame_mode mode, const uint8_t *p)
{
	if (mode == FRAME_MINI)
		return (struct header){.type = load_u16(p),
				       .size = load_u32(p + 2)};
	return (struct header){.serial = load_u64(p),
			       .type = load_u16(p + 8),
			       .size = load_u32(p + 10),
			       .sub_list = load_u32(p + 14)};
}

/* Everything that a header can have wrong, before its body is touched. */
static int check_header(const struct frame_parser *parser,
			const struct header *header, frame_limit *limit,
			const void *arg)
{
	int64_t max = limit(arg, header->type);

	if (max < 0)
		return (int)max;
	if (header->size > max)
		return -EMSGSIZE;
	if (header->sub_list == 0)
		return 0;
	if (parser->from_client)
		return -EPROTO;
	if (header->size < 2 || header->sub_list > header->size - 2)
		return -EPROTO;
	return 0;
}

void frame_init(struct frame_parser *parser, enum frame_mode mode,
		bool from_client)
{
	*parser = (struct frame_parser){.mode = mode & 3,
					.from_client = from_client};
}

/* Takes header bytes. 1 when the header is complete and checked, 0, -errno. */
static int take_header(struct frame_parser *parser, const uint8_t **data,
		       uint32_t *len, frame_limit *limit, const void *arg)
{
	uint32_t want = frame_header_bytes(parser->mode) - parser->have;
	uint32_t take = min_u32(want, *len);
	struct header header;
	int error;

	memcpy(parser->header + parser->have, *data, take);
	parser->have = (uint8_t)(parser->have + take);
	*data += take;
	*len -= take;
	if (take < want)
		return 0;
	header = read_header(parser->mode, parser->header);
	error = check_header(parser, &header, limit, arg);
	if (error < 0) {
		parser->broken = true;
		return error;
	}
	parser->left = header.size;
	return 1;
}

/* Lends what is there of the body. */
static int take_body(struct frame_parser *parser, const uint8_t **data,
		     uint32_t *len, struct frame *frame)
{
	struct header header = read_header(parser->mode, parser->header);
	uint32_t take = min_u32(parser->left, *len);

	if (take == 0 && header.size > 0)
		return FRAME_MORE;
	*frame = (struct frame){
		.serial = header.serial,
		.data = *data,
		.len = take,
		.offset = header.size - parser->left,
		.total = header.size,
		.sub_list = header.sub_list,
		.type = header.type,
	};
	*data += take;
	*len -= take;
	parser->left -= take;
	if (parser->left == 0)
		parser->have = 0;
	return take == header.size ? FRAME_MESSAGE : FRAME_PIECE;
}

int frame_next(struct frame_parser *parser, const uint8_t **data, uint32_t *len,
	       frame_limit *limit, const void *arg, struct frame *frame)
{
	if (parser->broken)
		return -EPROTO;
	if (*len == 0)
		return FRAME_MORE;
	if (parser->left == 0) {
		int ready = take_header(parser, data, len, limit, arg);

		if (ready <= 0)
			return ready;
	}
	return take_body(parser, data, len, frame);
}

uint32_t frame_emit_header(uint8_t header[FRAME_FULL_BYTES],
			   enum frame_mode mode, uint64_t serial, uint16_t type,
			   uint32_t size)
{
	if (mode == FRAME_MINI) {
		store(header, type, 2);
		store(header + 2, size, 4);
		return FRAME_MINI_BYTES;
	}
	store(header, serial, 8);
	store(header + 8, type, 2);
	store(header + 10, size, 4);
	store(header + 14, 0, 4);
	return FRAME_FULL_BYTES;
}

int frame_sub_count(const uint8_t *body, uint32_t len, uint32_t sub_list)
{
	uint32_t count;

	if (len < 2 || sub_list > len - 2)
		return -EPROTO;
	count = load_u16(body + sub_list);
	if (count * 4 > len - 2 - sub_list)
		return -EPROTO;
	return (int)count;
}

int frame_sub_message(const uint8_t *body, uint32_t len, uint32_t sub_list,
		      uint32_t index, uint16_t *type, struct span *data)
{
	int count = frame_sub_count(body, len, sub_list);
	uint32_t offset;
	uint32_t size;

	if (count < 0)
		return count;
	if (index >= (uint32_t)count)
		return -ERANGE;
	offset = load_u32(body + sub_list + 2 + 4 * index);
	if (len < FRAME_MINI_BYTES || offset > len - FRAME_MINI_BYTES)
		return -EPROTO;
	size = load_u32(body + offset + 2);
	if (size > len - FRAME_MINI_BYTES - offset)
		return -EPROTO;
	*type = load_u16(body + offset);
	*data = (struct span){body + offset + FRAME_MINI_BYTES, size};
	return 0;
}

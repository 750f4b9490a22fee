/* frame_test.c - the cutting of byte streams into messages. */
#include "channels/wire/frame.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGES     40
#define STREAM_BYTES 4096
#define BODY_MAX     60

static uint32_t state = 1; /* of the test's random numbers */

static uint32_t draw(uint32_t below)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % below;
}

static int64_t no_limit(const void *arg, uint16_t type)
{
	(void)arg;
	(void)type;
	return UINT32_MAX;
}

/* Types below 10 are unknown, others may have as many bytes as *arg. */
static int64_t some_limit(const void *arg, uint16_t type)
{
	if (type < 10)
		return -ENOMSG;
	return *(const uint32_t *)arg;
}

/* What was sent and what has come out of the parser so far. */
struct stream {
	enum frame_mode mode;
	uint8_t bytes[STREAM_BYTES];
	uint32_t len;
	uint16_t type[MESSAGES];
	uint32_t size[MESSAGES];
	uint32_t at[MESSAGES]; /* of the body in bytes */
	uint32_t done;         /* messages seen whole */
	uint32_t part;         /* bytes seen of the next */
};

static void stream_fill(struct stream *stream, enum frame_mode mode)
{
	memset(stream, 0, sizeof(*stream));
	stream->mode = mode;
	for (uint32_t i = 0; i < MESSAGES; i++) {
		uint32_t size = draw(3) ? draw(BODY_MAX) : 0;
		uint16_t type = (uint16_t)draw(65536);

		stream->len += frame_emit_header(stream->bytes + stream->len,
						 mode, i + 1, type, size);
		stream->type[i] = type;
		stream->size[i] = size;
		stream->at[i] = stream->len;
		for (uint32_t j = 0; j < size; j++)
			stream->bytes[stream->len++] = (uint8_t)draw(256);
	}
}

static void stream_expect(struct stream *stream, const struct frame *frame,
			  int step)
{
	uint32_t i = stream->done;

	cr_assert_lt(i, MESSAGES);
	cr_assert_eq(frame->type, stream->type[i]);
	cr_assert_eq(frame->total, stream->size[i]);
	cr_assert_eq(frame->offset, stream->part);
	cr_assert_eq(frame->sub_list, 0);
	cr_assert_eq(frame->serial,
		     stream->mode == FRAME_FULL ? stream->done + 1 : 0);
	cr_assert_eq(memcmp(frame->data,
			    stream->bytes + stream->at[i] + frame->offset,
			    frame->len),
		     0);
	cr_assert_eq(step == FRAME_MESSAGE, frame->len == frame->total);
	if (step == FRAME_PIECE)
		cr_assert_gt(frame->len, 0);
	stream->part += frame->len;
	if (frame_is_last(frame)) {
		cr_assert_eq(stream->part, stream->size[i]);
		stream->done++;
		stream->part = 0;
	}
}

/* Gives bytes from..to in a block of their own, so that ASan sees its end. */
static void stream_feed(struct stream *stream, struct frame_parser *parser,
			uint32_t from, uint32_t to)
{
	uint32_t len = to - from;
	uint8_t *block = malloc(len + 1);
	const uint8_t *data = block;
	struct frame frame;
	int step;

	memcpy(block, stream->bytes + from, len);
	for (uint32_t turns = 0; turns <= MESSAGES; turns++) {
		step = frame_next(parser, &data, &len, no_limit, NULL, &frame);
		if (step == FRAME_MORE)
			break;
		cr_assert_gt(step, 0);
		stream_expect(stream, &frame, step);
	}
	cr_assert_eq(step, FRAME_MORE);
	cr_assert_eq(len, 0);
	cr_assert_eq(data, block + (to - from));
	free(block);
}

static void check_all_splits(enum frame_mode mode)
{
	struct stream *stream = malloc(sizeof(*stream));
	struct frame_parser parser;

	stream_fill(stream, mode);
	for (uint32_t split = 0; split <= stream->len; split++) {
		stream->done = 0;
		frame_init(&parser, mode, true);
		stream_feed(stream, &parser, 0, split);
		stream_feed(stream, &parser, split, stream->len);
		cr_assert_eq(stream->done, MESSAGES, "split at %u", split);
		cr_assert(frame_at_boundary(&parser));
	}
	for (uint32_t step = 1; step < 40; step++) {
		stream->done = 0;
		frame_init(&parser, mode, true);
		for (uint32_t at = 0; at < stream->len; at += step)
			stream_feed(stream, &parser, at,
				    min_u32(at + step, stream->len));
		cr_assert_eq(stream->done, MESSAGES, "steps of %u", step);
		cr_assert(frame_at_boundary(&parser));
	}
	free(stream);
}

Test(frame, every_split_of_a_mini_stream_gives_the_same_messages)
{
	check_all_splits(FRAME_MINI);
}

Test(frame, every_split_of_a_full_stream_gives_the_same_messages)
{
	check_all_splits(FRAME_FULL);
}

Test(frame, a_boundary_is_only_between_messages)
{
	struct frame_parser parser;
	uint8_t bytes[FRAME_FULL_BYTES + 3] = {0};
	uint32_t total = frame_emit_header(bytes, FRAME_MINI, 1, 7, 3) + 3;
	struct frame frame;

	frame_init(&parser, FRAME_MINI, true);
	for (uint32_t i = 0; i < total; i++) {
		const uint8_t *data = bytes + i;
		uint32_t len = 1;

		cr_assert_eq(frame_at_boundary(&parser), i == 0);
		frame_next(&parser, &data, &len, no_limit, NULL, &frame);
		cr_assert_eq(len, 0);
	}
	cr_assert(frame_at_boundary(&parser));
}

static int parse_one(enum frame_mode mode, bool from_client,
		     const uint8_t *bytes, uint32_t len, uint32_t max,
		     struct frame *frame)
{
	struct frame_parser parser;
	int step;

	frame_init(&parser, mode, from_client);
	step = frame_next(&parser, &bytes, &len, some_limit, &max, frame);
	if (step < 0) {
		len = 1;
		cr_assert_eq(frame_next(&parser, &bytes, &len, some_limit, &max,
					frame),
			     -EPROTO, "what is broken stays so");
	}
	return step;
}

Test(frame, a_body_over_its_limit_is_refused_by_its_header_alone)
{
	uint8_t bytes[FRAME_FULL_BYTES];
	struct frame frame;
	uint32_t len = frame_emit_header(bytes, FRAME_MINI, 1, 10, 101);

	cr_assert_eq(parse_one(FRAME_MINI, true, bytes, len, 100, &frame),
		     -EMSGSIZE);
	cr_assert_eq(parse_one(FRAME_MINI, true, bytes, len, 101, &frame),
		     FRAME_MORE);
	len = frame_emit_header(bytes, FRAME_MINI, 1, 10, UINT32_MAX);
	cr_assert_eq(parse_one(FRAME_MINI, true, bytes, len, 100, &frame),
		     -EMSGSIZE);
	len = frame_emit_header(bytes, FRAME_MINI, 1, 9, 0);
	cr_assert_eq(parse_one(FRAME_MINI, true, bytes, len, 100, &frame),
		     -ENOMSG);
	len = frame_emit_header(bytes, FRAME_MINI, 1, 10, 0);
	cr_assert_eq(parse_one(FRAME_MINI, true, bytes, len, 0, &frame),
		     FRAME_MESSAGE);
}

/* A body of 20 bytes: a main message of 2, then a list of one sub-message. */
static uint32_t fill_sub(uint8_t *bytes, uint32_t sub_list)
{
	static const uint8_t body[20] = {0xaa, 0xbb, 1, 0, 8, 0, 0, 0, 105, 0,
					 6,    0,    0, 0, 1, 2, 3, 4, 5,   6};
	uint32_t len = frame_emit_header(bytes, FRAME_FULL, 1, 12, 20);

	bytes[14] = (uint8_t)sub_list;
	bytes[17] = (uint8_t)(sub_list >> 24);
	memcpy(bytes + len, body, sizeof(body));
	return len + (uint32_t)sizeof(body);
}

Test(frame, sub_messages_are_the_servers_and_bounded)
{
	uint8_t bytes[FRAME_FULL_BYTES + 20];
	uint32_t len = fill_sub(bytes, 2);
	struct span data;
	struct frame frame;
	uint16_t type;

	cr_assert_eq(parse_one(FRAME_FULL, true, bytes, len, 100, &frame),
		     -EPROTO);
	cr_assert_eq(parse_one(FRAME_FULL, false, bytes, len, 100, &frame),
		     FRAME_MESSAGE);
	cr_assert_eq(frame.sub_list, 2);
	cr_assert_eq(frame_sub_count(frame.data, frame.len, frame.sub_list), 1);
	cr_assert_eq(
		frame_sub_message(frame.data, frame.len, 2, 0, &type, &data),
		0);
	cr_assert_eq(type, 105);
	cr_assert_eq(data.len, 6);
	cr_assert_eq(data.data, frame.data + 14);
	cr_assert_eq(
		frame_sub_message(frame.data, frame.len, 2, 1, &type, &data),
		-ERANGE);
	fill_sub(bytes, 19);
	cr_assert_eq(parse_one(FRAME_FULL, false, bytes, len, 100, &frame),
		     -EPROTO, "no room for a count");
	fill_sub(bytes, 0xff000000u);
	cr_assert_eq(parse_one(FRAME_FULL, false, bytes, len, 100, &frame),
		     -EPROTO);
}

Test(frame, sub_messages_do_not_reach_outside)
{
	uint8_t bytes[FRAME_FULL_BYTES + 20];
	uint8_t *body = bytes + FRAME_FULL_BYTES;
	struct span data;
	uint16_t type;

	fill_sub(bytes, 2);
	body[10] = 7; /* a byte more than there is */
	cr_assert_eq(frame_sub_message(body, 20, 2, 0, &type, &data), -EPROTO);
	fill_sub(bytes, 2);
	body[4] = 15; /* its header would end behind the body */
	cr_assert_eq(frame_sub_message(body, 20, 2, 0, &type, &data), -EPROTO);
	fill_sub(bytes, 2);
	body[7] = 0xff;
	cr_assert_eq(frame_sub_message(body, 20, 2, 0, &type, &data), -EPROTO);
	fill_sub(bytes, 2);
	body[2] = 5; /* more entries than bytes */
	cr_assert_eq(frame_sub_count(body, 20, 2), -EPROTO);
	cr_assert_eq(frame_sub_count(body, 1, 0), -EPROTO);
	cr_assert_eq(frame_sub_count(body, 20, 19), -EPROTO);
}

/* frame_fuzz.c - any bytes as a stream of framed messages, cut anywhere. */
#include "channels/wire/directory.h"
#include "channels/wire/frame.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How the stream is read. */
struct setting {
	uint8_t mode;
	uint8_t channel;
	bool from_client;
};

/* What came out: a running sum over types, sizes and body bytes. */
struct outcome {
	uint64_t sum;
	uint32_t messages;
	int error;
};

static int64_t limit(const void *arg, uint16_t type)
{
	const struct setting *setting = arg;
	const struct wire_message *message =
		wire_find(setting->channel, setting->from_client, type);

	return message ? (int64_t)message->max_bytes : -ENOMSG;
}

static void add(struct outcome *outcome, uint64_t value)
{
	outcome->sum = (outcome->sum ^ value) * 0x100000001b3u;
}

static void add_frame(struct outcome *outcome, const struct frame *frame)
{
	if (frame->offset == 0) {
		add(outcome, frame->type);
		add(outcome, frame->total);
		add(outcome, frame->serial);
		add(outcome, frame->sub_list);
	}
	for (uint32_t i = 0; i < frame->len; i++)
		add(outcome, frame->data[i]);
	outcome->messages += frame_is_last(frame);
}

static void read_subs(struct outcome *outcome, const struct frame *frame)
{
	uint32_t list = frame->sub_list;
	int count = frame_sub_count(frame->data, frame->len, list);

	for (int i = 0; i < count; i++) {
		struct span span;
		uint16_t type;

		if (frame_sub_message(frame->data, frame->len, list,
				      (uint32_t)i, &type, &span) < 0)
			return;
		for (uint32_t j = 0; j < span.len; j++)
			outcome->sum += span.data[j];
	}
}

/* Each step's bytes stand in a block of their own: ASan guards its end. */
static bool feed(struct frame_parser *parser, const struct setting *setting,
		 const uint8_t *data, uint32_t len, struct outcome *outcome)
{
	uint8_t *block = malloc(len);
	const uint8_t *at = block;
	struct outcome subs = {0};
	struct frame frame;
	uint32_t left = len;
	int step = FRAME_MORE;

	memcpy(block, data, len);
	do {
		uint32_t before = left;

		step = frame_next(parser, &at, &left, limit, setting, &frame);
		if (step <= 0)
			break;
		FUZZ_ASSERT(left < before, "each message takes bytes");
		FUZZ_ASSERT(frame.data >= block && frame.len <= len,
			    "lies within");
		add_frame(outcome, &frame);
		if (step == FRAME_MESSAGE && frame.len > 0)
			read_subs(&subs, &frame);
	} while (left > 0);
	free(block);
	outcome->error = step < 0 ? step : 0;
	return step >= 0;
}

static struct outcome run(const struct setting *setting, const uint8_t *data,
			  uint32_t len, uint32_t step)
{
	struct outcome outcome = {0};
	struct frame_parser parser;

	frame_init(&parser, setting->mode, setting->from_client);
	for (uint32_t at = 0; at < len; at += step) {
		if (!feed(&parser, setting, data + at, min_u32(step, len - at),
			  &outcome))
			break;
	}
	return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct setting setting;
	struct outcome whole;
	struct outcome pieces;
	uint32_t step;

	if (size < 4 || size > 16384)
		return 0;
	setting.mode = data[0] & 1 ? FRAME_MINI : FRAME_FULL;
	setting.from_client = data[0] & 2;
	setting.channel = data[1] % 12;
	step = data[2] + 1u;
	data += 3;
	whole = run(&setting, data, (uint32_t)size - 3, (uint32_t)size - 3);
	pieces = run(&setting, data, (uint32_t)size - 3, step);
	FUZZ_ASSERT(whole.messages == pieces.messages, "cuts make no messages");
	FUZZ_ASSERT(whole.error == pieces.error, "nor errors");
	FUZZ_ASSERT(whole.sum == pieces.sum, "nor change a byte");
	return 0;
}

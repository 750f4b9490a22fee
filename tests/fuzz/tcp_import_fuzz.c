/* tcp_import_fuzz.c - images of TCP connections that may be anybody's bytes.
 *
 * Byte 0 chooses the limits and what the rest is: an image, or changes to a
 * good one, with its sizes put right or not.
 */
#include "dataplane/tcp/bytes.h"
#include "dataplane/tcp/flow.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tcp_stage.h"

#include <stdlib.h>

#define CHANGES_MAX 64

/* An image of conn 0: bytes queued, in flight, kept, and beyond a gap. */
static size_t make_image(struct stage *stage, uint8_t *image)
{
	struct stage_segment text = {
		.flags = TCP_ACK,
		.seq = stage->conns[0].acked,
		.ack = stage->conns[0].our_next,
		.window = 512,
		.len = 20,
		.option_len = 12,
		.options = {1, 1, 8, 10, 0, 0, 0, 2},
	};
	tcp_flow name = stage->flows[0].name;
	ssize_t size;

	put_be32(text.options + 8, stage->conns[0].ts);
	FUZZ_ASSERT(!tcp_hold(stage->stack, name), "it can be held");
	stage_tcp(stage, &text);
	text.seq += 30;
	stage_tcp(stage, &text);
	stage_batch(stage);
	stage_send(stage, &stage->flows[0], 3000);
	stage_settle(stage);
	size = tcp_export(stage->stack, name, image, STAGE_IMAGE_MAX);
	FUZZ_ASSERT(size > 0, "it can be exported");
	stage->flows[0] = (struct stage_flow){0};
	return (size_t)size;
}

/* Changes of the head and the flow: where, with what, how wide. */
static void change(uint8_t *image, struct stage_tape *tape)
{
	for (uint32_t i = 0; tape->left && i < CHANGES_MAX; i++) {
		uint8_t at = tape_u8(tape);
		uint8_t how = tape_u8(tape);
		uint32_t near = tape_near(tape);
		uint8_t bytes[4] = {(uint8_t)near, (uint8_t)(near >> 8)};
		uint32_t old;

		if (at > sizeof(struct tcp_image_head) + 4)
			continue;
		memcpy(&old, image + at, 4);
		if (how & 4)
			old += near;
		else if (how & 8)
			memset(bytes + 2, how & 16 ? 0xff : 0, 2);
		if (how & 4)
			memcpy(bytes, &old, 4);
		memcpy(image + at, bytes, 1u << min_u32(how & 3, 2));
	}
}

/* The size that the counts ask for; what was not there is 0. */
static size_t put_right(uint8_t *image)
{
	struct tcp_image_head head;
	uint64_t size;

	memcpy(&head, image, sizeof(head));
	size = sizeof(head) + 8 * (uint64_t)head.reorder_count + head.tx_bytes +
	       head.rx_bytes + head.reorder_bytes;
	head.size_bytes = (uint32_t)min_u64(size, STAGE_IMAGE_MAX);
	memcpy(image, &head, sizeof(head));
	return head.size_bytes;
}

/* What a flow of an image does must hold: it sends, it moves on, it ends. */
static void use(struct stage *stage, tcp_flow name)
{
	struct stage_flow *flow = stage_own(stage, name);
	struct stage_segment text = {.flags = TCP_ACK, .len = 10};
	uint8_t *again = malloc(STAGE_IMAGE_MAX);
	ssize_t size;

	FUZZ_ASSERT(again, "a test has memory");
	flow->opened = true;
	stage_settle(stage);
	stage_send(stage, flow, 2000);
	stage_settle(stage);
	stage_wait(stage, NS_PER_S, 10);
	text.seq = stage->conns[0].acked;
	text.ack = stage->conns[0].our_next;
	stage_tcp(stage, &text);
	stage_batch(stage);
	if (flow->name != name)
		goto out;
	size = tcp_export(stage->stack, name, again, STAGE_IMAGE_MAX);
	FUZZ_ASSERT(size > 0, "what was imported can be exported");
	*flow = (struct stage_flow){0};
	FUZZ_ASSERT(!tcp_import(stage->stack, again, (size_t)size, &name),
		    "and imported again");
	flow = stage_own(stage, name);
	flow->opened = true;
	stage_settle(stage);
out:
	free(again);
}

static void refused(struct stage *stage, const struct tcp_usage *before,
		    const uint8_t *good, size_t size)
{
	struct tcp_usage usage;
	tcp_flow name;

	tcp_usage(stage->stack, &usage);
	FUZZ_ASSERT(!memcmp(&usage, before, sizeof(usage)),
		    "a refused image takes nothing");
	stage_settle(stage);
	FUZZ_ASSERT(!tcp_import(stage->stack, good, size, &name),
		    "and the good one is still taken");
	stage_own(stage, name)->opened = true;
	stage_settle(stage);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stage_tape tape = {.at = data, .left = size};
	uint8_t what = tape_u8(&tape);
	struct stage *stage = calloc(1, sizeof(*stage));
	uint8_t *good = calloc(2, STAGE_IMAGE_MAX);
	uint8_t *image = good + STAGE_IMAGE_MAX;
	struct tcp_usage before;
	size_t good_size;
	tcp_flow name;
	uint8_t *exact;

	FUZZ_ASSERT(stage && good, "a test has memory");
	/* The limits that the good image fits. */
	stage_start(stage, what & 0x51);
	good_size = size = make_image(stage, good);
	stage->scrambled = true;
	memcpy(image, good, good_size);
	if (what & 2) {
		size = min_u64(tape.left, STAGE_IMAGE_MAX);
		memcpy(image, tape.at, size);
	} else {
		change(image, &tape);
		if (!(what & 4))
			size = put_right(image);
	}
	exact = malloc(size + 1);
	FUZZ_ASSERT(exact, "a test has memory");
	memcpy(exact + 1, image, size); /* at an odd address, to its end */
	tcp_usage(stage->stack, &before);
	if (tcp_import(stage->stack, exact + 1, size, &name))
		refused(stage, &before, good, good_size);
	else
		use(stage, name);
	stage_end(stage);
	free(exact);
	free(good);
	free(stage);
	return 0;
}

/* tcp_frames_fuzz.c - hostile peers and a restless owner of a TCP stack.
 *
 * Byte 0 chooses the limits, the rest is a tape of commands: frames of peers,
 * time, and calls of the owner.
 */
#include "dataplane/tcp/bytes.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tcp_stage.h"

#include <errno.h>
#include <stdlib.h>

#define COMMANDS_MAX 256
#define OPTIONS_SYN  20

enum command {
	SEGMENT,
	SEGMENT_NEXT, /* in order and plain: what moves a stream on */
	BATCH,
	WAIT,
	SEND,
	ACT,
	ARP,
	ICMP,
	RAW,
	MOVE,
	COMMANDS,
};

enum act {
	HOLD,
	UNHOLD,
	UNREAD,
	SHUTDOWN,
	CLOSE,
	KILL,
	RECYCLE,
	CONNECT,
	UNLISTEN,
	SLOW,
	UNKNOWN,
	ANNOUNCE,
	ACTS,
};

/* A connection that is under way, with what its owner knew of it. */
struct move {
	uint8_t image[STAGE_IMAGE_MAX];
	size_t size;
	struct stage_flow flow;
};

/* How a segment differs from the one that is due, a bit each. */
#define HOW_SEQ     0x01 /* where, u16 */
#define HOW_ACK     0x02 /* where, u16 */
#define HOW_WINDOW  0x04 /* u16 follows */
#define HOW_OPTIONS 0x08 /* their length and bytes follow */
#define HOW_LEN     0x10 /* u16 follows */
#define HOW_SUM     0x20 /* is wrong */
#define HOW_DEVICE  0x40 /* has verified it */
#define HOW_BATCH   0x80 /* more frames come with it */

static void options_due(const struct stage *stage,
			struct stage_segment *segment)
{
	const struct stage_conn *conn = &stage->conns[segment->conn];
	static const uint8_t syn[OPTIONS_SYN] = {
		2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 3, 0, 0, 0, 0, 1, 3, 3, 4};
	uint64_t ms = stage->now_ns / NS_PER_MS;

	if (segment->flags & TCP_SYN) {
		memcpy(segment->options, syn, sizeof(syn));
		put_be32(segment->options + 12, conn->ts);
		segment->option_len = sizeof(syn);
	} else if (conn->ts) {
		put_be32(segment->options, 0x0101080a);
		put_be32(segment->options + 4, (uint32_t)ms);
		put_be32(segment->options + 8, conn->ts);
		segment->option_len = 12;
	}
}

static void segment(struct stage *stage, struct stage_tape *tape, bool plain)
{
	struct stage_segment segment = {.conn = tape_u8(tape) % STAGE_CONNS};
	const struct stage_conn *conn = &stage->conns[segment.conn];
	uint8_t how;

	segment.flags = plain ? TCP_ACK : tape_u8(tape);
	how = plain ? HOW_LEN : tape_u8(tape);
	segment.seq = conn->acked;
	segment.ack = conn->our_next;
	segment.window = 512;
	options_due(stage, &segment);
	if (how & HOW_SEQ)
		segment.seq += tape_near(tape);
	if (how & HOW_ACK)
		segment.ack += tape_near(tape);
	if (how & HOW_WINDOW)
		segment.window = tape_u16(tape);
	if (how & HOW_OPTIONS) {
		segment.option_len = (uint8_t)(tape_u8(tape) % 11 * 4);
		for (uint32_t i = 0; i < segment.option_len; i++)
			segment.options[i] = tape_u8(tape);
	}
	if (how & HOW_LEN)
		segment.len = tape_u16(tape) % 1500;
	segment.bad_sum = how & HOW_SUM;
	segment.unsummed = how & HOW_DEVICE;
	stage_tcp(stage, &segment);
	if (!(how & HOW_BATCH))
		stage_batch(stage);
}

/* An echo, or an error about a segment of ours. */
static void icmp(struct stage *stage, struct stage_tape *tape)
{
	uint32_t conn = tape_u8(tape) % STAGE_CONNS;
	uint8_t bytes[STAGE_FRAME_MAX] = {0};
	uint8_t *head = bytes + 34;
	uint8_t *quoted = head + 8;
	uint8_t cut;

	head[0] = tape_u8(tape);
	head[1] = tape_u8(tape);
	put_be16(head + 6, tape_u16(tape)); /* the next MTU, of some */
	quoted[0] = 0x45;
	quoted[9] = 6;
	put_be32(quoted + 12, STAGE_ADDRESS);
	put_be32(quoted + 16, stage->conns[conn].address);
	put_be16(quoted + 20, stage->conns[conn].our_port);
	put_be16(quoted + 22, stage->conns[conn].peer_port);
	put_be32(quoted + 24, stage->conns[conn].our_next + tape_near(tape));
	cut = tape_u8(tape);
	stage_ipv4(stage, conn, 1, bytes, 8 + 28 - cut % 37);
	stage_frame(stage, bytes, 34 + 8 + 28 - cut % 37, 0);
	stage_batch(stage);
}

/* A frame whose bytes are the tape's: all of them, or what IPv4 carries. */
static void raw(struct stage *stage, struct stage_tape *tape)
{
	uint8_t how = tape_u8(tape);
	uint32_t len = tape_u8(tape);
	uint8_t bytes[STAGE_FRAME_MAX];
	uint32_t at = how & 1 ? 34 : how & 2 ? 14 : 0;

	/* Its payload, if it is one, is of no stream. */
	stage->scrambled = true;
	for (uint32_t i = 0; i < len; i++)
		bytes[at + i] = tape_u8(tape);
	if (at)
		stage_ipv4(stage, how >> 6, how & 4 ? 6 : 1, bytes,
			   at == 34 ? len : 0);
	if (at == 14) {
		struct stage_tape left = *tape;

		for (uint32_t i = 0; i < 20; i++)
			bytes[14 + i] ^= tape_u8(&left);
		len += 20;
	}
	stage_frame(stage, bytes, at + len,
		    how & 8 ? TCP_FRAME_IP_CHECKED | TCP_FRAME_L4_CHECKED : 0);
	stage_batch(stage);
}

static void unread(struct stage *stage, struct stage_flow *flow, uint16_t len)
{
	uint8_t bytes[4096];
	int err;

	/* Only what is of the stream: where it stands must be known. */
	len = flow->any ? len % sizeof(bytes) : 0;
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(flow->next - len + i);
	err = tcp_unread(stage->stack, flow->name, bytes, len);
	FUZZ_ASSERT((err == -EINVAL) == (!flow->held && err != -ESTALE),
		    "bytes are put back while a flow is held");
	if (!err)
		flow->next = (uint8_t)(flow->next - len);
	/* What was told as the last comes again behind what is kept. */
	if (!err)
		flow->eof = false;
}

static void connect_again(struct stage *stage)
{
	tcp_flow name;

	/* Whose index it may have: his CLOSED is taken first. */
	stage_settle(stage);
	if (stage->slow ||
	    tcp_connect(stage->stack, STAGE_PEER, 40001, 50000, &name))
		return;
	stage_own(stage, name);
}

static void listen_again(struct stage *stage, bool now)
{
	tcp_unlisten(stage->stack, STAGE_PORT);
	stage_settle(stage);
	FUZZ_ASSERT(!tcp_listen(stage->stack, STAGE_PORT, 1 + now, 8),
		    "a listener comes and goes");
}

static void act(struct stage *stage, struct stage_tape *tape)
{
	uint8_t what = tape_u8(tape) % ACTS;
	uint16_t arg = tape_u16(tape);
	struct stage_flow *flow = &stage->flows[arg % STAGE_FLOWS];
	tcp_flow name = flow->name;

	/* Calls with a name that is none are refused, too. */
	switch ((enum act)what) {
	case HOLD:
		flow->held |= !tcp_hold(stage->stack, name);
		break;
	case UNHOLD:
		flow->held &= tcp_unhold(stage->stack, name) != 0;
		break;
	case UNREAD:
		unread(stage, flow, arg >> 3);
		break;
	case SHUTDOWN:
		tcp_shutdown(stage->stack, name);
		break;
	case CLOSE:
		tcp_close(stage->stack, name);
		break;
	case KILL:
		tcp_kill(stage->stack, name);
		break;
	case RECYCLE:
		stage_recycle(stage, arg % STAGE_VIEWS);
		break;
	case CONNECT:
		connect_again(stage);
		break;
	case UNLISTEN:
		listen_again(stage, arg & 1);
		break;
	case SLOW:
		stage->slow = arg & 1;
		break;
	case UNKNOWN:
		stage->unknown = (enum tcp_unknown)(arg % 3);
		break;
	default:
		tcp_announce(stage->stack);
		break;
	}
}

/* Out into the image that is under way, or in from it: once or more. */
static void move(struct stage *stage, struct stage_tape *tape,
		 struct move *move)
{
	uint8_t arg = tape_u8(tape);
	struct stage_flow *flow = &stage->flows[arg % STAGE_FLOWS];
	struct stage_flow *moved;
	tcp_flow name;
	ssize_t size;

	if (arg & 8) {
		size = tcp_export(stage->stack, flow->name, move->image,
				  sizeof(move->image));
		FUZZ_ASSERT(size <= (ssize_t)sizeof(move->image) &&
				    size != -ENOBUFS,
			    "an image has a bound");
		if (size > 0) {
			move->size = (size_t)size;
			move->flow = *flow;
			*flow = (struct stage_flow){0};
			/* A second time it is a lie about what was sent. */
			stage->scrambled |= (arg & 16) != 0;
		}
	}
	stage_settle(stage);
	if (!(arg & 32) || stage->slow || !move->size ||
	    tcp_import(stage->stack, move->image, move->size, &name))
		return;
	moved = stage_own(stage, name);
	moved->sent = move->flow.sent;
	moved->next = move->flow.next;
	moved->any = move->flow.any;
	moved->opened = true;
	if (!(arg & 16))
		move->size = 0;
	else
		stage->scrambled = true;
}

static void command(struct stage *stage, struct stage_tape *tape,
		    struct move *image)
{
	uint8_t what = tape_u8(tape);
	uint16_t arg;

	switch ((enum command)(what % COMMANDS)) {
	case SEGMENT:
	case SEGMENT_NEXT:
		segment(stage, tape, what % COMMANDS == SEGMENT_NEXT);
		return;
	case BATCH:
		stage_batch(stage);
		return;
	case WAIT:
		arg = tape_u16(tape);
		stage_wait(stage,
			   (uint64_t)(arg & 1023) * NS_PER_US << (arg >> 12),
			   20);
		return;
	case SEND:
		arg = tape_u16(tape);
		stage_send(stage, &stage->flows[arg % STAGE_FLOWS], arg >> 3);
		break;
	case ACT:
		act(stage, tape);
		break;
	case ARP:
		arg = tape_u16(tape);
		stage_arp(stage, (uint8_t)(arg & 3), (uint8_t)(arg >> 8),
			  arg & 4);
		stage_batch(stage);
		return;
	case ICMP:
		icmp(stage, tape);
		return;
	case RAW:
		raw(stage, tape);
		return;
	default:
		move(stage, tape, image);
		break;
	}
	if (!(what & 128))
		stage_settle(stage);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stage_tape tape = {.at = data, .left = size};
	struct stage *stage = calloc(1, sizeof(*stage));
	struct move *image = calloc(1, sizeof(*image));

	FUZZ_ASSERT(stage && image, "a test has memory");
	stage_start(stage, tape_u8(&tape));
	for (uint32_t i = 0; tape.left && i < COMMANDS_MAX; i++)
		command(stage, &tape, image);
	stage_end(stage);
	free(stage);
	free(image);
	return 0;
}

/* tcp_rig.h - one TCP stack whose frames nobody sees, for tests. */
#pragma once

#include "dataplane/tcp/bytes.h"
#include "dataplane/tcp/counters.h"
#include "dataplane/tcp/export.h"
#include "dataplane/tcp/flow.h"

#include <criterion/criterion.h>

#define RIG_ADDRESS ((uint32_t)0x0a090001)
#define RIG_PEER    ((uint32_t)0x0a090002)
#define RIG_UNA     ((uint32_t)-300) /* so that numbers wrap around */
#define RIG_RCV     ((uint32_t)-90)

struct rig {
	struct arena arena;
	struct tcp_stack *stack;
	uint64_t now_ns;
	uint32_t emitted;
	uint32_t kept;
};

static inline void rig_emit(void *arg, const struct tcp_frame_out *frames,
			    uint32_t count)
{
	struct rig *rig = arg;

	(void)frames;
	rig->emitted += count;
}

/* Frames of a rig are static: there is nothing to free. */
static inline void rig_release(void *arg, uint64_t token)
{
	struct rig *rig = arg;

	(void)token;
	rig->kept--;
}

static inline void rig_config(struct tcp_config *config)
{
	tcp_config_default(config);
	config->mac[0] = 2;
	config->address = RIG_ADDRESS;
	config->flow_max = 8;
	config->view_max = 64;
	config->aux_max = 4;
	config->tx_chunks = 16;
	config->rx_chunks = 16;
	config->rx_flow_bytes = 16384;
	config->tx_flow_bytes = 16384;
}

static inline void rig_start(struct rig *rig, const struct tcp_config *config)
{
	struct tcp_ops ops = {
		.emit = rig_emit,
		.release = rig_release,
		.arg = rig,
	};

	*rig = (struct rig){.now_ns = 5 * NS_PER_S};
	cr_assert_gt(tcp_bytes(config), 0);
	cr_assert_eq(arena_init(&rig->arena, tcp_bytes(config)), 0);
	cr_assert_eq(
		tcp_create(config, &ops, &rig->arena, rig->now_ns, &rig->stack),
		0);
}

static inline void rig_end(struct rig *rig)
{
	tcp_release_all(rig->stack);
	cr_assert_eq(rig->kept, 0);
	arena_fini(&rig->arena);
}

static inline void rig_check(const struct rig *rig)
{
	const char *bad = tcp_check(rig->stack);

	cr_assert_null(bad, "does not hold: %s", bad ? bad : "");
}

/* The MAC of the peer becomes known: he asks for ours. */
static inline void rig_meet(struct rig *rig)
{
	uint8_t bytes[42] = {2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 8, 6,
			     0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2};
	struct tcp_frame frame = {.data = bytes, .len = sizeof(bytes)};

	put_be32(bytes + 28, RIG_PEER);
	put_be32(bytes + 38, RIG_ADDRESS);
	tcp_input(rig->stack, rig->now_ns, &frame, 1);
}

#define RIG_IMAGE_MAX 65536

/*
 * An image made by hand: ESTABLISHED, 100 bytes in flight and 50 more queued,
 * 20 received and not told, 30 beyond a gap of 10. Returns its size.
 */
static inline size_t rig_image(uint8_t image[RIG_IMAGE_MAX])
{
	struct tcp_range range = {RIG_RCV + 10, RIG_RCV + 40};
	struct flow flow = {
		.peer_address = RIG_PEER,
		.peer_port = 40001,
		.local_port = 5900,
		.state = FLOW_ESTABLISHED,
		.flags = FLOW_TS | FLOW_SACK,
		.snd_una = RIG_UNA,
		.snd_nxt = RIG_UNA + 100,
		.snd_rtx = RIG_UNA + 100,
		.snd_wnd = 65536,
		.cwnd = 14480,
		.ssthresh = 100000,
		.rcv_nxt = RIG_RCV,
		.rcv_adv = RIG_RCV + 16000,
		.last_ack = RIG_RCV,
		.mss = 1448,
		.wnd_max = 512,
		.snd_wl1 = RIG_RCV,
		.timer_kind = TIMER_RESEND,
		.scales = 7 | 1 << 4,
	};
	struct tcp_image_head head = {
		.magic = TCP_IMAGE_MAGIC,
		.version = TCP_IMAGE_VERSION,
		.local_address = RIG_ADDRESS,
		.tx_bytes = 150,
		.rx_bytes = 20,
		.reorder_bytes = 30,
		.reorder_count = 1,
		.timer_ms = 150,
		.timestamp = 77,
	};
	size_t size = sizeof(head) + sizeof(range) + 150 + 20 + 30;

	head.size_bytes = (uint32_t)size;
	memcpy(head.flow, &flow, sizeof(flow));
	memset(image, 0, size);
	memcpy(image, &head, sizeof(head));
	memcpy(image + sizeof(head), &range, sizeof(range));
	for (size_t i = sizeof(head) + sizeof(range); i < size; i++)
		image[i] = (uint8_t)i;
	return size;
}

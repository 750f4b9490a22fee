/* tcp_image_test.c - connections as images: whole, hostile, and in use. */
#include "dataplane/tcp/segment.h"
#include "tests/unit/seeded.h"
#include "tests/unit/tcp_rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

static struct rig rig;
static uint8_t image[RIG_IMAGE_MAX];
static uint8_t other[RIG_IMAGE_MAX];

static void setup(void)
{
	struct tcp_config config;

	rig_config(&config);
	rig_start(&rig, &config);
}

static void teardown(void)
{
	rig_end(&rig);
}

TestSuite(tcp_image, .init = setup, .fini = teardown);

Test(tcp_image, what_goes_in_comes_out)
{
	size_t size = rig_image(image);
	struct tcp_flow_info info;
	tcp_flow flow;

	cr_assert_eq(tcp_import(rig.stack, image, size, &flow), 0);
	rig_check(&rig);
	cr_assert_eq(tcp_flow_info(rig.stack, flow, &info), 0);
	cr_assert_eq(info.queued_bytes, 150);
	cr_assert_eq(info.flight_bytes, 100);
	cr_assert_eq(tcp_export_bytes(rig.stack, flow), size);
	cr_assert_eq(tcp_export(rig.stack, flow, other, size - 1), -ENOBUFS);
	cr_assert_eq(tcp_export(rig.stack, flow, other, size), (ssize_t)size);
	rig_check(&rig);
	/* But for what is clamped and chosen anew, it is the same. */
	((struct flow *)(void *)((struct tcp_image_head *)image)->flow)
		->neighbour = UINT16_MAX;
	((struct flow *)(void *)((struct tcp_image_head *)image)->flow)
		->recover = RIG_UNA - 1;
	cr_assert_eq(memcmp(image, other, size), 0);
	cr_assert_eq(tcp_export(rig.stack, flow, other, size), -ESTALE);
	cr_assert_eq(tcp_export_bytes(rig.stack, flow), 0);
	cr_assert_eq(rig.emitted, 0);
}

Test(tcp_image, a_second_of_the_same_is_refused)
{
	size_t size = rig_image(image);
	tcp_flow flow;

	cr_assert_eq(tcp_import(rig.stack, image, size, &flow), 0);
	cr_assert_eq(tcp_import(rig.stack, image, size, &flow), -EEXIST);
	cr_assert_eq(tcp_counters(rig.stack)->imports_refused, 1);
	rig_check(&rig);
}

/* One field at a time, of the head or of the flow. */
struct row {
	const char *what;
	size_t offset;
	size_t size;
	uint64_t value;
	int err;
};

#define HEAD(field, value, err)                                             \
	{                                                                   \
#field, offsetof(struct tcp_image_head, field),             \
			sizeof(((struct tcp_image_head *)0)->field), value, \
			err                                                 \
	}
#define FLOW(field, value, err)                                       \
	{                                                             \
#field,                                               \
			offsetof(struct tcp_image_head, flow) +       \
				offsetof(struct flow, field),         \
			sizeof(((struct flow *)0)->field), value, err \
	}

static const struct row rows[] = {
	HEAD(magic, 0, -EINVAL),
	HEAD(version, 2, -EINVAL),
	HEAD(size_bytes, 1, -EINVAL),
	HEAD(local_address, RIG_ADDRESS + 5, -EADDRNOTAVAIL),
	HEAD(tx_bytes, UINT32_MAX, -EINVAL),
	HEAD(tx_bytes, 151, -EINVAL),
	HEAD(rx_bytes, UINT32_MAX - 100, -EINVAL),
	HEAD(reorder_bytes, 31, -EINVAL),
	HEAD(reorder_count, 0, -EINVAL),
	HEAD(reorder_count, 17, -EINVAL),
	HEAD(timer_ms, UINT32_MAX, -EINVAL),
	FLOW(peer_address, 0, -EINVAL),
	FLOW(peer_address, RIG_ADDRESS, -EINVAL),
	FLOW(peer_address, 0xffffffff, -EINVAL),
	FLOW(peer_address, 0x7f000001, -EINVAL),
	FLOW(peer_address, 0x08080808, -EINVAL), /* no gateway */
	FLOW(peer_port, 0, -EINVAL),
	FLOW(local_port, 0, -EINVAL),
	FLOW(state, FLOW_FREE, -EINVAL),
	FLOW(state, FLOW_SYN_SENT, -EINVAL),
	FLOW(state, FLOW_SYN_RECEIVED, -EINVAL),
	FLOW(state, FLOW_FIN_WAIT_1, -EINVAL),
	FLOW(state, FLOW_FIN_WAIT_2, -EINVAL),
	FLOW(state, FLOW_CLOSE_WAIT, -EINVAL),
	FLOW(state, FLOW_DONE, -EINVAL),
	FLOW(state, 200, -EINVAL),
	FLOW(recovery, 3, -EINVAL),
	FLOW(snd_nxt, RIG_UNA - 1, -EINVAL),
	FLOW(snd_nxt, RIG_UNA + 151, -EINVAL),
	FLOW(snd_rtx, RIG_UNA + 101, -EINVAL),
	FLOW(snd_rtx, RIG_UNA - 1, -EINVAL),
	FLOW(mss, 0, -EINVAL),
	FLOW(scales, 0x1f, -EINVAL),
	FLOW(scales, 0xf1, -EINVAL),
	FLOW(timer_kind, TIMER_FIN_WAIT, -EINVAL),
	FLOW(rcv_nxt, RIG_RCV + 10, -EINVAL), /* the range meets it */
	/* Odd, but we can live with it. */
	FLOW(cwnd, 0, 0),
	FLOW(cwnd, UINT32_MAX, 0),
	FLOW(ssthresh, 0, 0),
	FLOW(srtt, UINT32_MAX, 0),
	FLOW(rttvar, UINT32_MAX, 0),
	FLOW(snd_wnd, UINT32_MAX, 0),
	FLOW(rcv_adv, RIG_RCV - 1, 0),
	FLOW(last_ack, RIG_RCV + 1, 0),
	FLOW(mss, UINT16_MAX, 0),
	FLOW(tries, 0xff, 0),
	FLOW(aux, 17, 0),
	FLOW(pinned, 1000000, 0),
	FLOW(neighbour, 3, 0),
	FLOW(generation, 99, 0),
	FLOW(flags, 0xffff & ~(FLOW_FIN | FLOW_EOF), 0),
	HEAD(ack_ms, UINT32_MAX, 0),
	HEAD(idle_ms, UINT32_MAX, 0),
};

Test(tcp_image, contradictions_are_refused)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t size = rig_image(image);
		struct tcp_event events[8];
		tcp_flow flow;
		int err;

		memcpy(image + rows[i].offset, &rows[i].value, rows[i].size);
		err = tcp_import(rig.stack, image, size, &flow);
		cr_assert_eq(err, rows[i].err, "row %zu, %s: %d", i,
			     rows[i].what, err);
		rig_check(&rig);
		tcp_flush(rig.stack);
		rig_check(&rig);
		if (!err)
			cr_assert_eq(tcp_kill(rig.stack, flow), 0);
		while (tcp_events(rig.stack, events, ARRAY_LEN(events)))
			;
		rig_check(&rig);
	}
}

Test(tcp_image, an_import_without_room_changes_nothing)
{
	size_t size = rig_image(image);
	uint8_t *big = calloc(1, size + 20000);
	struct tcp_image_head *head = (struct tcp_image_head *)(void *)big;
	struct tcp_usage usage;
	tcp_flow flow;

	/* 32 KiB of received bytes are allowed, but not there. */
	memcpy(big, image, size);
	head->rx_bytes = 20 + 20000;
	head->size_bytes = (uint32_t)size + 20000;
	for (uint32_t i = 0; i < 8; i++) {
		struct flow *record = (struct flow *)(void *)head->flow;
		int err;

		record->peer_port = (uint16_t)(100 + i);
		err = tcp_import(rig.stack, big, size + 20000, &flow);
		cr_assert_eq(err, i < 2 ? 0 : -ENOBUFS, "%u: %d", i, err);
		rig_check(&rig);
	}
	tcp_usage(rig.stack, &usage);
	cr_assert_eq(usage.flows, 2);
	free(big);
}

/* A segment of the peer's for the flow of the image, numbers as they come. */
static void segment(struct seeded *seeded)
{
	static uint8_t bytes[1514] = {2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 8, 0};
	uint8_t *ip = bytes + 14;
	uint8_t *tcp = ip + 20;
	uint32_t len = seeded_below(seeded, 3) ? seeded_below(seeded, 200) : 0;
	uint32_t far = seeded_below(seeded, 4) ? 300 : UINT32_MAX;
	struct tcp_options options = {
		.present = seeded_below(seeded, 8) ? TCP_OPT_TS : 0,
		.ts_value = seeded_below(seeded, 3),
		.sack_count = seeded_below(seeded, 4),
	};
	struct tcp_frame frame = {
		.data = bytes,
		.flags = TCP_FRAME_IP_CHECKED | TCP_FRAME_L4_CHECKED,
	};
	uint32_t header;

	for (uint32_t i = 0; i < options.sack_count; i++) {
		options.sack[i].start = RIG_UNA + seeded_below(seeded, 400);
		options.sack[i].end = RIG_UNA + seeded_below(seeded, 400);
	}
	header = 20 + tcp_options_write(&options, tcp + 20);
	ip[0] = 0x45;
	put_be16(ip + 2, (uint16_t)(20 + header + len));
	ip[9] = 6;
	put_be32(ip + 12, RIG_PEER);
	put_be32(ip + 16, RIG_ADDRESS);
	put_be16(tcp, 40001);
	put_be16(tcp + 2, 5900);
	put_be32(tcp + 4, RIG_RCV - 50 + seeded_below(seeded, far));
	put_be32(tcp + 8, RIG_UNA - 20 + seeded_below(seeded, far));
	tcp[12] = (uint8_t)(header / 4 << 4);
	tcp[13] = seeded_below(seeded, 3) ? TCP_ACK
					  : (uint8_t)(seeded_below(seeded, 64));
	/* RST and SYN seldom: most rounds should get somewhere. */
	if (seeded_below(seeded, 20))
		tcp[13] &= (uint8_t) ~(TCP_RST | TCP_SYN);
	put_be16(tcp + 14, (uint16_t)(seeded_below(seeded, 3) * 40));
	frame.len = 34 + header + len;
	tcp_input(rig.stack, rig.now_ns, &frame, 1);
	rig.kept += frame.kept;
}

/* What the flow's owner may do with it, at any moment. */
static void act(struct seeded *seeded, tcp_flow flow)
{
	struct span span = {image, seeded_below(seeded, 3000)};

	switch (seeded_below(seeded, 24)) {
	case 0:
		tcp_hold(rig.stack, flow);
		break;
	case 1:
		tcp_unhold(rig.stack, flow);
		break;
	case 2:
		tcp_unread(rig.stack, flow, image, span.len);
		break;
	case 3:
		tcp_shutdown(rig.stack, flow);
		break;
	case 4:
		if (!seeded_below(seeded, 10))
			tcp_close(rig.stack, flow);
		break;
	case 5:
	case 6:
		tcp_send(rig.stack, flow, &span, 1);
		break;
	case 7:
	case 8:
		rig.now_ns += seeded_below(seeded, 2000) * NS_PER_MS;
		tcp_advance(rig.stack, rig.now_ns);
		break;
	default:
		break;
	}
}

static void take_events(struct seeded *seeded)
{
	struct tcp_event events[4];
	uint32_t count = tcp_events(rig.stack, events, 4);

	for (uint32_t i = 0; i < count; i++) {
		if (events[i].kind == TCP_RECEIVED && seeded_below(seeded, 10))
			tcp_recycle(rig.stack, &events[i].view);
	}
}

/*
 * Bits flipped anywhere in an image, then segments and calls at random: it is
 * refused or it is a flow, and everything holds at every step.
 */
static void hostile_run(uint64_t seed)
{
	struct seeded seeded = {seed};
	size_t size = rig_image(image);
	uint32_t flips = seeded_below(&seeded, 6);
	tcp_flow flow;

	for (uint32_t i = 0; i < flips; i++)
		image[seeded_below(&seeded, (uint32_t)size)] ^=
			(uint8_t)(1 << seeded_below(&seeded, 8));
	if (tcp_import(rig.stack, image, size, &flow))
		return;
	for (uint32_t step = 0; step < 60; step++) {
		segment(&seeded);
		rig_check(&rig);
		act(&seeded, flow);
		rig_check(&rig);
		take_events(&seeded);
		if (seeded_below(&seeded, 3))
			tcp_flush(rig.stack);
		rig_check(&rig);
	}
}

Test(tcp_image, hostile_images_and_segments_do_no_harm)
{
	uint64_t imported = 0;

	for (uint64_t seed = 1; seed <= 1500; seed++) {
		hostile_run(seed);
		imported += tcp_counters(rig.stack)->imported;
		teardown();
		setup();
		if (seed % 2)
			rig_meet(&rig);
	}
	cr_assert_gt(imported, 300, "most were refused: %lu", imported);
}

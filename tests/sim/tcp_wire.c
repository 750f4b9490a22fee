/* tcp_wire.c - TCP stacks on one lossy wire, in virtual time, by a seed. */
#include "tests/sim/tcp_wire.h"
#include "dataplane/tcp/bytes.h"
#include "dataplane/tcp/checksum.h"

#include <stdlib.h>

struct tcp_packet {
	struct tcp_packet *next;
	uint64_t at_ns;
	uint32_t to;
	uint32_t len;
	uint8_t data[];
};

static bool chance(struct tcp_wire *wire, uint32_t of_1000)
{
	return of_1000 && seeded_below(&wire->seeded, 1000) < of_1000;
}

static void queue(struct tcp_wire *wire, struct tcp_packet *packet)
{
	struct tcp_packet **at = &wire->first;

	while (*at && (*at)->at_ns <= packet->at_ns)
		at = &(*at)->next;
	packet->next = *at;
	*at = packet;
}

/* Overwrites an option of a SYN with NOPs, wherever it stands. */
static void strip(uint8_t *options, uint32_t len, uint8_t kind)
{
	for (uint32_t i = 0; i < len && options[i];) {
		uint32_t one = options[i] == 1 ? 1 : options[i + 1];

		if (options[i] == kind)
			memset(options + i, 1, one);
		i += one;
	}
}

/* What some middleboxes do; the checksum is made right again. */
static void strip_syn(const struct tcp_wire_faults *faults,
		      struct tcp_packet *packet)
{
	uint8_t *ip = packet->data + 14;
	uint8_t *tcp = ip + 20;
	struct tcp_sum sum = {0};
	uint16_t checksum;
	uint32_t len;

	if (get_be16(packet->data + 12) != 0x0800 || !(tcp[13] & 2))
		return;
	len = (uint32_t)(tcp[12] >> 4) * 4 - 20;
	if (faults->no_scale)
		strip(tcp + 20, len, 3);
	if (faults->no_sack)
		strip(tcp + 20, len, 4);
	if (faults->no_timestamps)
		strip(tcp + 20, len, 8);
	put_be16(tcp + 16, 0);
	tcp_sum_pseudo(&sum, get_be32(ip + 12), get_be32(ip + 16), 6,
		       packet->len - 34);
	tcp_sum_add(&sum, tcp, packet->len - 34);
	checksum = tcp_sum_finish(&sum);
	memcpy(tcp + 16, &checksum, 2);
}

/* What a device does with TCP_OUT_L4_PARTIAL: sums the rest. */
static void finish_checksum(struct tcp_packet *packet)
{
	struct tcp_sum sum = {0};
	uint16_t checksum;

	tcp_sum_add(&sum, packet->data + 34, packet->len - 34);
	checksum = tcp_sum_finish(&sum);
	memcpy(packet->data + 34 + 16, &checksum, 2);
}

static void carry(struct tcp_wire *wire, uint32_t from,
		  const struct tcp_frame_out *frame)
{
	struct tcp_packet *packet = malloc(sizeof(*packet) + frame->len);
	uint32_t at = frame->header_len;
	uint64_t delay_us = wire->faults.delay_us;

	ASSERT(packet, "memory");
	memcpy(packet->data, frame->header, frame->header_len);
	for (uint32_t i = 0; i < frame->span_count; i++) {
		memcpy(packet->data + at, frame->spans[i].data,
		       frame->spans[i].len);
		at += frame->spans[i].len;
	}
	ASSERT(at == frame->len, "a frame is as long as it says");
	ASSERT(at <= wire->mtu + 14, "a frame fits the MTU");
	packet->len = at;
	packet->to = (from + 1) % WIRE_HOSTS;
	if (frame->flags & TCP_OUT_L4_PARTIAL)
		finish_checksum(packet);
	strip_syn(&wire->faults, packet);
	/* ARP has no checksum of its own: Ethernet's would have found it. */
	if (packet->data[13] == 0 && chance(wire, wire->faults.spoil))
		packet->data[seeded_below(&wire->seeded, at)] ^=
			(uint8_t)(1 << seeded_below(&wire->seeded, 8));
	if (chance(wire, wire->faults.late))
		delay_us +=
			seeded_below(&wire->seeded, wire->faults.late_us + 1);
	packet->at_ns = wire->now_ns + delay_us * NS_PER_US;
	queue(wire, packet);
}

static void emit(void *arg, const struct tcp_frame_out *frames, uint32_t count)
{
	struct tcp_host *host = arg;
	struct tcp_wire *wire = host->wire;

	for (uint32_t i = 0; i < count; i++) {
		wire->frames++;
		if (!chance(wire, wire->faults.lose))
			carry(wire, host->index, &frames[i]);
		if (chance(wire, wire->faults.repeat))
			carry(wire, host->index, &frames[i]);
	}
}

static void release(void *arg, uint64_t token)
{
	struct tcp_host *host = arg;

	host->kept--;
	free((void *)(uintptr_t)token);
}

/* Whoever moves flows does not let their peers see RST meanwhile. */
static enum tcp_unknown unknown(void *arg, const struct tcp_tuple *tuple,
				const struct tcp_frame *frame)
{
	const struct tcp_host *host = arg;

	(void)tuple;
	(void)frame;
	return host->limbo ? TCP_UNKNOWN_DROP : TCP_UNKNOWN_OURS;
}

void tcp_wire_init(struct tcp_wire *wire, const struct tcp_config *config,
		   uint64_t seed)
{
	*wire = (struct tcp_wire){
		.now_ns = 12345 * NS_PER_S,
		.seeded = {seed},
		.mtu = config->mtu,
	};
	for (uint32_t i = 0; i < WIRE_HOSTS; i++) {
		struct tcp_host *host = &wire->hosts[i];
		struct tcp_config own = *config;
		struct tcp_ops ops = {
			.emit = emit,
			.release = release,
			.unknown = unknown,
		};
		int err;

		*host = (struct tcp_host){.wire = wire, .index = i};
		ops.arg = host;
		own.mac[0] = 2;
		own.mac[5] = (uint8_t)(i + 1);
		own.address = WIRE_ADDRESS(i);
		memcpy(own.secret, &seed, sizeof(seed));
		own.secret[15] = (uint8_t)i;
		err = arena_init(&host->arena, tcp_bytes(&own));
		ASSERT(!err, "memory");
		err = tcp_create(&own, &ops, &host->arena, wire->now_ns,
				 &host->stack);
		ASSERT(!err, "a stack fits what tcp_bytes says");
	}
}

void tcp_wire_fini(struct tcp_wire *wire)
{
	while (wire->first) {
		struct tcp_packet *packet = wire->first;

		wire->first = packet->next;
		free(packet);
	}
	for (uint32_t i = 0; i < WIRE_HOSTS; i++) {
		tcp_release_all(wire->hosts[i].stack);
		ASSERT(!wire->hosts[i].kept, "each frame is released");
		arena_fini(&wire->hosts[i].arena);
	}
}

static uint32_t deliver(struct tcp_wire *wire, struct tcp_host *host)
{
	struct tcp_frame frames[TCP_BATCH];
	uint32_t count = 0;
	uint32_t most = 1 + seeded_below(&wire->seeded, TCP_BATCH);
	struct tcp_packet **at = &wire->first;

	while (*at && (*at)->at_ns <= wire->now_ns && count < most) {
		struct tcp_packet *packet = *at;

		if (packet->to != host->index) {
			at = &packet->next;
			continue;
		}
		*at = packet->next;
		frames[count++] = (struct tcp_frame){
			.data = packet->data,
			.len = packet->len,
			.token = (uintptr_t)packet,
		};
	}
	tcp_input(host->stack, wire->now_ns, frames, count);
	for (uint32_t i = 0; i < count; i++) {
		if (frames[i].kept)
			host->kept++;
		else
			free((void *)(uintptr_t)frames[i].token);
	}
	return count;
}

bool tcp_wire_step(struct tcp_wire *wire, uint64_t until_ns)
{
	uint64_t next = wire->first ? wire->first->at_ns : NS_NEVER;

	for (uint32_t i = 0; i < WIRE_HOSTS; i++)
		next = min_u64(next, tcp_deadline(wire->hosts[i].stack));
	if (next > until_ns) {
		wire->now_ns = max_u64(wire->now_ns, until_ns);
		return false;
	}
	wire->now_ns = max_u64(wire->now_ns, next);
	for (uint32_t i = 0; i < WIRE_HOSTS; i++) {
		deliver(wire, &wire->hosts[i]);
		tcp_advance(wire->hosts[i].stack, wire->now_ns);
	}
	return true;
}

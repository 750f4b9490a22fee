/* frames.c - between devices, inboxes and stacks.
 *
 * A frame goes to the stack of the dp that polled it. When that stack does not
 * know the flow the frame is passed on to the dp that has it, through a ring
 * of pointers, at most twice: it may have moved once more meanwhile. Order of
 * a pass: what others passed on, what was kept for flows that were on their
 * way, what the device has.
 */
#include "dataplane/dpdk/internal.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <string.h>

#define HOPS_MAX 2
#define TX_TRIES 4
/* A parcel that nobody has taken for so long is not waited for. */
#define HELD_NS (1 * NS_PER_S)

#define ETHERNET_BYTES 14
#define TYPE_ARP       0x0806
#define TYPE_IP        0x0800
#define ARP_BYTES      28
#define PROTOCOL_ICMP  1
#define ICMP_ECHO      8

_Static_assert(TCP_BATCH >= TCP_OUT_BATCH, "one size of batch for both ways");

/* Counted in the frame: DPDK leaves this word to applications. */
static void set_hops(struct rte_mbuf *frame, uint32_t hops)
{
	frame->hash.usr = hops;
}

static bool pass_on(struct leg *leg, struct rte_mbuf *frame, uint8_t to)
{
	struct rte_ring *inbox = leg->port->inboxes[to];

	if (rte_ring_enqueue(inbox, frame)) {
		leg->counters.pass_dropped++;
		return false;
	}
	leg->counters.passed_on++;
	return true;
}

static bool hold(struct leg *leg, struct rte_mbuf *frame, uint64_t key,
		 uint16_t local_port)
{
	if (leg->held_count == HELD_FRAMES) {
		leg->counters.held_dropped++;
		return false;
	}
	leg->held[leg->held_count++] = (struct held){
		.frame = frame,
		.key = key,
		.until_ns = leg->dp->now_ns + HELD_NS,
		.local_port = local_port,
	};
	leg->counters.held++;
	return true;
}

static struct rte_mbuf *frame_of(uint64_t token)
{
	return (struct rte_mbuf *)(uintptr_t)token;
}

enum tcp_unknown frames_unknown(void *arg, const struct tcp_tuple *tuple,
				const struct tcp_frame *frame)
{
	struct leg *leg = arg;
	struct steer *steer = &leg->port->steer;
	struct rte_mbuf *mbuf = frame_of(frame->token);
	uint8_t self = leg->dp->index;
	uint64_t key;
	struct steer_place place;

	key = steer_key(steer, tuple);
	place = steer_find(steer, key, tuple->local_port);
	if (place.exception && place.dp == self) {
		if (place.transit)
			return hold(leg, mbuf, key, tuple->local_port)
				       ? TCP_UNKNOWN_TAKEN
				       : TCP_UNKNOWN_DROP;
		/* Our stack has it no more, which only we can know. */
		steer_release(steer, key, place.entry);
		place = steer_find(steer, key, tuple->local_port);
	}
	if (place.dp == self)
		return TCP_UNKNOWN_OURS;
	/* It is on the move: the peer sends again. */
	if (mbuf->hash.usr >= HOPS_MAX)
		return TCP_UNKNOWN_DROP;
	set_hops(mbuf, mbuf->hash.usr + 1);
	return pass_on(leg, mbuf, place.dp) ? TCP_UNKNOWN_TAKEN
					    : TCP_UNKNOWN_DROP;
}

void frames_release(void *arg, uint64_t token)
{
	(void)arg;
	rte_pktmbuf_free(frame_of(token));
}

/* Gives frames to the stack; those that it does not keep are freed. */
static void input(struct leg *leg, struct rte_mbuf **mbufs, uint32_t count)
{
	struct tcp_frame frames[TCP_BATCH];
	uint32_t done = 0;

	if (count == 0)
		return;
	for (uint32_t i = 0; i < count; i++)
		frames[i] = (struct tcp_frame){
			.data = rte_pktmbuf_mtod(mbufs[i], const uint8_t *),
			.len = mbufs[i]->data_len,
			.token = (uintptr_t)mbufs[i],
		};
	tcp_input(leg->stack, leg->dp->now_ns, frames, count);
	for (uint32_t i = 0; i < count; i++) {
		if (!frames[i].kept)
			mbufs[done++] = mbufs[i];
	}
	rte_pktmbuf_free_bulk(mbufs, done);
}

static uint32_t take_inbox(struct leg *leg)
{
	struct rte_ring *inbox = leg->port->inboxes[leg->dp->index];
	void *mbufs[TCP_BATCH];
	uint32_t count =
		rte_ring_sc_dequeue_burst(inbox, mbufs, TCP_BATCH, NULL);

	input(leg, (struct rte_mbuf **)mbufs, count);
	return count;
}

/* Looks where flows have come to that were on their way. */
static void take_held(struct leg *leg)
{
	struct rte_mbuf *own[TCP_BATCH];
	uint32_t count = leg->held_count;
	uint32_t own_count = 0;
	uint32_t left = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct held *held = &leg->held[i];
		struct steer_place place = steer_find(
			&leg->port->steer, held->key, held->local_port);
		bool own_place = place.dp == leg->dp->index;

		if (own_place && place.exception && place.transit) {
			if (held->until_ns > leg->dp->now_ns)
				leg->held[left++] = *held;
			else
				rte_pktmbuf_free(held->frame);
		} else if (!own_place) {
			set_hops(held->frame, 1);
			if (!pass_on(leg, held->frame, place.dp))
				rte_pktmbuf_free(held->frame);
		} else if (own_count < TCP_BATCH) {
			own[own_count++] = held->frame;
		} else {
			leg->held[left++] = *held;
		}
	}
	leg->held_count = left;
	input(leg, own, own_count);
}

/* The dp that answers for all: the first that lives. */
static uint8_t speaker(const struct port *port)
{
	uint64_t present = atomic_load(&port->steer.present);

	return present ? (uint8_t)__builtin_ctzll(present) : 0;
}

static void copy_to_others(struct leg *leg, struct rte_mbuf *frame)
{
	uint64_t present = atomic_load(&leg->port->steer.present);
	struct rte_mempool *pool = leg->port->pools[leg->dp->index];

	present &= ~((uint64_t)1 << leg->dp->index);
	for (; present; present &= present - 1) {
		struct rte_mbuf *copy =
			rte_pktmbuf_copy(frame, pool, 0, UINT32_MAX);

		if (!copy) {
			leg->counters.pass_dropped++;
			return;
		}
		set_hops(copy, HOPS_MAX);
		if (!pass_on(leg, copy, (uint8_t)__builtin_ctzll(present)))
			rte_pktmbuf_free(copy);
	}
}

enum audience { OWN, SPEAKER, ALL };

/*
 * Requests that all stacks would answer go to one. What tells of neighbours
 * or errors goes to all: who needs it is not known.
 */
static enum audience audience_of(const struct rte_mbuf *frame)
{
	const uint8_t *data = rte_pktmbuf_mtod(frame, const uint8_t *);
	const uint8_t *body = data + ETHERNET_BYTES;
	uint32_t type, type_at;

	if (frame->data_len < ETHERNET_BYTES + ARP_BYTES)
		return OWN;
	type = (uint32_t)data[12] << 8 | data[13];
	if (type == TYPE_ARP) {
		bool request = body[6] == 0 && body[7] == 1;
		bool gratuitous = memcmp(body + 14, body + 24, 4) == 0;

		return request && !gratuitous ? SPEAKER : ALL;
	}
	if (type != TYPE_IP || body[9] != PROTOCOL_ICMP)
		return OWN;
	type_at = ETHERNET_BYTES + (body[0] & 0xfu) * 4;
	if (type_at >= frame->data_len)
		return OWN;
	return data[type_at] == ICMP_ECHO ? SPEAKER : ALL;
}

/* True when the frame is another's alone: it is passed on, or dropped. */
static bool pass_special(struct leg *leg, struct rte_mbuf *frame)
{
	enum audience audience = audience_of(frame);
	uint8_t to;

	if (audience == ALL)
		copy_to_others(leg, frame);
	if (audience != SPEAKER)
		return false;
	to = speaker(leg->port);
	if (to == leg->dp->index)
		return false;
	set_hops(frame, HOPS_MAX);
	if (!pass_on(leg, frame, to))
		rte_pktmbuf_free(frame);
	return true;
}

static uint32_t take_queue(struct leg *leg, uint16_t queue)
{
	struct rte_mbuf *mbufs[TCP_BATCH];
	uint32_t count =
		rte_eth_rx_burst(leg->port->id, queue, mbufs, TCP_BATCH);
	bool alone = leg->dp->dpdk->config.dp_count == 1;
	uint32_t kept = 0;

	leg->counters.rx_frames += count;
	for (uint32_t i = 0; i < count; i++) {
		struct rte_mbuf *frame = mbufs[i];

		set_hops(frame, 0);
		if (frame->nb_segs != 1) {
			leg->counters.rx_chained++;
			rte_pktmbuf_free(frame);
		} else if (alone || !pass_special(leg, frame)) {
			mbufs[kept++] = frame;
		}
	}
	input(leg, mbufs, kept);
	return count;
}

/* A full queue is tried again, but not for ever: TCP sends again. */
static void transmit(struct leg *leg, uint16_t queue, struct rte_mbuf **mbufs,
		     uint32_t count)
{
	uint32_t sent = 0;

	for (uint32_t i = 0; i < TX_TRIES && sent < count; i++)
		sent += rte_eth_tx_burst(leg->port->id, queue, mbufs + sent,
					 (uint16_t)(count - sent));
	leg->counters.tx_frames += sent;
	leg->counters.tx_dropped += count - sent;
	rte_pktmbuf_free_bulk(mbufs + sent, count - sent);
}

static void drain_outbox(struct leg *leg, uint16_t queue)
{
	struct rte_ring *outbox = leg->port->queues[queue].outbox;
	void *mbufs[TCP_BATCH];
	uint32_t count;

	if (!outbox)
		return;
	count = rte_ring_sc_dequeue_burst(outbox, mbufs, TCP_BATCH, NULL);
	transmit(leg, queue, (struct rte_mbuf **)mbufs, count);
}

uint32_t frames_receive(struct leg *leg)
{
	struct port *port = leg->port;
	uint32_t count = take_inbox(leg);

	if (leg->held_count)
		take_held(leg);
	for (uint16_t i = 0; i < port->queue_count; i++) {
		if (atomic_load_explicit(&port->queues[i].poller,
					 memory_order_relaxed) !=
		    leg->dp->index + 1u)
			continue;
		drain_outbox(leg, i);
		count += take_queue(leg, i);
	}
	return count;
}

static void fill(struct rte_mbuf *mbuf, const struct tcp_frame_out *frame)
{
	uint8_t *to = rte_pktmbuf_mtod(mbuf, uint8_t *);

	DEBUG_ASSERT(frame->len <= rte_pktmbuf_tailroom(mbuf),
		     "a buffer holds a frame of the port's MTU");
	memcpy(to, frame->header, frame->header_len);
	to += frame->header_len;
	for (uint32_t i = 0; i < frame->span_count; i++) {
		memcpy(to, frame->spans[i].data, frame->spans[i].len);
		to += frame->spans[i].len;
	}
	mbuf->data_len = (uint16_t)frame->len;
	mbuf->pkt_len = frame->len;
}

void frames_emit(void *arg, const struct tcp_frame_out *frames, uint32_t count)
{
	struct leg *leg = arg;
	struct queue *queue = &leg->port->queues[leg->queue];
	struct rte_mbuf *mbufs[TCP_OUT_BATCH];
	uint32_t done;

	if (rte_pktmbuf_alloc_bulk(leg->port->pools[leg->dp->index], mbufs,
				   count)) {
		leg->counters.tx_no_buffer += count;
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		fill(mbufs[i], &frames[i]);
	if (atomic_load_explicit(&queue->poller, memory_order_relaxed) ==
	    leg->dp->index + 1u) {
		transmit(leg, leg->queue, mbufs, count);
		return;
	}
	done = queue->outbox
		       ? rte_ring_enqueue_burst(queue->outbox, (void **)mbufs,
						count, NULL)
		       : 0;
	leg->counters.tx_dropped += count - done;
	rte_pktmbuf_free_bulk(mbufs + done, count - done);
}

void frames_drop_all(struct leg *leg)
{
	struct rte_ring *inbox = leg->port->inboxes[leg->dp->index];
	void *frame;

	for (uint32_t i = 0; i < leg->held_count; i++)
		rte_pktmbuf_free(leg->held[i].frame);
	leg->held_count = 0;
	while (!rte_ring_dequeue(inbox, &frame))
		rte_pktmbuf_free(frame);
}

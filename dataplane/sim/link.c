/* link.c - the network between two ends: segments, windows, resets. */
#include "dataplane/sim/internal.h"

#include <errno.h>
#include <stdlib.h>

struct sim_link *sim_link_make(struct sim_world *world)
{
	struct sim_link *link = sim_take(1, sizeof(*link));
	uint32_t index = 0;

	while (index < world->links.count && sim_link_at(world, index))
		index++;
	if (index == world->links.count)
		sim_list_add(&world->links, sizeof(struct sim_link *));
	((struct sim_link **)world->links.items)[index] = link;
	link->world = world;
	link->index = index;
	link->generation = (uint32_t)++world->generations;
	for (uint8_t side = 0; side < 2; side++) {
		link->end[side].link = link;
		link->end[side].side = side;
	}
	return link;
}

void sim_link_free(struct sim_link *link)
{
	((struct sim_link **)link->world->links.items)[link->index] = NULL;
	for (uint32_t side = 0; side < 2; side++) {
		sim_queue_clear(&link->end[side].arrived);
		sim_queue_clear(&link->wire[side].queue);
	}
	free(link);
}

/* Frees the link when neither end is anybody's any more. */
void sim_link_settle(struct sim_link *link)
{
	if (link->end[0].state == END_GONE && link->end[1].state == END_GONE)
		sim_link_free(link);
}

static uint64_t travel_ns(struct sim_link *link)
{
	struct sim_world *world = link->world;

	return link->path.delay_ns + sim_draw(world, link->path.jitter_ns) +
	       link->latency_ns + sim_draw(world, link->jitter_ns);
}

static void wire_schedule(struct sim_end *from)
{
	struct sim_wire *wire = sim_end_wire(from);

	if (wire->deliver_due || !wire->queue.head)
		return;
	wire->deliver_due = true;
	sim_item_add(from->link->world, wire->queue.head->arrive_ns,
		     ITEM_DELIVER, from);
}

/* Puts a segment on the wire that leaves an end; takes it. */
void sim_wire_put(struct sim_end *from, struct sim_segment *segment)
{
	struct sim_wire *wire = sim_end_wire(from);
	struct sim_link *link = from->link;
	uint64_t arrive_ns = link->world->now_ns + travel_ns(link);

	if (wire->reset || (wire->finished && segment->kind != SEGMENT_RST)) {
		free(segment);
		return;
	}
	if (segment->kind == SEGMENT_RST)
		wire->reset = true;
	if (segment->kind == SEGMENT_FIN)
		wire->finished = true;
	if (segment->kind == SEGMENT_DATA) {
		segment->counted = true;
		wire->flight_bytes += segment->len;
	}
	arrive_ns = max_u64(arrive_ns, wire->stalled_until_ns);
	arrive_ns = max_u64(arrive_ns, wire->last_arrive_ns);
	wire->last_arrive_ns = arrive_ns;
	segment->arrive_ns = arrive_ns;
	sim_queue_append(&wire->queue, segment);
	wire_schedule(from);
}

static void put_reset(struct sim_end *from, int32_t result)
{
	struct sim_segment *segment = sim_segment_make(SEGMENT_RST, 0);

	segment->result = result;
	sim_wire_put(from, segment);
}

/* Loses the bytes that have not arrived; what opens the connection stays. */
static void wire_lose(struct sim_wire *wire)
{
	struct sim_queue old = wire->queue;
	struct sim_segment *segment;

	wire->queue = (struct sim_queue){0};
	while ((segment = sim_queue_take(&old))) {
		if (segment->kind == SEGMENT_DATA)
			free(segment);
		else
			sim_queue_append(&wire->queue, segment);
	}
}

/* Something between the two ends kills the connection for both. */
void sim_link_reset(struct sim_link *link)
{
	for (uint32_t side = 0; side < 2; side++) {
		if (link->wire[side].reset)
			continue;
		if (!link->wire[side].finished && sim_draw(link->world, 2))
			wire_lose(&link->wire[side]);
		put_reset(&link->end[side], -ECONNRESET);
	}
}

static void end_finish_send(struct sim_end *end)
{
	if (end->send.state == SEND_ASKED || end->send.state == SEND_RUNNING)
		end->send.state = SEND_DONE;
}

/* The network tells an end that its connection is dead. */
static void end_die(struct sim_end *end, int32_t result)
{
	if (end->dead || end->closed || end->state == END_GONE)
		return;
	end->dead = true;
	end->result = result;
	end->quiet = end->held && end->send.state == SEND_NONE &&
		     sim_draw(end->link->world, 2);
	end_finish_send(end);
	sim_slot_touch(end);
}

static void arrive_data(struct sim_end *from, struct sim_segment *segment)
{
	struct sim_end *end = sim_end_peer(from);

	if (end->state == END_GONE || end->closed) {
		free(segment);
		put_reset(end, -ECONNRESET);
		return;
	}
	if (end->dead) {
		free(segment);
		return;
	}
	sim_queue_append(&end->arrived, segment);
	sim_slot_touch(end);
}

static void arrive(struct sim_end *from, struct sim_segment *segment)
{
	struct sim_end *end = sim_end_peer(from);
	int32_t result = segment->result;
	uint8_t kind = segment->kind;

	if (kind == SEGMENT_DATA) {
		arrive_data(from, segment);
		return;
	}
	free(segment);
	switch ((enum sim_segment_kind)kind) {
	case SEGMENT_SYN:
		sim_listen_arrive(end);
		break;
	case SEGMENT_SYNACK:
		end->announce = true;
		sim_slot_touch(end);
		sim_end_pump(end);
		break;
	case SEGMENT_FIN:
		end->eof = true;
		sim_slot_touch(end);
		break;
	case SEGMENT_RST:
		end_die(end, result);
		break;
	case SEGMENT_DATA:
		break;
	}
}

/* Gives the other end what has come to the end of the wire by now. */
void sim_wire_deliver(struct sim_end *from)
{
	struct sim_wire *wire = sim_end_wire(from);

	wire->deliver_due = false;
	while (wire->queue.head &&
	       wire->queue.head->arrive_ns <= from->link->world->now_ns)
		arrive(from, sim_queue_take(&wire->queue));
	wire_schedule(from);
}

/* What the peer has read no longer fills the window. */
void sim_wire_credit(struct sim_end *from)
{
	struct sim_wire *wire = sim_end_wire(from);

	wire->credit_due = false;
	wire->flight_bytes -= min_u64(wire->credit_bytes, wire->flight_bytes);
	wire->credit_bytes = 0;
	sim_end_pump(from);
}

/* Takes len bytes off the front of what has arrived; sends credit for them. */
void sim_end_read(struct sim_end *end, uint32_t len)
{
	struct sim_end *peer = sim_end_peer(end);
	struct sim_wire *wire = sim_end_wire(peer);
	uint64_t counted_bytes = 0;

	while (len > 0) {
		struct sim_segment *segment = end->arrived.head;
		uint32_t take = min_u32(len, segment->len - segment->off);

		if (segment->counted)
			counted_bytes += take;
		else
			end->unread_bytes -= take;
		segment->off += take;
		end->arrived.len_bytes -= take;
		len -= take;
		if (segment->off == segment->len)
			free(sim_queue_take(&end->arrived));
	}
	wire->credit_bytes += counted_bytes;
	if (wire->credit_bytes == 0 || wire->credit_due)
		return;
	wire->credit_due = true;
	sim_item_add(end->link->world,
		     end->link->world->now_ns + travel_ns(end->link),
		     ITEM_CREDIT, peer);
}

static uint32_t window_room(struct sim_end *end)
{
	struct sim_link *link = end->link;
	struct sim_wire *wire = sim_end_wire(end);
	uint64_t window = link->path.window_bytes;

	if (wire->slow_bytes && link->world->faults_on)
		window = min_u64(window, wire->slow_bytes);
	/* A wire that has lost its receiver takes everything. */
	if (wire->reset)
		window = UINT32_MAX;
	return window > wire->flight_bytes
		       ? (uint32_t)(window - wire->flight_bytes)
		       : 0;
}

/* Puts one segment of the send on the wire. False when no more can go now. */
static bool pump_segment(struct sim_end *end)
{
	struct sim_world *world = end->link->world;
	const struct sim_path *path = &end->link->path;
	struct sim_wire *wire = sim_end_wire(end);
	struct sim_send *send = &end->send;
	uint32_t len =
		min_u32(send->cap_bytes - send->done_bytes, window_room(end));
	struct sim_segment *segment;

	len = min_u32(len, SIM_SEGMENT_BYTES);
	if (len == 0)
		return false;
	if (len > 1 && sim_fault_fires(world, path, SIM_SPLIT))
		len = sim_draw(world, 4)
			      ? 1 + (uint32_t)sim_draw(world, len - 1)
			      : 1;
	if (sim_fault_fires(world, path, SIM_STALL))
		wire->stalled_until_ns =
			world->now_ns + 1 +
			sim_draw(world, world->faults.stall_max_ns);
	segment = sim_segment_make(SEGMENT_DATA, len);
	sim_send_copy(send, segment->data, len);
	sim_wire_put(end, segment);
	if (sim_fault_fires(world, path, SIM_RESET))
		sim_link_reset(end->link);
	return true;
}

/* Lets a send go on as far as the window allows, then what waits behind it. */
void sim_end_pump(struct sim_end *end)
{
	struct sim_send *send = &end->send;

	if (end->state == END_GONE || end->state == END_UNBORN || end->closed ||
	    end->dead)
		return;
	if (send->state == SEND_RUNNING) {
		while (pump_segment(end))
			;
		if (send->done_bytes == send->len_bytes) {
			send->state = SEND_DONE;
			sim_slot_touch(end);
		}
	}
	if (end->shut && send->state != SEND_RUNNING &&
	    send->state != SEND_ASKED)
		sim_wire_put(end, sim_segment_make(SEGMENT_FIN, 0));
}

/*
 * The owner lets go of the socket. As a kernel does it: a reset when bytes
 * for it were not read, else a FIN behind what was sent, and whatever still
 * arrives is answered by a reset.
 */
void sim_end_close(struct sim_end *end, bool hard)
{
	if (end->closed || end->state == END_UNBORN)
		return;
	hard = hard || end->arrived.len_bytes > end->unread_bytes;
	end->closed = true;
	end_finish_send(end);
	sim_queue_clear(&end->arrived);
	end->unread_bytes = 0;
	if (end->dead)
		return;
	if (hard)
		put_reset(end, -ECONNRESET);
	else
		sim_wire_put(end, sim_segment_make(SEGMENT_FIN, 0));
}

/* The owner is gone without a word: a crash, or its dp was destroyed. */
void sim_end_vanish(struct sim_end *end)
{
	struct sim_world *world = end->link->world;

	sim_end_close(end, world->faults_on && sim_draw(world, 2));
	if (end->dp)
		sim_slot_give(end);
	end->state = END_GONE;
	sim_link_settle(end->link);
}

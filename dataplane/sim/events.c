/* events.c - what an end has to tell, in what order, and the poll. */
#include "dataplane/sim/internal.h"

/*
 * An end's next event follows from its state; nothing is queued:
 *
 *   announce -> ACCEPTED, CONNECTED     (not before a failed or killed connect)
 *   send done -> SENT                   (before CLOSED and DETACHED)
 *   arrived bytes -> RECEIVED, then EOF (not held, killed, or detaching)
 *   killed or dead -> CLOSED; detaching -> DETACHED
 */
static bool due_announce(const struct sim_end *end)
{
	return !end->announced && end->announce &&
	       !(end->side == 0 && end->killed);
}

static bool due_sent(const struct sim_end *end)
{
	return end->send.state == SEND_DONE;
}

static bool may_receive(const struct sim_end *end)
{
	return end->announced && !end->held && !end->killed && !end->detaching;
}

static bool due_received(const struct sim_end *end)
{
	return may_receive(end) && end->arrived.len_bytes > 0 &&
	       end->dp->views_free > 0;
}

static bool due_eof(const struct sim_end *end)
{
	return may_receive(end) && end->arrived.len_bytes == 0 && end->eof &&
	       !end->eof_given && !end->dead;
}

static bool due_closed(const struct sim_end *end)
{
	if (end->send.state != SEND_NONE)
		return false;
	/* Who accepts is told of the connection before its end. */
	if (end->side == 1 && !end->announced)
		return false;
	if (end->killed)
		return true;
	if (!end->dead || (end->held && end->quiet))
		return false;
	return end->held || end->detaching || end->arrived.len_bytes == 0;
}

static bool due_detached(const struct sim_end *end)
{
	return end->detaching && !end->killed && end->send.state == SEND_NONE &&
	       !due_closed(end);
}

bool sim_end_has_event(const struct sim_end *end)
{
	return due_announce(end) || due_sent(end) || due_received(end) ||
	       due_eof(end) || due_closed(end) || due_detached(end);
}

static void give_announced(struct sim_end *end, struct dp_event *event)
{
	end->announced = true;
	event->kind = end->side == 0 ? DP_CONNECTED : DP_ACCEPTED;
}

static void give_sent(struct sim_end *end, struct dp_event *event)
{
	ASSERT(sim_send_hash(&end->send) == end->send.hash,
	       "bytes lent to a send do not change before SENT");
	event->kind = DP_SENT;
	event->result = (int32_t)end->send.done_bytes;
	event->tag = end->send.tag;
	end->send.state = SEND_NONE;
}

static void copy_arrived(const struct sim_end *end, uint8_t *to, uint32_t len)
{
	const struct sim_segment *segment = end->arrived.head;

	while (len > 0) {
		uint32_t take = min_u32(len, segment->len - segment->off);

		memcpy(to, segment->data + segment->off, take);
		to += take;
		len -= take;
		segment = segment->next;
	}
}

static void give_received(struct sim_end *end, struct dp_event *event)
{
	struct sim_dp *dp = end->dp;
	uint32_t index = dp->views_free - 1;
	struct sim_view *view = &dp->views[index];
	uint32_t len = (uint32_t)min_u64(end->arrived.len_bytes,
					 dp->limits.view_max_bytes);

	if (len > 1 && sim_fault_fires(dp->world, &end->link->path, SIM_SPLIT))
		len = 1 + (uint32_t)sim_draw(dp->world, len - 1);
	dp->views_free = view->next_free;
	dp->views_used++;
	view->data = sim_take(1, len);
	view->len = len;
	copy_arrived(end, view->data, len);
	sim_end_read(end, len);
	event->kind = DP_RECEIVED;
	event->view = (struct dp_view){view->data, len, index};
}

static void give_closed(struct sim_end *end, struct dp_event *event)
{
	struct sim_link *link = end->link;

	event->kind = DP_CLOSED;
	event->result = end->killed ? 0 : end->result;
	sim_end_close(end, false);
	sim_slot_give(end);
	end->state = END_GONE;
	sim_link_settle(link);
}

static void give_detached(struct sim_end *end, struct dp_event *event)
{
	end->parcel = ++end->link->world->parcels;
	event->kind = DP_DETACHED;
	event->parcel =
		(struct dp_parcel){{end->link->index, end->link->generation,
				    end->side, end->parcel}};
	sim_slot_give(end);
	end->state = END_PARCEL;
}

/* Gives one event, if there is one; the end may be gone afterwards. */
static bool give_event(struct sim_end *end, struct dp_event *event)
{
	struct sim_world *world = end->link->world;
	bool sent = due_sent(end);
	bool received = due_received(end);

	*event = (struct dp_event){
		.cookie = end->cookie,
		.conn = sim_slot_name(end),
	};
	if (due_announce(end))
		give_announced(end, event);
	else if (sent && (!received || sim_draw(world, 2)))
		give_sent(end, event);
	else if (received)
		give_received(end, event);
	else if (due_eof(end)) {
		end->eof_given = true;
		event->kind = DP_EOF;
	} else if (due_closed(end))
		give_closed(end, event);
	else if (due_detached(end))
		give_detached(end, event);
	else
		return false;
	return true;
}

static void submit_sends(struct sim_dp *dp)
{
	for (uint32_t i = 0; i < dp->submit_count; i++) {
		struct sim_slot *slot = &dp->slots[dp->submit[i]];

		slot->asked = false;
		if (slot->end && slot->end->send.state == SEND_ASKED) {
			slot->end->send.state = SEND_RUNNING;
			sim_end_pump(slot->end);
		}
	}
	dp->submit_count = 0;
}

static void trace_event(struct sim_dp *dp, const struct dp_event *event)
{
	const uint64_t words[] = {dp->world->now_ns, dp->id,
				  event->kind,       event->conn,
				  event->cookie,     (uint64_t)event->result};
	uint64_t hash = sim_hash(dp->world->trace, words, sizeof(words));

	if (event->kind == DP_RECEIVED)
		hash = sim_hash(hash, event->view.data, event->view.len);
	dp->world->trace = sim_mix(hash);
}

/*
 * Ends in an order that is drawn. An end may give several events, but ACCEPTED
 * is the last of its end: what follows carries the cookie its owner sets.
 */
static uint32_t take_events(struct sim_dp *dp, struct dp_event *events,
			    uint32_t max)
{
	struct sim_world *world = dp->world;
	uint32_t count = 0;

	if (dp->ready_count > 1 && max > 1 &&
	    sim_fault_fires(world, NULL, SIM_FEW_EVENTS))
		max = 1 + (uint32_t)sim_draw(world, 2);
	dp->again_count = 0;
	while (dp->ready_count > 0 && count < max) {
		uint32_t drawn = (uint32_t)sim_draw(world, dp->ready_count);
		struct sim_slot *slot = &dp->slots[dp->ready[drawn]];
		uint32_t index = dp->ready[drawn];

		dp->ready[drawn] = dp->ready[--dp->ready_count];
		slot->listed = false;
		if (!slot->end || !give_event(slot->end, &events[count]))
			continue;
		trace_event(dp, &events[count]);
		count++;
		if (!slot->end || !sim_end_has_event(slot->end))
			continue;
		slot->listed = true;
		if (events[count - 1].kind != DP_ACCEPTED && sim_draw(world, 2))
			dp->ready[dp->ready_count++] = index;
		else
			dp->again[dp->again_count++] = index;
	}
	for (uint32_t i = 0; i < dp->again_count; i++)
		dp->ready[dp->ready_count++] = dp->again[i];
	dp->again_count = 0;
	return count;
}

static void note_deadline(struct sim_dp *dp, uint64_t deadline_ns)
{
	struct sim_world *world = dp->world;
	uint64_t now_ns = world->now_ns;

	dp->wake_ns = deadline_ns;
	if (deadline_ns <= now_ns)
		return;
	if (deadline_ns != NS_NEVER &&
	    sim_fault_fires(world, NULL, SIM_LATE_TIMER))
		dp->wake_ns += sim_draw(world, world->faults.late_max_ns);
	if (sim_fault_fires(world, NULL, SIM_SPURIOUS_WAKE))
		dp->wake_ns =
			now_ns + sim_draw(world, min_u64(dp->wake_ns - now_ns,
							 10 * NS_PER_MS));
}

uint32_t sim_poll(struct dp *dp, struct dp_event *events, uint32_t max,
		  uint64_t deadline_ns)
{
	struct sim_dp *sim = sim_dp_of(dp);
	bool woken = sim->woken;
	uint32_t count;

	if (sim->machine->crashed)
		return 0;
	sim->machine->polls++;
	submit_sends(sim);
	sim_items_run(sim->world);
	count = take_events(sim, events, max);
	sim->woken = false;
	sim->wake_ns = NS_NEVER;
	sim->parked = count == 0 && !woken;
	if (sim->parked && deadline_ns != 0)
		note_deadline(sim, deadline_ns);
	return count;
}

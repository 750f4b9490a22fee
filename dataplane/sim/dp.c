/* dp.c - the calls of a simulated dp that only change what an end wants. */
#include "dataplane/sim/internal.h"

#include <errno.h>
#include <stdlib.h>

#define POISON_BYTE 0xdb

/* The end when it still takes requests; NULL: it has ended or will. */
static struct sim_end *find_willing(struct dp *dp, dp_conn conn)
{
	struct sim_end *end = sim_slot_find(dp, conn);

	return end && !end->killed && !end->detaching ? end : NULL;
}

static int send_check(const struct sim_end *end, const struct span *spans,
		      uint32_t count, uint64_t *len_bytes)
{
	*len_bytes = 0;
	if (!end)
		return -ESTALE;
	if (count == 0 || count > DP_SPANS_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++)
		*len_bytes += spans[i].len;
	if (*len_bytes == 0 || *len_bytes > INT32_MAX)
		return -EINVAL;
	if (end->send.state != SEND_NONE)
		return -EBUSY;
	if (!end->announced)
		return -ENOTCONN;
	return end->shut ? -EPIPE : 0;
}

static int sim_send_spans(struct dp *dp, dp_conn conn, const struct span *spans,
			  uint32_t count, uint64_t tag)
{
	struct sim_dp *sim = sim_dp_of(dp);
	struct sim_end *end = find_willing(dp, conn);
	struct sim_send *send;
	struct sim_slot *slot;
	uint64_t len_bytes;
	int err = send_check(end, spans, count, &len_bytes);

	if (err)
		return err;
	send = &end->send;
	*send = (struct sim_send){
		.tag = tag,
		.count = count,
		.len_bytes = (uint32_t)len_bytes,
		.cap_bytes = (uint32_t)len_bytes,
		.state = SEND_ASKED,
	};
	memcpy(send->spans, spans, count * sizeof(*spans));
	send->hash = sim_send_hash(send);
	if (end->dead) {
		/* The send is how its owner learns of it. */
		send->state = SEND_DONE;
		end->quiet = false;
		sim_slot_touch(end);
		return 0;
	}
	if (sim_fault_fires(sim->world, &end->link->path, SIM_SHORT_SEND)) {
		send->cap_bytes = (uint32_t)sim_draw(sim->world, len_bytes);
		sim_item_add(sim->world,
			     sim->world->now_ns + 1 +
				     sim_draw(sim->world,
					      sim->world->faults.short_max_ns),
			     ITEM_PUMP, end);
	}
	slot = &sim->slots[end->slot];
	if (!slot->asked) {
		slot->asked = true;
		sim->submit[sim->submit_count++] = end->slot;
	}
	return 0;
}

/* Stops a send where it is; one not yet submitted may get that far first. */
static void stop_send(struct sim_end *end)
{
	if (end->send.state == SEND_ASKED && sim_draw(end->link->world, 2)) {
		end->send.state = SEND_RUNNING;
		sim_end_pump(end);
	}
	if (end->send.state == SEND_ASKED || end->send.state == SEND_RUNNING)
		end->send.state = SEND_DONE;
}

static void sim_recycle(struct dp *dp, const struct dp_view *view)
{
	struct sim_dp *sim = sim_dp_of(dp);
	struct sim_view *own = &sim->views[view->buffer];
	bool starved = sim->views_free == 0;

	ASSERT(view->buffer < sim->limits.view_count,
	       "a view that is recycled is one of this dp's");
	ASSERT(own->data && own->data == view->data, "a view is recycled once");
	memset(own->data, POISON_BYTE, own->len);
	/* The poison is for whoever still looks; the compiler must keep it. */
	__asm__ volatile("" : : "r"(own->data) : "memory");
	free(own->data);
	own->data = NULL;
	own->next_free = sim->views_free;
	sim->views_free = view->buffer + 1;
	sim->views_used--;
	for (uint32_t i = 0; starved && i < sim->limits.conn_max; i++) {
		if (sim->slots[i].end)
			sim_slot_touch(sim->slots[i].end);
	}
}

static int sim_hold(struct dp *dp, dp_conn conn)
{
	struct sim_end *end = find_willing(dp, conn);

	if (!end)
		return -ESTALE;
	end->held = true;
	return 0;
}

static int sim_unhold(struct dp *dp, dp_conn conn)
{
	struct sim_end *end = find_willing(dp, conn);

	if (!end)
		return -ESTALE;
	end->held = false;
	end->quiet = false;
	sim_slot_touch(end);
	return 0;
}

static int sim_unread(struct dp *dp, dp_conn conn, const void *data,
		      uint32_t len)
{
	struct sim_end *end = find_willing(dp, conn);
	struct sim_segment *segment;

	if (!end)
		return -ESTALE;
	if (!end->held)
		return -EINVAL;
	if (end->unread_bytes + len > end->dp->limits.unread_max_bytes)
		return -ENOBUFS;
	end->eof_given = false;
	if (len == 0)
		return 0;
	segment = sim_segment_make(SEGMENT_DATA, len);
	memcpy(segment->data, data, len);
	sim_queue_prepend(&end->arrived, segment);
	end->unread_bytes += len;
	return 0;
}

static int sim_detach(struct dp *dp, dp_conn conn)
{
	struct sim_end *end = find_willing(dp, conn);

	if (!end)
		return -ESTALE;
	if (!end->announced)
		return -ENOTCONN;
	stop_send(end);
	end->detaching = true;
	sim_slot_touch(end);
	return 0;
}

/* The end in a parcel, or NULL when somebody has taken it already. */
static struct sim_end *parcel_open(const struct sim_world *world,
				   const struct dp_parcel *parcel)
{
	struct sim_link *link;
	struct sim_end *end;

	if (parcel->word[0] >= world->links.count || parcel->word[2] > 1)
		return NULL;
	link = sim_link_at(world, (uint32_t)parcel->word[0]);
	if (!link || link->generation != parcel->word[1])
		return NULL;
	end = &link->end[parcel->word[2]];
	if (end->state != END_PARCEL || end->parcel != parcel->word[3])
		return NULL;
	return end;
}

static int sim_attach(struct dp *dp, const struct dp_parcel *parcel,
		      uint64_t cookie, dp_conn *conn)
{
	struct sim_dp *sim = sim_dp_of(dp);
	struct sim_end *end = parcel_open(sim->world, parcel);
	int err;

	if (!end || sim->machine->crashed)
		return -ESTALE;
	err = sim_slot_take(sim, end);
	if (err)
		return err;
	end->cookie = cookie;
	end->held = false;
	end->quiet = false;
	end->detaching = false;
	end->eof_given = false;
	*conn = sim_slot_name(end);
	sim_slot_touch(end);
	return 0;
}

static void sim_discard(struct dp *dp, const struct dp_parcel *parcel)
{
	struct sim_end *end = parcel_open(sim_dp_of(dp)->world, parcel);

	if (end)
		sim_end_vanish(end);
}

static int sim_set_cookie(struct dp *dp, dp_conn conn, uint64_t cookie)
{
	struct sim_end *end = sim_slot_find(dp, conn);

	if (!end)
		return -ESTALE;
	end->cookie = cookie;
	return 0;
}

static int sim_shutdown(struct dp *dp, dp_conn conn)
{
	struct sim_end *end = find_willing(dp, conn);

	if (!end)
		return -ESTALE;
	if (!end->announced)
		return -ENOTCONN;
	end->shut = true;
	sim_end_pump(end);
	return 0;
}

static int sim_kill(struct dp *dp, dp_conn conn)
{
	struct sim_end *end = sim_slot_find(dp, conn);

	if (!end)
		return -ESTALE;
	if (end->killed)
		return 0;
	stop_send(end);
	sim_end_close(end, false);
	end->killed = true;
	sim_slot_touch(end);
	return 0;
}

static int sim_conn_info(struct dp *dp, dp_conn conn, struct dp_conn_info *info)
{
	struct sim_end *end = sim_slot_find(dp, conn);

	if (!end)
		return -ESTALE;
	info->local = end->link->addr[end->side];
	info->peer = end->link->addr[1 - end->side];
	return 0;
}

static void sim_caps(struct dp *dp, struct dp_caps *caps)
{
	struct sim_dp *sim = sim_dp_of(dp);

	*caps = (struct dp_caps){
		.conn_max = sim->limits.conn_max,
		.view_max_bytes = sim->limits.view_max_bytes,
	};
}

static uint64_t sim_now(struct dp *dp)
{
	return sim_dp_of(dp)->world->now_ns;
}

static void sim_random(struct dp *dp, void *bytes, size_t len)
{
	sim_prng_fill(&sim_dp_of(dp)->prng, bytes, len);
}

static void sim_wake(struct dp *dp)
{
	sim_dp_of(dp)->woken = true;
}

static void sim_destroy(struct dp *dp)
{
	struct sim_dp *sim = sim_dp_of(dp);

	sim_dp_vanish(sim);
	((struct sim_dp **)sim->world->dps.items)[sim->id] = NULL;
	sim_dp_free(sim);
}

static const struct dp_ops sim_ops = {
	.name = "sim",
	.listen = sim_listen,
	.connect = sim_connect,
	.poll = sim_poll,
	.send = sim_send_spans,
	.recycle = sim_recycle,
	.hold = sim_hold,
	.unhold = sim_unhold,
	.unread = sim_unread,
	.detach = sim_detach,
	.attach = sim_attach,
	.discard = sim_discard,
	.set_cookie = sim_set_cookie,
	.shutdown = sim_shutdown,
	.kill = sim_kill,
	.conn_info = sim_conn_info,
	.caps = sim_caps,
	.now = sim_now,
	.random = sim_random,
	.wake = sim_wake,
	.destroy = sim_destroy,
};

/* Everything of it is gone from the network; views stay where they are. */
void sim_dp_vanish(struct sim_dp *dp)
{
	sim_listen_drop(dp);
	for (uint32_t i = 0; i < dp->limits.conn_max; i++) {
		if (dp->slots[i].end)
			sim_end_vanish(dp->slots[i].end);
		dp->slots[i].listed = false;
		dp->slots[i].asked = false;
	}
	dp->ready_count = 0;
	dp->submit_count = 0;
	dp->wake_ns = NS_NEVER;
	dp->woken = false;
	dp->parked = true;
}

void sim_dp_free(struct sim_dp *dp)
{
	for (uint32_t i = 0; i < dp->limits.view_count; i++)
		free(dp->views[i].data);
	free(dp->views);
	free(dp->slots);
	free(dp->ready);
	free(dp->again);
	free(dp->submit);
	free(dp);
}

int sim_dp_create(struct sim_world *world, struct sim_machine *machine,
		  struct dp **dp)
{
	const struct sim_limits *limits = &machine->limits;
	struct sim_dp *sim;

	if (machine->crashed)
		return -ESTALE;
	sim = sim_take(1, sizeof(*sim));
	sim->dp.ops = &sim_ops;
	sim->world = world;
	sim->machine = machine;
	sim->limits = *limits;
	sim->id = world->dps.count;
	sim->prng = sim_prng_make(world->seed, 1000 + (uint64_t)sim->id);
	sim->wake_ns = NS_NEVER;
	sim->slots = sim_take(limits->conn_max, sizeof(*sim->slots));
	sim->views = sim_take(limits->view_count, sizeof(*sim->views));
	sim->ready = sim_take(limits->conn_max, sizeof(uint32_t));
	sim->again = sim_take(limits->conn_max, sizeof(uint32_t));
	sim->submit = sim_take(limits->conn_max, sizeof(uint32_t));
	for (uint32_t i = limits->conn_max; i-- > 0;) {
		sim->slots[i].generation = 1;
		sim->slots[i].next_free = sim->slots_free;
		sim->slots_free = i + 1;
	}
	for (uint32_t i = limits->view_count; i-- > 0;) {
		sim->views[i].next_free = sim->views_free;
		sim->views_free = i + 1;
	}
	*(struct sim_dp **)sim_list_add(&world->dps, sizeof(sim)) = sim;
	*dp = &sim->dp;
	return 0;
}

bool sim_dp_ready(const struct dp *dp)
{
	const struct sim_dp *sim = sim_dp_of_const(dp);

	if (sim->machine->crashed)
		return false;
	return !sim->parked || sim->woken || sim->ready_count > 0 ||
	       sim->submit_count > 0 || sim->wake_ns <= sim->world->now_ns;
}

uint32_t sim_dp_conns(const struct dp *dp)
{
	return sim_dp_of_const(dp)->slots_used;
}

uint32_t sim_dp_views(const struct dp *dp)
{
	return sim_dp_of_const(dp)->views_used;
}

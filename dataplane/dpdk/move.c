/* move.c - connections from one dp to another, as images in parcels.
 *
 *   word 0: the slot of the image, and a mark from bit 32 on
 *   word 1: bytes of the image; from bit 32 on the TCP port, from 48 the leg
 *   word 2: the flow's key in steer.h
 *   word 3: its entry there, below the tag of dp.h
 */
#include "dataplane/dpdk/internal.h"

#include <errno.h>

#define ENTRY_MASK  (((uint64_t)1 << DP_TAG_SHIFT) - 1)
#define PARCEL_MARK ((uint64_t)0x6b647064 << 32)

static struct leg *parcel_leg(struct dpdk_dp *d, const struct dp_parcel *parcel)
{
	uint32_t leg = (uint32_t)(parcel->word[1] >> 48);

	ASSERT(parcel->word[0] >> 32 << 32 == PARCEL_MARK && leg < d->leg_count,
	       "a parcel of this backend");
	return &d->legs[leg];
}

int dpdk_detach(struct dp *dp, dp_conn name)
{
	struct dpdk_dp *d = dpdk_of(dp);
	struct conn *conn = dpdk_conn_find_owned(d, name);

	if (!conn)
		return -ESTALE;
	if (conn->state == CONN_CONNECTING)
		return -ENOTCONN;
	conn->detaching = true;
	if (conn->flow)
		tcp_hold(dpdk_conn_leg(d, conn)->stack, conn->flow);
	dpdk_conn_work(d, conn);
	return 0;
}

/* Its end cannot be avoided: the image is larger than any may be. */
static void fail(struct dpdk_dp *d, struct conn *conn, int error)
{
	tcp_kill(dpdk_conn_leg(d, conn)->stack, conn->flow);
	dpdk_conn_unbind(d, conn);
	conn->state = CONN_ENDED;
	conn->error = error;
	dpdk_conn_work(d, conn);
}

static void tell_parcel(struct dpdk_dp *d, struct conn *conn, uint32_t slot,
			size_t size)
{
	struct dp_event *event = dpdk_conn_event(d, conn, DP_DETACHED);

	event->parcel = (struct dp_parcel){{
		PARCEL_MARK | slot,
		(uint64_t)conn->leg << 48 | (uint64_t)conn->local_port << 32 |
			size,
		conn->key,
		(uint64_t)d->dp.tag << DP_TAG_SHIFT | conn->entry,
	}};
	conn->entry = 0;
	dpdk_conn_drop(d, conn);
}

/* False: there is no room for its image yet. */
bool dpdk_move_out(struct dpdk_dp *d, struct conn *conn)
{
	struct leg *leg = dpdk_conn_leg(d, conn);
	struct parcels *parcels = &d->dpdk->parcels;
	size_t need = tcp_export_bytes(leg->stack, conn->flow);
	uint32_t slot;
	ssize_t size;

	if (need == 0)
		return true; /* it has died: TCP will tell */
	if (need > parcels->slot_bytes) {
		fail(d, conn, -ENOBUFS);
		return true;
	}
	if (!parcel_take(parcels, &slot))
		return false;
	size = tcp_export(leg->stack, conn->flow, parcel_slot(parcels, slot),
			  parcels->slot_bytes);
	if (size < 0) {
		parcel_give(parcels, slot, 0);
		fail(d, conn, (int)size);
		return true;
	}
	/* No other shard knows of the parcel yet, nor polls for us. */
	if (steer_part(&leg->port->steer, conn->key, d->index,
		       ++d->entry_number, &conn->entry))
		conn->entry = 0;
	tell_parcel(d, conn, slot, (size_t)size);
	return true;
}

static void parcel_done(struct dpdk_dp *d, const struct dp_parcel *parcel)
{
	parcel_give(&d->dpdk->parcels, (uint32_t)parcel->word[0],
		    (uint32_t)parcel->word[1]);
}

int dpdk_attach(struct dp *dp, const struct dp_parcel *parcel, uint64_t cookie,
		dp_conn *name)
{
	struct dpdk_dp *d = dpdk_of(dp);
	struct leg *leg = parcel_leg(d, parcel);
	struct parcels *parcels = &d->dpdk->parcels;
	struct conn *conn =
		dpdk_conn_open(d, (uint32_t)(leg - d->legs), 0, cookie);
	tcp_flow flow;
	int err;

	if (!conn)
		return -ENOSPC;
	err = tcp_import(leg->stack,
			 parcel_slot(parcels, (uint32_t)parcel->word[0]),
			 (uint32_t)parcel->word[1], &flow);
	if (err) {
		dpdk_conn_drop(d, conn);
		return err == -ENOBUFS ? -ENOSPC : err;
	}
	dpdk_conn_bind(d, conn, flow);
	*name = conn->name;
	if (dpdk_conn_claim(d, conn))
		fail(d, conn, -ENOBUFS);
	parcel_done(d, parcel);
	return 0;
}

/* TCP ends it like one of its own whose conn was killed. */
void dpdk_discard(struct dp *dp, const struct dp_parcel *parcel)
{
	struct dpdk_dp *d = dpdk_of(dp);
	struct leg *leg = parcel_leg(d, parcel);
	struct steer *steer = &leg->port->steer;
	uint64_t key = parcel->word[2];
	uint64_t entry = parcel->word[3] & ENTRY_MASK;
	tcp_flow flow;

	if (tcp_import(
		    leg->stack,
		    parcel_slot(&d->dpdk->parcels, (uint32_t)parcel->word[0]),
		    (uint32_t)parcel->word[1], &flow)) {
		/* The peer hears of it when it sends again. */
		steer_release(steer, key, entry);
	} else if (steer_claim(steer, key, (uint16_t)(parcel->word[1] >> 32),
			       d->index, ++d->entry_number, &entry)) {
		tcp_kill(leg->stack, flow);
	} else {
		tcp_close(leg->stack, flow);
		leftover_add(d, (uint8_t)(leg - d->legs), key, entry);
	}
	parcel_done(d, parcel);
}

/* dp.c - a dp on DPDK: making it, polling it, ending it. */
#include "dataplane/dpdk/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define SLEEP_MIN_NS  (20 * NS_PER_US)
#define ARENA_EXTRA   ((size_t)1 << 20)
#define FLOWS_SPARE   256 /* half open, or ended and not yet gone */
#define WAITING_MIN   256
#define NEIGHBOUR_MAX 1024
#define PORTS_ALL     (65536 - CONNECT_PORT_MIN)

static uint64_t dpdk_now(struct dp *dp)
{
	struct timespec time;

	(void)dp;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

static void dpdk_random(struct dp *dp, void *bytes, size_t len)
{
	uint8_t *at = bytes;

	(void)dp;
	while (len > 0) {
		ssize_t got = getrandom(at, len, 0);

		if (got < 0) {
			ASSERT(errno == EINTR, "the kernel has randomness");
			continue;
		}
		at += got;
		len -= (size_t)got;
	}
}

static void dpdk_caps(struct dp *dp, struct dp_caps *caps)
{
	const struct dpdk_dp *d = dpdk_of(dp);
	uint32_t view_max = CHUNK_BYTES;

	for (uint32_t i = 0; i < d->leg_count; i++)
		view_max = max_u32(view_max, d->legs[i].port->config.mtu);
	*caps = (struct dp_caps){
		.conn_max = d->conns.capacity,
		.view_max_bytes = view_max,
		.kernel_bypass = true,
		.idle_ns = d->dpdk->config.idle_ns,
	};
}

/* A poll that waits looks at it between two sleeps. */
static void dpdk_wake(struct dp *dp)
{
	atomic_store(&dpdk_of(dp)->woken, 1);
}

/*
 * One turn: what was asked for leaves, then what arrived is taken. With no
 * room for events nothing is taken: it waits in the device, not in a stack
 * that would have to drop it. Returns the number of frames.
 */
static uint32_t turn(struct dpdk_dp *d)
{
	uint32_t frames = 0;

	d->now_ns = dpdk_now(&d->dp);
	leftover_expire(d, d->now_ns);
	counters_publish(d);
	dpdk_conn_work_all(d);
	for (uint32_t i = 0; i < d->leg_count; i++) {
		/* Another one first each time: the room may be for one only. */
		struct leg *leg = &d->legs[(d->polls + i) % d->leg_count];

		dpdk_conn_events(d, leg);
		tcp_flush(leg->stack);
		if (out_has_room(d))
			frames += frames_receive(leg);
		tcp_advance(leg->stack, d->now_ns);
		dpdk_conn_events(d, leg);
	}
	dpdk_conn_work_all(d);
	return frames;
}

static uint64_t next_ns(const struct dpdk_dp *d, uint64_t deadline_ns)
{
	for (uint32_t i = 0; i < d->leg_count; i++)
		deadline_ns =
			min_u64(deadline_ns, tcp_deadline(d->legs[i].stack));
	return deadline_ns;
}

/* DPDK cannot tell of a frame while we sleep: so sleeps are short. */
static void rest(struct dpdk_dp *d, uint64_t sleep_ns, uint64_t deadline_ns)
{
	uint64_t until_ns = next_ns(d, deadline_ns);
	struct timespec time;

	if (until_ns <= d->now_ns)
		return;
	sleep_ns = min_u64(sleep_ns, until_ns - d->now_ns);
	time = (struct timespec){.tv_nsec = (long)sleep_ns};
	nanosleep(&time, NULL);
}

static uint32_t dpdk_poll(struct dp *dp, struct dp_event *events, uint32_t max,
			  uint64_t deadline_ns)
{
	struct dpdk_dp *d = dpdk_of(dp);
	uint64_t sleep_ns = SLEEP_MIN_NS;

	if (!d->entered) {
		eal_thread_enter(d->dpdk);
		d->entered = true;
	}
	d->polls++;
	d->out = events;
	d->out_max = max;
	d->out_count = 0;
	for (;;) {
		uint32_t frames = turn(d);

		if (d->out_count || deadline_ns == 0)
			break;
		if (atomic_exchange(&d->woken, 0) || d->now_ns >= deadline_ns)
			break;
		if (frames)
			continue;
		rest(d, sleep_ns, deadline_ns);
		sleep_ns = min_u64(2 * sleep_ns, d->dpdk->config.idle_ns);
	}
	return d->out_count;
}

/* Whoever is connected hears of it: RST leaves before the stack goes. */
static void conns_close(struct dpdk_dp *d)
{
	for (uint32_t i = 0; i < d->conns.capacity; i++) {
		struct conn *conn;

		if (!slab_taken(&d->conns, i))
			continue;
		conn = slab_at(&d->conns, i);
		if (conn->flow)
			tcp_kill(dpdk_conn_leg(d, conn)->stack, conn->flow);
		steer_release(&dpdk_conn_leg(d, conn)->port->steer, conn->key,
			      conn->entry);
	}
}

static void dpdk_dp_destroy(struct dp *dp)
{
	struct dpdk_dp *d = dpdk_of(dp);

	conns_close(d);
	leftover_expire(d, NS_NEVER);
	for (uint32_t i = 0; i < d->leg_count; i++) {
		struct leg *leg = &d->legs[i];

		if (!leg->stack)
			continue;
		tcp_flush(leg->stack);
		port_leave(leg->port, d->index);
		frames_drop_all(leg);
		tcp_release_all(leg->stack);
	}
	arena_fini(&d->arena);
	free(d);
}

static const struct dp_ops dpdk_ops = {
	.name = "dpdk",
	.listen = dpdk_listen,
	.connect = dpdk_connect,
	.poll = dpdk_poll,
	.send = dpdk_send,
	.recycle = dpdk_recycle,
	.hold = dpdk_hold,
	.unhold = dpdk_unhold,
	.unread = dpdk_unread,
	.detach = dpdk_detach,
	.attach = dpdk_attach,
	.discard = dpdk_discard,
	.set_cookie = dpdk_set_cookie,
	.shutdown = dpdk_shutdown,
	.kill = dpdk_kill,
	.conn_info = dpdk_conn_info,
	.caps = dpdk_caps,
	.now = dpdk_now,
	.random = dpdk_random,
	.wake = dpdk_wake,
	.counters = dpdk_counters,
	.destroy = dpdk_dp_destroy,
};

static struct tcp_config stack_config(const struct dpdk_dp *d,
				      const struct port *port)
{
	const struct dpdk_config *config = &d->dpdk->config;
	uint32_t ports = PORTS_ALL / config->dp_count;
	struct tcp_config tcp;

	tcp_config_default(&tcp);
	memcpy(tcp.mac, port->mac, sizeof(tcp.mac));
	memcpy(tcp.secret, port->secret, sizeof(tcp.secret));
	tcp.prefix_len = port->config.prefix_len;
	tcp.address = port->config.address;
	tcp.gateway = port->config.gateway;
	tcp.mtu = port->config.mtu;
	/* Requests reach one stack of a port: frames.c. */
	tcp.answers = true;
	tcp.port_min = (uint16_t)(CONNECT_PORT_MIN + d->index * ports);
	tcp.port_max = (uint16_t)(tcp.port_min + ports - 1);
	tcp.flow_max = config->conn_max + config->conn_max / 4 + FLOWS_SPARE;
	tcp.listener_max = STEER_LISTENERS_MAX;
	tcp.view_max = config->view_max;
	tcp.aux_max = tcp.flow_max / 4 + WAITING_MIN;
	tcp.tx_chunks = config->tx_chunks;
	tcp.rx_chunks = config->rx_chunks;
	tcp.tx_flow_bytes = config->tx_flow_bytes;
	tcp.rx_flow_bytes = config->rx_flow_bytes;
	tcp.time_wait_max = config->conn_max + WAITING_MIN;
	tcp.neighbour_max = NEIGHBOUR_MAX;
	return tcp;
}

static int leg_make(struct dpdk_dp *d, struct leg *leg, struct port *port)
{
	struct tcp_config config = stack_config(d, port);
	struct tcp_ops ops = {
		.emit = frames_emit,
		.release = frames_release,
		.unknown = frames_unknown,
		.arg = leg,
	};
	int err;

	leg->dp = d;
	leg->port = port;
	leg->queue = (uint16_t)(d->index % port->queue_count);
	leg->owners =
		arena_take(&d->arena, config.flow_max * sizeof(*leg->owners),
			   CACHE_LINE_BYTES);
	if (!leg->owners)
		return -ENOMEM;
	err = tcp_create(&config, &ops, &d->arena, d->now_ns, &leg->stack);
	if (err)
		return err;
	port_join(port, d->index);
	tcp_announce(leg->stack);
	return 0;
}

static size_t arena_bytes(const struct dpdk_dp *d)
{
	const struct dpdk *dpdk = d->dpdk;
	/* The slab's stride is at most a line more, and two words beside. */
	size_t conn_bytes = sizeof(struct conn) + CACHE_LINE_BYTES +
			    sizeof(struct send) + 2 * sizeof(uint32_t);
	size_t bytes = ARENA_EXTRA + dpdk->config.conn_max * conn_bytes +
		       LEFTOVER_MAX * sizeof(struct leftover);

	for (uint32_t i = 0; i < dpdk->config.port_count; i++) {
		struct tcp_config config = stack_config(d, &dpdk->ports[i]);

		bytes += tcp_bytes(&config) +
			 config.flow_max * sizeof(struct flow_owner);
	}
	return bytes;
}

static int tables_make(struct dpdk_dp *d)
{
	uint32_t conns = d->dpdk->config.conn_max;
	int err = arena_init(&d->arena, arena_bytes(d));

	if (err)
		return err;
	err = slab_init(&d->conns, &d->arena, sizeof(struct conn), conns,
			d->dp.tag);
	d->sends = arena_take(&d->arena, conns * sizeof(struct send),
			      CACHE_LINE_BYTES);
	d->leftovers =
		arena_take(&d->arena, LEFTOVER_MAX * sizeof(struct leftover),
			   CACHE_LINE_BYTES);
	return err || !d->sends || !d->leftovers ? -ENOMEM : 0;
}

int dpdk_dp_create(struct dpdk *dpdk, uint32_t index, struct dp **dp)
{
	struct dpdk_dp *d;
	int err;

	if (index >= dpdk->config.dp_count)
		return -EINVAL;
	d = aligned_alloc(CACHE_LINE_BYTES, sizeof(*d));
	if (!d)
		return -ENOMEM;
	memset(d, 0, sizeof(*d));
	d->dp.ops = &dpdk_ops;
	d->dp.tag = dpdk->config.tag;
	d->dpdk = dpdk;
	d->index = (uint8_t)index;
	d->now_ns = dpdk_now(&d->dp);
	err = tables_make(d);
	for (uint32_t i = 0; i < dpdk->config.port_count && !err; i++) {
		d->leg_count = i + 1;
		err = leg_make(d, &d->legs[i], &dpdk->ports[i]);
	}
	if (err) {
		dpdk_dp_destroy(&d->dp);
		return err;
	}
	*dp = &d->dp;
	return 0;
}

/* tcp_lwip.c - lwIP as an end of a run: loaded anew for each. */
#include "tests/peers/lwip/lwip_peer.h"
#include "tests/sim/tcp_run_internal.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lwip {
	struct run_end *end;
	void *object;
	const struct lwip_peer *peer;
	bool killed[RUN_CONNS];
};

static struct lwip *lwip_of(struct run_end *end)
{
	return end->own;
}

static void on_emit(void *arg, const void *frame, uint32_t len)
{
	struct lwip *lwip = arg;

	run_emit(lwip->end, frame, len);
}

static void on_opened(void *arg, uint32_t conn)
{
	struct lwip *lwip = arg;

	app_opened(lwip->end->run, lwip->end->side, conn);
}

/* The bytes are lwIP's as soon as this returns: a view has a length only. */
static void on_received(void *arg, uint32_t conn, const void *data,
			uint32_t len)
{
	struct lwip *lwip = arg;
	struct run_view view = {.data = data, .len = len};

	app_received(lwip->end->run, lwip->end->side, conn, &view);
}

static void on_writable(void *arg, uint32_t conn)
{
	struct lwip *lwip = arg;

	app_writable(lwip->end->run, lwip->end->side, conn);
}

static void on_eof(void *arg, uint32_t conn)
{
	struct lwip *lwip = arg;

	app_eof(lwip->end->run, lwip->end->side, conn);
}

static void on_closed(void *arg, uint32_t conn, int error)
{
	struct lwip *lwip = arg;

	app_closed(lwip->end->run, lwip->end->side, conn, error);
}

static const struct lwip_peer_ops lwip_ops = {
	.emit = on_emit,
	.opened = on_opened,
	.received = on_received,
	.writable = on_writable,
	.eof = on_eof,
	.closed = on_closed,
};

static void lwip_input(struct run_end *end)
{
	for (uint32_t i = 0; i < end->arrived_count; i++) {
		lwip_of(end)->peer->input(end->run->now_ns,
					  end->arrived[i].data,
					  end->arrived[i].len);
		free(end->arrived[i].data);
	}
	end->arrived_count = 0;
}

static void lwip_advance(struct run_end *end)
{
	lwip_of(end)->peer->advance(end->run->now_ns);
}

/* Everything is told and sent where it happens. */
static void lwip_nothing(struct run_end *end)
{
	(void)end;
}

static uint64_t lwip_deadline(struct run_end *end)
{
	return lwip_of(end)->peer->deadline();
}

static int lwip_listen(struct run_end *end, uint32_t conn)
{
	return lwip_of(end)->peer->listen(conn,
					  end->run->conn[conn].port[end->side]);
}

static int lwip_connect(struct run_end *end, uint32_t conn)
{
	const uint16_t *port = end->run->conn[conn].port;

	return lwip_of(end)->peer->connect(
		conn, end->run->address[1 - end->side], port[1 - end->side],
		port[end->side]);
}

static uint32_t lwip_send(struct run_end *end, uint32_t conn,
			  const uint8_t *data, uint32_t len)
{
	return lwip_of(end)->peer->send(conn, data, len);
}

static void lwip_recycle(struct run_end *end, uint32_t conn,
			 const struct run_view *view)
{
	lwip_of(end)->peer->recycle(conn, view->len);
}

static void lwip_shutdown(struct run_end *end, uint32_t conn)
{
	lwip_of(end)->peer->shutdown(conn);
}

static void lwip_close(struct run_end *end, uint32_t conn)
{
	lwip_of(end)->peer->close(conn);
	app_closed(end->run, end->side, conn, 0);
}

static void lwip_kill(struct run_end *end, uint32_t conn)
{
	lwip_of(end)->peer->kill(conn);
	app_closed(end->run, end->side, conn, 0);
}

static const char *lwip_check(struct run_end *end)
{
	(void)end;
	return NULL;
}

static const char *lwip_check_empty(struct run_end *end)
{
	return lwip_of(end)->peer->live() ? "lwIP has connections" : NULL;
}

static uint64_t lwip_waits(struct run_end *end)
{
	(void)end;
	return UINT64_MAX;
}

static void lwip_fini(struct run_end *end)
{
	dlclose(lwip_of(end)->object);
	free(lwip_of(end));
}

/* Holding is its owner's business: he does not read on. */
static const struct run_end_calls lwip_calls = {
	.input = lwip_input,
	.advance = lwip_advance,
	.tell = lwip_nothing,
	.flush = lwip_nothing,
	.deadline = lwip_deadline,
	.listen = lwip_listen,
	.connect = lwip_connect,
	.send = lwip_send,
	.recycle = lwip_recycle,
	.shutdown = lwip_shutdown,
	.close = lwip_close,
	.kill = lwip_kill,
	.check = lwip_check,
	.check_empty = lwip_check_empty,
	.waits = lwip_waits,
	.tally = lwip_nothing,
	.fini = lwip_fini,
};

bool lwip_start(struct run *run, uint32_t side)
{
	static const char *const variants[] = {"full", "full", "plain",
					       "small"};
	const char *variant = variants[run_below(run, ARRAY_LEN(variants))];
	struct lwip *lwip = calloc(1, sizeof(*lwip));
	struct lwip_peer_config config = {
		.mac = {2, 0, 0, 0, 0, (uint8_t)(1 + side)},
		.prefix_len = 24,
		.address = run->address[side],
		.seed = (uint32_t)run->wish.seed,
		.isn = (uint32_t)run_below(run, (uint64_t)1 << 32),
		.clock = (uint32_t)run_below(run, (uint64_t)1 << 32),
		.ops = &lwip_ops,
		.arg = lwip,
	};
	char path[512];

	ASSERT(lwip, "a test has its memory");
	if (!run_below(run, 3))
		config.isn = (uint32_t)-run_below(run, 20000);
	if (!run_below(run, 3))
		config.clock = (uint32_t)-run_below(run, 3000);
	snprintf(path, sizeof(path), "%s/lwip_%s.so", run->wish.peers, variant);
	lwip->object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (lwip->object)
		lwip->peer = dlsym(lwip->object, LWIP_PEER_SYMBOL);
	if (!lwip->peer) {
		run_fail(run, "no lwIP: %s", dlerror());
		free(lwip);
		return false;
	}
	run_say(run, "side %u is lwIP, %s", side, lwip->peer->name);
	lwip->end = &run->end[side];
	lwip->end->calls = &lwip_calls;
	lwip->end->own = lwip;
	lwip->peer->start(&config, run->now_ns);
	return true;
}

/* peer.c - lwIP's raw API behind lwip_peer.h. Built by tests/peers/lwip/build.
 *
 * What stands here is static, against the habit of this house: lwIP asks for
 * time and random numbers without saying who it is.
 */
#include "lwip_peer.h"

#include "lwip/etharp.h"
#include "lwip/init.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/tcp.h"
#include "lwip/timeouts.h"
#include "netif/ethernet.h"

#include <string.h>

#define MTU         1500
#define FRAME_BYTES 1600
#define NS_PER_MS   ((uint64_t)1000000)

struct conn {
	struct tcp_pcb *pcb; /* NULL: gone, or not there yet */
};

static struct lwip_peer_config config;
static struct netif netif;
static struct conn conns[LWIP_PEER_CONNS];
static uint64_t random_state;
static uint64_t start_ms;
static uint64_t now_ms;
static uint32_t isn_count;

u32_t sys_now(void)
{
	return (u32_t)(now_ms - start_ms) + config.clock;
}

uint32_t lwip_peer_random(void)
{
	random_state =
		random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 32);
}

uint32_t lwip_peer_isn(void)
{
	/* A later connection's is well above. */
	return config.isn + 0x01000000u * isn_count++;
}

static uint32_t name_of(void *arg)
{
	return (uint32_t)((struct conn *)arg - conns);
}

static err_t on_output(struct netif *self, struct pbuf *p)
{
	static uint8_t frame[FRAME_BYTES];
	uint16_t len = pbuf_copy_partial(p, frame, sizeof(frame), 0);

	(void)self;
	config.ops->emit(config.arg, frame, len);
	return ERR_OK;
}

static err_t on_init(struct netif *self)
{
	self->name[0] = 'p';
	self->name[1] = '0';
	self->mtu = MTU;
	self->hwaddr_len = 6;
	memcpy(self->hwaddr, config.mac, 6);
	self->flags =
		NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
	self->output = etharp_output;
	self->linkoutput = on_output;
	return ERR_OK;
}

static err_t on_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct conn *conn = arg;

	(void)pcb, (void)err;
	if (!p) {
		config.ops->eof(config.arg, name_of(conn));
		return ERR_OK;
	}
	for (const struct pbuf *q = p; q; q = q->next)
		config.ops->received(config.arg, name_of(conn), q->payload,
				     q->len);
	pbuf_free(p);
	return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
	(void)pcb, (void)len;
	config.ops->writable(config.arg, name_of(arg));
	return ERR_OK;
}

static err_t on_poll(void *arg, struct tcp_pcb *pcb)
{
	(void)pcb;
	config.ops->writable(config.arg, name_of(arg));
	return ERR_OK;
}

/* lwIP has freed the pcb already. */
static void on_error(void *arg, err_t err)
{
	struct conn *conn = arg;

	if (!conn || !conn->pcb)
		return;
	conn->pcb = NULL;
	config.ops->closed(config.arg, name_of(conn),
			   err == ERR_CLSD ? 0 : err);
}

static void adopt(struct conn *conn, struct tcp_pcb *pcb)
{
	conn->pcb = pcb;
	tcp_arg(pcb, conn);
	tcp_recv(pcb, on_recv);
	tcp_sent(pcb, on_sent);
	tcp_poll(pcb, on_poll, 2);
	tcp_err(pcb, on_error);
	tcp_nagle_disable(pcb);
	ip_set_option(pcb, SOF_KEEPALIVE);
	/*
	 * lwIP asks with bytes in flight, too, and gives up however long its
	 * retransmissions have been put off: it needs more patience than they.
	 */
	pcb->keep_idle = 60000;
	pcb->keep_intvl = 60000;
	pcb->keep_cnt = 15;
}

/* No callback names the connection any more. */
static void abandon(struct conn *conn)
{
	struct tcp_pcb *pcb = conn->pcb;

	conn->pcb = NULL;
	tcp_arg(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_sent(pcb, NULL);
	tcp_err(pcb, NULL);
	tcp_poll(pcb, NULL, 0);
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct conn *conn = arg;

	if (err != ERR_OK || !pcb)
		return ERR_VAL;
	adopt(conn, pcb);
	config.ops->opened(config.arg, name_of(conn));
	/* It may have been killed at once. */
	return conn->pcb ? ERR_OK : ERR_ABRT;
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct conn *conn = arg;

	(void)pcb, (void)err;
	config.ops->opened(config.arg, name_of(conn));
	return conn->pcb ? ERR_OK : ERR_ABRT;
}

static void set_time(uint64_t now_ns)
{
	now_ms = now_ns / NS_PER_MS;
}

static void peer_start(const struct lwip_peer_config *with, uint64_t now_ns)
{
	ip4_addr_t address = {lwip_htonl(with->address)};
	ip4_addr_t mask = {lwip_htonl(~(uint32_t)0 << (32 - with->prefix_len))};
	ip4_addr_t gateway = {0};

	config = *with;
	random_state = with->seed;
	set_time(now_ns);
	start_ms = now_ms;
	lwip_init();
	netif_add(&netif, &address, &mask, &gateway, NULL, on_init,
		  ethernet_input);
	netif_set_default(&netif);
	netif_set_link_up(&netif);
	netif_set_up(&netif);
}

static void peer_input(uint64_t now_ns, const void *frame, uint32_t len)
{
	struct pbuf *p;

	set_time(now_ns);
	p = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_POOL);
	if (!p)
		return;
	pbuf_take(p, frame, (u16_t)len);
	if (netif.input(p, &netif) != ERR_OK)
		pbuf_free(p);
}

static void peer_advance(uint64_t now_ns)
{
	set_time(now_ns);
	sys_check_timeouts();
}

static uint64_t peer_deadline(void)
{
	uint32_t left = sys_timeouts_sleeptime();

	if (left == SYS_TIMEOUTS_SLEEPTIME_INFINITE)
		return UINT64_MAX;
	return (now_ms + left) * NS_PER_MS;
}

static int peer_listen(uint32_t name, uint16_t port)
{
	struct tcp_pcb *pcb = tcp_new();
	err_t err = pcb ? tcp_bind(pcb, IP_ADDR_ANY, port) : ERR_MEM;

	if (err != ERR_OK)
		return err;
	pcb = tcp_listen_with_backlog(pcb, 4);
	if (!pcb)
		return ERR_MEM;
	tcp_arg(pcb, &conns[name]);
	tcp_accept(pcb, on_accept);
	return ERR_OK;
}

static int peer_connect(uint32_t name, uint32_t address, uint16_t port,
			uint16_t local_port)
{
	ip_addr_t to = {lwip_htonl(address)};
	struct tcp_pcb *pcb = tcp_new();
	err_t err = pcb ? tcp_bind(pcb, IP_ADDR_ANY, local_port) : ERR_MEM;

	if (err != ERR_OK)
		return err;
	adopt(&conns[name], pcb);
	return tcp_connect(pcb, &to, port, on_connected);
}

static uint32_t peer_send(uint32_t name, const void *data, uint32_t len)
{
	struct tcp_pcb *pcb = conns[name].pcb;
	uint32_t room = tcp_sndbuf(pcb);

	if (len > room)
		len = room;
	if (len > UINT16_MAX)
		len = UINT16_MAX;
	if (!len || tcp_write(pcb, data, (u16_t)len, TCP_WRITE_FLAG_COPY))
		len = 0;
	tcp_output(pcb);
	return len;
}

static void peer_recycle(uint32_t name, uint32_t len)
{
	struct tcp_pcb *pcb = conns[name].pcb;

	while (pcb && len) {
		u16_t part = len > UINT16_MAX ? UINT16_MAX : (u16_t)len;

		tcp_recved(pcb, part);
		len -= part;
	}
}

static void peer_shutdown(uint32_t name)
{
	/* Without memory lwIP tries again by itself (TF_CLOSEPEND). */
	tcp_shutdown(conns[name].pcb, 0, 1);
}

static void peer_close(uint32_t name)
{
	struct tcp_pcb *pcb = conns[name].pcb;

	if (!pcb)
		return;
	abandon(&conns[name]);
	tcp_close(pcb);
}

static void peer_kill(uint32_t name)
{
	struct tcp_pcb *pcb = conns[name].pcb;

	if (!pcb)
		return;
	abandon(&conns[name]);
	tcp_abort(pcb);
}

static uint32_t count(const struct tcp_pcb *list)
{
	uint32_t total = 0;

	for (; list; list = list->next)
		total++;
	return total;
}

static uint32_t peer_live(void)
{
	return count(tcp_active_pcbs);
}

static uint32_t peer_waits(void)
{
	return count(tcp_tw_pcbs);
}

const struct lwip_peer lwip_peer;
const struct lwip_peer lwip_peer = {
#if LWIP_PEER_VARIANT == LWIP_PEER_FULL
	.name = "full",
#elif LWIP_PEER_VARIANT == LWIP_PEER_PLAIN
	.name = "plain",
#else
	.name = "small",
#endif
	.window_bytes = TCP_WND,
	.start = peer_start,
	.input = peer_input,
	.advance = peer_advance,
	.deadline = peer_deadline,
	.listen = peer_listen,
	.connect = peer_connect,
	.send = peer_send,
	.recycle = peer_recycle,
	.shutdown = peer_shutdown,
	.close = peer_close,
	.kill = peer_kill,
	.live = peer_live,
	.waits = peer_waits,
};

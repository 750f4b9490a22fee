/* load.c - a light client for experiments: links, frames, epoll, no more. */
#include "bench/load.h"

#include <spice/enums.h>
#include <spice/protocol.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define RX_BYTES   ((size_t)256 * 1024)
#define EVENTS_MAX 256

static void raise_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

int load_init(struct load *load, uint32_t max, load_event_fn *event, void *arg)
{
	*load = (struct load){
		.max = max,
		.event = event,
		.arg = arg,
		.seed = 1,
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.conns = calloc(max, sizeof(*load->conns)),
		.free = calloc(max, sizeof(struct load_conn *)),
		.rx = malloc(RX_BYTES),
	};
	if (load->epoll < 0 || !load->conns || !load->free || !load->rx) {
		load_fini(load);
		return -ENOMEM;
	}
	raise_files();
	for (uint32_t i = 0; i < max; i++) {
		load->conns[i].fd = -1;
		load->free[i] = &load->conns[max - 1 - i];
	}
	return 0;
}

void load_fini(struct load *load)
{
	for (uint32_t i = 0; i < load->max && load->conns; i++) {
		if (load->conns[i].state != LOAD_FREE)
			close(load->conns[i].fd);
	}
	if (load->epoll >= 0)
		close(load->epoll);
	client_ticket_fini(&load->ticket);
	free(load->conns);
	free(load->free);
	free(load->rx);
	*load = (struct load){.epoll = -1};
}

void load_close(struct load *load, struct load_conn *conn)
{
	if (conn->state == LOAD_FREE)
		return;
	close(conn->fd);
	conn->fd = -1;
	conn->state = LOAD_FREE;
	load->open--;
	load->free[load->max - load->open - 1] = conn;
}

static void end(struct load *load, struct load_conn *conn, uint32_t refused)
{
	const struct load_event event = {.kind = LOAD_ENDED,
					 .refused = refused};

	load_close(load, conn);
	load->event(load, conn, &event);
}

static void tell(struct load *load, struct load_conn *conn, uint8_t kind,
		 uint16_t type, const uint8_t *bytes, uint32_t len)
{
	const struct load_event event = {
		.kind = kind, .type = type, .data = {bytes, len}};

	load->event(load, conn, &event);
}

static int watch(struct load *load, struct load_conn *conn, int op, bool out)
{
	struct epoll_event event = {.events = EPOLLIN |
					      (out ? (uint32_t)EPOLLOUT : 0)};

	event.data.ptr = conn;
	return epoll_ctl(load->epoll, op, conn->fd, &event) ? -errno : 0;
}

int load_link(struct load *load, const struct load_target *target, uint8_t type,
	      uint8_t id, uint32_t session, void *user, struct load_conn **made)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(target->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct load_conn *conn;
	int one = 1;
	int err;

	if (load->open == load->max)
		return -ENOBUFS;
	conn = load->free[load->max - load->open - 1];
	conn->fd =
		socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (conn->fd < 0)
		return -errno;
	setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	conn->state = LOAD_CONNECTING;
	conn->life++;
	conn->ack_window = conn->ack_left = 0;
	conn->type = type;
	conn->id = id;
	conn->session = session;
	conn->refused = 0;
	conn->target = target;
	conn->user = user;
	conn->have = conn->want = conn->tx_len = 0;
	conn->tx_waits = false;
	load->open++;
	err = connect(conn->fd, (struct sockaddr *)&address, sizeof(address));
	err = err && errno != EINPROGRESS ? -errno : 0;
	if (!err)
		err = watch(load, conn, EPOLL_CTL_ADD, true);
	if (err)
		load_close(load, conn);
	else if (made)
		*made = conn;
	return err;
}

int load_write(struct load *load, struct load_conn *conn, const void *bytes,
	       uint32_t len)
{
	const uint8_t *at = bytes;
	ssize_t n = 0;

	if (conn->tx_len == 0) {
		n = send(conn->fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n < 0)
			n = 0;
		if ((uint32_t)n == len)
			return 0;
	}
	if (conn->tx_len + len - (uint32_t)n > LOAD_TX_BYTES)
		return -ENOBUFS;
	memcpy(conn->tx + conn->tx_len, at + n, len - (size_t)n);
	conn->tx_len += len - (uint32_t)n;
	if (conn->tx_waits)
		return 0;
	conn->tx_waits = true;
	return watch(load, conn, EPOLL_CTL_MOD, true);
}

int load_send(struct load *load, struct load_conn *conn, uint16_t type,
	      const void *body, uint32_t len)
{
	uint8_t bytes[1024];
	uint32_t head = frame_emit_header(bytes, FRAME_MINI, 0, type, len);

	if (head + len > sizeof(bytes))
		return -EMSGSIZE;
	if (len > 0)
		memcpy(bytes + head, body, len);
	return load_write(load, conn, bytes, head + len);
}

static int flush(struct load *load, struct load_conn *conn)
{
	ssize_t n = send(conn->fd, conn->tx, conn->tx_len, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	conn->tx_len -= (uint32_t)n;
	memmove(conn->tx, conn->tx + n, conn->tx_len);
	if (conn->tx_len > 0)
		return 0;
	conn->tx_waits = false;
	return watch(load, conn, EPOLL_CTL_MOD, false);
}

static void go_up(struct load *load, struct load_conn *conn)
{
	conn->state = LOAD_UP;
	frame_init(&conn->parser, FRAME_MINI, false);
	tell(load, conn, LOAD_LINKED, 0, NULL, 0);
}

static int connected(struct load *load, struct load_conn *conn)
{
	struct wire_caps common = {.count = 0};
	struct wire_caps channel = {.count = 0};
	uint8_t out[WIRE_LINK_OUT_MAX];
	socklen_t err_len = sizeof(int);
	uint32_t len;
	int err = 0;

	getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &err, &err_len);
	if (!err)
		err = -watch(load, conn, EPOLL_CTL_MOD, false);
	if (err)
		return -err;
	if (conn->target->bare) {
		go_up(load, conn);
		return 0;
	}
	caps_set(&common, SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION);
	caps_set(&common, SPICE_COMMON_CAP_MINI_HEADER);
	if (conn->type == SPICE_CHANNEL_MAIN)
		caps_set(&channel, SPICE_MAIN_CAP_AGENT_CONNECTED_TOKENS);
	len = wire_link_write_mess(out, conn->session, conn->type, conn->id,
				   &common, &channel);
	conn->state = LOAD_IN_HEADER;
	conn->want = WIRE_LINK_HEADER_BYTES;
	return load_write(load, conn, out, len);
}

/* The mechanism word and the ticket go out together, as spice-gtk has it. */
static int answer_reply(struct load *load, struct load_conn *conn)
{
	struct wire_link_reply reply;
	struct wire_caps common, channel;
	uint8_t seed[CLIENT_TICKET_SEED_BYTES] = {0};
	uint8_t out[4 + WIRE_LINK_CIPHER_BYTES];
	int err;

	if (wire_link_read_reply(&reply, &common, &channel, conn->stage,
				 conn->want))
		return -EPROTO;
	if (reply.error) {
		conn->refused = reply.error;
		return -ECONNREFUSED;
	}
	/* A benchmark's tickets are no secret: only never twice the same. */
	load->seed++;
	memcpy(seed, &load->seed, sizeof(load->seed));
	wire_link_write_word(out, SPICE_COMMON_CAP_AUTH_SPICE);
	err = client_ticket_seal(&load->ticket, reply.key,
				 conn->target->password, seed, out + 4);
	conn->state = LOAD_IN_RESULT;
	conn->want = 4;
	return err ? err : load_write(load, conn, out, sizeof(out));
}

/* A whole piece of the link stage is in stage. */
static int stage_done(struct load *load, struct load_conn *conn)
{
	struct wire_link_header header;

	conn->have = 0;
	switch (conn->state) {
	case LOAD_IN_HEADER:
		if (wire_link_read_header(&header, conn->stage,
					  WIRE_LINK_REPLY_BYTES) ||
		    header.size_bytes > sizeof(conn->stage))
			return -EPROTO;
		conn->state = LOAD_IN_REPLY;
		conn->want = header.size_bytes;
		return 0;
	case LOAD_IN_REPLY:
		return answer_reply(load, conn);
	default:
		conn->refused = wire_link_read_word(conn->stage);
		if (conn->refused)
			return -ECONNREFUSED;
		go_up(load, conn);
		return 0;
	}
}

static int stage_feed(struct load *load, struct load_conn *conn,
		      const uint8_t **data, uint32_t *len)
{
	uint32_t n = min_u32(conn->want - conn->have, *len);

	memcpy(conn->stage + conn->have, *data, n);
	conn->have += n;
	*data += n;
	*len -= n;
	return conn->have == conn->want ? stage_done(load, conn) : 0;
}

static int64_t any_size(const void *arg, uint16_t type)
{
	(void)arg;
	(void)type;
	return (int64_t)1 << 24;
}

static int base_message(struct load *load, struct load_conn *conn,
			uint16_t type, uint32_t len)
{
	if (type == SPICE_MSG_PING && len >= 12)
		return load_send(load, conn, SPICE_MSGC_PONG, conn->head, 12);
	if (type == SPICE_MSG_SET_ACK && len >= 8) {
		conn->ack_window = wire_link_read_word(conn->head + 4);
		conn->ack_left = conn->ack_window;
		return load_send(load, conn, SPICE_MSGC_ACK_SYNC, conn->head,
				 4);
	}
	return 0;
}

static int acknowledge(struct load *load, struct load_conn *conn)
{
	if (conn->ack_window == 0 || --conn->ack_left > 0)
		return 0;
	conn->ack_left = conn->ack_window;
	return load_send(load, conn, SPICE_MSGC_ACK, NULL, 0);
}

static int frames_feed(struct load *load, struct load_conn *conn,
		       const uint8_t **data, uint32_t *len)
{
	struct frame frame;
	int step = frame_next(&conn->parser, data, len, any_size, NULL, &frame);

	if (step <= 0)
		return step;
	if (frame_is_last(&frame)) {
		step = acknowledge(load, conn);
		if (step)
			return step;
	}
	if (frame.type == SPICE_MSG_SPICEVMC_DATA &&
	    conn->type != SPICE_CHANNEL_MAIN) {
		tell(load, conn, LOAD_BYTES, frame.type, frame.data, frame.len);
		return 0;
	}
	if (frame.offset < LOAD_HEAD_BYTES)
		memcpy(conn->head + frame.offset, frame.data,
		       min_u32(frame.len, LOAD_HEAD_BYTES - frame.offset));
	if (!frame_is_last(&frame))
		return 0;
	step = base_message(load, conn, frame.type, frame.total);
	if (!step)
		tell(load, conn, LOAD_MESSAGE, frame.type, conn->head,
		     min_u32(frame.total, LOAD_HEAD_BYTES));
	return step;
}

static void readable(struct load *load, struct load_conn *conn)
{
	ssize_t n = recv(conn->fd, load->rx, RX_BYTES, 0);
	const uint8_t *data = load->rx;
	uint32_t len = n > 0 ? (uint32_t)n : 0;
	uint32_t life = conn->life;
	int err = 0;

	if (n < 0 && errno == EAGAIN)
		return;
	/* The owner may close it on the way, and use the slot again. */
	while (len > 0 && !err && conn->state != LOAD_FREE &&
	       conn->life == life)
		err = conn->state == LOAD_UP
			      ? frames_feed(load, conn, &data, &len)
			      : stage_feed(load, conn, &data, &len);
	if (conn->state == LOAD_FREE || conn->life != life)
		return;
	if (n <= 0 || err)
		end(load, conn, conn->refused);
	else if (conn->state == LOAD_UP)
		tell(load, conn, LOAD_READ, 0, NULL, 0);
}

int load_poll(struct load *load, int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(load->epoll, events, EVENTS_MAX, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++) {
		struct load_conn *conn = events[i].data.ptr;
		int err = 0;

		if (conn->state == LOAD_FREE)
			continue;
		if (conn->state == LOAD_CONNECTING)
			err = connected(load, conn);
		else if (events[i].events & EPOLLOUT)
			err = flush(load, conn);
		if (err)
			end(load, conn, 0);
		else if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			readable(load, conn);
	}
	return 0;
}

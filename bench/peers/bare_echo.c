/* bare_echo.c - the least an io_uring server can do: give back what came. */
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * The control of the echo figures. No protocol, no session, no limits: one
 * ring, multishot accept and receive over provided buffers, and each buffer is
 * sent back as it is. A connection answers one buffer at a time, so it must
 * not be given more than it has sent for: what its client keeps on its way
 * fits one buffer. Blocks when idle, never spins.
 */
#define CONNS_MAX    4096
#define BUFFERS      2048 /* a power of two */
#define BUFFER_BYTES 1024
#define GROUP        0

enum op { OP_ACCEPT, OP_RECV, OP_SEND };

struct bare {
	struct io_uring ring;
	struct io_uring_buf_ring *buffers;
	uint8_t *bytes;
	int listener;
};

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

static struct io_uring_sqe *new_sqe(struct bare *bare)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&bare->ring);

	while (!sqe) {
		io_uring_submit(&bare->ring);
		sqe = io_uring_get_sqe(&bare->ring);
	}
	return sqe;
}

/* Behind the preparation, which clears it. */
static void set_data(struct io_uring_sqe *sqe, enum op op, int fd,
		     uint32_t buffer)
{
	io_uring_sqe_set_data64(sqe, (uint64_t)op << 56 |
					     (uint64_t)buffer << 32 |
					     (uint32_t)fd);
}

static void receive(struct bare *bare, int fd)
{
	struct io_uring_sqe *sqe = new_sqe(bare);

	io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = GROUP;
	set_data(sqe, OP_RECV, fd, 0);
}

static void accept_all(struct bare *bare)
{
	struct io_uring_sqe *sqe = new_sqe(bare);

	io_uring_prep_multishot_accept(sqe, bare->listener, NULL, NULL, 0);
	set_data(sqe, OP_ACCEPT, 0, 0);
}

static void give_buffer(struct bare *bare, uint32_t buffer)
{
	io_uring_buf_ring_add(bare->buffers,
			      bare->bytes + (size_t)buffer * BUFFER_BYTES,
			      BUFFER_BYTES, (unsigned short)buffer,
			      io_uring_buf_ring_mask(BUFFERS), 0);
	io_uring_buf_ring_advance(bare->buffers, 1);
}

static void received(struct bare *bare, const struct io_uring_cqe *cqe, int fd)
{
	uint32_t buffer = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
	struct io_uring_sqe *sqe;

	if (cqe->res == -ENOBUFS) {
		receive(bare, fd);
		return;
	}
	if (cqe->res <= 0) {
		close(fd);
		return;
	}
	sqe = new_sqe(bare);
	io_uring_prep_send(sqe, fd, bare->bytes + (size_t)buffer * BUFFER_BYTES,
			   (size_t)cqe->res, MSG_NOSIGNAL | MSG_WAITALL);
	set_data(sqe, OP_SEND, fd, buffer);
	if (!(cqe->flags & IORING_CQE_F_MORE))
		receive(bare, fd);
}

static void handle(struct bare *bare, const struct io_uring_cqe *cqe)
{
	enum op op = (enum op)(cqe->user_data >> 56);
	uint32_t buffer = (uint32_t)(cqe->user_data >> 32) & 0xffffff;
	int one = 1;

	switch (op) {
	case OP_ACCEPT:
		if (cqe->res >= 0) {
			setsockopt(cqe->res, IPPROTO_TCP, TCP_NODELAY, &one,
				   sizeof(one));
			receive(bare, cqe->res);
		}
		if (!(cqe->flags & IORING_CQE_F_MORE))
			accept_all(bare);
		break;
	case OP_RECV:
		received(bare, cqe, (int)(uint32_t)cqe->user_data);
		break;
	case OP_SEND:
		give_buffer(bare, buffer);
		break;
	}
}

static int run(struct bare *bare)
{
	accept_all(bare);
	while (!stopped) {
		int err = io_uring_submit_and_wait(&bare->ring, 1);
		struct io_uring_cqe *cqe;
		unsigned int head, count = 0;

		if (err < 0 && err != -EINTR)
			return err;
		io_uring_for_each_cqe(&bare->ring, head, cqe)
		{
			handle(bare, cqe);
			count++;
		}
		io_uring_cq_advance(&bare->ring, count);
	}
	return 0;
}

static int start_listening(struct bare *bare, uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int one = 1;

	bare->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bare->listener < 0)
		return -errno;
	setsockopt(bare->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(bare->listener, (struct sockaddr *)&address,
		 sizeof(address)) ||
	    listen(bare->listener, CONNS_MAX))
		return -errno;
	return 0;
}

static int start_ring(struct bare *bare)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER |
			 IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
		.cq_entries = 4 * CONNS_MAX,
	};
	struct io_uring_buf_reg reg = {.ring_entries = BUFFERS, .bgid = GROUP};
	void *memory = NULL;
	int err = io_uring_queue_init_params(CONNS_MAX, &bare->ring, &params);

	if (err)
		return err;
	bare->bytes = malloc((size_t)BUFFERS * BUFFER_BYTES);
	if (!bare->bytes ||
	    posix_memalign(&memory, 4096,
			   BUFFERS * sizeof(struct io_uring_buf)))
		return -ENOMEM;
	bare->buffers = memory;
	reg.ring_addr = (uint64_t)(uintptr_t)memory;
	err = io_uring_register_buf_ring(&bare->ring, &reg, 0);
	if (err)
		return err;
	io_uring_buf_ring_init(bare->buffers);
	for (uint32_t i = 0; i < BUFFERS; i++)
		give_buffer(bare, i);
	return 0;
}

int main(int argc, char **argv)
{
	static struct bare bare;
	struct sigaction action = {.sa_handler = stop};
	unsigned long port = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	struct rlimit files;
	int err;

	if (port == 0 || port > 65535) {
		fprintf(stderr, "usage: %s PORT\n", argv[0]);
		return 2;
	}
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	err = start_ring(&bare);
	if (!err)
		err = start_listening(&bare, (uint16_t)port);
	if (!err)
		err = run(&bare);
	if (err)
		fprintf(stderr, "%s: %s\n", argv[0], strerror(-err));
	return err ? 1 : 0;
}

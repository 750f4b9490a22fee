/* relay.c - a door before a door: hands TCP connections on, byte for byte.
 *
 *   relay LISTEN_PORT TARGET_PORT
 *
 * Both on 127.0.0.1. A test that stops this process has a destination that
 * takes connections and never answers; one that kills it, links that die; one
 * that has not started it yet, a door that refuses.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAIRS_MAX 64

/* What came in at one end and has not gone out at the other yet. */
struct lane {
	uint8_t bytes[65536];
	size_t from, to;
	bool ended;
};

struct pair {
	int fd[2];           /* the client's and ours to the target, -1: free */
	struct lane lane[2]; /* lane i is read from fd i */
};

static struct sockaddr_in local(const char *port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static void drop(struct pair *pair)
{
	for (int i = 0; i < 2; i++)
		close(pair->fd[i]);
	free(pair);
}

static struct pair *take(int listener, const struct sockaddr_in *target)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	int i;

	if (!pair)
		abort();
	pair->fd[0] = accept(listener, NULL, NULL);
	pair->fd[1] = socket(AF_INET, SOCK_STREAM, 0);
	for (i = 0; i < 2 && pair->fd[i] >= 0; i++)
		continue;
	if (i == 2 && connect(pair->fd[1], (const struct sockaddr *)target,
			      sizeof(*target)) == 0)
		return pair;
	drop(pair);
	return NULL;
}

/* Moves what there is. False: this pair has ended. */
static bool carry(struct pair *pair, const struct pollfd *polled)
{
	for (int i = 0; i < 2; i++) {
		struct lane *lane = &pair->lane[i];
		ssize_t done;

		if (lane->from == lane->to && !lane->ended &&
		    polled[i].revents & (POLLIN | POLLHUP | POLLERR)) {
			done = recv(pair->fd[i], lane->bytes,
				    sizeof(lane->bytes), MSG_DONTWAIT);
			if (done < 0 && errno != EAGAIN)
				return false;
			lane->ended = done == 0;
			lane->from = 0;
			lane->to = done > 0 ? (size_t)done : 0;
		}
		if (lane->from < lane->to) {
			done = send(pair->fd[1 - i], lane->bytes + lane->from,
				    lane->to - lane->from,
				    MSG_DONTWAIT | MSG_NOSIGNAL);
			if (done < 0 && errno != EAGAIN)
				return false;
			lane->from += done > 0 ? (size_t)done : 0;
		}
		if (lane->ended && lane->from == lane->to)
			return false;
	}
	return true;
}

static void set_polls(const struct pair *pair, struct pollfd *polled)
{
	for (int i = 0; i < 2; i++) {
		bool full = pair->lane[i].from < pair->lane[i].to;
		bool owes = pair->lane[1 - i].from < pair->lane[1 - i].to;

		polled[i] = (struct pollfd){
			.fd = pair->fd[i],
			.events = (short)((full ? 0 : POLLIN) |
					  (owes ? POLLOUT : 0)),
		};
	}
}

static void serve(int listener, const struct sockaddr_in *target)
{
	struct pair *pairs[PAIRS_MAX];
	struct pollfd polled[1 + 2 * PAIRS_MAX];
	size_t count = 0;

	for (;;) {
		size_t kept = 0, polls = 1 + 2 * count;

		polled[0] = (struct pollfd){
			.fd = count < PAIRS_MAX ? listener : -1,
			.events = POLLIN,
		};
		for (size_t i = 0; i < count; i++)
			set_polls(pairs[i], &polled[1 + 2 * i]);
		if (poll(polled, polls, -1) < 0 && errno != EINTR)
			return;
		for (size_t i = 0; i < count; i++) {
			if (carry(pairs[i], &polled[1 + 2 * i]))
				pairs[kept++] = pairs[i];
			else
				drop(pairs[i]);
		}
		count = kept;
		if (polled[0].revents & POLLIN) {
			pairs[count] = take(listener, target);
			count += pairs[count] != NULL;
		}
	}
}

int main(int argc, char **argv)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
	struct sockaddr_in own, target;

	if (argc != 3) {
		fprintf(stderr, "usage: relay LISTEN_PORT TARGET_PORT\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	own = local(argv[1]);
	target = local(argv[2]);
	if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) ||
	    bind(listener, (struct sockaddr *)&own, sizeof(own)) ||
	    listen(listener, PAIRS_MAX)) {
		perror("relay");
		return 1;
	}
	serve(listener, &target);
	return 1;
}

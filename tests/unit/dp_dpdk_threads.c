/* dp_dpdk_threads.c - connections that go round between dps with a thread each.
 *
 * Three dps serve: what comes in goes back, and every now and then one hands a
 * connection to the next. The fourth opens the connections and checks that its
 * bytes come back, each one in its place.
 */
#include "tests/unit/dp_dpdk_threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define SERVERS       3
#define CLIENT        3
#define CONNS         12
#define WINDOW_BYTES  16384 /* sent and not yet back */
#define STREAM_BYTES  ((uint64_t)2000000)
#define MOVE_EVERY    8 /* receives */
#define MAILBOX       64
#define TIME_LIMIT_NS (60 * NS_PER_S)

/* A served connection; it goes with the parcel, and one thread has it. */
struct served {
	dp_conn conn;
	uint8_t bytes[2 * WINDOW_BYTES];
	uint32_t len;
	uint32_t flight; /* of them, in a send */
	uint32_t receives;
	bool leaving;
};

struct letter {
	struct dp_parcel parcel;
	struct served *served;
};

struct server {
	struct ring_of_threads *all;
	struct dp *dp;
	uint32_t index;
	uint32_t moves;
	uint32_t wrong;
	pthread_t thread;
	pthread_mutex_t lock; /* of the mailbox */
	struct letter letters[MAILBOX];
	uint32_t letter_count;
};

struct ring_of_threads {
	struct server servers[SERVERS];
	struct served served[CONNS];
	_Atomic uint32_t served_count;
	_Atomic bool over;
};

static uint8_t byte_at(uint32_t conn, uint64_t position)
{
	return (uint8_t)(position * 31 + position / 251 + conn * 7);
}

static void send_back(struct server *server, struct served *served)
{
	struct span span = {.data = served->bytes, .len = served->len};

	if (served->flight || !served->len || served->leaving)
		return;
	if (dp_send(server->dp, served->conn, &span, 1, 0) == 0)
		served->flight = served->len;
}

static void post(struct server *server, const struct letter *letter)
{
	pthread_mutex_lock(&server->lock);
	server->letters[server->letter_count++] = *letter;
	pthread_mutex_unlock(&server->lock);
}

static void take_letters(struct server *server)
{
	struct letter letters[MAILBOX];
	uint32_t count;

	pthread_mutex_lock(&server->lock);
	count = server->letter_count;
	memcpy(letters, server->letters, count * sizeof(*letters));
	server->letter_count = 0;
	pthread_mutex_unlock(&server->lock);
	for (uint32_t i = 0; i < count; i++) {
		struct served *served = letters[i].served;

		if (dp_attach(server->dp, &letters[i].parcel, (uintptr_t)served,
			      &served->conn))
			server->wrong++;
		served->leaving = false;
		send_back(server, served);
	}
}

static void accepted(struct server *server, const struct dp_event *event)
{
	uint32_t place = atomic_fetch_add(&server->all->served_count, 1);
	struct served *served = &server->all->served[place % CONNS];

	server->wrong += place >= CONNS;
	served->conn = event->conn;
	dp_set_cookie(server->dp, event->conn, (uintptr_t)served);
}

static void served_received(struct server *server, struct served *served,
			    const struct dp_view *view)
{
	if (served->len + view->len > sizeof(served->bytes)) {
		server->wrong++;
		return;
	}
	memcpy(served->bytes + served->len, view->data, view->len);
	served->len += view->len;
	if (++served->receives % MOVE_EVERY == 0 && !served->leaving) {
		served->leaving = true;
		dp_detach(server->dp, served->conn);
		return;
	}
	send_back(server, served);
}

static void served_event(struct server *server, const struct dp_event *event)
{
	struct served *served = (struct served *)(uintptr_t)event->cookie;
	struct letter letter = {.served = served};
	uint32_t next = (server->index + 1) % SERVERS;

	switch (event->kind) {
	case DP_ACCEPTED:
		accepted(server, event);
		break;
	case DP_RECEIVED:
		served_received(server, served, &event->view);
		dp_recycle(server->dp, &event->view);
		break;
	case DP_SENT:
		served->flight = 0;
		served->len -= (uint32_t)event->result;
		memmove(served->bytes, served->bytes + event->result,
			served->len);
		send_back(server, served);
		break;
	case DP_DETACHED:
		letter.parcel = event->parcel;
		server->moves++;
		post(&server->all->servers[next], &letter);
		break;
	default:
		break;
	}
}

static void *serve(void *arg)
{
	struct server *server = arg;
	struct dp_event events[64];

	while (!atomic_load(&server->all->over)) {
		uint64_t until_ns = dp_now(server->dp) + 200 * NS_PER_US;
		uint32_t count = dp_poll(server->dp, events, 64, until_ns);

		for (uint32_t i = 0; i < count; i++)
			served_event(server, &events[i]);
		take_letters(server);
	}
	return NULL;
}

/* The client's side, in the calling thread. */
struct stream {
	dp_conn conn;
	uint64_t sent;
	uint64_t back;
	uint32_t flight;
	bool up;
	uint8_t bytes[WINDOW_BYTES];
};

struct client {
	struct dp *dp;
	struct stream streams[CONNS];
	uint32_t done;
	uint32_t wrong;
};

static void stream_send(struct client *client, uint32_t number)
{
	struct stream *stream = &client->streams[number];
	uint64_t room = WINDOW_BYTES - (stream->sent - stream->back);
	uint32_t len = (uint32_t)min_u64(room, STREAM_BYTES - stream->sent);
	struct span span = {.data = stream->bytes, .len = len};

	if (!stream->up || stream->flight || !len)
		return;
	for (uint32_t i = 0; i < len; i++)
		stream->bytes[i] = byte_at(number, stream->sent + i);
	if (dp_send(client->dp, stream->conn, &span, 1, 0)) {
		client->wrong++;
		return;
	}
	stream->flight = len;
	stream->sent += len;
}

static void stream_received(struct client *client, uint32_t number,
			    const struct dp_view *view)
{
	struct stream *stream = &client->streams[number];

	for (uint32_t i = 0; i < view->len; i++)
		client->wrong +=
			view->data[i] != byte_at(number, stream->back + i);
	stream->back += view->len;
	client->done += stream->back == STREAM_BYTES;
}

static void client_event(struct client *client, const struct dp_event *event)
{
	uint32_t number = (uint32_t)event->cookie;
	struct stream *stream = &client->streams[number];

	switch (event->kind) {
	case DP_CONNECTED:
		stream->up = true;
		break;
	case DP_RECEIVED:
		stream_received(client, number, &event->view);
		dp_recycle(client->dp, &event->view);
		break;
	case DP_SENT:
		stream->flight = 0;
		break;
	default:
		client->wrong++; /* nobody ends one */
		break;
	}
	stream_send(client, number);
}

static void client_run(struct client *client, const struct addr *addr)
{
	uint64_t end_ns = dp_now(client->dp) + TIME_LIMIT_NS;
	struct dp_event events[64];

	for (uint32_t i = 0; i < CONNS; i++)
		client->wrong += dp_connect(client->dp, addr, i,
					    &client->streams[i].conn) != 0;
	while (client->done < CONNS && !client->wrong &&
	       dp_now(client->dp) < end_ns) {
		uint64_t until_ns = dp_now(client->dp) + 200 * NS_PER_US;
		uint32_t count = dp_poll(client->dp, events, 64, until_ns);

		for (uint32_t i = 0; i < count; i++)
			client_event(client, &events[i]);
	}
}

static int servers_start(struct ring_of_threads *all, struct dpdk *dpdk,
			 struct addr *addr)
{
	int err = 0;

	for (uint32_t i = 0; i < SERVERS && !err; i++) {
		struct server *server = &all->servers[i];

		server->all = all;
		server->index = i;
		pthread_mutex_init(&server->lock, NULL);
		err = dpdk_dp_create(dpdk, i, &server->dp);
		if (!err)
			err = dp_listen(server->dp, addr, 0, addr);
	}
	for (uint32_t i = 0; i < SERVERS && !err; i++)
		err = -pthread_create(&all->servers[i].thread, NULL, serve,
				      &all->servers[i]);
	return err;
}

bool dp_dpdk_threads_run(struct dpdk *dpdk, struct addr *addr)
{
	static struct ring_of_threads all;
	static struct client client;
	uint32_t moves = 0;
	int err = dpdk_dp_create(dpdk, CLIENT, &client.dp);

	if (!err)
		err = servers_start(&all, dpdk, addr);
	if (err) {
		fprintf(stderr, "cannot start: %d\n", err);
		return false;
	}
	client_run(&client, addr);
	atomic_store(&all.over, true);
	for (uint32_t i = 0; i < SERVERS; i++) {
		struct server *server = &all.servers[i];

		pthread_join(server->thread, NULL);
		moves += server->moves;
		client.wrong += server->wrong;
	}
	for (uint32_t i = 0; i < SERVERS; i++) {
		struct server *server = &all.servers[i];

		for (uint32_t k = 0; k < server->letter_count; k++)
			dp_discard(server->dp, &server->letters[k].parcel);
	}
	for (uint32_t i = 0; i < SERVERS; i++)
		dp_destroy(all.servers[i].dp);
	dp_destroy(client.dp);
	fprintf(stderr, "%u of %u streams, %u moves, %u wrong\n", client.done,
		CONNS, moves, client.wrong);
	return client.done == CONNS && !client.wrong && moves >= CONNS;
}

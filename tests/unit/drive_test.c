/* drive_test.c - clients over the simulated dataplane, against an echo. */
#include "channels/client/drive.h"
#include "channels/link.h"
#include "channels/wire/directory.h"
#include "dataplane/sim/sim.h"
#include "dataplane/sim/sim_keys.h"
#include "tests/unit/seeded.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <spice/enums.h>
#include <spice/protocol.h>
#include <stdlib.h>
#include <string.h>

#define CLIENTS      3
#define STREAM_BYTES ((uint32_t)120000)
#define CONNS        64
#define TX_BYTES     ((uint32_t)1 << 20)
#define STEPS_MAX    400000

struct conn {
	dp_conn conn;
	bool up;
	uint8_t type;
	struct link link;
	struct frame_parser parser;
	uint8_t *tx;
	uint32_t tx_len;
	uint32_t flight;
};

struct user {
	uint32_t index;
	uint32_t number;
	uint32_t sent;
	uint32_t echoed;
	uint32_t wrong;
	bool up;
	bool closed;
	bool reads;
};

struct place {
	struct sim_world *world;
	struct dp *server;
	struct dp *dp;
	struct drive drive;
	struct addr door;
	uint8_t key[WIRE_LINK_KEY_BYTES];
	struct conn conns[CONNS];
	uint32_t conn_count;
	struct user users[CLIENTS];
	struct seeded random;
	bool again;
};

static uint8_t pattern(const struct user *user, uint32_t at)
{
	return (uint8_t)(at * 31 + (at >> 8) * 7 + user->number);
}

/* --- the server: a main channel and a port that echoes --- */

static void server_send(struct place *place, struct conn *conn)
{
	struct span span = {conn->tx, conn->tx_len};

	if (conn->flight > 0 || conn->tx_len == 0)
		return;
	cr_assert_eq(dp_send(place->server, conn->conn, &span, 1, 0), 0);
	conn->flight = conn->tx_len;
}

static void server_add(struct conn *conn, const void *bytes, uint32_t len)
{
	cr_assert(conn->tx_len + len <= TX_BYTES);
	memcpy(conn->tx + conn->tx_len, bytes, len);
	conn->tx_len += len;
}

static void server_say(struct conn *conn, uint16_t type, const void *body,
		       uint32_t len)
{
	uint8_t header[FRAME_FULL_BYTES];
	uint32_t header_len =
		frame_emit_header(header, FRAME_MINI, 0, type, len);

	server_add(conn, header, header_len);
	server_add(conn, body, len);
}

static void server_linked(struct conn *conn)
{
	struct msg_main_init init = {.session_id = 7,
				     .supported_mouse_modes = 1};
	uint8_t body[64];
	int64_t len;

	conn->up = true;
	conn->type = conn->link.channel_type;
	frame_init(&conn->parser, FRAME_MINI, true);
	if (conn->type != SPICE_CHANNEL_MAIN)
		return;
	len = field_encode(&msg_main_init_fields, &init, body, sizeof(body));
	server_say(conn, SPICE_MSG_MAIN_INIT, body, (uint32_t)len);
}

static uint32_t server_link(struct place *place, struct conn *conn,
			    const uint8_t *data, uint32_t len)
{
	struct link_offer offer = {.common = link_common_caps(),
				   .key = place->key};
	uint8_t out[WIRE_LINK_OUT_MAX];
	uint32_t out_len = 0;
	uint32_t used = 0;

	switch (link_feed(&conn->link, data, len, &used, out, &out_len)) {
	case LINK_IDENTIFIED:
		out_len = link_accept(&conn->link, &offer, out);
		break;
	case LINK_TICKET:
		out_len = link_result(&conn->link, SPICE_LINK_ERR_OK, out);
		server_linked(conn);
		break;
	default:
		break;
	}
	/* The result stands before what server_linked has said. */
	if (conn->up) {
		memmove(conn->tx + out_len, conn->tx, conn->tx_len);
		memcpy(conn->tx, out, out_len);
		conn->tx_len += out_len;
	} else {
		server_add(conn, out, out_len);
	}
	return used;
}

static int64_t no_limit(const void *arg, uint16_t type)
{
	(void)arg;
	(void)type;
	return UINT32_MAX;
}

static void server_read(struct conn *conn, const uint8_t *data, uint32_t len)
{
	const uint8_t list[] = {1, 0, 0, 0, SPICE_CHANNEL_PORT, 0};
	struct frame frame;

	while (frame_next(&conn->parser, &data, &len, no_limit, NULL, &frame) !=
	       FRAME_MORE) {
		if (conn->type == SPICE_CHANNEL_PORT &&
		    frame.type == SPICE_MSGC_SPICEVMC_DATA && frame.len > 0)
			server_say(conn, SPICE_MSG_SPICEVMC_DATA, frame.data,
				   frame.len);
		if (conn->type == SPICE_CHANNEL_MAIN &&
		    frame.type == SPICE_MSGC_MAIN_ATTACH_CHANNELS)
			server_say(conn, SPICE_MSG_MAIN_CHANNELS_LIST, list,
				   sizeof(list));
	}
}

static void server_accept(struct place *place, const struct dp_event *event)
{
	struct conn *conn = &place->conns[place->conn_count++];

	cr_assert(place->conn_count <= CONNS);
	conn->conn = event->conn;
	conn->tx = malloc(TX_BYTES);
	link_init(&conn->link);
	dp_set_cookie(place->server, event->conn, place->conn_count);
}

static void server_event(struct place *place, const struct dp_event *event)
{
	struct conn *conn =
		event->cookie ? &place->conns[event->cookie - 1] : NULL;
	const uint8_t *data = event->view.data;
	uint32_t len = event->view.len;

	switch (event->kind) {
	case DP_ACCEPTED:
		server_accept(place, event);
		break;
	case DP_RECEIVED:
		while (len > 0 && !conn->up) {
			uint32_t used = server_link(place, conn, data, len);

			data += used;
			len -= used;
		}
		if (len > 0)
			server_read(conn, data, len);
		dp_recycle(place->server, &event->view);
		server_send(place, conn);
		break;
	case DP_SENT:
		cr_assert(event->result >= 0);
		conn->flight = 0;
		conn->tx_len -= (uint32_t)event->result;
		memmove(conn->tx, conn->tx + event->result, conn->tx_len);
		server_send(place, conn);
		break;
	case DP_EOF:
		dp_kill(place->server, conn->conn);
		break;
	default:
		break;
	}
}

/* --- the users --- */

static void user_event(void *arg, uint32_t index, void *user_arg,
		       const struct client_event *event)
{
	struct user *user = user_arg;

	(void)arg;
	cr_assert_eq(user->index, index);
	if (event->kind == CLIENT_UP)
		user->up = true;
	if (event->kind == CLIENT_CLOSED)
		user->closed = true;
	if (event->kind != CLIENT_DATA)
		return;
	cr_assert(user->reads, "data came while it was not wanted");
	for (uint32_t i = 0; i < event->data.len; i++)
		user->wrong +=
			event->data.data[i] != pattern(user, user->echoed + i);
	user->echoed += event->data.len;
}

static void user_work(struct place *place, struct user *user)
{
	struct client *client = drive_client(&place->drive, user->index);
	uint8_t bytes[3000];

	if (seeded_below(&place->random, 8) == 0) {
		user->reads = !user->reads;
		client_read(client, SPICE_CHANNEL_PORT, 0, user->reads);
		drive_touch(&place->drive, user->index);
	}
	while (user->up && user->sent < STREAM_BYTES) {
		uint32_t len = 1 + seeded_below(&place->random, sizeof(bytes));

		len = min_u32(len, STREAM_BYTES - user->sent);
		for (uint32_t i = 0; i < len; i++)
			bytes[i] = pattern(user, user->sent + i);
		if (client_port_send(client, SPICE_CHANNEL_PORT, 0, bytes, len))
			return;
		user->sent += len;
		drive_touch(&place->drive, user->index);
	}
}

static void place_open(struct place *place, uint64_t seed)
{
	struct drive_config config;
	struct sim_machine *here;
	struct sim_machine *there;
	const uint8_t *at = sim_key_ders[0].bytes;
	uint8_t *out = place->key;
	EVP_PKEY *key =
		d2i_AutoPrivateKey(NULL, &at, (long)sim_key_ders[0].len);

	memset(place, 0, sizeof(*place));
	cr_assert_eq(i2d_PUBKEY(key, &out), WIRE_LINK_KEY_BYTES);
	EVP_PKEY_free(key);
	place->random.state = seed;
	place->world = sim_world_create(seed);
	here = sim_machine_create(place->world, "clients");
	there = sim_machine_create(place->world, "server");
	cr_assert_eq(sim_dp_create(place->world, here, &place->dp), 0);
	cr_assert_eq(sim_dp_create(place->world, there, &place->server), 0);
	cr_assert_eq(addr_parse(&place->door, "10.0.0.1:5900"), 0);
	cr_assert_eq(dp_listen(place->server, &place->door, 0, NULL), 0);
	drive_config_default(&config, CLIENTS);
	config.tx_max_bytes = 16384;
	config.event = user_event;
	cr_assert_eq(drive_init(&place->drive, place->dp, &config), 0);
}

static void place_close(struct place *place)
{
	cr_assert_eq(sim_dp_views(place->dp), 0, "every view is recycled");
	drive_fini(&place->drive);
	sim_world_destroy(place->world);
	for (uint32_t i = 0; i < place->conn_count; i++)
		free(place->conns[i].tx);
}

static void add_users(struct place *place, uint16_t port)
{
	struct client_options options;

	client_options_default(&options);
	options.queue_max_bytes = 16384;
	for (uint32_t i = 0; i < CLIENTS; i++) {
		struct user *user = &place->users[i];

		*user = (struct user){.number = i + 1, .reads = true};
		cr_assert_eq(
			drive_add(&place->drive, &options, user, &user->index),
			0);
		cr_assert_eq(drive_start(&place->drive, user->index, "10.0.0.1",
					 port),
			     0);
	}
}

static bool step(struct place *place)
{
	struct dp_event events[DP_EVENTS_MAX];
	uint64_t now_ns = sim_world_now(place->world);
	bool worked = false;
	uint32_t count;

	if (sim_dp_ready(place->server)) {
		count = dp_poll(place->server, events, DP_EVENTS_MAX, NS_NEVER);
		for (uint32_t i = 0; i < count; i++)
			server_event(place, &events[i]);
		worked = true;
	}
	if (sim_dp_ready(place->dp) || place->again) {
		count = dp_poll(place->dp, events, DP_EVENTS_MAX, NS_NEVER);
		for (uint32_t i = 0; i < count; i++)
			cr_assert(
				drive_event(&place->drive, &events[i], now_ns));
		place->again = drive_flush(&place->drive, now_ns);
		worked = true;
	}
	return worked || sim_world_advance(place->world);
}

static bool all_done(const struct place *place)
{
	for (uint32_t i = 0; i < CLIENTS; i++) {
		if (place->users[i].echoed < STREAM_BYTES)
			return false;
	}
	return true;
}

Test(drive, loses_nothing_however_it_is_read)
{
	static struct place place;

	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct sim_faults faults = sim_faults_gentle();
		uint32_t steps = 0;

		place_open(&place, seed);
		sim_set_faults(place.world, &faults);
		add_users(&place, 5900);
		place.again = drive_flush(&place.drive, 0);
		while (!all_done(&place)) {
			cr_assert(++steps < STEPS_MAX, "seed %lu hangs", seed);
			step(&place);
			for (uint32_t i = 0; i < CLIENTS; i++)
				user_work(&place, &place.users[i]);
			/* What the users did is flushed without an event. */
			place.again |= place.drive.touched != 0;
		}
		for (uint32_t i = 0; i < CLIENTS; i++) {
			cr_assert_eq(place.users[i].echoed, STREAM_BYTES);
			cr_assert_eq(place.users[i].wrong, 0, "seed %lu", seed);
		}
		place_close(&place);
	}
}

static void run_down(struct place *place)
{
	for (uint32_t i = 0; i < 10000; i++) {
		if (!step(place))
			return;
	}
	cr_assert_fail("it does not come to rest");
}

Test(drive, uses_slots_again)
{
	static struct place place;
	struct client_options options;
	uint32_t index;

	place_open(&place, 5);
	client_options_default(&options);
	for (uint32_t round = 0; round < 3; round++) {
		add_users(&place, 5900);
		cr_assert_eq(drive_add(&place.drive, &options, NULL, &index),
			     -ENOSPC);
		place.again = true;
		run_down(&place);
		for (uint32_t i = 0; i < CLIENTS; i++) {
			cr_assert(place.users[i].up);
			drive_remove(&place.drive, place.users[i].index);
		}
		place.again = true;
		run_down(&place);
		cr_assert_eq(place.drive.count, 0);
		cr_assert_eq(place.drive.pool.used, 0, "no chunk is lost");
		cr_assert_eq(sim_dp_conns(place.dp), 0);
	}
	place_close(&place);
}

Test(drive, tells_when_nobody_is_there)
{
	static struct place place;

	place_open(&place, 6);
	add_users(&place, 5999);
	place.again = true;
	run_down(&place);
	for (uint32_t i = 0; i < CLIENTS; i++)
		cr_assert(place.users[i].closed);
	place_close(&place);
}

Test(drive, leaves_the_events_of_others)
{
	static struct place place;
	struct dp_event event = {.kind = DP_CONNECTED, .cookie = 3};

	place_open(&place, 7);
	cr_assert(!drive_event(&place.drive, &event, 0));
	event.cookie = (uint64_t)0xc11e << 48 | (uint64_t)CLIENTS << 8;
	cr_assert(!drive_event(&place.drive, &event, 0));
	place_close(&place);
}

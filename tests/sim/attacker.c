/* attacker.c - connections, links and frames of somebody who means harm. */
#include "tests/sim/attacker.h"
#include "channels/wire/frame.h"
#include "core/tickets.h"

#include <spice/enums.h>
#include <spice/protocol.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_NS       (20 * NS_PER_S)
#define COOKIE_IDLE   1000
#define COOKIE_LISTEN 500 /* and the leg */

void attacker_init(struct attacker *attacker, struct world *world)
{
	const struct sim_limits limits = {
		.conn_max = 2500,
		.view_count = 512,
		.view_max_bytes = 16384,
		.unread_max_bytes = (uint32_t)1 << 20,
	};
	int err;

	*attacker = (struct attacker){.world = world};
	attacker->caps = 1 << SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION |
			 1 << SPICE_COMMON_CAP_MINI_HEADER;
	attacker->machine = sim_machine_create(world->sim, "attacker");
	sim_machine_set_group(attacker->machine, 1); /* reaches a's sockets */
	sim_machine_set_limits(attacker->machine, &limits);
	err = sim_dp_create(world->sim, attacker->machine, &attacker->dp);
	ASSERT(!err, "a new machine takes a dp");
	for (uint32_t i = 0; i < ATTACKER_LEGS; i++) {
		attacker->legs[i].tx = malloc(ATTACKER_TX_BYTES);
		ASSERT(attacker->legs[i].tx, "a test has memory");
	}
}

void attacker_fini(struct attacker *attacker)
{
	dp_destroy(attacker->dp);
	for (uint32_t i = 0; i < ATTACKER_LEGS; i++)
		free(attacker->legs[i].tx);
	client_ticket_fini(&attacker->ticket);
}

static void received(struct attacker_leg *leg, const struct dp_view *view)
{
	uint32_t room = ATTACKER_RX_BYTES - leg->rx_len;

	/* What nobody waits for pushes out the oldest half. */
	if (view->len > room) {
		leg->rx_len = 0;
		room = ATTACKER_RX_BYTES;
	}
	memcpy(leg->rx + leg->rx_len, view->data, min_u32(view->len, room));
	leg->rx_len += min_u32(view->len, room);
}

static void on_event(struct attacker *attacker, const struct dp_event *event)
{
	struct attacker_leg *leg =
		&attacker->legs[event->cookie % COOKIE_LISTEN % ATTACKER_LEGS];

	if (event->kind == DP_ACCEPTED) {
		leg->conn = event->conn;
		leg->up = true;
		dp_set_cookie(attacker->dp, event->conn,
			      event->cookie - COOKIE_LISTEN);
		return;
	}
	if (event->cookie >= ATTACKER_LEGS) {
		attacker->idle_up += event->kind == DP_CONNECTED;
		attacker->idle_closed += event->kind == DP_CLOSED;
		if (event->kind == DP_EOF)
			dp_kill(attacker->dp, event->conn);
		return;
	}
	switch (event->kind) {
	case DP_CONNECTED:
		leg->up = true;
		break;
	case DP_RECEIVED:
		received(leg, &event->view);
		break;
	case DP_SENT:
		leg->sending = false;
		leg->tx_len = 0;
		break;
	case DP_EOF:
		dp_kill(attacker->dp, leg->conn);
		break;
	case DP_CLOSED:
		leg->closed = true;
		break;
	default:
		break;
	}
}

static void pass(struct attacker *attacker)
{
	struct dp_event events[64];
	uint32_t count;

	for (uint32_t i = 0; i < ATTACKER_LEGS; i++) {
		struct attacker_leg *leg = &attacker->legs[i];
		struct span span = {leg->tx, leg->tx_len};

		if (leg->up && !leg->closed && !leg->sending && leg->tx_len)
			leg->sending =
				!dp_send(attacker->dp, leg->conn, &span, 1, 0);
	}
	count = dp_poll(attacker->dp, events, 64, NS_NEVER);
	for (uint32_t i = 0; i < count; i++) {
		on_event(attacker, &events[i]);
		if (events[i].kind == DP_RECEIVED)
			dp_recycle(attacker->dp, &events[i].view);
	}
}

static void step(struct attacker *attacker, uint64_t until_ns)
{
	if (sim_dp_ready(attacker->dp))
		pass(attacker);
	else
		world_step(attacker->world, until_ns);
}

void attacker_run(struct attacker *attacker, uint64_t ns)
{
	uint64_t until_ns = world_now(attacker->world) + ns;

	dp_wake(attacker->dp);
	while (!attacker->world->failed &&
	       world_now(attacker->world) < until_ns)
		step(attacker, until_ns);
}

bool attacker_wait(struct attacker *attacker, uint32_t index, uint32_t len)
{
	const struct attacker_leg *leg = &attacker->legs[index];
	uint64_t until_ns = world_now(attacker->world) + WAIT_NS;

	dp_wake(attacker->dp);
	while (leg->rx_len < len && !leg->closed && !attacker->world->failed &&
	       world_now(attacker->world) < until_ns)
		step(attacker, until_ns);
	return leg->rx_len >= len;
}

bool attacker_wait_closed(struct attacker *attacker, uint32_t index,
			  uint64_t ns)
{
	uint64_t until_ns = world_now(attacker->world) + ns;

	dp_wake(attacker->dp);
	while (!attacker->legs[index].closed && !attacker->world->failed &&
	       world_now(attacker->world) < until_ns)
		step(attacker, until_ns);
	return attacker->legs[index].closed;
}

bool attacker_dial(struct attacker *attacker, uint32_t index, const char *text)
{
	struct attacker_leg *leg = &attacker->legs[index];
	uint64_t until_ns = world_now(attacker->world) + WAIT_NS;
	uint8_t *tx = leg->tx;
	struct addr addr;

	*leg = (struct attacker_leg){.tx = tx};
	ASSERT(!addr_parse(&addr, text), "the test's addresses are right");
	if (dp_connect(attacker->dp, &addr, index, &leg->conn))
		return false;
	while (!leg->up && !leg->closed && !attacker->world->failed &&
	       world_now(attacker->world) < until_ns)
		step(attacker, until_ns);
	return leg->up;
}

void attacker_listen(struct attacker *attacker, uint32_t leg, const char *text)
{
	struct addr addr;

	ASSERT(!addr_parse(&addr, text), "the test's addresses are right");
	ASSERT(!dp_listen(attacker->dp, &addr, COOKIE_LISTEN + leg, NULL),
	       "nobody else listens there");
}

void attacker_dial_idle(struct attacker *attacker, const char *text)
{
	struct addr addr;
	dp_conn conn;

	ASSERT(!addr_parse(&addr, text), "the test's addresses are right");
	ASSERT(!dp_connect(attacker->dp, &addr, COOKIE_IDLE, &conn),
	       "there is room for idle connections");
}

void attacker_send(struct attacker *attacker, uint32_t index, const void *bytes,
		   uint32_t len)
{
	struct attacker_leg *leg = &attacker->legs[index];

	while (leg->sending && !leg->closed && !attacker->world->failed)
		step(attacker, world_now(attacker->world) + NS_PER_S);
	ASSERT(len <= ATTACKER_TX_BYTES - leg->tx_len, "a case is bounded");
	memcpy(leg->tx + leg->tx_len, bytes, len);
	leg->tx_len += len;
	dp_wake(attacker->dp);
}

void attacker_hang_up(struct attacker *attacker, uint32_t index)
{
	uint64_t until_ns = world_now(attacker->world) + NS_PER_S;

	while (attacker->legs[index].tx_len && !attacker->legs[index].closed &&
	       !attacker->world->failed &&
	       world_now(attacker->world) < until_ns)
		step(attacker, until_ns);
	dp_kill(attacker->dp, attacker->legs[index].conn);
	dp_wake(attacker->dp);
}

void attacker_forget(struct attacker *attacker, uint32_t index)
{
	attacker->legs[index].rx_len = 0;
}

static void make_cipher(struct attacker *attacker,
			const struct attacker_wish *wish, const uint8_t *der)
{
	uint8_t seed[CLIENT_TICKET_SEED_BYTES];
	char text[TICKET_CHARS + 1];
	int err;

	ticket_text(attacker->world->secret, "vm1", text);
	for (uint32_t i = 0; i < sizeof(seed); i++)
		seed[i] = (uint8_t)seeded_word(&attacker->world->random);
	err = client_ticket_seal(&attacker->ticket, der,
				 wish->password ? wish->password : text, seed,
				 attacker->cipher);
	ASSERT(!err, "the server's key is good");
}

/* The second half: mechanism, ticket, result. */
static uint32_t present_ticket(struct attacker *attacker, uint32_t leg,
			       const struct attacker_wish *wish)
{
	struct attacker_leg *at = &attacker->legs[leg];
	uint8_t word[4];

	if (wish->cipher)
		memcpy(attacker->cipher, wish->cipher,
		       sizeof(attacker->cipher));
	else
		make_cipher(attacker, wish,
			    at->rx + WIRE_LINK_HEADER_BYTES + 4);
	attacker_forget(attacker, leg);
	wire_link_write_word(word, SPICE_COMMON_CAP_AUTH_SPICE);
	if (attacker->caps & 1 << SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION)
		attacker_send(attacker, leg, word, 4);
	attacker_send(attacker, leg, attacker->cipher,
		      sizeof(attacker->cipher));
	if (!attacker_wait(attacker, leg, 4))
		return ATTACKER_NO_ANSWER;
	memcpy(word, at->rx, 4);
	at->rx_len -= 4;
	memmove(at->rx, at->rx + 4, at->rx_len);
	return wire_link_read_word(word);
}

uint32_t attacker_link(struct attacker *attacker, uint32_t leg,
		       const struct attacker_wish *wish)
{
	struct attacker_leg *at = &attacker->legs[leg];
	struct wire_caps common = {1, {attacker->caps}};
	struct wire_caps channel = {1, {0xd}}; /* all that moves need */
	uint8_t out[WIRE_LINK_OUT_MAX];
	struct wire_link_header header;
	char addr[32];
	char host[16];
	uint32_t len;

	world_door_host(wish->daemon, host);
	snprintf(addr, sizeof(addr), "%s:%u", host, WORLD_DOOR_PORT);
	if (!attacker_dial(attacker, leg, addr))
		return ATTACKER_NO_ANSWER;
	len = wire_link_write_mess(out, wish->connection_id, wish->type,
				   wish->id, &common, &channel);
	attacker_send(attacker, leg, out, len);
	if (!attacker_wait(attacker, leg, WIRE_LINK_HEADER_BYTES) ||
	    wire_link_read_header(&header, at->rx, WIRE_LINK_REPLY_BYTES) ||
	    !attacker_wait(attacker, leg,
			   WIRE_LINK_HEADER_BYTES + header.size_bytes))
		return ATTACKER_NO_ANSWER;
	len = wire_link_read_word(at->rx + WIRE_LINK_HEADER_BYTES);
	return len ? len : present_ticket(attacker, leg, wish);
}

void attacker_say(struct attacker *attacker, uint32_t leg, uint16_t type,
		  const void *body, uint32_t len)
{
	uint8_t header[FRAME_FULL_BYTES];

	frame_emit_header(header, FRAME_MINI, 0, type, len);
	attacker_send(attacker, leg, header, FRAME_MINI_BYTES);
	if (len)
		attacker_send(attacker, leg, body, len);
}

static uint32_t load(const uint8_t *bytes, uint32_t width)
{
	uint32_t value = 0;

	for (uint32_t i = 0; i < width; i++)
		value |= (uint32_t)bytes[i] << 8 * i;
	return value;
}

const uint8_t *attacker_hear(struct attacker *attacker, uint32_t index,
			     uint16_t type, uint32_t *len)
{
	const struct attacker_leg *leg = &attacker->legs[index];
	uint32_t at = 0;

	while (attacker_wait(attacker, index, at + FRAME_MINI_BYTES)) {
		*len = load(leg->rx + at + 2, 4);
		if (!attacker_wait(attacker, index,
				   at + FRAME_MINI_BYTES + *len))
			return NULL;
		if (load(leg->rx + at, 2) == type)
			return leg->rx + at + FRAME_MINI_BYTES;
		at += FRAME_MINI_BYTES + *len;
	}
	return NULL;
}

void attacker_frame(struct attacker *attacker, uint32_t leg, uint16_t type,
		    uint64_t move, uint64_t epoch, const void *payload)
{
	const struct field_table *table = peer_table(type);
	uint8_t bytes[PEER_HEADER_BYTES + 20000];
	int64_t len =
		table ? field_encode(table, payload, bytes + PEER_HEADER_BYTES,
				     sizeof(bytes) - PEER_HEADER_BYTES)
		      : 0;
	struct peer_header header = {
		.len = (uint32_t)len,
		.type = type,
		.move = move,
		.epoch = epoch,
	};

	ASSERT(len >= 0, "the test's frames can be encoded");
	peer_header_encode(&header, bytes);
	attacker_send(attacker, leg, bytes, PEER_HEADER_BYTES + (uint32_t)len);
}

bool attacker_hear_frame(struct attacker *attacker, uint32_t index,
			 uint16_t type, void *payload)
{
	const struct attacker_leg *leg = &attacker->legs[index];
	struct peer_header *header = &attacker->heard;
	uint32_t at = 0;

	while (attacker_wait(attacker, index, at + PEER_HEADER_BYTES)) {
		if (peer_header_decode(header, leg->rx + at) ||
		    !attacker_wait(attacker, index,
				   at + PEER_HEADER_BYTES + header->len))
			return false;
		if (header->type == type)
			return !peer_table(type) ||
			       !field_decode(peer_table(type), payload,
					     leg->rx + at + PEER_HEADER_BYTES,
					     header->len, NULL);
		at += PEER_HEADER_BYTES + header->len;
	}
	return false;
}

static void prove(struct attacker *attacker, uint32_t leg, bool connector,
		  const struct peer_hello *mine,
		  const struct peer_hello *theirs, bool right)
{
	uint8_t text[38] = {
		'P', connector, (uint8_t)mine->node, 0, (uint8_t)theirs->node,
		0};
	struct peer_proof proof;

	memcpy(text + 6, mine->nonce, 16);
	memcpy(text + 22, theirs->nonce, 16);
	siphash128(attacker->world->secret, text, sizeof(text), proof.mac);
	proof.mac[3] ^= !right;
	attacker_frame(attacker, leg, PEER_PROOF, 0, 0, &proof);
}

bool attacker_be_greeted(struct attacker *attacker, uint32_t leg)
{
	const struct peer_hello hello = {
		.version = PEER_VERSION, .node = 2, .shards = 1, .boot = 7};
	struct peer_hello theirs;

	if (!attacker_hear_frame(attacker, leg, PEER_HELLO, &theirs))
		return false;
	attacker_frame(attacker, leg, PEER_HELLO, 0, 0, &hello);
	prove(attacker, leg, false, &hello, &theirs, true);
	return true;
}

bool attacker_greet(struct attacker *attacker, uint32_t leg, uint32_t daemon,
		    bool right)
{
	struct peer_hello hello = {
		.version = PEER_VERSION, .node = 9, .shards = 1, .boot = 7};
	struct peer_hello theirs;
	char addr[32];
	char host[16];

	world_door_host(daemon, host);
	snprintf(addr, sizeof(addr), "%s:5800", host);
	if (!attacker_dial(attacker, leg, addr))
		return false;
	attacker_frame(attacker, leg, PEER_HELLO, 0, 0, &hello);
	if (!attacker_hear_frame(attacker, leg, PEER_HELLO, &theirs))
		return false;
	prove(attacker, leg, true, &hello, &theirs, right);
	attacker_run(attacker, 10 * NS_PER_MS);
	attacker_forget(attacker, leg);
	return !attacker->legs[leg].closed;
}

bool attacker_logged(const struct attacker *attacker, uint32_t daemon,
		     const char *wanted)
{
	char *text = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);
	bool found;

	ASSERT(file, "a test has memory");
	sim_host_log_print(attacker->world->daemons[daemon].host, file);
	fclose(file);
	found = strstr(text, wanted) != NULL;
	free(text);
	return found;
}

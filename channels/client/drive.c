/* drive.c - many clients over one dp, in the thread of whoever polls it. */
#include "channels/client/drive.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TAG_DEFAULT     0xc11e
#define TX_MAX_DEFAULT  ((uint32_t)512 * 1024)
#define CHUNKS_PER_SLOT 16
#define CHUNKS_MIN      1024
#define CLIENTS_MAX     ((uint32_t)1 << 24)

enum drive_bits {
	LEG_OPEN = 1,    /* connected */
	LEG_HELD = 2,    /* the client does not read */
	LEG_DP_HELD = 4, /* and the dp knows */
	LEG_EOF = 8,     /* due behind the kept bytes */
	LEG_KILLED = 16,
	LEG_WAITING = 32, /* the client asked for more room than there was */
	LEG_LINGER = 64,  /* closed when what was written has left */
};

void drive_config_default(struct drive_config *config, uint32_t clients_max)
{
	*config = (struct drive_config){
		.clients_max = clients_max,
		.chunks_max = CHUNKS_MIN + clients_max * CHUNKS_PER_SLOT,
		.tx_max_bytes = TX_MAX_DEFAULT,
		.tag = TAG_DEFAULT,
	};
}

static uint32_t slot_index(const struct drive_slot *slot)
{
	return (uint32_t)(slot - slot->drive->slots);
}

static uint64_t cookie_of(const struct drive_slot *slot, uint32_t leg)
{
	return (uint64_t)slot->drive->config.tag << 48 |
	       (uint64_t)slot_index(slot) << 8 | leg;
}

static void slot_touch(struct drive_slot *slot)
{
	struct drive *drive = slot->drive;

	if (slot->touched)
		return;
	slot->touched = true;
	slot->touched_next = drive->touched;
	drive->touched = slot_index(slot) + 1;
}

static void leg_to_send(struct drive_slot *slot, uint32_t leg)
{
	slot->to_send |= (uint64_t)1 << leg;
	slot_touch(slot);
}

void drive_touch(struct drive *drive, uint32_t index)
{
	slot_touch(&drive->slots[index]);
}

/* A path starts with '/' or '@'; anything else is an IP literal. */
static int address_parse(struct addr *addr, const char *host, uint16_t port)
{
	char text[300];

	if (host[0] == '/' || host[0] == '@')
		snprintf(text, sizeof(text), "unix:%s", host);
	else if (strchr(host, ':'))
		snprintf(text, sizeof(text), "[%s]:%u", host, port);
	else
		snprintf(text, sizeof(text), "%s:%u", host, port);
	return addr_parse(addr, text);
}

static int io_connect(void *arg, uint32_t index, const char *host,
		      uint16_t port)
{
	struct drive_slot *slot = arg;
	struct drive_leg *leg = &slot->legs[index];
	struct addr addr;
	int error = address_parse(&addr, host, port);

	if (error < 0)
		return error;
	*leg = (struct drive_leg){0};
	slot_touch(slot);
	return dp_connect(slot->drive->dp, &addr, cookie_of(slot, index),
			  &leg->conn);
}

static uint32_t io_room(void *arg, uint32_t index)
{
	struct drive_slot *slot = arg;
	struct drive_leg *leg = &slot->legs[index];
	const struct chunk_pool *pool = &slot->drive->pool;
	uint32_t max = slot->drive->config.tx_max_bytes;
	uint64_t free_bytes =
		(uint64_t)(pool->capacity - pool->used) * CHUNK_BYTES;
	uint32_t room = max - min_u32(max, leg->tx.len_bytes);

	/* One chunk is for the header of what the room is asked for. */
	free_bytes -= min_u64(free_bytes, CHUNK_BYTES);
	room = (uint32_t)min_u64(room, free_bytes);
	if (room < max / 2)
		leg->bits |= LEG_WAITING;
	return room;
}

static void leg_kill(struct drive_slot *slot, struct drive_leg *leg)
{
	if (leg->bits & LEG_KILLED)
		return;
	leg->bits |= LEG_KILLED;
	dp_kill(slot->drive->dp, leg->conn);
}

static void io_send(void *arg, uint32_t index, const void *bytes, uint32_t len)
{
	struct drive_slot *slot = arg;
	struct drive_leg *leg = &slot->legs[index];

	if (leg->bits & (LEG_KILLED | LEG_LINGER))
		return;
	if (chunkq_append(&slot->drive->pool, &leg->tx, bytes, len) < 0)
		leg_kill(slot, leg); /* CLOSED will tell the client */
	leg_to_send(slot, index);
}

static void io_hold(void *arg, uint32_t index, bool held)
{
	struct drive_slot *slot = arg;
	struct drive_leg *leg = &slot->legs[index];

	if (held)
		leg->bits |= LEG_HELD;
	else
		leg->bits &= (uint8_t)~LEG_HELD;
	if (held && !(leg->bits & LEG_DP_HELD)) {
		leg->bits |= LEG_DP_HELD;
		dp_hold(slot->drive->dp, leg->conn);
	}
	slot->to_resume |= (uint64_t)1 << index;
	slot_touch(slot);
}

/* What was written in this pass leaves before: a socket would have it. */
static void io_close(void *arg, uint32_t index)
{
	struct drive_slot *slot = arg;
	struct drive_leg *leg = &slot->legs[index];

	if ((leg->bits & LEG_OPEN) && leg->tx.len_bytes > 0 &&
	    leg->flight_bytes == 0) {
		leg->bits |= LEG_LINGER;
		leg_to_send(slot, index);
	} else {
		leg_kill(slot, leg);
	}
	slot_touch(slot);
}

static int io_seal(void *arg, const uint8_t key[WIRE_LINK_KEY_BYTES],
		   const char *password, uint8_t cipher[WIRE_LINK_CIPHER_BYTES])
{
	struct drive_slot *slot = arg;
	uint8_t seed[CLIENT_TICKET_SEED_BYTES];

	dp_random(slot->drive->dp, seed, sizeof(seed));
	return client_ticket_seal(&slot->drive->ticket, key, password, seed,
				  cipher);
}

static void io_event(void *arg, const struct client_event *event)
{
	struct drive_slot *slot = arg;
	const struct drive_config *config = &slot->drive->config;

	slot_touch(slot);
	if (config->event)
		config->event(config->arg, slot_index(slot), slot->user, event);
}

static const struct client_io drive_io = {
	.connect = io_connect,
	.room = io_room,
	.send = io_send,
	.hold = io_hold,
	.close = io_close,
	.seal = io_seal,
	.event = io_event,
};

int drive_init(struct drive *drive, struct dp *dp,
	       const struct drive_config *config)
{
	size_t slots_bytes = sizeof(struct drive_slot) * config->clients_max;
	size_t chunks_bytes =
		(size_t)config->chunks_max * (CHUNK_BYTES + sizeof(uint32_t));
	int error;

	if (config->clients_max == 0 || config->clients_max > CLIENTS_MAX ||
	    config->chunks_max == 0)
		return -EINVAL;
	*drive = (struct drive){.dp = dp, .config = *config};
	error = arena_init(&drive->arena, slots_bytes + chunks_bytes + 65536);
	if (error < 0)
		return error;
	drive->slots = arena_take(&drive->arena, slots_bytes, 64);
	if (!drive->slots ||
	    chunk_pool_init(&drive->pool, &drive->arena, config->chunks_max)) {
		arena_fini(&drive->arena);
		return -ENOMEM;
	}
	return 0;
}

void drive_fini(struct drive *drive)
{
	for (uint32_t i = 0; i < drive->config.clients_max; i++) {
		if (drive->slots[i].used)
			client_fini(&drive->slots[i].client);
	}
	client_ticket_fini(&drive->ticket);
	arena_fini(&drive->arena);
	*drive = (struct drive){0};
}

int drive_add(struct drive *drive, const struct client_options *options,
	      void *user, uint32_t *index)
{
	for (uint32_t i = 0; i < drive->config.clients_max; i++) {
		/* Slots are given in order, so the search starts behind. */
		uint32_t at = (drive->count + i) % drive->config.clients_max;
		struct drive_slot *slot = &drive->slots[at];

		if (slot->used)
			continue;
		slot->used = true;
		slot->drive = drive;
		slot->user = user;
		client_init(&slot->client, &drive_io, slot, &drive->pool,
			    options);
		drive->count++;
		*index = at;
		return 0;
	}
	return -ENOSPC;
}

int drive_start(struct drive *drive, uint32_t index, const char *host,
		uint16_t port)
{
	drive->now_ns = dp_now(drive->dp);
	return client_start(&drive->slots[index].client, host, port,
			    drive->now_ns);
}

void drive_remove(struct drive *drive, uint32_t index)
{
	client_stop(&drive->slots[index].client);
	slot_touch(&drive->slots[index]);
	drive->slots[index].removed = true;
}

struct client *drive_client(struct drive *drive, uint32_t index)
{
	return &drive->slots[index].client;
}

/* Gives bytes to the client; what it leaves is kept for later. */
static void leg_give(struct drive_slot *slot, uint32_t index,
		     const uint8_t *bytes, uint32_t len)
{
	struct drive *drive = slot->drive;
	struct drive_leg *leg = &slot->legs[index];
	uint32_t used = 0;

	if (leg->bits & (LEG_KILLED | LEG_LINGER))
		return;
	if (leg->kept.len_bytes == 0 && !(leg->bits & LEG_HELD))
		used = client_received(&slot->client, index, bytes, len,
				       drive->now_ns);
	if (used == len || (leg->bits & LEG_KILLED))
		return;
	if (leg->kept.len_bytes + (len - used) > DRIVE_KEPT_MAX_BYTES ||
	    chunkq_append(&drive->pool, &leg->kept, bytes + used, len - used))
		leg_kill(slot, leg);
}

static void leg_give_eof(struct drive_slot *slot, uint32_t index)
{
	struct drive_leg *leg = &slot->legs[index];

	if (leg->bits & LEG_LINGER) {
		leg_kill(slot, leg);
		return;
	}
	if (leg->kept.len_bytes > 0 || (leg->bits & LEG_HELD)) {
		leg->bits |= LEG_EOF;
		return;
	}
	leg->bits &= (uint8_t)~LEG_EOF;
	client_eof(&slot->client, index, slot->drive->now_ns);
}

/* The client reads again: first what was kept, then what the dp has. */
static void leg_resume(struct drive_slot *slot, uint32_t index)
{
	struct drive *drive = slot->drive;
	struct drive_leg *leg = &slot->legs[index];

	while (leg->kept.len_bytes > 0 && !(leg->bits & LEG_HELD)) {
		struct span span;
		uint32_t len;
		uint32_t used;

		chunkq_spans(&drive->pool, &leg->kept, 0, &span, 1, &len);
		used = client_received(&slot->client, index, span.data, len,
				       drive->now_ns);
		if (leg->bits & LEG_KILLED)
			return;
		chunkq_consume(&drive->pool, &leg->kept, used);
	}
	if (leg->bits & LEG_HELD)
		return;
	if (leg->bits & LEG_EOF)
		leg_give_eof(slot, index);
	if ((leg->bits & LEG_DP_HELD) && !(leg->bits & LEG_KILLED)) {
		leg->bits &= (uint8_t)~LEG_DP_HELD;
		dp_unhold(drive->dp, leg->conn);
	}
}

static void leg_send(struct drive_slot *slot, uint32_t index)
{
	struct drive *drive = slot->drive;
	struct drive_leg *leg = &slot->legs[index];
	struct span spans[DP_SPANS_MAX];
	uint32_t count;
	uint32_t len;

	if (leg->flight_bytes > 0 || leg->tx.len_bytes == 0 ||
	    (leg->bits & (LEG_OPEN | LEG_KILLED)) != LEG_OPEN)
		return;
	count = chunkq_spans(&drive->pool, &leg->tx, 0, spans, DP_SPANS_MAX,
			     &len);
	if (dp_send(drive->dp, leg->conn, spans, count, cookie_of(slot, index)))
		leg_kill(slot, leg);
	else
		leg->flight_bytes = len;
}

static void leg_sent(struct drive_slot *slot, uint32_t index, int32_t result)
{
	struct drive *drive = slot->drive;
	struct drive_leg *leg = &slot->legs[index];
	uint32_t sent = result > 0 ? (uint32_t)result : 0;

	sent = min_u32(sent, leg->flight_bytes);
	leg->flight_bytes = 0;
	chunkq_consume(&drive->pool, &leg->tx, sent);
	leg_to_send(slot, index);
	if ((leg->bits & LEG_LINGER) && leg->tx.len_bytes == 0)
		leg_kill(slot, leg);
	if ((leg->bits & LEG_WAITING) &&
	    !(leg->bits & (LEG_KILLED | LEG_LINGER)) &&
	    leg->tx.len_bytes < drive->config.tx_max_bytes / 2) {
		leg->bits &= (uint8_t)~LEG_WAITING;
		client_writable(&slot->client, index, drive->now_ns);
	}
}

static void leg_closed(struct drive_slot *slot, uint32_t index, int error)
{
	struct drive *drive = slot->drive;
	struct drive_leg *leg = &slot->legs[index];

	chunkq_clear(&drive->pool, &leg->tx);
	chunkq_clear(&drive->pool, &leg->kept);
	*leg = (struct drive_leg){.bits = LEG_KILLED};
	client_closed(&slot->client, index, error, drive->now_ns);
}

bool drive_event(struct drive *drive, const struct dp_event *event,
		 uint64_t now_ns)
{
	uint32_t at = (uint32_t)(event->cookie >> 8);
	uint32_t index = event->cookie & 0xff;
	struct drive_slot *slot;
	struct drive_leg *leg;

	if (event->cookie >> 48 != drive->config.tag ||
	    at >= drive->config.clients_max || index >= CLIENT_LEGS_MAX)
		return false;
	slot = &drive->slots[at];
	leg = &slot->legs[index];
	drive->now_ns = now_ns;
	slot_touch(slot);
	switch (event->kind) {
	case DP_CONNECTED:
		leg->bits |= LEG_OPEN;
		leg_to_send(slot, index);
		client_connected(&slot->client, index, now_ns);
		break;
	case DP_RECEIVED:
		leg_give(slot, index, event->view.data, event->view.len);
		dp_recycle(drive->dp, &event->view);
		break;
	case DP_SENT:
		leg_sent(slot, index, event->result);
		break;
	case DP_EOF:
		leg_give_eof(slot, index);
		break;
	case DP_CLOSED:
		leg_closed(slot, index, event->result);
		break;
	default:
		break;
	}
	return true;
}

static void slot_resume(struct drive_slot *slot)
{
	/* A leg that resumes may let another one be read. */
	while (slot->to_resume) {
		uint32_t i = (uint32_t)__builtin_ctzll(slot->to_resume);

		slot->to_resume &= slot->to_resume - 1;
		if (slot->legs[i].conn && !(slot->legs[i].bits & LEG_KILLED))
			leg_resume(slot, i);
	}
}

static bool slot_flush(struct drive *drive, struct drive_slot *slot)
{
	bool again;

	slot_resume(slot);
	again = client_flush(&slot->client, drive->now_ns);
	slot_resume(slot);
	for (; slot->to_send; slot->to_send &= slot->to_send - 1)
		leg_send(slot, (uint32_t)__builtin_ctzll(slot->to_send));
	return again;
}

static void slot_release(struct drive *drive, struct drive_slot *slot)
{
	client_fini(&slot->client);
	slot->used = false;
	slot->removed = false;
	drive->count--;
}

bool drive_flush(struct drive *drive, uint64_t now_ns)
{
	uint32_t next = drive->touched;

	drive->now_ns = now_ns;
	drive->touched = 0;
	while (next) {
		struct drive_slot *slot = &drive->slots[next - 1];
		bool again;

		next = slot->touched_next;
		/* Touched still, so that nothing said now touches it again. */
		again = slot->used && slot_flush(drive, slot);
		slot->touched = false;
		if (again)
			slot_touch(slot);
		if (slot->removed && client_is_idle(&slot->client))
			slot_release(drive, slot);
	}
	return drive->touched != 0;
}

/* client_script.h - scripted servers for a client: bytes in, bytes checked. */
#pragma once

#include "channels/client/record.h"
#include "channels/wire/directory.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <spice/enums.h>
#include <spice/protocol.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIRE_BYTES ((uint32_t)1 << 17)
#define EVENTS_MAX 256
#define SESSION_ID 0x51515151u

/* One connection: what the client said, and what it has not read yet. */
struct end {
	bool used;
	bool held;
	bool closed; /* by the client */
	char host[64];
	uint16_t port;
	uint8_t type; /* as its link message said */
	uint8_t id;
	uint32_t connection_id;
	uint64_t in_serial;
	uint64_t serial; /* of the last message to the client */
	uint8_t *out;
	uint32_t out_len, out_at;
	uint8_t *in;
	uint32_t in_len;
};

struct script {
	struct arena arena;
	struct chunk_pool pool;
	struct client client;
	struct end ends[CLIENT_LEGS_MAX];
	struct client_event events[EVENTS_MAX];
	uint32_t event_count;
	uint32_t room;
	uint64_t now_ns;
	uint8_t data[4096]; /* of DATA events, one after the other */
	uint32_t data_len;
	uint32_t main_caps; /* of the servers */
	bool server_full;   /* they do not offer mini headers */
	uint32_t dials;
};

static inline int script_connect(void *io, uint32_t leg, const char *host,
				 uint16_t port)
{
	struct script *s = io;
	struct end *end = &s->ends[leg];

	cr_assert(!end->used, "leg %u is in use", leg);
	free(end->out);
	free(end->in);
	*end = (struct end){.used = true, .port = port};
	end->out = malloc(WIRE_BYTES);
	end->in = malloc(WIRE_BYTES);
	snprintf(end->host, sizeof(end->host), "%s", host);
	s->dials++;
	return 0;
}

static inline uint32_t script_room(void *io, uint32_t leg)
{
	(void)leg;
	return ((struct script *)io)->room;
}

static inline void script_send(void *io, uint32_t leg, const void *bytes,
			       uint32_t len)
{
	struct end *end = &((struct script *)io)->ends[leg];

	cr_assert(end->used && !end->closed, "send on a leg that is not open");
	cr_assert(end->out_len + len <= WIRE_BYTES);
	memcpy(end->out + end->out_len, bytes, len);
	end->out_len += len;
}

static inline void script_hold(void *io, uint32_t leg, bool held)
{
	((struct script *)io)->ends[leg].held = held;
}

static inline void script_close(void *io, uint32_t leg)
{
	struct end *end = &((struct script *)io)->ends[leg];

	cr_assert(end->used && !end->closed);
	end->closed = true;
}

static inline int script_seal(void *io, const uint8_t *key,
			      const char *password, uint8_t *cipher)
{
	(void)io;
	(void)key;
	memset(cipher, 0, WIRE_LINK_CIPHER_BYTES);
	snprintf((char *)cipher, WIRE_LINK_CIPHER_BYTES, "%s", password);
	return 0;
}

static inline void script_event(void *io, const struct client_event *event)
{
	struct script *s = io;

	cr_assert(s->event_count < EVENTS_MAX);
	s->events[s->event_count++] = *event;
	if (event->kind == CLIENT_DATA) {
		cr_assert(s->data_len + event->data.len <= sizeof(s->data));
		memcpy(s->data + s->data_len, event->data.data,
		       event->data.len);
		s->data_len += event->data.len;
	}
}

static const struct client_io script_io = {
	.connect = script_connect,
	.room = script_room,
	.send = script_send,
	.hold = script_hold,
	.close = script_close,
	.seal = script_seal,
	.event = script_event,
};

static inline void script_init(struct script *s,
			       const struct client_options *options)
{
	memset(s, 0, sizeof(*s));
	cr_assert(arena_init(&s->arena, 4 << 20) == 0);
	cr_assert(chunk_pool_init(&s->pool, &s->arena, 256) == 0);
	s->room = WIRE_BYTES;
	s->main_caps = 0xf;
	client_init(&s->client, &script_io, s, &s->pool, options);
}

/* Everything is given back: no chunk is lost. */
static inline void script_fini(struct script *s)
{
	client_stop(&s->client);
	client_fini(&s->client);
	cr_assert_eq(s->pool.used, 0, "%u chunks are lost", s->pool.used);
	for (uint32_t i = 0; i < CLIENT_LEGS_MAX; i++) {
		free(s->ends[i].out);
		free(s->ends[i].in);
	}
	arena_fini(&s->arena);
}

/* Confirms what the client has closed. */
static inline void script_confirm(struct script *s)
{
	for (uint32_t i = 0; i < CLIENT_LEGS_MAX; i++) {
		if (!s->ends[i].used || !s->ends[i].closed)
			continue;
		s->ends[i].used = false;
		client_closed(&s->client, i, 0, s->now_ns);
	}
}

/* Lets the client read for as long as it wants to. */
static inline void script_pump(struct script *s)
{
	bool moved = true;

	while (moved) {
		moved = false;
		for (uint32_t i = 0; i < CLIENT_LEGS_MAX; i++) {
			struct end *end = &s->ends[i];
			uint32_t used;

			if (!end->used || end->closed || end->held ||
			    end->in_len == 0)
				continue;
			used = client_received(&s->client, i, end->in,
					       end->in_len, s->now_ns);
			cr_assert(used <= end->in_len);
			memmove(end->in, end->in + used, end->in_len - used);
			end->in_len -= used;
			moved |= used > 0;
		}
	}
}

/* Ends a pass: as a driver does, until nothing more is to be done. */
static inline void script_flush(struct script *s)
{
	script_pump(s);
	while (client_flush(&s->client, s->now_ns))
		script_pump(s);
	script_pump(s);
}

static inline enum frame_mode script_mode(const struct script *s)
{
	return s->client.options.full_header || s->server_full ? FRAME_FULL
							       : FRAME_MINI;
}

static inline void script_put_raw(struct script *s, uint32_t leg, uint16_t type,
				  const void *body, uint32_t len)
{
	struct end *end = &s->ends[leg];
	uint8_t header[FRAME_FULL_BYTES];
	uint32_t header_len = frame_emit_header(header, script_mode(s),
						++end->serial, type, len);

	cr_assert(end->used && !end->closed, "leg %u is not open", leg);
	cr_assert(end->in_len + header_len + len <= WIRE_BYTES);
	memcpy(end->in + end->in_len, header, header_len);
	end->in_len += header_len;
	if (len > 0)
		memcpy(end->in + end->in_len, body, len);
	end->in_len += len;
}

/* A server's message, queued at the client's socket; pump delivers it. */
static inline void script_put(struct script *s, uint32_t leg, uint16_t type,
			      const void *from)
{
	const struct wire_message *message =
		wire_find(s->ends[leg].type, false, type);
	static uint8_t body[65536];
	int64_t len = 0;

	cr_assert(message, "type %u is known", type);
	if (message->table)
		len = field_encode(message->table, from, body, sizeof(body));
	cr_assert(len >= 0);
	script_put_raw(s, leg, type, body, (uint32_t)len);
}

/* As above, read at once. */
static inline void script_say(struct script *s, uint32_t leg, uint16_t type,
			      const void *from)
{
	script_put(s, leg, type, from);
	script_pump(s);
}

/* The client's next message on a leg: its type, 0 when there is none. */
static inline uint16_t script_take(struct script *s, uint32_t leg,
				   struct span *body)
{
	struct end *end = &s->ends[leg];
	uint32_t header_len = frame_header_bytes(script_mode(s));
	const uint8_t *at = end->out + end->out_at;
	uint32_t type_at = script_mode(s) == FRAME_FULL ? 8 : 0;
	uint32_t size;
	uint16_t type;

	if (end->out_at == end->out_len)
		return 0;
	cr_assert(end->out_len - end->out_at >= header_len);
	type = (uint16_t)(at[type_at] | at[type_at + 1] << 8);
	size = wire_link_read_word(at + type_at + 2);
	end->in_serial = at[0];
	cr_assert(size <= end->out_len - end->out_at - header_len);
	*body = (struct span){at + header_len, size};
	end->out_at += header_len + size;
	return type;
}

/* The next message must be of that type; with a body unless it is NULL. */
static inline void script_expect(struct script *s, uint32_t leg, uint16_t type,
				 const char *text)
{
	struct span body;
	uint16_t got = script_take(s, leg, &body);

	cr_assert_eq(got, type, "leg %u: %u came, not %u", leg, got, type);
	if (!text)
		return;
	cr_assert_eq(body.len, strlen(text));
	cr_assert_eq(memcmp(body.data, text, body.len), 0);
}

static inline void script_expect_nothing(struct script *s, uint32_t leg)
{
	struct end *end = &s->ends[leg];

	cr_assert_eq(end->out_at, end->out_len, "leg %u: something came", leg);
}

/* Reads the link message; then the connection has a name. */
static inline void script_meet(struct script *s, uint32_t leg)
{
	struct end *end = &s->ends[leg];
	struct wire_link_header header;
	struct wire_link_mess mess;
	struct wire_caps common;
	struct wire_caps own;

	client_connected(&s->client, leg, s->now_ns);
	cr_assert_eq(wire_link_read_header(&header, end->out, 18), 0);
	cr_assert_eq(wire_link_read_mess(&mess, &common, &own, end->out + 16,
					 header.size_bytes),
		     0);
	cr_assert_eq(end->out_len, 16 + header.size_bytes);
	cr_assert_eq(caps_test(common.words, common.count,
			       SPICE_COMMON_CAP_MINI_HEADER),
		     !s->client.options.full_header);
	end->out_at = end->out_len;
	end->type = mess.channel_type;
	end->id = mess.channel_id;
	end->connection_id = mess.connection_id;
}

static inline void script_put_bytes(struct script *s, uint32_t leg,
				    const void *bytes, uint32_t len)
{
	struct end *end = &s->ends[leg];

	memcpy(end->in + end->in_len, bytes, len);
	end->in_len += len;
	script_pump(s);
}

/* The server's part of a link, to its result. */
static inline void script_answer(struct script *s, uint32_t leg,
				 uint32_t result)
{
	struct end *end = &s->ends[leg];
	const uint8_t key[WIRE_LINK_KEY_BYTES] = {1};
	uint8_t out[WIRE_LINK_OUT_MAX];
	struct wire_caps common = {1, {0xb}};
	struct wire_caps own = {1, {0}};
	uint32_t len;

	if (s->server_full)
		common.words[0] = 3;
	if (end->type == SPICE_CHANNEL_MAIN)
		own.words[0] = s->main_caps;
	len = wire_link_write_reply(out, 0, key, &common, &own);
	script_put_bytes(s, leg, out, len);
	len = WIRE_LINK_CIPHER_BYTES;
	if (!s->client.options.no_auth_selection) {
		cr_assert_eq(wire_link_read_word(end->out + end->out_at), 1);
		len += 4;
	}
	cr_assert_eq(end->out_len - end->out_at, len);
	cr_assert_eq(
		strcmp((char *)end->out + end->out_len - WIRE_LINK_CIPHER_BYTES,
		       s->client.options.password),
		0);
	end->out_at = end->out_len;
	wire_link_write_word(out, result);
	script_put_bytes(s, leg, out, 4);
}

/* The newest leg of a channel that is open, or that was only dialled. */
static inline uint32_t script_next(struct script *s, uint8_t type)
{
	for (uint32_t i = 0; i < CLIENT_CHANNELS_MAX; i++) {
		const struct client_channel *channel = &s->client.channels[i];

		if (channel->known && channel->type == type)
			return channel->next;
	}
	cr_assert_fail("no channel of type %u", type);
	return CLIENT_NONE;
}

static inline uint32_t script_leg(struct script *s, uint8_t type)
{
	for (uint32_t i = 0; i < CLIENT_CHANNELS_MAX; i++) {
		const struct client_channel *channel = &s->client.channels[i];

		if (channel->known && channel->type == type)
			return channel->leg;
	}
	return CLIENT_NONE;
}

/* Counts events of a kind, and forgets nothing. */
static inline uint32_t script_count(const struct script *s, uint8_t kind)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < s->event_count; i++)
		count += s->events[i].kind == kind;
	return count;
}

/* The channels of these scripts, main left out. */
static const uint8_t script_types[] = {
	SPICE_CHANNEL_DISPLAY, SPICE_CHANNEL_INPUTS, SPICE_CHANNEL_PORT};
#define SCRIPT_TYPES 3

static inline void script_init_message(struct script *s, uint32_t main)
{
	struct msg_main_init init = {.session_id = SESSION_ID,
				     .supported_mouse_modes = 1,
				     .current_mouse_mode = 1,
				     .agent_tokens = 10};

	script_say(s, main, SPICE_MSG_MAIN_INIT, &init);
}

static inline void script_list(struct script *s, uint32_t main)
{
	const uint8_t list[] = {2, 0, 3, 0, 10, 0};
	struct msg_main_channels_list channels = {{list, sizeof(list)}};

	script_say(s, main, SPICE_MSG_MAIN_CHANNELS_LIST, &channels);
}

/* What a server says first on a fresh channel. */
static inline void script_open(struct script *s, uint8_t type)
{
	uint32_t leg = script_leg(s, type);
	struct msg_inputs_init inputs = {2};
	struct msg_port_init port = {{(const uint8_t *)"org.test", 8}, 1};
	struct msg_display_surface_create surface = {
		0, 64, 32, SPICE_SURFACE_FMT_32_xRGB, 1};

	switch (type) {
	case SPICE_CHANNEL_DISPLAY:
		script_expect(s, leg, SPICE_MSGC_DISPLAY_INIT, NULL);
		script_say(s, leg, SPICE_MSG_DISPLAY_SURFACE_CREATE, &surface);
		break;
	case SPICE_CHANNEL_INPUTS:
		script_expect(s, leg, SPICE_MSGC_INPUTS_KEY_MODIFIERS, NULL);
		script_say(s, leg, SPICE_MSG_INPUTS_INIT, &inputs);
		break;
	default:
		script_say(s, leg, SPICE_MSG_PORT_INIT, &port);
		break;
	}
}

/* A whole session at "s1": main, display, inputs and a port are up. */
static inline void script_start(struct script *s)
{
	uint32_t main;

	cr_assert_eq(client_start(&s->client, "s1", 5900, s->now_ns), 0);
	main = script_leg(s, SPICE_CHANNEL_MAIN);
	script_meet(s, main);
	cr_assert_eq(s->ends[main].connection_id, 0);
	script_answer(s, main, 0);
	script_init_message(s, main);
	script_expect(s, main, SPICE_MSGC_MAIN_ATTACH_CHANNELS, NULL);
	script_list(s, main);
	for (uint32_t i = 0; i < SCRIPT_TYPES; i++) {
		uint32_t leg = script_leg(s, script_types[i]);

		cr_assert_neq(leg, CLIENT_NONE);
		script_meet(s, leg);
		cr_assert_eq(s->ends[leg].connection_id, SESSION_ID);
		script_answer(s, leg, 0);
	}
	for (uint32_t i = 0; i < SCRIPT_TYPES; i++)
		script_open(s, script_types[i]);
}

/* BEGIN, up to the main link at "s2". */
static inline uint32_t script_begin(struct script *s, bool seamless)
{
	uint32_t main = script_leg(s, SPICE_CHANNEL_MAIN);
	struct span host = {(const uint8_t *)"s2", 2};
	struct msg_main_migrate_begin_seamless begin = {
		.port = 5901, .host = host, .version = 7};
	struct msg_main_migrate_begin semi = {.port = 5901, .host = host};
	uint32_t next;

	if (seamless)
		script_say(s, main, SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS,
			   &begin);
	else
		script_say(s, main, SPICE_MSG_MAIN_MIGRATE_BEGIN, &semi);
	next = script_next(s, SPICE_CHANNEL_MAIN);
	cr_assert_neq(next, CLIENT_NONE);
	script_meet(s, next);
	cr_assert_eq(s->ends[next].connection_id, SESSION_ID);
	return next;
}

static inline void script_link_others(struct script *s)
{
	for (uint32_t i = 0; i < SCRIPT_TYPES; i++) {
		uint32_t next = script_next(s, script_types[i]);

		cr_assert_neq(next, CLIENT_NONE);
		script_meet(s, next);
		script_answer(s, next, 0);
	}
}

/* All links at "s2" are up, the client has answered on main at "s1". */
static inline void script_link(struct script *s, bool seamless, bool ack)
{
	uint32_t next = script_begin(s, seamless);
	uint32_t main = script_leg(s, SPICE_CHANNEL_MAIN);

	script_answer(s, next, 0);
	if (seamless && (s->main_caps & 8)) {
		script_expect(s, next, SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS,
			      NULL);
		script_say(s, next,
			   ack ? SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_ACK
			       : SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_NACK,
			   NULL);
	}
	script_link_others(s);
	script_expect(s, main,
		      seamless && ack && (s->main_caps & 8)
			      ? SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS
			      : SPICE_MSGC_MAIN_MIGRATE_CONNECTED,
		      NULL);
}

static inline void script_migrate(struct script *s, uint32_t leg,
				  uint32_t flags)
{
	struct msg_base_migrate migrate = {flags};

	script_say(s, leg, SPICE_MSG_MIGRATE, &migrate);
}

static inline void script_data(struct script *s, uint32_t leg, const char *text)
{
	struct msg_base_migrate_data data = {
		{(const uint8_t *)text, (uint32_t)strlen(text)}};

	script_say(s, leg, SPICE_MSG_MIGRATE_DATA, &data);
}

static inline void script_notify(struct script *s, uint32_t leg)
{
	struct msg_base_notify notify = {.nul = {(const uint8_t *)"", 1}};

	script_say(s, leg, SPICE_MSG_NOTIFY, &notify);
}

static inline void script_ping(struct script *s, uint32_t leg, uint32_t id)
{
	struct msg_base_ping ping = {.id = id};

	script_put(s, leg, SPICE_MSG_PING, &ping);
}

static inline void script_content(const struct script *s)
{
	cr_assert(client_is_content(&s->client), "%s",
		  s->client.violations.first);
}

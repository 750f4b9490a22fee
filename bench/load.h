/* load.h - a light client for experiments: links, frames, epoll, no more. */
#pragma once

#include "channels/client/ticket.h"
#include "channels/wire/frame.h"
#include "channels/wire/link.h"

/*
 * Every experiment drives each server with this same code, so whatever it
 * costs it costs both. It offers mini headers, answers PING and acknowledges
 * as told; one thread. What has ended is told by LOAD_ENDED, its slot is free
 * then.
 */
#define LOAD_HEAD_BYTES 32 /* of a message's body that are kept */
#define LOAD_TX_BYTES   4096

struct load;

struct load_target {
	uint16_t port; /* at 127.0.0.1 */
	bool bare;     /* no link stage: frames at once */
	char password[CLIENT_TICKET_SEED_BYTES * 2];
};

enum load_event_kind {
	LOAD_LINKED,  /* the server's result was OK */
	LOAD_MESSAGE, /* type, and the first bytes of its body */
	LOAD_BYTES,   /* of a port: a piece of the stream */
	LOAD_READ,    /* nothing more has come for now */
	LOAD_ENDED,   /* refused: the link error; else 0 */
};

struct load_event {
	uint8_t kind; /* enum load_event_kind */
	uint16_t type;
	uint32_t refused;
	struct span data; /* lent for the call */
};

enum load_state {
	LOAD_FREE,
	LOAD_CONNECTING,
	LOAD_IN_HEADER,
	LOAD_IN_REPLY,
	LOAD_IN_RESULT,
	LOAD_UP,
};

struct load_conn {
	uint8_t state; /* enum load_state */
	uint8_t type;
	uint8_t id;
	int fd;
	uint32_t session; /* connection_id of the link */
	uint32_t refused;
	const struct load_target *target;
	void *user;
	struct frame_parser parser;
	uint32_t have;
	uint32_t want; /* of the link stage */
	uint32_t tx_len;
	bool tx_waits; /* for EPOLLOUT */
	uint32_t life; /* how often the slot was used */
	uint32_t ack_window;
	uint32_t ack_left; /* messages until the next ACK */
	uint8_t head[LOAD_HEAD_BYTES];
	uint8_t stage[WIRE_LINK_OUT_MAX + 64];
	uint8_t tx[LOAD_TX_BYTES];
};

typedef void load_event_fn(struct load *load, struct load_conn *conn,
			   const struct load_event *event);

struct load {
	int epoll;
	uint32_t max;
	uint32_t open;
	struct load_conn *conns;
	struct load_conn **free;
	load_event_fn *event;
	void *arg;
	struct client_ticket ticket;
	uint64_t seed;
	uint8_t *rx;
};

/* Room for max connections at once. Returns 0 or -errno. */
int load_init(struct load *load, uint32_t max, load_event_fn *event, void *arg);

/* Closes what is open, without events. */
void load_fini(struct load *load);

/* Dials and links a channel; target and user are lent. 0 or -errno. */
int load_link(struct load *load, const struct load_target *target, uint8_t type,
	      uint8_t id, uint32_t session, void *user,
	      struct load_conn **conn);

/* Sends one message. Returns 0, -ENOBUFS (the server does not read) or
 * -errno. */
int load_send(struct load *load, struct load_conn *conn, uint16_t type,
	      const void *body, uint32_t len);

/* As load_send for bytes that are framed already. */
int load_write(struct load *load, struct load_conn *conn, const void *bytes,
	       uint32_t len);

/* Closes a connection: no event follows, its slot is free at once. */
void load_close(struct load *load, struct load_conn *conn);

/* Waits up to timeout_ms and handles what has come. 0 or -errno. */
int load_poll(struct load *load, int timeout_ms);

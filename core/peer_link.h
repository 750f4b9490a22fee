/* peer_link.h - one connection of a shard to another Flushmark. */
#pragma once

#include "core/ops.h"
#include "core/peer_wire.h"
#include "core/region.h"
#include "core/shard.h"

/*
 * Each shard has its own connections, settled at the receiver on the shard
 * asked for, so that what belongs to one guest stays in order on one of them
 * and touches one shard at each end. Both ends prove that they know the
 * cluster's secret. Between two daemons of one host a region is passed at
 * the start, and images go through it.
 *
 *   IDLE -> CONNECTING -> GREETED -> UP     (connector)
 *   accept -> GREETED -> UP                 (acceptor; settles between)
 */
#define PEER_LINKS_MAX 32
#define PEER_RX_BYTES  (PEER_FRAME_BYTES_MAX + PEER_HEADER_BYTES)
#define PEER_LINK_NONE UINT32_MAX
#define PEER_NODE_NONE UINT16_MAX
#define PEER_WHY_BYTES 64 /* "does not answer": said of the peer */

enum peer_link_state {
	PEER_LINK_FREE,
	PEER_LINK_IDLE,
	PEER_LINK_CONNECTING,
	PEER_LINK_GREETED,
	PEER_LINK_UP,
	PEER_LINK_SETTLING,
};

struct peer_link {
	uint8_t state;     /* enum peer_link_state */
	bool connector;    /* we opened it: our moves go out on it */
	bool touched;      /* has bytes to send in this pass */
	bool sending;      /* a send is in flight */
	bool wanted;       /* reconnect when it is lost */
	bool dropped;      /* broke the rules: nothing more is read */
	bool region_asked; /* control maps theirs, or has */
	bool region_ready; /* the other end has mapped our region */
	uint16_t peer;     /* index in the config, UINT16_MAX: accepted */
	uint16_t node;     /* as HELLO says, PEER_NODE_NONE: not yet */
	uint8_t shards;    /* at the other end */
	uint32_t fails;    /* connects in a row that failed */
	uint32_t serial;   /* of this connection: answers of control name it */
	char why[PEER_WHY_BYTES]; /* it ended, or did not come up */
	dp_conn conn;
	uint64_t boot;     /* of the other end's life */
	uint8_t nonce[16]; /* ours */
	uint8_t other_nonce[16];
	struct chunkq tx;
	uint32_t tx_flight_bytes;
	uint32_t rx_len;
	uint8_t *rx; /* PEER_RX_BYTES, from the arena at first use */
	struct host_region memory;
	struct region out; /* ours, that the other end reads */
	struct region in;  /* theirs, mapped here */
};

/* What the peers' user (the move engine) is told. */
struct peer_user {
	void *self;
	void (*frame)(void *self, uint32_t link,
		      const struct peer_header *header, const void *payload);
	void (*up)(void *self, uint32_t link);
	void (*lost)(void *self, uint32_t link);
};

struct peers {
	struct shard *shard;
	struct peer_user user;
	uint32_t shards; /* of this pool: told in HELLO */
	uint32_t serial;
	struct peer_link links[PEER_LINKS_MAX];
};

/* Queues a frame. payload is the struct of its table, NULL if empty. Returns 0,
 * -ENOTCONN or -ENOBUFS. */
int peers_send(struct peers *peers, uint32_t link, uint16_t type, uint64_t move,
	       uint64_t epoch, const void *payload);

/* A link to that node on which frames may go, or PEER_LINK_NONE. */
uint32_t peers_find_up(const struct peers *peers, uint16_t node);

/* Closes a link whose other end broke the rules; lost is called. */
void peers_drop(struct peers *peers, uint32_t link, const char *why);

/* --- for the other files of a peer ------------------------------------- */

uint32_t peer_index(const struct peers *peers, const struct peer_link *link);

/* A fresh record. NULL: too many. */
struct peer_link *peer_take(struct peers *peers);

/* Ends the connection; CLOSED follows. */
void peer_kill(struct peers *peers, struct peer_link *link);

/* Why it ends; what was known first is the cause. */
void peer_note(struct peer_link *link, const char *why);

/* Tells operators of a link that we opened. */
void peer_tell(struct peers *peers, const struct peer_link *link,
	       enum link_change change);

/* As peers_send, before the link is up: for the greeting and regions. */
int peer_send_now(struct peers *peers, struct peer_link *link, uint16_t type,
		  uint64_t move, uint64_t epoch, const void *payload);

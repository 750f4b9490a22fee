/* attacker.h - a machine that says what it likes, in a simulated world. */
#pragma once

#include "channels/client/ticket.h"
#include "core/peer_wire.h"
#include "tests/sim/world.h"

#define ATTACKER_LEGS     4
#define ATTACKER_RX_BYTES 65536
#define ATTACKER_TX_BYTES ((uint32_t)2 << 20)

struct attacker_leg {
	dp_conn conn;
	bool up;
	bool closed; /* or never came up */
	bool sending;
	bool deaf; /* does not read */
	uint32_t rx_len;
	uint32_t tx_len;
	uint8_t rx[ATTACKER_RX_BYTES];
	uint8_t *tx; /* ATTACKER_TX_BYTES */
};

struct attacker {
	struct world *world;
	struct sim_machine *machine;
	struct dp *dp;
	struct client_ticket ticket;
	uint8_t cipher[WIRE_LINK_CIPHER_BYTES]; /* the last one sent */
	uint8_t caps;                           /* common ones it offers */
	uint8_t also;             /* a channel to move beside main, 0: none */
	struct peer_header heard; /* of the frame last heard */
	uint32_t idle_up;         /* connections without a leg */
	uint32_t idle_closed;
	struct attacker_leg legs[ATTACKER_LEGS];
};

void attacker_init(struct attacker *attacker, struct world *world);
void attacker_fini(struct attacker *attacker);

/* Lets the world and the attacker run for so long. */
void attacker_run(struct attacker *attacker, uint64_t ns);

/* Runs until a leg has read so much. False: it was closed, or 20 s went by. */
bool attacker_wait(struct attacker *attacker, uint32_t leg, uint32_t len);

/* Runs until a leg is closed by the other side. False after ns. */
bool attacker_wait_closed(struct attacker *attacker, uint32_t leg, uint64_t ns);

/* Connects a leg, and waits until it is up. */
bool attacker_dial(struct attacker *attacker, uint32_t leg, const char *addr);

/* Whoever connects there is on that leg. */
void attacker_listen(struct attacker *attacker, uint32_t leg, const char *addr);

/* Connects and says nothing. */
void attacker_dial_idle(struct attacker *attacker, const char *addr);

void attacker_send(struct attacker *attacker, uint32_t leg, const void *bytes,
		   uint32_t len);

/* Hangs up. */
void attacker_hang_up(struct attacker *attacker, uint32_t leg);

/* Forgets what a leg has read. */
void attacker_forget(struct attacker *attacker, uint32_t leg);

/* What attacker_link does. */
struct attacker_wish {
	uint32_t daemon;
	uint32_t connection_id;
	uint8_t type;
	uint8_t id;
	const char *password;  /* NULL: that of vm1 */
	const uint8_t *cipher; /* sent as it is, NULL: made */
};

#define ATTACKER_NO_ANSWER UINT32_MAX

/* Dials and goes through the link stage. Returns the server's word. */
uint32_t attacker_link(struct attacker *attacker, uint32_t leg,
		       const struct attacker_wish *wish);

/* A message with the mini header. */
void attacker_say(struct attacker *attacker, uint32_t leg, uint16_t type,
		  const void *body, uint32_t len);

/* Runs until a message of that type was read; its body, or NULL. */
const uint8_t *attacker_hear(struct attacker *attacker, uint32_t leg,
			     uint16_t type, uint32_t *len);

/* A frame of the peers' protocol. payload is the struct of its table. */
void attacker_frame(struct attacker *attacker, uint32_t leg, uint16_t type,
		    uint64_t move, uint64_t epoch, const void *payload);

/* Runs until a frame of that type was read: its payload decoded. */
bool attacker_hear_frame(struct attacker *attacker, uint32_t leg, uint16_t type,
			 void *payload);

/* Greets a daemon's peer door as node 9, with the proof or a wrong one. */
bool attacker_greet(struct attacker *attacker, uint32_t leg, uint32_t daemon,
		    bool right);

/* As the other end, node 2: waits for a daemon to connect to the leg, and
 * greets it. */
bool attacker_be_greeted(struct attacker *attacker, uint32_t leg);

/* True when a daemon's log has that text. */
bool attacker_logged(const struct attacker *attacker, uint32_t daemon,
		     const char *text);

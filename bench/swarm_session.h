/* swarm_session.h - one session of the load: what it does and what it saw. */
#pragma once

#include "bench/swarm_stream.h"
#include "core/ops.h"

/*
 *   WAITING --start--> LINKING --all up--> STREAMING --close--> CLOSING
 *   CLOSING --all accounted for--> DONE
 *
 * and from any of them to DEAD. A move is a time within STREAMING:
 *
 *   STILL --BEGUN--> MOVING --MIGRATED--> SETTLING --all heard--> STILL
 *
 * SETTLING ends when every channel has heard from the destination and what
 * was sent before MIGRATED has come back; what was slow until then was slow
 * because of the move.
 */
enum swarm_state {
	SWARM_WAITING,
	SWARM_LINKING,
	SWARM_STREAMING,
	SWARM_CLOSING,
	SWARM_DONE,
	SWARM_DEAD,
};

enum swarm_move { SWARM_STILL, SWARM_MOVING, SWARM_SETTLING };

/* SETTLING is given up after this: a channel that has nothing to say. */
#define SWARM_SETTLE_NS (3 * NS_PER_S)

#define SWARM_WORDS_BYTES 160

/* The beat that the guest sends: it only comes. */
struct swarm_pulse {
	struct stream_checker checker;
	uint32_t closes;
	uint64_t last_ns;
	struct swarm_recent gap_ns; /* outside of moves */
	uint64_t move_gap_ns;
};

struct swarm_session {
	char guest[NAME_BYTES];
	struct client *client;
	struct swarm_samples *samples;
	uint8_t state;      /* enum swarm_state */
	uint8_t move;       /* enum swarm_move */
	uint8_t mode;       /* enum client_mode of the last move, 0: none */
	bool reported;      /* its words were printed */
	uint32_t moves;     /* ended */
	uint32_t cancelled; /* or failed: the session stayed */
	uint64_t settle_ns; /* MIGRATED came */
	uint64_t settle_from[2]; /* what the streams had sent then */
	uint64_t move_echo_ns;   /* the longest of this move */
	uint64_t motion_due_ns;
	struct swarm_stream echo;
	struct swarm_stream usb;
	struct swarm_pulse pulse;
	char words[SWARM_WORDS_BYTES]; /* the first thing that went wrong */
};

/* What one session counted, the streams of both directions together. */
struct swarm_counts {
	uint64_t in;  /* bytes checked by the guest, of ours */
	uint64_t out; /* bytes checked by us */
	uint64_t lost;
	uint64_t duplicated;
	uint64_t reordered;
	uint64_t crossed;
	uint64_t corrupt;
};

void swarm_session_init(struct swarm_session *session, const char *guest,
			struct swarm_samples *samples);

/* What the client tells. */
void swarm_session_event(struct swarm_session *session,
			 const struct client_event *event, uint64_t now_ns);

/* Sends what is due. True when the client was given something to do. */
bool swarm_session_tick(struct swarm_session *session,
			const struct swarm_pace *pace, uint64_t motion_ns,
			uint64_t now_ns);

/* The closing exchange begins: no more data. */
void swarm_session_close(struct swarm_session *session);

/* The closing exchange has had its time: what is missing hangs. */
void swarm_session_give_up(struct swarm_session *session);

void swarm_session_count(const struct swarm_session *session,
			 struct swarm_counts *counts);

/* True when it lives, or lived until all was accounted for. */
bool swarm_session_is_well(const struct swarm_session *session);

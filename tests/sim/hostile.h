/* hostile.h - one case of bad input: who says what, and how it must end. */
#pragma once

#include "tests/sim/attacker.h"

/*
 * Each case has a world of its own: daemons a and b, a good session of vm0 at
 * a that streams all the time, and the attacker, who knows vm1's ticket, or
 * the cluster's secret, if the case says so. It must do its harm in run and
 * say by hostile_fail what was not as it should be. Then the good session must
 * go on, end well, and leave an empty house.
 */
struct hostile_case {
	const char *name;
	void (*run)(struct attacker *attacker, const struct hostile_case *by);
	uint8_t type; /* of the channel */
	uint8_t state;
	uint32_t want;   /* link error, length or the like */
	const char *log; /* what the daemon's log must say */
	const void *bytes;
	uint32_t len;
};

#define BYTES(...)                               \
	.bytes = (const uint8_t[]){__VA_ARGS__}, \
	.len = sizeof((const uint8_t[]){__VA_ARGS__})

/* A mini header, for BYTES. */
#define MINI(type, size)                                                   \
	(uint8_t)(type), (uint8_t)((type) >> 8), (uint8_t)(size),          \
		(uint8_t)((size) >> 8), (uint8_t)((uint32_t)(size) >> 16), \
		(uint8_t)((uint32_t)(size) >> 24)

void hostile_fail(struct attacker *attacker, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Fails unless the leg was closed within a second. */
void hostile_must_close(struct attacker *attacker, uint32_t leg);

/* Fails unless a counter of all daemons has that value. */
void hostile_must_count(struct attacker *attacker, enum stat_id id,
			uint64_t value);

/* Fails unless the log of a daemon says what the case wants. */
void hostile_must_log(struct attacker *attacker, uint32_t daemon,
		      const struct hostile_case *by);

/* Links main of vm1 on leg 0. Returns the session's id, 0 after a failure. */
uint32_t hostile_main(struct attacker *attacker, uint32_t daemon);

/*
 * Leg 0 is main at the source, leg 1 main at the destination. vm1 has only
 * its main channel linked, which is enough for a seamless move as long as the
 * client never asked for the list of channels.
 */
enum hostile_step {
	AT_BEGIN,  /* BEGIN was read */
	AT_PARKED, /* linked at the destination */
	AT_AGREED, /* DO_SEAMLESS was answered */
	AT_FROZEN, /* CONNECTED_SEAMLESS is said, MIGRATE was read */
	AT_MARKED, /* the mark is said, MIGRATE_DATA was read */
};

/* Fails unless a message of that type comes. */
bool hostile_hears(struct attacker *attacker, uint32_t leg, uint16_t type);

/*
 * Goes along with a move of vm1 from a to b, up to a step; with a channel
 * beside main, attacker->also, on leg 2 at the source and 3 at b.
 */
void hostile_go_along(struct attacker *attacker, enum hostile_step step);

/* On leg 0 to a peer: an offer, epoch 2, of a guest that nobody has, for a
 * client that will not come. */
#define HOSTILE_MOVE ((uint64_t)9 << 54 | 1)
void hostile_offer(struct attacker *attacker, const char *guest, uint64_t move,
		   uint32_t session_id);

/* hostile_*.c: the cases of each reader. */
extern const struct hostile_case hostile_links[];
extern const uint32_t hostile_link_count;
extern const struct hostile_case hostile_channels[];
extern const uint32_t hostile_channel_count;
extern const struct hostile_case hostile_moves[];
extern const uint32_t hostile_move_count;
extern const struct hostile_case hostile_peers[];
extern const uint32_t hostile_peer_count;

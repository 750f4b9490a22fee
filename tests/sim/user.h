/* user.h - a simulated person at a client: types, streams, looks, checks. */
#pragma once

#include "channels/client/drive.h"
#include "channels/guest/stream.h"
#include "core/ops.h"
#include "tests/unit/seeded.h"

struct world;

#define USER_LOG 512

/* What happens on one echoing channel, seen from the client. */
struct user_stream {
	uint8_t type;
	uint32_t key;
	uint64_t sent;      /* position of the next byte */
	uint64_t echoed;    /* bytes that came back, records of ours too */
	uint32_t close_due; /* bytes of CLOSE not queued yet */
	bool closing;
	bool closed; /* the echo of CLOSE has come */
	struct stream_checker echo;
	struct stream_report report;
};

enum user_state {
	USER_AWAY,    /* not started, or gone for good */
	USER_LINKING, /* until every channel is up */
	USER_AT_WORK, /* streams, types, moves the mouse */
	USER_CLOSING, /* the closing exchange */
	USER_DONE,    /* it is over, all counts are in */
	USER_LOST,    /* the session has ended; waits to come again */
	USER_LEAVING, /* stopped: waits for its connections to end */
};

struct user_wish {
	char guest[NAME_BYTES];
	struct client_options options; /* the password is filled in */
	uint64_t think_ns;             /* between two actions, at most */
	uint32_t burst_max_bytes;
	bool lossy;         /* by nature: input may be lost at a move */
	bool listens_badly; /* stops reading a channel now and then */
	bool returns;       /* comes again when it is lost */
	const char *path;   /* of a unix socket to come to, NULL: by TCP */
	uint32_t group;     /* with path: the computer it is on */
};

struct user_entry {
	uint64_t at_ns;
	uint8_t kind; /* enum client_event_kind */
	uint8_t type;
	uint8_t id;
	uint8_t mode;
	uint32_t value;
};

struct user {
	struct world *world;
	uint32_t index;
	struct user_wish wish;
	struct sim_machine *machine;
	struct dp *dp;
	struct drive drive;
	struct client *client;
	uint32_t slot;
	struct seeded random;
	uint8_t state;       /* enum user_state */
	bool again;          /* the driver wants to be flushed once more */
	bool busy;           /* pass again at once */
	bool lossy;          /* a move of this session was not seamless */
	bool picture_due;    /* the picture is compared at the next bar code */
	uint32_t lives;      /* sessions begun */
	uint32_t losses;     /* sessions that ended by themselves */
	uint32_t migrations; /* of all sessions */
	uint32_t pictures;   /* compared, all equal */
	uint64_t next_ns;
	uint64_t deaf_ns; /* a channel is not read until then, 0: all are */
	uint8_t deaf_type;
	uint64_t ends_ns; /* USER_LOST: when to come again */
	struct user_stream port;
	struct user_stream usb;
	struct stream_checker pulse;
	struct stream_report pulse_report;
	uint64_t pulse_last_ns;
	uint64_t pulse_gap_ns; /* the largest so far */
	uint32_t keys;
	int32_t x, y; /* where the guest's mouse must be in the end */
	uint32_t log_count;
	struct user_entry log[USER_LOG];
};

/* A client machine with one client, not started. */
struct user *user_add(struct world *world, const struct user_wish *wish);
void user_fini(struct user *user);

/* Comes to the door of a daemon. */
void user_start(struct user *user, uint32_t daemon);

/* Begins the closing exchange: ends in USER_DONE. */
void user_close(struct user *user);

/* Hangs up. */
void user_leave(struct user *user);

/* Hangs up and comes again. */
void user_lose(struct user *user);

/* As by kill -9; user_restart makes the machine anew. */
void user_crash(struct user *user);
void user_restart(struct user *user);

/* One pass. Returns the work done. */
uint32_t user_pass(struct user *user);

/* Compares all counts after USER_DONE; failures go to the world. */
void user_check(struct user *user);

/* True when the log has these kinds in this order, others between. */
bool user_saw(const struct user *user, const uint8_t *kinds, uint32_t count);

/* How many entries of a kind there are. */
uint32_t user_count(const struct user *user, uint8_t kind);

void user_print_log(const struct user *user);
const char *user_event_name(uint8_t kind);

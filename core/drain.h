/* drain.h - which session moves next, and when: the scheduler of a drain. */
#pragma once

#include "core/hist.h"
#include "core/ops.h"

#include <jansson.h>

/*
 *   LISTING --list is whole--> RUNNING --last move ended--> DONE
 *                    \--cancel, or the peer stays away--> CANCELLING --> DONE
 *
 * Pure: it is told rows, events and the time, and gives orders. At most
 * "parallel" moves are under way; they start at most at "rate" per second,
 * the longest idle first. When the p99 of the pauses passes the target the
 * rate is halved, down to a floor; while they are short it grows again. A
 * session that was busy when listed (its last move is still being finished) is
 * tried again for a while.
 *
 * While no link to the peer is up nothing is started, and after
 * DRAIN_PEER_WAIT_NS the drain gives up. A peer whose links are up but that
 * does not answer is tried with one session at a time, for as long. What had
 * not begun to freeze when the peer went away waits with the others. A drain
 * that is cancelled or gives up does not wait for moves in doubt: nobody knows
 * for how long.
 *
 * A guest that another order moves meanwhile is not waited for: its end there
 * is its end here, "moved" when it went where the drain goes, else "gone".
 *
 * Counts: sessions = moved + failed + remained and moved = seamless +
 * semi_seamless + switch_host. A session that died while it moved is failed,
 * and so is one that was left in doubt; one that was cancelled, that cannot
 * move at all, was never tried or is gone remained. Control thread.
 */
#define DRAIN_PAUSE_TARGET_NS (50 * NS_PER_MS)
#define DRAIN_WINDOW          32 /* pauses between two looks at their p99 */
#define DRAIN_RETRY_NS        (250 * NS_PER_MS)
#define DRAIN_TRIES_MAX       60 /* 15 s: old sockets are kept for 10 s */
#define DRAIN_PEER_WAIT_NS    (15 * NS_PER_S)
#define DRAIN_ITEMS_MAX       ((uint32_t)1 << 20)

struct drain_wish {
	char peer[NAME_BYTES];
	uint8_t mode; /* enum move_mode, the most that is asked for */
	bool force;
	bool dry_run;
	uint32_t parallel;   /* at least 1 */
	uint32_t rate_per_s; /* 0: unlimited */
	uint64_t pause_target_ns;
};

enum drain_state {
	DRAIN_NONE,
	DRAIN_LISTING,
	DRAIN_RUNNING,
	DRAIN_CANCELLING,
	DRAIN_DONE,
};

enum drain_item_state { ITEM_WAITING, ITEM_RETRY, ITEM_STARTED, ITEM_ENDED };

struct drain_item {
	char guest[NAME_BYTES];
	char reason[REASON_BYTES];
	uint64_t idle_ns;
	uint64_t again_ns; /* RETRY: not before */
	uint32_t tries;
	uint8_t shard;
	uint8_t state;      /* enum drain_item_state */
	uint8_t mode;       /* enum move_mode: foreseen, then as it was */
	uint8_t move_state; /* enum move_state, STARTED */
	uint8_t result;     /* enum move_result, ENDED */
	bool busy;          /* its last move may not be finished */
	bool went;          /* has been READY: not tried again */
	bool leaving;       /* another order's move of it has committed */
	bool gone;          /* ENDED: it is here no more, nor at the peer */
	bool skipped;       /* ENDED without a start */
	bool in_doubt;      /* ENDED, and the peer's word is still awaited */
	bool cancel_sent;
};

struct drain_counts {
	uint32_t sessions;
	uint32_t moved;
	uint32_t seamless;
	uint32_t semi_seamless;
	uint32_t switch_host;
	uint32_t failed;
	uint32_t remained;
	uint32_t underway;
	uint32_t in_doubt;
	uint32_t guests_without_session;
};

struct drain {
	struct drain_wish wish;
	uint8_t state; /* enum drain_state */
	bool cancelled;
	bool gave_up;         /* the peer stayed away */
	uint32_t doubts_left; /* of counts.in_doubt: their items have ended */
	/* What the peer does instead of taking guests, "": nothing is known. */
	char stalled[REASON_BYTES];
	bool silent; /* stalled with its links up */
	uint64_t stalled_ns;
	struct drain_item *items;
	uint32_t count;
	uint32_t cap;
	uint32_t next;      /* the first item never tried */
	uint32_t retry_due; /* items in RETRY */
	uint32_t to_cancel; /* cursor of the orders to cancel */
	struct drain_counts counts;
	double rate; /* per second now, 0: unlimited */
	double tokens;
	uint64_t refilled_ns;
	uint32_t rate_halved;
	uint64_t started_ns;
	uint64_t ended_ns;
	uint64_t window_ns; /* when the window began */
	struct hist window; /* pauses since the last look */
	struct hist pause_ns;
	struct hist
		added_ns; /* the source's part of the pause, worst channel */
};

enum drain_order_kind { DRAIN_START, DRAIN_CANCEL };

/* What is to be done next. */
struct drain_order {
	uint8_t kind; /* enum drain_order_kind */
	uint8_t shard;
	uint32_t item;     /* comes back with the events */
	const char *guest; /* the item's */
};

void drain_init(struct drain *drain, const struct drain_wish *wish,
		uint64_t now_ns);
void drain_fini(struct drain *drain);

/* LISTING: a guest, with a session or not. 0, -ENOMEM or -ENOSPC. */
int drain_add(struct drain *drain, const struct op_row *row);

/* LISTING: that was all. A dry run is done at once. */
void drain_begin(struct drain *drain, uint64_t now_ns);

/* The next order. False when there is none now. */
bool drain_next(struct drain *drain, uint64_t now_ns,
		struct drain_order *order);

/* The order could not be given: it comes again. */
void drain_put_back(struct drain *drain, const struct drain_order *order,
		    uint64_t now_ns);

/* What became of an item. */
void drain_event(struct drain *drain, uint32_t item,
		 const struct op_move_event *event, uint64_t now_ns);

/* What became of a move that is not the drain's: it may be of an item. */
void drain_other_event(struct drain *drain, const struct op_move_event *event,
		       uint64_t now_ns);

/* Starts nothing more, cancels what is under way. */
void drain_cancel(struct drain *drain, uint64_t now_ns);

/* No link to the peer is up: why, in words that follow its name. */
void drain_peer_down(struct drain *drain, const char *why, uint64_t now_ns);
void drain_peer_up(struct drain *drain);

/* When drain_next may have an order without an event before; NS_NEVER. */
uint64_t drain_due(const struct drain *drain, uint64_t now_ns);

/* Counts, rate, pauses and estimate as JSON. With rows, the explanations of
 * all that was foreseen (dry run) or did not move. NULL without memory. */
json_t *drain_report(const struct drain *drain, uint64_t now_ns, bool rows);

const char *drain_state_name(const struct drain *drain);

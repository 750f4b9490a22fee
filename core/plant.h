/* plant.h - faults that a test build has on purpose, for checkers to find. */
#pragma once

#include "core/pool.h"

/*
 * X(name, what goes wrong). Chosen by [test] plant; other builds have none of
 * them. Each breaks one rule that the simulation checks. The first four spoil
 * every 64th message of the echo port of [test] plant-guest, as the main
 * demonstration does to see itself find them.
 */
#define PLANTS(X)                                                             \
	X(drop, "half of a message is not sent")                              \
	X(dup, "a message is sent twice")                                     \
	X(reorder, "the halves of a message change places")                   \
	X(cross, "bytes of another stream stand before a message")            \
	X(drop_pending_input, "input of a frozen channel is not sealed")      \
	X(duplicate_pending_input, "input of a frozen channel is kept twice") \
	X(reorder_pending_input, "the latest input is kept in front")         \
	X(cross_streams, "usbredir's bytes come to the port after a move")    \
	X(run_before_commit, "the destination runs what it was streamed")     \
	X(run_after_cancel, "the destination runs what was called off")       \
	X(message_after_migrate, "a PING behind MIGRATE")                     \
	X(forget_ack_restart, "a new ack window is not told")                 \
	X(lose_motion_count, "motions not yet acknowledged are forgotten")    \
	X(leak_chunk, "a chunk is lost with each channel")                    \
	X(leak_session_id, "an id stays known when its session has ended")    \
	X(keep_epoch, "a guest runs on in its old epoch")                     \
	X(undo_without_thaw, "no NOTIFY for channels that were frozen")       \
	X(resend_init, "channels are opened again after a seamless move")     \
	X(commit_not_journaled, "a commit is not written down")               \
	X(skip_serials, "messages are numbered with a gap after a move")      \
	X(keep_slots, "slots of an undone move stay sealed")                  \
	X(forget_report, "nobody is told of a failed move's end")             \
	X(skip_draw, "after a move most of the picture is not drawn")

enum plant {
	PLANT_none,
#define PLANTS_ID(name, what) PLANT_##name,
	PLANTS(PLANTS_ID)
#undef PLANTS_ID
		PLANT_COUNT
};

/* The plant of that name, with '-' or '_'; PLANT_none: there is none. */
enum plant plant_find(const char *name);

/* True for those that spoil the bytes of [test] plant-guest. */
bool plant_spoils(enum plant plant);

/* Its name, NULL for PLANT_none and beyond. */
const char *plant_name(enum plant plant);

/* True in a test build that was told to go wrong in this way. */
static inline bool plant_is(const struct pool *pool, enum plant plant)
{
#ifdef FLUSHMARK_TEST_BUILD
	return UNLIKELY(pool->plant == plant);
#else
	(void)pool, (void)plant;
	return false;
#endif
}
